"""Reads the CSV files of a result with exact types, a few megabytes at a time.

An empty field is NULL, a quoted empty field is an empty string. The last row may lack its line end.
A result is refused where it is not as AMC described it: a header, a number, a row of other length.

``csv_dialects`` examines each part first. Arrow alone would accept text after a closing quote.
``csv_values`` reads the fields. Arrow alone would accept numbers and times of other forms.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from recomamp.domain.limits import Limits
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import InvalidResults, LimitExceeded
from recomamp.store.results.csv_dialects import open_doubled
from recomamp.store.results.csv_grammar import (
    BLOCK_BYTES,
    GRAMMARS,
    Dialect,
    find_long_row,
    line_end_of,
)
from recomamp.store.results.csv_values import (
    FALSE_WORDS,
    TRUE_WORDS,
    Unreadable,
    find_unreadable,
    parsed_as,
    read_values,
    shown,
    written_as,
)

# No row may be longer than a block. Arrow reads up to 32 blocks ahead, so large ones are read only
# where a row needs them. BLOCK_BYTES is the usual one
LARGE_BLOCK_BYTES = 4 * 1024 * 1024

_ROW_TOO_LONG = "straddles two block boundaries"
_SHOWN_CHARS = 300


def read_header(part: Path, dialect: Dialect, limits: Limits) -> list[str]:
    """Return the column names of a part.

    :raises InvalidResults: when there is no header, or a name occurs twice.
    :raises LimitExceeded: when the header is too long, or has too many names.
    """
    try:
        with _open_text(part, dialect) as file:
            names = _take_header(file, part, limits)
        "".join(names).encode()
    except (OSError, UnicodeError, csv.Error) as err:
        raise InvalidResults(f"{part.name} has no readable header: {err}") from err
    if not any(names):
        raise InvalidResults(f"{part.name} is empty: it has not even a header")
    if len(names) > limits.result_limit_columns:
        raise LimitExceeded(
            f"{part.name} has {len(names)} columns; RECOMAMP_RESULT_LIMIT_COLUMNS allows "
            f"{limits.result_limit_columns}"
        )
    times = Counter(name.casefold() for name in names)
    if twice := sorted(name for name, number in times.items() if number > 1):
        raise InvalidResults(f"{part.name} has the column {twice[0]!r} twice")
    return names


def match_columns(header: Sequence[str], columns: Sequence[OutputColumn]) -> list[OutputColumn]:
    """Return the described columns in the order of the file.

    :raises InvalidResults: when the file has other columns than AMC described.
    """
    described = {column.name.casefold(): column for column in columns}
    found = {name.casefold() for name in header}
    if found != described.keys() or len(described) != len(columns):
        raise InvalidResults(
            f"the file has the columns {', '.join(header)}; "
            f"AMC described {', '.join(column.name for column in columns) or 'none'}"
        )
    return [described[name.casefold()] for name in header]


def schema_of(columns: Sequence[OutputColumn]) -> pa.Schema:
    """Return the Arrow schema of these columns."""
    return pa.schema([(column.name, column.arrow_type) for column in columns])


def read_batches(
    part: Path, columns: Sequence[OutputColumn], dialect: Dialect, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Read a part in the order of ``columns``; none for a part that is its header only.

    :param dialect: of the part, as ``DialectEvidence`` has found it.
    :raises InvalidResults: when the part is malformed or of other columns.
    """
    header = read_header(part, dialect, limits)
    names = {name.casefold(): name for name in header}
    match_columns(header, columns)
    if _is_header_only(part, dialect, limits):
        return
    source = _Source(
        part=part,
        dialect=dialect,
        order=[names[column.name.casefold()] for column in columns],
        columns=columns,
        schema=schema_of(columns),
    )
    rows = 0
    for block_bytes in (BLOCK_BYTES, LARGE_BLOCK_BYTES):
        try:
            for batch in _without_first(rows, source.read(block_bytes)):
                rows += batch.num_rows
                yield batch
            return
        except (pa.ArrowException, OSError) as err:
            if _ROW_TOO_LONG not in str(err):
                problem = str(source.find_problem(block_bytes) or err)[:_SHOWN_CHARS]
                raise InvalidResults(
                    f"{part.name} cannot be read: {problem}; load the results again"
                ) from err
            if block_bytes == LARGE_BLOCK_BYTES:
                raise _row_too_long(part, dialect) from err


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """A part with rows, and what is known of its columns."""

    part: Path
    dialect: Dialect
    order: list[str]  # the names as the part's header writes them
    columns: Sequence[OutputColumn]
    schema: pa.Schema

    def read(self, block_bytes: int, *, is_to_fail: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield the rows with exact types.

        :param is_to_fail: parse on one thread, and convert nothing while parsing: only then is it
            known in which row a problem is.
        :raises InvalidResults: when a value is not of its column's type.
        """
        # With threads the next rows are parsed while the caller works on these
        options = arrow_csv.ReadOptions(use_threads=not is_to_fail, block_size=block_bytes)
        types = {
            name: pa.binary() if is_to_fail else parsed_as(column.arrow_type)
            for name, column in zip(self.order, self.columns, strict=True)
        }
        first_row = 2
        with self._open() as file, _arrow_reader(file, types, self.order, options) as reader:
            for batch in reader:
                arrays = [
                    self._values(fields, column, first_row)
                    for fields, column in zip(batch.columns, self.columns, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
                first_row += batch.num_rows

    def find_problem(self, block_bytes: int) -> Exception | None:
        """Fail once more, and return what Arrow says then.

        :raises InvalidResults: when the problem is a value that Arrow could not convert.
        """
        try:
            for _ in self.read(block_bytes, is_to_fail=True):
                pass
        except (pa.ArrowException, OSError) as err:
            return err
        return None

    def _values(self, fields: pa.Array[Any], column: OutputColumn, first_row: int) -> pa.Array[Any]:
        kind = column.arrow_type
        try:
            return read_values(fields, kind)
        except Unreadable as err:
            index = find_unreadable(fields, kind)
            value = shown(fields[index].as_py())
            raise InvalidResults(
                f"{self.part.name}, row {first_row + index}, column {column.name}: {value} is not "
                f"a valid {column.type_name}, which is {written_as(kind)}; load the results again, "
                "or let the query write the column as text, such as CAST(name AS VARCHAR)"
            ) from err

    def _open(self) -> AbstractContextManager[Path | io.BufferedReader]:
        """Give the file's name where Arrow can read the file itself, which is faster."""
        if self.dialect is Dialect.DOUBLED:
            return nullcontext(self.part)
        return open_doubled(self.part, self.dialect)


def _row_too_long(part: Path, dialect: Dialect) -> InvalidResults:
    place = find_long_row(part, GRAMMARS[dialect, line_end_of(part)], LARGE_BLOCK_BYTES)
    return InvalidResults(
        f"{place or part.name}: a row has more than {LARGE_BLOCK_BYTES} bytes; let the query "
        "shorten it, such as SUBSTRING(name, 1, 1000), or return fewer columns"
    )


def _without_first(rows: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Leave out so many rows, which an earlier reading has given."""
    for batch in batches:
        if batch.num_rows > rows:
            yield batch.slice(rows)
        rows = max(0, rows - batch.num_rows)


def _arrow_reader(
    file: Path | io.BufferedReader,
    types: dict[str, pa.DataType],
    order: list[str],
    read_options: arrow_csv.ReadOptions,
) -> arrow_csv.CSVStreamingReader:
    return arrow_csv.open_csv(
        file,
        read_options=read_options,
        parse_options=arrow_csv.ParseOptions(
            newlines_in_values=True,
            # Of a single column an empty line is a NULL. Of several it has been refused before
            ignore_empty_lines=False,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=order,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=TRUE_WORDS,
            false_values=FALSE_WORDS,
        ),
    )


def _open_text(part: Path, dialect: Dialect) -> io.TextIOWrapper:
    """Open a part as text. What is not UTF-8 cannot be encoded again; Arrow names its row."""
    return io.TextIOWrapper(
        open_doubled(part, dialect), encoding="utf-8-sig", errors="surrogateescape", newline=""
    )


def _is_header_only(part: Path, dialect: Dialect, limits: Limits) -> bool:
    with _open_text(part, dialect) as file:
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
