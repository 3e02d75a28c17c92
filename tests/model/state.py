"""The state of the model: rows of runs, executions at AMC, tasks in Airflow, and a comparison.

All parts are tuples, so a state is its own key in the set of states that were seen.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from recomamp.domain.execution_states import AmcStatus, ExecutionStatus

KILLED, RUN_FAILED = "KILLED", "RUN_FAILED"
AMC_FAILED, AMC_CANCELLED, TIMED_OUT = "FAILED", "CANCELLED", "TIMED_OUT"
STEP = "STEP"  # stands for each error_type with which a step fails for good
RESULTS = AmcStatus.SUCCEEDED
IN_FLIGHT = AmcStatus.RUNNING  # stands for each status of AMC that is not final


class Phase(StrEnum):
    """Which task of a run comes next."""

    SUBMIT = "submit"
    WAIT = "wait"
    LOAD = "load"
    RECORD = "record"
    DONE = "done"  # the run has ended
    GONE = "gone"  # somebody has deleted the run

    @property
    def is_alive(self) -> bool:
        """Return whether Airflow says that the run is queued or running."""
        return self not in (Phase.DONE, Phase.GONE)


class Orphan(StrEnum):
    """What the reconciliation has seen of an open row's run."""

    NO = "no"
    SEEN = "seen"  # the run was not alive
    LONG = "long"  # that is a quarter of an hour ago


class Row(NamedTuple):
    """A row of ``workflow_executions``: one attempt."""

    status: ExecutionStatus
    has_slot: bool = False
    is_sending: bool = False  # submission_started_at is set
    amc: int | None = None  # amc_execution_id, as a position in State.executions
    amc_status: AmcStatus | None = None
    error: str | None = None  # error_type
    orphan: Orphan = Orphan.NO
    is_late: bool = False  # the deadline has passed
    is_unlisted: bool = False  # ended, and AMC was not listed since, for a quarter of an hour


class AtAmc(NamedTuple):
    """An execution at AMC, and the attempt whose query it is."""

    run: int
    attempt: int  # position in Run.rows
    status: AmcStatus = IN_FLIGHT
    is_cancelling: bool = False  # AMC has accepted a cancellation that has no effect yet


class Process(NamedTuple):
    """A try of a task, a trigger's on_kill, or a try that Airflow believes dead."""

    task: str
    at: str  # the step that comes next
    attempt: int = -1  # position in Run.rows of the row that it has read
    amc: int | None = None  # which execution an answer of AMC was about
    seen: AmcStatus | None = None  # what that answer said


class Run(NamedTuple):
    """A DAG run: the window that it reads is its own."""

    rows: tuple[Row, ...] = ()
    phase: Phase = Phase.SUBMIT
    tries: int = 1  # of the task, since the last clear
    is_cleared: bool = False
    earlier_rows: int = 0  # how many there were at the last clear
    waits: str | None = None  # the task is deferred: "slot" or "amc"
    task: Process | None = None
    zombie: Process | None = None
    killer: Process | None = None  # on_kill of the trigger


class Comparison(NamedTuple):
    """A pass of the reconciliation after its list."""

    listed: tuple[AmcStatus, ...]
    unlisted: frozenset[tuple[int, int]]  # rows that ended before the list
    is_compared: bool = False
    decisions: tuple[tuple[str, int, int], ...] = ()  # action, run, attempt
    ended: frozenset[int] = frozenset()  # executions that the pass itself has cancelled


class Budget(NamedTuple):
    """How often each kind of misfortune may still happen."""

    crashes: int = 0
    losses: int = 0  # answers of AMC, or requests to AMC
    failures: int = 0  # of executions at AMC, and of loads
    people: int = 0  # marks, clears, deletions
    zombies: int = 0
    deadlines: int = 0


class State(NamedTuple):
    """Everything."""

    runs: tuple[Run, ...]
    budget: Budget
    executions: tuple[AtAmc, ...] = ()
    external: int = 0
    is_counted: bool = False  # the count is at most a quarter of an hour old
    comparison: Comparison | None = None


def with_run(state: State, run: int, **changes: Any) -> State:
    """Change one run."""
    runs = list(state.runs)
    runs[run] = runs[run]._replace(**changes)
    return state._replace(runs=tuple(runs))


def with_row(state: State, run: int, attempt: int, **changes: Any) -> State:
    """Change one row."""
    rows = list(state.runs[run].rows)
    rows[attempt] = rows[attempt]._replace(**changes)
    return with_run(state, run, rows=tuple(rows))


def with_execution(state: State, amc: int, **changes: Any) -> State:
    """Change one execution at AMC."""
    executions = list(state.executions)
    executions[amc] = executions[amc]._replace(**changes)
    return state._replace(executions=tuple(executions))


def spend(state: State, kind: str) -> State | None:
    """Take one from a budget; None where nothing is left."""
    left = getattr(state.budget, kind)
    if left == 0:
        return None
    return state._replace(budget=state.budget._replace(**{kind: left - 1}))


def latest(run: Run) -> Row | None:
    """Return the row of the latest attempt."""
    return run.rows[-1] if run.rows else None


def all_rows(state: State) -> list[tuple[int, int, Row]]:
    """Return run, attempt and row of each attempt."""
    return [
        (number, attempt, row)
        for number, run in enumerate(state.runs)
        for attempt, row in enumerate(run.rows)
    ]


def held_slots(state: State) -> int:
    """Count the slots that are taken, as ``grant_slots.sql`` does."""
    held = state.external if state.is_counted else 0
    for _, _, row in all_rows(state):
        if row.status is ExecutionStatus.RUNNING:
            held += 1
        elif row.status is ExecutionStatus.PENDING:
            held += row.has_slot
        elif row.status is not ExecutionStatus.SUCCESS:
            is_in_flight = row.amc is not None and not is_final(row.amc_status)
            held += is_in_flight and row.is_unlisted
    return held


def is_final(status: AmcStatus | None) -> bool:
    """Return whether a status in a row is AMC's last word."""
    return status is not None and status.is_terminal
