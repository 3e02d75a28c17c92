"""Reads results back as Arrow tables: from their Parquet files or from their documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from recomamp.domain.result_columns import OutputColumn, read_stored_columns
from recomamp.errors import InvalidResults
from recomamp.store.results.stored_files import PLACE, StoredFiles
from recomamp.store.stored_results import StoredResult

_BATCH_ROWS = 2_000  # a row may have megabytes of text
_URI = re.compile(rf"(?P<base>.+)/{PLACE.pattern}")


def read_files(
    result: StoredResult, columns: Sequence[str] | None, *, results_url: str | None
) -> pa.Table:
    """Read all Parquet files of a result, and of them the wanted columns alone.

    :param columns: None for all.
    :param results_url: where results lie, with what opens it. None, or another place than the
        files': they are opened at their own addresses.
    :raises FileNotFoundError: when a file is missing. The message is its address.
    :raises InvalidResults: when a file is not the one that was loaded, or lacks a column.
    """
    return pa.concat_tables(
        [_read_file(result, file, columns, results_url) for file in result.files]
    )


def read_rows(
    result: StoredResult, columns: Sequence[str], *, results_url: str | None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result as Python values, with few of them in memory at a time.

    It raises what ``read_files`` raises, where the first row of a file is asked for.
    """
    for file in result.files:
        with _opened(result, file, columns, results_url) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=list(columns)):
                by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield from zip(*(by_name[name].to_pylist() for name in columns), strict=True)


def read_document(data: str, result: StoredResult, columns: Sequence[str] | None) -> pa.Table:
    """Read the rows of a result's document with the types of its columns.

    :param data: the document's rows as JSON text.
    :raises InvalidResults: when the document does not describe its columns, or lacks one.
    """
    described = read_stored_columns(result.columns)
    if not described:
        raise InvalidResults(
            f"the document of execution {result.execution_id} does not describe its columns"
        )
    _require_columns(columns, [column.name for column in described], result)
    rows = json.loads(data, parse_float=Decimal)
    wanted = [one for one in described if columns is None or one.name in columns]
    table = pa.table({one.name: _column(one, rows) for one in wanted})
    return table.select(columns) if columns is not None else table


def unite(tables: Iterable[pa.Table], names: Sequence[str]) -> pa.Table:
    """Put the rows of several results below each other; a column that one lacks is NULL there.

    Integers and decimals become the widest of their type. No other types are mixed.

    :param names: of the results, for the message.
    :raises InvalidResults: when a column changed its type between them.
    """
    tables = list(tables)
    first: dict[str, tuple[pa.DataType, str]] = {}
    for table, name in zip(tables, names, strict=True):
        for field in table.schema:
            kind, where = first.setdefault(field.name, (field.type, name))
            if not _may_be_mixed(kind, field.type):
                raise InvalidResults(
                    f"column {field.name!r} is {kind} in {where} and {field.type} in {name}; read "
                    "them one by one, or name the windows or the columns that are alike"
                )
    return pa.concat_tables(tables, promote_options="permissive")


def _may_be_mixed(one: pa.DataType, other: pa.DataType) -> bool:
    alike = (pa.types.is_integer, pa.types.is_decimal)
    return one == other or any(kind(one) and kind(other) for kind in alike)


def _read_file(
    result: StoredResult,
    file: Mapping[str, Any],
    columns: Sequence[str] | None,
    results_url: str | None,
) -> pa.Table:
    with _opened(result, file, columns, results_url) as parquet:
        return parquet.read(columns=None if columns is None else list(columns))


@contextmanager
def _opened(
    result: StoredResult,
    file: Mapping[str, Any],
    columns: Sequence[str] | None,
    results_url: str | None,
) -> Iterator[pq.ParquetFile]:
    """Open a file, which must be the one that was loaded and have the wanted columns."""
    uri = str(file.get("uri"))
    stored, path = _find(result, uri, results_url)
    with stored.opened(path) as opened, pq.ParquetFile(opened) as parquet:
        if parquet.metadata.num_rows != file.get("rows"):
            raise InvalidResults(
                f"{uri} has {parquet.metadata.num_rows} rows, and execution "
                f"{result.execution_id} has loaded {file.get('rows')}; load it again (clear the "
                "task load of its run)"
            )
        _require_columns(columns, parquet.schema_arrow.names, result)
        yield parquet


def _find(result: StoredResult, uri: str, results_url: str | None) -> tuple[StoredFiles, str]:
    """Return the storage of a file and where it lies there."""
    ids = {"workflow_id": result.workflow_id, "execution_id": result.execution_id}
    for url in filter(None, (results_url, _base_url(uri))):
        stored = StoredFiles(url)
        if path := stored.path_of(uri, **ids):
            return stored, path
    raise InvalidResults(f"{uri} is no file of execution {result.execution_id}: it is not opened")


def _base_url(uri: str) -> str | None:
    """Return below which place an address is, as ``RECOMAMP_RESULTS_URL`` would name it."""
    matched = _URI.fullmatch(uri)
    if matched is None:
        return None
    # A local path is encoded where it holds a %, and has none otherwise
    base = matched["base"]
    return unquote(urlsplit(base).path) if base.startswith("file://") else base


def _require_columns(
    wanted: Sequence[str] | None, there: Sequence[str], result: StoredResult
) -> None:
    if missing := [name for name in wanted or () if name not in there]:
        raise InvalidResults(
            f"the result of execution {result.execution_id} has no column {missing[0]!r}; it has "
            f"{', '.join(there)}"
        )


def _column(column: OutputColumn, rows: Sequence[Mapping[str, Any]]) -> pa.Array[Any]:
    read = _reader(column.arrow_type)
    values = (row.get(column.name) for row in rows)
    return pa.array(
        (None if value is None else read(value) for value in values), type=column.arrow_type
    )


def _reader(kind: pa.DataType) -> Callable[[Any], Any]:
    """Return how a JSON value becomes a value of this type."""
    if pa.types.is_decimal(kind):
        return Decimal
    if pa.types.is_floating(kind):
        return float
    if pa.types.is_integer(kind):
        return int
    if pa.types.is_date(kind):
        return date.fromisoformat
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat
    return lambda value: value
