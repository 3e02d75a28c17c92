"""Weeks of a collection are read again at the ages of its row, once each, like windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import CheckViolation, UniqueViolation
from psycopg2.extensions import connection as Connection

from bench.history import GROWING_TABLES, History, key, write_history
from bench.query_plans import find_full_scans
from fixtures.definition_rows import COLLECTION
from fixtures.postgres import Database, Row, Rows, Server, migrate_database
from recomamp.domain.definitions import read_collection
from recomamp.domain.restatement import Restatement
from recomamp.errors import InvalidDefinition
from recomamp.store.restatements import (
    RestatementRequest,
    insert_restatement_requests,
    select_restated_users,
)
from recomamp.store.statements import load_sql

DAY = timedelta(hours=24)
END = datetime(2026, 1, 8, tzinfo=UTC)  # of the first week
AGES = [16, 31]
TABLE = "report_data_collections"


# Options


@pytest.mark.parametrize(
    "options",
    [
        {"restate_days": [14]},  # not after the lag
        {"restate_days": [7], "lag_days": 7},
        {"restate_days": [31, 31]},
        {"restate_days": [91]},
        {"restate_days": []},
        {"restate_days": "31"},
        {"restate_threshold": 2},
    ],
    ids=str,
)
def test_database_and_dag_refuse_the_same_options(rows: Rows, options: Row) -> None:
    with pytest.raises(CheckViolation) as refused:
        rows.collection(parameters={"window": options})
    assert str(refused.value).startswith(f"{TABLE}.parameters: window.restate_")
    collection = rows.collection()
    with pytest.raises(CheckViolation):
        rows.update(TABLE, collection, parameters={"window": options})
    with pytest.raises(InvalidDefinition):
        read_collection(COLLECTION | {"parameters": {"window": options}})


@pytest.mark.parametrize(
    "options",
    [
        {"restate_days": [15]},
        {"restate_days": [8], "lag_days": 7},
        {"restate_days": [16, 31, 90], "restate_threshold": 0},
        {"restate_threshold": 0.5},
    ],
    ids=str,
)
def test_database_and_dag_take_the_same_options(rows: Rows, options: Row) -> None:
    rows.collection(parameters={"window": options})
    found = read_collection({**COLLECTION, "parameters": {"window": options}}).restatement
    ages = tuple(options.get("restate_days", ()))
    assert found == (
        Restatement(ages=ages, **_threshold(options)) if ages else None
    )  # what a schedule would have


def _threshold(options: Row) -> dict[str, Any]:
    return {"threshold": options["restate_threshold"]} if "restate_threshold" in options else {}


# The plan


@dataclass
class Plan:
    """A collection that restates, and the pipeline that looks for weeks."""

    database: Database
    rows: Rows
    collection: Row
    connection: Connection

    def version(self, age_days: float, week: int = 1, **columns: Any) -> Row:
        """Insert a success of a week at an age in days after the week's end."""
        end = END + 7 * (week - 1) * DAY
        at = end + age_days * DAY
        own = {
            "status": "SUCCESS", "collection_id": self.collection["id"],
            "dag_run_id": f"run {week} {age_days}", "created_at": at, "completed_at": at,
            "window_start": end - 7 * DAY, "window_end": end, "window_time_zone": "UTC",
        }  # fmt: skip
        workflow = self.rows.get("workflows", self.collection["workflow_id"])
        return self.rows.execution(workflow, **{**own, **columns})

    def differ(self, version: Row, previous: Row, ratio: float) -> None:
        self.rows.insert(
            "result_differences",
            execution_id=version["id"], previous_execution_id=previous["id"],
            compared_at=version["created_at"], key_columns=["k"], change_ratio=ratio,
        )  # fmt: skip

    def requests(self, age_days: float) -> list[RestatementRequest]:
        """Return what is asked for at an age of the first week."""
        with self.connection:
            return insert_restatement_requests(
                self.connection,
                self.collection["user_id"],
                now=END + age_days * DAY,
                lock_milliseconds=500,
            )

    def look(self, age_days: float) -> list[int]:
        return [one.restate_age_days for one in self.requests(age_days)]

    def users(self) -> list[str]:
        with self.connection:
            return [str(user_id) for user_id in select_restated_users(self.connection)]


def make_plan(database: Database, rows: Rows, **window: Any) -> Plan:
    collection = rows.collection(parameters={"window": {"restate_days": AGES, **window}})
    return Plan(database, rows, collection, database.connect("recomamp_pipeline"))


