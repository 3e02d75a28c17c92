"""How a query is sent once: the row, its slot, the lock, the request and the searches."""

from __future__ import annotations

from model.state import (
    AtAmc,
    Process,
    Row,
    State,
    all_rows,
    held_slots,
    latest,
    spend,
    with_row,
    with_run,
)
from model.steps import SENDING, Outcomes, Shared, Who
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus


class Sending(Shared):
    """The steps of ``submit``, and of ``wait`` where it opens the next attempt."""

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
        elif not row.status.is_open:
            yield "no longer open", self.fail(state, who)
        elif row.amc is not None:
            yield "sent already", self.sent(state, who, process)
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
            if amc not in taken
            and one.run == run
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
        elif row.amc == process.amc and row.status.is_open:
            yield "stored already", self.sent(state, who, process)
        elif row.amc == process.amc:
            yield "ended meanwhile", self.fail(state, who)
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
