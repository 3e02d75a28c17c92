"""What compares a step of the pipeline with the same step of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fixtures.postgres import Row
from model.protocol import Protocol
from model.state import (
    IN_FLIGHT,
    STEP,
    Process,
    State,
    all_rows,
    held_slots,
    with_row,
)
from model.state import Row as ModelRow
from model.steps import Step
from recomamp.amazon.amc.client import AmcClient
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus
from recomamp.store import executions

# The statements of the model's steps. A process dies before one of them, or before it sends
STATEMENTS = {
    "mark": "mark_submitting",
    "store": "mark_submitted",
    "end": "end_execution",
    "time_out": "end_execution",
    "give_up": "end_execution",
    "finish": "mark_succeeded",
}
DEATHS = ("post", *sorted({*STATEMENTS.values()}))
POSTS = {"lost before": "reset_before", "lost after": "reset_after"}
WORDS = {None, "KILLED", "RUN_FAILED", "FAILED", "CANCELLED", "TIMED_OUT"}


class Crash(BaseException):
    """The process is gone: nothing of it runs any more."""


class OldestFirst(Protocol):
    """Grants slots in the order in which attempts were opened, as the statement does."""

    def __init__(self) -> None:
        super().__init__(slots=1, attempts=99)
        self.opened: list[tuple[int, int]] = []

    def grant(self, state: State) -> State:
        places = [(run, attempt) for run, attempt, _ in all_rows(state)]
        self.opened += [place for place in places if place not in self.opened]
        for run, attempt in self.opened:
            row = state.runs[run].rows[attempt]
            is_waiting = row.status is ExecutionStatus.PENDING and not row.has_slot
            if is_waiting and held_slots(state) < self.slots:
                state = with_row(state, run, attempt, has_slot=True)
        return state


def statements_of(process: Process, row: ModelRow | None) -> tuple[str, ...]:
    """Return the statements of a step that begins a transaction, in their order."""
    last = STATEMENTS.get(process.at)
    is_found_by_name = process.at == "give_up" and process.amc is not None
    if is_found_by_name and row is not None and row.amc is None:
        return ("mark_submitted", "end_execution")
    return (last,) if last else ()


def pick(outcomes: Iterator[tuple[Step, State]], wanted: dict[str, str]) -> State:
    """Choose among the outcomes of a step what the faults bring about."""
    found = {
        step.choice: (step, after) for step, after in outcomes if step.name != "15 minutes pass"
    }
    step, after = next(iter(found.values()))
    if step.name in wanted:
        return found.get(wanted[step.name], (step, after))[1]  # unless it does not come so far
    return found.get(wanted.get("lost") or step.choice, (step, after))[1]


def abstract(status: str | None) -> AmcStatus | None:
    """Return AMC's status as the model has it: one stands for all that are not final."""
    if status is None:
        return None
    parsed = AmcStatus.parse(status)
    return parsed if parsed.is_terminal else IN_FLIGHT


def in_short(row: Row, ids: dict[str, int]) -> tuple[Any, ...]:
    """Return of a row what the model knows."""
    return (
        row["status"],
        row["slot_granted_at"] is not None,
        row["submission_started_at"] is not None,
        ids[row["amc_execution_id"]] if row["amc_execution_id"] else None,
        abstract(row["amc_status"]),
        row["error_type"] if row["error_type"] in WORDS else STEP,
    )


@contextmanager
def dying(dies_at: str | None) -> Iterator[None]:
    """Let the process die before a statement, or before it sends the query."""
    execute: Callable[..., bool] = executions.execute_returning

    def or_die(connection: Any, statement: str, **parameters: Any) -> bool:
        if statement == dies_at:
            raise Crash
        return execute(connection, statement, **parameters)

    async def die(self: AmcClient, execution: Any) -> None:
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executions, "execute_returning", or_die)
        if dies_at == "post":
            patch.setattr(AmcClient, "create_execution", die)
        yield
