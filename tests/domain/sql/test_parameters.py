from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.sql.parameter_types import read_scalar, write_scalar
from recomamp.domain.sql.parameters import (
    MAX_PARAMETERS,
    MAX_TOTAL_CHARS,
    Parameter,
    ParameterType,
    declare,
    json_schema,
    json_value,
    overlay,
)
from recomamp.errors import InvalidDefinition

ALL = list(ParameterType)

VALUES: dict[ParameterType, st.SearchStrategy[Any]] = {
    ParameterType.STRING: st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    ParameterType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    ParameterType.LONG: st.integers(-(2**63), 2**63 - 1),
    ParameterType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    ParameterType.DECIMAL: st.decimals(
        min_value=-(10**20), max_value=10**20, allow_nan=False, places=17
    ),
    ParameterType.BOOLEAN: st.booleans(),
    ParameterType.DATE: st.dates(),
    ParameterType.TIMESTAMP: st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
}
TYPED = st.sampled_from(ALL).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))


@pytest.mark.parametrize(
    ("default", "kind", "is_array", "value"),
    [
        (True, "BOOLEAN", False, True),
        (7, "LONG", False, 7),
        (0.5, "DOUBLE", False, 0.5),
        (Decimal("0.50"), "DECIMAL", False, Decimal("0.50")),
        ("Acme", "STRING", False, "Acme"),
        ("2025-02-28", "DATE", False, date(2025, 2, 28)),
        ("2025-02-30", "STRING", False, "2025-02-30"),
        ("2026-04-10T00:00:00", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10 00:00:00", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10T02:00:00+02:00", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10T00:00:00.000Z", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-31T00:00:00", "STRING", False, "2026-04-31T00:00:00"),
        ("2026-04-10T00:00", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10 00:00Z", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10T02:00:00+0200", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10T02:00+02", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10T00:00:00.000000000Z", "TIMESTAMP", False, datetime(2026, 4, 10, tzinfo=UTC)),
        ("2026-04-10T24:00:00", "STRING", False, "2026-04-10T24:00:00"),
        ("2026-04-10T00", "STRING", False, "2026-04-10T00"),
        ("at 2026-04-10T00:00:00", "STRING", False, "at 2026-04-10T00:00:00"),
        (["2026-04-10T00:00:00"], "TIMESTAMP", True, (datetime(2026, 4, 10, tzinfo=UTC),)),
        (["2026-04-10T00:00:00", "x"], "STRING", True, ("2026-04-10T00:00:00", "x")),
        (" 2025-02-28", "STRING", False, " 2025-02-28"),
        (["B01", "B02"], "STRING", True, ("B01", "B02")),
        ([1, 2.5], "DOUBLE", True, (1.0, 2.5)),
        (["2025-02-28", "soon"], "STRING", True, ("2025-02-28", "soon")),
        (
            ["soon", "2025-02-28", "2025-02-28T00:00"],
            "STRING",
            True,
            ("soon", "2025-02-28", "2025-02-28T00:00"),
        ),
        ([], "STRING", True, ()),
    ],
)
def test_a_plain_default_tells_its_type(
    default: Any, kind: str, is_array: bool, value: Any
) -> None:
    parameter = declare({"x": default})["x"]
    assert (parameter.type, parameter.is_array, parameter.value) == (kind, is_array, value)
    assert type(parameter.value) is type(value)


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "ARRAY<LONG>", "default": [1, "2"]},
        {"type": "array<long>", "default": [1, 2]},
        {"type": "ARRAY", "elementDataType": "LONG", "default": [1, 2]},
        {"dataType": {"type": "ARRAY", "elementDataType": "LONG"}, "defaultValue": [1, 2]},
    ],
)
def test_an_array_may_be_declared_in_every_usual_way(definition: dict[str, Any]) -> None:
    parameter = declare({"ids": definition})["ids"]
    assert (parameter.type_name, parameter.value) == ("ARRAY<LONG>", (1, 2))


def test_a_definition_keeps_its_description_and_whether_it_is_required() -> None:
    definition = {"type": "STRING", "description": "a brand", "required": False}
    assert declare({"brand": definition})["brand"] == Parameter(
        name="brand", type=ParameterType.STRING, description="a brand", required=False
    )