@pytest.fixture
def plan(database: Database, rows: Rows) -> Plan:
    return make_plan(database, rows)


@pytest.fixture(params=["postgres_server", "postgres_server_16"])
def plan_of_each_major(request: pytest.FixtureRequest) -> Iterator[Plan]:
    server: Server = request.getfixturevalue(request.param)
    name = server.create_database()
    migrate_database(server, name)
    database = Database(uri=server.uri(name))
    try:
        yield make_plan(database, Rows(database))
    finally:
        database.close()
        server.drop_database(name)


def test_a_week_is_asked_for_at_each_age_once(plan_of_each_major: Plan) -> None:
    plan = plan_of_each_major
    plan.version(14)
    asked = {day: ages for day in range(65) if (ages := plan.look(day + 0.01))}
    assert asked == {16: [16], 31: [31]}
    found = plan.database.query("SELECT * FROM run_requests ORDER BY restate_age_days")
    assert {
        (str(one["collection_id"]), one["schedule_id"], one["window_end"]) for one in found
    } == {(plan.collection["id"], None, END)}
    assert versions_of(plan)[-1]["is_final"] is False


def test_each_week_has_a_plan_of_its_own(plan: Plan) -> None:
    plan.version(14)
    plan.version(14, week=2)
    assert [one.window_end for one in plan.requests(16)] == [END]
    assert [one.window_end for one in plan.requests(23)] == [END + 7 * DAY]


def test_after_an_outage_the_latest_age_alone_is_asked_for(plan: Plan) -> None:
    plan.version(14)
    assert plan.look(40) == [31]
    assert plan.look(41) == []


def test_weeks_that_load_late_are_read_again_at_the_ages_that_are_left(plan: Plan) -> None:
    plan.version(20)  # a week of the past, by a collection that was inserted late
    assert plan.look(25) == []
    assert plan.look(31) == [31]


def test_a_small_change_ends_it(plan: Plan) -> None:
    first, second = plan.version(14), plan.version(16)
    plan.differ(second, first, 0.0001)
    assert plan.look(31) == []
    assert [one["is_final"] for one in versions_of(plan)] == [False, True]


def test_the_database_holds_one_request_for_each_age(plan: Plan) -> None:
    plan.version(14)
    (asked,) = plan.requests(16)
    again = {
        "action": "RESTATE", "collection_id": str(asked.collection_id), "restate_age_days": 16,
        "user_id": plan.collection["user_id"], "window_start": asked.window_start,
        "window_end": asked.window_end,
    }  # fmt: skip
    with pytest.raises(UniqueViolation):
        plan.rows.insert("run_requests", **again)


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
def test_a_collection_that_has_ended_is_still_read_again(plan: Plan, status: str) -> None:
    plan.rows.update(TABLE, plan.collection, status=status)
    plan.version(14)
    assert plan.users() == [plan.collection["user_id"]]
    assert plan.look(16) == [16]


def test_a_paused_collection_is_read_again_once_it_goes_on(plan: Plan) -> None:
    plan.version(14)
    plan.rows.update(TABLE, plan.collection, status="PAUSED")
    assert (plan.users(), plan.look(16)) == ([], [])
    plan.rows.update(TABLE, plan.collection, status="ACTIVE")
    assert (plan.users(), plan.look(17)) == ([plan.collection["user_id"]], [16])


def test_a_skipped_week_is_left(plan: Plan) -> None:
    plan.version(14)
    plan.version(7, week=2)
    week = plan.rows.weeks(plan.collection)[0]
    plan.rows.update("report_data_weeks", week, status="SKIPPED")
    assert [one.window_end for one in plan.requests(23)] == [END + 7 * DAY]
    plan.rows.update("report_data_weeks", week, status="SUCCESS")
    assert [one.window_end for one in plan.requests(23)] == [END]


def test_the_collections_own_instance_decides(plan: Plan) -> None:
    """A workflow may belong to another instance than a collection of it."""
    plan.version(14)
    other = plan.rows.instance(user_id=plan.collection["user_id"])
    plan.rows.update(TABLE, plan.collection, instance_id=other["id"])
    plan.rows.update("amc_instances", other, is_active=False)
    assert (plan.users(), plan.look(16)) == ([], [])
    plan.rows.update("amc_instances", other, is_active=True)
    assert (plan.users(), plan.look(16)) == ([plan.collection["user_id"]], [16])


