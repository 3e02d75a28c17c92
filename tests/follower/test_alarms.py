"""Alarms go out while Airflow stands still, once, and later than Airflow would send them."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.mail import Mailbox
from fixtures.postgres import Database, Row, Rows
from fixtures.statsd import StatsdServer
from fixtures.webhooks import WebhookServer
from recomamp.follower.alarms import PATIENCE, Alarms
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.notifications.sender import send_notifications
from recomamp.pipeline.notifications.smtp import open_mail_server

pytestmark = pytest.mark.usefixtures("pipeline_connection")


def run_round(minutes: float = 0.0) -> None:
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    Alarms(clock=lambda: now).run_round()


@pytest.fixture
def late(rows: Rows) -> Row:
    """Insert a schedule with a late window."""
    schedule = rows.schedule(name="Hourly", cron_expression="0 * * * *", late_after="2 hours")
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    return rows.update("workflow_schedules", schedule, late_tick_at=tick)


def statuses(database: Database) -> list[tuple[str, str]]:
    rows = database.query("SELECT kind, status FROM notifications ORDER BY event_key")
    return [(row["kind"], row["status"]) for row in rows]


def test_a_late_window_is_judged_and_its_mail_sent_without_airflow(
    database: Database, late: Row, mailbox: Mailbox
) -> None:
    run_round()
    assert statuses(database) == [("WINDOW_LATE", "PENDING")]
    assert mailbox.mails == []

    run_round(minutes=6)
    run_round(minutes=8)

    assert mailbox.subjects == ["Late: Hourly"]
    assert "ask your operator whether Airflow works" in mailbox.text()
    assert statuses(database) == [("WINDOW_LATE", "SENT")]


def test_late_weeks_of_a_collection_are_one_mail_without_airflow(
    database: Database, rows: Rows, mailbox: Mailbox
) -> None:
    created_at = datetime.now(UTC) - timedelta(hours=2)
    rows.collection(
        name="Past weeks",
        late_after="1 hour",
        created_at=created_at,
        start_date="2024-01-01",
        end_date="2024-01-28",
    )
    run_round()
    run_round(minutes=6)
    run_round(minutes=8)
    assert mailbox.subjects == ["Late: Past weeks"]
    assert "2024-01-01 to 2024-01-28" in mailbox.text()
    assert "0 of 4 have results, 0 failed" in mailbox.text()
    assert statuses(database) == [("WINDOW_LATE", "SENT")]


def test_late_weeks_that_load_before_the_mail_are_no_mail(
    database: Database, rows: Rows, mailbox: Mailbox
) -> None:
    created_at = datetime.now(UTC) - timedelta(hours=2)
    collection = rows.collection(
        late_after="1 hour", created_at=created_at, start_date="2024-01-01", end_date="2024-01-28"
    )
    run_round()
    for week in rows.weeks(collection):
        rows.update("report_data_weeks", week, status="SUCCESS")
    run_round(minutes=6)
    assert "Late" not in " ".join(mailbox.subjects)
    assert ("WINDOW_LATE", "WITHDRAWN") in statuses(database)


def test_airflow_has_its_time_first(database: Database, late: Row, mailbox: Mailbox) -> None:
    run_round()
    run_round(minutes=PATIENCE.total_seconds() / 60 - 1)
    assert mailbox.mails == []
    send_notifications(
        database=DatabaseHook(), open_server=open_mail_server, clock=lambda: datetime.now(UTC)
    )
    run_round(minutes=6)
    assert len(mailbox.mails) == 1


def test_without_a_mail_server_events_are_judged_and_nothing_fails(
    database: Database, late: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT", raising=False)
    run_round(minutes=6)
    assert statuses(database) == [("WINDOW_LATE", "PENDING")]


def test_a_mail_server_that_takes_nothing_keeps_no_webhook_back(
    database: Database, rows: Rows, late: Row, mailbox: Mailbox, webhook_server: WebhookServer
) -> None:
    rows.insert(
        "notification_channels", user_id=late["user_id"], kind="SLACK", url=webhook_server.url
    )
    mailbox.on_mail = ["451 not now"] * 5
    run_round()
    run_round(minutes=6)
    assert mailbox.mails == []
    assert len(webhook_server.received) == 1


def test_a_database_that_is_away_ends_no_round(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgres://nobody@127.0.0.1:1/none")
    run_round()
    assert "the application's database is away" in caplog.text


def test_rounds_go_on_after_an_error_until_they_are_ended() -> None:
    asked = threading.Semaphore(0)

    def away() -> DatabaseHook:
        asked.release()
        raise RuntimeError("not today")

    alarms = Alarms(away, round_seconds=0.001)
    with closing(alarms):
        alarms.start()
        for _ in range(6):  # more than one round of each thread
            assert asked.acquire(timeout=30)


def test_the_gauges_of_the_queue_are_sent_each_round(rows: Rows, statsd: StatsdServer) -> None:
    workflow = rows.workflow()
    of = {"instance_id": workflow["instance_id"], "dag_run_id": "run 1"}
    rows.execution(workflow=workflow, status="RUNNING", **of)

    run_round()

    assert statsd.values()["queue.running"] == [1]
