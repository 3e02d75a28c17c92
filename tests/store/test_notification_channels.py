"""What a channel may say, and that its address and its secret are written and not read back."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extras import Json

from fixtures.postgres import Database, Row, Rows

HOOK = "https://hooks.example.com/services/key"
WEBHOOK = {"kind": "WEBHOOK", "url": HOOK, "secret": "s" * 16}


@pytest.fixture
def user(rows: Rows) -> Row:
    return rows.user(timezone="Europe/Berlin")


@pytest.mark.parametrize(
    "columns",
    [
        WEBHOOK,
        {"kind": "SLACK", "url": "https://hooks.example.com:443/a?b=c"},
        {"kind": "EMAIL", "kinds": ["WINDOW_LATE"]},
        {"kind": "EMAIL", "quiet_from": "22:00", "quiet_until": "08:00"},
        {"kind": "EMAIL", "quiet_from": "00:00", "quiet_until": "16:00"},
    ],
)
def test_channels_of_all_kinds_are_taken(rows: Rows, user: Row, columns: dict[str, Any]) -> None:
    made = rows.insert("notification_channels", user_id=user["id"], **columns)
    assert made["url_host"] == ("hooks.example.com" if "url" in columns else None)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({**WEBHOOK, "url": None}, "notification_channels.url: must be an address"),
        ({**WEBHOOK, "url": "http://example.com/"}, "must be an address"),
        ({**WEBHOOK, "url": "https://ann:secret@example.com/"}, "must be an address"),
        ({**WEBHOOK, "url": "https://example.com"}, "must be an address"),
        ({**WEBHOOK, "url": "https://exa\nmple.com/"}, "must be an address"),
        ({**WEBHOOK, "url": "https://example.com/\r\nHost: evil"}, "must be an address"),
        ({**WEBHOOK, "url": f"https://example.com/{'x' * 2000}"}, "must be an address"),
        ({**WEBHOOK, "secret": None}, "notification_channels.secret: must have from 16"),
        ({**WEBHOOK, "secret": "short"}, "notification_channels.secret: must have from 16"),
        ({**WEBHOOK, "secret": "s" * 201}, "notification_channels.secret: must have from 16"),
        ({"kind": "SLACK", "url": HOOK, "secret": "s" * 16}, "Slack takes no signature"),
        ({"kind": "EMAIL", "url": HOOK}, "mails go to users.email"),
        ({**WEBHOOK, "kind": "SMS"}, "chk_notification_channel_kind"),
        ({"kind": "EMAIL", "kinds": ["OTHER"]}, "chk_notification_channels_kinds_elements"),
        ({"kind": "EMAIL", "kinds": ["WINDOW_LATE"] * 9}, "kinds_elements"),
        ({"kind": "EMAIL", "quiet_from": "22:00"}, "chk_notification_channel_quiet_time"),
        (
            {"kind": "EMAIL", "quiet_from": "08:00", "quiet_until": "08:00"},
            "chk_notification_channel_quiet_time",
        ),
        (
            {"kind": "EMAIL", "quiet_from": "08:00", "quiet_until": "07:00"},
            "chk_notification_channel_quiet_time",
        ),
    ],
)
def test_what_cannot_be_sent_to_is_refused_without_the_address(
    rows: Rows, user: Row, columns: dict[str, Any], words: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match=words) as refused:
        rows.insert("notification_channels", user_id=user["id"], **columns)
    assert "secret@" not in str(refused.value.diag.message_primary)


def test_a_user_has_one_channel_for_mails(rows: Rows, user: Row) -> None:
    rows.insert("notification_channels", user_id=user["id"], kind="EMAIL")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        rows.insert("notification_channels", user_id=user["id"], kind="EMAIL")


@pytest.mark.parametrize("column", ["url", "secret"])
def test_a_person_writes_an_address_and_does_not_read_it(
    database: Database, rows: Rows, user: Row, column: str
) -> None:
    rows.insert("notification_channels", user_id=user["id"], **WEBHOOK)
    connection = database.connect("recomamp_analyst")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('request.jwt.claims', json_build_object('sub', %s)::TEXT, false)",
            [user["id"]],
        )
        cursor.execute("UPDATE notification_channels SET url = %s, secret = %s", [HOOK, "t" * 16])
        assert cursor.rowcount == 1
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(f"SELECT {column} FROM notification_channels")
        connection.rollback()
        # Nor by a condition that says whether a guess is right
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(f"DELETE FROM notification_channels WHERE {column} LIKE 's%'")
    connection.close()


@pytest.mark.parametrize(
    ("instant", "quiet"),
    [
        ("2026-01-15 21:30+01", False),
        ("2026-01-15 22:00+01", True),
        ("2026-01-16 07:59+01", True),
        ("2026-01-16 08:00+01", False),
        ("2026-07-15 20:00+00", True),  # summer time
    ],
)
def test_the_quiet_time_is_of_the_users_zone(database: Database, instant: str, quiet: bool) -> None:
    for zone, expected in (("Europe/Berlin", quiet), ("Nowhere/None", None), (None, None)):
        (row,) = database.query(
            "SELECT is_quiet_time('22:00', '08:00', %s, %s) AS found", [zone, instant]
        )
        assert row["found"] is expected or expected is None
    (row,) = database.query("SELECT is_quiet_time(NULL, NULL, 'UTC', NOW()) AS found")
    assert row["found"] is False


def test_a_zone_that_nobody_knows_counts_as_utc(database: Database) -> None:
    for zone in ("Nowhere/None", "", "x" * 2000, None):
        for instant, quiet in (("2026-01-15 21:59+00", False), ("2026-01-15 22:00+00", True)):
            (row,) = database.query(
                "SELECT is_quiet_time('22:00', '23:00', %s, %s) AS found", [zone, instant]
            )
            assert row["found"] is quiet


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Nowhere+3", "europe/berlin", "", "x" * 5000])
def test_the_zone_of_a_user_is_a_zone(rows: Rows, user: Row, zone: str) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        rows.update("users", user, timezone=zone)
    message = str(refused.value).splitlines()[0]
    assert message.startswith("users.timezone: ")
    assert "Europe/Berlin" in message
    assert len(message) < 300
    assert rows.update("users", user, timezone="Etc/GMT+5")["timezone"] == "Etc/GMT+5"
    assert rows.update("users", user, timezone=None)["timezone"] is None


def test_quiet_times_of_a_rare_zone_are_cheap(database: Database) -> None:
    """Where all zones are read for each of them, this takes a minute."""
    connection = database.connect("recomamp_pipeline")
    with connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5s'")
        cursor.execute(
            "SELECT COUNT(is_quiet_time('01:00', '02:00', 'Etc/GMT+5', NOW()))"
            " FROM generate_series(1, 2000)"
        )


def test_the_open_deliveries_of_a_user_are_bounded(database: Database, rows: Rows) -> None:
    ann, bob = rows.user(), rows.user()
    for one in (ann, bob):
        rows.insert(
            "notification_channels",
            user_id=one["id"],
            kind="SLACK",
            url="https://hooks.example.com/a",
        )

    def queue(user: Row, name: str, most: int) -> None:
        database.query(
            "SELECT COUNT(queue_notification(%s, 'CONSENT_REVOKED', %s || number, NOW(), '{}'))"
            " FROM generate_series(1, %s) AS number",
            [user["id"], name, most],
        )

    def counts(user: Row) -> dict[str, int]:
        found = database.query(
            "SELECT delivery.status, COUNT(*) AS count, MAX(last_error) AS error"
            " FROM channel_deliveries AS delivery"
            " JOIN notification_channels AS channel ON channel.id = delivery.channel_id"
            " WHERE channel.user_id = %s GROUP BY 1",
            [user["id"]],
        )
        assert {row["error"] for row in found if row["status"] == "FAILED"} <= {
            "not sent: 200 events to your channels are open"
        }
        return {row["status"]: row["count"] for row in found}

    queue(ann, "a", 205)
    queue(bob, "b", 3)
    assert counts(ann) == {"PENDING": 200, "FAILED": 5}
    assert counts(bob) == {"PENDING": 3}
    database.query("UPDATE channel_deliveries SET status = 'SENT' WHERE status = 'PENDING'")
    queue(ann, "c", 1)
    assert counts(ann) == {"SENT": 200, "FAILED": 5, "PENDING": 1}


SLACK = {"kind": "SLACK", "url": HOOK}


def report(database: Database, user: Row, error: str) -> None:
    """Report one event of the user, with what is true now."""
    database.query(
        "SELECT queue_notification(%s, 'CONSENT_REVOKED', 'event', NOW(), %s)",
        [user["id"], Json({"error": error})],
    )


def withdraw(database: Database, user: Row) -> None:
    """Report that the event is not true any more."""
    database.query("SELECT withdraw_notifications(%s, 'event')", [user["id"]])


def event(database: Database) -> Row:
    """Read the one event, with its deliveries in the order of their statuses."""
    (row,) = database.query(
        "SELECT status, details ->> 'error' AS error, happened_at, ARRAY("
        " SELECT delivery.status FROM channel_deliveries AS delivery"
        " WHERE delivery.notification_id = event.id ORDER BY 1) AS deliveries"
        " FROM notifications AS event"
    )
    return row


@pytest.mark.parametrize("mail", ["UNSUBSCRIBED", "SENT"])
def test_a_delivery_tells_what_is_true_when_its_event_is_true_again(
    database: Database, rows: Rows, user: Row, mail: str
) -> None:
    rows.insert("notification_channels", user_id=user["id"], **SLACK)
    rows.update("users", user, email_notifications=mail != "UNSUBSCRIBED")
    report(database, user, "first")
    if mail == "SENT":
        database.query("UPDATE notifications SET status = 'SENT'")
    before = event(database)
    withdraw(database, user)
    assert event(database)["deliveries"] == ["WITHDRAWN"]
    report(database, user, "second")
    after = event(database)
    assert (after["status"], after["error"], after["deliveries"]) == (mail, "second", ["PENDING"])
    assert after["happened_at"] > before["happened_at"]


def test_a_channel_that_is_made_later_tells_what_is_true_by_then(
    database: Database, rows: Rows, user: Row
) -> None:
    rows.update("users", user, email_notifications=False)
    rows.insert("notification_channels", user_id=user["id"], **SLACK)
    report(database, user, "first")
    database.query("UPDATE channel_deliveries SET status = 'SENT'")
    report(database, user, "second")
    assert (event(database)["error"], event(database)["deliveries"]) == ("first", ["SENT"])
    rows.insert("notification_channels", user_id=user["id"], **WEBHOOK)
    report(database, user, "third")
    assert event(database)["error"] == "third"
    assert event(database)["deliveries"] == ["PENDING", "SENT"]


def test_a_user_who_wants_mails_again_gets_one_of_what_is_true(
    database: Database, rows: Rows, user: Row
) -> None:
    rows.update("users", user, email_notifications=False)
    made = rows.insert("notification_channels", user_id=user["id"], **SLACK)
    report(database, user, "first")
    rows.update("notification_channels", made, is_active=False)
    rows.update("users", user, email_notifications=True)
    report(database, user, "second")
    assert (event(database)["status"], event(database)["error"]) == ("PENDING", "second")
    report(database, user, "third")  # the mail is queued already
    assert event(database)["error"] == "second"


def test_an_older_row_with_another_zone_may_be_written_whole(
    database: Database, rows: Rows, user: Row
) -> None:
    with closing(psycopg2.connect(database.uri)) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users DISABLE TRIGGER trigger_check_user_time_zone")
        cursor.execute("UPDATE users SET timezone = 'berlin' WHERE id = %s", [user["id"]])
        cursor.execute("ALTER TABLE users ENABLE TRIGGER trigger_check_user_time_zone")
        connection.commit()
    assert rows.update("users", user, timezone="berlin", full_name="Ann")["full_name"] == "Ann"
