"""The protocol in small steps: what each process does between two points at which it may die.

A step is what happens at once: a transaction, or a request to AMC that arrives or does not. Between
two steps of a process, each other process may take any number of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from model.state import (
    AMC_CANCELLED,
    AMC_FAILED,
    IN_FLIGHT,
    KILLED,
    RESULTS,
    RUN_FAILED,
    STEP,
    TIMED_OUT,
    AtAmc,
    Phase,
    Process,
    Row,
    Run,
    State,
    all_rows,
    held_slots,
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
_ACTORS = {"submit": Actor.SUBMIT, "wait": Actor.WAIT, "load": Actor.LOAD, "record": Actor.RECORD}


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


class Protocol:
    """The steps of all tasks, and of the trigger's on_kill.

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

    def take(self, state: State, who: Who) -> Iterator[tuple[Step, State]]:
        """Yield each outcome of the next step of a process."""
        process: Process = getattr(state.runs[who.run], who.field)
        actor = Actor.ON_KILL if who.field == "killer" else _ACTORS[process.task]
        if process.task == "wait" and process.at in ("mark", *SENDING):
            actor = Actor.SUBMIT
        for choice, after in getattr(self, process.at)(state, who, process):
            yield Step(actor, process.at, who.run, choice), after

    # --- The beginning of a try ---------------------------------------------------------------

    def start(self, state: State, run: int) -> Iterator[tuple[Step, State]]:
        """Begin the next try of the run's task, or continue after a deferral."""
        one = state.runs[run]
        who = Who(run, "task")
        process = Process(one.phase.value, "", len(one.rows) - 1)
        row, is_resumed = latest(one), one.waits == "amc"
        state = with_run(state, run, waits=None)
        is_continued = one.tries > 1 or one.is_cleared
        if row and row.status.is_open and is_continued and one.phase is not Phase.RECORD:
            state = self._latest(state, run, error=None)
        name = "resume" if is_resumed else f"begin_{one.phase.value}"
        actor = _ACTORS[one.phase.value]
        for choice, after in getattr(self, name)(state, who, process):
            opener = Actor.SUBMIT if len(after.runs[run].rows) > len(one.rows) else actor
            yield Step(opener, name, run, choice), after

    def begin_submit(self, state: State, who: Who, process: Process) -> Outcomes:
        row = latest(state.runs[who.run])
        if row and row.error == KILLED:
            state, has_results = self.has_results(state, who.run)
            if has_results:
                yield "results at AMC", self.succeed(state, who)
                return
        yield from self.open(state, who, process)

    def begin_wait(self, state: State, who: Who, process: Process) -> Outcomes:
        one = state.runs[who.run]
        row = latest(one)
        if row and not row.status.is_open:
            if one.tries > 1 and row.error not in (None, AMC_FAILED, KILLED):
                yield "already final", self.fail(state, who, is_last=True)
                return
            if row.error is not None:
                state, has_results = self.has_results(state, who.run)
                if has_results:
                    yield "results at AMC", self.succeed(state, who)
                    return
        if row is None or not row.status.is_open or row.amc is None:
            yield from self.open(state, who, process)
            return
        yield from self.ask(state, who, process)

    def resume(self, state: State, who: Who, process: Process) -> Outcomes:
        row = latest(state.runs[who.run])
        if row is None or not row.status.is_open:
            yield "no longer open", self.fail(state, who)
            return
        yield from self.ask(state, who, process)

    def has_results(self, state: State, run: int) -> tuple[State, bool]:
        """Ask AMC about an attempt that has ended without results."""
        row = state.runs[run].rows[-1]
        if row.status.is_open or row.status is ExecutionStatus.SUCCESS:
            return state, False
        if not is_final(row.amc_status) and row.amc is not None:
            row = row._replace(amc_status=state.executions[row.amc].status)
            state = self._latest(state, run, amc_status=row.amc_status)
        return state, row.amc_status is RESULTS

    # --- Sending ------------------------------------------------------------------------------

    def open(self, state: State, who: Who, process: Process) -> Outcomes:
        """Find or insert the open attempt, and grant what slots are free."""
        run = state.runs[who.run]
        row = latest(run)
        if row is None or not row.status.is_open:
            if len(run.rows) == self.attempts:
                yield "attempts used up", self.fail(state, who, is_last=True)
                return
            rows = (*run.rows, Row(ExecutionStatus.PENDING))
            state = self.grant(with_run(state, who.run, rows=rows))
            process = process._replace(attempt=len(run.rows))
        elif not row.has_slot:
            state = self.grant(state)
        if state.runs[who.run].rows[-1].has_slot:
            yield "", self.go(state, who, process, "mark")
        else:
            yield "no slot", self.defer(state, who, "slot")

    def grant(self, state: State) -> State:
        """Grant free slots, in the order of runs: the model has one user and one kind of run."""
        for run, attempt, row in all_rows(state):
            is_waiting = row.status is ExecutionStatus.PENDING and not row.has_slot
            if is_waiting and held_slots(state) < self.slots:
                state = with_row(state, run, attempt, has_slot=True)
        return state

    def mark(self, state: State, who: Who, process: Process) -> Outcomes:
        """Take the lock, and say in the row that the query is being sent."""
        run = state.runs[who.run]
        row = run.rows[process.attempt]
        other = run.zombie if who.field == "task" else run.task
        if other is not None and other.at in SENDING:
            yield "locked", self.fail(state, who)
        elif row.amc is not None:
            yield "sent already", self.sent(state, who, process)
        elif not row.status.is_open:
            yield "no longer open", self.fail(state, who)
        else:
            at = "search" if row.is_sending else "post"
            marked = with_row(state, who.run, process.attempt, is_sending=True)
            yield "", self.go(marked, who, process, at)

    def search(self, state: State, who: Who, process: Process) -> Outcomes:
        """Look for what an earlier try may have sent."""
        found = self.find(state, who.run, process.attempt)
        if found is None:
            yield "not found", self.go(state, who, process, "post")
        else:
            yield "found", self.go_with(state, who, process, "store", found)

    def post(self, state: State, who: Who, process: Process) -> Outcomes:
        sent = AtAmc(who.run, process.attempt)
        created = state._replace(executions=(*state.executions, sent))
        amc = len(state.executions)
        yield "accepted", self.go_with(created, who, process, "store", amc)
        if spend(state, "losses"):
            for choice, after in (("lost before", state), ("lost after", created)):
                lost = spend(after, "losses")
                assert lost is not None
                yield choice, self.go(lost, who, process, "doubt")

    def doubt(self, state: State, who: Who, process: Process) -> Outcomes:
        """Search once more in the same try."""
        found = self.find(state, who.run, process.attempt)
        if found is None:
            yield "not found", self.fail(state, who)
        else:
            yield "found", self.go_with(state, who, process, "store", found)

    def find(self, state: State, run: int, attempt: int) -> int | None:
        """Find what AMC has of an attempt and no other row has taken, by name or by content."""
        rows = all_rows(state)
        taken = {row.amc for *place, row in rows if place != [run, attempt]}
        found = [
            amc
            for amc, one in enumerate(state.executions)
            if amc not in taken and one.run == run
            # Attempts of one run ask the same, so without names the content is the same
            and (one.attempt == attempt or not self.is_named)
        ]
        return found[-1] if found else None

    def store(self, state: State, who: Who, process: Process) -> Outcomes:
        """Store AMC's id, unless the row has ended or has one."""
        assert process.amc is not None
        row = state.runs[who.run].rows[process.attempt]
        if row.status is ExecutionStatus.PENDING and row.amc is None:
            place = who.run, process.attempt
            accepted = self.accept(state, *place, process.amc, process.seen)
            yield "", self.sent(accepted, who, process)
        elif row.amc == process.amc:
            yield "stored already", self.sent(state, who, process)
        else:
            yield "no longer open", self.go_with(state, who, process, "withdraw", process.amc)

    def accept(
        self, state: State, run: int, attempt: int, amc: int, seen: AmcStatus | None
    ) -> State:
        """Do what ``mark_submitted.sql`` does."""
        return with_row(
            state,
            run,
            attempt,
            status=ExecutionStatus.RUNNING,
            amc=amc,
            amc_status=seen,
            is_late=False,
        )

    def withdraw(self, state: State, who: Who, process: Process) -> Outcomes:
        """Cancel what AMC has accepted for a row that has ended."""
        assert process.amc is not None
        for choice, after in self.cancel(state, process.amc):
            yield choice, self.fail(after, who)

    def sent(self, state: State, who: Who, process: Process) -> State:
        """Go on with what AMC has: submit ends here, and wait asks."""
        if process.task == "submit":
            return self.succeed(state, who)
        return self.go(state, who, process, "ask")

    # --- Waiting ------------------------------------------------------------------------------

    def ask(self, state: State, who: Who, process: Process) -> Outcomes:
        """Ask AMC, and store what is no end."""
        row = state.runs[who.run].rows[process.attempt]
        assert row.amc is not None
        status = state.executions[row.amc].status
        if status is RESULTS:
            yield "", self.succeed(self.note(state, row.amc, status), who)
        elif is_final(status) and not (row.is_late and status is AmcStatus.CANCELLED):
            yield "", self.go_with(state, who, process, "end", row.amc)
        elif row.is_late:
            yield "late", self.go(state, who, process, "cancel_late")
        else:
            yield "", self.defer(self.note(state, row.amc, status), who, "amc")

    def end(self, state: State, who: Who, process: Process) -> Outcomes:
        """End the row as AMC has ended; only FAILED may be followed by another attempt."""
        is_failed = process.seen is AmcStatus.FAILED
        row = state.runs[who.run].rows[process.attempt]
        if row.status is ExecutionStatus.RUNNING:
            status = ExecutionStatus.FAILED if is_failed else ExecutionStatus.CANCELLED
            error = AMC_FAILED if is_failed else AMC_CANCELLED
            state = self.close(state, who, process, status, error, process.seen)
            yield "", self.fail(state, who, is_last=not is_failed)
        else:
            yield "no longer open", self.fail(state, who)

    def cancel_late(self, state: State, who: Who, process: Process) -> Outcomes:
        """Cancel at the deadline; what AMC has finished stays."""
        amc = state.runs[who.run].rows[process.attempt].amc
        assert amc is not None
        for choice, after in self.cancel(state, amc):
            if choice == "lost":
                yield choice, self.fail(after, who)
            elif self.seen_after_cancel(after, amc) is RESULTS:
                yield choice, self.succeed(self.note(after, amc, RESULTS), who)
            else:
                yield choice, self.go_seeing(after, who, process, "time_out", amc)

    def time_out(self, state: State, who: Who, process: Process) -> Outcomes:
        if state.runs[who.run].rows[process.attempt].status is ExecutionStatus.RUNNING:
            status = ExecutionStatus.TIMEOUT
            state = self.close(state, who, process, status, TIMED_OUT, process.seen)
        yield "", self.fail(state, who, is_last=True)

    # --- Loading and recording ----------------------------------------------------------------

    def begin_load(self, state: State, who: Who, process: Process) -> Outcomes:
        row = latest(state.runs[who.run])
        if row is None or row.amc is None or row.amc_status is not RESULTS:
            yield "no results", self.fail(state, who, is_last=True)
            return
        yield "", self.go(state, who, process, "finish")
        if failed := spend(state, "failures"):
            yield "unreadable", self.fail(failed, who, is_last=True)

    def finish(self, state: State, who: Who, process: Process) -> Outcomes:
        """Write the row as SUCCESS."""
        status = ExecutionStatus.SUCCESS
        if state.runs[who.run].rows[process.attempt].amc_status is not RESULTS:
            yield "no longer open", self.fail(state, who)
            return
        loaded = with_row(state, who.run, process.attempt, status=status, error=None)
        yield "", self.succeed(loaded, who)

    def begin_record(self, state: State, who: Who, process: Process) -> Outcomes:
        """Cancel an execution that is still open."""
        row = latest(state.runs[who.run])
        if row is None or not row.status.is_open:
            yield "", self.succeed(state, who)
        elif is_final(row.amc_status):
            yield "", self.go(state, who, process, "give_up", seen=row.amc_status)
        elif (amc := self.known(state, who.run, process.attempt)) is None:
            yield "not sent", self.go(state, who, process, "give_up", seen=row.amc_status)
        else:
            for choice, after in self.cancel(state, amc):
                if choice != "lost":
                    yield choice, self.go_seeing(after, who, process, "give_up", amc)
                elif after.runs[who.run].tries < TRIES:
                    yield choice, self.fail(after, who)
                else:
                    yield choice, self.go(after, who, process, "give_up", seen=IN_FLIGHT)

    def known(self, state: State, run: int, attempt: int) -> int | None:
        """Return what goes by the id of a row at AMC, or by its name."""
        row = state.runs[run].rows[attempt]
        if row.amc is not None or not (row.is_sending and self.is_named):
            return row.amc
        named = [
            amc
            for amc, one in enumerate(state.executions)
            if (one.run, one.attempt) == (run, attempt)
        ]
        return named[-1] if named else None

    def give_up(self, state: State, who: Who, process: Process) -> Outcomes:
        """End the row of a run that is over."""
        row = state.runs[who.run].rows[process.attempt]
        if row.status.is_open:
            status, error = given_up_as(row.error, process.seen)
            seen = process.seen if row.amc is not None or is_final(process.seen) else None
            state = self.close(state, who, process, status, error, seen)
        yield "", self.succeed(state, who)

    # --- on_kill of the trigger ---------------------------------------------------------------

    def kill(self, state: State, who: Who, process: Process) -> Outcomes:
        """End the row first, because AMC may not answer."""
        if not state.runs[who.run].rows[process.attempt].status.is_open:
            yield "no longer open", with_run(state, who.run, killer=None)
            return
        cancelled = ExecutionStatus.CANCELLED
        ended = self.close(state, who, process, cancelled, KILLED, None)
        yield "", self.go(ended, who, process, "cancel_killed")

    def cancel_killed(self, state: State, who: Who, process: Process) -> Outcomes:
        amc = self.known(state, who.run, process.attempt)
        if amc is None:
            yield "not sent", with_run(state, who.run, killer=None)
            return
        for choice, after in self.cancel(state, amc):
            if choice != "lost":
                seen = self.seen_after_cancel(after, amc)
                after = self.note_at(after, who.run, process.attempt, seen)
            yield choice, with_run(after, who.run, killer=None)

    # --- What the steps share -----------------------------------------------------------------

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
            elif is_last and run.phase is Phase.LOAD and row.amc_status is RESULTS:
                if row.status is not ExecutionStatus.SUCCESS:
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
        seen: AmcStatus | None = None,
    ) -> State:
        following = Process(process.task, at, process.attempt, seen=seen)
        return with_run(state, who.run, **{who.field: following})

    def go_with(self, state: State, who: Who, process: Process, at: str, amc: int) -> State:
        """Go on with what AMC has said of an execution."""
        seen = state.executions[amc].status
        following = Process(process.task, at, process.attempt, amc, seen)
        return with_run(state, who.run, **{who.field: following})

    def go_seeing(self, state: State, who: Who, process: Process, at: str, amc: int) -> State:
        """Go on after a request to cancel an execution."""
        return self.go(state, who, process, at, seen=self.seen_after_cancel(state, amc))

    def _latest(self, state: State, run: int, **changes: Any) -> State:
        return with_row(state, run, len(state.runs[run].rows) - 1, **changes)


def given_up_as(error: str | None, seen: AmcStatus | None) -> tuple[ExecutionStatus, str]:
    """Return how an open row ends whose run is over, as ADR 0027 says."""
    if error is None:
        return ExecutionStatus.CANCELLED, KILLED
    if seen is AmcStatus.CANCELLED:
        return ExecutionStatus.CANCELLED, AMC_CANCELLED
    return ExecutionStatus.FAILED, RUN_FAILED


