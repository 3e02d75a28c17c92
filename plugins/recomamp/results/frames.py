"""The functions that people call: results as DataFrames."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pandas as pd
import pyarrow as pa
from psycopg2.extensions import connection as Connection

from recomamp.errors import InvalidDefinition, InvalidResults
from recomamp.results.opened import DEFAULT_CONN_ID, opened, transaction
from recomamp.results.selection import Overlaps, Selection
from recomamp.store.results.reader import read_document, read_files, unite
from recomamp.store.stored_results import (
    StoredResult,
    select_document_rows,
    select_results_as_of,
    select_stored_result,
    select_workflow_ids,
)

log = logging.getLogger(__name__)

# No column of a query has these names: they are keys of the results' directories
_START, _EXECUTION = "recomamp_window_start", "recomamp_execution"
_END = "recomamp_window_end"


def current(
    workflow: UUID | str,
    start: date | datetime | None = None,
    end: date | datetime | None = None,
    *,
    key: str | None = None,
    source: UUID | str | None = None,
    columns: Sequence[str] | None = None,
    with_window: bool = False,
    overlaps: Overlaps = "refuse",
    connection: str | Connection = DEFAULT_CONN_ID,
    results_url: str | None = None,
) -> pd.DataFrame:
    """Return the rows of a workflow's current results, in the order of their windows.

    Files are read after the transaction that selects the results has ended. A transaction that the
    caller has begun stays open.

    :param workflow: UUID or name.
    :param start: earliest start of a window: a day of the window's zone, or a time.
    :param end: latest end of a window, exclusive.
    :param key: of one window, as the keyed Asset events name it.
    :param source: the schedule or collection whose results are meant; None for all.
    :param columns: the columns to read; None for all.
    :param with_window: adds ``recomamp_window_start``, ``recomamp_window_end`` and
        ``recomamp_execution``.
    :param overlaps: ``refuse`` raises an error where windows overlap, whose rows would count twice.
        ``keep`` returns the rows of each window.
    :param connection: the id of an Airflow connection, a URI, or an open connection.
    :param results_url: where results lie, with what opens it; RECOMAMP_RESULTS_URL if left out.
    :raises InvalidDefinition: when the workflow is unknown or its name is not unique, or when
        windows overlap and ``overlaps`` is ``refuse``.
    :raises InvalidResults: when files are missing and the document is not whole, when a column is
        missing, or when it changed its type.
    """
    with opened(connection) as one:
        with transaction(one):
            found = _current(one, workflow, None)
        chosen = Selection(start=start, end=end, key=key, source=source, overlaps=overlaps)
        return _frame(one, chosen.of(found), columns, with_window, results_url)


def as_of(
    workflow: UUID | str,
    when: datetime,
    start: date | datetime | None = None,
    end: date | datetime | None = None,
    *,
    key: str | None = None,
    source: UUID | str | None = None,
    columns: Sequence[str] | None = None,
    with_window: bool = False,
    overlaps: Overlaps = "refuse",
    connection: str | Connection = DEFAULT_CONN_ID,
    results_url: str | None = None,
) -> pd.DataFrame:
    """Return the rows of the results that were current at a time: loaded then or earlier.

    The parameters and errors are those of ``current``.

    :param when: a time with a zone. A result that was loaded again counts from the last load.
    :raises InvalidDefinition: when ``when`` has no zone.
    """
    with opened(connection) as one:
        with transaction(one):
            found = _current(one, workflow, _aware(when))
        chosen = Selection(start=start, end=end, key=key, source=source, overlaps=overlaps)
        return _frame(one, chosen.of(found), columns, with_window, results_url)


def execution(
    execution_id: UUID | str,
    *,
    columns: Sequence[str] | None = None,
    with_window: bool = False,
    connection: str | Connection = DEFAULT_CONN_ID,
    results_url: str | None = None,
) -> pd.DataFrame:
    """Return the rows of one execution, whether it is current or not.

    :raises InvalidDefinition: when there is no success of that id.
    :raises InvalidResults: as ``current`` does.
    """
    with opened(connection) as one:
        with transaction(one):
            found = select_stored_result(one, _uuid(execution_id))
        if found is None:
            raise InvalidDefinition(
                f"no execution {execution_id} has results",
                table="workflow_executions",
                column="id",
            )
        return _frame(one, [found], columns, with_window, results_url)


def windows(
    workflow: UUID | str, *, connection: str | Connection = DEFAULT_CONN_ID
) -> pd.DataFrame:
    """Return one row for each window that has a current result; no result is read.

    :raises InvalidDefinition: when the workflow is unknown or its name is not unique.
    """
    with opened(connection) as one, transaction(one):
        found = _current(one, workflow, None)
    listed = [
        {
            "key": result.window.key,
            "start": result.window.start,
            "end": result.window.end,
            "time_zone": result.window.time_zone,
            "type": result.window.type.value,
            "schedule_id": _text(result.schedule_id),
            "collection_id": _text(result.collection_id),
            "execution_id": str(result.execution_id),
            "rows": result.rows,
            "bytes": result.bytes,
            "loaded_at": _utc(result.loaded_at),
            "files_deleted_at": _utc(result.files_deleted_at),
            "versions": result.versions,
        }
        for result in found
        if result.window
    ]
    return _to_pandas(pa.Table.from_pylist(listed, schema=_WINDOWS))


_TIME = pa.timestamp("us", tz="UTC")
_COLUMNS: dict[str, pa.DataType] = {
    "key": pa.string(),
    "start": _TIME,
    "end": _TIME,
    "time_zone": pa.string(),
    "type": pa.string(),
    "schedule_id": pa.string(),
    "collection_id": pa.string(),
    "execution_id": pa.string(),
    "rows": pa.int64(),
    "bytes": pa.int64(),
    "loaded_at": _TIME,
    "files_deleted_at": _TIME,
    "versions": pa.int64(),
}
_WINDOWS = pa.schema(_COLUMNS)


def _current(
    connection: Connection, workflow: UUID | str, loaded_until: datetime | None
) -> list[StoredResult]:
    workflow_id = _workflow_id(connection, workflow)
    return select_results_as_of(connection, workflow_id, loaded_until=loaded_until)


def _workflow_id(connection: Connection, workflow: UUID | str) -> UUID:
    try:
        key = UUID(str(workflow))
    except ValueError:
        key = None
    found = select_workflow_ids(connection, workflow_id=key, name=str(workflow))
    if len(found) == 1:
        return found[0]
    problem = f"no workflow has the id or the name {str(workflow)!r}"
    if found:
        ids = ", ".join(map(str, found))
        problem = f"several workflows have the name {str(workflow)!r}; name one by its id: {ids}"
    raise InvalidDefinition(problem, table="workflows", column="name")


def _frame(
    connection: Connection,
    results: Sequence[StoredResult],
    columns: Sequence[str] | None,
    with_window: bool,
    results_url: str | None,
) -> pd.DataFrame:
    url = results_url or os.environ.get("RECOMAMP_RESULTS_URL")
    if not results:
        return pd.DataFrame(columns=list(columns or ()))
    tables = [_read(connection, result, columns, url) for result in results]
    if with_window:
        pairs = zip(tables, results, strict=True)
        tables = [_with_window(table, result) for table, result in pairs]
    return _to_pandas(unite(tables, [f"execution {one.execution_id}" for one in results]))


def _read(
    connection: Connection,
    result: StoredResult,
    columns: Sequence[str] | None,
    results_url: str | None,
) -> pa.Table:
    """Read the files of a result, or its document where files are missing."""
    problem = "its files were deleted" if result.files_deleted_at else "it lists no files"
    if result.files:
        try:
            return read_files(result, columns, results_url=results_url)
        except FileNotFoundError as err:
            problem = f"its file {err} is missing"
    with transaction(connection):
        now = select_stored_result(connection, result.execution_id)
        data = select_document_rows(connection, result.execution_id) if now else None
    if now is None:
        raise InvalidResults(
            f"execution {result.execution_id} was deleted while its results were read; call again "
            "for the results that are left"
        )
    if now.files_deleted_at and not result.files_deleted_at:
        problem = "retention deleted its files while they were read"
    return _read_document(data, result, columns, problem)


def _read_document(
    data: str | None, result: StoredResult, columns: Sequence[str] | None, problem: str
) -> pa.Table:
    """Read the document where it has all rows."""
    table = read_document(data, result, columns) if data and result.columns else None
    if table is None or table.num_rows != result.rows:
        raise InvalidResults(
            f"the rows of execution {result.execution_id} cannot be read: {problem}, and its "
            "document does not have all rows; run its window again (clear its run, or a backfill)"
        )
    log.warning("Execution %s: %s; its document is read instead", result.execution_id, problem)
    return table


def _with_window(table: pa.Table, result: StoredResult) -> pa.Table:
    window = result.window
    added: dict[str, pa.Scalar[Any]] = {
        _START: pa.scalar(window.start if window else None, _TIME),
        _END: pa.scalar(window.end if window else None, _TIME),
        _EXECUTION: pa.scalar(str(result.execution_id)),
    }
    for name, value in added.items():
        if name in table.column_names:
            raise InvalidResults(f"the result has a column {name}; read it without with_window")
        repeated = pa.repeat(value, table.num_rows)  # type: ignore[call-overload]  # any Scalar
        table = table.append_column(name, repeated)
    return table


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def _uuid(text: UUID | str) -> UUID:
    try:
        return UUID(str(text))
    except ValueError as err:
        raise InvalidDefinition(f"{str(text)!r} is no id of an execution") from err


def _aware(when: datetime) -> datetime:
    if when.tzinfo is None:
        raise InvalidDefinition(f"{when} has no time zone: write when= with one, such as UTC")
    return when


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def _text(key: UUID | None) -> str | None:
    return None if key is None else str(key)
