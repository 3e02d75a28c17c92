"""Windows are read again by plan through a real scheduler, and an analyst sees what changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from faults.crash_points import EmulatorControl
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline, add_instance, analyst_login, fetch_rows
from fixtures.webhooks import IsGenuine, WebhookServer

pytestmark = [pytest.mark.stack, pytest.mark.long]

QUICK = {"mode": "per_second", "pending_seconds": 0, "running_seconds": 1}
SECRET = "a long random text of his"
HOOK = "/hook-of-otto"
MARKER = "sales_of_otto"
FIRST_DAY = datetime.now(UTC).date() - timedelta(days=12)
DAYS = [FIRST_DAY, FIRST_DAY + timedelta(days=1)]
READ_AT = timedelta(days=2, hours=12)  # after the end of a window: before the first age
NOON_AWAY = (datetime.now(UTC) + timedelta(hours=12)).hour  # no tick comes during the test

INSERT_WORKFLOW = f"""
INSERT INTO workflows (name, sql_query, user_id, instance_id)
SELECT
    'Sales by campaign',
    'SELECT campaign, SUM(total_product_sales) AS {MARKER}'
    ' FROM amazon_attributed_events_by_traffic_time GROUP BY campaign',
    user_id,
    id
FROM amc_instances
"""
INSERT_SCHEDULE = f"""
INSERT INTO workflow_schedules
    (name, cron_expression, parameters, workflow_id, user_id, notify_on_success)
SELECT 'Sales', '0 {NOON_AWAY} * * *', '{{"window": {{"restate_days": [3, 7]}}}}', id, user_id, true
FROM workflows
RETURNING id
"""
INSERT_CHECK = """
INSERT INTO result_checks (user_id, schedule_id, name, measure, comparison, threshold)
SELECT user_id, id, 'a million rows', 'ROWS', '>=', 1000000 FROM workflow_schedules
"""
INSERT_CHANNEL = """
INSERT INTO notification_channels (user_id, kind, url, secret)
VALUES (current_user_id(), 'WEBHOOK', %s, %s)
"""
INSERT_BACKFILL = """
INSERT INTO run_requests (action, schedule_id, from_date, to_date)
SELECT 'BACKFILL', id, %s, %s FROM workflow_schedules
"""
# The owner lets the first versions be as old as if they had been read in time
AGE_VERSIONS = """
UPDATE workflow_executions
SET
    created_at = window_end + %(age)s,
    completed_at = window_end + %(age)s,
    results_loaded_at = window_end + %(age)s
WHERE schedule_id = %(schedule_id)s
"""


@dataclass(frozen=True, kw_only=True)
class Restated:
    """An analyst's schedule whose two windows were read, and read again after their first age."""

    otto: Connection
    schedule_id: str
    sent_queries: list[dict[str, Any]]  # at AMC

    def query(self, statement: str, values: Any = None) -> list[Row]:
        """Run a statement as the analyst."""
        return fetch_rows(self.otto, statement, values)


@pytest.fixture(scope="module")
def restated(pipeline: Pipeline, stack_webhook_server: WebhookServer) -> Iterator[Restated]:
    owner = add_instance(pipeline, "north")
    with (
        closing(EmulatorControl(pipeline.stack.settings.emulator_url)) as amc,
        analyst_login(pipeline, owner) as otto,
    ):
        amc.ask("PUT", "/progression", **QUICK)
        fetch_rows(otto, INSERT_CHANNEL, [stack_webhook_server.url_of(HOOK), SECRET])
        fetch_rows(otto, INSERT_WORKFLOW)
        schedule_id = str(fetch_rows(otto, INSERT_SCHEDULE)[0]["id"])
        dag_id = f"amc_schedule_{schedule_id}"
        fetch_rows(otto, INSERT_CHECK)

        known_at = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) + READ_AT
        amc.ask("PUT", "/settings", restates=True, known_at=known_at.isoformat())
        fetch_rows(otto, INSERT_BACKFILL, [DAYS[0], DAYS[-1]])
        pipeline.wait_for_runs(dag_id, 2)
        values = {"age": READ_AT, "schedule_id": schedule_id}
        pipeline.database.query(AGE_VERSIONS, values)

        amc.ask("PUT", "/settings", known_at=None)
        # The second look finds nothing that the first has not asked for
        looks = [pipeline.trigger("recomamp_restatement") for _ in range(2)]
        for run_id in looks:
            assert pipeline.wait_for_run("recomamp_restatement", run_id) == "success"
        pipeline.wait_for_runs(dag_id, 4)
        amc.ask("PUT", "/settings", restates=False)
        yield Restated(otto=otto, schedule_id=schedule_id, sent_queries=amc.executions(MARKER))


