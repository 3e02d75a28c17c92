"""Phases of an execution from the times of its row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recomamp.domain.execution_timeline import last_moment, phases_of
from recomamp.domain.run_actions import RunAction, actions_on

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
COLUMNS = (
    "created_at",
    "slot_granted_at",
    "submission_started_at",
    "submitted_at",
    "completed_at",
    "results_loaded_at",
    "recorded_at",
    "execution_duration",
    "amc_status",
)


def row(status: str, **minutes: float) -> dict[str, Any]:
    """Return a row whose times are so many minutes after noon."""
    times = {name: NOON + timedelta(minutes=after) for name, after in minutes.items()}
    return {**dict.fromkeys(COLUMNS), "status": status, **times}


def names(of: dict[str, Any]) -> list[tuple[str, float | None]]:
    return [
        (phase.name, (phase.end - phase.start).total_seconds() / 60 if phase.end else None)
        for phase in phases_of(of)
    ]


def test_a_success_has_every_phase_and_the_end_at_amc_is_computed() -> None:
    ended = row(
        "SUCCESS",
        created_at=0,
        slot_granted_at=10,
        submission_started_at=11,
        submitted_at=12,
        completed_at=50,
        results_loaded_at=50,
        recorded_at=51,
    ) | {"execution_duration": 30 * 60, "amc_status": "SUCCEEDED"}
    assert names(ended) == [
        ("waits for a slot", 10),
        ("prepares", 1),
        ("sends", 1),
        ("runs at AMC", 30),
        ("loads", 8),
        ("records", 1),
    ]
    assert last_moment(ended) == ("recorded", NOON + timedelta(minutes=51))


@pytest.mark.parametrize(
    ("times", "phase"),
    [
        ({"created_at": 0}, "waits for a slot"),
        ({"created_at": 0, "slot_granted_at": 1}, "prepares"),
        (
            {"created_at": 0, "slot_granted_at": 1, "submission_started_at": 2, "submitted_at": 3},
            "runs at AMC",
        ),
    ],
)
def test_an_open_execution_is_still_in_its_last_phase(times: dict[str, float], phase: str) -> None:
    assert names(row("RUNNING", **times))[-1] == (phase, None)


def test_a_refused_query_ends_where_it_was_sent() -> None:
    refused = row(
        "FAILED", created_at=0, slot_granted_at=1, submission_started_at=2, completed_at=3
    )
    assert names(refused) == [("waits for a slot", 1), ("prepares", 1), ("sends", 1)]
    assert last_moment(refused) == ("ended", NOON + timedelta(minutes=3))


def test_what_amc_refuses_is_not_loaded() -> None:
    of = row("FAILED", created_at=0, submitted_at=1, completed_at=5)
    of |= {"execution_duration": 60, "amc_status": "REJECTED"}
    assert names(of) == [("waits for a slot", 1), ("runs at AMC", 4)]


def test_a_duration_that_is_longer_than_the_execution_ends_with_it() -> None:
    of = row("FAILED", created_at=0, submitted_at=1, completed_at=5) | {
        "execution_duration": 9000,
        "amc_status": "SUCCEEDED",
    }
    assert names(of)[:2] == [("waits for a slot", 1), ("runs at AMC", 4)]


def test_a_time_before_an_earlier_moment_is_left_out() -> None:
    again = row(
        "SUCCESS", created_at=0, submitted_at=1, completed_at=5, results_loaded_at=90, recorded_at=6
    ) | {"execution_duration": 60, "amc_status": "SUCCEEDED"}
    assert [name for name, _ in names(again)] == ["waits for a slot", "runs at AMC", "loads"]


@pytest.mark.parametrize(
    ("status", "amc_status", "actions"),
    [
        ("PENDING", None, [RunAction.CANCEL]),
        ("RUNNING", "SUCCEEDED", [RunAction.CANCEL]),
        ("SUCCESS", "SUCCEEDED", [RunAction.RETRY, RunAction.LOAD]),
        ("FAILED", "SUCCEEDED", [RunAction.RETRY, RunAction.LOAD]),
        ("FAILED", "REJECTED", [RunAction.RETRY]),
        ("CANCELLED", None, [RunAction.RETRY]),
    ],
)
def test_what_may_be_asked_follows_from_the_state(
    status: str, amc_status: str | None, actions: list[RunAction]
) -> None:
    assert actions_on(status, amc_status, is_latest_attempt=True) == actions
    assert actions_on(status, amc_status, is_latest_attempt=False) == []
