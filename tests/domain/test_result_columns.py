from __future__ import annotations

import json
import logging
from typing import Any

import pyarrow as pa
import pytest

from recomamp.domain.result_columns import OutputColumn, read_columns, read_stored_columns
from recomamp.store.results.document import ResultPreview


@pytest.mark.parametrize(
    ("data_type", "arrow_type"),
    [
        ("LONG", pa.int64()),
        ("INTEGER", pa.int32()),
        ("SHORT", pa.int16()),
        ("BYTE", pa.int8()),
        ("DOUBLE", pa.float64()),
        ("FLOAT", pa.float64()),
        ("DATE", pa.date32()),
        ("TIMESTAMP", pa.timestamp("us")),
        ("BOOLEAN", pa.bool_()),
        ("STRING", pa.string()),
        ("BINARY", pa.string()),
        ("long", pa.int64()),
        ({"type": "ARRAY", "elementDataType": "LONG"}, pa.string()),
    ],
)
def test_amc_s_types_have_an_exact_arrow_type(data_type: object, arrow_type: pa.DataType) -> None:
    (column,) = read_columns([{"name": "x", "dataType": data_type, "columnType": "METRIC"}])
    assert column.arrow_type == arrow_type


@pytest.mark.parametrize(
    ("precision", "scale", "arrow_type"),
    [
        (38, 17, pa.decimal128(38, 17)),
        (38, 38, pa.decimal128(38, 38)),
        (1, 0, pa.decimal128(1, 0)),
        (39, 0, pa.decimal256(39, 0)),
        (50, 17, pa.decimal256(50, 17)),
        (76, 0, pa.decimal256(76, 0)),
        (0, 0, pa.string()),
        (2, -1, pa.string()),
        (None, None, pa.string()),
        (77, 2, pa.string()),
        (2, 5, pa.string()),
    ],
)
def test_a_decimal_keeps_its_digits_or_is_text(
    precision: int | None, scale: int | None, arrow_type: pa.DataType
) -> None:
    column = {"name": "x", "dataType": "DECIMAL", "precision": precision, "scale": scale}
    assert read_columns([column])[0].arrow_type == arrow_type


def test_an_unknown_type_is_text_and_noted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        columns = read_columns([{"name": "x", "dataType": "GEOMETRY"}])
    assert columns == (OutputColumn(name="x", data_type="STRING"),)
    assert caplog.messages == ["column x has the unknown type GEOMETRY: kept as text"]


@pytest.mark.parametrize(
    ("word", "role"),
    [("DIMENSION", "DIMENSION"), ("METRIC", "METRIC"), ("metric", None), (None, None), (1, None)],
)
def test_a_column_is_a_key_or_a_measure_where_amc_says_so(word: object, role: str | None) -> None:
    (column,) = read_columns([{"name": "x", "dataType": "LONG", "columnType": word}])
    assert column.column_type == role


@pytest.mark.parametrize(
    "described",
    [
        None,
        [],
        [{"name": "x", "dataType": "LONG"}, {"name": "y"}],
        [{"name": "x", "dataType": None}],
        [{"name": "x", "dataType": {"elementDataType": "LONG"}}],
        [{"dataType": "LONG"}],
        [{"name": "", "dataType": "LONG"}],
        ["x"],
        [None],
    ],
)
def test_columns_that_are_not_all_described_are_none(described: list[Any] | None) -> None:
    assert read_columns(described) == ()


def test_columns_are_read_back_from_the_document_of_a_result() -> None:
    columns = read_columns(
        [
            {"name": "a", "dataType": "DECIMAL", "precision": 38, "scale": 17},
            {"name": "b", "dataType": "DECIMAL"},
            {"name": "c", "dataType": "LONG"},
            {"name": "d", "dataType": {"type": "ARRAY"}},
        ]
    )
    fields = json.loads(ResultPreview(columns).document(rows=0, files=[]))["schema"]["fields"]
    assert read_stored_columns(fields) == columns
    assert read_stored_columns(None) == read_stored_columns([{"name": "a"}]) == ()


@pytest.mark.parametrize(
    "described",
    [
        {"dataType": "DECIMAL(38,4)"},
        {"dataType": "decimal(38, 4)"},
        {"dataType": "DECIMAL", "precision": "38", "scale": "4"},
        {"dataType": "DECIMAL", "precision": 38.0, "scale": 4.0},
        {"dataType": {"type": "DECIMAL", "precision": 38, "scale": 4}},
        {"dataType": {"type": "DECIMAL"}, "precision": 38, "scale": 4},
        {"dataType": " Decimal ", "precision": 38, "scale": 4},
    ],
    ids=str,
)
def test_the_digits_of_a_decimal_are_read_in_every_form(described: dict[str, Any]) -> None:
    (column,) = read_columns([{"name": "x", **described}])
    assert (column.type_name, column.arrow_type) == ("DECIMAL(38,4)", pa.decimal128(38, 4))


@pytest.mark.parametrize("precision", ["", "3.5", "-1", "٣", "9" * 5000, 3.5, float("nan"), True])
def test_digits_that_are_no_number_make_text_of_a_decimal(precision: object) -> None:
    column = {"name": "x", "dataType": "DECIMAL", "precision": precision, "scale": 0}
    assert read_columns([column])[0].arrow_type == pa.string()


def test_a_decimal_with_more_digits_than_arrow_has_is_text_and_keeps_amcs_word() -> None:
    (column,) = read_columns([{"name": "x", "dataType": "DECIMAL(100,2)"}])
    assert (column.type_name, column.arrow_type) == ("DECIMAL(100,2)", pa.string())
