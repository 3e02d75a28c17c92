"""A backup that was taken while runs were at work is restored on another machine.

Runs with ``make upgrade-test``. Amazon is an emulator that outlives both stacks.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faults.result_files import listed_files, wrong_files
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.running_stack import Pipeline, add_instance, open_pipeline, stack_directory
from stack.settings import SECRETS_FILE, Settings
from stack.stack import Stack
from upgrades.backup import Backup
from upgrades.environment import plain_environment

pytestmark = [pytest.mark.own_stack, pytest.mark.long]

RUNNING_SECONDS = 2_000  # of Amazon's clock, which the test moves
WEEK = {"start_date": "2026-01-05", "end_date": "2026-01-11"}
TWO_WEEKS = {"start_date": "2026-01-05", "end_date": "2026-01-18"}


def _environ(emulator: RunningEmulator, results: Path) -> dict[str, str]:
    amazon = {
        "conn_type": "http",
        "host": emulator.url,
        "login": "amzn1.application-oa2-client.demo",
        "password": "demo-client-secret",
        "extra": {"token_url": f"{emulator.url}/auth/o2/token"},
    }
    return {
        **plain_environment(),
        "AIRFLOW_CONN_AMAZON_ADS": json.dumps(amazon),
        "RECOMAMP_RESULTS_URL": results.as_uri(),
        "RECOMAMP_DRY_RUNS": "off",
        "RECOMAMP_POLL_SECONDS": "1",
    }


@pytest.fixture
def directory() -> Iterator[Path]:
    with stack_directory() as directory:
        for name in ("first", "second", "backup", "results"):
            (directory / name).mkdir()
        yield directory


@contextmanager
def _stack(data: Path, environ: dict[str, str]) -> Iterator[Stack]:
    settings = Settings.load(data=data, environ=environ, free_ports=True, disposable=True)
    stack = Stack(settings)
    try:
        yield stack
    finally:
        stack.down()


class Work:
    """The rows and runs of the first stack, by what they are at the backup."""

    def __init__(self, pipeline: Pipeline, emulator: RunningEmulator) -> None:
        self.pipeline = pipeline
        self.emulator = emulator
        self.europe = add_instance(pipeline, "europe")
        self.north = pipeline.rows.update(
            "amc_instances", pipeline.instance, max_concurrent_executions=2
        )
        emulator.progression("at_once")
        self.done = self.collect(self.north, TWO_WEEKS)
        pipeline.wait_for_runs(_dag_id(self.done), 2)
        emulator.progression("per_second", pending_seconds=0, running_seconds=RUNNING_SECONDS)
        # Airflow's backup has these runs, and the application's has their results
        self.ending = self.collect(self.europe, WEEK)
        self.reach(self.ending, RUNNING=1)
        emulator.clock(advance_seconds=RUNNING_SECONDS * 0.6)
        # Both backups have these. Of the second, one waits for a slot
        self.waiting = self.collect(self.north, WEEK)
        self.reach(self.waiting, RUNNING=1)
        self.queued = self.collect(self.north, TWO_WEEKS)
        self.reach(self.queued, RUNNING=1, PENDING=1)
        # AMC has this one only after the backup
        self.later = self.collect(self.europe, WEEK, status="PAUSED")
        self.by_hand = pipeline.rows.schedule(
            workflow=pipeline.rows.workflow(instance=self.europe), is_active=False
        )
        for row in (self.ending, self.waiting):
            self.until_deferred(row)

    def between_the_backups(self) -> None:
        """Begin what only the application's backup has, and end what only it shows as ended."""
        self.between = self.collect(self.europe, WEEK)
        self.pipeline.trigger(f"amc_schedule_{self.by_hand['id']}")
        self.reach(self.between, RUNNING=1)
        self.pipeline.until(
            lambda: (
                self.executions(self.by_hand)
                and self.executions(self.by_hand)[0]["amc_execution_id"]
            ),
            "the run by hand to be at AMC",
        )
        self.emulator.clock(advance_seconds=RUNNING_SECONDS * 0.45)
        self.reach(self.ending, SUCCESS=1)

    def after_the_backup(self) -> None:
        """End everything, and begin what no backup has."""
        self.emulator.progression("at_once")
        self.pipeline.rows.update("report_data_collections", self.later, status="ACTIVE")
        for row in (self.waiting, self.between, self.later, self.by_hand):
            self.reach(row, SUCCESS=1)
        self.reach(self.queued, SUCCESS=2)

    def collect(self, instance: Row, weeks: dict[str, str], **columns: str) -> Row:
        workflow = self.pipeline.rows.workflow(instance=instance)
        return self.pipeline.rows.collection(workflow=workflow, **weeks, **columns)

    def executions(self, row: Row) -> list[Row]:
        return self.pipeline.executions(_dag_id(row))

    def reach(self, row: Row, **statuses: int) -> None:
        """Wait until the executions of a definition have these statuses."""

        def found() -> Counter[str]:
            return Counter(one["status"] for one in self.executions(row))

        self.pipeline.until(
            lambda: found() == Counter(statuses), lambda: f"{statuses}, not {found()}"
        )

    def until_deferred(self, row: Row) -> None:
        """Wait until Airflow shows the definition's run as waiting."""
        dag_id = _dag_id(row)
        (run,) = self.pipeline.runs(dag_id)
        self.pipeline.until(
            lambda: self.pipeline.task_states(dag_id, run["dag_run_id"])["wait"] == "deferred",
            f"{dag_id} to wait",
        )


