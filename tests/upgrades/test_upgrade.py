"""A stack of an earlier commit is upgraded while it works: the database first, then each component.

Runs with ``make upgrade-test``. ``FROM=commit`` names the commit to upgrade from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from faults.crash_points import EmulatorControl
from faults.result_files import listed_files, wrong_files
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, open_pipeline, stack_directory
from upgrades.earlier_commit import EarlierStack, earlier_commit, running_earlier_stack

pytestmark = [pytest.mark.own_stack, pytest.mark.long]

COMPONENTS = ("dag-processor", "triggerer", "scheduler", "api-server", "follower")
WEEKS = {"start_date": "2026-01-05", "end_date": "2026-02-01"}  # four
PACE = {"mode": "per_second", "pending_seconds": 2, "running_seconds": 25}
SETTINGS = {
    "RECOMAMP_DRY_RUNS": "off",  # they would be executions that no collection has asked for
    "RECOMAMP_POLL_SECONDS": "1",
    "AIRFLOW__CORE__PARALLELISM": "6",
    # Tasks of a replaced scheduler that was killed are to be noticed soon
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
}


@dataclass
class Upgrade:
    """The upgrade of a working stack. Each phase has a collection of its own."""

    earlier: EarlierStack
    pipeline: Pipeline
    emulator: EmulatorControl
    collections: list[Row] = field(default_factory=list)

    def begin_collection(self, phase: str) -> Row:
        """Insert a collection, and return it when AMC works on one of its weeks."""
        workflow = self.pipeline.rows.workflow(instance=self.pipeline.instance, name=phase)
        collection = self.pipeline.rows.collection(workflow=workflow, name=phase, **WEEKS)
        self.collections.append(collection)

        def is_at_amc() -> bool:
            rows = self.executions(collection)
            return any(row["amc_execution_id"] for row in rows)

        self.pipeline.until(is_at_amc, lambda: f"{phase}: AMC to have a week")
        return collection

    def finish(self, collection: Row) -> None:
        """Wait until no week of a collection is open."""

        def ended() -> bool:
            weeks = self.pipeline.rows.weeks(collection)
            return all(week["status"] not in ("PENDING", "RUNNING") for week in weeks)

        self.pipeline.until(
            ended, lambda: f"{collection['name']}: {self.pipeline.rows.weeks(collection)}"
        )

    def executions(self, collection: Row) -> list[Row]:
        """Return the executions of a collection in the order of their windows."""
        return self.pipeline.executions(f"amc_collection_{collection['id']}")

    def open_executions(self) -> int:
        """Return how many executions are open."""
        found = self.pipeline.database.query(
            "SELECT count(*) AS n FROM workflow_executions WHERE status IN ('PENDING', 'RUNNING')"
        )
        return int(found[0]["n"])

    def import_errors(self) -> list[Any]:
        """Return the files that Airflow could not import."""
        return list(self.pipeline.get("/importErrors")["import_errors"])


@pytest.fixture
def upgrade() -> Iterator[Upgrade]:
    with (
        stack_directory() as directory,
        running_earlier_stack(earlier_commit(), directory, SETTINGS) as earlier,
        open_pipeline(earlier.stack) as pipeline,
        closing(EmulatorControl(earlier.stack.settings.emulator_url)) as emulator,
    ):
        yield Upgrade(earlier, pipeline, emulator)


def test_an_upgrade_under_load_neither_repeats_nor_loses_a_run(
    upgrade: Upgrade, print_line: Callable[[str], None]
) -> None:
    upgrade.emulator.ask("PUT", "/progression", **PACE)
    upgrade.begin_collection("earlier code and database")
    assert upgrade.open_executions()

    applied = upgrade.earlier.stack.migrate().split()[1::2]
    print_line(f"migrated under load: {', '.join(applied) or 'nothing'}")
    whole = upgrade.begin_collection("earlier code, new database")
    upgrade.finish(whole)  # from its first row to its last result

    for name in COMPONENTS:
        upgrade.begin_collection(f"before the new {name}")
        assert not upgrade.earlier.is_new(name)
        at_work = upgrade.open_executions()
        how = upgrade.earlier.replace(name)
        print_line(f"{name} replaced with {at_work} executions open; the earlier one {how}")
    upgrade.begin_collection("new code and database")

    for collection in upgrade.collections:
        upgrade.finish(collection)
        dag_id = f"amc_collection_{collection['id']}"
        upgrade.pipeline.wait_for_runs(dag_id, 4)
    assert _wrong(upgrade) == []
    assert upgrade.import_errors() == []
    assert all(map(upgrade.earlier.is_new, COMPONENTS))


def _wrong(upgrade: Upgrade) -> list[str]:
    """Return what is not as if nobody had upgraded."""
    at_amc = {
        one["request"]["workflow"]["workflowId"]: one
        for one in upgrade.emulator.ask("GET", "/executions")["executions"]
    }
    rows = [row for one in upgrade.collections for row in upgrade.executions(one)]
    expected = Counter(
        (one["id"], week["week_start_date"])
        for one in upgrade.collections
        for week in upgrade.pipeline.rows.weeks(one)
    )
    asked = Counter((row["collection_id"], row["window_start"].date()) for row in rows)
    wrong = [f"asked {asked[week]} times: {week}" for week in expected | asked if asked[week] != 1]
    calls = upgrade.emulator.ask("GET", "/executions")["executions"]
    if len(calls) != len(rows) or len(at_amc) != len(rows):
        wrong.append(f"{len(calls)} executions at AMC for {len(rows)} rows")
    wrong += [f"{row['id']} is {row['status']}" for row in rows if row["status"] != "SUCCESS"]
    wrong += [
        f"{row['id']} holds {row['amc_execution_id']}"
        for row in rows
        if at_amc.get(row["amc_workflow_id"], {}).get("workflowExecutionId")
        != row["amc_execution_id"]
    ]
    for collection in upgrade.collections:
        weeks = upgrade.pipeline.rows.weeks(collection)
        wrong += [f"{collection['name']}: {one}" for one in weeks if one["status"] != "SUCCESS"]
        runs = upgrade.pipeline.runs(f"amc_collection_{collection['id']}")
        wrong += [f"{collection['name']}: {run}" for run in runs if run["state"] != "success"]
    results = {
        (str(row["window_start"]), str(row["result_data"]["data"]), row["result_rows"])
        for row in rows
        if row["result_data"]
    }
    if len(results) != len({row["window_start"] for row in rows}):
        wrong.append("the same window has other results after the upgrade")
    directory = upgrade.earlier.stack.settings.data / "results"
    return wrong + wrong_files(listed_files(rows), directory)
