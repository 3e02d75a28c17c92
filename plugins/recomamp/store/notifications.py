"""Rows of ``notifications``: events that are mailed to users, and the state of each mail."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.mail_messages import Recipient
from recomamp.domain.notifications import Event, Mail, NotificationStatus, RecentMail
from recomamp.store.statements import Row, execute_returning, fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedNotification:
    """A mail that is being sent: who gets it, and what it says."""

    address: str
    reader: Recipient
    attempts: int  # this one included
    events: tuple[Event, ...]


def expire_notifications(
    connection: Connection, *, now: datetime, oldest: datetime
) -> list[tuple[UUID, NotificationStatus]]:
    """End what will not be sent: too old, unsubscribed, or left in doubt by a lost sender."""
    found = fetch_all(connection, "expire_notifications", now=now, oldest=oldest)
    return [(row["id"], NotificationStatus(row["status"])) for row in found]


def claim_notifications(
    connection: Connection,
    *,
    claim_id: UUID,
    now: datetime,
    lease: timedelta,
    limit: int,
    overdue_by: timedelta = timedelta(0),
) -> list[Event]:
    """Take what is due into one hand, a user's first before anybody's second.

    :param overdue_by: for how long an event must have been due.
    """
    found = fetch_all(
        connection,
        "claim_notifications",
        claim_id=claim_id,
        now=now,
        due_until=now - overdue_by,
        claimed_until=now + lease,
        limit=limit,
    )
    return sorted(map(_event, found), key=lambda event: (event.happened_at, event.id))


def select_recent_mails(
    connection: Connection, user_ids: Collection[UUID], *, since: datetime
) -> dict[UUID, RecentMail]:
    """Return the mails that users were sent since a time."""
    found = fetch_all(connection, "select_recent_mails", user_ids=list(user_ids), since=since)
    return {
        row["user_id"]: RecentMail(mails=row["mails"], last_digest_at=row["last_digest_at"])
        for row in found
    }


def start_sending_notifications(
    connection: Connection,
    mail: Mail,
    *,
    claim_id: UUID,
    message_id: str,
    now: datetime,
) -> ClaimedNotification | None:
    """Say that a mail is being sent, once; None where nothing of it is to be sent any more.

    Events that were withdrawn, and all of them where the user wants no mail, are left out.
    """
    found = fetch_all(
        connection,
        "start_sending_notifications",
        ids=[event.id for event in mail.events],
        claim_id=claim_id,
        message_id=message_id,
        is_digest=mail.is_digest,
        now=now,
    )
    if not found:
        return None
    first = found[0]
    return ClaimedNotification(
        address=first["email"],
        reader=Recipient(name=first["full_name"], time_zone=first["timezone"]),
        attempts=max(row["attempts"] for row in found),
        events=tuple(sorted(map(_event, found), key=lambda event: (event.happened_at, event.id))),
    )


def end_sending_notifications(
    connection: Connection,
    events: Collection[Event],
    *,
    claim_id: UUID,
    status: NotificationStatus,
    next_try_at: datetime | None = None,
    last_error: str | None = None,
) -> bool:
    """Say what became of a mail; False where that has been said."""
    return execute_returning(
        connection,
        "end_sending_notifications",
        ids=[event.id for event in events],
        claim_id=claim_id,
        status=status.value,
        next_try_at=next_try_at,
        last_error=last_error,
    )


def release_notifications(
    connection: Connection,
    events: Collection[Event],
    *,
    claim_id: UUID,
    next_try_at: datetime,
    last_error: str | None = None,
) -> bool:
    """Give back what was claimed and not begun."""
    return execute_returning(
        connection,
        "release_notifications",
        ids=[event.id for event in events],
        claim_id=claim_id,
        next_try_at=next_try_at,
        last_error=last_error,
    )


def select_first_rows(
    connection: Connection, execution_id: UUID, *, user_id: UUID, limit: int
) -> list[list[str | None]]:
    """Return the columns and the first rows of a user's result, as text; empty without results."""
    found = fetch_all(
        connection, "select_first_rows", execution_id=execution_id, user_id=user_id, limit=limit
    )
    return [row["cells"] for row in found]


def _event(row: Row) -> Event:
    return Event(
        id=row["id"],
        user_id=row["user_id"],
        kind=row["kind"],
        happened_at=row["happened_at"],
        details=row["details"],
    )
