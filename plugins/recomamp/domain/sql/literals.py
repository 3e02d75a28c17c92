"""SQL for values: every literal is written by the SQL library from a typed value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from sqlglot import exp

from recomamp.domain.sql.dialect import AmcSql
from recomamp.domain.sql.parameter_types import (
    MAX_PARAMETER_CHARS,
    NUMBERS,
    ParameterType,
    Scalar,
    Value,
    write_scalar,
)
from recomamp.domain.sql.parameters import Parameter
from recomamp.domain.sql.placeholders import PLACEHOLDER, Pattern, Placeholder, PlaceholderKind
from recomamp.errors import InvalidDefinition

_ESCAPES = "!^~|#\\"
_WILDCARDS = re.compile("[%_]")
_DIALECT = AmcSql()
LAST_TIME_OF_DAY = "23:59:59.999"  # AMC's timestamps have milliseconds

_SQL_TYPES = {
    ParameterType.STRING: "VARCHAR",
    ParameterType.INTEGER: "INT",
    ParameterType.LONG: "BIGINT",
    ParameterType.DOUBLE: "DOUBLE",
    ParameterType.DECIMAL: "DECIMAL(38, 9)",
    ParameterType.BOOLEAN: "BOOLEAN",
    ParameterType.DATE: "DATE",
    ParameterType.TIMESTAMP: "TIMESTAMP",
}


def is_sent(slot: Placeholder, known: Mapping[str, Parameter]) -> bool:
    """Return whether a slot's value travels as a parameter, not as a literal.

    Literals are: a number in quotes (text); a date that includes its day (see ``ends_day``); text
    that is longer than AMC is said to take; a part of a LIKE pattern with wildcards.
    """
    if slot.kind not in (PlaceholderKind.PARAMETER, PlaceholderKind.PATTERN) or slot.template:
        return False
    parameter = known[slot.names[0]]
    value = parameter.value
    if value is None or isinstance(value, tuple):
        return value is not None
    text = write_scalar(value)
    return not (
        (slot.kind is PlaceholderKind.PATTERN and _special_in(slot).search(text))
        or (slot.is_quoted and parameter.type in NUMBERS)
        or (slot.ends_day and parameter.type is ParameterType.DATE)
        or len(text) > MAX_PARAMETER_CHARS
    )


def render(slot: Placeholder, known: Mapping[str, Parameter], values: Mapping[str, Value]) -> str:
    """Write the SQL of one slot. What is sent as a parameter depends on ``known`` alone."""
    if slot.kind is PlaceholderKind.ESCAPE:
        return _render_escape(slot, known)
    if slot.template:
        return _render_text(slot, known, values)
    name = slot.names[0]
    if is_sent(slot, known):
        return _sql(_custom_parameter(name))
    if slot.kind in (PlaceholderKind.PARAMETER, PlaceholderKind.PATTERN) and values[name] is None:
        return _null(known[name].type, is_array=known[name].is_array)
    if slot.kind is PlaceholderKind.PATTERN:
        return _sql(exp.Literal.string(_pattern_text(slot, known, values[name])))
    if slot.follows:
        return _sql(exp.Literal.string(_typed_text(slot, values[name])))
    return _render_list(slot, known[name].type, values[name])


def _render_list(slot: Placeholder, kind: ParameterType, value: Value) -> str:
    """Write the literals of one value or of all elements of an array."""
    if value is None:  # a NULL without a type is refused as the only row of VALUES
        literals = [_null(kind)]
    else:
        elements = value if isinstance(value, tuple) else (value,)
        literals = [_sql(_element(slot, element)) for element in elements]
    match slot.kind:
        case PlaceholderKind.ROWS:
            return ", ".join(f"({text})" for text in literals)
        case PlaceholderKind.ROW:
            return "), (".join(literals)
    listed = ", ".join(literals)
    return f"({listed})" if slot.wrap else listed


def _element(slot: Placeholder, value: Scalar) -> exp.Expression:
    """Make a literal that stands alone: in quotes a number is text, a bound ends its day."""
    if slot.ends_day and isinstance(value, date) and not isinstance(value, datetime):
        return _cast(f"{write_scalar(value)} {LAST_TIME_OF_DAY}", "TIMESTAMP")
    if slot.is_quoted and isinstance(value, bool | int | float | Decimal):
        return exp.Literal.string(write_scalar(value))
    return literal(value)


def literal(value: Scalar) -> exp.Expression:
    """Make the literal of a typed value."""
    match value:
        case bool():
            return exp.Boolean(this=value)
        case int():
            return _number(value, str(abs(value)))
        case float():
            return _number(value, repr(abs(value)))
        case Decimal():
            return _number(value, format(value.copy_abs(), "f"))
        case datetime():
            return _cast(write_scalar(value).replace("T", " "), "TIMESTAMP")
        case date():
            return _cast(write_scalar(value), "DATE")
        case _:
            return exp.Literal.string(value)


def sample_literal(value: Value) -> Value:
    """Return a harmless value that makes the same SQL save for what its literals say."""
    match value:
        case tuple():
            return tuple(_neutral_scalar(element) for element in value)
        case None:
            return None
        case _:
            return _neutral_scalar(value)


def _neutral_scalar(value: Scalar) -> Scalar:
    match value:
        case str():
            return "_" if _WILDCARDS.search(value) else "x"
        case bool() | date():
            return value
        case float():
            return -1.5 if repr(value).startswith("-") else 1.5
        case Decimal():
            return Decimal("-1.5") if value.is_signed() else Decimal("1.5")
        case _:
            return -1 if value < 0 else 1


def _render_text(
    slot: Placeholder, known: Mapping[str, Parameter], values: Mapping[str, Value]
) -> str:
    """Fill the placeholders inside a string literal."""
    texts = {name: write_scalar(value) for name, value in _scalars(slot.names, values)}
    if slot.kind is PlaceholderKind.PATTERN:
        texts = {name: _pattern_text(slot, known, text) for name, text in texts.items()}
    text = PLACEHOLDER.sub(lambda match: texts[match[1]], slot.template)
    return _sql(exp.Literal.string(text))


def _pattern_text(slot: Placeholder, known: Mapping[str, Parameter], value: Value) -> str:
    """Write a value as a part of a LIKE pattern in which its wildcards count as text."""
    if value is None or isinstance(value, tuple):
        raise TypeError(f"{slot.names[0]} is not a single value")
    escape = _escape_of(slot.pattern, known) if slot.pattern else ""
    special = re.compile(f"[%_{re.escape(escape)}]") if escape else _WILDCARDS
    return special.sub(lambda match: escape + match[0], write_scalar(value))


def _render_escape(slot: Placeholder, known: Mapping[str, Parameter]) -> str:
    """Write the ESCAPE clause of a LIKE pattern, where a value makes it necessary."""
    escape = _escape_of(slot.pattern, known) if slot.pattern else ""
    return f" ESCAPE {_sql(exp.Literal.string(escape))}" if escape else ""


def _special_in(slot: Placeholder) -> re.Pattern[str]:
    """Return what in a value must be escaped in its pattern."""
    escape = slot.pattern.escape if slot.pattern else ""
    return re.compile(f"[%_{re.escape(escape)}]") if escape else _WILDCARDS


def _escape_of(pattern: Pattern, known: Mapping[str, Parameter]) -> str:
    """Return the escape character of a pattern; empty where it needs none."""
    parts, others = (
        tuple(_single_text(known[name].value) for name in names)
        for names in (pattern.parts, pattern.names)
    )
    return pattern.escape or _free_escape(pattern, parts, others)


def _single_text(value: Value) -> str:
    return "" if value is None or isinstance(value, tuple) else write_scalar(value)


@lru_cache(maxsize=64)
def _free_escape(pattern: Pattern, parts: tuple[str, ...], texts: tuple[str, ...]) -> str:
    """Choose an escape character that occurs nowhere in the pattern.

    :param parts: the values whose wildcards count as text.
    :param texts: all values in the pattern.
    :raises InvalidDefinition: when there is none, or a function would change the escapes.
    """
    if not any(map(_WILDCARDS.search, parts)):
        return ""
    whole = pattern.text + "".join(texts)
    for char in _ESCAPES if pattern.carries_escapes else "":
        if char not in whole:
            return char
    cause = f"uses all of {_ESCAPES}" if pattern.carries_escapes else "is changed by a function"
    raise InvalidDefinition(
        f"the pattern at {pattern.place} has wildcards in a value and {cause}; "
        "pass the whole pattern as one parameter"
    )


def _scalars(names: tuple[str, ...], values: Mapping[str, Value]) -> Iterator[tuple[str, Scalar]]:
    for name in names:
        value = values[name]
        if value is None or isinstance(value, tuple):
            raise TypeError(f"{name} is not a single value")
        yield name, value


def _typed_text(slot: Placeholder, value: Value) -> str:
    """Write the string of a typed literal; TIMESTAMP wants a space between day and time."""
    if value is None or isinstance(value, tuple):
        raise TypeError(f"no single value for {slot.follows}")
    text = write_scalar(value)
    if slot.follows != "TIMESTAMP":
        return text
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{text} {LAST_TIME_OF_DAY if slot.ends_day else '00:00:00'}"
    return text.replace("T", " ")


def _custom_parameter(name: str) -> exp.Expression:
    return exp.Anonymous(this="CUSTOM_PARAMETER", expressions=[exp.Literal.string(name)])


def _null(kind: ParameterType, *, is_array: bool = False) -> str:
    return f"CAST(NULL AS {_SQL_TYPES[kind]}{' ARRAY' if is_array else ''})"


def _cast(text: str, kind: str) -> exp.Expression:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build(kind))


def _number(value: float | Decimal, digits: str) -> exp.Expression:
    number = exp.Literal.number(digits)
    return exp.Neg(this=number) if str(value).startswith("-") else number


def _sql(expression: exp.Expression) -> str:
    return expression.sql(dialect=_DIALECT)
