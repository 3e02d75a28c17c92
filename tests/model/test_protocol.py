"""The model of the protocol, explored whole: no state breaks a rule. Wrong models are caught."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.explore import Violation, explore, is_settled, is_wanted
from model.protocol import Protocol
from model.state import Process, State
from model.steps import Outcomes, Who
from model.world import World
from recomamp.domain.execution_states import AmcStatus

ROOT = Path(__file__).parents[2]

# Runs, how AMC behaves, how often each misfortune happens, and the states that follow from it.
# docs/explanation/reliability.md shows the same numbers
BOUNDS: dict[str, tuple[int, dict[str, Any], dict[str, int], int]] = {
    "a crash, a lost answer, a failure and a person": (
        1,
        {},
        {"crashes": 1, "losses": 1, "failures": 1, "people": 1},
        34_793,
    ),
    "a try believed dead, at the deadline": (
        1,
        {"cancels_late": True},
        {"deadlines": 1, "zombies": 1, "losses": 1},
        10_157,
    ),
    "AMC keeps no names": (
        1,
        {"is_named": False},
        {"crashes": 1, "losses": 2, "people": 1},
        25_773,
    ),
    "two runs on one slot, a crash and a lost answer": (2, {}, {"crashes": 1, "losses": 1}, 10_836),
    "two runs on one slot, and a person": (2, {"cancels_late": True}, {"people": 1}, 47_924),
}
WIDER: list[tuple[int, dict[str, Any], dict[str, int]]] = [
    (1, {}, {"crashes": 2, "losses": 2, "people": 2}),
    (1, {"cancels_late": True}, {"people": 1, "deadlines": 1, "zombies": 1, "losses": 1}),
    (2, {}, {"crashes": 1, "losses": 1, "people": 1}),
]


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """States refer to no later ones. To look for circles among them takes half of the time."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()


def check(
    protocol: Protocol, runs: int, misfortunes: dict[str, int], world: type[World] = World
) -> int:
    """Explore a bound, check that each state can still come to a good end, and count the states."""
    explored = explore(protocol, runs, world=world, **misfortunes)
    explored.check_reachable("settled", is_settled)
    if protocol.is_named:  # else nobody can tell what is ours
        explored.check_reachable("wanted", is_wanted, without=("AMC succeeds",))
    return len(explored.came_from)


@pytest.mark.parametrize("name", BOUNDS)
def test_no_state_breaks_a_rule(name: str) -> None:
    runs, behaviour, misfortunes, states = BOUNDS[name]
    assert check(Protocol(**behaviour), runs, misfortunes) == states
    page = (ROOT / "docs" / "explanation" / "reliability.md").read_text(encoding="utf-8")
    assert f"| {name} | {states:,} |" in page


@pytest.mark.long
@pytest.mark.parametrize(("runs", "behaviour", "misfortunes"), WIDER)
def test_no_state_of_a_wider_bound_breaks_a_rule(
    runs: int, behaviour: dict[str, Any], misfortunes: dict[str, int]
) -> None:
    check(Protocol(**behaviour), runs, misfortunes)


class NoSearch(Protocol):
    """Sends again without a look at AMC."""

    def search(self, state: State, who: Who, process: Process) -> Outcomes:
        yield "not looked", self.go(state, who, process, "post")


class NoLook(Protocol):
    """Believes that a request to cancel has cancelled."""

    def seen_after_cancel(self, state: State, amc: int) -> AmcStatus:
        return AmcStatus.CANCELLED


class LateWordsWin(Protocol):
    """Writes an earlier answer of AMC over its last word."""

    def is_last_word(self, state: State, who: Who, process: Process) -> bool:
        return False


class NoLock(Protocol):
    """Lets two tries send at the same time."""

    def mark(self, state: State, who: Who, process: Process) -> Outcomes:
        alone = state.runs[who.run]._replace(zombie=None)
        runs = [alone if n == who.run else run for n, run in enumerate(state.runs)]
        zombie = state.runs[who.run].zombie
        for choice, after in super().mark(state._replace(runs=tuple(runs)), who, process):
            back = [
                run._replace(zombie=zombie) if n == who.run else run
                for n, run in enumerate(after.runs)
            ]
            yield choice, after._replace(runs=tuple(back))


class KeptSlots(World):
    """Closes an orphan at AMC and leaves its row open, which keeps its slot."""

    def end(self, state: State, run: int, attempt: int, seen: AmcStatus | None) -> State:
        return state


class DeafReconciliation(World):
    """Does not cancel what ended rows have left at AMC."""

    def cancel(self, state: State, amc: int) -> Any:
        yield "not asked", state, frozenset()


WRONG: dict[str, tuple[type[Protocol], type[World], dict[str, int], dict[str, Any], str]] = {
    "no search": (NoSearch, World, {"crashes": 1}, {}, "a query was sent twice"),
    "no look": (NoLook, World, {"people": 1}, {}, "a row says CANCELLED of an execution"),
    "no lock": (NoLock, World, {"zombies": 1}, {}, "a query was sent twice"),
    "late words": (
        LateWordsWin,
        World,
        {"deadlines": 1, "zombies": 1},
        {"cancels_late": True},
        "replaces AMC's last word",
    ),
    "kept slots": (Protocol, KeptSlots, {"people": 1}, {}, "never settled"),
    "deaf": (Protocol, DeafReconciliation, {"people": 1, "losses": 1}, {}, "never "),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_model_is_caught_with_the_way_to_the_fault(name: str) -> None:
    protocol, world, misfortunes, behaviour, words = WRONG[name]
    with pytest.raises(Violation, match=words) as caught:
        check(protocol(**behaviour), 1, misfortunes, world)
    assert str(caught.value).splitlines()[1] == "  run 0: submit begin_submit"


def test_slots_that_are_counted_wrongly_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.sending.held_slots", lambda state: 0)
    with pytest.raises(Violation, match="beyond the limit"):
        explore(Protocol(), 2)
