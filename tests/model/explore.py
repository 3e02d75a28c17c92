"""Breadth-first search through all states of the model, and what has to be true in each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from model.protocol import Protocol
from model.state import (
    KILLED,
    RESULTS,
    AtAmc,
    Budget,
    Row,
    Run,
    State,
    all_rows,
    held_slots,
    is_final,
)
from model.steps import Step
from model.world import PROCESSES, World
from recomamp.domain.execution_states import TRANSITIONS, Actor, ExecutionStatus

_ALLOWED = {
    (one.source, one.target, actor): one.needs_results
    for one in TRANSITIONS
    for actor in one.actors
}
_MISFORTUNES = (" dies", "is lost", "mark failed", "delete", "clear ", "deadline", "AMC fails")


class Violation(AssertionError):
    """A state or a step that breaks a rule, and how it came about."""


def broken_rules(state: State, protocol: Protocol) -> Iterator[str]:
    """Yield each rule that a state breaks."""
    for number, run in enumerate(state.runs):
        if sum(row.status.is_open for row in run.rows) > 1:
            yield f"run {number} has two open rows"
    sent = [(one.run, one.attempt) for one in state.executions]
    if len(sent) != len(set(sent)):
        yield "a query was sent twice"
    held = [row.amc for _, _, row in all_rows(state) if row.amc is not None]
    if len(held) != len(set(held)):
        yield "two rows hold one execution"
    for run, attempt, row in all_rows(state):
        if row.amc is not None:
            yield from _wrong_words(row, state.executions[row.amc], (run, attempt), protocol)


def _wrong_words(row: Row, one: AtAmc, place: tuple[int, int], protocol: Protocol) -> Iterator[str]:
    """Yield what a row says of its execution and AMC does not."""
    if one.run != place[0] or (protocol.is_named and one.attempt != place[1]):
        yield "a row holds the execution of another"
    if is_final(row.amc_status) and row.amc_status is not one.status:
        yield f"a row says {row.amc_status} of an execution that is {one.status}"
    if row.status is ExecutionStatus.SUCCESS and one.status is not RESULTS:
        yield f"a row is SUCCESS whose execution is {one.status}"


def _slots_in_use(state: State) -> int:
    """Count what may be at AMC now: open rows with a slot, and what AMC runs for ended rows.

    ADR 0012 allows two exceptions. The row ended without AMC's id, or AMC was not listed for a
    quarter of an hour.
    """
    in_use = sum(row.status.is_open and row.has_slot for _, _, row in all_rows(state))
    for one in state.executions:
        row = state.runs[one.run].rows[one.attempt]
        is_counted = row.amc is not None and (state.is_counted or row.is_unlisted)
        in_use += is_counted and not row.status.is_open and not is_final(one.status)
    return in_use


def broken_by_step(step: Step, before: State, after: State, protocol: Protocol) -> Iterator[str]:
    """Yield each rule that a step breaks."""
    granted = sum(row.has_slot for _, _, row in all_rows(after))
    is_granting = granted > sum(row.has_slot for _, _, row in all_rows(before))
    if is_granting and _slots_in_use(after) > protocol.slots:
        yield "a slot is granted beyond the limit"
    for number, (old, new) in enumerate(zip(before.runs, after.runs, strict=True)):
        for attempt, row in enumerate(new.rows):
            yield from _wrong_change(step, old.rows[attempt : attempt + 1], row)
        if len(new.rows) > len(old.rows) and old.rows and _has_unloaded(old, before):
            yield f"run {number} asks again for results that AMC has"


def _wrong_change(step: Step, before: tuple[Row, ...], row: Row) -> Iterator[str]:
    """Yield why a row may not change in this way.

    :param before: the row before the step, if there was one.
    """
    said = before[0].amc_status if before else None
    if is_final(said) and row.amc_status is not said:
        yield f"{row.amc_status} replaces AMC's last word {said}"
    source = before[0].status if before else None
    if source is row.status:
        return
    needs_results = _ALLOWED.get((source, row.status, step.actor or Actor.PEOPLE))
    if needs_results is None:
        yield f"{step.actor} may not change {source} to {row.status}"
    elif needs_results and row.amc_status is not RESULTS:
        yield f"{row.status} without results"


def _has_unloaded(run: Run, state: State) -> bool:
    """Return whether AMC has results of an attempt that somebody has ended."""
    row = run.rows[-1]
    return (
        row.error == KILLED and row.amc is not None and state.executions[row.amc].status is RESULTS
    )


@dataclass
class Exploration:
    """All states that can be reached, and the steps between them."""

    protocol: Protocol
    start: State
    world: World
    came_from: dict[State, tuple[State, Step] | None] = field(default_factory=dict)
    steps: int = 0
    backwards: dict[State, list[tuple[State, Step]]] = field(default_factory=dict)

    def run(self) -> Exploration:
        """Visit every state, the nearest first.

        :raises Violation: with the shortest way to a state that breaks a rule.
        """
        waiting = deque([self.start])
        self.came_from[self.start] = None
        while waiting:
            state = waiting.popleft()
            for step, after in self.world.steps(state):
                self.steps += 1
                if after not in self.came_from:
                    self.came_from[after] = state, step
                    waiting.append(after)
                    self._refuse(broken_rules(after, self.protocol), after)
                self._refuse(broken_by_step(step, state, after, self.protocol), state, step)
                self.backwards.setdefault(after, []).append((state, step))
        return self

    def _refuse(self, broken: Iterator[str], state: State, step: Step | None = None) -> None:
        for rule in broken:
            last = [f"  {step}"] if step else []
            raise Violation("\n".join([rule, *self.trace(state), *last, f"  {state}"]))

    def trace(self, state: State) -> list[str]:
        """Return the shortest way to a state, a line for each step."""
        lines = []
        while (origin := self.came_from[state]) is not None:
            state, step = origin
            lines.append(f"  {step}")
        return lines[::-1]

    def check_reachable(
        self, name: str, is_goal: Callable[[State], bool], *, without: tuple[str, ...] = ()
    ) -> None:
        """Check that a goal can be reached from every state, whatever has happened.

        :param without: names of steps that need not happen; misfortunes need not either.
        :raises Violation: with the shortest way to a state from which it cannot.
        """
        reached = {state for state in self.came_from if is_goal(state)}
        waiting = deque(reached)
        unneeded = (*_MISFORTUNES, *without)
        while waiting:
            for state, step in self.backwards.get(waiting.popleft(), ()):
                is_needed = not any(word in step.name for word in unneeded)
                if state not in reached and is_needed and not step.choice.startswith("lost"):
                    reached.add(state)
                    waiting.append(state)
        for state in self.came_from:
            if state not in reached:
                raise Violation("\n".join([f"never {name}", *self.trace(state), f"  {state}"]))


def is_settled(state: State) -> bool:
    """Return whether all runs are over, nothing is open or in flight, and all slots are free."""
    return (
        state.comparison is None
        and all(not run.phase.is_alive for run in state.runs)
        and all(getattr(run, name) is None for run in state.runs for name in PROCESSES)
        and not any(row.status.is_open for _, _, row in all_rows(state))
        and all(is_final(one.status) for one in state.executions)
        and held_slots(state) == 0
    )


def is_wanted(state: State) -> bool:
    """Return whether AMC works only on what an open row of a living run waits for."""
    return all(
        is_final(one.status)
        or (
            state.runs[one.run].phase.is_alive
            and state.runs[one.run].rows[one.attempt].status.is_open
        )
        for one in state.executions
    )


def explore(
    protocol: Protocol, runs: int, *, world: type[World] = World, **budget: int
) -> Exploration:
    """Explore the model from runs that have not begun yet."""
    start = State(runs=(Run(),) * runs, budget=Budget(**budget))
    return Exploration(protocol, start, world(protocol)).run()
