"""Parameters of a query: declared by a workflow, overlaid by its schedule or collection and run.

``workflows.parameters`` maps a name to a plain default value, whose type is inferred, or to a
definition such as ``{"type": "LONG", "default": 7, "description": "...", "required": true}``.
Arrays are ``"ARRAY<LONG>"``, or ``"ARRAY"`` with ``"elementDataType": "LONG"``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from recomamp.domain.sql.parameter_types import (
    EXPECTED,
    JSON_SCHEMAS,
    MAX_ARRAY_LENGTH,
    MAX_STRING_CHARS,
    ParameterType,
    Scalar,
    Value,
    infer_text,
    json_scalar,
    read_scalar,
    write_scalar,
)
from recomamp.errors import InvalidDefinition

MAX_PARAMETERS = 100  # AMC's own limit of inputParameters
MAX_NAME_CHARS = 128
MAX_TOTAL_CHARS = 262_144  # of all values of one query together

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARRAY = re.compile(r"ARRAY\s*<\s*([A-Za-z]+)\s*>", re.IGNORECASE)
_TYPE_KEYS = ("type", "dataType")
_DEFAULT_KEYS = ("default", "defaultValue")
# The keys of AMC's own inputParameters are taken too; those that say nothing to us are passed over.
_IGNORED_KEYS = ("name", "displayName", "columnType", "elementNullable")
_TEXT_TYPES = frozenset({ParameterType.STRING, ParameterType.DATE, ParameterType.TIMESTAMP})
_KNOWN_KEYS = frozenset(
    (*_TYPE_KEYS, *_DEFAULT_KEYS, *_IGNORED_KEYS, "description", "required", "elementDataType")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A named, typed parameter and the value it has so far; None means that it has none.

    A parameter without a value may not be used by a query, unless it is declared with
    ``"required": false``: then it is NULL.
    """

    name: str
    type: ParameterType
    is_array: bool = False
    value: Value = None
    description: str = ""
    required: bool = True

    @property
    def type_name(self) -> str:
        """Name the type as a definition writes it: LONG, ARRAY<LONG>."""
        return f"ARRAY<{self.type}>" if self.is_array else str(self.type)


def declare(definitions: Mapping[str, Any]) -> dict[str, Parameter]:
    """Read the ``parameters`` column of a workflow.

    :raises InvalidDefinition: naming the parameter that cannot be read.
    """
    if not isinstance(definitions, Mapping):
        raise InvalidDefinition(f"parameters are {_kind_of(definitions)}, expected an object")
    if len(definitions) > MAX_PARAMETERS:
        raise InvalidDefinition(
            f"{len(definitions)} parameters are declared, at most {MAX_PARAMETERS} are possible"
        )
    declared = {name: _declare_one(name, raw) for name, raw in definitions.items()}
    return _within_size(declared)


def overlay(
    parameters: Mapping[str, Parameter], overrides: Mapping[str, Any]
) -> dict[str, Parameter]:
    """Return the parameters with the values of ``overrides`` put over those they had.

    A null takes the value of an optional parameter away; for a required one it is accepted only
    while there is no value yet (an empty field of the trigger form).

    :raises InvalidDefinition: when a name is not declared or a value is not of its type.
    """
    if not isinstance(overrides, Mapping):
        raise InvalidDefinition(f"parameters are {_kind_of(overrides)}, expected an object")
    changed = dict(parameters)
    for name, raw in overrides.items():
        if name not in parameters:
            known = ", ".join(sorted(parameters)) or "none"
            raise InvalidDefinition(
                f"parameter {_shown(name)} is not declared by the workflow; declared: {known}"
            )
        changed[name] = _with_value(parameters[name], raw)
    return _within_size(changed)


def json_value(parameter: Parameter) -> Any:
    """Return the value as plain JSON that ``overlay`` reads back exactly.

    LONG and DECIMAL become text: a browser's numbers lose digits beyond 2^53.
    """
    if isinstance(parameter.value, tuple):
        return [json_scalar(parameter.type, element) for element in parameter.value]
    return None if parameter.value is None else json_scalar(parameter.type, parameter.value)


def json_schema(parameter: Parameter) -> dict[str, Any]:
    """Describe the parameter as JSON Schema, for one typed field of the trigger form.

    A parameter without a value may be left empty (null) in the form.
    """
    schema = dict(JSON_SCHEMAS[parameter.type])
    if parameter.is_array:
        schema = {"type": "array", "items": schema, "maxItems": MAX_ARRAY_LENGTH}
    if parameter.value is None:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*kinds, "null"]
    schema["title"] = f"{parameter.name} ({parameter.type_name})"
    if parameter.description:
        schema["description"] = parameter.description
    return schema


def read_value(name: str, kind: ParameterType, is_array: bool, raw: object) -> Value:
    """Check a JSON value against a declared type.

    :raises InvalidDefinition: naming the parameter, what the value is and what was expected.
    """
    if not is_array:
        return _read_one(f"parameter {name}", kind, raw)
    if not isinstance(raw, list | tuple):
        raise InvalidDefinition(f"parameter {name} is {_kind_of(raw)}, expected an array of {kind}")
    if len(raw) > MAX_ARRAY_LENGTH:
        raise InvalidDefinition(
            f"parameter {name} has {len(raw)} elements, at most {MAX_ARRAY_LENGTH} are possible"
        )
    return tuple(
        _read_one(f"element {index} of parameter {name}", kind, element)
        for index, element in enumerate(raw)
    )


