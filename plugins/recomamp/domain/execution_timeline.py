"""When an execution did what: its moments, and the phases between them, from the times of its row.

The row has no time at which AMC ended. It is computed from AMC's own duration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from recomamp.domain.execution_states import AmcStatus, ExecutionStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """What an execution did between two moments; it still does it where ``end`` is None."""

    name: str
    started_by: str  # the moment at which it starts
    start: datetime
    end: datetime | None


# A moment, the column with its time, and what follows it
_MOMENTS = (
    ("queued", "created_at", "waits for a slot"),
    ("slot granted", "slot_granted_at", "prepares"),
    ("submission started", "submission_started_at", "sends"),
    ("accepted by AMC", "submitted_at", "runs at AMC"),
    ("ended at AMC (computed)", "amc_ended_at", "loads"),
    ("loaded", "results_loaded_at", "records"),
    ("ended", "failed_at", "records"),
    ("recorded", "recorded_at", None),
)


def phases_of(row: Mapping[str, Any]) -> list[Phase]:
    """Return the phases of an execution in their order, without those it never had.

    A run that was loaded again has later times than AMC's; a time before another one's is left out.

    :param row: the times of ``workflow_executions``, its status, and ``recorded_at``.
    """
    known = list(_known(row))
    phases = [
        Phase(name=name, started_by=moment, start=start, end=following[1])
        for (moment, start, name), following in pairwise(known)
        if name is not None
    ]
    status = ExecutionStatus.parse(row["status"])
    if known and status is not None and status.is_open:
        moment, start, name = known[-1]
        if name is not None:
            phases.append(Phase(name=name, started_by=moment, start=start, end=None))
    return phases


def last_moment(row: Mapping[str, Any]) -> tuple[str, datetime] | None:
    """Return the name and the time of the latest moment, None for a row without times."""
    known = list(_known(row))
    return known[-1][:2] if known else None


def _known(row: Mapping[str, Any]) -> Iterator[tuple[str, datetime, str | None]]:
    times = {**row, "amc_ended_at": _amc_ended_at(row), "failed_at": _failed_at(row)}
    latest: datetime | None = None
    for name, column, follows in _MOMENTS:
        at = times.get(column)
        if at is not None and (latest is None or at >= latest):
            latest = at
            yield name, at, follows


def _amc_ended_at(row: Mapping[str, Any]) -> datetime | None:
    # What AMC has not finished is not loaded: the row has ended as soon as the pipeline knew
    if row["amc_status"] != AmcStatus.SUCCEEDED:
        return None
    started_at, ended_at = row["submitted_at"], row["completed_at"]
    if started_at is None or ended_at is None or row["execution_duration"] is None:
        return None
    duration = timedelta(seconds=row["execution_duration"])
    computed: datetime = min(started_at + duration, ended_at)
    return computed


def _failed_at(row: Mapping[str, Any]) -> datetime | None:
    if row["status"] == ExecutionStatus.SUCCESS:
        return None
    ended_at: datetime | None = row["completed_at"]
    return ended_at
