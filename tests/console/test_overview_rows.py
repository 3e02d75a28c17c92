"""What the overview and the lists say, on a real database, for users with chosen rights."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from fixtures.console import Console
from fixtures.postgres import Database, Row, Rows
from recomamp.console import database as console_database
from recomamp.console.access import QUERY, RUNS
from recomamp.pipeline.hooks import DatabaseHook

DAY = timedelta(days=1)


def get(console: Console, path: str, **query: Any) -> Any:
    answer = console.client.get(f"/api/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def now() -> datetime:
    return datetime.now(UTC)


def see(console: Console, schedule: Row) -> None:
    console.guest.seen.append(f"amc_schedule_{schedule['id']}")


@pytest.fixture
def busy(console: Console, database: Database, rows: Rows) -> Row:
    """Give a visible schedule with an open and a failed run, which is late and has a finding."""
    schedule = rows.schedule()
    rows.update("workflow_schedules", schedule, next_run_at=now() - DAY)
    see(console, schedule)
    add_execution(rows, schedule, 1, instance_id=instance_of(database, schedule))
    add_run(rows, schedule, "FAILED")
    rows.insert(
        "workflow_findings",
        workflow_id=schedule["workflow_id"],
        instance_id=instance_of(database, schedule),
        kind="UNKNOWN_COLUMN",
        table_name="impressions",
        column_name="reach",
        message="no column reach",
        query_md5="0" * 32,
    )
    return schedule


OF_RUNS = ("queue", "outcomes", "failures", "late")


def test_all_panels_have_rows_for_a_user_who_may_read_all(console: Console, busy: Row) -> None:
    shown = get(console, "overview")
    assert all(shown[panel] for panel in (*OF_RUNS, "findings", "instances"))
    assert len(get(console, "executions")["executions"]) == 1


def test_lists_need_the_right_to_runs(console: Console, busy: Row) -> None:
    console.guest.forbidden.add(RUNS)
    shown = get(console, "overview")
    assert [shown[panel] for panel in (*OF_RUNS, "late_weeks")] == [[]] * 5
    assert shown["findings"]
    assert get(console, "executions") == {"executions": [], "has_more": False}
    assert get(console, "schedules", state="failing")["rows"] == []


def test_findings_need_the_right_to_the_query(console: Console, busy: Row) -> None:
    console.guest.forbidden.add(QUERY)
    shown = get(console, "overview")
    assert shown["findings"] == []
    assert all(shown[panel] for panel in OF_RUNS)


def test_users_of_one_amc_instance_see_its_slots_and_not_their_own(
    console: Console, rows: Rows
) -> None:
    account = rows.account()
    one, other = (
        rows.instance(
            account=account,
            instance_id="amcshared",
            name=name,
            max_concurrent_executions=limit,
            external_executions=external,
            external_counted_at=now() - age,
        )
        for name, limit, external, age in (
            ("One", 5, 1, timedelta(0)),
            ("Other", 7, 6, DAY),  # an old count, which is ignored
        )
    )
    see(console, rows.schedule(rows.workflow(instance=other)))
    console.guest.forbidden.add("PUT")
    running = rows.schedule(rows.workflow(instance=one))
    for number in range(3):
        add_execution(rows, running, number, instance_id=one["id"])
    # It ended here while AMC had not said so
    add_execution(
        rows,
        running,
        4,
        instance_id=one["id"],
        status="TIMEOUT",
        amc_execution_id="4",
        completed_at=now() + timedelta(minutes=1),
    )
    [shown] = get(console, "overview")["instances"]
    assert slots(shown) == ("INSTANCE", 4, 1, 5)
    assert shown["name"] == "Other"


def test_the_slots_are_those_of_the_account_where_it_has_fewer_left(
    console: Console, rows: Rows
) -> None:
    account = rows.account(max_concurrent_executions=2)
    one, other = (rows.instance(account=account, max_concurrent_executions=5) for _ in range(2))
    see(console, rows.schedule(rows.workflow(instance=one)))
    console.guest.forbidden.add("PUT")
    running = rows.schedule(rows.workflow(instance=other))
    for number in range(2):
        add_execution(rows, running, number, instance_id=other["id"])
    [shown] = get(console, "overview")["instances"]
    assert slots(shown) == ("ACCOUNT", 2, 0, 2)


def test_failures_of_instances_of_one_name_are_not_mixed(console: Console, rows: Rows) -> None:
    for _ in range(2):
        schedule = rows.schedule()
        see(console, schedule)
        add_run(rows, schedule, "FAILED")
    failures = get(console, "overview")["failures"]
    assert [(one["instance"], one["failures"]) for one in failures] == [("Instance", 1)] * 2
    assert len({one["owner"] for one in failures}) == 2


def test_late_windows_have_a_zone_and_the_time_of_the_last_result(
    console: Console, rows: Rows
) -> None:
    schedule = rows.schedule(timezone=None)
    rows.update("workflow_schedules", schedule, next_run_at=now() - DAY)
    see(console, schedule)
    add_run(rows, schedule, "SUCCESS")
    [late] = get(console, "overview")["late"]
    assert late["time_zone"] == "UTC"
    assert late["last_result_at"] is not None


def test_weeks_of_collections_are_late_too(console: Console, rows: Rows) -> None:
    late, paused, done = (
        rows.collection(name=name, created_at=now() - DAY) for name in ("Late", "Paused", "Done")
    )
    for one in (late, paused, done):
        console.guest.seen.append(f"amc_collection_{one['id']}")
    first, *others = rows.weeks(late)
    rows.update("report_data_weeks", first, status="SUCCESS", completed_at=now() - 2 * DAY)
    rows.update("report_data_collections", paused, status="PAUSED")
    for week in rows.weeks(done):
        rows.update("report_data_weeks", week, status="SUCCESS", completed_at=now())
    [shown] = get(console, "overview")["late_weeks"]
    assert (shown["name"], shown["last_day"]) == ("Late", str(others[0]["week_end_date"]))
    assert datetime.fromisoformat(shown["due_at"]) < now()
    assert datetime.fromisoformat(shown["last_result_at"]) < now() - DAY


def test_requests_that_the_database_lets_wait_do_not_hold_airflows_threads(
    console: Console, busy: Row
) -> None:
    """As many stalled requests as there are connections: the next is asked to come again."""
    assert console_database.WAIT_SECONDS <= 0.5
    console.guest.database = None  # the connections are those of others
    database = console.client.app.state.database  # type: ignore[attr-defined]
    for _ in range(console_database.MAX_CONNECTIONS):
        assert database._free.acquire(blocking=False)
    assert console.client.get("/api/overview").status_code == 503


@pytest.mark.parametrize(
    ("path", "transactions"), [("", 1), ("/result", 2), ("/chart", 2), ("/versions", 2)]
)
def test_a_request_for_an_execution_takes_one_transaction_after_its_rights(
    console: Console,
    rows: Rows,
    path: str,
    transactions: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A result is read only for who may read it, so its DAG is looked up before."""
    execution = add_execution(rows, rows.schedule(), 1)
    opened: list[Connection] = []
    transaction = DatabaseHook.transaction

    def count(self: DatabaseHook) -> Any:
        opened.append(self)
        return transaction(self)

    monkeypatch.setattr(DatabaseHook, "transaction", count)
    get(console, f"executions/{execution['id']}{path}", x="any")
    assert len(opened) == transactions


