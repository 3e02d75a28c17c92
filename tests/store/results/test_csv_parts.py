"""Every value of a result arrives exactly, or the result is refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from fixtures.results import (
    HEADER,
    PAIR,
    document,
    read,
    store,
    stored_files,
    write,
)
from recomamp.domain.limits import Limits
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import InvalidResults, LimitExceeded
from recomamp.store.results.csv_grammar import Dialect
from recomamp.store.results.csv_parts import LARGE_BLOCK_BYTES, read_header


def test_an_empty_field_is_null_and_a_quoted_one_an_empty_string(tmp_path: Path) -> None:
    text = 'a,b\n1,\n2,""\n3,NULL\n4,"x ""y"",\nz"\n'
    results = store(tmp_path, write(tmp_path, text), PAIR)
    assert read(results)["b"].to_pylist() == [None, "", "NULL", 'x "y",\nz']


def test_an_empty_line_of_a_single_column_is_a_null(tmp_path: Path) -> None:
    results = store(tmp_path, write(tmp_path, 'b\nx\n\n""\n\n'), PAIR[1:])
    assert read(results)["b"].to_pylist() == ["x", None, "", None]


@pytest.mark.parametrize("text", [HEADER, HEADER.strip()], ids=["with line end", "without"])
def test_a_header_alone_is_a_success_without_rows(tmp_path: Path, text: str) -> None:
    results = store(tmp_path, write(tmp_path, text))
    assert (results.rows, document(results)["data"], len(results.files)) == (0, [], 1)
    assert read(results).schema.field("rate").type == pa.decimal128(38, 17)


def test_columns_stand_in_the_order_of_the_file_whatever_their_case(tmp_path: Path) -> None:
    parts = write(tmp_path, "B,A\nx,1\n", "a,b\n2,y\n")
    results = store(tmp_path, parts, PAIR)
    assert read(results).to_pydict() == {"b": ["x", "y"], "a": [1, 2]}


def test_columns_that_amc_did_not_describe_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidResults, match="columns A, b; AMC described none"):
        store(tmp_path, write(tmp_path, "A,b\n01,\n"), ())


def test_a_trailing_z_a_byte_order_mark_and_windows_lines_change_nothing(tmp_path: Path) -> None:
    columns = (OutputColumn(name="at", data_type="TIMESTAMP"), OutputColumn(name="b"))
    text = "\ufeffat,b\r\n2025-01-06T10:00:00.000Z,x\r\n2025-01-06T10:00:00.000,y\r\n"
    results = store(tmp_path, write(tmp_path, text), columns)
    ten = datetime(2025, 1, 6, 10)
    assert read(results).to_pydict() == {"at": [ten, ten], "b": ["x", "y"]}


def test_a_wide_decimal_is_exact(tmp_path: Path) -> None:
    column = OutputColumn(name="x", data_type="DECIMAL", precision=60, scale=20)
    value = "1234567890123456789012345678901234567890.12345678901234567890"
    results = store(tmp_path, write(tmp_path, f"x\n{value}\n"), (column,))
    assert read(results)["x"].to_pylist() == [Decimal(value)]
    assert value in results.document


@pytest.mark.parametrize(
    "parts",
    [
        ["a,b\n1,x\n2"],
        ["a,b\n1,x\n\n2,y\n"],
        ["a,b\n,\n\n\n"],
        ['a,b\n1,x\n2,"ab'],
        ['a,b\n1,x\n2,"ab\n'],
        ["a,b\n1,x\n2,y,z\n"],
        ["a,b\n1,x\n2\n3,y\n"],
        ["a,b\nx,1\n"],
        ["a,b\n9223372036854775808,x\n"],
        ['a,b\n"",x\n'],
        [b"a,b\n1,\xff\n"],
        [b"\xff,b\n1,x\n"],
        ["a\n1\n"],
        ["a,b,c\n1,x,y\n"],
        ["a,c\n1,x\n"],
        ["a,A\n1,x\n"],
        ["1,x\n2,y\n"],
        ["<html>no</html>\n"],
        [""],
        ["\n1,x\n"],
        ["a,b\n1,x\n", ""],
        ["a,b\n1,x\n", "a,c\n2,y\n"],
        ["a,b\n1,x\n", "a,b\n2,y\n3"],
        [],
    ],
)
def test_a_broken_file_fails_and_leaves_nothing(tmp_path: Path, parts: list[str]) -> None:
    with pytest.raises(InvalidResults):
        store(tmp_path, write(tmp_path, *parts), PAIR)
    assert stored_files(tmp_path) == []


def test_a_missing_part_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidResults, match=r"gone\.csv"):
        store(tmp_path, [tmp_path / "gone.csv"], PAIR)


@pytest.mark.parametrize(
    "column",
    [
        OutputColumn(name="a", data_type="DECIMAL", precision=10, scale=2),
        OutputColumn(name="a", data_type="DATE"),
        OutputColumn(name="a", data_type="TIMESTAMP"),
        OutputColumn(name="a", data_type="BOOLEAN"),
        OutputColumn(name="a", data_type="DOUBLE"),
        OutputColumn(name="a", data_type="BYTE"),
    ],
    ids=lambda column: column.type_name,
)
def test_a_value_that_is_not_of_its_type_is_never_bent(
    tmp_path: Path, column: OutputColumn
) -> None:
    with pytest.raises(
        InvalidResults, match=r"part-00000\.csv, row 2, column a: '128\.125x' is no"
    ):
        store(tmp_path, write(tmp_path, "a\n128.125x\n"), (column,))


def test_a_decimal_with_more_digits_than_described_is_never_rounded(tmp_path: Path) -> None:
    column = OutputColumn(name="a", data_type="DECIMAL", precision=10, scale=2)
    with pytest.raises(InvalidResults):
        store(tmp_path, write(tmp_path, "a\n1.125\n"), (column,))


def test_what_cannot_be_read_is_said_with_its_row_and_column(tmp_path: Path) -> None:
    text = "a,b\n" + "1,x\n" * 5 + "twelve,x\n"
    with pytest.raises(
        InvalidResults,
        match=r"row 7, column a: 'twelve' is not a valid LONG, which is digits, .* load",
    ):
        store(tmp_path, write(tmp_path, text), PAIR)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"\xff", r"row 1002, column t: .*xff' is not a valid STRING, which is UTF-8"),
        (b"noon", r"row 1002, column t: 'noon' is not a valid TIMESTAMP"),
    ],
)
def test_a_text_that_is_no_time_or_no_text_is_said_with_its_column(
    tmp_path: Path, value: bytes, problem: str
) -> None:
    kind = "TIMESTAMP" if value == b"noon" else "STRING"
    columns = (OutputColumn(name="a"), OutputColumn(name="t", data_type=kind))
    text = b"a,t\n" + b"x,2025-01-06T10:00:00\n" * 1000 + b"x," + value + b"\n"
    with pytest.raises(InvalidResults, match=problem):
        store(tmp_path, write(tmp_path, text), columns)


@pytest.mark.parametrize("before", [0, 1, 100_000], ids=lambda rows: f"after {rows} rows")
def test_a_row_of_megabytes_is_read_as_any_other(tmp_path: Path, before: int) -> None:
    long = "y" * (LARGE_BLOCK_BYTES - 2**20)
    first = "".join(f"{n},x\n" for n in range(before))
    text = f"a,b\n{first}{before},{long}\n{before + 1},z\n"
    results = store(tmp_path, write(tmp_path, text), PAIR)
    stored = read(results)
    assert stored["a"].to_pylist() == list(range(before + 2))
    assert stored["b"].to_pylist()[before:] == [long, "z"]


LONG_FIELD = "y" * 2 * LARGE_BLOCK_BYTES


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"a,b\n1,x\n2,{LONG_FIELD}\n3,z\n", "row 3, column b"),
        (f"\ufeffb,a\r\nx,1\r\n{LONG_FIELD},2\r\nz,3\r\n", "row 3, column b"),
        (f'b,a\n{"x,1" + chr(10)}"{"y," * 1000}",{"2" * 2 * LARGE_BLOCK_BYTES}', "row 3, column a"),
        (f'a,b\n1,"x\n,"\n2,"{"y,"}{chr(10) * 5}"\n3,{LONG_FIELD}', "row 4, column b"),
    ],
    ids=["at the end", "first column", "after a quoted field", "after line ends in quotes"],
)
def test_a_row_longer_than_anything_is_refused(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(InvalidResults) as refused:
        store(tmp_path, write(tmp_path, text), PAIR)
    assert str(refused.value).startswith(f"part-00000.csv, {place}: a row has more than 4194304")
    assert "let the query shorten it, such as SUBSTRING" in str(refused.value)
    assert stored_files(tmp_path) == []


def test_a_row_of_other_length_is_said_with_its_number_and_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidResults, match=r"Row #3: Expected 2 columns.*load the results again"):
        store(tmp_path, write(tmp_path, "a,b\n1,x\n2\n3,y\n"), PAIR)


def test_a_result_has_no_more_columns_than_allowed(tmp_path: Path) -> None:
    (part,) = write(tmp_path, ",".join(f"c{number}" for number in range(11)) + "\n")
    assert len(read_header(part, Dialect.DOUBLED, Limits(result_limit_columns=11))) == 11
    with pytest.raises(LimitExceeded, match=r"11 columns.*RECOMAMP_RESULT_LIMIT_COLUMNS"):
        read_header(part, Dialect.DOUBLED, Limits(result_limit_columns=10))


@pytest.mark.parametrize(
    "text", ["a" * 10**6, '"' + "a\n" * 10**6, "a," * 10**6, "\n" * 10], ids=lambda text: text[:3]
)
def test_no_more_of_a_header_is_read_than_it_may_have(tmp_path: Path, text: str) -> None:
    (part,) = write(tmp_path, text)
    with pytest.raises((LimitExceeded, InvalidResults), match="header"):
        read_header(part, Dialect.DOUBLED, Limits(result_limit_columns=10))


def test_a_later_part_has_the_same_limit(tmp_path: Path) -> None:
    limits = Limits(result_limit_columns=2)
    parts = write(tmp_path, "a,b\n1,x\n", "a,b,c\n1,x,y\n")
    with pytest.raises(LimitExceeded):
        store(tmp_path, parts, PAIR, limits=limits)
    assert stored_files(tmp_path) == []


def test_a_row_that_equals_the_header_is_a_row(tmp_path: Path) -> None:
    columns = (OutputColumn(name="a"), OutputColumn(name="b"))
    stored = store(tmp_path, write(tmp_path, "a,b\nx,y\na,b\n"), columns)
    assert stored.rows == 2
