"""Finds comparisons of a TIMESTAMP with a date that leave rows out.

Where an expression cannot be followed and ``{{end_date}}`` is in it, the finding is a condition,
because silence would hide the loss of a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from recomamp.domain.sql.date_flow import Flow, Value

if TYPE_CHECKING:
    from recomamp.domain.sql.schema_check import Table

_LAST_DAY_LOST = (
    "a date is its midnight, so the rest of the last day is left out: write < and the next day, "
    "or < {{time_window_end}} for the end of the window"
)
_LAST_DAY_EXCLUDED = (
    "{{end_date}} is the last day of the window and < leaves it out: write < {{time_window_end}}"
)
_ONLY_MIDNIGHT = (
    "a date is its midnight, so the rest of the day is not equal: compare CAST(… AS DATE) instead"
)
_COUNTS_AS_AFTER = (
    "{{end_date}} is its midnight, so the rest of the last day counts as after it: "
    "write >= {{time_window_end}}"
)
_CHECK = (
    "if its time of day is compared with the midnight of {{end_date}} here, the rest of the last "
    "day is left out: check that, or write < {{time_window_end}}"
)

_Operator = type[exp.Expr]
_COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.Between,
    exp.In,
    exp.Case,
)
_MIRRORED: dict[_Operator, _Operator] = {
    exp.GTE: exp.LTE,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.LT: exp.GT,
}
_NEGATED: dict[_Operator, _Operator] = {
    exp.GTE: exp.LT,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.LT: exp.GTE,
}

_CLAUSES = (exp.Where, exp.Having, exp.Qualify, exp.Join, exp.Case, exp.If, exp.Select)


def lost_days(
    scopes: list[Scope], tables: Mapping[str, Table]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the table and column of each comparison that leaves rows out, and what to write.

    What is certain comes first.
    """
    flow, to_check = Flow(scopes, tables), []
    certain: set[tuple[str, str]] = set()  # one finding of a column is enough
    contexts: dict[int, tuple[bool, bool]] = {}
    for scope in scopes:
        for node in scope.find_all(*_COMPARISONS):
            for time, advice in _lost_by(node, scope, flow, contexts):
                if time in certain:
                    continue
                if advice == _CHECK:
                    to_check.append((time, advice))
                else:
                    certain.add(time)
                    yield time, advice
    yield from to_check


def _lost_by(
    node: exp.Expr, scope: Scope, flow: Flow, contexts: dict[int, tuple[bool, bool]]
) -> Iterator[tuple[tuple[str, str], str]]:
    for left, operator, right in _pairs(node):
        one, other = flow.operand(left, scope), flow.operand(right, scope)
        for value in (one, other):
            if value.is_mixed and value.time:
                yield value.time, _CHECK
        mirrored = _MIRRORED.get(operator, operator)
        for time, compared, day in ((one, operator, other), (other, mirrored, one)):
            if time.time and day.day:
                advice = _advice(node, _context(node, contexts), time, compared, day)
                if advice:
                    yield time.time, advice


def _pairs(node: exp.Expr) -> Iterator[tuple[exp.Expr, _Operator, exp.Expr]]:
    match node:
        case exp.Between():
            yield node.this, exp.GTE, node.args["low"]
            yield node.this, exp.LTE, node.args["high"]
        case exp.In():
            among = [*node.expressions, node.args.get("query")]
            yield from ((node.this, exp.EQ, one) for one in among if one)
        case exp.Case():
            yield from ((node.this, exp.EQ, one.this) for one in node.args["ifs"] if node.this)
        case _ if isinstance(node.this, exp.Tuple) and isinstance(node.expression, exp.Tuple):
            for one, other in zip(node.this.expressions, node.expression.expressions, strict=False):
                yield one, type(node), other
        case _:
            yield node.this, type(node), node.expression


def _advice(
    node: exp.Expr, context: tuple[bool, bool], time: Value, operator: _Operator, day: Value
) -> str:
    is_negated, is_filter = context
    if is_negated:
        operator = _NEGATED.get(operator, operator)
    is_equality = operator not in _NEGATED
    if operator is exp.GTE or (day.is_written and not day.is_end):
        return ""
    if operator is exp.GT:
        # A filter with > keeps the day; elsewhere the other rows are meant as well
        is_lost = day.is_end and not (is_filter and not isinstance(node, exp.Between))
        return _COUNTS_AS_AFTER if is_lost and day.is_sure_day and time.is_sure_time else ""
    if not (day.is_sure_day and time.is_sure_time) or (is_equality and not time.is_column):
        return _CHECK if day.is_end else ""
    if operator is exp.LT:
        return _LAST_DAY_EXCLUDED if day.is_end else ""
    return _ONLY_MIDNIGHT if is_equality else _LAST_DAY_LOST


def _context(node: exp.Expr, known: dict[int, tuple[bool, bool]]) -> tuple[bool, bool]:
    """Return whether a condition is negated, and whether it only decides which rows are kept.

    :param known: what was returned before, by the id of each node above a condition.
    """
    passed, above = [], node.parent
    while above is not None and id(above) not in known and not isinstance(above, _CLAUSES):
        passed.append(above)
        above = above.parent
    is_where = isinstance(above, exp.Where) and not _is_denied(above.parent)
    is_filter = is_where or isinstance(above, exp.Having | exp.Qualify | exp.Join)
    context = known.get(id(above), (False, is_filter))
    for one in reversed(passed):
        context = known[id(one)] = (context[0] != _negates(one), context[1])
    return context


def _negates(node: exp.Expr) -> bool:
    match node:
        case exp.Not():
            return True
        case exp.Is() | exp.EQ():
            return _is_boolean(node.expression, "false")
        case exp.NEQ():
            return _is_boolean(node.expression, "true")
    return False


def _is_boolean(node: exp.Expr, text: str) -> bool:
    return isinstance(node, exp.Boolean) and str(node.this).lower() == text


def _is_denied(query: exp.Expr | None) -> bool:
    """Return whether a query is that of a NOT EXISTS or a NOT IN."""
    above = query.parent if query else None
    if isinstance(above, exp.Subquery):
        above = above.parent
    return isinstance(above, exp.Exists | exp.In) and isinstance(above.parent, exp.Not)
