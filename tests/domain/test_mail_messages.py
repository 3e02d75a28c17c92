"""What stands in a mail, and that no value of a row gets out of its place."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.mail_messages import Recipient, compose
from recomamp.domain.notifications import Event, EventKind
from recomamp.domain.text import one_line
from recomamp.errors import InvalidDefinition

AT = datetime(2026, 3, 10, 13, 3, tzinfo=UTC)
RUN = {
    "name": "Every morning",
    "workflow": "Impressions",
    "time_zone": "America/Los_Angeles",
    "dag_run_id": "scheduled__2026-03-10",
    "window_start": "2026-03-07T08:00:00+00:00",
    "window_end": "2026-03-08T08:00:00+00:00",
    "error": "AMC refuses the query\nline 3: no such column",
}


def event(kind: EventKind = EventKind.SCHEDULE_RUN_FAILED, **details: Any) -> Event:
    return Event(id=uuid4(), user_id=uuid4(), kind=kind, happened_at=AT, details=details)


def facts(text: str) -> dict[str, str]:
    """Return what a mail says in lines with a label."""
    return dict(re.findall(r"^  (\w+) +(.*)$", text, re.MULTILINE))


def test_a_failed_run_says_what_when_and_why_in_the_readers_zone() -> None:
    message = compose([event(**RUN)], Recipient(name="Ann", time_zone="Europe/Berlin"))

    assert message.subject == "Failed: Every morning"
    assert message.text.startswith("Hello Ann,\n\nA run of your schedule failed.\n")
    assert "2026-03-10 14:03 (Europe/Berlin)" in message.text
    assert "2026-03-07 09:00 to 2026-03-08 09:00 (Europe/Berlin)" in message.text
    assert "AMC refuses the query\n            line 3: no such column" in message.text
    assert "turn them off" in message.text


@pytest.mark.parametrize("zone", [None, "", "Europe/Bonn", "../etc/passwd"])
def test_without_a_zone_of_the_reader_the_schedules_counts(zone: str | None) -> None:
    message = compose([event(**RUN)], Recipient(name=None, time_zone=zone))

    assert message.text.startswith("Hello,\n")
    assert "2026-03-10 06:03 (America/Los_Angeles)" in message.text


def test_without_any_zone_it_is_utc() -> None:
    message = compose([event(name="x")], Recipient(name=None, time_zone=None))

    assert "2026-03-10 13:03 (UTC)" in message.text


def test_a_collection_says_how_many_weeks_have_results() -> None:
    details = {"name": "Q1", "total_weeks": 13, "completed_weeks": 12, "failed_weeks": 1}
    failed = compose(
        [event(EventKind.COLLECTION_FAILED, **details)], Recipient(name="Ann", time_zone="UTC")
    )
    complete = compose(
        [event(EventKind.COLLECTION_COMPLETED, name="Q1")], Recipient(name="Ann", time_zone="UTC")
    )

    assert failed.subject == "Failed: Q1"
    assert "12 of 13 have results, 1 failed" in failed.text
    assert complete.subject == "Complete: Q1"


@pytest.mark.parametrize(
    ("details", "label", "value"),
    [
        ({"name": "Q1"}, "Name", "Q1"),
        ({"workflow": "Impressions"}, "Workflow", "Impressions"),
        ({"check": "enough clicks"}, "Check", "enough clicks"),
        ({"due_at": "2026-03-10T06:00:00+00:00"}, "Due", "2026-03-10 07:00 (Europe/Berlin)"),
        (
            {"start_date": "2026-03-01", "end_date": "2026-03-07"},
            "Data",
            "2026-03-01 to 2026-03-07",
        ),
        (
            {"window_start": RUN["window_start"], "window_end": RUN["window_end"]},
            "Data",
            "2026-03-07 09:00 to 2026-03-08 09:00 (Europe/Berlin)",
        ),
        ({"total_weeks": 13}, "Weeks", "0 of 13 have results, 0 failed"),
        ({"rows": 1_234_567}, "Rows", "1,234,567"),
        ({"rows": 0}, "Rows", "0"),
        ({"error": "no such column"}, "Reason", "no such column"),
        ({"error": "\r\n"}, "Reason", ""),
        ({"dag_run_id": "manual__1"}, "Run", "manual__1"),
    ],
)
def test_a_mail_says_what_is_known_and_leaves_out_what_is_not(
    details: dict[str, Any], label: str, value: str
) -> None:
    message = compose([event(**details)], Recipient(name="Ann", time_zone="Europe/Berlin"))

    assert facts(message.text) == {label: value, "When": "2026-03-10 14:03 (Europe/Berlin)"}


@pytest.mark.parametrize("known", ["window_start", "window_end"])
def test_a_window_without_one_of_its_ends_is_left_out(known: str) -> None:
    message = compose([event(**{known: RUN[known]})], Recipient(name="Ann", time_zone="UTC"))

    assert facts(message.text).keys() == {"When"}


def test_greeting_sentence_and_facts_are_paragraphs() -> None:
    reader = Recipient(name="Ann", time_zone="UTC")
    one = compose([event(name="Q1")], reader).text.split("\n\n")
    many = compose([event(name="Q1")] * 2, reader).text.split("\n\n")

    assert one[:2] == ["Hello Ann,", "A run of your schedule failed."]
    assert many[:2] == ["Hello Ann,", "Much has happened at once: 2 messages in one."]
    assert (one[2].count("\n"), many[2].count("\n")) == (1, 1)


def test_long_names_are_cut_in_subject_and_greeting() -> None:
    name = "n" * 200
    message = compose([event(name=name)], Recipient(name=name, time_zone="UTC"))

    assert message.subject == "Failed: " + "n" * 141 + "…"
    assert message.text.startswith("Hello " + "n" * 149 + "…,\n")


def test_the_subject_about_something_without_a_name_says_what_happened() -> None:
    assert compose([event()], Recipient(name=None, time_zone=None)).subject == "Failed:"


def test_a_withdrawn_consent_says_what_to_do() -> None:
    message = compose(
        [event(EventKind.CONSENT_REVOKED, error="invalid_grant")],
        Recipient(name="Ann", time_zone="UTC"),
    )

    assert message.subject == "Please sign in with Amazon again"
    assert "invalid_grant" in message.text


def test_a_digest_is_short_however_much_has_happened() -> None:
    message = compose([event(**RUN) for _ in range(300)], Recipient(name="Ann", time_zone="UTC"))

    assert message.subject == "300 messages from RecomAMP"
    assert message.text.count("Failed: Every morning") == 50
    assert "and 250 more" in message.text


def test_a_digest_has_a_line_for_each_event_with_its_time_and_reason() -> None:
    long = event(EventKind.COLLECTION_FAILED, name="Q1", error="e" * 200)
    late = event(EventKind.WINDOW_LATE, name="Q2", time_zone="Asia/Tokyo")
    message = compose([event(**RUN), long, late], Recipient(name="Ann", time_zone="Europe/Berlin"))

    assert [line for line in message.text.splitlines() if line.startswith("  ")] == [
        "  2026-03-10 14:03 CET  Failed: Every morning "
        "(AMC refuses the query line 3: no such column)",
        "  2026-03-10 14:03 CET  Failed: Q1 (" + "e" * 149 + "…)",
        "  2026-03-10 14:03 CET  Late: Q2",
    ]


@given(
    name=st.text(max_size=300),
    error=st.text(max_size=5000),
    reader=st.text(max_size=50),
)
def test_no_text_of_a_row_becomes_a_header_or_breaks_the_mail(
    name: str, error: str, reader: str
) -> None:
    message = compose([event(name=name, error=error)], Recipient(name=reader, time_zone="UTC"))

    assert len(message.subject) <= 150
    assert len(message.subject.splitlines()) == 1
    assert not any(unicodedata.category(char) == "Cc" for char in message.subject)
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["Subject"] = message.subject
    mail.set_content(message.text)
    head, _, _ = mail.as_bytes().partition(b"\r\n\r\n")
    names = {line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")}
    assert names == {b"Subject", b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version"}
    assert b"\0" not in mail.as_bytes()


@pytest.mark.parametrize(
    "text", ["a\r\nBcc: eve@example.com", "a\nb", "a\x00b", "a\u2028b", "a\x85b", "\ud800"]
)
def test_a_line_is_a_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    one_line(text).encode()


@given(st.text(max_size=400), st.integers(1, 100))
def test_a_line_has_no_character_that_is_not_seen_and_is_not_longer_than_said(
    text: str, longest: int
) -> None:
    line = one_line(text, longest)
    unseen = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not {unicodedata.category(char) for char in line} & unseen
    assert len(line) <= longest
    assert one_line(line, longest) == line


def test_a_text_of_megabytes_becomes_a_line_as_well() -> None:
    assert one_line("a" * 10_000_000, 20) == "a" * 19 + "…"
    assert one_line("\u202e\x1b" * 1_000_000, 20) in ("", "…")


@pytest.mark.parametrize("name", ["n" * 100_000, "n " * 50_000])
def test_what_a_row_calls_something_is_quoted_in_short_and_the_remedy_stays(name: str) -> None:
    error = InvalidDefinition(f"{name!r} is not a parameter; known: least", column="conf")
    located = error.at(table="workflows", column="parameters")
    for one in (error, located):
        assert len(str(one)) < 2000
        assert str(one).startswith("conf: 'n" if one is error else "workflows.conf: 'n")
        assert str(one).endswith("is not a parameter; known: least")
