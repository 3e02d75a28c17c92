"""Windows that have no results in time (``late_after`` of a schedule or a collection)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class LateWindow:
    """A window or weeks that were judged late, or a definition that could not be judged."""

    schedule_id: UUID | None = None
    collection_id: UUID | None = None
    due_at: datetime | None
    problem: str | None  # why it could not be judged


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableEvent:
    """An event of a late window that cannot be judged."""

    event_id: UUID
    problem: str


def record_late_windows(connection: Connection) -> list[LateWindow]:
    """Queue an event for each window that is late by now, once; return what was found."""
    return [LateWindow(**row) for row in fetch_all(connection, "record_late_windows")]


def record_late_weeks(connection: Connection) -> list[LateWindow]:
    """Queue an event for the weeks of each collection that are late by now, once, likewise."""
    return [LateWindow(**row) for row in fetch_all(connection, "record_late_weeks")]


def withdraw_loaded_windows(connection: Connection) -> list[UnreadableEvent]:
    """Withdraw events of windows that have results by now; return those that say nothing clear."""
    rows = fetch_all(connection, "withdraw_loaded_windows")
    return [UnreadableEvent(**row) for row in rows]
