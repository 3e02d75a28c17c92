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


def record_late_windows(connection: Connection) -> list[LateWindow]:
    """Queue an event for each window that is late by now, once; return what was found."""
    return [LateWindow(**row) for row in fetch_all(connection, "record_late_windows")]
