"""The protocol in small steps: what each process does between two points at which it may die.

A step is what happens at once: a transaction, or a request to AMC that arrives or does not. Between
two steps of a process, each other process may take any number of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from model.state import (
    AMC_CANCELLED,
    KILLED,
    RESULTS,
    RUN_FAILED,
    STEP,
    Phase,
    Process,
    Row,
    State,
    all_rows,
    is_final,
    latest,
    spend,
    with_execution,
    with_row,
    with_run,
)
from recomamp.domain.execution_states import Actor, AmcStatus, ExecutionStatus

TRIES = 2
SENDING = ("search", "post", "doubt", "store", "withdraw")  # the steps under the lock
_NEXT = {Phase.SUBMIT: Phase.WAIT, Phase.WAIT: Phase.LOAD, Phase.LOAD: Phase.RECORD}
ACTORS = {"submit": Actor.SUBMIT, "wait": Actor.WAIT, "load": Actor.LOAD, "record": Actor.RECORD}


class Step(NamedTuple):
    """What happened: who did what for which run, and what became of it."""

    actor: Actor | None  # None: AMC, Airflow and people
    name: str
    run: int
    choice: str = ""

    def __str__(self) -> str:
        choice = f" ({self.choice})" if self.choice else ""
        return f"run {self.run}: {self.actor or 'world'} {self.name}{choice}"


class Who(NamedTuple):
    """A process, by its run and the field of the run."""

    run: int
    field: str  # "task", "zombie" or "killer"


Outcomes: TypeAlias = Iterator[tuple[str, State]]  # choice and what follows


class Shared:
    """What the steps of all processes share.

    :param slots: the limit of the instance.
    :param attempts: a run opens no more. The model ends here, the pipeline does not.
    :param is_named: AMC keeps the names of queries.
    :param cancels_late: AMC answers before a cancellation has its effect.
    """

    def __init__(
        self,
        *,
        slots: int = 1,
        attempts: int = 2,
        is_named: bool = True,
        cancels_late: bool = False,
    ) -> None:
        self.slots = slots
        self.attempts = attempts
        self.is_named = is_named
        self.cancels_late = cancels_late

    def cancel(self, state: State, amc: int) -> Outcomes:
        """Ask AMC to cancel an execution. What has ended stays as it ended."""
        one = state.executions[amc]
        if is_final(one.status):
            yield "has ended", state
        elif self.cancels_late:
            yield "accepted", with_execution(state, amc, is_cancelling=True)
        else:
            yield "", with_execution(state, amc, status=AmcStatus.CANCELLED)
        if lost := spend(state, "losses"):
            yield "lost", lost

    def seen_after_cancel(self, state: State, amc: int) -> AmcStatus:
        """Return what AMC says of an execution after the request to cancel it."""
        return state.executions[amc].status

    def note(self, state: State, amc: int, status: AmcStatus) -> State:
        """Store AMC's status in the row that has the id, unless a final one is there."""
        for run, attempt, row in all_rows(state):
            if row.amc == amc:
                state = self.note_at(state, run, attempt, status)
        return state

    def note_at(self, state: State, run: int, attempt: int, status: AmcStatus) -> State:
        """Do what ``set_amc_status.sql`` does."""
        if is_final(state.runs[run].rows[attempt].amc_status):
            return state
        return with_row(state, run, attempt, amc_status=status)

    def close(
        self,
        state: State,
        who: Who,
        process: Process,
        status: ExecutionStatus,
        error: str,
        seen: AmcStatus | None,
    ) -> State:
        """Do what ``end_execution.sql`` does."""
        ended = {"status": status, "error": error, "is_unlisted": True}
        if seen is not None and not self.is_last_word(state, who, process):
            ended["amc_status"] = seen
        return with_row(state, who.run, process.attempt, **ended)

    def is_last_word(self, state: State, who: Who, process: Process) -> bool:
        """Return whether the row has AMC's last word, which no late answer replaces."""
        return is_final(state.runs[who.run].rows[process.attempt].amc_status)

    def defer(self, state: State, who: Who, waits: str) -> State:
        """Leave the rest to a trigger. Airflow does not listen to a try that it believes dead."""
        if who.field != "task":
            return with_run(state, who.run, **{who.field: None})
        return with_run(state, who.run, waits=waits, task=None)

    def succeed(self, state: State, who: Who) -> State:
        """End a try well."""
        if who.field != "task":
            return with_run(state, who.run, **{who.field: None})
        phase = _NEXT.get(state.runs[who.run].phase, Phase.DONE)
        return with_run(state, who.run, task=None, phase=phase, tries=1, waits=None)

    def fail(self, state: State, who: Who, *, is_last: bool = False) -> State:
        """End a try badly. After the last one the row says which kind of error it was."""
        run = state.runs[who.run]
        row = latest(run)
        is_last = is_last or (who.field == "task" and run.tries == TRIES)
        if row and run.phase is not Phase.RECORD:
            if row.status.is_open:
                state = self._latest(state, who.run, error=STEP if is_last else None)
            elif is_last and run.phase is Phase.LOAD and _has_unloaded_results(row):
                state = self._latest(state, who.run, error=RUN_FAILED)
        if who.field != "task":
            return with_run(state, who.run, **{who.field: None})
        return self.end_try(state, who.run, is_last=is_last)

    def end_try(self, state: State, run: int, *, is_last: bool) -> State:
        """Do what Airflow does after a try that failed or died."""
        one = state.runs[run]
        if not (is_last or one.tries == TRIES):
            return with_run(state, run, task=None, tries=one.tries + 1)
        phase = Phase.DONE if one.phase is Phase.RECORD else Phase.RECORD
        return with_run(state, run, task=None, phase=phase, tries=1)

    def go(
        self,
        state: State,
        who: Who,
        process: Process,
        at: str,
        *,
        amc: int | None = None,
        seen: AmcStatus | None = None,
    ) -> State:
        following = Process(process.task, at, process.attempt, amc, seen)
        return with_run(state, who.run, **{who.field: following})

    def go_with(self, state: State, who: Who, process: Process, at: str, amc: int) -> State:
        """Go on with what AMC has said of an execution."""
        seen = state.executions[amc].status
        following = Process(process.task, at, process.attempt, amc, seen)
        return with_run(state, who.run, **{who.field: following})

    def go_seeing(self, state: State, who: Who, process: Process, at: str, amc: int) -> State:
        """Go on after a request to cancel an execution."""
        seen = self.seen_after_cancel(state, amc)
        return self.go(state, who, process, at, amc=amc, seen=seen)

    def _latest(self, state: State, run: int, **changes: Any) -> State:
        return with_row(state, run, len(state.runs[run].rows) - 1, **changes)


def given_up_as(error: str | None, seen: AmcStatus | None) -> tuple[ExecutionStatus, str]:
    """Return how an open row ends whose run is over, as ADR 0027 says."""
    if error is None:
        return ExecutionStatus.CANCELLED, KILLED
    if seen is AmcStatus.CANCELLED:
        return ExecutionStatus.CANCELLED, AMC_CANCELLED
    return ExecutionStatus.FAILED, RUN_FAILED


def _has_unloaded_results(row: Row) -> bool:
    return row.amc_status is RESULTS and row.status is not ExecutionStatus.SUCCESS