def _dag_id(row: Row) -> str:
    kind = "collection" if "start_date" in row else "schedule"
    return f"amc_{kind}_{row['id']}"


def test_a_restored_backup_goes_on_and_sends_no_query_again(
    emulator: RunningEmulator, directory: Path, print_line: Callable[[str], None]
) -> None:
    results, backup = directory / "results", Backup(directory / "backup")
    environ = _environ(emulator, results)
    with _stack(directory / "first", environ) as stack:
        stack.up()
        with open_pipeline(stack) as pipeline:
            work = Work(pipeline, emulator)
            backup.take_database(stack, "airflow")
            work.between_the_backups()
            backup.take_database(stack, "recomamp")
            backup.take_rest(stack, results)
            work.after_the_backup()
    asked = _names(emulator)
    assert set(asked.values()) == {1}
    shutil.rmtree(directory / "first")
    shutil.rmtree(results)

    shutil.copytree(backup.directory / "results", results)
    shutil.copy2(backup.directory / SECRETS_FILE, directory / "second")
    with _stack(directory / "second", environ) as stack:
        backup.restore(stack)
        stack.up()
        with (
            closing(Database(uri=stack.settings.owner_uri)) as database,
            closing(stack.api()) as api,
        ):
            work.pipeline = Pipeline(stack, database, Rows(database), api)
            _check_what_goes_on(work)
            _check_results(work, results)
            assert _names(emulator) == asked, "a query was sent again"
            print_line(f"{len(asked)} executions at AMC before and after the restore")
            _check_reconciliation(work)
            assert _names(emulator) == asked
            _check_what_the_backup_lacks(work)
            assert len(_names(emulator)) == len(asked) + 1


def _check_what_goes_on(work: Work) -> None:
    for row, weeks in (
        (work.done, 2),
        (work.ending, 1),
        (work.waiting, 1),
        (work.queued, 2),
        (work.between, 1),
    ):
        work.reach(row, SUCCESS=weeks)
        runs = work.pipeline.wait_for_runs(_dag_id(row), weeks)
        assert [run["state"] for run in runs] == ["success"] * weeks
        shown = [week["status"] for week in work.pipeline.rows.weeks(row)]
        assert shown == ["SUCCESS"] * weeks


def _check_results(work: Work, results: Path) -> None:
    """Each row has exactly the files that it lists."""
    rows = work.pipeline.database.query(
        "SELECT * FROM workflow_executions WHERE status = 'SUCCESS'"
    )
    assert wrong_files(listed_files(rows), results) == []


def _check_reconciliation(work: Work) -> None:
    """Close the execution of a run that Airflow's backup lacks. AMC keeps its end."""
    (row,) = work.executions(work.by_hand)
    assert (row["status"], work.pipeline.runs(_dag_id(work.by_hand))) == ("RUNNING", [])
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    work.pipeline.rows.update("workflow_executions", row, orphaned_at=long_ago)
    work.pipeline.trigger("recomamp_reconcile")
    work.reach(work.by_hand, CANCELLED=1)
    assert "its DAG run is gone" in work.executions(work.by_hand)[0]["error_message"]


def _check_what_the_backup_lacks(work: Work) -> None:
    """A window that AMC has run since the backup has no row: it is asked for again."""
    assert work.executions(work.later) == []
    work.pipeline.rows.update("report_data_collections", work.later, status="ACTIVE")
    work.reach(work.later, SUCCESS=1)


def _names(emulator: RunningEmulator) -> Counter[str]:
    """Count the executions at AMC by the names of their queries."""
    return Counter(one["request"]["workflow"]["workflowId"] for one in emulator.executions())
