"""Each request is done once, whatever dies or fails meanwhile."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Rows
from fixtures.run_requests import (
    ACTIONS,
    FAULTS,
    Crash,
    Faults,
    World,
    build_world,
    of_each_action,
)
from recomamp.follower.request_worker import LEASE

pytestmark = pytest.mark.usefixtures("pipeline_connection")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_follower_that_dies_at_any_point_has_it_done_once(
    database: Database, rows: Rows, action: str
) -> None:
    for deadly in range(1, 100):
        world = build_world(database, rows)
        columns, effects = of_each_action(world)[action]
        request = world.request(action.split()[0], **columns)
        points = iter(range(1, 1000))

        def die(_name: str, _path: str = "") -> None:
            if next(points) == deadly:  # noqa: B023 - called in this round alone
                raise Crash

        world.server.before = world.server.after = die
        try:
            world.worker(die).work()
            has_died = False
        except Crash:
            has_died = True
        world.server.before = world.server.after = lambda _method, _path: None
        world.clock.move(LEASE)
        world.work()
        row = world.read(request)
        assert row["status"] == "DONE", (deadly, row["reason"])
        assert effects() == 1, deadly
        if not has_died:
            assert deadly > 5
            return
    raise AssertionError("it dies for ever")


@pytest.mark.parametrize("name", ["RETRY", "RETRY weeks", "LOAD"])
def test_a_run_that_was_cleared_and_has_ended_again_is_not_cleared_twice(
    world: World, name: str
) -> None:
    """The follower died after the clear; the run was quicker than the end of the claim."""
    columns, effects = of_each_action(world)[name]
    request = world.request(name.split()[0], **columns)

    def end_and_die(method: str, _path: str) -> None:
        if method == "POST":
            for dag in world.server.dags.values():
                for run in dag.runs.values():
                    run.state = "failed"
            raise Crash

    world.server.after = end_and_die
    with pytest.raises(Crash):
        world.work()
    world.server.after = lambda _method, _path: None
    world.clock.move(LEASE)
    world.work()
    assert world.read(request)["status"] == "DONE"
    assert effects() == 1


@pytest.mark.parametrize("name", ["RETRY", "LOAD"])
def test_a_second_request_leaves_the_mark_of_the_first_whose_follower_died(
    world: World, name: str
) -> None:
    columns, effects = of_each_action(world)[name]
    first = world.request(name, **columns)

    def end_and_die(method: str, _path: str) -> None:
        if method == "POST":
            end_runs()
            raise Crash

    def end_runs() -> None:
        for run in world.server.dags[world.dag_id].runs.values():
            run.state = "failed"

    world.server.after = end_and_die
    with pytest.raises(Crash):
        world.work()
    world.server.after = lambda _method, _path: None
    second = world.request(name, **columns)
    world.work()
    assert (world.read(first)["status"], world.read(second)["status"]) == ("ACCEPTED", "DONE")
    end_runs()
    world.clock.move(LEASE)
    world.work()
    assert world.read(first)["status"] == "DONE"
    assert effects() == 2


def test_a_follower_whose_claim_has_ended_writes_nothing_more(world: World) -> None:
    """It is slow at its only change; another follower does the request meanwhile."""
    request = world.request("RUN", schedule_id=world.schedule["id"])
    is_slow = [True]

    def wait(method: str, _path: str) -> None:
        if method == "POST" and is_slow.pop() is True:
            is_slow.append(False)
            world.clock.move(LEASE)
            world.work()

    world.server.before = wait
    is_slow.append(True)
    world.work()
    row = world.read(request)
    assert (row["status"], row["attempts"]) == ("DONE", 2)
    assert len(world.server.dags[world.dag_id].runs) == 2


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(faults=st.lists(st.sampled_from(FAULTS), max_size=40), order=st.permutations(ACTIONS))
def test_whatever_fails_meanwhile_each_request_is_done_once(
    database: Database, rows: Rows, faults: list[str], order: list[str]
) -> None:
    world = build_world(database, rows)
    cases = of_each_action(world)
    requests = [world.request(name.split()[0], **cases[name][0]) for name in order]
    breaker = Faults(faults)
    breaker.break_calls_of(world.server)
    for _ in range(60):
        with suppress(Crash):
            world.worker(breaker.at_edge).work()
        world.clock.move(LEASE)
        if not breaker.remaining and all(world.read(one)["completed_at"] for one in requests):
            break
    assert [world.read(one)["status"] for one in requests] == ["DONE"] * len(requests)
    assert {name: effects() for name, (_, effects) in cases.items()} == dict.fromkeys(ACTIONS, 1)
