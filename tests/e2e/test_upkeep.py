"""What runs by day and night beside the schedules, each once through a real scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg2
import pytest
from cryptography.fernet import Fernet

from fixtures.mail import Mailbox
from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack

NOTIFICATIONS = "recomamp_notifications"
UPKEEP = (
    "recomamp_campaigns_sync",  # takes longest
    "recomamp_schema_sync",
    "recomamp_maintenance",
    "recomamp_asins_sync",
    "recomamp_instance_health",
)
PACE = {"mode": "per_second", "pending_seconds": 0}
REPORT_SECONDS = 3  # so long that the first look finds no report ready
LOCKED = "query_templates"


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """One run of each DAG, over."""

    began_at: datetime
    runs: dict[str, str]  # DAG, run
    states: dict[str, str]  # DAG, how its run ended
    reader: Row
    failed: tuple[str, str]  # DAG and run of the reader's schedule


@pytest.fixture(scope="module")
def upkeep(pipeline: Pipeline) -> Upkeep:
    """Start all runs at once: together they take little longer than one."""
    pipeline.until(lambda: all(map(idle(pipeline), UPKEEP)), "what runs by itself to end")
    for number, asin in enumerate(("B000000001", "B000000002", "BX00000001")):
        columns = {"title": "As entered"} if number == 2 else {}
        pipeline.rows.insert("asins", asin=asin, user_id=pipeline.instance["user_id"], **columns)
    reader, dag_id = plant_failing_schedule(pipeline)
    with pace(pipeline, running_seconds=REPORT_SECONDS), locked(pipeline, LOCKED):
        # What ran by itself has asked for reports, and they are fresh for an hour
        pipeline.database.query(
            "UPDATE campaign_reports SET ended_at = ended_at - INTERVAL '1 day'"
        )
        began_at = datetime.now(UTC)
        runs = {one: pipeline.trigger(one) for one in UPKEEP}
        failed = (dag_id, pipeline.trigger(dag_id))
        states = {one: pipeline.wait_for_run(one, run_id) for one, run_id in runs.items()}
    return Upkeep(began_at=began_at, runs=runs, states=states, reader=reader, failed=failed)


def plant_failing_schedule(pipeline: Pipeline) -> tuple[Row, str]:
    """Give a reader of their own a schedule that AMC refuses, and return both.

    Its instance is inactive, so that nothing but the schedule has to do with it.
    """
    reader = pipeline.rows.user(
        email="reader@example.com", encrypted_refresh_token=token_of(pipeline)
    )
    instance = pipeline.rows.instance(
        user=reader,
        account=pipeline.rows.get("amc_accounts", pipeline.instance["account_id"]),
        instance_id=pipeline.instance["instance_id"],
        is_active=False,
    )
    workflow = pipeline.rows.workflow(
        instance=instance, sql_query="SELECT nonsense FROM dsp_impressions"
    )
    schedule = pipeline.rows.schedule(workflow=workflow, name="Refused every day")
    return reader, f"amc_schedule_{schedule['id']}"


def token_of(pipeline: Pipeline) -> str:
    """Encrypt the token as the application does: one that the pipeline wrote is its user's own."""
    key = pipeline.stack.settings.credentials["RECOMAMP_FERNET_KEY"].split(",")[0]
    return Fernet(key).encrypt(b"Atzr|demo-north").decode()


def idle(pipeline: Pipeline) -> Any:
    """Return a function that asks whether a DAG has run by itself, and is not running now."""

    def ask(dag_id: str) -> bool:
        if not pipeline.api.get(f"/api/v2/dags/{dag_id}").is_success:
            return False
        runs = pipeline.runs(dag_id)
        return runs != [] and all(run["state"] in ("success", "failed") for run in runs)

    return ask


@contextmanager
def pace(pipeline: Pipeline, *, running_seconds: int) -> Iterator[None]:
    """Let Amazon take that long for a report."""
    url = f"{pipeline.stack.settings.emulator_url}/_emulator/progression"

    def put(seconds: int) -> None:
        body = PACE | {"running_seconds": seconds}
        httpx.put(url, json=body, trust_env=False).raise_for_status()

    put(running_seconds)
    try:
        yield
    finally:
        put(1)


@contextmanager
def locked(pipeline: Pipeline, table: str) -> Iterator[None]:
    """Hold a changed table, as a VACUUM does: nobody can gather its statistics."""
    pipeline.rows.insert(
        table, name="Any", description="Any", category="any", sql_template="SELECT 1"
    )
    pipeline.database.close()  # a session reports at its end what it has changed
    with closing(psycopg2.connect(pipeline.database.uri)) as holder, holder.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        yield


def instance_now(pipeline: Pipeline) -> Row:
    return pipeline.rows.get("amc_instances", pipeline.instance)


@pytest.mark.parametrize("dag_id", UPKEEP)
def test_its_run_ends_well(upkeep: Upkeep, dag_id: str) -> None:
    assert upkeep.states[dag_id] == "success"


