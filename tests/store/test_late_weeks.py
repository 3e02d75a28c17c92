"""Weeks of a collection without results are one event for all that were due at one time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from fixtures.postgres import Database, Row, Rows, Server, migrate_database
from recomamp.domain.scheduling.windows import CollectionWindows
from recomamp.store.late_windows import LateWindow, record_late_weeks, withdraw_loaded_windows

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
TABLE = "report_data_collections"


def judge(database: Database) -> list[LateWindow]:
    with database.connect("recomamp_pipeline") as connection:
        return record_late_weeks(connection)


def withdraw(database: Database) -> None:
    with database.connect("recomamp_pipeline") as connection:
        assert withdraw_loaded_windows(connection) == []


def events(database: Database) -> list[Row]:
    return database.query(
        "SELECT * FROM notifications WHERE kind = 'WINDOW_LATE' ORDER BY happened_at, event_key"
    )


def statuses(database: Database) -> list[str]:
    return [event["status"] for event in events(database)]


def past(rows: Rows, **columns: Any) -> Row:
    """Insert a collection of four weeks of the past, two hours ago, to be loaded an hour ago."""
    own = {
        "late_after": "1 hour",
        "created_at": datetime.now(UTC) - 2 * HOUR,
        "start_date": "2024-01-01",
        "end_date": "2024-01-28",
    }
    return rows.collection(**{**own, **columns})


def due_yesterday(rows: Rows, weeks_before: int = 0) -> tuple[Row, datetime]:
    """Insert a collection whose last week but one was due at a midnight, and return that time.

    A day after that midnight the week is late: by now, and for a day.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    due_at = today - DAY
    last_day = (due_at - 15 * DAY).date()  # the data settles within 14 days
    collection = rows.collection(
        late_after="1 day",
        created_at=due_at - DAY,
        start_date=last_day - timedelta(days=6) - weeks_before * WEEK,
        end_date=last_day + WEEK,
    )
    windows = CollectionWindows(
        start_date=collection["start_date"], end_date=collection["end_date"]
    )
    assert windows.week(weeks_before).due_at == due_at
    return collection, due_at


def load(rows: Rows, *weeks: Row, status: str = "SUCCESS") -> None:
    for week in weeks:
        rows.update("report_data_weeks", week, status=status)


@pytest.fixture(params=["postgres_server", "postgres_server_16"])
def each_major(request: pytest.FixtureRequest) -> Iterator[Database]:
    server: Server = request.getfixturevalue(request.param)
    name = server.create_database()
    migrate_database(server, name)
    database = Database(uri=server.uri(name))
    try:
        yield database
    finally:
        database.close()
        server.drop_database(name)


def test_the_weeks_of_the_past_are_one_event_and_no_second(each_major: Database) -> None:
    rows = Rows(each_major)
    collection = past(
        rows, name="A year", start_date="2024-01-01", end_date="2024-12-29",
        parameters={"timezone": "Europe/Berlin"},
    )  # fmt: skip
    weeks = rows.weeks(collection)
    assert len(weeks) == 52
    load(rows, *weeks[:3])
    (found,) = judge(each_major)
    since = collection["watched_since"]
    assert (str(found.collection_id), found.due_at, found.problem) == (
        collection["id"], since, None,
    )  # fmt: skip
    (event,) = events(each_major)
    assert (event["user_id"], event["status"]) == (collection["user_id"], "PENDING")
    details = event["details"]
    assert details["name"] == "A year"
    assert (details["start_date"], details["end_date"]) == ("2024-01-22", "2024-12-29")
    assert (details["total_weeks"], details["completed_weeks"]) == (52, 3)
    assert (details["time_zone"], details["late_after_minutes"]) == ("Europe/Berlin", 60)
    assert datetime.fromisoformat(details["due_at"]) == since
    assert judge(each_major) == []
    load(rows, weeks[3])
    assert judge(each_major) == []
    assert rows.get(TABLE, collection)["late_week_at"] is None


def test_the_event_is_withdrawn_once_all_its_weeks_are_loaded(
    database: Database, rows: Rows
) -> None:
    weeks = rows.weeks(past(rows))
    judge(database)
    load(rows, *weeks[:3])
    withdraw(database)
    assert statuses(database) == ["PENDING"]
    load(rows, weeks[3], status="SKIPPED")
    withdraw(database)
    assert statuses(database) == ["WITHDRAWN"]


