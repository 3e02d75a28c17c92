"""AMC's functions, translated to DuckDB. A function that AMC does not have is rejected.

`functions.txt` names AMC's functions. Those that `sql/macros.sql` defines need no rule here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlglot import exp

from amc_emulator.engine.position import error_at

ALLOWED = frozenset(
    name
    for line in Path(__file__).with_name("functions.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for name in line.split()
)
MOMENTS = {"now": exp.CurrentTimestamp, "today": exp.CurrentDate}
LITERAL_MOMENTS = {"DATE": "today", "TIMESTAMP": "now"}


def translate_functions(tree: exp.Query) -> exp.Query:
    """Return a parsed query with its functions rewritten for DuckDB.

    :raises QueryRejected: a function is unknown or has wrong arguments.
    """
    for function in list(tree.find_all(exp.Func)):
        _refuse_unknown(function)
    for node in reversed(list(tree.dfs())):  # children first
        translated = _checked(node)
        if translated is not node:
            node.replace(translated)
    return tree


def _refuse_unknown(node: exp.Func) -> None:
    anonymous = isinstance(node, exp.Anonymous)
    names = [node.name.upper()] if anonymous else node.sql_names()
    if not ALLOWED.intersection(names):
        raise error_at(node, _unknown(names[0]))


def _unknown(name: str) -> str:
    return f"No match found for function signature {name}"


def _checked(node: exp.Expr) -> exp.Expr:
    try:
        return _translate(node)
    except (IndexError, ValueError) as err:  # a rule looked for an argument that is not there
        text = f"Invalid number of arguments to function '{node.name.upper()}'"
        raise error_at(node, text) from err


def _translate(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        by_name = ANONYMOUS.get(node.name.upper())
        return by_name(node) if by_name else node
    by_type = TYPED.get(type(node))
    return by_type(node) if by_type else node


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _cast(node: exp.Expr) -> exp.Expr:
    word = node.this.this.lower() if node.this.is_string else ""
    if word in MOMENTS:
        return exp.cast(MOMENTS[word](), node.args["to"])
    return node


def _similar(node: exp.Expr) -> exp.Expr:
    return _call("similar_anywhere", node.this, node.expression)


def _regexp_replace(node: exp.Expr) -> exp.Expr:
    node.set("modifiers", exp.Literal.string("g"))
    return node


def _null_if_any_is_null(node: exp.Expr) -> exp.Expr:
    arguments = [node.this, *node.expressions]
    missing = exp.or_(*(argument.copy().is_(exp.null()) for argument in arguments))
    return exp.Case(ifs=[exp.If(this=missing, true=exp.null())], default=node.copy())


def _day_of_week(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Add(this=node.copy(), expression=exp.Literal.number(1)))


def _collect(node: exp.Anonymous) -> exp.Expr:
    argument = node.expressions[0]
    subject = argument.expressions[0] if isinstance(argument, exp.Distinct) else argument
    if not isinstance(subject.unnest(), (exp.Column, exp.Struct)):
        raise error_at(node, "COLLECT takes a column, not an expression.")
    collected = exp.ArrayAgg(this=argument)
    # AMC promises no order. Sorting makes the rows of a query repeatable.
    return collected if isinstance(node.parent, exp.Window) else _call("list_sort", collected)


def _percentile(node: exp.Anonymous) -> exp.Expr:
    return exp.Quantile(this=node.expressions[0], quantile=node.expressions[1])


def _named_row(node: exp.Anonymous) -> exp.Expr:
    labels, values = node.expressions[::2], node.expressions[1::2]
    pairs = zip(labels, values, strict=True)
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(label.name, quoted=True), expression=value)
            for label, value in pairs
        ]
    )


def _contained_in(node: exp.Anonymous) -> exp.Expr:
    return exp.paren(exp.In(this=node.expressions[0], expressions=node.expressions[1:]))


def _renamed(name: str) -> Callable[[exp.Anonymous], exp.Expr]:
    return lambda node: _call(name, *node.expressions)


TYPED: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Cast: _cast,
    exp.Format: lambda node: _call("printf", node.this, *node.expressions),
    exp.JSONExtract: lambda node: exp.JSONExtractScalar(**node.args),
    exp.RegexpSubstr: lambda node: _call("regexp_extract", node.this, node.expression),
    exp.SimilarTo: _similar,
    exp.Uuid: lambda node: exp.cast(node.copy(), "VARCHAR"),
    exp.RegexpReplace: _regexp_replace,
    exp.Greatest: _null_if_any_is_null,
    exp.Least: _null_if_any_is_null,
    exp.DayOfWeek: _day_of_week,
}
ANONYMOUS: dict[str, Callable[[exp.Anonymous], exp.Expr]] = {
    "COLLECT": _collect,
    "PERCENTILE": _percentile,
    "NAMED_ROW": _named_row,
    "CONTAINED_IN": _contained_in,
    "CARDINALITY": _renamed("len"),
    "REGEXP_SPLIT": _renamed("string_split_regex"),
    "APPROX_PERCENTILE": _percentile,
}
