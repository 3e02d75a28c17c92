"""Events queue a notification once, in the transaction that makes them true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg2.errors import InsufficientPrivilege

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.notifications import Event, Mail, NotificationStatus, RecentMail
from recomamp.domain.scheduling.windows import Window
from recomamp.store import notifications
from recomamp.store.run_records import record_schedule_run
from recomamp.store.statements import delete_oldest, execute_returning

WINDOW = Window(
    start=datetime(2026, 3, 7, tzinfo=UTC), end=datetime(2026, 3, 8, tzinfo=UTC), time_zone="UTC"
)
LEASE = timedelta(minutes=15)


def queued(database: Database) -> list[Row]:
    return database.query("SELECT * FROM notifications ORDER BY happened_at, event_key")


def kinds(database: Database) -> list[tuple[str, str]]:
    return [(row["kind"], row["status"]) for row in queued(database)]


def record(database: Database, schedule: Row, status: str, run_id: str = "run 1") -> None:
    """Close the books of a run as the pipeline does, in the pipeline's role."""
    with database.connect("recomamp_pipeline") as connection:
        record_schedule_run(
            connection,
            schedule_id=schedule["id"],
            dag_run_id=run_id,
            execution_id=None,
            status=status,
            error_message="no such column" if status == "FAILED" else None,
            duration_seconds=5,
            window=WINDOW,
        )


@pytest.fixture
def schedule(rows: Rows) -> Row:
    return rows.schedule(name="Every morning", timezone="Europe/Berlin")


def test_a_failed_run_is_told_once_however_often_it_is_recorded(
    database: Database, schedule: Row
) -> None:
    record(database, schedule, "FAILED")
    record(database, schedule, "FAILED")
    record(database, schedule, "SUCCESS", run_id="run 2")

    (told,) = queued(database)
    assert (told["kind"], told["status"]) == ("SCHEDULE_RUN_FAILED", "PENDING")
    assert told["user_id"] == schedule["user_id"]
    details = told["details"]
    assert (details["name"], details["error"]) == ("Every morning", "no such column")
    assert (details["dag_run_id"], details["time_zone"]) == ("run 1", "Europe/Berlin")
    assert datetime.fromisoformat(details["window_start"]) == WINDOW.start


def test_a_collection_that_failed_during_a_pause_is_told_when_it_is_resumed(
    database: Database, rows: Rows
) -> None:
    collection = rows.collection()
    rows.update("report_data_collections", collection, status="PAUSED")
    end_weeks(database, collection, "FAILED")
    assert kinds(database) == []

    rows.update("report_data_collections", collection, status="ACTIVE")

    assert kinds(database) == [("COLLECTION_FAILED", "PENDING")]


def test_events_are_written_with_the_owners_rights(owned: Database) -> None:
    rows = Rows(owned)
    schedule = rows.schedule()
    collection = rows.collection(rows.get("workflows", schedule["workflow_id"]))

    record(owned, schedule, "FAILED")
    end_weeks(owned, collection, "SUCCESS")
    revoke(owned, schedule["user_id"], datetime.now(UTC))

    assert sorted(kinds(owned)) == [
        ("COLLECTION_COMPLETED", "PENDING"),
        ("CONSENT_REVOKED", "PENDING"),
        ("SCHEDULE_RUN_FAILED", "PENDING"),
    ]


def test_run_records_that_are_rolled_back_tell_nothing(database: Database, schedule: Row) -> None:
    connection = database.connect("recomamp_pipeline")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO schedule_runs (schedule_id, status) VALUES (%s, 'FAILED')",
            [schedule["id"]],
        )
    connection.rollback()

    assert queued(database) == []


def test_a_run_that_succeeds_after_all_is_not_told(database: Database, schedule: Row) -> None:
    record(database, schedule, "FAILED")
    record(database, schedule, "SUCCESS")
    assert kinds(database) == [("SCHEDULE_RUN_FAILED", "WITHDRAWN")]

    record(database, schedule, "FAILED")
    assert kinds(database) == [("SCHEDULE_RUN_FAILED", "PENDING")]


