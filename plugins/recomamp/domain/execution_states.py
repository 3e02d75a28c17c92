"""The states of an execution at AMC and in its row: who may change which, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExecutionStatus(StrEnum):
    """State of a row of ``workflow_executions`` (constraint ``chk_execution_status``).

    ``TRANSITIONS`` lists every change of it.
    """

    PENDING = "PENDING"  # the intention is written; AMC may or may not know of it yet
    RUNNING = "RUNNING"  # AMC has accepted it, or has finished and the results are not loaded yet
    SUCCESS = "SUCCESS"  # results are loaded
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"

    @classmethod
    def parse(cls, text: str | None) -> ExecutionStatus | None:
        """Read a stored word; None where it is none of ours."""
        try:
            return cls(text or "")
        except ValueError:
            return None

    @property
    def is_open(self) -> bool:
        """Return whether the execution may still be in flight at AMC."""
        return self in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)


class AmcStatus(StrEnum):
    """Status that AMC reports for a workflow execution.

    The published enumeration lacks REJECTED (a compile or privacy refusal, seen live) and the
    older PUBLISHING. Any other status is UNKNOWN; the task waits on until the deadline.
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PUBLISHING = "PUBLISHING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"  # never captured; a time-out may also come as FAILED
    UNKNOWN = "UNKNOWN"

    @classmethod
    def parse(cls, text: str | None) -> AmcStatus:
        """Read a status of AMC; UNKNOWN where the pipeline does not know it."""
        try:
            return cls((text or "").upper())
        except ValueError:
            return cls.UNKNOWN

    @property
    def is_terminal(self) -> bool:
        """Return whether AMC will change this status no more."""
        return self in _ENDED


_ENDED = {
    AmcStatus.SUCCEEDED: ExecutionStatus.SUCCESS,
    AmcStatus.FAILED: ExecutionStatus.FAILED,
    AmcStatus.REJECTED: ExecutionStatus.FAILED,
    AmcStatus.CANCELLED: ExecutionStatus.CANCELLED,
    AmcStatus.TIMED_OUT: ExecutionStatus.TIMEOUT,
}


def ended_as(status: AmcStatus) -> ExecutionStatus:
    """Map a terminal AMC status to ours.

    :raises KeyError: when the status is not terminal.
    """
    return _ENDED[status]


class Actor(StrEnum):
    """Who changes the state of an execution."""

    SUBMIT = "submit"  # the task, and wait where it opens the next attempt
    WAIT = "wait"
    LOAD = "load"
    RECORD = "record"
    ON_KILL = "on_kill"  # the trigger, when somebody ends its waiting task in Airflow
    RECONCILE = "reconcile"  # the DAG recomamp_reconcile
    PEOPLE = "people"  # with a login of their own, or the owner's


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state that may happen: from where to where, by whom, and on what evidence.

    ``source`` None: there is no row yet; ``target`` None: the row is deleted. ``needs_results``:
    only where the row says that AMC has SUCCEEDED.
    """

    source: ExecutionStatus | None
    target: ExecutionStatus | None
    actors: tuple[Actor, ...]
    evidence: str
    needs_results: bool = False


_S, _A = ExecutionStatus, Actor

# No other change happens. insert_execution, mark_submitted, end_execution and mark_succeeded write
# the status. The last two take their source states from this table.
# tests/store/test_transitions.py compares all four with it, pair by pair
TRANSITIONS = (
    Transition(None, _S.PENDING, (_A.SUBMIT,), "the run has no open attempt"),
    Transition(
        _S.PENDING,
        _S.RUNNING,
        (_A.SUBMIT, _A.RECORD, _A.RECONCILE),
        "AMC returned an id, or lists one",
    ),
    Transition(
        _S.PENDING,
        _S.FAILED,
        (_A.SUBMIT,),
        "AMC refused the query, the consent is withdrawn, or the instance is in ERROR",
    ),
    Transition(_S.RUNNING, _S.FAILED, (_A.WAIT,), "AMC says FAILED or REJECTED"),
    Transition(_S.RUNNING, _S.CANCELLED, (_A.WAIT,), "AMC says CANCELLED, and we did not ask"),
    Transition(_S.RUNNING, _S.TIMEOUT, (_A.WAIT,), "AMC says TIMED_OUT, or the deadline passed"),
    Transition(
        _S.PENDING, _S.CANCELLED, (_A.ON_KILL, _A.RECORD, _A.RECONCILE), "its run is given up"
    ),
    Transition(
        _S.RUNNING, _S.CANCELLED, (_A.ON_KILL, _A.RECORD, _A.RECONCILE), "its run is given up"
    ),
    Transition(
        _S.PENDING, _S.FAILED, (_A.RECORD, _A.RECONCILE), "a step failed for good and said why"
    ),
    Transition(
        _S.RUNNING, _S.FAILED, (_A.RECORD, _A.RECONCILE), "a step failed for good and said why"
    ),
    *(
        Transition(source, _S.SUCCESS, (_A.LOAD,), "the results are loaded", needs_results=True)
        for source in (_S.RUNNING, _S.SUCCESS, _S.FAILED, _S.CANCELLED, _S.TIMEOUT)
    ),
    *(
        Transition(source, None, (_A.PEOPLE,), "it has ended: what is open is not deleted")
        for source in (_S.SUCCESS, _S.FAILED, _S.CANCELLED, _S.TIMEOUT)
    ),
)


def allowed_from(actor: Actor, target: ExecutionStatus) -> list[ExecutionStatus]:
    """Return the states of a row from which ``actor`` may bring it to ``target``."""
    return [
        one.source
        for one in TRANSITIONS
        if one.target is target and actor in one.actors and one.source is not None
    ]


# error_type of an execution whose task or run was ended in Airflow, whatever notices it first
KILLED = "KILLED"
# error_type of an execution whose run failed at a step of ours
RUN_FAILED = "RUN_FAILED"
CONSENT_REVOKED = "CONSENT_REVOKED"
# error_type of an execution that is SUCCESS, and whose run fails: its results are stored, and a
# rule of the user refuses them
CONTRACT_BROKEN = "CONTRACT_BROKEN"
CHECK_FAILED = "CHECK_FAILED"
REFUSED_RESULTS = frozenset({CONTRACT_BROKEN, CHECK_FAILED})


def given_up_as(
    step_error_type: str | None, amc_status: AmcStatus | None
) -> tuple[ExecutionStatus, str]:
    """Return how an open execution ends whose run is over: status and ``error_type``.

    The result is the same whether a person, a task or the reconciliation comes first.

    :param step_error_type: of the step that failed for good; None where no step has, so that
        somebody has ended the run, or deleted it.
    :param amc_status: what AMC says after all was cancelled there, None where it knows nothing.
    """
    if step_error_type is None:
        return ExecutionStatus.CANCELLED, KILLED
    if step_error_type == CONSENT_REVOKED:
        return ExecutionStatus.FAILED, CONSENT_REVOKED
    if amc_status is AmcStatus.CANCELLED:
        return ExecutionStatus.CANCELLED, ExecutionStatus.CANCELLED
    return ExecutionStatus.FAILED, RUN_FAILED