@pytest.mark.parametrize(
    ("definitions", "words"),
    [
        ({"x": {"type": "TEXT"}}, "parameter x has the type 'TEXT', expected one of STRING"),
        ({"x": {"default": 1}}, "parameter x has the type None"),
        ({"x": {"type": "LONG", "defualt": 1}}, "unknown key 'defualt'"),
        ({"x": {"type": "LONG", "default": "five"}}, "parameter x is a string, expected LONG"),
        ({"x": {"type": "LONG", "required": "yes"}}, "required of parameter x is a string"),
        ({"x": [1, "a"]}, "array of LONG and STRING"),
        ({"x": [[1]]}, "parameter x holds an array"),
        ({"x": [None]}, "parameter x holds null"),
        ({"x y": 1}, "'x y' has no valid name"),
        ({"1x": 1}, "'1x' has no valid name"),
        ({"é": 1}, "no valid name"),
        (
            {"x": "a\0b"},
            "parameter x is a string, expected STRING: text of at most 4096 characters",
        ),
        (
            {"x": (1,)},
            "parameter x holds an array, expected a plain value, an array of plain values",
        ),
        ({"x": (1,)}, "plain values, or a definition with a type"),
        (
            {"x": {"type": "ARRAY<LONG>", "default": 1}},
            "parameter x is a whole number, expected an",
        ),
        ({"x": "a" * 4097}, "at most 4096 characters"),
        ({"x": 2**63}, "a whole number from"),
        ({"x": list(range(1001))}, "1001 elements, at most 1000"),
        ({f"x{n}": 1 for n in range(MAX_PARAMETERS + 1)}, "at most 100"),
        ({f"x{n}": ["a" * 4000] * 10 for n in range(7)}, "at most 262144"),
        ([1], "an array, expected an object"),
        (
            {"x": {"type": "LONG", "default": 1, "when": 2}},
            "known: type, default, description, required, elementDataType",
        ),
        ({"x": {"type": "LONG", "required": None}}, "required of parameter x is null"),
        ({"x": {"type": "LONG", "description": "a" * 4097}}, "description of parameter x"),
        ({"x": {"type": "LONG", "description": 5}}, "text of at most 4096 characters"),
        ({"x": {"type": "TEXT"}}, "DATE, TIMESTAMP, or ARRAY<...> of one"),
        ({"x": {"type": "ARRAY"}}, "parameter x has the type None"),
        ({"x": {"type": "LONG", "default": [1]}}, "parameter x is an array, expected LONG"),
        ({"x": {"type": "ARRAY<LONG>", "default": [1, "a"]}}, "element 1 of parameter x is a str"),
        ({"x": {"type": "ARRAY<LONG>", "default": 1}}, "expected an array of LONG"),
        ({"a" * 129: 1}, "at most 128 characters"),
        ({5: 1}, "parameter 5 has no valid name"),
        ({"-" * 60: 1}, f"parameter '{'-' * 60}' has no valid name"),
        ({"-" * 61: 1}, f"parameter '{'-' * 60}…' has no valid name"),
    ],
)
def test_a_definition_that_cannot_be_read_says_what_is_wrong(definitions: Any, words: str) -> None:
    with pytest.raises(InvalidDefinition, match=re.escape(words)):
        declare(definitions)