def test_a_run_that_was_told_is_not_told_again(
    database: Database, rows: Rows, schedule: Row
) -> None:
    record(database, schedule, "FAILED")
    rows.update("notifications", queued(database)[0], status="SENT")

    record(database, schedule, "SUCCESS")
    record(database, schedule, "FAILED")

    assert kinds(database) == [("SCHEDULE_RUN_FAILED", "SENT")]


@pytest.mark.parametrize("earlier", ["WITHDRAWN", "UNSUBSCRIBED", "SENT", "PENDING"])
def test_an_event_of_a_row_that_has_changed_hands_is_its_new_owners(
    database: Database, rows: Rows, earlier: str
) -> None:
    instance = rows.instance()
    schedule = rows.schedule(rows.workflow(instance))
    record(database, schedule, "FAILED")
    rows.update("notifications", queued(database)[0], status=earlier)
    heir = rows.user()
    rows.update("amc_instances", instance, user_id=heir["id"])
    rows.update("workflow_schedules", schedule, name="The heir's")

    record(database, schedule, "SUCCESS")
    record(database, schedule, "FAILED")

    by_user = {row["user_id"]: (row["status"], row["details"]["name"]) for row in queued(database)}
    assert by_user == {
        instance["user_id"]: (earlier, schedule["name"]),
        heir["id"]: ("PENDING", "The heir's"),
    }


@pytest.mark.parametrize("column", ["email_notifications", "is_active"])
def test_who_wants_no_mail_gets_no_row(
    database: Database, rows: Rows, schedule: Row, column: str
) -> None:
    rows.update("users", schedule["user_id"], **{column: False})

    record(database, schedule, "FAILED")

    assert queued(database) == []


def end_weeks(database: Database, collection: Row, status: str) -> None:
    connection = database.connect("recomamp_pipeline", autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE report_data_weeks SET status = %s, completed_at = clock_timestamp(),"
            " error_message = 'no such column' WHERE collection_id = %s",
            [status, collection["id"]],
        )


@pytest.mark.parametrize(
    ("status", "kind"), [("SUCCESS", "COLLECTION_COMPLETED"), ("FAILED", "COLLECTION_FAILED")]
)
def test_a_collection_is_told_when_it_ends(
    database: Database, rows: Rows, status: str, kind: str
) -> None:
    collection = rows.collection(name="January", parameters={"timezone": "America/Los_Angeles"})

    end_weeks(database, collection, status)

    (told,) = queued(database)
    assert (told["kind"], told["user_id"]) == (kind, collection["user_id"])
    details = told["details"]
    assert (details["name"], details["total_weeks"]) == ("January", 4)
    assert details["completed_weeks"] + details["failed_weeks"] == 4
    assert details.get("error") == ("no such column" if status == "FAILED" else None)


def test_a_week_that_is_run_again_takes_the_unsent_end_back(database: Database, rows: Rows) -> None:
    collection = rows.collection()
    end_weeks(database, collection, "FAILED")
    rows.update("report_data_weeks", rows.weeks(collection)[0], status="RUNNING")
    assert kinds(database) == [("COLLECTION_FAILED", "WITHDRAWN")]

    end_weeks(database, collection, "SUCCESS")

    assert sorted(kinds(database)) == [
        ("COLLECTION_COMPLETED", "PENDING"),
        ("COLLECTION_FAILED", "WITHDRAWN"),
    ]


def test_weeks_of_an_unfinished_collection_tell_nothing(database: Database, rows: Rows) -> None:
    collection = rows.collection()
    rows.update("report_data_weeks", rows.weeks(collection)[0], status="FAILED")

    assert queued(database) == []


def revoke(database: Database, user_id: str, at: datetime) -> None:
    with database.connect("recomamp_pipeline") as connection:
        execute_returning(
            connection,
            "revoke_user_consent",
            user_id=user_id,
            consent_revoked_at=at,
            consent_error="invalid_grant: ask again",
        )


