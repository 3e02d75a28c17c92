"""Requests of the pipeline to read windows again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.restatement import MAX_OPEN_REQUESTS
from recomamp.store.statements import fetch_all, fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class RestatementRequest:
    """A window of a schedule or a collection, to be read again at an age in days after its end."""

    schedule_id: UUID | None
    collection_id: UUID | None
    window_start: datetime
    window_end: datetime
    restate_age_days: int


def select_restated_users(connection: Connection) -> list[UUID]:
    """Return the users with a schedule or a collection that restates its windows."""
    return [row["user_id"] for row in fetch_all(connection, "select_restated_users")]


def insert_restatement_requests(
    connection: Connection, user_id: UUID, *, now: datetime, lock_milliseconds: int
) -> list[RestatementRequest]:
    """Ask for the windows of a user that are due; return what was asked for.

    :param lock_milliseconds: how long to wait for rows that the user's own transaction has locked.
    :raises psycopg2.errors.LockNotAvailable: when it takes longer.
    """
    fetch_one(connection, "set_lock_timeout", milliseconds=lock_milliseconds)
    rows = fetch_all(
        connection,
        "insert_restatement_requests",
        user_id=user_id,
        now=now,
        most_open=MAX_OPEN_REQUESTS,
    )
    return [RestatementRequest(**row) for row in rows]
