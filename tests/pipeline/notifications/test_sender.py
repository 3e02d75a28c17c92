"""Users are told by mail: through a real mail server, in the pipeline's own role, never twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg2
import pytest
from airflow.dag_processing.dagbag import DagBag
from psycopg2.errors import LockNotAvailable

from fixtures.mail import Mailbox, connection_to
from fixtures.postgres import Database, Row, Rows
from recomamp.domain.notifications import MAILS_AN_HOUR, MAX_TRIES
from recomamp.errors import ConfigurationError, MailServerUnavailable, PartialFailure
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.notifications import late_windows
from recomamp.pipeline.notifications.operator import SendNotifications
from recomamp.pipeline.notifications.sender import send_notifications
from recomamp.pipeline.notifications.smtp import open_mail_server

FILE = Path(__file__).resolve().parents[3] / "dags" / "recomamp_notifications.py"

pytestmark = pytest.mark.usefixtures("pipeline_connection")


@dataclass
class Sender:
    """Sends at a moment after the start of the test."""

    database: Database
    start: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(minutes=1))

    def at(self, minutes: float) -> int:
        now = self.start + timedelta(minutes=minutes)
        return send_notifications(
            database=DatabaseHook(), open_server=open_mail_server, clock=lambda: now
        )

    @property
    def rows(self) -> list[Row]:
        """All notifications, oldest first."""
        return self.database.query("SELECT * FROM notifications ORDER BY created_at, id")

    @property
    def statuses(self) -> list[str]:
        return [row["status"] for row in self.rows]


@pytest.fixture
def sender(database: Database) -> Sender:
    return Sender(database)


@pytest.fixture
def schedule(rows: Rows) -> Row:
    user = rows.user(email="ann@example.com", full_name="Ann", timezone="Asia/Tokyo")
    return rows.schedule(user_id=user["id"], name="Every morning", timezone="Europe/Berlin")


def fail(rows: Rows, schedule: Row, times: int = 1, error: str = "no such column") -> None:
    for _ in range(times):
        rows.insert(
            "schedule_runs", schedule_id=schedule["id"], status="FAILED", error_message=error
        )


def test_a_failed_run_is_one_mail_to_its_owner_in_the_owners_zone(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule)
    (queued,) = sender.rows

    assert [sender.at(minute) for minute in (0, 2, 4)] == [1, 0, 0]

    (mail,) = mailbox.mails
    assert mailbox.recipients == [["ann@example.com"]]
    assert (mail["To"], mail["Subject"]) == ("ann@example.com", "Failed: Every morning")
    assert mail["From"] == "RecomAMP <no-reply@example.org>"
    assert mail["Message-ID"] == f"<{queued['id']}.1@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    happened = queued["happened_at"].astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{happened:%Y-%m-%d %H:%M} (Asia/Tokyo)" in mailbox.text()
    assert "no such column" in mailbox.text()
    (sent,) = sender.rows
    assert (sent["status"], sent["attempts"]) == ("SENT", 1)
    assert sent["message_id"] == mail["Message-ID"]


def test_each_kind_of_event_has_its_mail(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    collection = rows.collection(rows.get("workflows", schedule["workflow_id"]), name="January")
    fail(rows, schedule)
    for week in rows.weeks(collection):
        rows.update("report_data_weeks", week, status="SUCCESS")
    rows.update(
        "users", schedule["user_id"], consent_revoked_at=datetime.now(UTC), consent_error="no"
    )

    assert sender.at(0) == 3

    assert sorted(mailbox.subjects) == [
        "Complete: January",
        "Failed: Every morning",
        "Please sign in with Amazon again",
    ]


def test_no_value_adds_a_header_or_a_recipient(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    evil = "x\r\nBcc: eve@example.com\r\n\r\nbody"
    rows.update("workflow_schedules", schedule, name=evil)
    rows.update("users", schedule["user_id"], full_name=evil)
    fail(rows, schedule, error=f"{evil}\r\n.\r\nMAIL FROM:<eve@example.com>\r\n<b>bold</b>")

    sender.at(0)

    (mail,) = mailbox.mails
    assert mailbox.recipients == [["ann@example.com"]]
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding",
    }  # fmt: skip
    assert mail["Subject"] == "Failed: x Bcc: eve@example.com body"
    assert mail.get_content_type() == "text/plain"
    assert "<b>bold</b>" in mailbox.text()


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@example.com, eve@example.com",
        "ann@example.com> RCPT TO:<eve@example.com",
        "ann",
        "",
        "änn@example.com",
    ],
)
def test_what_is_no_address_gets_no_mail_and_holds_up_nobody(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, address: str
) -> None:
    rows.update("users", schedule["user_id"], email=address)
    fail(rows, schedule)
    other = rows.schedule()
    fail(rows, other)

    assert sender.at(0) == 1

    assert mailbox.recipients == [[rows.get("users", other["user_id"])["email"]]]
    assert sorted(sender.statuses) == ["FAILED", "SENT"]
    (failed,) = (row for row in sender.rows if row["status"] == "FAILED")
    assert "is not an e-mail address" in failed["last_error"]


@pytest.mark.parametrize("name", ["=?utf-8?q?x=0D=0AReply-To:_eve@example.com?=", "\u202eevil"])
def test_a_name_is_shown_and_not_read_by_any_program(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, name: str
) -> None:
    rows.update("workflow_schedules", schedule, name=name)
    fail(rows, schedule)

    sender.at(0)

    (mail,) = mailbox.mails
    assert mail["Reply-To"] is None
    assert mail["Subject"] == f"Failed: {name}".replace("\u202e", "")


@pytest.mark.parametrize("details", ['"text"', "[]", '{"window_start": 1, "window_end": 2}'])
def test_an_event_that_cannot_be_told_fails_alone_and_is_named(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, details: str
) -> None:
    fail(rows, schedule)
    (odd,) = sender.rows
    other = rows.schedule()
    fail(rows, other)
    sender.database.query(
        "UPDATE notifications SET details = %s WHERE id = %s", [details, odd["id"]]
    )

    with pytest.raises(PartialFailure, match=f"1 not sent: mail about {odd['id']}"):
        sender.at(0)

    assert mailbox.recipients == [[rows.get("users", other["user_id"])["email"]]]
    assert sorted(sender.statuses) == ["FAILED", "SENT"]
    assert sender.at(60) == 0


@pytest.mark.parametrize("column", ["email_notifications", "is_active"])
def test_who_unsubscribes_before_sending_gets_none(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, column: str
) -> None:
    fail(rows, schedule)
    rows.update("users", schedule["user_id"], **{column: False})

    sender.at(0)
    rows.update("users", schedule["user_id"], **{column: True})
    sender.at(2)

    assert mailbox.mails == []
    assert sender.statuses == ["UNSUBSCRIBED"]


def test_who_unsubscribes_while_others_are_written_to_gets_none(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    second = rows.schedule()
    for one in (schedule, second):
        fail(rows, one)

    def unsubscribe() -> None:
        sender.database.query(
            "UPDATE users SET email_notifications = false WHERE email <> %s",
            [mailbox.recipients[-1][0]],
        )

    mailbox.on_delivery = unsubscribe
    assert sender.at(0) == 1

    assert len(mailbox.mails) == 1
    sender.at(20)
    assert sorted(sender.statuses) == ["SENT", "UNSUBSCRIBED"]
    assert len(mailbox.mails) == 1


def test_a_failure_that_was_mended_before_sending_is_not_told(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule)
    sender.database.query("UPDATE schedule_runs SET status = 'SUCCESS'")

    assert sender.at(0) == 0
    assert mailbox.mails == []


def test_a_backfill_of_three_hundred_failures_is_a_handful_of_mails(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    for minute in range(0, 120, 2):  # five failures in two minutes, for two hours
        fail(rows, schedule, times=5)
        sender.database.query(
            "UPDATE notifications SET created_at = %(now)s, next_try_at = %(now)s"
            " WHERE status = 'PENDING' AND next_try_at < %(now)s",
            {"now": sender.start + timedelta(minutes=minute)},
        )
        sender.at(minute)
    sender.at(200)

    assert set(sender.statuses) == {"SENT"}
    assert len(sender.rows) == 300
    assert len(mailbox.mails) <= 3 * (MAILS_AN_HOUR + 1)
    assert "messages from RecomAMP" in mailbox.subjects[-1]


def test_one_users_storm_is_not_anothers_wait(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule, times=50)
    quiet = rows.schedule()
    fail(rows, quiet)

    assert sender.at(0) == 2
    assert sorted(mailbox.subjects) == ["50 messages from RecomAMP", "Failed: Every morning"]


# --- A server that misbehaves ------------------------------------------------------------------


def test_a_round_ends_in_time_and_leaves_the_rest_to_the_next(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule, times=3)
    now = sender.start

    def take_minutes() -> None:
        nonlocal now
        now += timedelta(minutes=3)

    def send() -> int:
        return send_notifications(
            database=DatabaseHook(), open_server=open_mail_server, clock=lambda: now
        )

    mailbox.on_delivery = take_minutes

    assert send() == 2
    assert sender.statuses == ["SENT", "SENT", "PENDING"]
    assert send() == 1
    assert len(mailbox.mails) == 3


@pytest.mark.parametrize("command", ["on_rcpt", "on_data"])
def test_a_mail_that_is_put_off_comes_later_and_once(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, command: str
) -> None:
    fail(rows, schedule)
    getattr(mailbox, command).append("451 4.7.1 greylisted, come back")

    assert sender.at(0) == 0
    (row,) = sender.rows
    assert (row["status"], row["attempts"]) == ("PENDING", 1)
    assert "451 4.7.1 greylisted, come back" in row["last_error"]
    assert sender.at(0.5) == 0  # too early

    assert [sender.at(minute) for minute in (2, 4)] == [1, 0]
    assert len(mailbox.mails) == 1
    (row,) = sender.rows
    assert (row["status"], row["attempts"], row["last_error"]) == ("SENT", 2, None)


def test_tries_are_bounded_and_the_last_error_stays(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule)
    mailbox.on_data = ["452 4.2.2 mailbox full"] * 50

    for minute in range(0, 720, 30):
        sender.at(minute)

    (row,) = sender.rows
    assert (row["status"], row["attempts"]) == ("FAILED", MAX_TRIES)
    assert "mailbox full" in row["last_error"]


@pytest.mark.parametrize("command", ["on_rcpt", "on_data"])
def test_a_mail_that_is_refused_for_good_holds_up_nobody(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, command: str
) -> None:
    fail(rows, schedule)
    fail(rows, rows.schedule())
    getattr(mailbox, command).append("550 5.1.1 no such user")

    assert sender.at(0) == 1

    assert sorted(sender.statuses) == ["FAILED", "SENT"]
    assert sender.at(60) == 0
    assert any("550 5.1.1 no such user" in (row["last_error"] or "") for row in sender.rows)


def test_a_connection_lost_after_the_mail_was_taken_sends_nothing_twice(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule)
    mailbox.drop_after_data = True

    with pytest.raises(MailServerUnavailable):
        sender.at(0)
    mailbox.drop_after_data = False
    for minute in (2, 30, 90):
        assert sender.at(minute) == 0

    assert len(mailbox.mails) == 1
    (row,) = sender.rows
    assert row["status"] == "IN_DOUBT"
    assert "while the mail went out" in row["last_error"]


@pytest.mark.own_sessions
def test_a_sender_that_dies_after_the_server_took_the_mail_sends_nothing_twice(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule)

    def cut_off() -> None:
        sender.database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'recomamp-pipeline'"
        )
        sender.database.query("ALTER ROLE airflow_of_tests NOLOGIN")

    mailbox.on_delivery = cut_off
    try:
        with pytest.raises(psycopg2.OperationalError):
            sender.at(0)
    finally:
        sender.database.query("ALTER ROLE airflow_of_tests LOGIN")
    assert sender.statuses == ["SENDING"]

    for minute in (2, 20, 60):
        assert sender.at(minute) == 0
    assert len(mailbox.mails) == 1
    assert sender.statuses == ["IN_DOUBT"]


@pytest.mark.parametrize("answer", ["421 4.3.2 going down", "530 5.7.0 who are you"])
def test_a_server_that_takes_nothing_is_said_and_all_is_sent_later(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox, answer: str
) -> None:
    fail(rows, schedule, times=2)
    mailbox.on_mail.append(answer)

    with pytest.raises(MailServerUnavailable, match=answer[:12]):
        sender.at(0)
    assert sender.statuses == ["PENDING"] * 2
    assert all(answer in row["last_error"] for row in sender.rows)

    assert sender.at(10) == 2
    assert sender.statuses == ["SENT"] * 2


def test_a_server_that_cannot_be_reached_is_said_and_all_is_sent_later(
    sender: Sender,
    rows: Rows,
    schedule: Row,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(rows, schedule)

    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", connection_to(1))
        with pytest.raises(MailServerUnavailable, match="does not let us in"):
            sender.at(0)
    (row,) = sender.rows
    assert (row["status"], row["attempts"]) == ("PENDING", 0)

    assert sender.at(6) == 1


def test_a_server_that_does_not_let_us_in_is_said_without_the_password(
    sender: Sender,
    rows: Rows,
    schedule: Row,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(rows, schedule)
    connection = json.loads(connection_to(mailbox.port))
    connection |= {"login": "ann", "password": "sesame"}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))

    with pytest.raises(MailServerUnavailable, match="does not let us in") as refused:
        sender.at(0)

    assert "sesame" not in str(refused.value)
    assert "sesame" not in str(sender.rows)


def test_a_sender_without_an_address_is_said(
    sender: Sender,
    rows: Rows,
    schedule: Row,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(rows, schedule)
    lacking = connection_to(mailbox.port, from_email="RecomAMP")
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", lacking)

    with pytest.raises(ConfigurationError, match="from_email"):
        sender.at(0)


# --- Off ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", [None, ""])
def test_without_a_connection_nothing_is_sent_and_nothing_fails(
    sender: Sender,
    rows: Rows,
    schedule: Row,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    connection: str | None,
) -> None:
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", connection)
    fail(rows, schedule, times=3)

    assert SendNotifications(task_id="send_notifications").execute({}) == 0

    assert capsys.readouterr().out.count("Notifications are off") == 1
    assert sender.statuses == ["PENDING"] * 3


def test_what_happened_while_it_was_off_is_not_told_days_later(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule, times=3)

    assert sender.at(25 * 60) == 0

    assert sender.statuses == ["EXPIRED"] * 3
    assert mailbox.mails == []


def test_the_step_sends_what_is_due(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fail(rows, schedule)

    assert SendNotifications(task_id="send_notifications").execute({}) == 1
    assert SendNotifications(task_id="send_notifications").execute({}) == 0


def test_the_dag_looks_every_two_minutes_one_run_at_a_time() -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)

    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.dag_id == "recomamp_notifications"
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == (timedelta(minutes=2), False, 1)
    (task,) = dag.tasks
    assert task.execution_timeout is not None
    assert task.execution_timeout < timedelta(minutes=15)  # the lease


def load_results(rows: Rows, schedule: Row, document: dict[str, object]) -> None:
    """Record a run with results."""
    workflow = rows.get("workflows", schedule["workflow_id"])
    execution = rows.execution(
        workflow, schedule_id=schedule["id"], status="SUCCESS", result_rows=2, result_data=document
    )
    rows.insert(
        "schedule_runs", schedule_id=schedule["id"], status="SUCCESS", execution_id=execution["id"]
    )


def test_a_mail_about_results_has_their_first_rows_where_the_schedule_says_so(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    fields = [{"name": name, "dataType": "STRING"} for name in ("b", "a")]
    data = [{"a": 0.1000000000000000055, "b": "=1+1"}, {"a": None, "b": "x"}]
    document = {"schema": {"fields": fields}, "data": data * 60, "files": []}
    rows.update("workflow_schedules", schedule, notify_on_success=True)
    load_results(rows, schedule, document)
    rows.update("workflow_schedules", schedule, attach_results=True)
    load_results(rows, schedule, document)

    assert sender.at(0) == 2

    plain, with_rows = mailbox.mails
    assert [mail["Subject"] for mail in mailbox.mails] == ["Results: Every morning"] * 2
    assert not plain.is_multipart()
    (attached,) = with_rows.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("results.csv", "text/csv")
    lines = attached.get_content().lstrip("\ufeff").splitlines()
    assert lines[:3] == ["b,a", "'=1+1,0.1", "x,"]
    assert len(lines) == 101


def test_a_mail_whose_result_is_gone_goes_out_without_rows(
    sender: Sender, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    rows.update("workflow_schedules", schedule, notify_on_success=True, attach_results=True)
    load_results(rows, schedule, {"schema": {"fields": "odd"}, "data": 1})
    assert sender.at(0) == 1
    assert not mailbox.mails[0].is_multipart()


def test_a_round_judges_late_windows_too(
    database: Database, rows: Rows, schedule: Row, mailbox: Mailbox
) -> None:
    rows.update("workflow_schedules", schedule, late_after="1 hour")
    rows.update("workflow_schedules", schedule, late_tick_at=datetime.now(UTC) - timedelta(hours=2))
    for _ in range(2):  # mails go first, so the next round has the new event
        SendNotifications(task_id="send").execute({})
    assert mailbox.subjects == ["Late: Every morning"]


def test_windows_that_cannot_be_judged_hold_up_no_mail(
    database: Database,
    rows: Rows,
    schedule: Row,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows.insert("schedule_runs", schedule_id=schedule["id"], status="FAILED", error_message="no")

    def away(database: DatabaseHook) -> int:
        raise LockNotAvailable

    monkeypatch.setattr(late_windows, "record_late_windows", away)
    with pytest.raises(LockNotAvailable):
        SendNotifications(task_id="send").execute({})
    assert len(mailbox.subjects) == 1
