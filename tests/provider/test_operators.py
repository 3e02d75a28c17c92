"""Operators, sensor and trigger: from a query to its Parquet files, or to Amazon's reason."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred

from fixtures.amazon import CREDENTIALS, Pauses
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient
from fixtures.provider import SQL, ProviderTask, fire
from recomamp.errors import (
    ConfigurationError,
    ExecutionFailed,
    ExecutionRejected,
    ExecutionTimedOut,
    InvalidDefinition,
    UnexpectedResponse,
)
from recomamp.provider import triggers
from recomamp.provider.attempts import KEY
from recomamp.provider.operators import AmcDownloadOperator, AmcSubmitOperator
from recomamp.provider.sensors import AmcExecutionSensor


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the files that a task returned, each by its own address."""
    return [
        row
        for file in result["files"]
        for row in pq.read_table(fsspec.open(file["uri"], "rb").open()).to_pylist()
    ]


def computed(north: EmulatorClient, execution_id: str) -> list[dict[str, Any]]:
    """Return the rows of an execution as the emulator's CSV has them."""
    lines = [north.http.get(link).text.splitlines() for link in north.links(execution_id)]
    pairs = [line.rsplit(",", 1) for part in lines for line in part[1:]]
    return [{"campaign": name.strip('"'), "impressions": int(count)} for name, count in pairs]


def test_a_query_becomes_files_with_the_rows_that_amc_computed(
    task: ProviderTask, emulator: RunningEmulator, north: EmulatorClient
) -> None:
    trigger = task.run()
    emulator.progression("at_once")
    assert fire(trigger)["text"] == "AMC says SUCCEEDED"

    result = task.resume()

    rows = rows_of(result)
    assert rows == computed(north, trigger.amc_execution_id)
    assert len(rows) == result["rows"] > 0
    assert result["window_start"] == "2026-05-04T00:00:00+00:00"
    assert result["window_end"] == "2026-05-11T00:00:00+00:00"
    assert f"recomamp_execution={trigger.amc_execution_id}" in result["files"][0]["uri"]


def test_values_travel_as_typed_parameters(task: ProviderTask, emulator: RunningEmulator) -> None:
    task.options |= {
        "sql": f"{SQL} HAVING SUM(impressions) >= {{{{minimum}}}}",
        "parameters": {"minimum": {"type": "LONG", "default": "10"}},
    }
    task.run()
    (call,) = emulator.calls("create_execution")
    assert call["body"]["parameterValues"] == {"minimum": "10"}
    assert call["body"]["workflow"]["inputParameters"][0]["dataType"] == "LONG"


def test_airflow_renders_values_and_never_the_query(task: ProviderTask) -> None:
    task.options |= {"sql": "SELECT {{minimum}}", "parameters": {"minimum": "{{ asked }}"}}
    operator = task.operator()
    operator.render_template_fields({"asked": "7"})  # type: ignore[typeddict-unknown-key]
    assert operator.parameters == {"minimum": "7"}
    assert operator.sql == "SELECT {{minimum}}"


@pytest.mark.parametrize(
    ("ended", "error"), [("FAILED", ExecutionFailed), ("REJECTED", ExecutionRejected)]
)
def test_an_execution_without_a_result_fails_the_task_with_amcs_reason(
    task: ProviderTask, emulator: RunningEmulator, ended: str, error: type[Exception]
) -> None:
    trigger = task.run()
    emulator.end(trigger.amc_execution_id, ended, "because of the moon")
    with pytest.raises(error, match="because of the moon"):
        task.resume()


def test_a_task_goes_on_waiting_after_an_event_that_came_too_early(task: ProviderTask) -> None:
    first = task.run()
    assert task.resume().serialize() == first.serialize()


