"""What happens around the tasks: AMC, Airflow, people, misfortunes and the reconciliation."""

from __future__ import annotations

from collections.abc import Iterator

from model.protocol import Protocol
from model.state import (
    RESULTS,
    Comparison,
    Orphan,
    Phase,
    Process,
    Run,
    State,
    all_rows,
    is_final,
    latest,
    spend,
    with_execution,
    with_row,
    with_run,
)
from model.steps import Step, Who, given_up_as
from recomamp.domain.execution_states import Actor, AmcStatus, ExecutionStatus

Steps = Iterator[tuple[Step, State]]
PROCESSES = ("task", "zombie", "killer")


class World:
    """Every step that may come next in a state."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    def steps(self, state: State) -> Steps:
        """Yield each step that may come next, and what follows."""
        for number, run in enumerate(state.runs):
            yield from self.of_tasks(state, number, run)
            yield from self.of_airflow(state, number, run)
            yield from self.of_people(state, number, run)
        yield from self.of_amc(state)
        yield from self.of_reconciliation(state)

    def of_tasks(self, state: State, number: int, run: Run) -> Steps:
        """Let the processes of a run go on, or start its next try."""
        for field in PROCESSES:
            if getattr(run, field) is not None:
                yield from self.protocol.take(state, Who(number, field))
        if run.task is None and run.phase.is_alive and self.is_awake(state, run):
            yield from self.protocol.start(state, number)
        if run.waits == "slot" and (granted := self.protocol.grant(state)) != state:
            yield Step(None, "trigger grants slots", number), granted

    def is_awake(self, state: State, run: Run) -> bool:
        """Return whether the task may start: it is not deferred, or its trigger has fired."""
        row = latest(run)
        if run.waits is None or row is None or not row.status.is_open:
            return True
        if run.waits == "slot":
            return row.has_slot
        has_ended = row.amc is not None and is_final(state.executions[row.amc].status)
        return row.is_late or has_ended

    def of_airflow(self, state: State, number: int, run: Run) -> Steps:
        """Let a process die, or be believed dead."""
        if run.task is not None and (dead := spend(state, "crashes")):
            yield (
                Step(None, "task dies", number),
                self.protocol.end_try(dead, number, is_last=False),
            )
        if run.killer is not None and (dead := spend(state, "crashes")):
            yield Step(None, "triggerer dies", number), with_run(dead, number, killer=None)
        if run.task is not None and run.zombie is None and (lost := spend(state, "zombies")):
            lost = with_run(lost, number, zombie=run.task)
            yield (
                Step(None, "task is lost", number),
                self.protocol.end_try(lost, number, is_last=False),
            )

    def of_people(self, state: State, number: int, run: Run) -> Steps:
        """Mark, delete and clear."""
        row = latest(run)
        is_waiting = row is not None and row.status is ExecutionStatus.RUNNING and not row.is_late
        if is_waiting and (late := spend(state, "deadlines")):
            attempt = len(run.rows) - 1
            yield Step(None, "deadline", number), with_row(late, number, attempt, is_late=True)
        if not (after := spend(state, "people")):
            return
        if run.phase in (Phase.SUBMIT, Phase.WAIT, Phase.LOAD):
            yield Step(None, "mark failed", number), self.mark_failed(after, number)
        if run.phase.is_alive:
            gone = with_run(after, number, phase=Phase.GONE, waits=None, task=None)
            yield Step(None, "delete", number), gone
        if run.phase is Phase.DONE and run.rows:
            for phase in (Phase.SUBMIT, Phase.WAIT):
                yield Step(None, f"clear {phase}", number), self.clear(after, number, phase)

    def clear(self, state: State, number: int, phase: Phase) -> State:
        """Clear a task with those that follow it."""
        rows = len(state.runs[number].rows)
        return with_run(state, number, phase=phase, tries=1, is_cleared=True, earlier_rows=rows)

    def mark_failed(self, state: State, number: int) -> State:
        """End the task: a worker's process stops, and a trigger's on_kill runs."""
        run = state.runs[number]
        killer = Process(run.phase.value, "kill", len(run.rows) - 1) if run.waits else run.killer
        return with_run(
            state, number, task=None, waits=None, killer=killer, phase=Phase.RECORD, tries=1
        )

    def of_amc(self, state: State) -> Steps:
        """Let AMC end an execution."""
        for amc, one in enumerate(state.executions):
            if is_final(one.status):
                continue
            ended = with_execution(state, amc, status=RESULTS, is_cancelling=False)
            yield Step(None, "AMC succeeds", one.run), ended
            if failed := spend(state, "failures"):
                ended = with_execution(failed, amc, status=AmcStatus.FAILED, is_cancelling=False)
                yield Step(None, "AMC fails", one.run), ended
            if one.is_cancelling:
                ended = with_execution(state, amc, status=AmcStatus.CANCELLED, is_cancelling=False)
                yield Step(None, "AMC cancels", one.run), ended

    # --- The reconciliation -------------------------------------------------------------------

    def of_reconciliation(self, state: State) -> Steps:
        """Take the next step of a pass, or let a quarter of an hour go by between two."""
        pass_ = state.comparison
        if pass_ is None:
            yield Step(Actor.RECONCILE, "lists AMC", -1), self.list_amc(state)
            if (later := self.later(state)) != state:
                yield Step(None, "15 minutes pass", -1), later
        elif not pass_.is_compared:
            yield Step(Actor.RECONCILE, "compares", -1), self.compare(state, pass_)
        else:
            yield from self.act(state, pass_)

    def list_amc(self, state: State) -> State:
        """List all executions, and store the statuses of ended rows."""
        unlisted = frozenset(
            (run, attempt) for run, attempt, row in all_rows(state) if row.is_unlisted
        )
        listed = tuple(one.status for one in state.executions)
        for run, attempt, row in all_rows(state):
            is_ended = not row.status.is_open and row.status is not ExecutionStatus.SUCCESS
            if row.amc is not None and is_ended:
                state = self.protocol.note_at(state, run, attempt, listed[row.amc])
        return state._replace(comparison=Comparison(listed, unlisted))

    def compare(self, state: State, pass_: Comparison) -> State:
        """Read the rows, mark orphans, count what has no open row, and decide."""
        for run, attempt, row in all_rows(state):
            is_orphan = row.status.is_open and not state.runs[run].phase.is_alive
            orphan = (
                (row.orphan if row.orphan is not Orphan.NO else Orphan.SEEN)
                if is_orphan
                else Orphan.NO
            )
            if row.status.is_open and orphan is not row.orphan:
                state = with_row(state, run, attempt, orphan=orphan)
        state = self.count(state, pass_)
        decisions = tuple(self.decide(state, pass_))
        compared = pass_._replace(is_compared=True, decisions=decisions)
        return state._replace(comparison=compared if decisions else None)

    def decide(self, state: State, pass_: Comparison) -> Iterator[tuple[str, int, int]]:
        cancelled = set()
        for run, attempt, row in all_rows(state):
            if not row.status.is_open or state.runs[run].phase.is_alive:
                continue
            listed = self.listed_for(state, pass_, run, attempt)
            if row.amc is None and listed is not None:
                yield "adopts", run, attempt
            elif row.orphan is Orphan.LONG:
                cancelled.add(listed if row.amc is None else row.amc)
                yield "closes", run, attempt
        for amc, status in enumerate(pass_.listed):
            one = state.executions[amc]
            row = state.runs[one.run].rows[one.attempt]
            is_ours = self.protocol.is_named and amc not in cancelled
            if is_ours and not is_final(status) and not row.status.is_open:
                yield "cancels", one.run, amc

    def listed_for(self, state: State, pass_: Comparison, run: int, attempt: int) -> int | None:
        """Return what AMC has listed under the name of a row."""
        if not self.protocol.is_named:
            return None
        found = [
            amc
            for amc, one in enumerate(state.executions[: len(pass_.listed)])
            if (one.run, one.attempt) == (run, attempt)
        ]
        return found[-1] if found else None

    def count(self, state: State, pass_: Comparison) -> State:
        """Count what AMC has listed in flight that no open row holds or waits for."""
        for run, attempt in pass_.unlisted:
            state = with_row(state, run, attempt, is_unlisted=False)
        external = 0
        for amc, status in enumerate(pass_.listed):
            if not (is_final(status) or amc in pass_.ended):
                external += not self.is_held(state, amc)
        return state._replace(external=external, is_counted=True)

    def is_held(self, state: State, amc: int) -> bool:
        """Return whether an open row holds it or waits for it, or a row says that it has ended."""
        one = state.executions[amc]
        for run, attempt, row in all_rows(state):
            if row.amc == amc:
                return row.status.is_open or is_final(row.amc_status)
            is_its_name = self.protocol.is_named and (run, attempt) == (one.run, one.attempt)
            if is_its_name and row.status.is_open and row.amc is None:
                return True
        return False

    def act(self, state: State, pass_: Comparison) -> Steps:
        """Do the next of what was decided, and count again in the end."""
        if not pass_.decisions:
            counted = self.count(state, pass_)._replace(comparison=None)
            yield Step(Actor.RECONCILE, "counts again", -1), counted
            return
        (name, run, place), *rest = pass_.decisions
        for choice, after, ended in self.do(state, pass_, name, run, place):
            left = pass_._replace(decisions=tuple(rest), ended=pass_.ended | ended)
            yield Step(Actor.RECONCILE, name, run, choice), after._replace(comparison=left)

    def do(
        self, state: State, pass_: Comparison, name: str, run: int, place: int
    ) -> Iterator[tuple[str, State, frozenset[int]]]:
        """Yield each outcome of one decision, and what it has ended at AMC."""
        if name == "cancels":
            yield from self.cancel(state, place)
            return
        row, listed = state.runs[run].rows[place], self.listed_for(state, pass_, run, place)
        if name == "adopts":
            if row.status is ExecutionStatus.PENDING and row.amc is None and listed is not None:
                seen = pass_.listed[listed]
                state = self.protocol.accept(state, run, place, listed, seen)
            yield "", state, frozenset()
        elif not row.status.is_open or state.runs[run].phase.is_alive:
            yield "has changed", state, frozenset()
        else:
            yield from self.close(state, pass_, run, place, listed)

    def close(
        self, state: State, pass_: Comparison, run: int, attempt: int, listed: int | None
    ) -> Iterator[tuple[str, State, frozenset[int]]]:
        """Cancel at AMC what runs for the row, and end it."""
        row = state.runs[run].rows[attempt]
        amc = listed if row.amc is None else row.amc
        for choice, after, ended in self.cancel_and_end(state, pass_, run, attempt, amc):
            if not after.runs[run].rows[attempt].status.is_open:
                after = self.count(after, pass_._replace(ended=pass_.ended | ended))
            yield choice, after, ended

    def cancel_and_end(
        self, state: State, pass_: Comparison, run: int, attempt: int, amc: int | None
    ) -> Iterator[tuple[str, State, frozenset[int]]]:
        is_listed = amc is not None and amc < len(pass_.listed)
        if amc is None:
            yield "not sent", self.end(state, run, attempt, None), frozenset()
        elif is_listed and is_final(pass_.listed[amc]):
            yield "has ended", self.end(state, run, attempt, pass_.listed[amc]), frozenset()
        else:
            for choice, after, ended in self.cancel(state, amc):
                if choice != "lost":
                    seen = self.protocol.seen_after_cancel(after, amc)
                    after = self.end(after, run, attempt, seen)
                yield choice, after, ended

    def end(self, state: State, run: int, attempt: int, seen: AmcStatus | None) -> State:
        row = state.runs[run].rows[attempt]
        status, error = given_up_as(row.error, seen)
        # The count at the end of the pass has it, if AMC still runs it
        ended = row._replace(status=status, error=error, is_unlisted=False)
        if is_final(seen):
            ended = ended._replace(amc_status=seen)
        return with_row(state, run, attempt, **ended._asdict())

    def cancel(self, state: State, amc: int) -> Iterator[tuple[str, State, frozenset[int]]]:
        for choice, after in self.protocol.cancel(state, amc):
            seen = self.protocol.seen_after_cancel(after, amc)
            is_ended = choice != "lost" and is_final(seen)
            if choice != "lost":
                after = self.note_ended(after, amc, seen)
            yield choice, after, frozenset({amc} if is_ended else ())

    def note_ended(self, state: State, amc: int, seen: AmcStatus) -> State:
        """Store AMC's status, where the row has ended."""
        for run, attempt, row in all_rows(state):
            if (
                row.amc == amc
                and not row.status.is_open
                and row.status is not ExecutionStatus.SUCCESS
            ):
                state = self.protocol.note_at(state, run, attempt, seen)
        return state

    def later(self, state: State) -> State:
        """Let a quarter of an hour pass."""
        for run, attempt, row in all_rows(state):
            orphan = Orphan.LONG if row.orphan is Orphan.SEEN else row.orphan
            if row.is_unlisted or orphan is not row.orphan:
                state = with_row(state, run, attempt, orphan=orphan, is_unlisted=False)
        return state._replace(is_counted=False)
