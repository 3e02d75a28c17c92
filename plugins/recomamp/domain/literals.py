"""SQL for values: every literal is written by the SQL library from a typed value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from recomamp.domain.amc_sql import AmcSql
from recomamp.domain.errors import InvalidDefinition
from recomamp.domain.parameters import Parameter
from recomamp.domain.placeholders import PLACEHOLDER, Slot, SlotKind
from recomamp.domain.values import ParameterType, Scalar, Value, write_scalar

_ESCAPES = "!^~|#\\"
_WILDCARDS = re.compile("[%_]")
_DIALECT = AmcSql()

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


def render(slot: Slot, known: Mapping[str, Parameter], values: Mapping[str, Value]) -> str:
    """Write the SQL of one slot."""
    if slot.template:
        return _render_text(slot, values)
    name = slot.names[0]
    value, parameter = values[name], known[name]
    if slot.kind is SlotKind.PARAMETER:
        return _sql(_null(parameter.type) if value is None else _custom_parameter(name))
    if slot.follows:
        return _sql(exp.Literal.string(_typed_text(slot.follows, value)))
    elements = value if isinstance(value, tuple) else (value,)
    literals = [_sql(literal(element)) for element in elements]
    match slot.kind:
        case SlotKind.ROWS:
            return ", ".join(f"({text})" for text in literals)
        case SlotKind.ROW:
            return "), (".join(literals)
    listed = ", ".join(literals)
    return f"({listed})" if slot.wrap else listed


def literal(value: Scalar | None) -> exp.Expression:
    """Make the literal of a typed value."""
    match value:
        case None:
            return exp.Null()
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


def neutral(value: Value) -> Value:
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


def _render_text(slot: Slot, values: Mapping[str, Value]) -> str:
    """Fill the placeholders inside a string literal."""
    texts = {name: write_scalar(value) for name, value in _scalars(slot.names, values)}
    escape = ""
    if slot.kind is SlotKind.PATTERN and any(map(_WILDCARDS.search, texts.values())):
        escape = slot.escape or _free_escape(slot, texts)
    if slot.kind is SlotKind.PATTERN and (special := escape or slot.escape):
        texts = {
            name: re.sub(f"[%_{re.escape(special)}]", lambda match: special + match[0], text)
            for name, text in texts.items()
        }
    text = PLACEHOLDER.sub(lambda match: texts[match[1]], slot.template)
    written = _sql(exp.Literal.string(text))
    if escape and not slot.escape:
        written += f" ESCAPE {_sql(exp.Literal.string(escape))}"
    return written


def _scalars(names: tuple[str, ...], values: Mapping[str, Value]) -> Iterator[tuple[str, Scalar]]:
    for name in names:
        value = values[name]
        if value is None or isinstance(value, tuple):
            raise TypeError(f"{name} is no single value")
        yield name, value


def _free_escape(slot: Slot, texts: Mapping[str, str]) -> str:
    """Choose an escape character that occurs nowhere in the pattern."""
    whole = slot.template + "".join(texts.values())
    for char in _ESCAPES:
        if char not in whole:
            return char
    raise InvalidDefinition(
        f"the pattern at {slot.place} has wildcards in a value and uses all of {_ESCAPES}; "
        "pass the whole pattern as one parameter"
    )


def _typed_text(word: str, value: Value) -> str:
    """Write the string of a typed literal; TIMESTAMP wants a space between day and time."""
    if value is None or isinstance(value, tuple):
        raise TypeError(f"no single value for {word}")
    text = write_scalar(value)
    if word != "TIMESTAMP":
        return text
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    return f"{text} 00:00:00" if is_day else text.replace("T", " ")


def _custom_parameter(name: str) -> exp.Expression:
    return exp.Anonymous(this="CUSTOM_PARAMETER", expressions=[exp.Literal.string(name)])


def _null(kind: ParameterType) -> exp.Expression:
    return exp.Cast(this=exp.Null(), to=exp.DataType.build(_SQL_TYPES[kind]))


def _cast(text: str, kind: str) -> exp.Expression:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build(kind))


def _number(value: float | Decimal, digits: str) -> exp.Expression:
    number = exp.Literal.number(digits)
    return exp.Neg(this=number) if str(value).startswith("-") else number


def _sql(expression: exp.Expression) -> str:
    return expression.sql(dialect=_DIALECT)
