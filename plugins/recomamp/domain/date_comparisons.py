"""Comparisons of a column with a date that would lose rows, if the column is a TIMESTAMP."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from recomamp.domain.values import read_date

_DAY_OF = "day of "  # with a name: a parameter that is a date

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
_ADVICE: dict[type[exp.Expr], str] = {
    exp.EQ: _ONLY_MIDNIGHT,
    exp.NEQ: _ONLY_MIDNIGHT,
    exp.LTE: _LAST_DAY_LOST,
    exp.LT: _LAST_DAY_EXCLUDED,
}
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GTE: exp.LTE,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.LT: exp.GT,
}


def day_of(name: str) -> str:
    """Write what stands in a query for a parameter that is a date."""
    return f"CAST('{_DAY_OF}{name}' AS DATE)"


def lost_by(node: exp.Expr) -> Iterator[tuple[exp.Column, str]]:
    """Yield the column of a comparison with a date that leaves rows out, and what to write."""
    match node:
        case exp.Between():
            column, date = node.this.unnest(), node.args["high"].unnest()
            advice = _LAST_DAY_LOST
        case exp.In():
            column = node.this.unnest()
            date = next((one for one in node.expressions if _is_date(one.unnest())), node)
            advice = _ONLY_MIDNIGHT
        case _:
            column, date = node.this.unnest(), node.expression.unnest()
            operator: type[exp.Expr] = type(node)
            if isinstance(date, exp.Column):
                column, date, operator = date, column, _MIRRORED.get(operator, operator)
            advice = _ADVICE.get(operator, "")
            if operator is exp.LT:
                advice = _LAST_DAY_EXCLUDED if _names_last_day(date) else ""
    if advice and isinstance(column, exp.Column) and _is_date(date):
        yield column, advice


def _is_date(node: exp.Expr) -> bool:
    if isinstance(node, exp.Literal):
        return bool(node.is_string) and read_date(node.this) is not None
    return isinstance(node, exp.CurrentDate) or (
        isinstance(node, exp.Cast) and node.is_type(exp.DataType.Type.DATE)
    )


def _names_last_day(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.this.name == f"{_DAY_OF}end_date"
