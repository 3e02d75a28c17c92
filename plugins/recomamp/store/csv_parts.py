"""Reads the CSV files of a result with exact types, a few megabytes at a time.

An empty field is NULL, a quoted empty field is an empty string. What is not as AMC described it
(a header, a number, a row that ends too early) breaks the result instead of bending it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from recomamp.domain.columns import OutputColumn
from recomamp.domain.errors import ResultsBroken

BLOCK_BYTES = 1024 * 1024  # also the longest row; Arrow reads up to 32 blocks ahead
_SHOWN_CHARS = 300


def read_header(part: Path) -> list[str]:
    """Return the column names of a part.

    :raises ResultsBroken: when there is no header, or a name occurs twice.
    """
    try:
        with part.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ResultsBroken(f"{part.name} has no readable header: {err}") from err
    if not any(names):
        raise ResultsBroken(f"{part.name} is empty: it has not even a header")
    folded = [name.casefold() for name in names]
    if twice := sorted({name for name in folded if folded.count(name) > 1}):
        raise ResultsBroken(f"{part.name} has the column {twice[0]!r} twice")
    return names


def match_columns(header: Sequence[str], columns: Sequence[OutputColumn]) -> list[OutputColumn]:
    """Return the described columns in the order of the file; without a description all are text.

    :raises ResultsBroken: when the file has other columns than AMC described.
    """
    if not columns:
        return [OutputColumn(name=name) for name in header]
    described = {column.name.casefold(): column for column in columns}
    found = {name.casefold() for name in header}
    if found != described.keys() or len(described) != len(columns):
        raise ResultsBroken(
            f"the file has the columns {', '.join(header)}; "
            f"AMC described {', '.join(column.name for column in columns)}"
        )
    return [described[name.casefold()] for name in header]


def schema_of(columns: Sequence[OutputColumn]) -> pa.Schema:
    """Return the Arrow schema of these columns."""
    return pa.schema([(column.name, column.arrow_type) for column in columns])


def read_batches(part: Path, columns: Sequence[OutputColumn]) -> Iterator[pa.RecordBatch]:
    """Read a part in the order of ``columns``; none for a part that is its header only.

    :raises ResultsBroken: when the part is truncated, malformed or of other columns.
    """
    header = read_header(part)
    names = {name.casefold(): name for name in header}
    match_columns(header, columns)
    if _is_header_only(part):
        return
    _check_end(part)
    schema = schema_of(columns)
    order = [names[column.name.casefold()] for column in columns]
    try:
        with _open(part, dict(zip(order, schema.types, strict=True)), order) as reader:
            for batch in reader:
                arrays = [
                    _exact(array, kind)
                    for array, kind in zip(batch.columns, schema.types, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    except (pa.ArrowException, OSError) as err:
        raise ResultsBroken(f"{part.name} cannot be read: {str(err)[:_SHOWN_CHARS]}") from err


def _open(
    part: Path, types: dict[str, pa.DataType], order: list[str]
) -> arrow_csv.CSVStreamingReader:
    return arrow_csv.open_csv(
        part,
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        parse_options=arrow_csv.ParseOptions(
            newlines_in_values=True,
            ignore_empty_lines=len(order) > 1,  # of a single column an empty line is a NULL
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: _parsed_as(kind) for name, kind in types.items()},
            include_columns=order,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["true", "TRUE"],
            false_values=["false", "FALSE"],
        ),
    )


def _parsed_as(kind: pa.DataType) -> pa.DataType:
    """Tell as what a column is parsed: the CSV reader knows no wide decimals and no ``Z``."""
    is_read_as_text = pa.types.is_decimal256(kind) or pa.types.is_timestamp(kind)
    return pa.string() if is_read_as_text else kind


def _exact(array: pa.Array[Any], kind: pa.DataType) -> pa.Array[Any]:
    if array.type == kind:
        return array
    if pa.types.is_timestamp(kind):  # AMC's documents show times with and without the Z
        array = pc.replace_substring_regex(array, pattern="Z$", replacement="")
    return array.cast(kind)


def _is_header_only(part: Path) -> bool:
    with part.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        next(csv.reader(file))  # takes the lines of the header and no more
        return not file.read(1)


def _check_end(part: Path) -> None:
    """Refuse a file that ends inside a row: every row ends its line and closes its quotes."""
    quotes, last = 0, b""
    with part.open("rb") as file:
        while chunk := file.read(BLOCK_BYTES):
            quotes += chunk.count(b'"')
            last = chunk[-1:]
    if quotes % 2 or last not in (b"\n", b"\r"):
        raise ResultsBroken(f"{part.name} is truncated: it ends inside a row; load it again")
