"""Follows days and times of day through the expressions of a query.

A date is its midnight. So each expression is asked two things, through functions, aliases, CTEs and
sub-queries: may it be the midnight of a day, and may it have the time of day of a TIMESTAMP column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from recomamp.domain.sql.parameter_types import read_date

if TYPE_CHECKING:
    from recomamp.domain.sql.schema_check import Table

_DAY_OF = "day of "  # with a name: replaces a parameter that is a date
_END_DATE = f"{_DAY_OF}end_date"
_ANY_DATE = "any date"  # made by CAST(… AS DATE) of something that is not known
_DAY_AND_TIME = re.compile(
    rf"(?P<day>{_DAY_OF}\w+|\d{{4}}-\d\d-\d\d)(?P<time>[ T]\d.*)?", re.DOTALL
)
_ZEROS = re.compile(r"[ T]00(:00(:00(\.0+)?)?)?Z?")
_SECONDS = {"HOUR": 3600, "MINUTE": 60, "SECOND": 1, "MILLISECOND": 0, "MICROSECOND": 0}
_PARTS_OF_DAY = frozenset(
    [*_SECONDS, *(f"SQL_TSI_{unit}" for unit in _SECONDS), "NANOSECOND", "HH", "MI", "SS"]
)
_LONG_UNITS = frozenset(["WEEK", "MONTH", "QUARTER", "YEAR"])
_MAX_MOVE_SECONDS = 23 * 3600  # what is moved further may have been moved by a day
_DATE_CHARS = 10

_SAME = (exp.Paren, exp.Alias, exp.Any, exp.All, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)
_ONE_OF_ITS_ROWS = (
    *(exp.Window, exp.Max, exp.Min, exp.AnyValue, exp.Lag, exp.Lead, exp.FirstValue),
    *(exp.LastValue, exp.NthValue, exp.Nullif, exp.Timestamp),
)
_TRUTHS = (exp.Predicate, exp.Connector, exp.Not, exp.Interval, exp.DataType, exp.Null, exp.Boolean)
# Functions by name: whose result is another day; whose result has no time of day
_MOVING = re.compile(r"ADD|SUB$|LAST_DAY|NEXT_DAY|CEIL")
_DAYS = re.compile(
    r"^(TO_|FROM_ISO8601_|STR_TO_|TS_OR_DS_TO_)?(DATE|DAY|WEEK|MONTH|QUARTER|YEAR)(_|$|OF)"
    r"|FORMAT|TO_CHAR|TIME_TO_STR|SUBSTR|LEFT|EXTRACT|_PART|COUNT|LENGTH"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """What an expression may be: the midnight of a day, a time of a TIMESTAMP column, or both."""

    day: str = ""  # a fixed date, or the stand-in of a parameter
    is_sure_day: bool = False  # it is nothing else, save NULL
    is_written: bool = False  # the text says 00:00:00, so midnight may be what is meant
    time: tuple[str, str] | None = None  # the table and column of a TIMESTAMP
    is_sure_time: bool = False
    is_column: bool = False  # it is the column itself
    is_mixed: bool = False  # a function of both, such as the seconds between them

    @property
    def is_end(self) -> bool:
        """Whether the day is the last day of the window."""
        return self.day == _END_DATE


_UNKNOWN = Value()


def day_of(name: str) -> str:
    """Return the SQL that replaces a parameter that is a date, while a query is checked."""
    return f"CAST('{day_text_of(name)}' AS DATE)"


def day_text_of(name: str) -> str:
    """Return what replaces such a parameter in a text."""
    return f"{_DAY_OF}{name}"


def _join(values: Iterable[Value]) -> Value:
    """Return what is one of these values."""
    return reduce(_either, values, None) or _UNKNOWN


def _either(one: Value | None, other: Value) -> Value:
    if one is None:
        return other
    day = other if other.is_end or not one.day else one
    time = one if one.time else other
    return Value(
        day=day.day,
        is_sure_day=one.is_sure_day and other.is_sure_day,
        is_written=day.is_written,
        time=time.time,
        is_sure_time=time.is_sure_time,
        is_mixed=one.is_mixed or other.is_mixed,
    )


def _uncertain(value: Value) -> Value:
    return replace(
        value,
        day=value.day if value.is_end else "",
        is_sure_day=False,
        is_sure_time=False,
        is_column=False,
    )


def _without_time(value: Value) -> Value:
    return replace(value, time=None, is_written=False, is_column=False)


def _text(node: exp.Expr) -> str | None:
    """Return the text of literals that are put together; None where something else is there."""
    match node:
        case exp.Literal() if node.is_string:
            return str(node.this)
        case exp.Paren() | exp.Cast():
            return _text(node.this)
        case exp.DPipe():
            parts = [_text(node.this), _text(node.expression)]
        case exp.Concat():
            parts = [_text(part) for part in node.expressions]
        case _:
            return None
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def _value_of_text(text: str) -> Value:
    found = _DAY_AND_TIME.fullmatch(text.strip())
    if found is None or not (found["time"] is None or _ZEROS.fullmatch(found["time"])):
        return _UNKNOWN
    if not text.startswith(_DAY_OF) and read_date(found["day"]) is None:
        return _UNKNOWN
    return Value(day=found["day"], is_sure_day=True, is_written=found["time"] is not None)


class Flow:
    """Follows values through the scopes of one query."""

    def __init__(self, scopes: list[Scope], tables: Mapping[str, Table]) -> None:
        self._scopes = {id(scope.expression): scope for scope in scopes}
        self._tables = tables
        self._outputs: dict[tuple[int, str, int | None], Value | None] = {}
        self._aliases: dict[int, Value] = {}  # by the id of the expression

    def operand(self, node: exp.Expr, scope: Scope) -> Value:
        """Return what an operand of a comparison may be; too deep a one may be the last day."""
        try:
            return self.value(node, scope)
        except RecursionError:
            self._outputs.clear()  # some are not complete
            self._aliases.clear()
            return Value(day=_END_DATE)

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """Return what an expression of a scope may be."""
        if (text := _text(node)) is not None and not isinstance(node, exp.Cast):
            return _value_of_text(text)
        if isinstance(node, _SAME):
            return self.value(node.this, scope)
        if isinstance(node, _TRUTHS):
            return _UNKNOWN
        if isinstance(node, _ONE_OF_ITS_ROWS):
            return replace(self.value(node.this, scope), is_column=False)
        return self._made(node, scope)

    def _made(self, node: exp.Expr, scope: Scope) -> Value:
        match node:
            case exp.Column():
                return self._column(node, scope)
            case exp.CurrentDate():
                return Value(day="current_date", is_sure_day=True)
            case exp.Date() | exp.Cast():
                return self._cast(node, scope)
            case exp.Subquery() | exp.Query() | exp.Values():
                return self._output(node.unnest(), "", 0) or _UNKNOWN
            case exp.Coalesce() | exp.Greatest() | exp.Least() | exp.Case() | exp.If():
                return self._choice(node, scope)
        return self._function(node, scope)

    def _choice(self, node: exp.Expr, scope: Scope) -> Value:
        """Return what one of several results may be."""
        if isinstance(node, exp.Case | exp.If):
            results = [one.args["true"] for one in node.args.get("ifs") or [node]]
            results.append(node.args.get("default") or node.args.get("false") or exp.Null())
        else:
            results = [node.this, *node.expressions]
        values = [self.value(one, scope) for one in results if not isinstance(one, exp.Null)]
        is_first = isinstance(node, exp.Coalesce) and values and values[0].is_sure_day
        return values[0] if is_first else replace(_join(values), is_column=False)

    def _cast(self, node: exp.Date | exp.Cast, scope: Scope) -> Value:
        if isinstance(node, exp.Date) or node.is_type("date"):
            return self._date(node.this, scope)
        value, kind = replace(self.value(node.this, scope), is_column=False), node.to
        if kind.is_type(*exp.DataType.TEXT_TYPES):
            size = kind.expressions[0].name if kind.expressions else ""
            is_short = size.isdecimal() and int(size) <= _DATE_CHARS
            return _without_time(value) if is_short else value
        is_time = kind.is_type(*exp.DataType.TEMPORAL_TYPES) and not kind.is_type("time", "timetz")
        return value if is_time else _UNKNOWN

    def _date(self, node: exp.Expr, scope: Scope) -> Value:
        """Return what the date of an expression may be."""
        while isinstance(node, exp.Cast | exp.Paren):
            node = node.this
        text = (_text(node) or "").strip()
        if text.lower() == "today":
            return Value(day="current_date", is_sure_day=True)
        if found := _DAY_AND_TIME.fullmatch(text):
            return Value(day=found["day"], is_sure_day=True)
        value = _without_time(self.value(node, scope))
        is_parameter = node.name.upper() == "CUSTOM_PARAMETER"
        if is_parameter and node.expressions[0].name == "time_window_end":
            return _UNKNOWN  # the midnight at which the window ends
        is_plain = is_parameter or isinstance(node, exp.Column | exp.CurrentTimestamp)
        return value if value.day or not is_plain else Value(day=_ANY_DATE, is_sure_day=True)

    def _function(self, node: exp.Expr, scope: Scope) -> Value:
        """Return what any other expression may be: seldom certain."""
        parts = list(node.iter_expressions())
        values = [one for one in (self.value(part, scope) for part in parts) if one != _UNKNOWN]
        value, words = _join(values), {part.name.upper() for part in parts}
        is_arithmetic = isinstance(node, exp.Add | exp.Sub)
        name = _function_name(node)
        if isinstance(node, exp.DateTrunc | exp.TimestampTrunc | exp.Trunc | exp.Floor):
            return _truncated(value, words)
        if "DIFF" in name or (is_arithmetic and len(values) > 1):
            is_exact = is_arithmetic or bool(words & _PARTS_OF_DAY)
            is_mixed = is_exact and value.is_end and value.time is not None
            return Value(time=value.time, is_mixed=True) if is_mixed else _UNKNOWN
        if is_arithmetic and not _is_short(node.expression):
            return _UNKNOWN
        if is_arithmetic or isinstance(node, exp.AtTimeZone | exp.ConvertTimezone):
            return replace(_uncertain(value), is_sure_time=value.is_sure_time)
        if _MOVING.search(name):
            return _UNKNOWN
        is_day = _DAYS.search(name) is not None and not any(map(_keeps_time, words))
        return _without_time(_uncertain(value)) if is_day else _uncertain(value)

    def _column(self, column: exp.Column, scope: Scope) -> Value:
        alias = None if column.table else _alias_of(column, scope)
        clause = column.find_ancestor(exp.Where, exp.Join, exp.Having, exp.Qualify, exp.Select)
        if alias and isinstance(clause, exp.Having | exp.Qualify):
            return self._alias(alias, scope)
        level: Scope | None = scope
        while level is not None:
            found = self._in_sources(level, column.name, column.table)
            if found is not None:
                return found
            level = level.parent if level.can_be_correlated else None
        return self._alias(alias, scope) if alias else _UNKNOWN

    def _alias(self, alias: exp.Alias, scope: Scope) -> Value:
        """Return what an alias may be. Where each names the one before twice, work would double."""
        if id(alias) not in self._aliases:
            self._aliases[id(alias)] = self.value(alias, scope)
        return self._aliases[id(alias)]

    def _in_sources(self, scope: Scope, name: str, qualifier: str) -> Value | None:
        """Return what a column of the sources of a scope may be; None where it is none of them."""
        sources = scope.selected_sources
        if qualifier:
            if qualifier not in sources:
                return None
            return self._in_source(*sources[qualifier], name)
        values = [self._in_source(node, source, name) for node, source in sources.values()]
        found = [value for value in values if value is not None]
        is_open = any(self._is_unknown(source) for _, source in sources.values())
        if len(found) == 1 and not is_open:
            return found[0]
        if not found:
            return _UNKNOWN if is_open else None
        return replace(_join(found), is_sure_time=False, is_column=False)

    def _in_source(self, node: exp.Expr, source: exp.Expr | Scope, name: str) -> Value | None:
        if isinstance(source, Scope):
            columns = node.alias_column_names or source.outer_columns
            if not columns:
                return self._output(source.expression, name, None)
            return (
                self._output(source.expression, "", columns.index(name))
                if (name in columns)
                else None
            )
        table = None if self._is_unknown(source) else self._tables[source.name]
        if table is None or name not in table.columns:
            return None
        if name not in table.timestamps:
            return _UNKNOWN
        return Value(time=(source.name, name), is_sure_time=True, is_column=True)

    def _is_unknown(self, source: exp.Expr | Scope) -> bool:
        if isinstance(source, Scope):
            return False
        table = self._tables.get(source.name)
        return bool(source.args.get("db")) or table is None or not table.is_offered

    def _output(self, query: exp.Expr, name: str, index: int | None) -> Value | None:
        """Return what a column of a query's result may be, by its name or from the left."""
        key = (id(query), name, index)
        if key not in self._outputs:
            self._outputs[key] = _UNKNOWN  # a recursive CTE
            value = self._output_once(query.unnest(), name, index)
            if value and value.day == _ANY_DATE:
                value = _UNKNOWN
            self._outputs[key] = value
        return self._outputs[key]

    def _output_once(self, query: exp.Expr, name: str, index: int | None) -> Value | None:
        match query:
            case exp.SetOperation():
                names = [one.alias_or_name for one in query.selects]
                if index is None and name in names and not query.is_star:
                    name, index = "", names.index(name)
                sides = [self._output(one, name, index) for one in (query.left, query.right)]
                return _join(side for side in sides if side) if any(sides) else None
            case exp.Select():
                return self._projection(query, name, index)
            case exp.Values() if index is not None:
                rows = [
                    row.expressions if isinstance(row, exp.Tuple) else [row]
                    for row in query.expressions
                ]
                scope = self._scopes.get(id(query))
                if scope is None or any(len(row) <= index for row in rows):
                    return _UNKNOWN
                return _join(self.value(row[index], scope) for row in rows)
            case exp.Lateral():
                return self._output(query.this, name, index)
        is_end = any(_END_DATE in one.name for one in query.find_all(exp.Literal))
        return Value(day=_END_DATE) if is_end else _UNKNOWN

    def _projection(self, select: exp.Select, name: str, index: int | None) -> Value | None:
        scope = self._scopes.get(id(select))
        if scope is None:
            return _UNKNOWN
        stars = [one for one in select.selects if one.is_star and not isinstance(one, exp.Count)]
        if index is not None and not stars:
            return self.value(select.selects[index], scope) if index < len(select.selects) else None
        for one in select.selects:
            if index is None and one not in stars and one.alias_or_name == name:
                return self.value(one, scope)
        sources = list(scope.selected_sources.values())
        if index is not None:
            is_whole = len(select.selects) == len(sources) == 1
            source = sources[0][1] if is_whole else None
            return (
                self._output(source.expression, "", index)
                if isinstance(source, Scope)
                else _UNKNOWN
            )
        for star in stars:
            found = self._in_sources(
                scope, name, star.table if isinstance(star, exp.Column) else ""
            )
            if found is not None:
                return found
        return None


