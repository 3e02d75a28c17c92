"""Users mark and clear runs through a real scheduler: every line of the page's table.

Cases run side by side: each phase waits for the slowest of them only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg2
import pytest

from faults.crash_points import EmulatorControl
from fixtures.postgres import Row
from fixtures.running_stack import ENDED, Pipeline

pytestmark = pytest.mark.stack

YESTERDAY = datetime.now(UTC) - timedelta(days=1, hours=1)
QUICK = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 1}
AN_HOUR = QUICK | {"running_seconds": 3600}

CANCELS, TOO_LATE, HAD_ENDED = "is cancelled", "SUCCEEDS all the same", "had SUCCEEDED"
FIRST_STEP = {"the run": "submit", "wait": "wait", "load": "load", "record": "record"}


@dataclass(frozen=True)
class Case:
    """A line of the table in docs/explanation/reliability.md.

    ``attempts`` are the statuses of the run's executions in the end; ``sent`` counts those of AMC.
    """

    ended: str  # what has happened to the run
    amc: str  # and to its execution at AMC
    cleared: str  # the first step that is cleared, together with those that follow
    run: str  # how the run ends then
    attempts: tuple[str, ...]

    @property
    def line(self) -> tuple[str, ...]:
        """The cells of the table."""
        return (self.ended, self.amc, self.cleared, self.run, ", ".join(self.attempts))


MARKED = ("wait marked failed", "the run marked failed")
FAILED = "load failed"
ENDED_WELL = "the run ended well"
CASES = (
    *(Case(how, CANCELS, "load", "failed", ("CANCELLED",)) for how in MARKED),
    *(
        Case(how, CANCELS, first, "success", ("CANCELLED", "SUCCESS"))
        for how in MARKED
        for first in ("wait", "the run")
    ),
    *(Case(how, TOO_LATE, "load", "failed", ("CANCELLED",)) for how in MARKED),
    *(
        Case(how, TOO_LATE, first, "success", ("SUCCESS",))
        for how in MARKED
        for first in ("wait", "the run")
    ),
    *(Case(FAILED, HAD_ENDED, first, "success", ("SUCCESS",)) for first in ("load", "wait")),
    Case(FAILED, HAD_ENDED, "the run", "success", ("FAILED", "SUCCESS")),
    *(Case(ENDED_WELL, HAD_ENDED, first, "success", ("SUCCESS",)) for first in ("record", "load")),
    *(
        Case(ENDED_WELL, HAD_ENDED, first, "success", ("SUCCESS", "SUCCESS"))
        for first in ("wait", "the run")
    ),
)


class Steered:
    """A run of its own schedule that somebody marks and clears."""

    def __init__(self, case: Case, pipeline: Pipeline) -> None:
        workflow = pipeline.rows.workflow(
            instance=pipeline.instance,
            sql_query=f"SELECT campaign, SUM(impressions) AS clear_{uuid4().hex[:12]}"
            " FROM dsp_impressions GROUP BY campaign",
        )
        self.schedule = pipeline.rows.schedule(workflow=workflow, created_at=YESTERDAY)
        self.dag_id = f"amc_schedule_{self.schedule['id']}"
        self.case = case
        self.pipeline = pipeline
        self._cleared_at_number = -1

    @property
    def run(self) -> dict[str, object] | None:
        """The run, None before Airflow has it."""
        if not self.pipeline.api.get(f"/api/v2/dags/{self.dag_id}").is_success:
            return None
        runs = self.pipeline.runs(self.dag_id)
        return runs[0] if runs else None

    @property
    def run_id(self) -> str:
        """Airflow's id of the run."""
        run = self.run
        assert run is not None
        return str(run["dag_run_id"])

    @property
    def executions(self) -> list[Row]:
        """The rows of the run's attempts."""
        return self.pipeline.executions(self.dag_id)

    @property
    def book(self) -> str | None:
        """How the application reads the run."""
        rows = self.pipeline.database.query(
            "SELECT status FROM schedule_runs WHERE schedule_id = %s", [self.schedule["id"]]
        )
        return rows[0]["status"] if rows else None

    def is_waiting(self) -> bool:
        """Return whether nothing but the triggerer is at it."""
        if self.run is None:
            return False
        return self.pipeline.task_states(self.dag_id, self.run_id).get("wait") == "deferred"

    def has_ended(self) -> bool:
        """Return whether the run has ended and its rows say how."""
        run = self.run
        return run is not None and run["state"] in ENDED and self.book is not None

    def mark(self) -> None:
        """Mark the task or the run failed."""
        path = f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}"
        if self.case.ended == MARKED[0]:
            answer = self.pipeline.api.patch(
                f"{path}/taskInstances/wait", json={"new_state": "failed"}
            )
        else:
            answer = self.pipeline.api.patch(path, json={"state": "failed"})
        answer.raise_for_status()

    def clear(self) -> None:
        """Clear a step with those that follow it, as the UI does."""
        order = {
            "dry_run": False,
            "only_failed": False,
            "include_downstream": True,
            "task_ids": [FIRST_STEP[self.case.cleared]],
            "dag_run_id": self.run_id,
        }
        path = f"/api/v2/dags/{self.dag_id}/clearTaskInstances"
        self.pipeline.api.post(path, json=order).raise_for_status()

    def states(self) -> dict[str, str]:
        """Return the states of the steps."""
        return self.pipeline.task_states(self.dag_id, self.run_id) if self.run else {}


