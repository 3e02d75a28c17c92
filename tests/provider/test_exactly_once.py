"""Each try of a task leads to one execution at AMC; a clear leads to another."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.provider import SQL, ProviderTask
from recomamp.errors import ExecutionFailed, InvalidDefinition, SubmissionUnknown
from recomamp.provider.attempts import KEY
from recomamp.provider.triggers import AmcExecutionTrigger


def ids(emulator: RunningEmulator) -> list[str]:
    return [one["workflowExecutionId"] for one in emulator.executions()]


def statuses(emulator: RunningEmulator) -> list[str]:
    return [one["status"] for one in emulator.executions()]


def lose_answer(emulator: RunningEmulator, fault: str = "reset_after", **options: Any) -> None:
    """Let the task not learn whether AMC has accepted the query, nor find it in the same try."""
    emulator.fault("create_execution", fault, **options)
    emulator.fault("list_executions", "forbidden")


def test_the_name_is_stored_before_the_query_is_sent(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    task.store.is_broken = True
    with pytest.raises(RuntimeError, match="away"):
        task.run()
    assert emulator.executions() == []


@pytest.mark.parametrize("keeps_names", [True, False])
def test_a_retry_adopts_what_an_interrupted_try_has_sent(
    task: ProviderTask, emulator: RunningEmulator, keeps_names: bool
) -> None:
    emulator.settings(keep_workflow_id=keeps_names)
    lose_answer(emulator)
    with pytest.raises(SubmissionUnknown):
        task.run()
    assert task.state["amc_execution_id"] is None

    trigger = task.run()

    assert [trigger.amc_execution_id] == ids(emulator)
    assert len(emulator.calls("create_execution")) == 1


def test_a_retry_sends_again_what_amc_has_not_accepted(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    lose_answer(emulator, "reset_before")
    with pytest.raises(SubmissionUnknown):
        task.run()
    name = task.state["name"]

    trigger = task.run()

    assert [trigger.amc_execution_id] == ids(emulator)
    assert task.state["name"] == name


def test_a_lost_answer_is_looked_for_in_the_same_try(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    emulator.fault("create_execution", "reset_after")
    assert [task.run().amc_execution_id] == ids(emulator)


def test_a_try_that_dies_after_the_answer_leaves_its_execution_to_the_next(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    task.run()
    stored = task.state | {"amc_execution_id": None}  # the second write never came
    task.store.set(KEY, stored)

    task.run()

    assert [task.state["amc_execution_id"]] == ids(emulator)


def test_a_retry_after_a_failed_download_keeps_the_execution(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    task.run()
    (before,) = ids(emulator)

    result = task.run()

    assert result["amc_execution_id"] == before
    assert ids(emulator) == [before]


def test_a_retry_after_amcs_failed_sends_the_query_again(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    first = task.run()
    emulator.end(first.amc_execution_id, "FAILED", "the engine stumbled")
    with pytest.raises(ExecutionFailed, match="the engine stumbled"):
        task.resume()

    second = task.run()

    assert second.amc_execution_id != first.amc_execution_id
    assert len(ids(emulator)) == 2


def test_a_clear_of_an_ended_task_asks_again(task: ProviderTask, emulator: RunningEmulator) -> None:
    emulator.progression("at_once")
    task.run()
    task.resume()
    task.clear()

    assert isinstance(task.run(), AmcExecutionTrigger)
    assert len(ids(emulator)) == 2


def test_a_clear_is_seen_where_the_dag_has_fewer_retries_than_before(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    task.run()
    task.clear()
    task.max_tries -= 1  # Airflow adds the DAG's retries, which are one less now

    task.run()

    assert len(ids(emulator)) == 2


def test_a_clear_of_a_waiting_task_goes_on_with_its_execution(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    first = task.run()
    task.clear()

    assert task.run().amc_execution_id == first.amc_execution_id
    assert len(ids(emulator)) == 1

    emulator.progression("at_once")  # what runs ends; the clear has had its answer
    assert task.run()["amc_execution_id"] == first.amc_execution_id


def test_another_question_cancels_the_execution_of_the_first(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    first = task.run()
    task.options["sql"] = SQL.replace("impressions)", "impressions) + 1")

    second = task.run()

    assert second.amc_execution_id != first.amc_execution_id
    assert sorted(statuses(emulator)) == ["CANCELLED", "PENDING"]


def test_another_question_cancels_nothing_that_may_be_somebody_elses(
    task: ProviderTask, emulator: RunningEmulator, tmp_path: Any
) -> None:
    emulator.settings(keep_workflow_id=False)
    lose_answer(emulator, "reset_before")
    with pytest.raises(SubmissionUnknown):
        task.run()
    task.options["sql"] = SQL.replace("impressions)", "impressions) + 1")
    other = ProviderTask(output_url=task.output_url, options=dict(task.options))
    other.run()

    task.run()

    assert statuses(emulator) == ["PENDING", "PENDING"]


def test_two_tasks_with_one_question_have_an_execution_each(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    other = ProviderTask(output_url=task.output_url)
    assert task.run().amc_execution_id != other.run().amc_execution_id


def test_state_of_somebody_else_is_refused_with_a_remedy(task: ProviderTask) -> None:
    task.store.set(KEY, {"what": "is this"})
    with pytest.raises(InvalidDefinition, match=f"delete that key|{KEY}"):
        task.run()


def test_names_cannot_be_taken_for_the_pipelines(
    task: ProviderTask, emulator: RunningEmulator
) -> None:
    """Its reconciliation cancels executions under its own names that it has no row of."""
    task.run()
    (execution,) = emulator.executions()
    assert task.state["name"].startswith("airflow-")
    assert execution["workflowId"] == task.state["name"]