def test_a_withdrawn_consent_is_told_once_until_there_is_another(
    database: Database, rows: Rows
) -> None:
    user, now = rows.user(encrypted_refresh_token="one"), datetime.now(UTC)
    revoke(database, user["id"], now)
    revoke(database, user["id"], now + timedelta(minutes=5))

    (told,) = queued(database)
    assert (told["kind"], told["happened_at"]) == ("CONSENT_REVOKED", now)
    assert told["details"] == {"error": "invalid_grant: ask again"}

    rows.update("users", user, encrypted_refresh_token="two")
    assert kinds(database) == [("CONSENT_REVOKED", "WITHDRAWN")]
    revoke(database, user["id"], now + timedelta(days=1))
    assert [status for _, status in kinds(database)] == ["WITHDRAWN", "PENDING"]


def test_users_read_their_own_and_write_none(database: Database, rows: Rows, schedule: Row) -> None:
    record(database, schedule, "FAILED")

    def seen(user_id: str) -> int:
        with (
            database.connect("recomamp_analyst", user_id) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT kind, details FROM notifications")
            return int(cursor.rowcount)

    assert seen(schedule["user_id"]) == 1
    assert seen(rows.user()["id"]) == 0
    for statement in ("DELETE FROM notifications", "UPDATE notifications SET status = 'PENDING'"):
        connection = database.connect("recomamp_analyst", schedule["user_id"])
        with pytest.raises(InsufficientPrivilege), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO notifications (user_id, kind, event_key, happened_at, details)"
        " SELECT id, 'CONSENT_REVOKED', 'x', NOW(), '{}' FROM users",
        "UPDATE notifications SET details = '{}'",
        "SELECT queue_notification(gen_random_uuid(), 'CONSENT_REVOKED', 'x', NOW(), '{}')",
        "SELECT withdraw_notifications(gen_random_uuid(), 'x')",
    ],
)
def test_the_pipeline_invents_no_events(database: Database, schedule: Row, statement: str) -> None:
    record(database, schedule, "FAILED")
    connection = database.connect("recomamp_pipeline")
    with pytest.raises(InsufficientPrivilege), connection.cursor() as cursor:
        cursor.execute(statement)


# --- Who sends ---------------------------------------------------------------------------------


def claim(database: Database, claim_id: UUID, now: datetime, limit: int = 100) -> list[Event]:
    with database.connect("recomamp_pipeline") as connection:
        return notifications.claim_notifications(
            connection, claim_id=claim_id, now=now, lease=LEASE, limit=limit
        )


def start(database: Database, claim_id: UUID, events: list[Event], now: datetime) -> bool:
    with database.connect("recomamp_pipeline") as connection:
        begun = notifications.start_sending_notifications(
            connection,
            Mail(events=tuple(events)),
            claim_id=claim_id,
            message_id=f"<{events[0].id}@example.org>",
            now=now,
        )
    return begun is not None


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def test_an_event_is_in_one_hand_until_its_lease_ends(
    database: Database, schedule: Row, now: datetime
) -> None:
    for number in range(3):
        record(database, schedule, "FAILED", f"run {number}")
    first, second = uuid4(), uuid4()

    assert len(claim(database, first, now, limit=2)) == 2
    assert len(claim(database, second, now)) == 1
    assert claim(database, uuid4(), now + LEASE) == []
    assert len(claim(database, uuid4(), now + LEASE + timedelta(seconds=1))) == 3


def test_nobody_waits_for_the_thousands_of_another_user(
    database: Database, rows: Rows, schedule: Row, now: datetime
) -> None:
    database.query(
        "INSERT INTO notifications (user_id, kind, event_key, happened_at, details, created_at)"
        " SELECT %s, 'SCHEDULE_RUN_FAILED', n::TEXT, NOW(), '{}', NOW() - INTERVAL '1 hour'"
        " FROM generate_series(1, 300) AS n",
        [schedule["user_id"]],
    )
    others = [rows.schedule(), rows.schedule()]
    for number in range(2):
        for other in others:
            record(database, other, "FAILED", f"run {number}")

    claimed = claim(database, uuid4(), now, limit=10)

    assert len(claimed) == 10
    for other in others:
        assert sum(str(event.user_id) == other["user_id"] for event in claimed) == 2
    assert len(claim(database, uuid4(), now, limit=1000)) == 294


