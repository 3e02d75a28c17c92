"""Where the results of executions are, and which of them are current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.scheduling.windows import Window, WindowType
from recomamp.store.statements import Row, fetch_all, fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResult:
    """The result of one execution: which data it is of, and where it lies.

    ``files`` and ``columns`` are those of the result document. ``versions`` counts the successes of
    the same source and window.
    """

    execution_id: UUID
    workflow_id: UUID
    schedule_id: UUID | None
    collection_id: UUID | None
    window: Window | None  # None: an execution of the application
    rows: int | None
    bytes: int | None
    files: Sequence[Mapping[str, Any]]
    columns: Sequence[Mapping[str, Any]]
    files_deleted_at: datetime | None
    completed_at: datetime | None
    loaded_at: datetime | None
    versions: int

    @property
    def source(self) -> UUID | None:
        """The schedule or collection, None where it was deleted."""
        return self.schedule_id or self.collection_id


def select_results_as_of(
    connection: Connection, workflow_id: UUID, *, loaded_until: datetime | None
) -> list[StoredResult]:
    """Return the current results of a workflow, in the order of their windows.

    :param loaded_until: those that were current then; None for now.
    """
    rows = fetch_all(
        connection, "select_results_as_of", workflow_id=workflow_id, loaded_until=loaded_until
    )
    return [_stored(row) for row in rows]


def select_stored_result(connection: Connection, execution_id: UUID) -> StoredResult | None:
    """Return the result of one execution, None where it has none."""
    row = fetch_one(connection, "select_stored_result", execution_id=execution_id)
    return _stored(row) if row else None


def select_document_rows(connection: Connection, execution_id: UUID) -> str | None:
    """Return the rows of a result's document as JSON text, None where there is no document."""
    row = fetch_one(connection, "select_document_rows", execution_id=execution_id)
    return row["data"] if row else None


def select_workflow_ids(
    connection: Connection, *, workflow_id: UUID | None, name: str
) -> list[UUID]:
    """Return the workflow of that id, or without an id those of that name; ten at most."""
    rows = fetch_all(connection, "select_workflow_ids", workflow_id=workflow_id, name=name)
    return [row["id"] for row in rows]


def _stored(row: Row) -> StoredResult:
    return StoredResult(
        execution_id=row["execution_id"],
        workflow_id=row["workflow_id"],
        schedule_id=row["schedule_id"],
        collection_id=row["collection_id"],
        window=_window(row),
        rows=row["result_rows"],
        bytes=row["result_size_bytes"],
        files=_objects(row["files"]),
        columns=_objects(row["columns"]),
        files_deleted_at=row["files_deleted_at"],
        completed_at=row["completed_at"],
        loaded_at=row["results_loaded_at"],
        versions=row["versions"],
    )


def _window(row: Row) -> Window | None:
    start, end = row["window_start"], row["window_end"]
    if start is None or end is None:
        return None
    known = row["window_type"] in WindowType.__members__
    return Window(
        start=start.astimezone(UTC),
        end=end.astimezone(UTC),
        time_zone=row["window_time_zone"] or "UTC",
        type=WindowType(row["window_type"]) if known else WindowType.EXPLICIT,
    )


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON list. A document of the application may hold anything."""
    listed = value if isinstance(value, list) else []
    return [one for one in listed if isinstance(one, Mapping)]
