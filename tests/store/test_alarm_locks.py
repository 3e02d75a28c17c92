"""A user who keeps rows locked in an open transaction delays nobody else's alarms and mails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from fixtures.two_users import TwoUsers
from recomamp.domain.notifications import DeliveryStatus, Event, Mail, NotificationStatus
from recomamp.store import channel_deliveries, notifications
from recomamp.store.late_windows import record_late_windows, withdraw_loaded_windows
from recomamp.store.statements import delete_oldest

HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=8)


@pytest.fixture
def pipeline(database: Database) -> Connection:
    """Return a connection whose statements fail when they wait."""
    connection = database.connect("recomamp_pipeline")
    with connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '3s'")
    return connection


Hold = Callable[..., None]


@pytest.fixture
def hold(database: Database) -> Hold:
    """Return what runs statements of a user and leaves their transaction open."""
    opened = []

    def run(user_id: str, statement: str, *values: Any) -> None:
        connection = database.connect("recomamp_analyst", str(user_id))
        connection.cursor().execute(statement, values)
        opened.append(connection)

    return run


def hourly(rows: Rows) -> Row:
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 2 * HOUR
    return rows.schedule(
        cron_expression="0 * * * *",
        name="Hourly",
        late_after="1 hour",
        created_at=tick - timedelta(minutes=30),
    )


def slack(rows: Rows, schedule: Row) -> Row:
    return rows.insert(
        "notification_channels",
        user_id=schedule["user_id"],
        kind="SLACK",
        url="https://hooks.example.com/a",
    )


def judged(pipeline: Connection) -> list[str]:
    with pipeline:
        return [str(one.schedule_id) for one in record_late_windows(pipeline)]


def test_the_windows_of_a_user_whose_row_is_locked_are_judged_later(
    database: Database, rows: Rows, pipeline: Connection
) -> None:
    ann, bob = hourly(rows), hourly(rows)
    ann_session = database.connect("recomamp_analyst", str(ann["user_id"]))
    ann_session.cursor().execute("SELECT id FROM users FOR UPDATE")
    assert judged(pipeline) == [bob["id"]]
    ann_session.rollback()
    assert ann["id"] in judged(pipeline)


def test_the_windows_of_a_user_whose_channel_is_locked_are_judged_later(
    database: Database, rows: Rows, pipeline: Connection
) -> None:
    ann, bob = hourly(rows), hourly(rows)
    channel = slack(rows, ann)
    ann_session = database.connect("recomamp_analyst", str(ann["user_id"]))
    ann_session.cursor().execute(
        "SELECT delete_own_row('notification_channels', %s)", [channel["id"]]
    )
    assert judged(pipeline) == [bob["id"]]
    ann_session.rollback()
    assert ann["id"] in judged(pipeline)


def test_late_windows_are_withdrawn_beside_a_locked_delivery(
    database: Database, rows: Rows, pipeline: Connection, hold: Hold
) -> None:
    ann, bob = hourly(rows), hourly(rows)
    channel = slack(rows, ann)
    slack(rows, bob)
    judged(pipeline)
    for schedule in (ann, bob):
        (event,) = database.query(
            "SELECT details FROM notifications WHERE user_id = %s", [schedule["user_id"]]
        )
        rows.execution(
            rows.get("workflows", schedule["workflow_id"]),
            schedule_id=schedule["id"],
            status="SUCCESS",
            dag_run_id="r",
            due_at=event["details"]["due_at"],
            window_start="2026-01-01",
            window_end=event["details"]["window_end"],
        )
    hold(ann["user_id"], "SELECT delete_own_row('notification_channels', %s)", channel["id"])
    with pipeline:
        withdraw_loaded_windows(pipeline)
    statuses = database.query(
        "SELECT status FROM notifications WHERE user_id = %s ORDER BY happened_at",
        [bob["user_id"]],
    )
    assert statuses[0]["status"] == "WITHDRAWN"


def lock_channel(hold: Hold, ann: dict[str, Row]) -> None:
    hold(
        ann["users"]["id"],
        "SELECT delete_own_row('notification_channels', %s)",
        ann["notification_channels"]["id"],
    )


def deliveries_of(database: Database, user: dict[str, Row]) -> list[Row]:
    return database.query(
        "SELECT delivery.* FROM channel_deliveries AS delivery"
        " JOIN notification_channels AS channel ON channel.id = delivery.channel_id"
        " WHERE channel.user_id = %s",
        [user["users"]["id"]],
    )


def claim_deliveries(pipeline: Connection, claim_id: UUID) -> set[str]:
    with pipeline:
        found = channel_deliveries.claim_deliveries(
            pipeline,
            claim_id=claim_id,
            now=datetime.now(UTC) + timedelta(seconds=5),
            lease=LEASE,
            limit=200,
            per_user=10,
        )
    return {str(one.event.user_id) for one in found}


def test_deliveries_expire_beside_locked_ones(
    database: Database, two_users: TwoUsers, pipeline: Connection, hold: Hold
) -> None:
    database.query(
        "UPDATE channel_deliveries SET status = 'PENDING', created_at = NOW() - INTERVAL '25 hours'"
    )
    lock_channel(hold, two_users.ann)
    now = datetime.now(UTC)
    with pipeline:
        channel_deliveries.expire_deliveries(pipeline, now=now, oldest=now - timedelta(days=1))
    assert {row["status"] for row in deliveries_of(database, two_users.bob)} == {"EXPIRED"}


def test_deliveries_are_claimed_and_ended_beside_locked_ones(
    database: Database, two_users: TwoUsers, pipeline: Connection, hold: Hold
) -> None:
    database.query("UPDATE channel_deliveries SET status = 'PENDING'")
    lock_channel(hold, two_users.ann)
    assert claim_deliveries(pipeline, uuid4()) == {str(two_users.bob["users"]["id"])}


def test_the_end_of_a_delivery_that_is_locked_is_not_waited_for(
    database: Database, two_users: TwoUsers, pipeline: Connection, hold: Hold
) -> None:
    database.query("UPDATE channel_deliveries SET status = 'PENDING'")
    claim_id = uuid4()
    assert len(claim_deliveries(pipeline, claim_id)) == 2
    lock_channel(hold, two_users.ann)
    ended = []
    for user in (two_users.ann, two_users.bob):
        for row in deliveries_of(database, user):
            with pipeline:
                ended.append(
                    channel_deliveries.end_delivery(
                        pipeline,
                        row["id"],
                        claim_id=claim_id,
                        status=DeliveryStatus.SENT,
                    )
                )
    assert ended == [False, True]


@pytest.fixture
def two_mails(database: Database, rows: Rows) -> tuple[Row, Row]:
    """Return two collections with an event each; the first is being deleted by its user."""
    ann, bob = rows.collection(), rows.collection()
    for one in (ann, bob):
        database.query(
            "SELECT queue_notification(%s, 'COLLECTION_FAILED', %s, NOW(), '{}')",
            [one["user_id"], f"collection:{one['id']}:x"],
        )
    return ann, bob


def lock_mail(hold: Hold, ann: Row) -> None:
    hold(ann["user_id"], "SELECT delete_own_row('report_data_collections', %s)", ann["id"])


def claim_mails(pipeline: Connection, claim_id: UUID) -> dict[str, Event]:
    with pipeline:
        found = notifications.claim_notifications(
            pipeline,
            claim_id=claim_id,
            now=datetime.now(UTC) + timedelta(seconds=5),
            lease=LEASE,
            limit=200,
        )
    return {str(event.user_id): event for event in found}


def test_mails_expire_and_are_claimed_beside_locked_ones(
    two_mails: tuple[Row, Row], pipeline: Connection, hold: Hold
) -> None:
    ann, bob = two_mails
    lock_mail(hold, ann)
    assert list(claim_mails(pipeline, uuid4())) == [bob["user_id"]]
    later = datetime.now(UTC) + timedelta(days=2)
    with pipeline:
        ended = notifications.expire_notifications(pipeline, now=later, oldest=later)
    assert [status for _, status in ended] == [NotificationStatus.EXPIRED]


@pytest.mark.parametrize("step", ["start", "release"])
def test_a_sender_waits_for_no_locked_mail(
    two_mails: tuple[Row, Row],
    pipeline: Connection,
    hold: Hold,
    step: str,
) -> None:
    claim_id = uuid4()
    events = claim_mails(pipeline, claim_id)
    lock_mail(hold, two_mails[0])
    now = datetime.now(UTC)
    done = []
    for collection in two_mails:
        event = events[collection["user_id"]]
        with pipeline:
            if step == "start":
                mail = Mail(events=(event,))
                done.append(
                    notifications.start_sending_notifications(
                        pipeline, mail, claim_id=claim_id, message_id="<1>", now=now
                    )
                    is not None
                )
            else:
                done.append(
                    notifications.release_notifications(
                        pipeline, [event], claim_id=claim_id, next_try_at=now
                    )
                )
    assert done == [False, True]


def test_old_events_are_deleted_beside_locked_deliveries(
    database: Database, two_users: TwoUsers, pipeline: Connection, hold: Hold
) -> None:
    database.query(
        "UPDATE notifications SET status = 'SENT', created_at = NOW() - INTERVAL '99 days'"
    )
    lock_channel(hold, two_users.ann)
    before = datetime.now(UTC) - timedelta(days=90)
    with pipeline:
        delete_oldest(pipeline, "delete_notifications", before=before, limit=100)
    assert deliveries_of(database, two_users.bob) == []
    assert len(deliveries_of(database, two_users.ann)) == 1


def test_old_outcomes_are_deleted_beside_locked_ones(
    database: Database, two_users: TwoUsers, pipeline: Connection, hold: Hold
) -> None:
    database.query("UPDATE result_check_outcomes SET evaluated_at = NOW() - INTERVAL '99 days'")
    check = two_users.ann["result_check_outcomes"]["check_id"]
    hold(two_users.ann["users"]["id"], "SELECT delete_own_row('result_checks', %s)", check)
    before = datetime.now(UTC) - timedelta(days=90)
    with pipeline:
        assert delete_oldest(pipeline, "delete_check_outcomes", before=before, limit=100) == 1