def test_weeks_that_are_loaded_in_time_are_no_event(database: Database, rows: Rows) -> None:
    collection = past(rows)
    load(rows, *rows.weeks(collection)[:3])
    execution = rows.execution(
        rows.get("workflows", collection["workflow_id"]),
        collection_id=collection["id"], dag_run_id="run", status="SUCCESS",
    )  # fmt: skip
    week = rows.weeks(collection)[3]
    rows.update("report_data_weeks", week, status="RUNNING", execution_id=execution["id"])
    assert judge(database) == []  # its run is about to end
    assert rows.get(TABLE, collection)["watched_since"] is not None


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_a_week_that_runs_or_has_failed_is_late_too(
    database: Database, rows: Rows, status: str
) -> None:
    weeks = rows.weeks(past(rows))
    load(rows, *weeks[1:])
    load(rows, weeks[0], status=status)
    assert len(judge(database)) == 1


def test_a_week_is_judged_at_its_own_time(database: Database, rows: Rows) -> None:
    collection, due_at = due_yesterday(rows)
    assert judge(database) == []  # no week is of the past
    assert rows.get(TABLE, collection)["late_week_at"] == due_at
    (found,) = judge(database)
    assert (str(found.collection_id), found.due_at) == (collection["id"], due_at)
    first, second = rows.weeks(collection)
    (event,) = events(database)
    assert (event["details"]["start_date"], event["details"]["end_date"]) == (
        str(first["week_start_date"]), str(first["week_end_date"]),
    )  # fmt: skip
    assert rows.get(TABLE, collection)["late_week_at"] == due_at + WEEK
    load(rows, first)
    withdraw(database)
    assert (second["status"], statuses(database)) == ("PENDING", ["WITHDRAWN"])


def test_a_week_that_stays_late_holds_no_event_of_another(database: Database, rows: Rows) -> None:
    collection, _ = due_yesterday(rows, weeks_before=1)
    assert [len(judge(database)) for _ in range(3)] == [1, 1, 0]
    load(rows, rows.weeks(collection)[1])
    withdraw(database)
    assert sorted(statuses(database)) == ["PENDING", "WITHDRAWN"]


def test_after_the_weeks_of_the_past_the_next_ones_are_judged(
    database: Database, rows: Rows
) -> None:
    today = datetime.now(UTC).date()
    collection = past(rows, start_date=today - timedelta(days=67), end_date=today + WEEK)
    assert len(judge(database)) == 1
    windows = CollectionWindows(
        start_date=collection["start_date"], end_date=collection["end_date"]
    )
    due = [one.due_at for one in windows if one.due_at > collection["watched_since"]]
    assert rows.get(TABLE, collection)["late_week_at"] == due[0]
    assert judge(database) == []


def test_after_an_outage_weeks_of_the_last_day_are_judged(database: Database, rows: Rows) -> None:
    collection, due_at = due_yesterday(rows, weeks_before=8)
    rows.update(TABLE, collection, watched_since=due_at - 9 * WEEK, late_week_at=due_at - 5 * WEEK)
    assert [one.due_at for one in judge(database)] == [due_at - 5 * WEEK]
    assert [one.due_at for one in judge(database)] == [due_at]
    assert judge(database) == []


def test_the_time_when_a_week_is_due_is_that_of_the_runs(database: Database, rows: Rows) -> None:
    first = date(2024, 3, 20)
    windows = CollectionWindows(
        start_date=first, end_date=first + timedelta(days=8), time_zone="Europe/Berlin", lag_days=9
    )
    collection = rows.collection(
        start_date=windows.start_date, end_date=windows.end_date, late_after="1 hour",
        created_at="2024-01-01",
        parameters={"timezone": windows.time_zone, "window": {"lag_days": windows.lag_days}},
    )  # fmt: skip
    rows.update(TABLE, collection, late_week_at=windows.week(0).due_at)
    (found,) = judge(database)
    assert found.due_at == windows.week(0).due_at
    assert events(database)[0]["details"]["end_date"] == "2024-03-26"


# When weeks are watched


def test_a_collection_without_late_after_is_not_watched(database: Database, rows: Rows) -> None:
    collection = past(rows, late_after=None)
    assert (collection["watched_since"], collection["late_week_at"]) == (None, None)
    assert judge(database) == []


def test_nothing_is_judged_before_its_time(database: Database, rows: Rows) -> None:
    past(rows, late_after="3 hours")
    assert judge(database) == []