def test_a_definition_may_be_as_large_as_its_limits() -> None:
    assert len(declare({f"x{number}": 1 for number in range(MAX_PARAMETERS)})) == MAX_PARAMETERS
    assert declare({"a" * 128: 1})["a" * 128].value == 1
    assert declare({"x": list(range(1000))})["x"].value == tuple(range(1000))
    described = declare({"x": {"type": "LONG", "description": "a" * 4096}})
    assert len(described["x"].description) == 4096
    texts = {f"x{number}": "a" * 4096 for number in range(MAX_TOTAL_CHARS // 4096)}
    assert len(declare({**texts, "empty": None})) == 65
    assert len(declare({f"x{number}": ["a" * 2048] * 8 for number in range(16)})) == 16
    with pytest.raises(InvalidDefinition, match=f"the values have {MAX_TOTAL_CHARS + 1} char"):
        declare({**texts, "one_more": 1})
    with pytest.raises(InvalidDefinition, match="at most 262144"):
        overlay(declare({**texts, "one_more": None}), {"one_more": "a"})


@pytest.mark.parametrize("description", [{}, {"description": None}, {"description": ""}])
def test_a_definition_may_say_nothing_but_its_type(description: dict[str, Any]) -> None:
    declared = declare({"x": {"type": "LONG", "default": None, **description}})
    assert declared == {"x": Parameter(name="x", type=ParameterType.LONG)}
    assert declare({"x": None}) == {"x": Parameter(name="x", type=ParameterType.STRING)}
    assert (declared["x"].description, declared["x"].required) == ("", True)


def test_keys_of_amc_s_own_input_parameters_are_passed_over() -> None:
    definition = {"name": "n", "displayName": "N", "columnType": "x", "elementNullable": True}
    declared = declare({"x": {**definition, "dataType": "LONG", "defaultValue": 7}})
    assert declared["x"] == Parameter(name="x", type=ParameterType.LONG, value=7)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (True, "true"),
        (False, "false"),
        ("soon", "a string"),
        (5, "a whole number"),
        (0.5, "a fractional number"),
        (Decimal("0.5"), "a decimal number"),
        ([1], "an array"),
        ((1,), "an array"),
        ({"a": 1}, "an object"),
        (b"a", "a bytes"),
    ],
)
def test_an_error_says_what_kind_of_value_was_given_and_never_the_value(
    raw: Any, words: str
) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        overlay(declare({"x": {"type": "DATE"}}), {"x": raw})
    assert str(refused.value) == f"parameter x is {words}, expected DATE: a date yyyy-MM-dd"


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("INTEGER", "5", 5),
        ("INTEGER", 5.0, 5),
        ("LONG", "576460752303423489", 576460752303423489),
        ("DOUBLE", 5, 5.0),
        ("DOUBLE", "0.1", 0.1),
        ("DECIMAL", "1.10", Decimal("1.10")),
        ("DECIMAL", 0.1, Decimal("0.1")),
        ("BOOLEAN", "true", True),
        ("TIMESTAMP", "2025-01-01T02:00:00+02:00", datetime(2025, 1, 1, tzinfo=UTC)),
        ("TIMESTAMP", "2025-01-01 00:00:00.000Z", datetime(2025, 1, 1, tzinfo=UTC)),
        ("TIMESTAMP", "2025-01-01T00:00:00", datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_another_spelling_of_the_same_value_is_taken(kind: str, raw: Any, value: Any) -> None:
    parameters = declare({"x": {"type": kind}})
    overlaid = overlay(parameters, {"x": raw})["x"].value
    assert overlaid == value
    assert type(overlaid) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("INTEGER", 5.5),
        ("INTEGER", True),
        ("INTEGER", " 5"),
        ("INTEGER", "5.0"),
        ("INTEGER", "٥"),
        ("INTEGER", 2**31),
        ("LONG", 1e18),
        ("LONG", Decimal("1e999999")),
        ("DOUBLE", False),
        ("DOUBLE", "0.12345678901234567890"),
        ("DOUBLE", 2**53 + 1),
        ("DOUBLE", "1e400"),
        ("DOUBLE", float("inf")),
        ("DOUBLE", "NaN"),
        ("DECIMAL", "1e39"),
        ("DECIMAL", "0." + "1" * 39),
        ("STRING", 5),
        ("STRING", "\ud800"),
        ("BOOLEAN", 1),
        ("BOOLEAN", "yes"),
        ("DATE", "2025-1-1"),
        ("DATE", "2025-01-01T00:00:00"),
        ("TIMESTAMP", "2025-01-01"),
        ("TIMESTAMP", "2025-01-01T00:00:00.5"),
        ("TIMESTAMP", "0001-01-01T00:00:00+10:00"),
        ("LONG", [1]),
        ("ARRAY<LONG>", 1),
        ("ARRAY<LONG>", [1, None]),
    ],
)
def test_a_value_that_would_lose_something_is_refused_by_name(kind: str, raw: Any) -> None:
    with pytest.raises(InvalidDefinition, match=r"parameter x is .*expected"):
        overlay(declare({"x": {"type": kind}}), {"x": raw})


def test_an_override_of_an_unknown_name_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InvalidDefinition, match=r"'brnd' is not declared.*brand, days"):
        overlay(declare({"days": 7, "brand": "Acme"}), {"brnd": "x"})
    with pytest.raises(InvalidDefinition, match=r"'brnd' is not declared.*declared: none$"):
        overlay({}, {"brnd": "x"})
    with pytest.raises(InvalidDefinition, match="parameters are an array, expected an object"):
        overlay({}, ["brnd"])  # type: ignore[arg-type]


