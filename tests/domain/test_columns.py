from __future__ import annotations

import logging

import pyarrow as pa
import pytest

from recomamp.domain.columns import OutputColumn, read_columns


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
        (50, 17, pa.decimal256(50, 17)),
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
    assert "column x has the unknown type GEOMETRY" in caplog.text


def test_no_description_means_no_columns() -> None:
    assert read_columns(None) == read_columns([]) == ()
