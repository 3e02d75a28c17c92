"""Which events go to users, and in how many mails.

An event is one mail. After many mails within an hour, a user gets one digest an hour. So a backfill
that fails three hundred times sends a few mails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

MAILS_AN_HOUR = 5  # of one user; and one digest
RATE_WINDOW = timedelta(hours=1)
MAX_TRIES = 10
MAX_PAUSE = timedelta(hours=1)


class EventKind(StrEnum):
    """What users hear of (constraint ``chk_notification_kind``)."""

    SCHEDULE_RUN_FAILED = "SCHEDULE_RUN_FAILED"
    COLLECTION_COMPLETED = "COLLECTION_COMPLETED"
    COLLECTION_FAILED = "COLLECTION_FAILED"
    CONSENT_REVOKED = "CONSENT_REVOKED"
    RESULT_CHECK_FAILED = "RESULT_CHECK_FAILED"
    CONTRACT_CHANGED = "CONTRACT_CHANGED"
    WINDOW_LATE = "WINDOW_LATE"
    RESULTS_LOADED = "RESULTS_LOADED"


class NotificationStatus(StrEnum):
    """State of a row of ``notifications`` (constraint ``chk_notification_status``)."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    SENDING = "SENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    IN_DOUBT = "IN_DOUBT"
    WITHDRAWN = "WITHDRAWN"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    EXPIRED = "EXPIRED"


class ChannelKind(StrEnum):
    """A way to users (constraint ``chk_notification_channel_kind``)."""

    EMAIL = "EMAIL"
    WEBHOOK = "WEBHOOK"
    SLACK = "SLACK"


class DeliveryStatus(StrEnum):
    """State of a row of ``channel_deliveries`` (constraint ``chk_channel_delivery_status``)."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    SENT = "SENT"
    FAILED = "FAILED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to a user's work."""

    id: UUID
    user_id: UUID
    kind: EventKind | str  # as stored: a word that is none of ours fails its own mail
    happened_at: datetime
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentMail:
    """The recent mails to a user: mails of the last hour, and the last digest among them."""

    mails: int = 0
    last_digest_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """One mail: an event, or in a digest all that has come together."""

    events: tuple[Event, ...]
    is_digest: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MailPlan:
    """What to do with a user's events: the mails to send now, or until when all of them wait."""

    mails: tuple[Mail, ...] = ()
    wait_until: datetime | None = None


def plan_mails(events: Sequence[Event], recent: RecentMail, *, now: datetime) -> MailPlan:
    """Decide on the events of one user: a mail each, one digest, or later."""
    if recent.mails + len(events) <= MAILS_AN_HOUR:
        return MailPlan(mails=tuple(Mail(events=(event,)) for event in events))
    next_digest_at = recent.last_digest_at and recent.last_digest_at + RATE_WINDOW
    if next_digest_at is not None and next_digest_at > now:
        return MailPlan(wait_until=next_digest_at)
    return MailPlan(mails=(Mail(events=tuple(events), is_digest=True),))


def next_try_at(attempts: int, *, now: datetime) -> datetime | None:
    """Return when a mail that no server took is tried again, None where it is given up.

    :param attempts: how often it was tried.
    """
    if attempts >= MAX_TRIES:
        return None
    return now + min(timedelta(minutes=2 ** max(attempts - 1, 0)), MAX_PAUSE)
