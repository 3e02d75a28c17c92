"""How many mails a user gets, and when a mail is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.notifications import (
    MAILS_AN_HOUR,
    MAX_TRIES,
    Event,
    EventKind,
    RecentMail,
    next_try_at,
    plan_mails,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def events(count: int) -> list[Event]:
    return [
        Event(
            id=uuid4(),
            user_id=uuid4(),
            kind=EventKind.SCHEDULE_RUN_FAILED,
            happened_at=NOW,
            details={},
        )
        for _ in range(count)
    ]


def test_a_few_events_are_a_mail_each() -> None:
    few = events(MAILS_AN_HOUR)

    plan = plan_mails(few, RecentMail(), now=NOW)

    assert [mail.events for mail in plan.mails] == [(event,) for event in few]
    assert not any(mail.is_digest for mail in plan.mails)


def test_many_events_are_one_digest() -> None:
    many = events(300)

    (digest,) = plan_mails(many, RecentMail(), now=NOW).mails

    assert digest.is_digest
    assert digest.events == tuple(many)


def test_after_a_digest_the_next_one_waits_for_an_hour() -> None:
    recent = RecentMail(mails=MAILS_AN_HOUR, last_digest_at=NOW - timedelta(minutes=20))

    plan = plan_mails(events(1), recent, now=NOW)

    assert plan.mails == ()
    assert plan.wait_until == NOW + timedelta(minutes=40)
    (digest,) = plan_mails(events(1), recent, now=NOW + timedelta(minutes=40)).mails
    assert digest.is_digest


@given(
    arrivals=st.lists(st.tuples(st.integers(0, 360), st.integers(1, 40)), max_size=40),
)
def test_no_hour_has_more_mails_than_the_limit_and_no_event_is_lost(
    arrivals: list[tuple[int, int]],
) -> None:
    waiting: list[Event] = []
    sent: list[tuple[datetime, bool]] = []
    told_events = 0
    for minute in range(0, 600, 2):
        now = NOW + timedelta(minutes=minute)
        waiting += [
            event for at, count in arrivals if at in (minute, minute - 1) for event in events(count)
        ]
        if not waiting:
            continue
        lately = [one for one in sent if one[0] > now - HOUR]
        digests = [at for at, is_digest in lately if is_digest]
        recent = RecentMail(mails=len(lately), last_digest_at=max(digests, default=None))
        plan = plan_mails(waiting, recent, now=now)
        assert bool(plan.mails) != bool(plan.wait_until)
        for mail in plan.mails:
            told_events += len(mail.events)
            sent.append((now, mail.is_digest))
        if plan.mails:
            waiting = []
    assert waiting == []
    assert told_events == sum(count for _, count in arrivals)
    for at, _ in sent:
        within = [other for other, _ in sent if at <= other < at + HOUR]
        assert len(within) <= MAILS_AN_HOUR + 1


def test_tries_are_further_and_further_apart_and_end() -> None:
    pauses = []
    for attempts in range(1, MAX_TRIES):
        later = next_try_at(attempts, now=NOW)
        assert later is not None
        pauses.append((later - NOW) // timedelta(minutes=1))

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert next_try_at(MAX_TRIES, now=NOW) is None
