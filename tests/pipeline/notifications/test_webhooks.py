"""Events reach users' webhooks at least once, within bounds, and nobody else's work waits."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from fixtures.mail import Mailbox
from fixtures.postgres import Database, Row, Rows
from fixtures.webhooks import WebhookServer
from recomamp.domain.notifications import MAX_TRIES
from recomamp.domain.webhook_messages import Post, sign
from recomamp.errors import PartialFailure, WebhookDeferred, WebhookRefused
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.notifications import webhooks
from recomamp.pipeline.notifications.sender import send_notifications
from recomamp.pipeline.notifications.smtp import open_mail_server
from recomamp.pipeline.notifications.webhook_address import Target
from recomamp.pipeline.notifications.webhooks import LEASE, MAX_PER_USER, send_deliveries

SECRET = "a secret of sixteen or more"

FILE = Path(__file__).resolve().parents[3] / "dags" / "recomamp_webhooks.py"

pytestmark = pytest.mark.usefixtures("pipeline_connection")


@dataclass
class Receiver:
    """Stands for the servers of all users: takes what comes, or raises."""

    taken: list[tuple[Target, Post]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, target: Target, message: Post) -> None:
        with self.lock:
            if self.errors:
                raise self.errors.pop(0)
            self.taken.append((target, message))


@dataclass
class Sender:
    """Sends at a moment after the start of the test."""

    database: Database
    start: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(minutes=1))

    def at(self, minutes: float, receiver: Receiver | None = None) -> int:
        now = self.start + timedelta(minutes=minutes)
        options: dict[str, Any] = {} if receiver is None else {"send": receiver}
        return send_deliveries(database=DatabaseHook(), clock=lambda: now, **options)

    @property
    def rows(self) -> list[Row]:
        return self.database.query("SELECT * FROM channel_deliveries ORDER BY created_at, id")

    @property
    def statuses(self) -> list[str]:
        return [row["status"] for row in self.rows]


@pytest.fixture
def sender(database: Database) -> Sender:
    return Sender(database)


@pytest.fixture
def schedule(rows: Rows) -> Row:
    user = rows.user(email="ann@example.com", timezone="Asia/Tokyo")
    return rows.schedule(user_id=user["id"], name="Every morning")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """Provide servers at addresses that the operator allows."""
    monkeypatch.setenv("RECOMAMP_WEBHOOK_ALLOW_HOSTS", "localhost")
    return Receiver()


def channel(rows: Rows, schedule: Row, **columns: Any) -> Row:
    kind = columns.get("kind", "WEBHOOK")
    own = {"kind": kind, "user_id": schedule["user_id"]}
    if kind != "EMAIL":
        own["url"] = "https://localhost/hook"
    if kind == "WEBHOOK":
        own["secret"] = SECRET
    return rows.insert("notification_channels", **{**own, **columns})


def fail(rows: Rows, schedule: Row, times: int = 1) -> None:
    for _ in range(times):
        rows.insert(
            "schedule_runs", schedule_id=schedule["id"], status="FAILED", error_message="no"
        )


def test_a_webhook_gets_a_signed_event_over_a_real_connection(
    sender: Sender, rows: Rows, schedule: Row, webhook_server: WebhookServer
) -> None:
    channel(rows, schedule, url=webhook_server.url)
    fail(rows, schedule)

    assert [sender.at(minute) for minute in (0, 2, 4)] == [1, 0, 0]

    (received,) = webhook_server.received
    document = json.loads(received.body)
    assert (document["kind"], document["details"]["name"]) == (
        "SCHEDULE_RUN_FAILED",
        "Every morning",
    )
    assert received.headers["RecomAMP-Signature"] == sign(
        received.body, secret=SECRET, timestamp=received.headers["RecomAMP-Timestamp"]
    )
    assert sender.statuses == ["SENT"]


def test_slack_gets_a_text(
    sender: Sender, rows: Rows, schedule: Row, webhook_server: WebhookServer
) -> None:
    channel(rows, schedule, kind="SLACK", url=webhook_server.url)
    fail(rows, schedule)
    sender.at(0)
    (received,) = webhook_server.received
    text = json.loads(received.body)["text"]
    assert text.startswith("Failed: Every morning")
    assert "(Asia/Tokyo)" in text


def test_what_may_pass_is_tried_again_later_and_at_last_given_up(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    receiver.errors = [WebhookDeferred("the server answers 503")] * MAX_TRIES
    minute, pauses = 0.0, []
    while sender.statuses == ["PENDING"] and minute < 24 * 60:
        sender.at(minute, receiver)
        (row,) = sender.rows
        pauses.append(row["next_try_at"] - sender.start - timedelta(minutes=minute))
        assert row["last_error"] == "the server answers 503"
        minute += max(1.0, pauses[-1].total_seconds() / 60)
    assert sender.statuses == ["FAILED"]
    assert row["attempts"] == MAX_TRIES
    assert pauses[:-1] == sorted(pauses[:-1])


def test_a_refusal_is_final_and_another_user_gets_the_event(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    receiver.errors = [WebhookRefused("the server answers 404")]
    sender.at(0, receiver)
    other = rows.schedule()
    channel(rows, other)
    fail(rows, other)
    assert sender.at(1, receiver) == 1
    assert sender.statuses == ["FAILED", "SENT"]


def test_an_address_inside_the_network_is_refused_and_not_named(
    sender: Sender, rows: Rows, schedule: Row, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    channel(rows, schedule, url="https://127.0.0.1/latest/meta-data?key=hidden")
    fail(rows, schedule)
    sender.at(0)
    (row,) = sender.rows
    assert row["status"] == "FAILED"
    assert row["last_error"] == "the host has no public address"
    assert "hidden" not in caplog.text
    assert SECRET not in caplog.text


def test_an_unknown_error_is_stored_by_its_kind_alone(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    receiver.errors = [RuntimeError("https://localhost/hook?key=hidden")]
    sender.at(0, receiver)
    assert [(row["status"], row["last_error"]) for row in sender.rows] == [
        ("FAILED", "RuntimeError")
    ]


def test_two_senders_share_the_deliveries(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)

    class Slow(Receiver):
        def __call__(self, target: Target, message: Post) -> None:
            assert sender.at(0, receiver) == 0  # while this one sends
            super().__call__(target, message)

    slow = Slow()
    assert sender.at(0, slow) == 1
    assert (len(slow.taken), receiver.taken) == (1, [])


def test_a_sender_that_died_leaves_its_deliveries_to_the_next(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    receiver.errors = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        sender.at(0, receiver)
    assert sender.statuses == ["CLAIMED"]
    assert sender.at(1, receiver) == 0
    assert sender.at(LEASE.total_seconds() / 60 + 1, receiver) == 1
    assert [row["attempts"] for row in sender.rows] == [2]


def test_one_user_has_a_small_share_of_a_round(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule, times=MAX_PER_USER + 5)
    other = rows.schedule()
    channel(rows, other)
    fail(rows, other)
    assert sender.at(0, receiver) == MAX_PER_USER + 1
    assert sender.at(2, receiver) == 5


def test_a_server_that_hangs_does_not_outlive_the_round(
    sender: Sender,
    rows: Rows,
    schedule: Row,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    monkeypatch.setattr(webhooks, "MAX_ROUND_SECONDS", 0.2)
    ended = Event()

    class Hanging(Receiver):
        def __call__(self, target: Target, message: Post) -> None:
            ended.wait(20)

    started = time.monotonic()
    with pytest.raises(PartialFailure):
        sender.at(0, Hanging())
    assert time.monotonic() - started < 10
    ended.set()
    assert sender.statuses == ["CLAIMED"]
    assert sender.at(LEASE.total_seconds() / 60 + 1, receiver) == 1


def test_mails_do_not_wait_for_webhooks(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    now = sender.start
    assert (
        send_notifications(database=DatabaseHook(), open_server=open_mail_server, clock=lambda: now)
        == 1
    )
    assert sender.statuses == ["PENDING"]


def test_only_the_kinds_of_a_channel_are_sent_by_it(
    sender: Sender, rows: Rows, schedule: Row
) -> None:
    channel(rows, schedule, kinds=["WINDOW_LATE"])
    fail(rows, schedule)
    assert sender.rows == []
    channel(rows, schedule, kinds=["WINDOW_LATE", "SCHEDULE_RUN_FAILED"])
    fail(rows, schedule)
    assert sender.statuses == ["PENDING"]


def test_a_user_without_mails_has_channels(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, receiver: Receiver
) -> None:
    rows.update("users", schedule["user_id"], email_notifications=False)
    channel(rows, schedule)
    fail(rows, schedule)
    (event,) = sender.database.query("SELECT status FROM notifications")
    assert event["status"] == "UNSUBSCRIBED"
    assert sender.at(0, receiver) == 1


def test_the_channel_email_bounds_the_kinds_of_mails(
    sender: Sender, rows: Rows, schedule: Row
) -> None:
    channel(rows, schedule, kind="EMAIL", kinds=["WINDOW_LATE"])
    fail(rows, schedule)
    assert sender.database.query("SELECT * FROM notifications") == []


def test_what_is_not_true_any_more_is_not_sent(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule)
    fail(rows, schedule)
    (run,) = sender.database.query("SELECT * FROM schedule_runs")
    rows.update("schedule_runs", run, status="SUCCESS")
    assert sender.statuses == ["WITHDRAWN"]
    assert sender.at(0, receiver) == 0
    rows.update("schedule_runs", run, status="FAILED")
    assert sender.at(0, receiver) == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {}])
def test_old_deliveries_and_those_of_a_channel_that_is_off_expire(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver, change: dict[str, Any]
) -> None:
    made = channel(rows, schedule)
    fail(rows, schedule)
    if change:
        rows.update("notification_channels", made, **change)
    assert sender.at(0 if change else 25 * 60, receiver) == 0
    assert sender.statuses == ["EXPIRED"]


def quiet_hours(sender: Sender) -> dict[str, str]:
    """Return two hours in Tokyo that begin an hour before the start."""
    tokyo = sender.start + timedelta(hours=9)
    return {
        "quiet_from": f"{tokyo - timedelta(hours=1):%H:%M}",
        "quiet_until": f"{tokyo + timedelta(hours=1):%H:%M}",
    }


def test_events_wait_for_the_end_of_the_quiet_time(
    sender: Sender, rows: Rows, schedule: Row, receiver: Receiver
) -> None:
    channel(rows, schedule, **quiet_hours(sender))
    fail(rows, schedule)
    assert sender.at(0, receiver) == 0
    assert sender.at(50, receiver) == 0
    assert sender.at(61, receiver) == 1


def test_mails_wait_for_the_end_of_the_quiet_time_of_the_channel_email(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    channel(rows, schedule, kind="EMAIL", **quiet_hours(sender))
    other = rows.schedule()
    fail(rows, schedule)
    fail(rows, other)
    sent = []
    for minutes in (0, 50, 61):
        now = sender.start + timedelta(minutes=minutes)
        sent.append(
            send_notifications(
                database=DatabaseHook(), open_server=open_mail_server, clock=lambda now=now: now
            )
        )
    assert sent == [1, 0, 1]


def test_the_dag_has_one_run_at_a_time_that_ends_before_its_lease() -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == (timedelta(minutes=2), False, 1)
    (task,) = dag.tasks
    assert task.execution_timeout is not None
    assert task.execution_timeout < LEASE
