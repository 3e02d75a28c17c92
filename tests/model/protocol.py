"""The steps of all tasks, and of the trigger's on_kill."""

from __future__ import annotations

from collections.abc import Iterator

from model.sending import Sending
from model.state import (
    AMC_CANCELLED,
    AMC_FAILED,
    IN_FLIGHT,
    KILLED,
    RESULTS,
    TIMED_OUT,
    Phase,
    Process,
    Run,
    State,
    is_final,
    latest,
    spend,
    with_row,
    with_run,
)
from model.steps import ACTORS, SENDING, TRIES, Outcomes, Step, Who, given_up_as
from recomamp.domain.execution_states import Actor, AmcStatus, ExecutionStatus


class Protocol(Sending):
    """Every process of a run.

    Each method is one step. It yields what may come of it, and the state that follows.
    """

    def take(self, state: State, who: Who) -> Iterator[tuple[Step, State]]:
        """Yield each outcome of the next step of a process."""
        process: Process = getattr(state.runs[who.run], who.field)
        actor = Actor.ON_KILL if who.field == "killer" else ACTORS[process.task]
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
        actor = ACTORS[one.phase.value]
        for choice, after in getattr(self, name)(state, who, process):
            opener = Actor.SUBMIT if len(after.runs[run].rows) > len(one.rows) else actor
            yield Step(opener, name, run, choice), after

    def begin_submit(self, state: State, who: Who, process: Process) -> Outcomes:
        row = latest(state.runs[who.run])
        if self.is_already_final(state.runs[who.run]):
            yield "already final", self.fail(state, who, is_last=True)
            return
        if row and row.error == KILLED:
            state, has_results = self.has_results(state, who.run)
            if has_results:
                yield "results at AMC", self.succeed(state, who)
                return
        yield from self.open(state, who, process)

    def is_already_final(self, run: Run) -> bool:
        """Return whether an earlier try of the task was about to fail for good."""
        row = latest(run)
        return (
            row is not None
            and not row.status.is_open
            and run.tries > 1
            and row.error not in (None, AMC_FAILED, KILLED)
            and len(run.rows) > run.earlier_rows
        )

    def begin_wait(self, state: State, who: Who, process: Process) -> Outcomes:
        one = state.runs[who.run]
        row = latest(one)
        if row and not row.status.is_open:
            if self.is_already_final(one):
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
        if row.status.is_open or row.status is ExecutionStatus.SUCCESS or row.amc is None:
            return state, False
        if not is_final(row.amc_status):
            row = row._replace(amc_status=state.executions[row.amc].status)
            state = self._latest(state, run, amc_status=row.amc_status)
        return state, row.amc_status is RESULTS

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
        """End the row of a run that is over. The id of what was found by name is stored too."""
        row = state.runs[who.run].rows[process.attempt]
        if row.status is ExecutionStatus.PENDING and process.amc is not None:
            state = self.accept(state, who.run, process.attempt, process.amc, process.seen)
            row = state.runs[who.run].rows[process.attempt]
        if row.status.is_open:
            status, error = given_up_as(row.error, process.seen)
            seen = process.seen if row.amc is not None else None
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