@pytest.mark.parametrize(
    ("off", "on"),
    [
        ({"status": "PAUSED"}, {"status": "ACTIVE"}),
        ({"late_after": None}, {"late_after": "2 hours"}),
    ],
    ids=str,
)
def test_the_watch_begins_again_where_it_was_off(
    database: Database, rows: Rows, off: Row, on: Row
) -> None:
    collection = past(rows)
    stopped = rows.update(TABLE, collection, **off)
    assert (stopped["watched_since"], stopped["late_week_at"]) == (None, None)
    assert judge(database) == []
    begun = rows.update(TABLE, collection, **on)
    assert begun["watched_since"] == begun["late_week_at"] > collection["watched_since"]
    assert judge(database) == []


@pytest.mark.parametrize(
    ("change", "is_new"),
    [
        ({"end_date": "2024-02-28"}, True),
        ({"parameters": {"window": {"lag_days": 7}}}, True),
        ({"parameters": {"timezone": "Europe/Berlin"}}, True),
        ({"parameters": {"minimum": 3}}, False),
        ({"late_after": "2 days"}, False),
        ({"name": "Another"}, False),
    ],
    ids=str,
)
def test_the_watch_begins_again_where_weeks_are_due_at_another_time(
    rows: Rows, change: Row, is_new: bool
) -> None:
    before = past(rows)
    after = rows.update(TABLE, before, **change)
    assert (after["watched_since"] > before["watched_since"]) == is_new
    assert after["late_week_at"] == after["watched_since"]


def test_a_complete_collection_is_watched_again_once_it_has_more_weeks(
    database: Database, rows: Rows
) -> None:
    collection = past(rows)
    load(rows, *rows.weeks(collection))
    complete = rows.get(TABLE, collection)
    assert (complete["status"], complete["watched_since"]) == ("COMPLETED", None)
    rows.update(TABLE, collection, end_date="2024-02-28")
    longer = rows.get(TABLE, collection)
    assert (longer["status"], longer["late_week_at"]) == ("ACTIVE", longer["watched_since"])
    assert longer["watched_since"] > collection["watched_since"]


@pytest.mark.parametrize(("table", "key"), [("users", "user_id"), ("amc_instances", "instance_id")])
def test_what_cannot_run_is_not_late(database: Database, rows: Rows, table: str, key: str) -> None:
    collection = past(rows)
    rows.update(table, collection[key], is_active=False)
    assert judge(database) == []


@pytest.mark.parametrize("late_after", ["4 minutes", "31 days", "-1 hour", "1 month"])
def test_a_time_that_is_too_short_too_long_or_uncertain_is_refused(
    rows: Rows, late_after: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        past(rows, late_after=late_after)
    assert str(refused.value).startswith(f"{TABLE}.late_after: must be from 00:05:00 to")


def test_analysts_set_late_after_and_not_what_the_watch_has_found(
    database: Database, rows: Rows
) -> None:
    collection = past(rows, late_after=None)
    person = database.connect("recomamp_analyst", collection["user_id"])
    with person, person.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET late_after = '6 hours'")
        assert cursor.rowcount == 1
    with person.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(f"UPDATE {TABLE} SET late_week_at = NOW()")


# Others


def test_a_collection_that_cannot_be_judged_delays_no_other(database: Database, rows: Rows) -> None:
    broken, good = past(rows), past(rows)
    database.write_beyond_bounds(
        TABLE,
        f'UPDATE {TABLE} SET parameters = \'{{"timezone": "nowhere"}}\' WHERE id = %s',
        [broken["id"]],
    )
    found = {str(one.collection_id): one.problem for one in judge(database)}
    assert set(found) == {broken["id"], good["id"]}
    assert found[good["id"]] is None
    assert "nowhere" in str(found[broken["id"]])
    after = rows.get(TABLE, broken)
    assert after["late_week_at"] == after["watched_since"] > broken["watched_since"]
    assert [event["user_id"] for event in events(database)] == [good["user_id"]]


def test_a_person_who_keeps_rows_locked_delays_no_other(database: Database, rows: Rows) -> None:
    ann, bob = past(rows), past(rows)
    session = database.connect("recomamp_analyst", ann["user_id"])
    session.cursor().execute(f"UPDATE {TABLE} SET name = 'mine'")
    assert [str(one.collection_id) for one in judge(database)] == [bob["id"]]
    session.rollback()
    assert [str(one.collection_id) for one in judge(database)] == [ann["id"]]


def test_an_event_of_a_deleted_collection_is_withdrawn(database: Database, rows: Rows) -> None:
    collection = past(rows)
    judge(database)
    database.query(f"DELETE FROM {TABLE} WHERE id = %s RETURNING id", [collection["id"]])
    withdraw(database)
    assert statuses(database) == ["WITHDRAWN"]
