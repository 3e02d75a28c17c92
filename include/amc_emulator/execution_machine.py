"""Executions and their progress: queue, slots, three paces, one clock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from amc_emulator.clock import Clock
from amc_emulator.engine import OutputColumn, Query, QueryRejected
from amc_emulator.settings import Progression, ProgressionMode, Settings
from amc_emulator.windows import Window

# The longest wait of an answer for the SQL of an execution that is due.
MAX_WAIT_SECONDS = 4.0
# Enough for any test, and a limit for a service that is left running.
MAX_EXECUTIONS = 20_000


class Status(StrEnum):
    """AMC's statuses of an execution."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Return whether the status is final."""
        return self not in (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The planned end of an execution. With a status unknown to AMC it never ends."""

    status: str
    reason: str = ""
    status_fields: dict[str, Any] | None = None  # instead of the reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """The result of the SQL: columns and CSV files."""

    columns: tuple[OutputColumn, ...]
    row_count: int
    parts: list[bytes]


@dataclass(kw_only=True, slots=True, eq=False)
class Execution:
    """One execution. Only the machine changes it."""

    sequence: int
    execution_id: str
    instance_id: str
    workflow_id: str
    query: Query
    window: Window
    created_at: datetime
    timeout_seconds: int
    request: dict[str, Any]
    outcome: Outcome | None = None
    has_output: bool = True
    dry_run: bool = False
    status: Status = Status.PENDING
    reason: str = ""
    polls: int = 0
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    cancelled_at: datetime | None = None  # when the cancellation takes effect
    task: asyncio.Future[Output] | None = None
    output: Output | None = None
    history: list[tuple[datetime, Status]] = field(default_factory=list)

    @property
    def needs_slot(self) -> bool:
        """Return whether the execution takes one of the instance's slots."""
        if _is_stuck(self):
            return True
        return not self.dry_run and (self.outcome is None or self.outcome.status != Status.REJECTED)


@dataclass(kw_only=True, slots=True)
class _InstanceQueue:
    """The executions of one instance that have not ended."""

    account: str
    queue: deque[Execution] = field(default_factory=deque)
    without_slot: deque[Execution] = field(default_factory=deque)
    running: list[Execution] = field(default_factory=list)
    slot_freed_at: datetime | None = None


Event = tuple[datetime, Callable[[], None]]
Run = Callable[[Execution], Coroutine[Any, Any, Output]]


class ExecutionMachine:
    """Moves executions on when a request arrives. Between requests only SQL runs."""

    def __init__(
        self, clock: Clock, run: Run, authorized_account: Callable[[str], str] = lambda _: ""
    ) -> None:
        self.progression = Progression()
        self.settings = Settings()
        self._clock = clock
        self._run = run
        self._account_of = authorized_account
        self._instances: dict[str, _InstanceQueue] = {}
        self._account_freed_at: dict[str, datetime] = {}
        self._executions: dict[str, Execution] = {}
        self._cancelled: list[Execution] = []  # of which the cancellation has no effect yet

    def __iter__(self) -> Iterator[Execution]:
        return iter(list(self._executions.values()))

    def __len__(self) -> int:
        return len(self._executions)

    def find(self, execution_id: str) -> Execution | None:
        """Return an execution of any instance."""
        return self._executions.get(execution_id)

    def add(self, execution: Execution) -> None:
        """Put a new execution into its instance's queue."""
        self._executions[execution.execution_id] = execution
        self._evict_oldest()
        account = self._account_of(execution.instance_id)
        instance = self._instances.setdefault(
            execution.instance_id, _InstanceQueue(account=account)
        )
        (instance.queue if execution.needs_slot else instance.without_slot).append(execution)
        self._set_status(execution, Status.PENDING, execution.created_at)

    def _evict_oldest(self) -> None:
        while len(self._executions) > MAX_EXECUTIONS:
            oldest = next(iter(self._executions.values()))
            if not oldest.status.is_terminal:
                return
            del self._executions[oldest.execution_id]

    def advance(self) -> None:
        """Apply all events that are due, in the order of their times."""
        while (event := self._next_event()) is not None:
            event[1]()

    async def poll(self, executions: Iterable[Execution]) -> None:
        """Count a poll of these executions, and wait for SQL that should have ended."""
        polled = list(executions)
        self.advance()
        for execution in polled:
            if execution.status is Status.RUNNING:
                execution.polls += 1
        await self.wait_for_sql(polled)

    def end(self, execution: Execution, status: Status, reason: str = "") -> None:
        """End an execution now instead of its planned end."""
        if not execution.status.is_terminal:
            self._end(execution, status, reason, self._clock.now())
            self.advance()

    def cancel(self, execution: Execution) -> None:
        """Cancel an execution after `cancel_seconds`. It may end before."""
        pause = timedelta(seconds=self.settings.cancel_seconds)
        if not pause:
            self.end(execution, Status.CANCELLED)
        elif execution.cancelled_at is None:
            execution.cancelled_at = self._clock.now() + pause
            self._cancelled.append(execution)

    async def wait_for_sql(self, executions: Collection[Execution]) -> None:
        """Wait for SQL that should have ended, of these executions or of those before them."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MAX_WAIT_SECONDS
        while True:
            self.advance()
            overdue = self._overdue(
                {one.instance_id for one in executions if not one.status.is_terminal}
            )
            if not overdue or loop.time() >= deadline:
                return
            await asyncio.wait(overdue, timeout=deadline - loop.time())

    def _overdue(self, instance_ids: set[str]) -> set[asyncio.Future[Output]]:
        return {
            one.task
            for instance_id in instance_ids
            for one in self._instances[instance_id].running
            if one.task and not one.task.done() and self._due_at(one)
        }

    def _next_event(self) -> Event | None:
        instances = self._instances.values()
        events = [
            event
            for instance in instances
            for one in instance.running
            if (event := self._finish_event(one)) is not None
        ]
        events += [self._cancel_event(one) for one in self._cancelled]
        events += [event for instance in instances for event in self._start_events(instance)]
        now = self._clock.now()
        return min((one for one in events if one[0] <= now), key=lambda one: one[0], default=None)

    def _cancel_event(self, execution: Execution) -> Event:
        assert execution.cancelled_at is not None  # noqa: S101  (it was cancelled)
        at = execution.cancelled_at
        return at, lambda: self._end(execution, Status.CANCELLED, "", at)

    def _start_events(self, instance: _InstanceQueue) -> Iterator[Event]:
        if instance.without_slot:
            execution = instance.without_slot[0]
            ready = self._ready_at(execution)
            yield ready, lambda: self._end_without_slot(execution, ready)
        if instance.queue and self._has_slot(instance):
            first = instance.queue[0]
            freed = (instance.slot_freed_at, self._account_freed_at.get(instance.account))
            start = max(self._ready_at(first), *(one or first.created_at for one in freed))
            yield start, lambda: self._start(first, start)

    def _has_slot(self, instance: _InstanceQueue) -> bool:
        siblings = [one for one in self._instances.values() if one.account == instance.account]
        if len(instance.running) >= self.settings.max_running:
            return False
        return sum(len(one.running) for one in siblings) < self.settings.max_running_per_account

    def _finish_event(self, execution: Execution) -> Event | None:
        assert execution.started_at is not None  # noqa: S101  (a running one has started)
        limit = execution.started_at + timedelta(seconds=execution.timeout_seconds)
        due = self._due_at(execution)
        if due is None or due > limit:
            reason = (
                "The workflow execution exceeded its time limit of"
                f" {execution.timeout_seconds} seconds."
            )
            return limit, lambda: self._end(execution, Status.FAILED, reason, limit)
        if execution.task is None or not execution.task.done():
            return None
        return due, lambda: self._complete(execution, due)

    def _due_at(self, execution: Execution) -> datetime | None:
        """Return the planned end by the pace, None while it is not known.

        The SQL may take longer.
        """
        if execution.started_at is None or _is_stuck(execution):
            return None
        match self.progression.mode:
            case ProgressionMode.AT_ONCE:
                return execution.started_at
            case ProgressionMode.PER_POLL:
                reached = execution.polls >= self.progression.polls
                return self._clock.now() if reached else None
            case ProgressionMode.PER_SECOND:
                pause = timedelta(seconds=self.progression.running_seconds)
                due = execution.started_at + pause
                return due if due <= self._clock.now() else None

    def _ready_at(self, execution: Execution) -> datetime:
        if self.progression.mode is not ProgressionMode.PER_SECOND:
            return execution.created_at
        return execution.created_at + timedelta(seconds=self.progression.pending_seconds)

    def _start(self, execution: Execution, at: datetime) -> None:
        instance = self._instances[execution.instance_id]
        instance.queue.remove(execution)
        instance.running.append(execution)
        execution.started_at = at
        self._set_status(execution, Status.RUNNING, at)
        execution.task = asyncio.ensure_future(self._run(execution))
        execution.task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Future[Output]) -> None:
        if not task.cancelled():
            task.exception()  # looked at, so that nothing complains when nobody else will
            self.advance()

    def _end_without_slot(self, execution: Execution, at: datetime) -> None:
        outcome = execution.outcome or Outcome(status=Status.SUCCEEDED)
        self._end(execution, Status(outcome.status), outcome.reason, at)

    def _complete(self, execution: Execution, at: datetime) -> None:
        assert execution.task is not None  # noqa: S101  (it was started)
        rejection = execution.task.exception()
        if execution.outcome is not None:
            self._end(execution, Status(execution.outcome.status), execution.outcome.reason, at)
        elif isinstance(rejection, QueryRejected):
            self._end(execution, Status.REJECTED, str(rejection), at)
        elif rejection is not None:
            self._end(execution, Status.FAILED, f"Internal error: {rejection}", at)
        else:
            execution.output = execution.task.result()
            self._end(execution, Status.SUCCEEDED, "", at)

    def _end(self, execution: Execution, status: Status, reason: str, at: datetime) -> None:
        instance = self._instances[execution.instance_id]
        if execution in instance.running:
            instance.running.remove(execution)
            instance.slot_freed_at = max(at, instance.slot_freed_at or at)
            freed_at = self._account_freed_at.get(instance.account, at)
            self._account_freed_at[instance.account] = max(at, freed_at)
        else:
            (instance.queue if execution.needs_slot else instance.without_slot).remove(execution)
        if execution in self._cancelled:
            self._cancelled.remove(execution)
        execution.reason = reason
        execution.ended_at = at
        self._set_status(execution, status, at)

    def _set_status(self, execution: Execution, status: Status, at: datetime) -> None:
        execution.status = status
        execution.updated_at = at
        execution.history.append((at, status))


def _is_stuck(execution: Execution) -> bool:
    return execution.outcome is not None and execution.outcome.status not in frozenset(Status)