def test_claims_at_once_do_not_wait_for_each_other(
    database: Database, schedule: Row, now: datetime
) -> None:
    for number in range(4):
        record(database, schedule, "FAILED", f"run {number}")
    open_claim = database.connect("recomamp_pipeline")

    first = notifications.claim_notifications(
        open_claim, claim_id=uuid4(), now=now, lease=LEASE, limit=2
    )
    second = claim(database, uuid4(), now)
    open_claim.commit()

    assert len(first) == len(second) == 2
    assert not {event.id for event in first} & {event.id for event in second}


def test_who_lost_the_claim_does_not_send(database: Database, schedule: Row, now: datetime) -> None:
    record(database, schedule, "FAILED")
    slow, quick = uuid4(), uuid4()
    events = claim(database, slow, now)
    later = now + LEASE + timedelta(seconds=1)
    assert not start(database, slow, events, later)

    assert claim(database, quick, later) == events
    assert not start(database, slow, events, now)
    assert start(database, quick, events, later)
    assert not start(database, quick, events, later)


def test_a_lost_sender_leaves_a_mail_in_doubt_and_nobody_sends_it_again(
    database: Database, schedule: Row, now: datetime
) -> None:
    record(database, schedule, "FAILED")
    hand = uuid4()
    start(database, hand, claim(database, hand, now), now)
    later = now + LEASE + timedelta(minutes=1)

    with database.connect("recomamp_pipeline") as connection:
        settled = notifications.expire_notifications(
            connection, now=later, oldest=later - timedelta(days=1)
        )

    assert [status for _, status in settled] == [NotificationStatus.IN_DOUBT]
    assert claim(database, uuid4(), later) == []
    (row,) = queued(database)
    assert "not known" in row["last_error"]


def test_what_a_user_was_told_lately_is_counted_by_mails(
    database: Database, rows: Rows, schedule: Row, now: datetime
) -> None:
    for number in range(5):
        record(database, schedule, "FAILED", f"run {number}")
    told = queued(database)
    for number, row in enumerate(told):
        rows.update(
            "notifications",
            row,
            status="PENDING" if number == 4 else "SENT",
            message_id="<digest>" if number < 3 else f"<{number}>",
            is_digest=number < 3,
            sending_started_at=now - timedelta(minutes=30),
        )
    user_id = UUID(schedule["user_id"])

    with database.connect("recomamp_pipeline") as connection:
        lately = notifications.select_recent_mails(
            connection, [user_id], since=now - timedelta(hours=1)
        )
        before = notifications.select_recent_mails(
            connection, [user_id], since=now - timedelta(minutes=20)
        )

    assert lately == {user_id: RecentMail(mails=2, last_digest_at=now - timedelta(minutes=30))}
    assert before == {}


def test_old_events_are_forgotten_unless_they_are_still_to_be_sent(
    database: Database, rows: Rows, schedule: Row, now: datetime
) -> None:
    for number, status in enumerate(["SENT", "FAILED", "PENDING"]):
        record(database, schedule, "FAILED", f"run {number}")
        (row,) = database.query(
            "SELECT id FROM notifications WHERE status = 'PENDING' ORDER BY created_at DESC LIMIT 1"
        )
        rows.update("notifications", row, status=status, created_at=now - timedelta(days=100))

    with database.connect("recomamp_pipeline") as connection:
        name, before = "delete_notifications", now - timedelta(days=90)
        assert delete_oldest(connection, name, before=before, limit=1) == 1
        assert delete_oldest(connection, name, before=before, limit=5) == 1

    assert [row["status"] for row in queued(database)] == ["PENDING"]


def test_a_deleted_collection_leaves_no_mail_to_be_sent(database: Database, rows: Rows) -> None:
    collection = rows.collection()
    for week in rows.weeks(collection):
        rows.update("report_data_weeks", week, status="FAILED")
    queued = "SELECT status FROM notifications WHERE event_key LIKE 'collection:%%'"
    assert database.query(queued) == [{"status": "PENDING"}]

    database.query("DELETE FROM report_data_collections")

    assert database.query(queued) == [{"status": "WITHDRAWN"}]
