"""The JSON document holds the first rows, exactly, as pandas and Postgres read them."""

from __future__ import annotations

import io
import json
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.results import (
    HEADER,
    NULLS,
    PAIR,
    ROW,
    document,
    read,
    store,
    write,
)
from recomamp.domain.result_columns import OutputColumn
from recomamp.store.results.document import MAX_ROWS


def test_every_type_arrives_exactly_in_parquet_and_in_the_document(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, HEADER + ROW + NULLS))
    assert read(results).to_pylist() == [
        {
            "campaign_id": 576460752303423489,
            "campaign": "Acme",
            "rate": Decimal("0.12345678901234567"),
            "share": 0.1,
            "day": date(2025, 1, 6),
            "at": datetime(2025, 1, 6, 10, 0, 0, 123000),
            "is_new": True,
        },
        dict.fromkeys(HEADER.strip().split(",")),
    ]
    assert document(results)["data"] == [
        {
            "campaign_id": 576460752303423489,
            "campaign": "Acme",
            "rate": Decimal("0.12345678901234567"),
            "share": Decimal("0.1"),
            "day": "2025-01-06",
            "at": "2025-01-06T10:00:00.123000",
            "is_new": True,
        },
        dict.fromkeys(HEADER.strip().split(",")),
    ]
    assert (results.rows, document(results)["truncated"]) == (2, False)


def test_the_document_is_cut_at_ten_thousand_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n},x\n" for n in range(MAX_ROWS + 1))
    results = store(tmp_path, write(tmp_path, f"a,b\n{rows}"), PAIR)
    assert (results.rows, len(document(results)["data"])) == (MAX_ROWS + 1, MAX_ROWS)
    assert document(results)["truncated"] is True
    exact = store(tmp_path, write(tmp_path, f"a,b\n{rows[: rows.rindex('10000')]}"), PAIR)
    assert (exact.rows, document(exact)["truncated"]) == (MAX_ROWS, False)


def test_the_document_is_cut_at_four_mebibytes(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'é' * 1000}\n" for n in range(3000))
    results = store(tmp_path, write(tmp_path, f"a,b\n{rows}"), PAIR)
    data = document(results)["data"]
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    assert 4 * 2**20 - 2100 < len(text.encode()) <= 4 * 2**20
    assert document(results)["truncated"] is True
    assert [row["a"] for row in data] == list(range(len(data)))


def test_whatever_stands_in_names_and_texts_stands_in_the_document(tmp_path: Path) -> None:
    columns = (OutputColumn(name='na"me é', data_type="ARRAY"), *PAIR)
    text = '"na""me é",a,b\n"[a, ""b"", \\ é\t\u2028]",1,"x\ny"\n'
    results = store(tmp_path, write(tmp_path, text), columns)
    assert document(results)["data"] == [{'na"me é': '[a, "b", \\ é\t\u2028]', "a": 1, "b": "x\ny"}]


def test_pandas_reads_the_document_as_a_table(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, HEADER + ROW))
    frame = pd.read_json(io.StringIO(results.document), orient="table", precise_float=True)
    assert list(frame.columns) == HEADER.strip().split(",")
    assert frame["campaign_id"].tolist() == [576460752303423489]
    assert frame["at"][0] == pd.Timestamp("2025-01-06T10:00:00.123")
    assert frame["is_new"][0]


def test_pandas_reads_nulls_of_every_type(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, HEADER + NULLS + ROW))
    frame = pd.read_json(io.StringIO(results.document), orient="table")
    assert frame.isna().iloc[0].all()
    assert not frame.isna().iloc[1].any()


def test_numbers_that_json_lacks_are_null_in_the_document_only(tmp_path: Path) -> None:
    column = OutputColumn(name="a", data_type="DOUBLE")
    results = store(tmp_path, write(tmp_path, "a\nNaN\nInfinity\n-Infinity\n"), (column,))
    assert [row["a"] for row in document(results)["data"]] == [None, None, None]
    nan, *infinite = read(results)["a"].to_pylist()
    assert math.isnan(nan)
    assert infinite == [math.inf, -math.inf]


EXACT = {
    "id": ("LONG", st.integers(-(2**63), 2**63 - 1)),
    "name": ("STRING", st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
    "rate": ("DECIMAL", st.decimals(-(10**20), 10**20, allow_nan=False, places=17)),
    "share": ("DOUBLE", st.floats(allow_nan=False, allow_infinity=False)),
    "day": ("DATE", st.dates()),
    "at": ("TIMESTAMP", st.datetimes()),
    "is_new": ("BOOLEAN", st.booleans()),
}
EXACT_COLUMNS = tuple(
    OutputColumn(name=name, data_type=kind, precision=38, scale=17)
    for name, (kind, _) in EXACT.items()
)
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in EXACT.items()}),
    max_size=5,
)


def _csv_field(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace('"', '""') + '"'
        case Decimal():
            return format(value, "f")
        case date() | datetime():
            return value.isoformat()
        case _:
            return repr(value)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join(EXACT), *(",".join(_csv_field(row[name]) for name in EXACT) for row in rows)]
    return "".join(f"{line}\n" for line in lines)


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    }


@pytest.fixture
def jsonb(database: Any) -> Any:
    """Send JSON text through a JSONB value and read it back with every digit."""
    connection = database.connect()

    def there_and_back(text: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT (%s::jsonb)::text", (text,))
            return json.loads(cursor.fetchone()[0], parse_float=Decimal)

    return there_and_back


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS)
def test_all_values_survive_csv_parquet_and_jsonb_exactly(
    tmp_path: Path, jsonb: Any, rows: list[dict[str, Any]]
) -> None:
    results = store(tmp_path, write(tmp_path, _as_csv(rows)), EXACT_COLUMNS)
    assert read(results).to_pylist() == rows
    kept = jsonb(results.document)["data"]
    assert [{**row, "share": _float(row["share"])} for row in kept] == list(map(_as_json, rows))


def _float(number: Decimal | int | None) -> float | None:
    return None if number is None else float(number)


def test_a_decimal_keeps_its_trailing_zeros_in_jsonb(tmp_path: Path, jsonb: Any) -> None:
    column = OutputColumn(name="a", data_type="DECIMAL", precision=20, scale=4)
    results = store(tmp_path, write(tmp_path, "a\n1.1000\n"), (column,))
    assert str(jsonb(results.document)["data"][0]["a"]) == "1.1000"


def test_a_nul_character_which_postgres_refuses_is_replaced_in_the_document_only(
    tmp_path: Path, jsonb: Any
) -> None:
    results = store(tmp_path, write(tmp_path, "a,b\n1,x\0y\n"), PAIR)
    assert read(results)["b"].to_pylist() == ["x\0y"]
    assert jsonb(results.document)["data"] == [{"a": 1, "b": "x\ufffdy"}]
