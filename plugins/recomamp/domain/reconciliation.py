"""Compare AMC's list with our open rows and decide what to do where they disagree.

A row whose DAG run is alive belongs to its own tasks. At AMC only what carries the name of a row
of ours, or is what an open row says it is, is ever cancelled: another deployment may use the same
instance, and its executions look like ours but for the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from recomamp.domain.amc_names import execution_id_of, is_dry_run, is_nameless
from recomamp.domain.execution_states import ExecutionStatus
from recomamp.domain.executions import AmcExecution, OpenExecution

ORPHAN_GRACE = timedelta(minutes=15)  # a run just marked failed may have a worker at it still


class RunState(StrEnum):
    """What Airflow says of a DAG run."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    GONE = "gone"

    @property
    def is_alive(self) -> bool:
        """Return whether the run may still wait for its execution."""
        return self in (RunState.QUEUED, RunState.RUNNING)


class Action(StrEnum):
    """What is done about a disagreement (constraint ``chk_reconciliation_action``)."""

    ADOPT = "ADOPT"  # AMC has it, the row does not say so: store AMC's id
    CANCEL_AT_AMC = "CANCEL_AT_AMC"  # AMC works on what no open row waits for
    CLOSE = "CLOSE"  # nobody waits for the row: cancel at AMC, end it, record its run


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownExecutions:
    """What the database knows of the listed executions, read after the list."""

    statuses: Mapping[UUID, ExecutionStatus]  # rows by the ids in the names; absent: no such row
    held: Mapping[UUID, str]  # AMC's ids that open rows hold, by the rows; once held, for good
    ended: Collection[str] = ()  # AMC's ids that AMC reports as ended
    dry_runs: Collection[str] = ()  # AMC's ids of dry runs, also where AMC keeps no names


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One action: for a row (not CANCEL_AT_AMC), on executions of AMC (maybe none)."""

    action: Action
    execution_id: UUID
    reason: str
    row: OpenExecution | None = None
    at_amc: AmcExecution | None = None  # what AMC lists for it, if anything
    cancel: tuple[str, ...] = ()  # AMC's ids

    def __str__(self) -> str:
        """Name it for people; several may be about one row, each on another of AMC's ids."""
        at_amc = f", {self.at_amc.amc_execution_id} at AMC" if self.at_amc else ""
        return f"{self.action} of execution {self.execution_id}{at_amc}"


def is_orphan(row: OpenExecution, runs: Mapping[UUID, RunState]) -> bool:
    """Return whether no living DAG run waits for the row."""
    return not runs[row.id].is_alive


def decide(
    rows: Collection[OpenExecution],
    listed: Collection[AmcExecution],
    known: KnownExecutions,
    runs: Mapping[UUID, RunState],
    *,
    now: datetime,
) -> Iterator[Decision]:
    """Yield at most one action for each orphan and for each execution that no row waits for."""
    cancelled_with_rows: set[str] = set()
    for row in rows:
        if is_orphan(row, runs) and (decision := _about_orphan(row, listed, runs[row.id], now)):
            cancelled_with_rows.update(decision.cancel)
            yield decision
    for one in listed:
        execution_id = execution_id_of(one.workflow_id)
        if execution_id is None or one.amc_execution_id in cancelled_with_rows:
            continue
        if reason := _why_unwanted(one, execution_id, known):
            yield Decision(
                action=Action.CANCEL_AT_AMC,
                execution_id=execution_id,
                reason=reason,
                at_amc=one,
                cancel=(one.amc_execution_id,),
            )


def count_external(listed: Collection[AmcExecution], known: KnownExecutions) -> int:
    """Count what takes a slot at AMC and has no open row, which would hold that slot.

    That is also what a row of ours has given up and AMC still runs, and what AMC runs for a row
    more than once: a row holds one slot. A dry run takes none.
    """
    # By id: what is created while the pages are read moves others to the next page
    in_flight = {
        one.amc_execution_id: one
        for one in listed
        if not (one.status.is_terminal or one.amc_execution_id in known.ended)
        and not (is_dry_run(one.workflow_id) or one.amc_execution_id in known.dry_runs)
    }
    holders = {amc_id: execution_id for execution_id, amc_id in known.held.items()}
    rows = {holders.get(key) or _row_waiting_for(one, known) for key, one in in_flight.items()}
    return len(in_flight) - len(rows - {None})


def _row_waiting_for(one: AmcExecution, known: KnownExecutions) -> UUID | None:
    """Return the open row whose name it carries, where that holds none of AMC's ids yet."""
    execution_id = execution_id_of(one.workflow_id)
    status = known.statuses.get(execution_id) if execution_id else None
    is_waiting = status is not None and status.is_open and execution_id not in known.held
    return execution_id if is_waiting else None


def _about_orphan(
    row: OpenExecution, listed: Collection[AmcExecution], run: RunState, now: datetime
) -> Decision | None:
    is_waiting_for_id = row.status is ExecutionStatus.PENDING and row.amc_execution_id is None
    at_amc = _found(row, listed)
    if is_waiting_for_id and at_amc is not None:
        reason = f"its DAG run is {run} and AMC has it"
        return Decision(
            action=Action.ADOPT, execution_id=row.id, reason=reason, row=row, at_amc=at_amc
        )
    if row.orphaned_at is None or now - row.orphaned_at < ORPHAN_GRACE:
        return None
    return Decision(
        action=Action.CLOSE,
        execution_id=row.id,
        reason=f"its DAG run is {run}, seen first at {row.orphaned_at:%F %T} UTC",
        row=row,
        at_amc=at_amc,
        cancel=tuple(_in_flight(row, listed)),
    )


def _found(row: OpenExecution, listed: Collection[AmcExecution]) -> AmcExecution | None:
    """Return what AMC lists for the row, by its id or else by name; rather what still runs."""
    own = [one for one in listed if one.amc_execution_id == row.amc_execution_id]
    named = [one for one in listed if one.workflow_id == row.amc_workflow_id]
    return min(own or named, key=lambda one: one.status.is_terminal, default=None)


def _in_flight(row: OpenExecution, listed: Collection[AmcExecution]) -> Iterator[str]:
    """Yield AMC's ids of all that runs for the row, also where AMC's list leaves it out."""
    for one in listed:
        is_its_name = one.workflow_id == row.amc_workflow_id
        # Where AMC keeps no names, the id identifies the execution
        is_its_id = one.amc_execution_id == row.amc_execution_id and is_nameless(one.workflow_id)
        if (is_its_name or is_its_id) and not one.status.is_terminal:
            yield one.amc_execution_id
    if row.amc_execution_id is not None and row.amc_execution_id not in {
        one.amc_execution_id for one in listed
    }:
        yield row.amc_execution_id


def _why_unwanted(one: AmcExecution, execution_id: UUID, known: KnownExecutions) -> str | None:
    """Return why no row waits for an execution of ours at AMC, None where one does."""
    status = known.statuses.get(execution_id)
    if one.status.is_terminal or status is None:  # without a row: another deployment's, perhaps
        return None
    if one.amc_execution_id in known.held.values():  # an open row waits for it under another name
        return None
    if not status.is_open:
        return f"its row has ended as {status}"
    held = known.held.get(execution_id)
    if held is None:  # its run may be about to adopt this one
        return None
    return f"the query was sent more than once, and its row waits for {held}"
