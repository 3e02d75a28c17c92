"""How executions get on: at once, per poll, per second; queue and slots."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from amc_emulator.clock import Clock
from amc_emulator.engine import Query
from amc_emulator.execution_machine import Execution, ExecutionMachine, Output, Status
from amc_emulator.settings import Progression, ProgressionMode, Settings
from amc_emulator.windows import Window
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def statuses(north: EmulatorClient, ids: list[str]) -> list[str]:
    shown = {one["workflowExecutionId"]: one["status"] for one in north.list_executions()}
    return [shown[each] for each in ids]


def test_at_once_the_first_look_sees_the_end(north: EmulatorClient) -> None:
    assert north.get(north.create_execution())["status"] == "SUCCEEDED"


def test_per_poll_the_nth_look_sees_the_end(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_poll", polls=3)
    execution_id = north.create_execution()

    looks = [north.get(execution_id)["status"], *statuses(north, [execution_id])]
    emulator.executions()
    looks.append(north.get(execution_id)["status"])

    assert looks == ["RUNNING", "RUNNING", "SUCCEEDED"]


def test_per_second_the_clock_decides(emulator: RunningEmulator, north: EmulatorClient) -> None:
    emulator.progression("per_second", pending_seconds=2, running_seconds=5)
    emulator.clock(now=NOON.isoformat())
    execution_id = north.create_execution()

    seen = {}
    for second in (0, 1.9, 2, 6.9, 7):
        emulator.clock(now=(NOON + timedelta(seconds=second)).isoformat())
        seen[second] = north.get(execution_id)["status"]

    assert seen == {0: "PENDING", 1.9: "PENDING", 2: "RUNNING", 6.9: "RUNNING", 7: "SUCCEEDED"}
    assert north.get(execution_id)["executionTime"] == 5


def test_ten_run_and_the_rest_wait(
    emulator: RunningEmulator, north: EmulatorClient, europe: EmulatorClient
) -> None:
    emulator.progression("per_second", pending_seconds=0, running_seconds=60)
    emulator.clock(now=NOON.isoformat())
    ids = [north.create_execution() for _ in range(12)]
    elsewhere = europe.create_execution()

    full = statuses(north, ids)
    north.cancel(ids[3])
    freed = statuses(north, ids[:3] + ids[4:])
    emulator.clock(advance_seconds=60)
    later = statuses(north, ids[:3] + ids[4:])

    assert full == ["RUNNING"] * 10 + ["PENDING"] * 2
    assert freed == ["RUNNING"] * 10 + ["PENDING"]
    # The eleventh took the cancelled one's place at noon, the twelfth came after a minute.
    assert later == ["SUCCEEDED"] * 10 + ["RUNNING"]
    assert europe.get(elsewhere)["status"] == "SUCCEEDED"


def test_an_account_has_its_own_limit(
    emulator: RunningEmulator, north: EmulatorClient, europe: EmulatorClient
) -> None:
    emulator.settings(max_running_per_account=1)
    emulator.progression("per_poll", polls=2)
    first, second, elsewhere = (
        north.create_execution(),
        north.create_execution(),
        europe.create_execution(),
    )

    seen = [north.get(one)["status"] for one in (first, second, first)]

    assert seen == ["RUNNING", "PENDING", "SUCCEEDED"]
    assert north.get(second)["status"] == europe.get(elsewhere)["status"] == "RUNNING"


def test_a_waiting_execution_can_be_cancelled(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(max_running=1)
    emulator.progression("per_poll", polls=2)
    first, second = north.create_execution(), north.create_execution()

    north.cancel(second)

    assert north.get(second)["status"] == "CANCELLED"
    assert [north.get(first)["status"] for _ in range(2)] == ["RUNNING", "SUCCEEDED"]


def test_an_execution_past_its_time_limit_fails(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_second", pending_seconds=0, running_seconds=5000)
    emulator.clock(now=NOON.isoformat())
    execution_id = north.create_execution(workflowExecutionTimeoutSeconds=900)

    emulator.clock(advance_seconds=899)
    before = north.get(execution_id)["status"]
    emulator.clock(advance_seconds=1)
    after = north.get(execution_id)

    assert before == "RUNNING"
    assert after["status"] == "FAILED"
    assert "900 seconds" in after["statusReason"]


def test_an_execution_can_be_ended_by_hand(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_poll", polls=9)
    execution_id = north.create_execution()

    emulator.end(execution_id, "FAILED", "Pulled the plug.")

    assert north.get(execution_id)["statusReason"] == "Pulled the plug."


def test_reset_forgets_and_restores(emulator: RunningEmulator, north: EmulatorClient) -> None:
    north.headers()
    emulator.progression("per_poll", polls=9)
    emulator.settings(max_running=1)
    emulator.fault("*", "server_error", times=None)
    assert north.post_execution().status_code == 500

    emulator.reset()

    assert emulator.calls() == []
    assert emulator.executions() == []
    assert emulator.settings()["max_running"] == 10
    assert north.get(north.create_execution())["status"] == "SUCCEEDED"


def test_people_can_look_at_an_execution(emulator: RunningEmulator, north: EmulatorClient) -> None:
    execution_id = north.create_execution(workflow={"sqlQuery": _ESCAPED})
    north.get(execution_id)

    page = emulator.http.get(f"{emulator.url}/_emulator/executions/{execution_id}")
    index = emulator.http.get(f"{emulator.url}/_emulator")

    assert page.headers["content-type"].startswith("text/html")
    assert "SUCCEEDED" in page.text
    assert "2026-05-04T00:00:00Z to 2026-05-11T00:00:00Z" in page.text
    assert "impressions &lt; 1000000" in page.text
    assert execution_id in index.text
    assert emulator.http.get(f"{emulator.url}/_emulator/executions/none").status_code == 404


@settings(max_examples=60, deadline=None)
@given(
    arrivals=st.lists(st.integers(0, 30), min_size=1, max_size=25),
    slots=st.integers(1, 4),
    pending=st.integers(0, 3),
    running=st.integers(1, 9),
    looks=st.lists(st.integers(0, 200), max_size=12),
)
def test_who_looks_when_changes_nothing_about_the_times(
    arrivals: list[int], slots: int, pending: int, running: int, looks: list[int]
) -> None:
    progress = Progression(
        mode=ProgressionMode.PER_SECOND, pending_seconds=pending, running_seconds=running
    )
    slotted = Settings(max_running=slots)
    times = asyncio.run(_simulate(sorted(arrivals), slotted, progress, sorted({*looks, 1000})))
    check_times(arrivals, slots, progress, times)


@settings(max_examples=60, deadline=None)
@given(
    arrivals=st.lists(st.integers(0, 30), min_size=1, max_size=25),
    slots=st.integers(1, 4),
    running=st.integers(1, 9),
    instances=st.integers(1, 3),
)
def test_the_instances_of_an_account_share_its_slots(
    arrivals: list[int], slots: int, running: int, instances: int
) -> None:
    progress = Progression(
        mode=ProgressionMode.PER_SECOND, pending_seconds=0, running_seconds=running
    )
    shared = Settings(max_running=10, max_running_per_account=slots)
    times = asyncio.run(_simulate(sorted(arrivals), shared, progress, [1000], instances))
    check_times(arrivals, slots, progress, sorted(times))


def check_times(
    arrivals: list[int], slots: int, progress: Progression, times: list[tuple[float, float]]
) -> None:
    """Find each begun as soon as a slot was free, and ended after its time."""
    pending, running = int(progress.pending_seconds), int(progress.running_seconds)
    free = [0] * slots
    for arrived, (began, ended) in zip(sorted(arrivals), times, strict=True):
        expected = max(arrived + pending, min(free))
        free[free.index(min(free))] = expected + running
        assert (began, ended) == (expected, expected + running)


async def _simulate(
    arrivals: list[int],
    behaviour: Settings,
    progress: Progression,
    looks: list[int],
    instances: int = 1,
) -> list[tuple[float, float]]:
    """Let executions arrive and be looked at; return when each began and ended."""
    clock = Clock()
    machine = ExecutionMachine(clock, _instantly)
    machine.progression, machine.settings = progress, behaviour
    executions = [
        _execution(number, arrived, str(number % instances))
        for number, arrived in enumerate(arrivals)
    ]
    moments = [(arrived, one) for arrived, one in zip(arrivals, executions, strict=True)]
    for second, arriving in sorted(
        [*moments, *((look, None) for look in looks)], key=lambda each: each[0]
    ):
        clock.stop_at(NOON + timedelta(seconds=second))
        if arriving is not None:
            machine.add(arriving)
        await machine.poll([one for one in executions if one.history][-instances:])
    assert all(one.status is Status.SUCCEEDED for one in executions)
    return [
        ((one.started_at - NOON).total_seconds(), (one.ended_at - NOON).total_seconds())
        for one in executions
        if one.started_at and one.ended_at
    ]


async def _instantly(_execution: Execution) -> Output:
    return Output(columns=(), row_count=0, parts=[])


def _execution(number: int, arrived: int, instance_id: str) -> Execution:
    return Execution(
        sequence=number,
        execution_id=str(number),
        instance_id=instance_id,
        workflow_id="w",
        query=Query(sql="SELECT 1", time_window_start=NOON, time_window_end=NOON),
        window=Window(kind="EXPLICIT", start=NOON, end=NOON, zone="UTC"),
        created_at=NOON + timedelta(seconds=arrived),
        timeout_seconds=86_400,
        request={},
    )


_ESCAPED = (
    "SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions"
    " WHERE impressions < 1000000 GROUP BY campaign"
)


def test_a_list_may_leave_out_what_is_young(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.clock(now=NOON.isoformat())
    emulator.settings(list_lag_seconds=30)
    execution_id = north.create_execution()

    assert north.list_executions() == []
    assert north.get(execution_id)["workflowExecutionId"] == execution_id
    emulator.clock(advance_seconds=30)
    assert [one["workflowExecutionId"] for one in north.list_executions()] == [execution_id]


def test_a_cancellation_may_come_late_or_too_late(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.progression("per_second", pending_seconds=0, running_seconds=60)
    emulator.clock(now=NOON.isoformat())
    emulator.settings(cancel_seconds=45)
    early, late = north.create_execution(), north.create_execution()

    assert north.cancel(early).status_code == 200
    emulator.clock(advance_seconds=30)
    assert north.cancel(late).status_code == 200
    assert statuses(north, [early, late]) == ["RUNNING", "RUNNING"]
    emulator.clock(advance_seconds=15)
    assert [north.get(one)["status"] for one in (early, late)] == ["CANCELLED", "RUNNING"]
    emulator.clock(advance_seconds=15)
    assert [north.get(one)["status"] for one in (early, late)] == ["CANCELLED", "SUCCEEDED"]