def test_a_request_counts_until_its_run_has_ended(plan: Plan) -> None:
    plan.rows.quotas(plan.collection["user_id"], max_open_restatements=1)
    plan.version(14)
    plan.version(14, week=2)
    (first,) = plan.requests(40)
    done = {"status": "DONE", "completed_at": END + 40 * DAY, "dag_run_id": "restate__1"}
    dag_id = f"amc_collection_{plan.collection['id']}"
    (request,) = plan.database.query("SELECT id FROM run_requests")
    plan.rows.update("run_requests", request["id"], dag_id=dag_id, **done)
    assert plan.requests(40) == []  # its run has not begun
    attempt = plan.version(40, dag_run_id="restate__1", status="RUNNING", completed_at=None)
    assert plan.requests(40) == []
    plan.rows.update("workflow_executions", attempt, status="FAILED", next_retry_at=END + 41 * DAY)
    assert plan.requests(40) == []  # another attempt follows
    plan.rows.update("workflow_executions", attempt, next_retry_at=None)
    (second,) = plan.requests(40)
    assert (first.window_end, second.window_end) == (END, END + 7 * DAY)


def test_schedules_and_collections_of_a_user_share_the_limit(plan: Plan) -> None:
    """Who has waited longest comes first."""
    plan.rows.quotas(plan.collection["user_id"], max_open_restatements=1)
    plan.version(14)
    workflow = plan.rows.get("workflows", plan.collection["workflow_id"])
    schedule = plan.rows.schedule(workflow, parameters={"window": {"restate_days": [3]}})
    day = END + 10 * DAY
    plan.rows.execution(
        workflow, status="SUCCESS", schedule_id=schedule["id"], dag_run_id="run",
        window_start=day - DAY, window_end=day, created_at=day + 2 * DAY,
        completed_at=day + 2 * DAY,
    )  # fmt: skip
    (first,) = plan.requests(16)
    assert str(first.schedule_id) == schedule["id"]  # due on day 13
    plan.database.query("UPDATE run_requests SET status = 'REFUSED' RETURNING id")
    (second,) = plan.requests(16)
    assert str(second.collection_id) == plan.collection["id"]


def test_people_ask_for_no_restatement_of_a_collection(plan: Plan) -> None:
    person = plan.database.connect("recomamp_analyst", plan.collection["user_id"])
    with (
        person.cursor() as cursor,
        pytest.raises(CheckViolation, match="the parameters of the schedule or the collection"),
    ):
        cursor.execute(
            "INSERT INTO run_requests (action, collection_id) VALUES ('RESTATE', %s)",
            [plan.collection["id"]],
        )


def test_the_plan_reads_no_growing_table_from_end_to_end(
    postgres_server: Server, template_database: str
) -> None:
    name = postgres_server.create_database(template_database)
    database = Database(uri=postgres_server.uri(name))
    try:
        superuser = database.connect(autocommit=True)
        write_history(superuser, History(executions=20_000, weeks=2_000))
        with superuser.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                f'UPDATE {TABLE} SET parameters = \'{{"window":{{"restate_days":[16,31]}}}}\''
            )
            cursor.execute(f"VACUUM ANALYZE {TABLE}")
        pipeline = database.connect("recomamp_pipeline", autocommit=True)
        values = {"user_id": key("user 2"), "now": datetime.now(UTC), "most_open": 50}
        assert (
            find_full_scans(
                pipeline, load_sql("insert_restatement_requests"), GROWING_TABLES, values
            )
            == []
        )
    finally:
        database.close()
        postgres_server.drop_database(name)


# Versions


def versions_of(plan: Plan) -> list[Row]:
    connection = plan.database.connect("recomamp_analyst", plan.collection["user_id"])
    with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT * FROM result_versions ORDER BY window_start, version")
        return [dict(row) for row in cursor.fetchall()]


def test_a_version_at_the_last_age_is_final(plan: Plan) -> None:
    plan.version(14)
    plan.version(31)
    assert [
        (str(one["collection_id"]), one["version"], one["is_latest"], one["is_final"])
        for one in versions_of(plan)
    ] == [(plan.collection["id"], 1, False, False), (plan.collection["id"], 2, True, True)]


def test_weeks_without_ages_are_neither_final_nor_open(plan: Plan) -> None:
    plan.rows.update(TABLE, plan.collection, parameters={})
    plan.version(14)
    assert [one["is_final"] for one in versions_of(plan)] == [None]
