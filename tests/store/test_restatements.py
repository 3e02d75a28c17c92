"""Which windows are read again, and when: by the plan of their schedule, once at each age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation, InsufficientPrivilege
from psycopg2.extensions import connection as Connection

from bench.history import GROWING_TABLES, History, key, write_history
from bench.query_plans import find_full_scans
from fixtures.definition_rows import SCHEDULE
from fixtures.postgres import Database, Row, Rows, Server
from fixtures.supabase import Supabase
from recomamp.domain.definitions import read_schedule
from recomamp.domain.restatement import Restatement
from recomamp.domain.result_difference import (
    ChangeKind,
    ColumnDifference,
    ResultDifference,
    RowDifference,
)
from recomamp.errors import InvalidDefinition
from recomamp.store.restatements import insert_restatement_requests, select_restated_users
from recomamp.store.result_differences import select_previous_version, store_difference
from recomamp.store.statements import load_sql

DAY = timedelta(hours=24)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
AGES = [3, 14, 28]


# Options


BAD = [
    {"restate_days": []},
    {"restate_days": None},
    {"restate_days": 3},
    {"restate_days": [3, 3]},
    {"restate_days": [14, 3]},
    {"restate_days": [2]},  # not after the lag
    {"restate_days": [5], "lag_days": 5},
    {"restate_days": [91]},
    {"restate_days": [3, 4, 5, 6, 7, 8, 9]},
    {"restate_days": [3.5]},
    {"restate_days": ["3"]},
    {"restate_days": [True]},
    {"restate_days": [[3]]},
    {"restate_days": [3], "type": "MOST_RECENT_DAY"},
    {"restate_threshold": -0.1},
    {"restate_threshold": 1.1},
    {"restate_threshold": "0.1"},
    {"restate_threshold": None},
    {"restate_threshold": True},
]
GOOD = [
    {"restate_days": [3]},
    {"restate_days": [1], "lag_days": 0},
    {"restate_days": [3, 14, 28], "type": "EXPLICIT"},
    {"restate_days": [3, 4, 5, 6, 7, 90], "restate_threshold": 0},
    {"restate_days": [3], "restate_threshold": 1, "lookback_days": 7},
    {"restate_threshold": 0.5},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_database_and_dag_refuse_the_same_options(rows: Rows, options: Row) -> None:
    with pytest.raises(CheckViolation) as refused:
        rows.schedule(parameters={"window": options})
    assert str(refused.value).startswith("workflow_schedules.parameters: window.restate_")
    with pytest.raises(InvalidDefinition):
        read_schedule(SCHEDULE | {"parameters": {"window": options}})


@pytest.mark.parametrize("options", GOOD, ids=str)
def test_database_and_dag_take_the_same_options(rows: Rows, options: Row) -> None:
    rows.schedule(parameters={"window": options})
    found = read_schedule({**SCHEDULE, "parameters": {"window": options}}).restatement
    assert (found is not None) == ("restate_days" in options)


def test_the_threshold_is_a_thousandth_where_none_is_named() -> None:
    row = SCHEDULE | {"parameters": {"window": {"restate_days": [3, 28]}}}
    assert read_schedule(row).restatement == Restatement(ages=(3, 28), threshold=Decimal("0.001"))


def test_the_preview_takes_the_options(database: Database) -> None:
    ask = "SELECT count(*) AS n FROM schedule_preview_for('0 6 * * *', 'UTC', %s, 2)"
    options = psycopg2.extras.Json({"window": {"restate_days": [3], "restate_threshold": 0.1}})
    assert database.query(ask, [options]) == [{"n": 2}]
    with pytest.raises(CheckViolation, match="restate_days"):
        database.query(ask, [psycopg2.extras.Json({"window": {"restate_days": [1]}})])


# The plan


@dataclass
class Plan:
    """A schedule that restates, and the pipeline that looks for windows."""

    database: Database
    rows: Rows
    schedule: Row
    connection: Connection

    def window(self, end: datetime = NOW) -> Row:
        return {"window_start": end - DAY, "window_end": end, "window_time_zone": "UTC"}

    def version(self, created_at: datetime, end: datetime = NOW, **columns: Any) -> Row:
        own = {
            "status": "SUCCESS", "schedule_id": self.schedule["id"],
            "dag_run_id": f"run {created_at} {end}", "created_at": created_at,
            "completed_at": created_at, "results_loaded_at": created_at,
        }  # fmt: skip
        workflow = self.rows.get("workflows", self.schedule["workflow_id"])
        return self.rows.execution(workflow, **{**own, **self.window(end), **columns})

    def differ(self, version: Row, previous: Row, ratio: float | None) -> None:
        self.rows.insert(
            "result_differences",
            execution_id=version["id"], previous_execution_id=previous["id"],
            compared_at=version["created_at"], key_columns=["k"], change_ratio=ratio,
        )  # fmt: skip

    def look(self, now: datetime) -> list[int]:
        """Return the ages that are asked for."""
        with self.connection:
            asked = insert_restatement_requests(
                self.connection, self.schedule["user_id"], now=now, lock_milliseconds=500
            )
        return [one.restate_age_days for one in asked]


@pytest.fixture
def plan(database: Database, rows: Rows) -> Plan:
    return make_plan(database, rows)


def make_plan(database: Database, rows: Rows, **window: Any) -> Plan:
    schedule = rows.schedule(parameters={"window": {"restate_days": AGES, **window}})
    return Plan(database, rows, schedule, database.connect("recomamp_pipeline"))


def test_a_window_is_asked_for_at_each_age_once(plan: Plan) -> None:
    plan.version(NOW + 2 * DAY)
    asked = {
        day: ages
        for day in range(60)
        if (ages := plan.look(NOW + day * DAY + timedelta(minutes=1)))
    }
    assert asked == {3: [3], 14: [14], 28: [28]}


def test_after_an_outage_the_latest_age_alone_is_asked_for(plan: Plan) -> None:
    plan.version(NOW + 2 * DAY)
    assert plan.look(NOW + 20 * DAY) == [14]
    assert plan.look(NOW + 20 * DAY) == []
    assert plan.look(NOW + 57 * DAY) == [28]


def test_a_version_of_any_run_counts_as_a_reading(plan: Plan) -> None:
    plan.version(NOW + 15 * DAY)
    assert plan.look(NOW + 20 * DAY) == []
    assert plan.look(NOW + 28 * DAY) == [28]


def test_thirty_days_after_the_last_age_nothing_is_asked_for(plan: Plan) -> None:
    plan.version(NOW + 2 * DAY)
    assert plan.look(NOW + 58 * DAY) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "FAILED"},
        {"window_type": "MOST_RECENT_DAY"},
        {"window_start": None, "window_end": None},
    ],
)
def test_only_windows_of_ours_with_results_are_read_again(plan: Plan, columns: Row) -> None:
    plan.version(NOW + 2 * DAY, **columns)
    assert plan.look(NOW + 5 * DAY) == []


def test_results_of_another_workflow_are_not_read_again(plan: Plan, rows: Rows) -> None:
    plan.version(NOW + 2 * DAY)
    other = rows.workflow(rows.get("amc_instances", plan.rows.get(
        "workflows", plan.schedule["workflow_id"])["instance_id"]))  # fmt: skip
    rows.update("workflow_schedules", plan.schedule, workflow_id=other["id"])
    assert plan.look(NOW + 5 * DAY) == []


def test_a_schedule_that_is_off_or_names_no_ages_asks_for_nothing(plan: Plan, rows: Rows) -> None:
    plan.version(NOW + 2 * DAY)
    with plan.connection:
        users = [str(user_id) for user_id in select_restated_users(plan.connection)]
        assert users == [plan.schedule["user_id"]]
    rows.update("workflow_schedules", plan.schedule, is_active=False)
    assert plan.look(NOW + 5 * DAY) == []
    with plan.connection:
        assert select_restated_users(plan.connection) == []
    rows.update("workflow_schedules", plan.schedule, is_active=True, parameters={})
    assert plan.look(NOW + 5 * DAY) == []


@pytest.mark.parametrize(
    ("table", "off", "on"),
    [
        ("amc_instances", {"is_active": False}, {"is_active": True}),
        ("amc_instances", {"health_status": "ERROR"}, {"health_status": "HEALTHY"}),
        ("users", {"is_active": False}, {"is_active": True}),
        ("users", {"consent_revoked_at": NOW}, {"consent_revoked_at": None}),
    ],
    ids=str,
)
def test_what_is_switched_off_is_asked_for_once_it_is_on_again(
    plan: Plan, rows: Rows, table: str, off: Row, on: Row
) -> None:
    plan.version(NOW + 2 * DAY)
    workflow = rows.get("workflows", plan.schedule["workflow_id"])
    row = {"amc_instances": workflow["instance_id"], "users": plan.schedule["user_id"]}[table]
    rows.update(table, row, **off)
    assert plan.look(NOW + 5 * DAY) == []
    with plan.connection:
        assert select_restated_users(plan.connection) == []
    rows.update(table, row, **on)
    with plan.connection:
        assert len(select_restated_users(plan.connection)) == 1
    assert plan.look(NOW + 6 * DAY) == [3]


def test_options_from_before_the_check_stop_nobody(plan: Plan, database: Database) -> None:
    plan.version(NOW + 2 * DAY)
    database.query(
        "INSERT INTO workflow_schedules (name, cron_expression, workflow_id, user_id, next_run_at)"
        " SELECT 'odd', cron_expression, workflow_id, user_id, NOW() FROM workflow_schedules"
        " RETURNING id"
    )
    for odd in ({"restate_days": "x"}, {"restate_days": [1, "y"]}, {"lag_days": "z"}):
        connection = database.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "UPDATE workflow_schedules SET parameters = %s WHERE name = 'odd'",
                [psycopg2.extras.Json({"window": {"restate_days": [3], **odd}})],
            )
        connection.close()
        assert plan.look(NOW + 3 * DAY) in ([3], [])


@pytest.mark.parametrize(
    ("ratio", "threshold", "expected"),
    [(0.0005, 0.001, []), (0.001, 0.001, [14]), (0.5, 0.001, [14]), (None, 1, [14]), (0, 0, [14])],
)
def test_a_small_change_ends_it(
    database: Database,
    rows: Rows,
    ratio: float | None,
    threshold: float,
    expected: list[int],
) -> None:
    plan = make_plan(database, rows, restate_threshold=threshold)
    first, second = plan.version(NOW + 2 * DAY), plan.version(NOW + 3 * DAY)
    plan.differ(second, first, ratio)
    assert plan.look(NOW + 14 * DAY) == expected


REFUSED = ["CONTRACT_BROKEN", "CHECK_FAILED"]


def previous_of(plan: Plan, version: Row) -> str:
    with plan.connection:
        found = select_previous_version(plan.connection, version["id"])
    assert found is not None
    return str(found.execution_id)


@pytest.mark.parametrize("error_type", REFUSED)
def test_what_equals_a_refused_version_alone_ends_nothing(plan: Plan, error_type: str) -> None:
    first = plan.version(NOW + 3 * DAY, error_type=error_type)
    second = plan.version(NOW + 14 * DAY)
    assert previous_of(plan, second) == first["id"]  # the only one before
    plan.differ(second, first, 0)
    assert versions_of(plan.database, plan.schedule)[-1]["is_final"] is False
    assert plan.look(NOW + 28 * DAY) == [28]


@pytest.mark.parametrize("error_type", REFUSED)
def test_a_refused_version_is_a_reading_that_ends_nothing(plan: Plan, error_type: str) -> None:
    first = plan.version(NOW + 2 * DAY)
    refused = plan.version(NOW + 3 * DAY, error_type=error_type)
    plan.differ(refused, first, 0)
    assert plan.look(NOW + 4 * DAY) == []
    assert plan.look(NOW + 14 * DAY) == [14]
    third = plan.version(NOW + 14 * DAY)
    assert previous_of(plan, third) == first["id"]
    assert [
        (one["version"], one["is_latest"], one["is_refused"], one["is_final"])
        for one in versions_of(plan.database, plan.schedule)
    ] == [(1, False, False, False), (2, False, True, False), (3, True, False, False)]


def test_the_latest_accepted_version_is_final_once_the_last_age_is_read(plan: Plan) -> None:
    plan.version(NOW + 14 * DAY)
    plan.version(NOW + 28 * DAY, error_type="CHECK_FAILED")
    assert plan.look(NOW + 29 * DAY) == []
    assert [
        (one["is_latest"], one["is_final"]) for one in versions_of(plan.database, plan.schedule)
    ] == [(True, True), (False, False)]


def test_two_versions_of_the_same_age_end_nothing(plan: Plan) -> None:
    first, second = plan.version(NOW + 2 * DAY), plan.version(NOW + 2.5 * DAY)
    plan.differ(second, first, 0)
    assert plan.look(NOW + 3 * DAY) == [3]


def test_a_user_has_only_so_many_open_requests(plan: Plan, rows: Rows, database: Database) -> None:
    rows.quotas(plan.schedule["user_id"], max_open_restatements=3, max_open_requests=1)
    for day in range(5):
        plan.version(NOW + 2 * DAY, end=NOW - day * DAY / 10)
    assert len(plan.look(NOW + 3 * DAY)) == 3
    assert plan.look(NOW + 3 * DAY) == []
    done = database.query(
        "UPDATE run_requests SET status = 'DONE', completed_at = %s,"
        " dag_run_id = 'restate__' || id RETURNING dag_run_id",
        [NOW + 3 * DAY],
    )
    assert plan.look(NOW + 3 * DAY) == []  # their runs are not over
    rows.insert(
        "schedule_runs",
        schedule_id=plan.schedule["id"], dag_run_id=done[0]["dag_run_id"], status="FAILED",
    )  # fmt: skip
    assert len(plan.look(NOW + 4 * DAY)) == 1
    assert len(plan.look(NOW + 6 * DAY)) == 1  # a run that is never recorded holds nothing up
    ends = [row["window_end"] for row in database.query("SELECT window_end FROM run_requests")]
    assert len(set(ends)) == 5


def test_requests_of_the_pipeline_take_nothing_from_a_persons_quota(
    plan: Plan, rows: Rows, database: Database
) -> None:
    rows.quotas(plan.schedule["user_id"], max_open_requests=1, max_requests_per_hour=1)
    for day in range(3):
        plan.version(NOW + 2 * DAY, end=NOW - day * DAY / 10)
    assert len(plan.look(NOW + 3 * DAY)) == 3
    own = {"schedule_id": plan.schedule["id"], "user_id": plan.schedule["user_id"]}
    rows.insert("run_requests", action="RUN", **own)
    with pytest.raises(CheckViolation, match="max_open_requests"):
        rows.insert("run_requests", action="RUN", **own)


def test_a_persons_open_transaction_holds_up_that_person_alone(
    plan: Plan, database: Database
) -> None:
    plan.version(NOW + 2 * DAY)
    person = database.connect("recomamp_analyst", plan.schedule["user_id"])
    with person.cursor() as cursor:
        cursor.execute(
            "INSERT INTO run_requests (action, schedule_id) VALUES ('RUN', %s)",
            [plan.schedule["id"]],
        )  # holds the lock of the quotas
        assert plan.look(NOW + 3 * DAY) == [3]
        cursor.execute("SELECT delete_own_row('workflow_schedules', %s)", [plan.schedule["id"]])
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            plan.look(NOW + 14 * DAY)
    person.rollback()
    assert plan.look(NOW + 14 * DAY) == [14]


@pytest.mark.parametrize("supabase", [18], indirect=True)
def test_the_applications_server_asks_for_no_restatement(supabase: Supabase) -> None:
    owner = supabase.database()
    owner.delete_rows()
    schedule = Rows(owner).schedule()
    with (
        supabase.request("service_role") as cursor,
        pytest.raises(CheckViolation, match="only the pipeline restates"),
    ):
        cursor.execute(
            "INSERT INTO run_requests (user_id, action, schedule_id) VALUES (%s, 'RESTATE', %s)",
            [schedule["user_id"], schedule["id"]],
        )
    owner.delete_rows()
    owner.close()


def test_the_pipeline_stores_a_difference_with_its_own_rights(
    plan: Plan, database: Database
) -> None:
    first, second = plan.version(NOW + 2 * DAY), plan.version(NOW + 3 * DAY)
    column = ColumnDifference(name="clicks", rows_changed=1, sum_before=Decimal(1))
    row = RowDifference(kind=ChangeKind.NEW, key={"day": "x"}, before=None, after={"clicks": 2})
    found = ResultDifference(key_columns=("day",), columns=(column,), rows=(row,))
    pipeline = database.connect("recomamp_pipeline")
    for _ in range(2):  # a second comparison replaces the first
        with pipeline:
            assert store_difference(
                pipeline,
                second["id"],
                found,
                previous_execution_id=first["id"],
                loaded_at=second["results_loaded_at"],
                now=NOW,
            )
    stored = database.query(
        "SELECT column_name, kind FROM result_difference_columns"
        " JOIN result_difference_rows USING (execution_id) WHERE execution_id = %s",
        [second["id"]],
    )
    assert [(one["column_name"], one["kind"]) for one in stored] == [("clicks", "NEW")]


def test_only_the_pipeline_asks_for_a_restatement(plan: Plan, database: Database) -> None:
    person = database.connect("recomamp_analyst", plan.schedule["user_id"])
    with person.cursor() as cursor:
        with pytest.raises((InsufficientPrivilege, CheckViolation)):
            cursor.execute(
                "INSERT INTO run_requests (action, schedule_id, window_start, window_end,"
                " restate_age_days) VALUES ('RESTATE', %s, '2026-01-01', '2026-01-02', 3)",
                [plan.schedule["id"]],
            )
        person.rollback()
        with pytest.raises(CheckViolation, match="only the pipeline restates"):
            cursor.execute(
                "INSERT INTO run_requests (action, schedule_id) VALUES ('RESTATE', %s)",
                [plan.schedule["id"]],
            )


def test_the_pipeline_asks_for_nothing_else(plan: Plan) -> None:
    with plan.connection.cursor() as cursor, pytest.raises(CheckViolation):
        cursor.execute(
            "INSERT INTO run_requests (user_id, action, schedule_id) VALUES (%s, 'RESTATE', %s)",
            [plan.schedule["user_id"], plan.schedule["id"]],
        )
    plan.connection.rollback()


looks = st.lists(st.floats(0, 65), min_size=1, max_size=12)
ages = st.lists(st.integers(3, 40), min_size=1, max_size=6, unique=True).map(sorted)


@given(ages=ages, looks=looks, works=st.lists(st.booleans(), min_size=12, max_size=12),
       first=st.floats(2, 45), ratios=st.lists(st.sampled_from([0.0, 0.5]), min_size=12,
                                               max_size=12))  # fmt: skip
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_happens_each_age_is_read_at_most_once_and_the_latest_passed_one_is(
    database: Database,
    rows: Rows,
    ages: list[int],
    looks: list[float],
    works: list[bool],
    first: float,
    ratios: list[float],
) -> None:
    plan = make_plan(database, rows, restate_days=ages, restate_threshold=0.1)
    latest = plan.version(NOW + first * DAY)
    read_at, is_stopped, asked = first, False, list[int]()
    for look, is_up, ratio in zip(sorted(looks), works, ratios, strict=False):
        if look < first:
            continue  # the first version is not there yet
        passed = max((age for age in ages if age <= look), default=None)
        found = plan.look(NOW + look * DAY)
        expected = (
            passed is not None
            and passed > read_at
            and passed not in asked
            and not is_stopped
            and look < ages[-1] + 30
        )
        assert found == ([passed] if expected else [])
        asked += found
        if found and is_up:  # else the run fails: it is not asked for again
            version = plan.version(NOW + look * DAY)
            plan.differ(version, latest, ratio)
            latest, read_at, is_stopped = version, look, ratio < 0.1
    assert len(asked) == len(set(asked))
    plan.connection.close()


def test_the_plan_reads_no_growing_table_from_end_to_end(
    postgres_server: Server, template_database: str
) -> None:
    name = postgres_server.create_database(template_database)
    database = Database(uri=postgres_server.uri(name))
    try:
        superuser = database.connect(autocommit=True)
        write_history(superuser, History(executions=40_000, weeks=1_000))
        with superuser.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                'UPDATE workflow_schedules SET parameters = \'{"window":{"restate_days":[3,28]}}\''
            )
            cursor.execute("VACUUM ANALYZE workflow_schedules")
        pipeline = database.connect("recomamp_pipeline", autocommit=True)
        values = {"user_id": key("user 1"), "now": datetime.now(UTC), "most_open": 50}
        for statement in ("insert_restatement_requests", "select_previous_version"):
            assert find_full_scans(pipeline, load_sql(statement), GROWING_TABLES, values) == [], (
                statement
            )
    finally:
        database.close()
        postgres_server.drop_database(name)


# Versions


def versions_of(database: Database, schedule: Row) -> list[Row]:
    connection = database.connect("recomamp_analyst", schedule["user_id"])
    with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT * FROM result_versions ORDER BY window_start, version")
        found = [dict(row) for row in cursor.fetchall()]
    connection.close()
    return found


def test_versions_are_numbered_and_the_last_says_whether_it_is_final(plan: Plan) -> None:
    first = plan.version(NOW + 2 * DAY)
    assert [one["is_final"] for one in versions_of(plan.database, plan.schedule)] == [False]
    second = plan.version(NOW + 3 * DAY)
    plan.differ(second, first, 0.5)
    third = plan.version(NOW + 14 * DAY)
    plan.differ(third, second, 0.0001)
    found = versions_of(plan.database, plan.schedule)
    assert [
        (one["version"], one["execution_id"], float(one["age_days"]), one["is_final"])
        for one in found
    ] == [(1, first["id"], 2, False), (2, second["id"], 3, False), (3, third["id"], 14, True)]
    assert [one["is_latest"] for one in found] == [False, False, True]
    fourth = plan.version(NOW + 29 * DAY)
    assert versions_of(plan.database, plan.schedule)[-1]["is_final"] is True
    plan.differ(fourth, third, 0.9)  # the last age is passed whatever changed
    assert versions_of(plan.database, plan.schedule)[-1]["is_final"] is True


def test_results_as_of_a_time_are_the_latest_version_until_then(plan: Plan) -> None:
    versions = [plan.version(NOW + day * DAY) for day in (2, 3, 14)]
    for day, expected in ((1, []), (2.5, [0]), (3, [1]), (20, [2])):
        rows = plan.database.query("SELECT execution_id FROM results_as_of(%s)", [NOW + day * DAY])
        assert [row["execution_id"] for row in rows] == [versions[one]["id"] for one in expected]


def test_a_window_without_ages_is_neither_final_nor_open(rows: Rows, database: Database) -> None:
    plan = make_plan(database, rows)
    rows.update("workflow_schedules", plan.schedule, parameters={})
    plan.version(NOW + 2 * DAY)
    assert [one["is_final"] for one in versions_of(database, plan.schedule)] == [None]


def test_nobody_sees_versions_of_another_user(plan: Plan, rows: Rows) -> None:
    plan.version(NOW + 2 * DAY)
    assert versions_of(plan.database, {"user_id": rows.user()["id"]}) == []
