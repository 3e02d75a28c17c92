"""The daily upkeep deletes what is old, in small steps, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from fixtures.postgres import Database, Row
from recomamp.pipeline.maintaining import TrimApiErrors

FILE = Path(__file__).resolve().parents[2] / "dags" / "recomamp_maintenance.py"


def keep(database: Database, instance: Row, *, days: int, times: int) -> None:
    database.query(
        "INSERT INTO amc_api_errors (at, instance_id, user_id, method, path, operation, message)"
        " SELECT %s, %s, %s, 'GET', '/', 'token', 'x' FROM generate_series(1, %s)",
        [datetime.now(UTC) - timedelta(days=days), instance["id"], instance["user_id"], times],
    )


@pytest.mark.parametrize("batch_rows", [10, 5, 3])
def test_errors_older_than_90_days_go_in_batches(
    database: Database, instance: Row, capsys: pytest.CaptureFixture[str], batch_rows: int
) -> None:
    keep(database, instance, days=91, times=10)
    keep(database, instance, days=89, times=4)
    task = TrimApiErrors(task_id="trim_api_errors")
    task.batch_rows = batch_rows

    assert task.execute({}) == 10
    assert task.execute({}) == 0

    assert database.query("SELECT count(*) AS n FROM amc_api_errors") == [{"n": 4}]
    assert "10 in all" in capsys.readouterr().out


def test_the_dag_runs_daily_one_run_at_a_time(connections: None) -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)

    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.dag_id == "recomamp_maintenance"
    assert dag.schedule == "@daily"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert [task.task_id for task in dag.tasks] == ["trim_api_errors"]
    assert dag.get_task("trim_api_errors").retries >= 2
