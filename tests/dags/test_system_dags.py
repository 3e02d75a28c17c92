"""What the DAGs share that are the pipeline's own, as Airflow finds and schedules them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
from pendulum import instance

from recomamp.pipeline.retry_policy import TaskRetryPolicy

# Where tasks wait for workers. Reconciliation and mails go on, but the thousand tasks of a day for
# campaigns keep no run from its start: `submit` has 1 and `record` has 4
BELOW_SUBMIT, ABOVE_RECORD = 0, 10
MANY_OR_LONG_TASKS = {
    "recomamp_asins_sync",
    "recomamp_campaigns_sync",
    "recomamp_maintenance",
    "recomamp_schema_sync",
}
FILES = sorted((Path(__file__).resolve().parents[2] / "dags").glob("recomamp_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_own_dag_starts_by_itself_one_run_at_a_time_and_first_as_soon_as_it_is_there(
    file: Path,
) -> None:
    bag = DagBag(collect_dags=False, bundle_path=file.parent, bundle_name="dags")
    bag.process_file(str(file), only_if_updated=False)

    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.dag_id == file.stem
    assert (dag.max_active_runs, dag.catchup, dag.tags) == (1, False, {"recomamp"})
    assert dag.is_paused_upon_creation is False
    assert {task.owner for task in dag.tasks} == {"recomamp"}
    assert all(isinstance(task.retry_policy, TaskRetryPolicy) for task in dag.tasks)
    assert dag.start_date is not None
    scheduled = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    first = scheduled.timetable.next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(instance(dag.start_date), latest=None, catchup=False),
    )
    assert first is not None
    assert first.run_after <= datetime.now(UTC)
    weights = {
        task.weight_rule.get_weight(SimpleNamespace(task=task))
        for task in scheduled.task_dict.values()
    }
    assert weights == {BELOW_SUBMIT if file.stem in MANY_OR_LONG_TASKS else ABOVE_RECORD}
