"""Results that have grown old: which, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from recomamp.store.statements import Row, execute_returning, fetch_all

_FIRST_ID = UUID(int=0)
_FIRST_DATE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where a page ended; the first page begins at the default."""

    completed_at: datetime = _FIRST_DATE
    id: UUID = _FIRST_ID


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpiredDocument:
    """A result whose document has rows, and the files that hold them."""

    id: UUID
    completed_at: datetime
    listed_files: Any  # as the document says, to be compared when it is changed
    keeper_id: UUID  # whose files they are: its own, or those of the one that superseded it
    keeper_workflow_id: UUID
    files: list[dict[str, Any]]
    is_as_full: bool  # whether they hold as many rows as the result had


@dataclass(frozen=True, kw_only=True, slots=True)
class SupersededFiles:
    """A superseded result with its files, and the later success with its own."""

    id: UUID
    workflow_id: UUID
    completed_at: datetime
    files: list[dict[str, Any]]
    keeper_id: UUID
    keeper_workflow_id: UUID
    keeper_files: list[dict[str, Any]]
    is_as_full: bool  # whether the later success has as many rows


def select_documents_to_trim(
    connection: Connection, *, before: datetime, after: Position, limit: int
) -> list[ExpiredDocument]:
    """Return a page of old results whose documents have rows, oldest first."""
    return [ExpiredDocument(**row) for row in _page(connection, _DOCUMENTS, before, after, limit)]


def select_files_to_delete(
    connection: Connection, *, before: datetime, after: Position, limit: int
) -> list[SupersededFiles]:
    """Return a page of old results that a later success has superseded, oldest first."""
    return [SupersededFiles(**row) for row in _page(connection, _FILES, before, after, limit)]


def trim_document(
    connection: Connection, document: ExpiredDocument, *, trimmed_at: datetime, before: datetime
) -> bool:
    """Take the rows out of a document; False where results were loaded again meanwhile."""
    return execute_returning(
        connection,
        "trim_document",
        execution_id=document.id,
        listed_files=Json(document.listed_files),
        trimmed_at=trimmed_at,
        before=before,
    )


def set_files_deleted(
    connection: Connection, old: SupersededFiles, *, deleted_at: datetime, before: datetime
) -> bool:
    """Say that files are gone and who has the results; False where they were loaded again."""
    return execute_returning(
        connection,
        "set_result_files_deleted",
        execution_id=old.id,
        files=Json(old.files),
        keeper_id=old.keeper_id,
        deleted_at=deleted_at,
        before=before,
    )


_DOCUMENTS = "select_documents_to_trim"
_FILES = "select_files_to_delete"


def _page(
    connection: Connection, statement: str, before: datetime, after: Position, limit: int
) -> Iterator[Row]:
    yield from fetch_all(
        connection,
        statement,
        before=before,
        after_completed_at=after.completed_at,
        after_id=after.id,
        limit=limit,
    )
