"""Windows of schedules that have no results in time (``workflow_schedules.late_after``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class LateWindow:
    """A window that was judged late, or a schedule that could not be judged."""

    schedule_id: UUID | None
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


def withdraw_loaded_windows(connection: Connection) -> list[UnreadableEvent]:
    """Withdraw events of windows that have results by now; return those that say nothing clear."""
    rows = fetch_all(connection, "withdraw_loaded_windows")
    return [UnreadableEvent(**row) for row in rows]