def test_an_execution_is_cancelled_at_its_deadline(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    trigger = task.run()
    deadline = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    task.store.set(KEY, task.state | {"deadline_at": deadline})
    trigger.deadline_at = deadline
    assert fire(trigger)["text"] == "the deadline has passed"
    with pytest.raises(ExecutionTimedOut, match="CANCELLED"):
        task.resume()
    assert [one["status"] for one in emulator.executions()] == ["CANCELLED"]


def test_the_trigger_stores_ids_and_waits_ten_seconds_first(
    task: ProviderTask, amc_pauses: Pauses, emulator: RunningEmulator
) -> None:
    trigger = task.run()
    stored = str(trigger.serialize())
    for secret in ("Atzr|demo-north", CREDENTIALS.client_secret, CREDENTIALS.client_id):
        assert secret not in stored
    amc_pauses.seconds.clear()
    emulator.progression("at_once")
    fire(trigger)
    assert amc_pauses.seconds[0] >= 10


def test_triggers_of_one_instance_share_their_calls(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    waiting = [ProviderTask(output_url=task.output_url).run() for _ in range(5)]
    emulator.progression("at_once")

    async def all_events() -> list[Any]:
        return await asyncio.gather(*(anext(one.run()) for one in waiting))

    assert len(asyncio.run(all_events())) == 5
    assert len(emulator.calls("list_executions")) == 1


@pytest.mark.parametrize(
    ("state", "expected"), [("failed", "CANCELLED"), ("success", "PENDING"), (None, "PENDING")]
)
def test_only_a_task_that_was_given_up_cancels_its_execution(
    task: ProviderTask,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
    expected: str,
) -> None:
    async def state_of_task(**_ids: Any) -> str | None:
        return state

    monkeypatch.setattr(triggers, "state_of_task", state_of_task)
    asyncio.run(task.run().on_kill())
    assert [one["status"] for one in emulator.executions()] == [expected]


def test_a_triggerer_that_cannot_watch_wakes_the_task(
    task: ProviderTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = task.run()
    monkeypatch.delenv("AIRFLOW_CONN_AMC_DEFAULT")
    assert fire(trigger)["text"].startswith("not watched: connection 'amc_default'")


def test_a_result_without_described_columns_is_not_guessed(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    trigger = task.run()
    emulator.progression("at_once")
    emulator.fault("get_execution", "no_output_columns", times=None)
    with pytest.raises(UnexpectedResponse, match="columns"):
        task.resume()
    emulator.clear_faults()
    assert task.run()["amc_execution_id"] == trigger.amc_execution_id


def test_a_place_that_cannot_be_written_is_named_as_the_task_names_it(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    task.output_url = "file:///proc/nowhere"
    task.run()
    with pytest.raises(ConfigurationError, match=r"^output_url: file:///proc/nowhere"):
        task.resume()


# --- A task for each step ----------------------------------------------------------------------


def sensor(execution_id: str, **options: Any) -> AmcExecutionSensor:
    with DAG("steps", schedule=None):
        return AmcExecutionSensor(task_id="wait", amc_execution_id=execution_id, **options)


def download(task: ProviderTask, execution_id: str) -> Any:
    with DAG("steps", schedule=None):
        operator = AmcDownloadOperator(
            task_id="download", amc_execution_id=execution_id, output_url=task.output_url
        )
    return operator.execute(task.context)


def submit(task: ProviderTask) -> str:
    with DAG("steps", schedule=None):
        return str(AmcSubmitOperator(task_id="submit", sql=SQL).execute(task.context))


def test_three_tasks_do_what_one_does(
    task: ProviderTask, emulator: RunningEmulator, north: EmulatorClient
) -> None:
    execution_id = submit(task)
    with pytest.raises(InvalidDefinition, match="AmcExecutionSensor"):
        download(task, execution_id)
    with pytest.raises(TaskDeferred) as deferred:
        sensor(execution_id).execute(task.context)
    emulator.progression("at_once")
    event = fire(deferred.value.trigger)  # type: ignore[arg-type]

    assert sensor(execution_id).resume(task.context, event) == execution_id
    assert rows_of(download(task, execution_id)) == computed(north, execution_id)


def test_a_sensor_fails_with_amcs_reason_and_cancels_nothing(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    execution_id = submit(task)
    with pytest.raises(TaskDeferred) as deferred:
        sensor(execution_id).execute(task.context)
    asyncio.run(deferred.value.trigger.on_kill())
    assert emulator.calls("cancel_execution") == []

    emulator.end(execution_id, "REJECTED", "no such table")
    with pytest.raises(ExecutionRejected, match="no such table"):
        sensor(execution_id).execute(task.context)


def test_a_sensor_gives_up_when_its_own_time_is_over(task: ProviderTask) -> None:
    execution_id = submit(task)
    late = {"deadline_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
    with pytest.raises(AirflowSensorTimeout, match=execution_id):
        sensor(execution_id).resume(task.context, late)


def test_a_sensor_can_wait_in_the_worker(task: ProviderTask, emulator: RunningEmulator) -> None:
    execution_id = submit(task)
    waiting = sensor(execution_id, deferrable=False, mode="reschedule")
    assert waiting.poke(task.context) is False
    emulator.progression("at_once")
    assert waiting.poke(task.context) is True


def test_the_link_leads_where_the_connection_says(task: ProviderTask) -> None:
    operator = task.operator()
    (link,) = operator.operator_extra_links
    key = SimpleNamespace()
    assert link.get_link(operator, ti_key=key) == ""  # type: ignore[arg-type]
    with pytest.raises(TaskDeferred):
        operator.execute(task.context)
    execution_id = task.state["amc_execution_id"]
    expected = f"https://amc.example/amcdemonorth/{execution_id}"
    assert link.get_link(operator, ti_key=key) == expected  # type: ignore[arg-type]
