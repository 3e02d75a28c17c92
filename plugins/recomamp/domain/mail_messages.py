"""The text of a mail: plain text, in the reader's time zone, the subject on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from recomamp.domain.notifications import Event, EventKind
from recomamp.domain.scheduling.cron import load_zone
from recomamp.domain.text import one_line, printable
from recomamp.errors import InvalidDefinition

_MAX_SUBJECT = 150
_MAX_VALUE = 2000
_SHOWN_EVENTS = 50
_INDENT = "  "
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")

_SUBJECTS: dict[str, str] = {
    EventKind.SCHEDULE_RUN_FAILED: "Failed: {name}",
    EventKind.COLLECTION_COMPLETED: "Complete: {name}",
    EventKind.COLLECTION_FAILED: "Failed: {name}",
    EventKind.CONSENT_REVOKED: "Please sign in with Amazon again",
    EventKind.RESULT_CHECK_FAILED: "Check failed: {check}, {name}",
    EventKind.CONTRACT_CHANGED: "Columns changed: {name}",
    EventKind.WINDOW_LATE: "Late: {name}",
    EventKind.RESULTS_LOADED: "Results: {name}",
}
_SENTENCES: dict[str, str] = {
    EventKind.SCHEDULE_RUN_FAILED: "A run of your schedule failed.",
    EventKind.COLLECTION_COMPLETED: "Your collection is complete.",
    EventKind.COLLECTION_FAILED: "Your collection has ended, and some of its weeks failed.",
    EventKind.CONSENT_REVOKED: (
        "Amazon no longer accepts the consent you gave RecomAMP. "
        "Your schedules and collections cannot run until you sign in with Amazon again."
    ),
    EventKind.RESULT_CHECK_FAILED: (
        "A result does not meet a condition that you set in result_checks. "
        "The result is stored: look at it before you use it, or correct the condition."
    ),
    EventKind.CONTRACT_CHANGED: (
        "The columns of a result differ from those of the result before. "
        "The result is stored: adapt what reads it."
    ),
    EventKind.WINDOW_LATE: (
        "The results of a window have not come in the time that you set in late_after. "
        "Look at the latest run of the schedule or collection. If there is none, ask your operator "
        "whether Airflow works."
    ),
    EventKind.RESULTS_LOADED: "A run of your schedule has loaded its results.",
}
_FAREWELL = (
    "You get this mail because e-mail notifications are on in your settings of RecomAMP; "
    "there you can turn them off."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Who reads a mail: ``users.full_name`` and ``users.timezone``."""

    name: str | None
    time_zone: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """Subject and text of a mail, and a CSV file where it has one."""

    subject: str
    text: str
    csv: bytes | None = None


def compose(events: Sequence[Event], reader: Recipient) -> Message:
    """Write the mail about one event, or the digest of several."""
    if len(events) == 1:
        subject, body = _subject(events[0]), _body(events[0], reader)
    else:
        subject, body = f"{len(events)} messages from RecomAMP", _digest(events, reader)
    name = one_line(reader.name, _MAX_SUBJECT)
    greeting = f"Hello {name}," if name else "Hello,"
    return Message(subject=subject, text=f"{greeting}\n\n{body}\n\n-- \n{_FAREWELL}\n")


def compose_note(event: Event, reader: Recipient) -> str:
    """Write the text about one event for a channel other than mail."""
    return f"{_subject(event)}\n{_body(event, reader)}"


def _subject(event: Event) -> str:
    shown = {name: event.details.get(name) or "" for name in ("name", "check")}
    return one_line(_SUBJECTS[event.kind].format(**shown), _MAX_SUBJECT)


def _body(event: Event, reader: Recipient) -> str:
    lines = [_SENTENCES[event.kind], ""]
    for label, value in _facts(event, _zone(event, reader)):
        first, *more = _value_lines(value)
        lines.append(f"{_INDENT}{label:<10}{first}")
        lines += [f"{_INDENT}{'':<10}{line}" for line in more]
    return "\n".join(lines)


def _digest(events: Sequence[Event], reader: Recipient) -> str:
    shown = events[:_SHOWN_EVENTS]
    lines = [f"Much has happened at once: {len(events)} messages in one.", ""]
    for event in shown:
        moment = f"{event.happened_at.astimezone(_zone(event, reader)):%Y-%m-%d %H:%M %Z}"
        reason = one_line(event.details.get("error"), _MAX_SUBJECT)
        lines.append(f"{_INDENT}{moment}  {_subject(event)}{f' ({reason})' if reason else ''}")
    if more := len(events) - len(shown):
        lines.append(f"{_INDENT}and {more} more")
    return "\n".join(lines)


def _facts(event: Event, zone: tzinfo) -> list[tuple[str, object]]:
    """Return the lines about an event; what is not known is left out."""
    details = event.details
    facts = [
        ("Name", details.get("name")),
        ("Workflow", details.get("workflow")),
        ("Check", details.get("check")),
        ("Due", _instant(details.get("due_at"), zone)),
        ("Data", _window(details, zone)),
        ("Weeks", _weeks(details)),
        ("Rows", _number(details.get("rows"))),
        ("When", f"{event.happened_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone})"),
        ("Reason", details.get("error")),
        ("Run", details.get("dag_run_id")),
    ]
    return [(label, value) for label, value in facts if value]


def _instant(text: str | None, zone: tzinfo) -> str | None:
    if not text:
        return None
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M} ({zone})"


def _number(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _window(details: Mapping[str, Any], zone: tzinfo) -> str | None:
    if details.get("start_date"):
        return f"{details['start_date']} to {details.get('end_date')}"
    if not (details.get("window_start") and details.get("window_end")):
        return None
    start, end = (
        datetime.fromisoformat(details[name]).astimezone(zone)
        for name in ("window_start", "window_end")
    )
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} ({zone})"


def _weeks(details: Mapping[str, Any]) -> str | None:
    if not details.get("total_weeks"):
        return None
    return (
        f"{details.get('completed_weeks', 0)} of {details['total_weeks']} have results, "
        f"{details.get('failed_weeks', 0)} failed"
    )


def _zone(event: Event, reader: Recipient) -> tzinfo:
    """Return the reader's zone; where that is none, the row's own."""
    for name in (reader.time_zone, event.details.get("time_zone")):
        try:
            return load_zone(str(name or ""))
        except InvalidDefinition:
            continue
    return load_zone("UTC")


def _value_lines(value: object) -> list[str]:
    """Return a value line by line, as long as a mail may reasonably be."""
    lines = [printable(line).strip() for line in _BREAKS.split(str(value)[:_MAX_VALUE])]
    return [line for line in lines if line] or [""]
