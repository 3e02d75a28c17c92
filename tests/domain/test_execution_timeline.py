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
    assert [phase.started_by for phase in phases_of(ended)] == [
        "queued",
        "slot granted",
        "submission started",
        "accepted by AMC",
        "ended at AMC (computed)",
        "loaded",
    ]
    assert last_moment(ended) == ("recorded", NOON + timedelta(minutes=51))


@pytest.mark.parametrize(
    ("times", "phase", "started_by"),
    [
        ({"created_at": 0}, "waits for a slot", "queued"),
        ({"created_at": 0, "slot_granted_at": 1}, "prepares", "slot granted"),
        (
            {"created_at": 0, "slot_granted_at": 1, "submission_started_at": 2, "submitted_at": 3},
            "runs at AMC",
            "accepted by AMC",
        ),
    ],
)
def test_an_open_execution_is_still_in_its_last_phase(
    times: dict[str, float], phase: str, started_by: str
) -> None:
    last = phases_of(row("RUNNING", **times))[-1]
    assert (last.name, last.started_by, last.end) == (phase, started_by, None)
    assert last.start == NOON + timedelta(minutes=max(times.values()))


def test_a_row_without_times_has_no_phase_and_no_moment() -> None:
    assert phases_of(row("PENDING")) == []
    assert last_moment(row("PENDING")) is None


def test_moments_of_the_same_time_are_all_kept() -> None:
    at_once = row("RUNNING", created_at=0, slot_granted_at=0, submission_started_at=0)
    assert names(at_once) == [("waits for a slot", 0), ("prepares", 0), ("sends", None)]


@pytest.mark.parametrize("missing", ["submitted_at", "completed_at", "execution_duration"])
def test_the_end_at_amc_is_left_out_where_it_cannot_be_computed(missing: str) -> None:
    known = row("RUNNING", created_at=0, submitted_at=1, completed_at=5)
    known |= {"execution_duration": 60, "amc_status": "SUCCEEDED", missing: None}
    assert "loads" not in {phase.name for phase in phases_of(known)}


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
