"""Binds the parameters of a query: as AMC parameters where AMC takes them, else as literals.

    {{name}}, CUSTOM_PARAMETER('name')                where a value stands: CUSTOM_PARAMETER('name')
    '{{name}}'                                        the same; of a number its text as a literal
    IN ({{ids}}), IN {{ids}}, CONTAINED_IN(x, {{ids}})  a list of literals
    VALUES {{ids}}, VALUES ({{ids}})                  a row for each element
    EXTEND_TIME_WINDOW(...), DATE_TRUNC(...)          a literal
    DATE '{{day}}'                                    the string of a typed literal
    'P{{days}}D', LIKE '%{{text}}%'                   part of a string literal
    <= {{day}}, BETWEEN ... AND {{day}}               the last millisecond of the day

In a LIKE pattern the wildcards of a value count as text: where a value has any, the pattern gets
an ESCAPE clause. To pass a whole pattern, write ``LIKE {{pattern}}``.

A date that is an inclusive upper bound includes its whole day. For a DATE column that changes
nothing; without it, a TIMESTAMP column would lose the last day but for its midnight.

The ends of the window need no declaration and always come from the window: ``start_date`` and
``end_date`` (its last day) are calendar days in its zone, ``time_window_start`` and
``time_window_end`` are UTC times, like the ``..._utc`` columns they are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from recomamp.domain.scheduling.cron import load_zone
from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.dialect import tokenize
from recomamp.domain.sql.foreign_placeholders import no_placeholder
from recomamp.domain.sql.literals import is_sent, render, sample_literal
from recomamp.domain.sql.parameter_types import NUMBERS, ParameterType, Value, write_scalar
from recomamp.domain.sql.parameters import Parameter
from recomamp.domain.sql.placeholders import Placeholder, PlaceholderKind, Template
from recomamp.domain.sql.template import read_template
from recomamp.errors import InvalidDefinition

_WINDOW_TYPES = {
    "start_date": ParameterType.DATE,
    "end_date": ParameterType.DATE,
    "time_window_start": ParameterType.TIMESTAMP,
    "time_window_end": ParameterType.TIMESTAMP,
}
WINDOW_NAMES = frozenset(_WINDOW_TYPES)
WINDOW_PARAMETERS = {name: Parameter(name=name, type=kind) for name, kind in _WINDOW_TYPES.items()}
MAX_BOUND_CHARS = 1_048_576  # four times what a query may have without its values

_INSTANT = timedelta(microseconds=1)
_LITERAL_TOKENS = frozenset({"STRING", "NUMBER"})


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundQuery:
    """A query ready to send: ``inputParameters`` and ``parameterValues`` in AMC's shape."""

    sql: str
    input_parameters: tuple[dict[str, Any], ...]
    parameter_values: dict[str, Any]


def check(sql: str, parameters: Mapping[str, Parameter]) -> frozenset[str]:
    """Check that the query can be bound to these parameters, before there is a window.

    Returns which of the window's names the query uses.

    :raises InvalidDefinition: naming the parameter, the line and the column.
    """
    used: set[str] = set()
    template = read_template(sql)
    _refuse_foreign(template, parameters.keys() | WINDOW_NAMES)
    for slot in template.slots:
        used.update(slot.names)
        for name in slot.names:
            if name not in WINDOW_NAMES:
                _check_use(slot, name, parameters)
    _refuse_arrays_of_two_types(template, parameters)
    return WINDOW_NAMES & used


def bind(sql: str, parameters: Mapping[str, Parameter], window: Window | None = None) -> BoundQuery:
    """Bind the parameters that the query uses; those it does not use are left out.

    Without a window the query may not name its ends, unless they are declared themselves.

    :raises InvalidDefinition: naming the parameter, the line and the column.
    """
    template = read_template(sql)
    known = {**parameters, **window_parameters(window)}
    _refuse_foreign(template, known.keys() | WINDOW_NAMES)
    for slot in template.slots:
        for name in slot.names:
            _check_use(slot, name, known)
    _refuse_arrays_of_two_types(template, known)
    values = {name: known[name].value for slot in template.slots for name in slot.names}
    bound = fill(template, known, values)
    _verify(bound, fill(template, known, {name: sample_literal(v) for name, v in values.items()}))
    slots = [slot for slot in template.slots if is_sent(slot, known)]
    sent = sorted({slot.names[0] for slot in slots})
    typed = {slot.names[0] for slot in slots if not slot.is_quoted}
    return BoundQuery(
        sql=bound,
        input_parameters=tuple(
            _input_parameter(known[name], is_text=name not in typed) for name in sent
        ),
        parameter_values={name: _parameter_value(values[name]) for name in sent},
    )


def window_parameters(window: Window | None) -> dict[str, Parameter]:
    """Return the parameters that a window fills; none without a window.

    :raises InvalidDefinition: when the window's zone is unknown.
    """
    if window is None:
        return {}
    zone = load_zone(window.time_zone)
    values: dict[str, Value] = {
        "start_date": window.start.astimezone(zone).date(),
        "end_date": (window.end - _INSTANT).astimezone(zone).date(),
        "time_window_start": window.start,
        "time_window_end": window.end,
    }
    return {
        name: replace(parameter, value=values[name])
        for name, parameter in WINDOW_PARAMETERS.items()
    }