def test_the_instance_is_known_to_be_healthy(pipeline: Pipeline, upkeep: Upkeep) -> None:
    after = instance_now(pipeline)
    assert (after["health_status"], after["health_error"]) == ("HEALTHY", None)
    assert after["last_health_check"] > upkeep.began_at


def test_what_the_instance_offers_is_there_with_its_columns(
    pipeline: Pipeline, upkeep: Upkeep
) -> None:
    assert instance_now(pipeline)["schema_last_sync"] > upkeep.began_at
    offered = pipeline.database.query(
        "SELECT source.name, count(*) AS columns FROM amc_data_sources AS source"
        " JOIN amc_schema_fields AS field ON field.data_source_id = source.id"
        " WHERE source.is_active AND field.is_active GROUP BY source.name"
    )
    columns = {row["name"]: row["columns"] for row in offered}
    assert {"dsp_impressions", "sponsored_ads_traffic"} <= columns.keys()
    assert min(columns.values()) > 3


def test_campaigns_have_the_figures_of_reports_that_were_waited_for_without_a_worker(
    pipeline: Pipeline, upkeep: Upkeep
) -> None:
    instance = instance_now(pipeline)
    assert instance["campaigns_last_sync"] > upkeep.began_at
    reports = pipeline.database.query(
        "SELECT * FROM campaign_reports WHERE requested_at > %s", [upkeep.began_at]
    )
    assert {row["status"] for row in reports} == {"LOADED"}
    waits = [(row["ended_at"] - row["requested_at"]).total_seconds() for row in reports]
    assert min(waits) > REPORT_SECONDS
    # Of the days asked for: the report of what ran by itself may have been of the day before
    campaigns = pipeline.database.query(
        "SELECT campaign.campaign_type, campaign.spend, campaign.sales, ("
        "  SELECT coalesce(sum(day.spend), 0) FROM campaign_performance AS day"
        "  WHERE day.campaign_id = campaign.id"
        "   AND day.date BETWEEN report.start_date AND report.end_date"
        " ) AS daily"
        " FROM campaigns AS campaign"
        " JOIN campaign_reports AS report USING (instance_id, profile_id, campaign_type)"
        " WHERE report.requested_at > %s",
        [upkeep.began_at],
    )
    assert [row for row in campaigns if row["spend"] != row["daily"]] == []
    assert {row["campaign_type"] for row in campaigns if row["spend"] > 0 and row["sales"] > 0} == {
        "sponsoredProducts", "sponsoredBrands", "sponsoredDisplay", "dsp",
    }  # fmt: skip


def test_products_are_validated_and_an_unknown_one_keeps_what_was_entered(
    pipeline: Pipeline, upkeep: Upkeep
) -> None:
    rows = pipeline.database.query("SELECT * FROM asins ORDER BY asin")
    assert [(row["asin"], row["validation_status"]) for row in rows] == [
        ("B000000001", "FOUND"),
        ("B000000002", "FOUND"),
        ("BX00000001", "NOT_FOUND"),
    ]
    assert all(row["title"] and row["brand"] and row["last_validated_at"] for row in rows[:2])
    assert (rows[2]["title"], rows[2]["last_validated_at"]) == ("As entered", None)
    assert all(row["validation_checked_at"] is not None for row in rows)


def test_maintenance_tells_what_a_person_should_look_at(pipeline: Pipeline, upkeep: Upkeep) -> None:
    found = pipeline.database.query(
        "SELECT kind, subject FROM maintenance_findings WHERE dag_run_id = %s",
        [upkeep.runs["recomamp_maintenance"]],
    )
    assert {"kind": "TABLE_LOCKED", "subject": LOCKED} in found
    analyzed = pipeline.database.query(
        "SELECT relname FROM pg_stat_user_tables WHERE last_analyze > %s", [upkeep.began_at]
    )
    tables = {row["relname"] for row in analyzed}
    assert "asins" in tables
    assert LOCKED not in tables


def test_a_failed_run_of_a_schedule_is_one_mail_however_often_mails_are_sent(
    pipeline: Pipeline, upkeep: Upkeep, stack_mailbox: Mailbox
) -> None:
    assert pipeline.wait_for_run(*upkeep.failed) == "failed"
    for _ in range(2):
        run_id = pipeline.trigger(NOTIFICATIONS)
        assert pipeline.wait_for_run(NOTIFICATIONS, run_id) == "success"
    to_reader = [mail for mail in stack_mailbox.mails if mail["To"] == upkeep.reader["email"]]
    assert [mail["Subject"] for mail in to_reader] == ["Failed: Refused every day"]
    assert "nonsense" in str(to_reader[0].get_content())
    (row,) = pipeline.database.query(
        "SELECT * FROM notifications WHERE user_id = %s", [upkeep.reader["id"]]
    )
    assert (row["status"], row["attempts"]) == ("SENT", 1)
    assert row["message_id"] == to_reader[0]["Message-ID"]