def _read_one(what: str, kind: ParameterType, raw: object) -> Scalar:
    value = read_scalar(kind, raw)
    if value is None:
        raise InvalidDefinition(f"{what} is {_kind_of(raw)}, expected {kind}: {EXPECTED[kind]}")
    return value


def _with_value(parameter: Parameter, raw: object) -> Parameter:
    if raw is not None:
        value = read_value(parameter.name, parameter.type, parameter.is_array, raw)
        return replace(parameter, value=value)
    if parameter.required and parameter.value is not None:
        raise InvalidDefinition(
            f"parameter {parameter.name} is null, expected {parameter.type_name}: it is required"
        )
    return replace(parameter, value=None)


def _declare_one(name: str, raw: object) -> Parameter:
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise InvalidDefinition(
            f"parameter {_shown(name)} has no valid name: letters, digits and _, not starting "
            f"with a digit, at most {MAX_NAME_CHARS} characters"
        )
    if isinstance(raw, Mapping):
        return _read_definition(name, raw)
    if raw is None:  # a null default says nothing of the type
        return Parameter(name=name, type=ParameterType.STRING)
    kind, is_array = _infer(name, raw)
    return Parameter(
        name=name, type=kind, is_array=is_array, value=read_value(name, kind, is_array, raw)
    )


def _read_definition(name: str, raw: Mapping[str, Any]) -> Parameter:
    if unknown := sorted(set(raw) - _KNOWN_KEYS):
        raise InvalidDefinition(
            f"parameter {name} has an unknown key {_shown(unknown[0])}; "
            "known: type, default, description, required, elementDataType"
        )
    kind, is_array = _read_type(name, raw)
    default = next((raw[key] for key in _DEFAULT_KEYS if raw.get(key) is not None), None)
    description, required = raw.get("description") or "", raw.get("required", True)
    if not isinstance(description, str) or len(description) > MAX_STRING_CHARS:
        raise InvalidDefinition(
            f"description of parameter {name} is not text of at most {MAX_STRING_CHARS} characters"
        )
    if not isinstance(required, bool):
        raise InvalidDefinition(
            f"required of parameter {name} is {_kind_of(required)}, expected true or false"
        )
    return Parameter(
        name=name,
        type=kind,
        is_array=is_array,
        value=None if default is None else read_value(name, kind, is_array, default),
        description=description,
        required=required,
    )


def _read_type(name: str, raw: Mapping[str, Any]) -> tuple[ParameterType, bool]:
    word = next((raw[key] for key in _TYPE_KEYS if key in raw), None)
    if isinstance(word, Mapping):  # AMC's own {"type": "ARRAY", "elementDataType": ...}
        raw, word = word, word.get("type")
    is_array = False
    if isinstance(word, str):
        if match := _ARRAY.fullmatch(word.strip()):
            word, is_array = match[1], True
        elif word.strip().upper() == "ARRAY":
            word, is_array = raw.get("elementDataType"), True
    try:
        return ParameterType(str(word).strip().upper()), is_array
    except ValueError as err:
        known = ", ".join(ParameterType)
        raise InvalidDefinition(
            f"parameter {name} has the type {_shown(word)}, expected one of {known}, "
            "or ARRAY<...> of one"
        ) from err


def _infer(name: str, raw: object) -> tuple[ParameterType, bool]:
    if not isinstance(raw, list):
        return _infer_scalar(name, raw), False
    kinds = {_infer_scalar(name, element) for element in raw} or {ParameterType.STRING}
    if kinds == {ParameterType.LONG, ParameterType.DOUBLE}:
        kinds.remove(ParameterType.LONG)
    if ParameterType.STRING in kinds and kinds <= _TEXT_TYPES:
        kinds = {ParameterType.STRING}
    if len(kinds) > 1:
        raise InvalidDefinition(
            f"parameter {name} is an array of {' and '.join(sorted(kinds))}, expected one type"
        )
    return kinds.pop(), True


def _infer_scalar(name: str, raw: object) -> ParameterType:
    """Infer the type of a plain default; whole numbers are LONG, for an id may follow a 5."""
    match raw:
        case bool():
            return ParameterType.BOOLEAN
        case int():
            return ParameterType.LONG
        case float():
            return ParameterType.DOUBLE
        case Decimal():
            return ParameterType.DECIMAL
        case str():
            return infer_text(raw)
        case _:
            raise InvalidDefinition(
                f"parameter {name} holds {_kind_of(raw)}, expected a plain value, an array of "
                "plain values, or a definition with a type"
            )


def _within_size(parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    total = 0
    for parameter in parameters.values():
        value = parameter.value
        elements = value if isinstance(value, tuple) else () if value is None else (value,)
        total += sum(len(write_scalar(element)) for element in elements)
    if total > MAX_TOTAL_CHARS:
        raise InvalidDefinition(
            f"the values have {total} characters, at most {MAX_TOTAL_CHARS} are possible"
        )
    return parameters


def _kind_of(raw: object) -> str:
    """Name a JSON value's type for a message, without showing the value."""
    if raw is None or isinstance(raw, bool):
        return {None: "null", True: "true", False: "false"}[raw]
    names = {
        str: "a string",
        int: "a whole number",
        float: "a fractional number",
        Decimal: "a decimal number",
        list: "an array",
        tuple: "an array",
        dict: "an object",
    }
    return names.get(type(raw), f"a {type(raw).__name__}")


def _shown(name: object) -> str:
    return repr(name if len(str(name)) <= 60 else f"{str(name)[:60]}…")