def test_the_page_of_a_schedule_without_a_valid_zone_writes_times_in_utc(
    console: Console, database: Database, rows: Rows
) -> None:
    schedule = rows.schedule()
    database.query("ALTER TABLE workflow_schedules DISABLE TRIGGER USER")
    rows.update("workflow_schedules", schedule, timezone="Mars/Olympus")
    database.query("ALTER TABLE workflow_schedules ENABLE TRIGGER USER")
    shown = get(console, f"schedules/{schedule['id']}")
    assert "Mars/Olympus" in shown["problem"]
    assert (shown["timezone"], shown["time_zone"]) == ("Mars/Olympus", "UTC")


def test_too_many_days_of_a_backfill_are_told_by_their_number(console: Console, rows: Rows) -> None:
    schedule = rows.schedule(cron_expression="0 6 * * *")
    days = {"from_date": "2020-01-01", "to_date": "2026-01-01"}
    shown = get(console, f"schedules/{schedule['id']}/backfill", **days)
    assert (shown["windows"], shown["count"] > shown["limit"]) == ([], True)


def slots(instance: Row) -> tuple[Any, ...]:
    names = ("slot_limit_of", "slots_in_use", "external_executions", "slot_limit")
    return tuple(instance[name] for name in names)


def add_execution(rows: Rows, schedule: Row, number: int, **columns: Any) -> Row:
    own = {"schedule_id": schedule["id"], "workflow_id": schedule["workflow_id"]}
    own |= {"dag_run_id": f"scheduled__{number}", "status": "RUNNING"}
    return rows.execution(**{**own, **columns})


def add_run(rows: Rows, schedule: Row, status: str) -> None:
    rows.insert("schedule_runs", schedule_id=schedule["id"], status=status)


def instance_of(database: Database, schedule: Row) -> str:
    [row] = database.query("SELECT instance_id FROM workflows WHERE id = %(workflow_id)s", schedule)
    return str(row["instance_id"])