def _alias_of(column: exp.Column, scope: Scope) -> exp.Alias | None:
    """Return the expression of the same SELECT that has the column's name and is not around it."""
    for one in scope.expression.selects if isinstance(scope.expression, exp.Select) else []:
        if isinstance(one, exp.Alias) and one.alias == column.name:
            inner = one.this.find_all(exp.Column)
            return None if any(other.name == column.name for other in inner) else one
    return None


def _is_short(node: exp.Expr) -> bool:
    """Return whether an INTERVAL is surely shorter than a day."""
    unit = _SECONDS.get(node.text("unit").upper()) if isinstance(node, exp.Interval) else None
    amount = node.this.name if unit is not None and node.this else ""
    is_number = re.fullmatch(r"-?\d{1,9}", amount) is not None
    return is_number and abs(int(amount)) * (unit or 0) < _MAX_MOVE_SECONDS


def _keeps_time(word: str) -> bool:
    """Return whether a format has hours, or a part of a text is longer than a date."""
    return re.search("HH|%[HT]", word) is not None or (word.isdecimal() and int(word) > _DATE_CHARS)


def _function_name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    return node.sql_name() if isinstance(node, exp.Func) else ""


def _truncated(value: Value, words: set[str]) -> Value:
    """Return what a time may be that is cut to one of these units."""
    if words & _PARTS_OF_DAY:
        return replace(value, is_column=False)
    return _UNKNOWN if words & _LONG_UNITS else _without_time(value)
