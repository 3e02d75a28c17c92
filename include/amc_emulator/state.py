"""Executions and how they get on: queue, slots, three paces, one clock."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from amc_emulator.clock import Clock
from amc_emulator.engine import OutputColumn, Query, QueryRefused
from amc_emulator.settings import Mode, Progression, Settings
from amc_emulator.windows import Window

# How long an answer waits for the SQL of an execution whose time is up.
PATIENCE_SECONDS = 4.0
# Enough for any test; a bound for a service that is left running.
KEPT_EXECUTIONS = 20_000


class Status(StrEnum):
    """AMC's words for where an execution is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        """Return whether nothing follows."""
        return self not in (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """How an execution is bound to end; a status outside AMC's words never ends."""

    status: str
    reason: str = ""
    said: dict[str, Any] | None = None  # instead of the reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What the SQL left: columns and CSV files."""

    columns: tuple[OutputColumn, ...]
    row_count: int
    parts: list[bytes]


@dataclass(kw_only=True, slots=True, eq=False)
class Execution:
    """One execution; the machine alone changes it."""

    sequence: int
    execution_id: str
    instance_id: str
    workflow_id: str
    query: Query
    window: Window
    created_at: datetime
    timeout_seconds: int
    request: dict[str, Any]
    fate: Fate | None = None
    leaves_output: bool = True
    dry_run: bool = False
    status: Status = Status.PENDING
    reason: str = ""
    polls: int = 0
    started_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    cancelled_at: datetime | None = None  # when the cancellation takes effect
    work: asyncio.Future[Output] | None = None
    output: Output | None = None
    history: list[tuple[datetime, Status]] = field(default_factory=list)

    @property
    def needs_slot(self) -> bool:
        """Return whether it takes one of the instance's running places."""
        return not self.dry_run and (self.fate is None or self.fate.status != Status.REJECTED)


@dataclass(kw_only=True, slots=True)
class _Lane:
    """The executions of one instance that have not ended."""

    account: str
    queue: deque[Execution] = field(default_factory=deque)
    unslotted: deque[Execution] = field(default_factory=deque)
    running: list[Execution] = field(default_factory=list)
    slot_freed_at: datetime | None = None


Event = tuple[datetime, Callable[[], None]]
Run = Callable[[Execution], Coroutine[Any, Any, Output]]


class Machine:
    """Moves executions along whenever somebody looks; nothing runs between looks but SQL."""

    def __init__(
        self, clock: Clock, run: Run, account_of: Callable[[str], str] = lambda _: ""
    ) -> None:
        self.progression = Progression()
        self.settings = Settings()
        self._clock = clock
        self._run = run
        self._account_of = account_of
        self._lanes: dict[str, _Lane] = {}
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
        self._forget_oldest()
        account = self._account_of(execution.instance_id)
        lane = self._lanes.setdefault(execution.instance_id, _Lane(account=account))
        (lane.queue if execution.needs_slot else lane.unslotted).append(execution)
        self._enter(execution, Status.PENDING, execution.created_at)

    def _forget_oldest(self) -> None:
        while len(self._executions) > KEPT_EXECUTIONS:
            oldest = next(iter(self._executions.values()))
            if not oldest.status.is_terminal:
                return
            del self._executions[oldest.execution_id]

    def advance(self) -> None:
        """Let everything happen that was due by now, in the order of its time."""
        while (event := self._next_event()) is not None:
            event[1]()

    async def poll(self, executions: Iterable[Execution]) -> None:
        """Count a look at these executions and wait for SQL that should have ended."""
        looked_at = list(executions)
        self.advance()
        for execution in looked_at:
            if execution.status is Status.RUNNING:
                execution.polls += 1
        await self.settle(looked_at)

    def end(self, execution: Execution, status: Status, reason: str = "") -> None:
        """End an execution now, in place of its planned end."""
        if not execution.status.is_terminal:
            self._end(execution, status, reason, self._clock.now())
            self.advance()

    def cancel(self, execution: Execution) -> None:
        """Cancel an execution, which takes as long as the settings say; it may end before."""
        pause = timedelta(seconds=self.settings.cancel_seconds)
        if not pause:
            self.end(execution, Status.CANCELLED)
        elif execution.cancelled_at is None:
            execution.cancelled_at = self._clock.now() + pause
            self._cancelled.append(execution)

    async def settle(self, executions: Collection[Execution]) -> None:
        """Wait for SQL that should have ended, on these executions or before them in a queue."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while True:
            self.advance()
            late = self._late({one.instance_id for one in executions if not one.status.is_terminal})
            if not late or loop.time() >= deadline:
                return
            await asyncio.wait(late, timeout=deadline - loop.time())

    def _late(self, instance_ids: set[str]) -> set[asyncio.Future[Output]]:
        return {
            one.work
            for instance_id in instance_ids
            for one in self._lanes[instance_id].running
            if one.work and not one.work.done() and self._due(one)
        }

    def _next_event(self) -> Event | None:
        lanes = self._lanes.values()
        events = [
            event
            for lane in lanes
            for one in lane.running
            if (event := self._finish(one)) is not None
        ]
        events += [self._cancellation(one) for one in self._cancelled]
        events += [event for lane in lanes for event in self._starts(lane)]
        now = self._clock.now()
        return min((one for one in events if one[0] <= now), key=lambda one: one[0], default=None)

    def _cancellation(self, execution: Execution) -> Event:
        assert execution.cancelled_at is not None  # noqa: S101  (it was cancelled)
        at = execution.cancelled_at
        return at, lambda: self._end(execution, Status.CANCELLED, "", at)

    def _starts(self, lane: _Lane) -> Iterator[Event]:
        if lane.unslotted:
            execution = lane.unslotted[0]
            ready = self._ready_at(execution)
            yield ready, lambda: self._end_unslotted(execution, ready)
        if lane.queue and self._has_slot(lane):
            first = lane.queue[0]
            freed = (lane.slot_freed_at, self._account_freed_at.get(lane.account))
            start = max(self._ready_at(first), *(one or first.created_at for one in freed))
            yield start, lambda: self._start(first, start)

    def _has_slot(self, lane: _Lane) -> bool:
        siblings = [one for one in self._lanes.values() if one.account == lane.account]
        if len(lane.running) >= self.settings.max_running:
            return False
        return sum(len(one.running) for one in siblings) < self.settings.max_running_per_account

    def _finish(self, execution: Execution) -> Event | None:
        assert execution.started_at is not None  # noqa: S101  (a running one has started)
        limit = execution.started_at + timedelta(seconds=execution.timeout_seconds)
        due = self._due(execution)
        if due is None or due > limit:
            reason = (
                "The workflow execution exceeded its time limit of"
                f" {execution.timeout_seconds} seconds."
            )
            return limit, lambda: self._end(execution, Status.FAILED, reason, limit)
        if execution.work is None or not execution.work.done():
            return None
        return due, lambda: self._complete(execution, due)

    def _due(self, execution: Execution) -> datetime | None:
        """Return when it should end by the pace, SQL permitting; None while not foreseeable."""
        if execution.started_at is None or _is_stuck(execution):
            return None
        match self.progression.mode:
            case Mode.AT_ONCE:
                return execution.started_at
            case Mode.PER_POLL:
                reached = execution.polls >= self.progression.polls
                return self._clock.now() if reached else None
            case Mode.PER_SECOND:
                pause = timedelta(seconds=self.progression.running_seconds)
                due = execution.started_at + pause
                return due if due <= self._clock.now() else None

    def _ready_at(self, execution: Execution) -> datetime:
        if self.progression.mode is not Mode.PER_SECOND:
            return execution.created_at
        return execution.created_at + timedelta(seconds=self.progression.pending_seconds)

    def _start(self, execution: Execution, at: datetime) -> None:
        lane = self._lanes[execution.instance_id]
        lane.queue.remove(execution)
        lane.running.append(execution)
        execution.started_at = at
        self._enter(execution, Status.RUNNING, at)
        execution.work = asyncio.ensure_future(self._run(execution))
        execution.work.add_done_callback(self._worked)

    def _worked(self, work: asyncio.Future[Output]) -> None:
        if not work.cancelled():
            work.exception()  # looked at, so that nothing complains when nobody else will
            self.advance()

    def _end_unslotted(self, execution: Execution, at: datetime) -> None:
        fate = execution.fate or Fate(status=Status.SUCCEEDED)
        self._end(execution, Status(fate.status), fate.reason, at)

    def _complete(self, execution: Execution, at: datetime) -> None:
        assert execution.work is not None  # noqa: S101  (it was started)
        refused = execution.work.exception()
        if execution.fate is not None:
            self._end(execution, Status(execution.fate.status), execution.fate.reason, at)
        elif isinstance(refused, QueryRefused):
            self._end(execution, Status.REJECTED, str(refused), at)
        elif refused is not None:
            self._end(execution, Status.FAILED, f"Internal error: {refused}", at)
        else:
            execution.output = execution.work.result()
            self._end(execution, Status.SUCCEEDED, "", at)

    def _end(self, execution: Execution, status: Status, reason: str, at: datetime) -> None:
        lane = self._lanes[execution.instance_id]
        if execution in lane.running:
            lane.running.remove(execution)
            lane.slot_freed_at = max(at, lane.slot_freed_at or at)
            freed_at = self._account_freed_at.get(lane.account, at)
            self._account_freed_at[lane.account] = max(at, freed_at)
        else:
            (lane.queue if execution.needs_slot else lane.unslotted).remove(execution)
        if execution in self._cancelled:
            self._cancelled.remove(execution)
        execution.reason = reason
        execution.ended_at = at
        self._enter(execution, status, at)

    def _enter(self, execution: Execution, status: Status, at: datetime) -> None:
        execution.status = status
        execution.updated_at = at
        execution.history.append((at, status))


def _is_stuck(execution: Execution) -> bool:
    return execution.fate is not None and execution.fate.status not in frozenset(Status)
