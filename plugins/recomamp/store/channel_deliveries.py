"""Rows of ``channel_deliveries``: events that are sent to webhooks and to Slack."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.mail_messages import Recipient
from recomamp.domain.notifications import ChannelKind, DeliveryStatus, Event
from recomamp.store.statements import Row, execute_returning, fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """An event in the hand of one sender, and where it goes. Address and secret are not shown."""

    id: UUID
    attempts: int  # this one included
    channel_id: UUID
    channel_kind: ChannelKind
    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    reader: Recipient
    event: Event


def expire_deliveries(connection: Connection, *, now: datetime, oldest: datetime) -> int:
    """End what will not be sent; return how many."""
    return len(fetch_all(connection, "expire_deliveries", now=now, oldest=oldest))


def claim_deliveries(
    connection: Connection,
    *,
    claim_id: UUID,
    now: datetime,
    lease: timedelta,
    limit: int,
    per_user: int,
    overdue_by: timedelta = timedelta(0),
) -> list[Delivery]:
    """Take what is due into one hand, a user's first before anybody's second.

    :param per_user: at most so many of one user.
    :param overdue_by: for how long a delivery must have been due.
    """
    found = fetch_all(
        connection,
        "claim_deliveries",
        claim_id=claim_id,
        now=now,
        due_until=now - overdue_by,
        claimed_until=now + lease,
        limit=limit,
        per_user=per_user,
    )
    return sorted(map(_delivery, found), key=lambda one: (one.event.happened_at, one.id))


def end_delivery(
    connection: Connection,
    delivery_id: UUID,
    *,
    claim_id: UUID,
    status: DeliveryStatus,
    next_try_at: datetime | None = None,
    last_error: str | None = None,
) -> bool:
    """Say what became of a try; False where the event was withdrawn or another sender has it."""
    return execute_returning(
        connection,
        "end_delivery",
        delivery_id=delivery_id,
        claim_id=claim_id,
        status=status.value,
        next_try_at=next_try_at,
        last_error=last_error,
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        attempts=row["attempts"],
        channel_id=row["channel_id"],
        channel_kind=ChannelKind(row["channel_kind"]),
        url=row["url"],
        secret=row["secret"],
        reader=Recipient(name=row["full_name"], time_zone=row["timezone"]),
        event=Event(
            id=row["event_id"],
            user_id=row["user_id"],
            kind=row["kind"],
            happened_at=row["happened_at"],
            details=row["details"],
        ),
    )
