"""Facts about a column of a query: its sensitivity, and what it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from amc_emulator.engine.catalogue import TableColumn, Threshold
from amc_emulator.engine.position import error_at

FACTS = "facts"
RANKINGS = (exp.RowNumber, exp.Rank, exp.DenseRank)
COMPARISONS = (exp.Binary, exp.In, exp.Between)
ORDINARY_BINARY = (exp.Connector, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Is, exp.Dot)
COUNTS = (exp.Count, exp.ApproxDistinct)
LOOKUPS = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In, exp.Exists, exp.ArrayContains)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Facts about a column.

    `floating` means floating-point values went in, `ratio` means a division took part.
    """

    threshold: Threshold = Threshold.NONE
    metric: bool = False
    floating: bool = False
    ratio: bool = False

    @classmethod
    def of(cls, column: TableColumn) -> Facts:
        """Return the facts of a documented column."""
        return cls(
            threshold=column.threshold,
            metric=column.role == "METRIC",
            floating=column.data_type in {"DOUBLE", "FLOAT"},
        )


def combine(all_facts: Iterable[Facts]) -> Facts:
    """Return the facts of something derived from all these: the strictest class wins."""
    known = list(all_facts)
    return Facts(
        threshold=max((f.threshold for f in known), default=Threshold.NONE),
        metric=any(f.metric for f in known),
        floating=any(f.floating for f in known),
        ratio=any(f.ratio for f in known),
    )


def facts_of(node: exp.Expr) -> Facts:
    """Return the facts of an expression with resolved columns."""
    if FACTS in node.meta:
        known: Facts = node.meta[FACTS]
        return known
    if isinstance(node, exp.Window):
        return _window_facts(node)
    if isinstance(node, exp.AggFunc):
        return _aggregate_facts(node)
    if isinstance(node, exp.Is):
        # IS NULL reveals less than the value itself. Official samples show
        # `CASE WHEN a.user_id IS NOT NULL …` in outputs.
        return _at_most_low(combine(facts_of(child) for child in node.iter_expressions()))
    if isinstance(node, LOOKUPS):
        return combine(_compared(facts_of(child)) for child in node.iter_expressions())
    if isinstance(node, exp.Case) and node.this is not None:
        return _simple_case_facts(node)
    inputs = combine(facts_of(child) for child in node.iter_expressions())
    if isinstance(node, exp.Div):
        return replace(inputs, ratio=True)
    return inputs


def _simple_case_facts(node: exp.Case) -> Facts:
    """Return the facts of `CASE a WHEN b THEN …`, which compares a with each b."""
    compared = [node.this, *(branch.this for branch in node.args["ifs"])]
    results = [branch.args["true"] for branch in node.args["ifs"]]
    default = [node.args["default"]] if node.args.get("default") else []
    return combine(
        [*(_compared(facts_of(one)) for one in compared), *map(facts_of, (*results, *default))]
    )


def _compared(facts: Facts) -> Facts:
    """Return the facts that remain of an operand of a comparison.

    That an identifier equals another, or is among others, shows none of its characters.
    """
    return facts if facts.threshold.may_be_shown else _at_most_low(facts)


def _window_facts(node: exp.Window) -> Facts:
    if isinstance(node.this, RANKINGS):
        return Facts()  # a rank shows none of the values it was made from
    function = node.this.this if isinstance(node.this, exp.IgnoreNulls) else node.this
    inputs = combine(facts_of(child) for child in function.iter_expressions())
    return _at_most_low(inputs) if isinstance(function, COUNTS) else inputs


def _aggregate_facts(node: exp.AggFunc) -> Facts:
    inputs = combine(facts_of(child) for child in node.iter_expressions())
    if isinstance(node, COUNTS):
        distinct = isinstance(node.this, exp.Distinct) or isinstance(node, exp.ApproxDistinct)
        counted = _at_most_low(inputs)
        return replace(counted, metric=not distinct, floating=False, ratio=False)
    if isinstance(node, (exp.Sum, exp.Avg)):
        return replace(inputs, metric=True)
    return inputs


def _at_most_low(facts: Facts) -> Facts:
    return replace(facts, threshold=min(facts.threshold, Threshold.LOW))


def own_nodes(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes of an expression without entering its subqueries, which are yielded whole."""
    return node.walk(prune=lambda inner: isinstance(inner, exp.Query) and inner is not node)


def has_aggregate(node: exp.Expr) -> bool:
    """Return whether the expression contains an aggregate. A window function is none."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.Window):
        inside = list(node.this.iter_expressions())
        around = [c for c in node.iter_expressions() if c is not node.this]
        return any(has_aggregate(child) for child in (*inside, *around))
    return isinstance(node, exp.AggFunc) or any(map(has_aggregate, node.iter_expressions()))


def refuse_literal_filters(node: exp.Expr) -> None:
    """Reject a comparison of a HIGH (or stricter) column with a literal.

    :raises QueryRejected: there is one.
    """
    for comparison in own_nodes(node):
        if not isinstance(comparison, COMPARISONS) or isinstance(comparison, ORDINARY_BINARY):
            continue
        sides = list(comparison.iter_expressions())
        sensitive = [s for s in sides if not facts_of(s).threshold.may_be_compared]
        if sensitive and any(_is_literal(side) for side in sides):
            threshold = facts_of(sensitive[0]).threshold.name
            column = sensitive[0].find(exp.Column)
            name = column.name if column is not None else "?"
            raise error_at(
                sensitive[0],
                f"Column '{name}' has the aggregation threshold {threshold}"
                " and cannot be compared with a literal",
            )


def _is_literal(node: exp.Expr) -> bool:
    return node.find(exp.Literal) is not None and node.find(exp.Column) is None