def day_of(row: Row) -> date:
    return row["window_start"].astimezone(UTC).date()


def test_each_window_is_asked_for_once_at_the_latest_age(restated: Restated) -> None:
    requests = restated.query(
        "SELECT * FROM run_requests WHERE action = 'RESTATE' ORDER BY window_start"
    )
    assert [day_of(row) for row in requests] == DAYS
    for row in requests:
        assert (row["status"], row["restate_age_days"]) == ("DONE", 7)
        assert row["dag_run_id"] == f"restate__{row['id']}"
    assert len(restated.sent_queries) == 2 * len(DAYS)


def test_the_versions_show_what_changed_and_when_it_ends(restated: Restated) -> None:
    versions = restated.query("SELECT * FROM result_versions ORDER BY window_start, version")
    shown = [
        (day_of(row), row["version"], row["is_latest"], row["is_final"], row["note"])
        for row in versions
    ]
    assert shown == [
        (day, number, number == 2, number == 2, None) for day in DAYS for number in (1, 2)
    ]
    for first, second in zip(versions[::2], versions[1::2], strict=True):
        assert (float(first["age_days"]), first["change_ratio"]) == (2.5, None)
        assert second["age_days"] > 7
        assert second["change_ratio"] > 0
        assert second["rows_changed"] + second["rows_new"] > 0
        (difference,) = restated.query(
            "SELECT * FROM result_differences WHERE execution_id = %s", [second["execution_id"]]
        )
        assert difference["previous_execution_id"] == first["execution_id"]
        assert difference["key_columns"] == ["campaign"]


def test_the_results_of_each_time_have_each_window_once(restated: Restated) -> None:
    def sales(loaded_until: datetime) -> dict[date, float]:
        """Return the sales of each day as they were known; two results of a day would not do."""
        results = restated.query(
            "SELECT result.window_start, execution.result_data"
            " FROM results_as_of(%s) AS result"
            " JOIN workflow_executions AS execution ON execution.id = result.execution_id",
            [loaded_until],
        )
        assert sorted(map(day_of, results)) == DAYS
        return {
            day_of(row): sum(float(line[MARKER]) for line in row["result_data"]["data"])
            for row in results
        }

    now = datetime.now(UTC)
    before, after = sales(now - timedelta(days=1)), sales(now)
    assert all(after[day] > before[day] > 0 for day in DAYS)
    current = restated.query("SELECT window_start, versions FROM current_results")
    assert [(day_of(row), row["versions"]) for row in sorted(current, key=day_of)] == [
        (day, 2) for day in DAYS
    ]


def test_the_loads_and_the_condition_reach_the_webhook(
    pipeline: Pipeline,
    restated: Restated,
    stack_webhook_server: WebhookServer,
    is_genuine: IsGenuine,
) -> None:
    events = restated.query("SELECT id, kind FROM notifications")
    assert {row["kind"] for row in events} == {"RESULTS_LOADED", "RESULT_CHECK_FAILED"}
    run_id = pipeline.trigger("recomamp_webhooks")
    assert pipeline.wait_for_run("recomamp_webhooks", run_id) == "success"
    posts = stack_webhook_server.received_at(HOOK)
    assert all(is_genuine(one.headers, one.body, SECRET) for one in posts)
    sent = {event["id"]: event["kind"] for event in (json.loads(one.body) for one in posts)}
    assert sent == {str(row["id"]): row["kind"] for row in events}
