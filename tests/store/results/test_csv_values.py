"""Every field is read as Python reads it, or refused with its row and column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.results import document, read, store, stored_files, write
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import InvalidResults
from recomamp.store.results.csv_values import Unreadable, find_unreadable, parsed_as, read_values

LONG = OutputColumn(name="x", data_type="LONG")
SHORT = OutputColumn(name="x", data_type="SHORT")
DOUBLE = OutputColumn(name="x", data_type="DOUBLE")
PRICE = OutputColumn(name="x", data_type="DECIMAL", precision=10, scale=2)
LARGE = OutputColumn(name="x", data_type="DECIMAL", precision=38, scale=17)
WIDE = OutputColumn(name="x", data_type="DECIMAL", precision=60, scale=20)
BOOLEAN = OutputColumn(name="x", data_type="BOOLEAN")
DATE = OutputColumn(name="x", data_type="DATE")
TIMESTAMP = OutputColumn(name="x", data_type="TIMESTAMP")
STRING = OutputColumn(name="x")

_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = _DAY + r"[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z?"
REFUSED = object()


def as_python_reads(field: str, column: OutputColumn) -> Any:
    """Read a field by the type's grammar and with Python's own readers."""
    grammar, reader = READERS[column.data_type]
    if not re.fullmatch(grammar, field, re.DOTALL):
        return REFUSED
    try:
        return reader(field, column)
    except ValueError:
        return REFUSED


def _whole(field: str, column: OutputColumn) -> Any:
    last = 2 ** (column.arrow_type.bit_width - 1)
    return int(field) if -last <= int(field) < last else REFUSED


def _double(field: str, _: OutputColumn) -> Any:
    number, written = float(field), Decimal(field)
    is_beyond = written.is_finite() and (math.isinf(number) or bool(written) != bool(number))
    return REFUSED if is_beyond else number


def _decimal(field: str, column: OutputColumn) -> Any:
    """Refuse what needs more digits than described."""
    number = Decimal(field)
    precision, scale = column.precision or 0, column.scale or 0
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, digits))
    significant = written.rstrip("0")
    exponent += len(written) - len(significant)
    fits = exponent >= -scale and len(significant.lstrip("0")) + exponent <= precision - scale
    return number if fits or not number else REFUSED


READERS: dict[str, tuple[str, Callable[[str, OutputColumn], Any]]] = {
    "LONG": ("-?[0-9]+", _whole),
    "SHORT": ("-?[0-9]+", _whole),
    "DOUBLE": (f"NaN|-?Infinity|{_NUMBER}", _double),
    "DECIMAL": (_NUMBER, _decimal),
    "BOOLEAN": ("true|TRUE|false|FALSE", lambda field, _: field.lower() == "true"),
    "DATE": (_DAY, lambda field, _: date.fromisoformat(field)),
    "TIMESTAMP": (_TIME, lambda field, _: datetime.fromisoformat(field.removesuffix("Z"))),
    "STRING": (".*", lambda field, _: field),
}


def values(fields: list[str | bytes | None], column: OutputColumn) -> list[Any]:
    encoded = [field.encode() if isinstance(field, str) else field for field in fields]
    return read_values(pa.array(encoded, pa.binary()), column.arrow_type).to_pylist()  # type: ignore[no-any-return]


def one(field: str, column: OutputColumn) -> Any:
    try:
        (value,) = values([field], column)
    except Unreadable:
        return REFUSED
    return value


def same(ours: Any, pythons: Any) -> bool:
    if isinstance(ours, float) and isinstance(pythons, float):
        return repr(ours) == repr(pythons)  # minus zero and NaN too
    return bool(ours == pythons)


NUMBERS = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.integers(-40000, 40000).map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.from_regex(re.compile(_NUMBER, re.ASCII), fullmatch=True).filter(
        lambda text: len(text) < 400 and len(text.lower().partition("e")[2].lstrip("+-0")) <= 12
    ),
    st.text("0123456789+-.eExX_ \tNaInfity", max_size=12),
)
TIMES = st.one_of(
    st.dates().map(date.isoformat),
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.from_regex(re.compile(_DAY, re.ASCII), fullmatch=True),
    st.from_regex(re.compile(_TIME, re.ASCII), fullmatch=True),
    st.text("0123456789-:T.Z +", max_size=30),
)
# What one insertion, deletion or exchange makes of a field
SPOILED = st.tuples(
    NUMBERS | TIMES | st.sampled_from(["true", "false", "TRUE", "FALSE"]),
    st.integers(0, 30),
    st.integers(0, 1),
    st.sampled_from(["", " ", "\t", "\0", "x", "0", "-", "+", "e", "_", ".", "Z", "é", "٣"]),
).map(lambda made: made[0][: made[1]] + made[3] + made[0][made[1] + made[2] :])


@pytest.mark.parametrize(
    "column",
    [LONG, SHORT, DOUBLE, PRICE, LARGE, WIDE, BOOLEAN, DATE, TIMESTAMP, STRING],
    ids=lambda column: column.type_name,
)
@settings(max_examples=200, deadline=None)
@given(field=NUMBERS | TIMES | SPOILED)
@example(field="0E-17")
@example(field="1E+3")
@example(field="0e99999999999")
@example(field="1e-99999999999")
@example(field="1e-77")
@example(field=".1E" + "0" * 5000)
@example(field="9" * 26)
@example(field="1" * 38)
@example(field="1" * 80)
@example(field="0" * 100 + "1.5" + "0" * 100)
def test_any_field_is_read_as_python_reads_it_or_refused(column: OutputColumn, field: str) -> None:
    ours, pythons = one(field, column), as_python_reads(field, column)
    assert same(ours, pythons), (ours, pythons)


def test_a_number_that_is_too_small_is_refused_among_short_ones_too() -> None:
    fields = pa.array([f"0.{'0' * 400}1".encode(), b"1", b"2"])
    with pytest.raises(Unreadable):
        read_values(fields, DOUBLE.arrow_type)


LENIENT = [
    (LONG, ["0x10", "0X1f", " 5", "5 ", "\t5", "+5", "1_000", "5.0", "1e3", "5\0", "٣", "1,000"]),
    (DOUBLE, ["1e400", "-1e400", "1" * 400, "1e-400", "inf", "nan", "-NaN", "nan(1)", "INFINITY"]),
    (DOUBLE, [" 1", "1 ", "0x10", "1_0", "1d", "1,5"]),
    (PRICE, ["1.125", "1E-3", "123456789.1", " 1", "1 ", "0x1", "NaN", "1_0"]),
    (PRICE, ["1e-77", "1e77", "1" * 38, "9" * 80]),
    (LARGE, ["73507733990693598663961016128813261670"]),  # Arrow 26 reads another number
    (BOOLEAN, ["1", "0", "yes", "t", "True", "true ", " true"]),
    (DATE, ["2024-1-5", "20240105", "2024-01-05 ", " 2024-01-05", "2023-02-29", "+2024-01-05"]),
    (DATE, ["0000-01-01", "0000-12-31", "-001-01-01", "-0001-01-01", "10000-01-01"]),
    (TIMESTAMP, ["2024-01-05", "2024-01-05T10", "2024-01-05T10:00", "2024-01-05T10:00Z"]),
    (TIMESTAMP, ["2024-01-05T10:00:00+01:00", "2024-01-05T10:00:00-0000", "2024-01-05T10:00:00ZZ"]),
    (TIMESTAMP, ["2024-01-05T23:59:60", "2024-01-05T24:00:00", "2024-01-05T10:00:00.1234567"]),
    (TIMESTAMP, ["0000-12-31T23:59:59.999999", "-0001-01-01T00:00:00", "10000-01-01T00:00:00"]),
]


@pytest.mark.parametrize(
    ("column", "field"),
    [
        pytest.param(column, field, id=f"{column.type_name} {field[:12]!a}")
        for column, fields in LENIENT
        for field in fields
    ],
)
def test_what_lenient_readers_accept_is_refused_with_row_column_value_and_remedy(
    tmp_path: Path, column: OutputColumn, field: str
) -> None:
    good = {"LONG": "7", "DOUBLE": "0.5", "DECIMAL": "1.50", "BOOLEAN": "true"}
    times = {"DATE": "2024-01-05", "TIMESTAMP": "2024-01-05T10:00:00.000"}
    usual = (good | times)[column.data_type]
    text = f'x,y\n{usual},1\n,2\n"{field}",3\n{usual},4\n'
    columns = (column, OutputColumn(name="y", data_type="LONG"))
    with pytest.raises(InvalidResults) as refused:
        store(tmp_path, write(tmp_path, text), columns)
    message = str(refused.value)
    assert message.startswith(f"part-00000.csv, row 4, column x: {field[:60]!r}")
    assert f"is not a valid {column.type_name}, which is " in message
    assert "CAST(name AS VARCHAR)" in message
    assert len(message) < 500
    assert stored_files(tmp_path) == []


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"a\xe9"]
)
def test_bytes_that_are_not_utf_8_are_refused_with_row_and_column(
    tmp_path: Path, bad: bytes
) -> None:
    text = b"n,x\n" + b"1,y\n" * 20_000 + b"1," + bad + b"\n1,z\n"
    columns = (OutputColumn(name="n", data_type="LONG"), STRING)
    with pytest.raises(
        InvalidResults, match=r"row 20002, column x: .* is not a valid STRING, which is UTF-8"
    ):
        store(tmp_path, write(tmp_path, text), columns)


EXTREMES = {
    DATE: ["0001-01-01", "1582-10-10", "9999-12-31"],
    TIMESTAMP: ["0001-01-01T00:00:00", "1969-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"],
}


@pytest.mark.parametrize("column", list(EXTREMES), ids=lambda column: column.type_name)
def test_the_first_and_last_moments_stand_in_file_and_document(
    tmp_path: Path, column: OutputColumn
) -> None:
    results = store(tmp_path, write(tmp_path, "x\n" + "\n".join(EXTREMES[column])), (column,))
    reader = date if column is DATE else datetime
    assert read(results)["x"].to_pylist() == list(map(reader.fromisoformat, EXTREMES[column]))
    assert [row["x"] for row in document(results)["data"]] == EXTREMES[column]


def test_the_words_of_amc_for_numbers_that_are_not_finite_are_read() -> None:
    nan, *others = values(
        ["NaN", "Infinity", "-Infinity", None, "1.0E-5", "4.9E-324", "-0.0"], DOUBLE
    )
    assert math.isnan(nan)
    assert others[:2] == [math.inf, -math.inf]
    assert others[2:] == [None, 1e-5, 5e-324, 0.0]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fields=st.lists(st.none() | st.sampled_from(["1", "-20", "0", "300", "0x1", " 1"]), min_size=1),
    first=st.integers(0, 3),
)
def test_the_first_field_that_is_refused_is_found(fields: list[str | None], first: int) -> None:
    """Also in a part of an array."""
    good = [field is None or re.fullmatch("-?[0-9]+", field) is not None for field in fields]
    written = [None if field is None else field.encode() for field in fields]
    array = pa.array([b"0x0", b"", b"a"][:first] + written, pa.binary()).slice(first)
    if all(good):
        expected = [None if field is None else int(field) for field in fields]
        assert read_values(array, pa.int64()).to_pylist() == expected
    else:
        assert find_unreadable(array, pa.int64()) == good.index(False)


def test_arrows_reader_converts_only_what_it_converts_exactly() -> None:
    converted = {
        kind
        for kind in (LONG, DOUBLE, PRICE, DATE, TIMESTAMP, WIDE, BOOLEAN, STRING)
        if parsed_as(kind.arrow_type) == kind.arrow_type
    }
    assert converted == {BOOLEAN, STRING}