def fill(template: Template, known: Mapping[str, Parameter], values: Mapping[str, Value]) -> str:
    """Write the query with these values in its slots.

    :raises InvalidDefinition: when it becomes longer than ``MAX_BOUND_CHARS``.
    """
    written: list[str] = []
    last, length = "", 0
    for piece in template.pieces:
        if isinstance(piece, Placeholder):
            piece = render(piece, known, values)
            # Words that touch would become one word, and two minus signs a comment.
            touches = bool(last) and (_is_word(last) or last == "-") and piece[:1] not in ("", " ")
        else:
            touches = bool(last and piece) and _is_word(last) and _is_word(piece[0])
        piece = f" {piece}" if touches else piece
        written.append(piece)
        last, length = piece[-1:] or last, length + len(piece)
        if length > MAX_BOUND_CHARS:
            raise InvalidDefinition(
                f"with its values written out the query has more than {MAX_BOUND_CHARS} characters;"
                " use arrays in fewer places"
            )
    return "".join(written).strip()


def _is_word(char: str) -> bool:
    return char.isalnum() or char in "_'\""


def _refuse_foreign(template: Template, known: Set[str]) -> None:
    """Refuse placeholders of another program: AMC would compare with their names as text."""
    for one in template.foreign:
        if one.name in known:
            raise no_placeholder(one.text, one.place)


def _check_use(slot: Placeholder, name: str, known: Mapping[str, Parameter]) -> None:
    if name not in known and name in WINDOW_NAMES:
        raise InvalidDefinition(
            f"parameter {name} at {slot.place} has no value: AMC itself chooses this run's window"
        )
    if name not in known:
        declared = ", ".join(sorted(known.keys() - WINDOW_NAMES)) or "none"
        raise InvalidDefinition(
            f"parameter {name} at {slot.place} is not declared; declared: {declared}"
        )
    parameter = known[name]
    if parameter.value is None:
        if parameter.required or slot.template or slot.follows:
            raise InvalidDefinition(f"parameter {name} at {slot.place} has no value")
        return
    if parameter.is_array and not slot.takes_array:
        raise InvalidDefinition(
            f"parameter {name} at {slot.place} is {parameter.type_name}; an array may be in "
            "a list, such as x IN ({{ids}}), in VALUES, or where a whole value may"
        )
    if parameter.value == () and slot.kind is not PlaceholderKind.PARAMETER:
        raise InvalidDefinition(f"parameter {name} at {slot.place} is an empty list")


def _refuse_arrays_of_two_types(template: Template, known: Mapping[str, Parameter]) -> None:
    """Refuse an array of numbers that is sent once, and is text in one place and numbers in others.

    :raises InvalidDefinition: naming the place where it is text.
    """
    arrays = [
        slot
        for slot in template.slots
        if slot.kind is PlaceholderKind.PARAMETER
        and (parameter := known.get(slot.names[0]))
        and parameter.is_array
        and parameter.type in NUMBERS
    ]
    as_numbers = {slot.names[0] for slot in arrays if not slot.is_quoted}
    for slot in arrays:
        if slot.is_quoted and slot.names[0] in as_numbers:
            raise InvalidDefinition(
                f"parameter {slot.names[0]} at {slot.place} is in quotes, so it is text, and "
                "elsewhere in the query it is not; write it alike everywhere, or declare a second "
                "parameter"
            )


def _verify(bound: str, reference: str) -> None:
    """Make sure that the values changed no more than the literals they are.

    Compares words with those of the same query bound to harmless values; equal words make equal
    syntax trees, whether or not a parser knows AMC's whole grammar.
    """
    if _shape(bound) != _shape(reference):
        raise InvalidDefinition("a parameter's value would change the structure of the query")


def _shape(sql: str) -> list[tuple[str, str]]:
    return [
        (kind, "" if kind in _LITERAL_TOKENS else token.text)
        for token in tokenize(sql)
        for kind in (token.token_type.name,)
    ]


def _input_parameter(parameter: Parameter, *, is_text: bool) -> dict[str, Any]:
    """Describe a parameter to AMC; numbers that the query has in quotes alone are text."""
    is_text = is_text and parameter.type in NUMBERS
    kind: str | dict[str, Any] = str(ParameterType.STRING if is_text else parameter.type)
    if parameter.is_array:
        kind = {"type": "ARRAY", "elementDataType": kind, "elementNullable": False}
    entry: dict[str, Any] = {
        "name": parameter.name,
        "dataType": kind,
        "columnType": "DIMENSION",
    }
    return entry | ({"description": parameter.description} if parameter.description else {})


def _parameter_value(value: Value) -> str | list[str]:
    if isinstance(value, tuple):
        return [write_scalar(element) for element in value]
    if value is None:
        raise TypeError("a parameter without a value is not sent")
    return write_scalar(value)