def until_all(runs: list[Steered], condition: str) -> None:
    """Wait until a condition holds for all of them."""
    if runs:
        runs[0].pipeline.until(
            lambda: all(getattr(one, condition)() for one in runs),
            lambda: f"{condition}: {[(one.case.line, one.states(), one.book) for one in runs]}",
        )


@pytest.fixture(scope="module")
def steered(request: pytest.FixtureRequest, pipeline: Pipeline) -> Iterator[dict[Case, Steered]]:
    """Bring every chosen case to its end, clear it, and wait until it has ended again."""
    chosen = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == request.path and "case" in getattr(item, "fixturenames", ())
    ]
    with closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as amc:
        amc.ask("PUT", "/progression", **QUICK)
        cleared = {
            **fail_at_loading(chosen, pipeline, amc),
            **end_well(chosen, pipeline),
            **mark_and_cancel(chosen, pipeline, amc),
            **mark_too_late(chosen, pipeline, amc),
        }
        amc.ask("PUT", "/progression", **QUICK)
        amc.ask("PUT", "/settings", cancel_seconds=0)
        forget_xcoms(pipeline)
        for one in cleared.values():
            one.clear()
        until_all([*cleared.values()], "has_ended")
        yield cleared


def start(
    cases: list[Case], pipeline: Pipeline, ended: tuple[str, ...], amc: str
) -> dict[Case, Steered]:
    return {
        case: Steered(case, pipeline) for case in cases if case.ended in ended and case.amc == amc
    }


def fail_at_loading(
    cases: list[Case], pipeline: Pipeline, amc: EmulatorControl
) -> dict[Case, Steered]:
    amc.ask("POST", "/faults", operation="download_urls", fault="forbidden", times=None)
    runs = start(cases, pipeline, (FAILED,), HAD_ENDED)
    until_all([*runs.values()], "has_ended")
    amc.ask("DELETE", "/faults")
    return runs


def end_well(cases: list[Case], pipeline: Pipeline) -> dict[Case, Steered]:
    runs = start(cases, pipeline, (ENDED_WELL,), HAD_ENDED)
    until_all([*runs.values()], "has_ended")
    return runs


def mark_and_cancel(
    cases: list[Case], pipeline: Pipeline, amc: EmulatorControl
) -> dict[Case, Steered]:
    amc.ask("PUT", "/progression", **AN_HOUR)
    return mark(start(cases, pipeline, MARKED, CANCELS))


def mark_too_late(
    cases: list[Case], pipeline: Pipeline, amc: EmulatorControl
) -> dict[Case, Steered]:
    amc.ask("PUT", "/settings", cancel_seconds=3600)
    return mark(start(cases, pipeline, MARKED, TOO_LATE))


def mark(runs: dict[Case, Steered]) -> dict[Case, Steered]:
    until_all([*runs.values()], "is_waiting")
    for one in runs.values():
        one.mark()
    until_all([*runs.values()], "has_ended")
    return runs


def forget_xcoms(pipeline: Pipeline) -> None:
    """Do what ``airflow db clean`` does."""
    uri = pipeline.stack.settings.airflow_uri
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM xcom")


@pytest.mark.parametrize(
    "case",
    [
        # test_faults marks a task in `make test`
        pytest.param(case, marks=[pytest.mark.long] if case.ended == MARKED[0] else [])
        for case in CASES
    ],
    ids=lambda case: ", ".join(case.line[:3]),
)
def test_a_cleared_run_does_what_the_page_says(steered: dict[Case, Steered], case: Case) -> None:
    one = steered[case]
    assert one.run is not None
    assert one.run["state"] == case.run, one.states()
    assert tuple(row["status"] for row in one.executions) == case.attempts
    assert one.book == ("SUCCESS" if case.attempts[-1] == "SUCCESS" else "FAILED")
    killed = [row for row in one.executions if row["status"] == "CANCELLED"]
    assert {row["error_type"] for row in killed} <= {"KILLED"}
    if case.run == "failed":  # Airflow looks no further than at what load waits for
        assert one.states()["load"] == "upstream_failed"


def test_a_skipped_week_is_asked_of_nobody_and_fails_no_run(pipeline: Pipeline) -> None:
    collection = pipeline.rows.collection(
        workflow=pipeline.rows.workflow(instance=pipeline.instance),
        start_date="2026-01-05",
        end_date="2026-01-18",
        status="PAUSED",
    )
    first, _ = pipeline.rows.weeks(collection)
    pipeline.rows.update("report_data_weeks", first, status="SKIPPED")
    pipeline.rows.update("report_data_collections", collection, status="ACTIVE")
    dag_id = f"amc_collection_{collection['id']}"
    runs = pipeline.wait_for_runs(dag_id, 2)
    assert [run["state"] for run in runs] == ["success", "success"]
    skipped = pipeline.task_states(dag_id, runs[0]["dag_run_id"])
    assert skipped == {
        "submit": "skipped",
        "wait": "skipped",
        "load": "skipped",
        "record": "success",
    }
    assert [week["status"] for week in pipeline.rows.weeks(collection)] == ["SKIPPED", "SUCCESS"]
    assert len(pipeline.executions(dag_id)) == 1
