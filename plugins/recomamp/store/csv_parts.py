"""Reads the CSV files of a result with exact types, a few megabytes at a time.

An empty field is NULL, a quoted empty field is an empty string. What is not as AMC described it
(a header, a number, a row that ends too early) breaks the result instead of bending it.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from recomamp.domain.columns import OutputColumn
from recomamp.domain.errors import LimitExceeded, ResultsBroken
from recomamp.domain.limits import Limits

# No row may be longer than a block. Arrow reads up to 32 blocks ahead, so large ones are read only
# where a row needs them
BLOCK_BYTES = 512 * 1024
LARGE_BLOCK_BYTES = 4 * 1024 * 1024

_ROW_TOO_LONG = "straddles two block boundaries"
_SHOWN_CHARS = 300


def read_header(part: Path, limits: Limits) -> list[str]:
    """Return the column names of a part.

    :raises ResultsBroken: when there is no header, or a name occurs twice.
    :raises LimitExceeded: when the header is too long, or has too many names.
    """
    try:
        with part.open(encoding="utf-8-sig", newline="") as file:
            names = _take_header(file, part, limits)
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ResultsBroken(f"{part.name} has no readable header: {err}") from err
    if not any(names):
        raise ResultsBroken(f"{part.name} is empty: it has not even a header")
    if len(names) > limits.result_limit_columns:
        raise LimitExceeded(
            f"{part.name} has {len(names)} columns; RECOMAMP_RESULT_LIMIT_COLUMNS allows "
            f"{limits.result_limit_columns}"
        )
    times = Counter(name.casefold() for name in names)
    if twice := sorted(name for name, number in times.items() if number > 1):
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


def check_end(part: Path, limits: Limits) -> None:
    """Refuse a part that ends inside a row: every row ends its line and closes its quotes.

    :raises ResultsBroken: when it is truncated, or has not even a header.
    """
    read_header(part, limits)
    if _is_header_only(part, limits):
        return
    quotes, last = 0, b""
    with part.open("rb") as file:
        while chunk := file.read(BLOCK_BYTES):
            quotes += chunk.count(b'"')
            last = chunk[-1:]
    if quotes % 2 or last not in (b"\n", b"\r"):
        raise ResultsBroken(f"{part.name} is truncated: it ends inside a row; load it again")


def read_batches(
    part: Path, columns: Sequence[OutputColumn], limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Read a part in the order of ``columns``; none for a part that is its header only.

    Only ``check_end`` finds out whether it is whole.

    :raises ResultsBroken: when the part is malformed or of other columns.
    """
    header = read_header(part, limits)
    names = {name.casefold(): name for name in header}
    match_columns(header, columns)
    if _is_header_only(part, limits):
        return
    order = [names[column.name.casefold()] for column in columns]
    schema = schema_of(columns)
    rows = 0
    for block_bytes in (BLOCK_BYTES, LARGE_BLOCK_BYTES):
        try:
            for batch in _without_first(rows, _read(part, order, schema, block_bytes)):
                rows += batch.num_rows
                yield batch
            return
        except (pa.ArrowException, OSError) as err:
            if block_bytes == BLOCK_BYTES and _ROW_TOO_LONG in str(err):
                continue
            problem = _with_row(part, order, schema, block_bytes) or err
            raise ResultsBroken(
                f"{part.name} cannot be read: {str(problem)[:_SHOWN_CHARS]}"
            ) from err


def _read(
    part: Path, order: list[str], schema: pa.Schema, block_bytes: int, *, use_threads: bool = True
) -> Iterator[pa.RecordBatch]:
    types = dict(zip(order, schema.types, strict=True))
    # With threads the next rows are parsed while the caller works on these
    options = arrow_csv.ReadOptions(use_threads=use_threads, block_size=block_bytes)
    with _open(part, types, order, options) as reader:
        for batch in reader:
            arrays = [
                _exact(array, kind) for array, kind in zip(batch.columns, schema.types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _without_first(rows: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Leave out so many rows, which an earlier reading has given."""
    for batch in batches:
        if batch.num_rows > rows:
            yield batch.slice(rows)
        rows = max(0, rows - batch.num_rows)


def _with_row(
    part: Path, order: list[str], schema: pa.Schema, block_bytes: int
) -> Exception | None:
    """Fail once more, on one thread: only then does Arrow say in which row."""
    try:
        for _ in _read(part, order, schema, block_bytes, use_threads=False):
            pass
    except (pa.ArrowException, OSError) as err:
        return err
    return None


def _open(
    part: Path,
    types: dict[str, pa.DataType],
    order: list[str],
    read_options: arrow_csv.ReadOptions,
) -> arrow_csv.CSVStreamingReader:
    return arrow_csv.open_csv(
        part,
        read_options=read_options,
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
    """Return as what a column is parsed: the CSV reader knows no wide decimals and no ``Z``."""
    is_read_as_text = pa.types.is_decimal256(kind) or pa.types.is_timestamp(kind)
    return pa.string() if is_read_as_text else kind


def _exact(array: pa.Array[Any], kind: pa.DataType) -> pa.Array[Any]:
    if array.type == kind:
        return array
    if pa.types.is_timestamp(kind):  # AMC's documents show times with and without the Z
        array = _without_z(array)
    return array.cast(kind)


def _without_z(array: pa.Array[Any]) -> pa.Array[Any]:
    ends_so = pc.ends_with(array, pattern="Z")
    if not pc.any(ends_so).as_py():
        return array
    without: pa.Array[Any] = pc.if_else(ends_so, pc.utf8_slice_codeunits(array, 0, -1), array)
    return without


def _is_header_only(part: Path, limits: Limits) -> bool:
    with part.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        _take_header(file, part, limits)  # takes the lines of the header and no more
        return not file.read(1)


def _take_header(file: TextIO, part: Path, limits: Limits) -> list[str]:
    return next(csv.reader(_header_lines(file, part, limits)), [])


def _header_lines(file: TextIO, part: Path, limits: Limits) -> Iterator[str]:
    """Yield lines as long as they may belong to a header."""
    left = limits.header_bytes  # a character has at least one
    while line := file.readline(left + 1):
        left -= len(line)
        if left < 0:
            raise LimitExceeded(
                f"{part.name} has a header of more than {limits.header_bytes} characters, which is "
                "all that RECOMAMP_RESULT_LIMIT_COLUMNS allows"
            )
        yield line