def test_an_overlay_changes_only_what_it_names_and_leaves_the_original() -> None:
    declared = declare({"days": 7, "brand": "Acme"})
    overlaid = overlay(declared, {"days": 14})
    assert (overlaid["days"].value, overlaid["brand"].value) == (14, "Acme")
    assert declared["days"].value == 7


def test_null_takes_an_optional_value_away_but_not_a_required_one() -> None:
    declared = declare(
        {"brand": {"type": "STRING", "default": "A", "required": False}, "n": 1, "m": None}
    )
    overlaid = overlay(declared, {"brand": None, "m": None})
    assert (overlaid["brand"].value, overlaid["m"].value) == (None, None)
    with pytest.raises(InvalidDefinition, match="parameter n is null"):
        overlay(declared, {"n": None})


@given(TYPED)
def test_every_value_survives_amc_s_text_exactly(typed: tuple[ParameterType, Any]) -> None:
    kind, value = typed
    read = read_scalar(kind, value)
    assert read == value
    assert read_scalar(kind, write_scalar(value)) == value


@given(TYPED, st.booleans())
def test_every_value_survives_the_trigger_form_exactly(
    typed: tuple[ParameterType, Any], is_array: bool
) -> None:
    kind, value = typed
    declared = declare({"x": {"type": f"ARRAY<{kind}>" if is_array else str(kind)}})
    filled = overlay(declared, {"x": [value] if is_array else value})
    posted = json.loads(json.dumps(json_value(filled["x"])), parse_int=_browser_int)
    assert overlay(declared, {"x": posted})["x"].value == filled["x"].value


def _browser_int(text: str) -> int:
    return int(float(text))


@pytest.mark.parametrize("kind", ALL)
def test_the_form_may_be_left_empty_only_where_there_is_no_value(kind: ParameterType) -> None:
    empty = Parameter(name="x", type=kind, description="why")
    schema = json_schema(empty)
    assert "null" in schema["type"]
    assert (schema["title"], schema["description"]) == (f"x ({kind})", "why")


def test_an_empty_field_takes_the_types_of_a_filled_one_too() -> None:
    kinds = {kind: json_schema(Parameter(name="x", type=kind))["type"] for kind in ALL}
    assert kinds[ParameterType.LONG] == ["string", "integer", "null"]
    assert kinds[ParameterType.STRING] == ["string", "null"]
    array = json_schema(Parameter(name="x", type=ParameterType.LONG, is_array=True))
    assert array["type"] == ["array", "null"]
    assert array["items"]["type"] == ["string", "integer"]
    assert array["title"] == "x (ARRAY<LONG>)"


def test_values_are_plain_json_in_which_no_digit_is_lost() -> None:
    declared = declare(
        {
            "n": 2**53 + 1,
            "ids": [1, 2],
            "rates": [0.5],
            "when": "2026-04-10T00:00:00",
            "no": {"type": "LONG"},
        }
    )
    assert {name: json_value(one) for name, one in declared.items()} == {
        "n": "9007199254740993",
        "ids": ["1", "2"],
        "rates": [0.5],
        "when": "2026-04-10T00:00:00Z",
        "no": None,
    }


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("Acme", {"type": "string", "maxLength": 4096, "title": "x (STRING)"}),
        ("2025-01-01", {"type": "string", "format": "date", "title": "x (DATE)"}),
        (True, {"type": "boolean", "title": "x (BOOLEAN)"}),
        (0.5, {"type": "number", "title": "x (DOUBLE)"}),
    ],
)
def test_a_parameter_with_a_value_is_a_typed_field(default: Any, expected: dict[str, Any]) -> None:
    assert json_schema(declare({"x": default})["x"]) == expected


def test_an_array_is_a_field_of_typed_items() -> None:
    schema = json_schema(declare({"x": ["a"]})["x"])
    assert (schema["type"], schema["items"]["type"], schema["maxItems"]) == (
        "array",
        "string",
        1000,
    )


def test_one_schema_does_not_leak_into_the_next() -> None:
    json_schema(Parameter(name="x", type=ParameterType.DATE))
    assert json_schema(declare({"y": "2025-01-01"})["y"])["type"] == "string"
