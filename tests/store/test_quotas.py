"""Users have no more rows than their quotas, whoever writes them and however many at once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows

REFUSED = psycopg2.errors.CheckViolation


@pytest.fixture
def workflow(rows: Rows) -> Row:
    """Insert a workflow whose user has no quotas but the defaults."""
    return rows.workflow()


def test_a_user_starts_with_the_defaults(rows: Rows, workflow: Row) -> None:
    quotas = rows.quotas(workflow["user_id"], max_workflows=501)
    assert quotas["max_active_schedules"] == 100
    assert quotas["min_schedule_interval_minutes"] == 60
    assert quotas["max_open_collections"] == 20
    assert quotas["max_open_weeks"] == 1500


def test_active_schedules_have_a_limit_that_the_owner_raises(
    rows: Rows, workflow: Row, database: Database
) -> None:
    rows.quotas(workflow["user_id"], max_active_schedules=2)
    first = rows.schedule(workflow=workflow)
    rows.schedule(workflow=workflow)
    paused = rows.schedule(workflow=workflow, is_active=False)
    with pytest.raises(REFUSED) as refused:
        rows.schedule(workflow=workflow)
    assert str(refused.value).startswith(
        "workflow_schedules.is_active: your limit is 2 (user_quotas.max_active_schedules); "
        "delete what you no longer need, or ask the operator"
    )
    with pytest.raises(REFUSED, match="max_active_schedules"):
        rows.update("workflow_schedules", paused, is_active=True)
    rows.update("workflow_schedules", first, is_active=False)
    rows.update("workflow_schedules", paused, is_active=True)
    rows.quotas(workflow["user_id"], max_active_schedules=3)
    rows.update("workflow_schedules", first, is_active=True)
    rows.schedule(workflow=rows.workflow())  # of another user


def test_schedules_that_are_not_active_have_a_limit_too(rows: Rows, workflow: Row) -> None:
    rows.quotas(workflow["user_id"], max_schedules=1)
    rows.schedule(workflow=workflow, is_active=False)
    with pytest.raises(REFUSED, match="max_schedules"):
        rows.schedule(workflow=workflow, is_active=False)


def test_many_rows_of_one_statement_count_together(
    rows: Rows, workflow: Row, database: Database
) -> None:
    insert = """
        INSERT INTO workflow_schedules (name, cron_expression, workflow_id, user_id)
        SELECT 'n', '0 6 * * *', %s, %s FROM generate_series(1, %s)
    """
    with pytest.raises(REFUSED, match="max_active_schedules"):
        database.query(insert, [workflow["id"], workflow["user_id"], 101])
    database.query(insert, [workflow["id"], workflow["user_id"], 100])


def test_rows_of_before_stay_and_run_on(rows: Rows, workflow: Row) -> None:
    schedules = [rows.schedule(workflow=workflow) for _ in range(3)]
    rows.quotas(workflow["user_id"], max_active_schedules=1, max_schedules=1)
    rows.update("workflow_schedules", schedules[0], name="B", is_active=True, last_run_at="now()")
    rows.insert("schedule_runs", schedule_id=schedules[0]["id"], status="SUCCESS")
    rows.update("workflow_schedules", schedules[0], is_active=False)
    with pytest.raises(REFUSED, match="max_active_schedules"):
        rows.update("workflow_schedules", schedules[0], is_active=True)


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("* * * * *", 1),
        ("*/59 0 * * *", 59),
        ("0,30 6 * * *", 30),
        ("30 0,23 1 1 *", None),
        ("1-59/58 * * * *", 2),
        ("@hourly", None),
        ("0,0 6 * * *", None),
    ],
)
def test_a_schedule_does_not_tick_too_often(
    rows: Rows, workflow: Row, expression: str, minutes: int | None
) -> None:
    if minutes is None:
        rows.schedule(workflow=workflow, cron_expression=expression)
        return
    with pytest.raises(REFUSED) as refused:
        rows.schedule(workflow=workflow, cron_expression=expression)
    assert str(refused.value).startswith(
        f"workflow_schedules.cron_expression: '{expression}' ticks again after {minutes} minutes"
    )
    paused = rows.schedule(workflow=workflow, cron_expression=expression, is_active=False)
    with pytest.raises(REFUSED, match="min_schedule_interval_minutes"):
        rows.update("workflow_schedules", paused, is_active=True)
    good = rows.schedule(workflow=workflow)
    with pytest.raises(REFUSED, match="min_schedule_interval_minutes"):
        rows.update("workflow_schedules", good, cron_expression=expression)
    rows.quotas(workflow["user_id"], min_schedule_interval_minutes=minutes)
    rows.update("workflow_schedules", paused, is_active=True)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=6),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=6),
)
def test_the_shortest_interval_goes_over_midnight(
    database: Database, minutes: set[int], hours: set[int]
) -> None:
    ticks = sorted(60 * hour + minute for hour in hours for minute in minutes)
    gaps = [later - earlier for earlier, later in itertools.pairwise([*ticks, ticks[0] + 1440])]
    expression = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    (row,) = database.query("SELECT cron_shortest_interval(%s) AS minutes", [expression])
    assert row["minutes"] == min(gaps)


def test_open_collections_and_their_weeks_have_a_limit(
    rows: Rows, workflow: Row, database: Database
) -> None:
    rows.quotas(workflow["user_id"], max_open_collections=2, max_open_weeks=10)
    first = rows.collection(workflow=workflow)  # of four weeks
    second = rows.collection(workflow=workflow)
    with pytest.raises(REFUSED, match="max_open_collections"):
        rows.collection(workflow=workflow, end_date="2026-01-01")
    with pytest.raises(REFUSED, match=r"report_data_collections\.end_date: .*max_open_weeks"):
        rows.update("report_data_collections", second, end_date="2026-03-01")
    rows.update("report_data_collections", second, end_date="2026-02-11")
    rows.update("report_data_collections", second, end_date="2026-01-28")
    database.query(
        "UPDATE report_data_weeks SET status = 'SUCCESS' WHERE collection_id = %s", [first["id"]]
    )
    assert rows.get("report_data_collections", first)["status"] == "COMPLETED"
    rows.collection(workflow=workflow)


@pytest.mark.parametrize("status", ["COMPLETED", "PAUSED", "FAILED"])
def test_a_status_that_a_person_writes_makes_no_room(
    rows: Rows, workflow: Row, status: str
) -> None:
    rows.quotas(workflow["user_id"], max_open_collections=1)
    collection = rows.collection(workflow=workflow)
    rows.update("report_data_collections", collection, status=status)
    with pytest.raises(REFUSED, match="max_open_collections"):
        rows.collection(workflow=workflow)


@pytest.mark.parametrize(
    ("statement", "quota"),
    [
        ("UPDATE workflow_schedules SET is_active = true", "max_active_schedules"),
        (
            "UPDATE workflow_schedules SET is_active = true, cron_expression = '* * * * *'"
            " WHERE id = (SELECT min(id::TEXT)::UUID FROM workflow_schedules)",
            "min_schedule_interval_minutes",
        ),
        (
            "UPDATE workflows SET sql_query = 'SELECT ' || repeat('a', 260000)",
            "max_definition_bytes",
        ),
        ("UPDATE report_data_collections SET end_date = '2026-12-31'", "max_open_weeks"),
    ],
)
def test_a_trigger_of_a_persons_own_is_no_way_around_a_limit(
    database: Database, rows: Rows, workflow: Row, statement: str, quota: str
) -> None:
    """Any session may make a temporary table with a trigger, which runs statements in depth."""
    rows.quotas(
        workflow["user_id"], max_active_schedules=1, max_definition_bytes=1000, max_open_weeks=4
    )
    for _ in range(2):
        rows.schedule(workflow=workflow, is_active=False)
    rows.collection(workflow=workflow)
    analyst = database.connect("recomamp_analyst", workflow["user_id"])
    lever = """
        CREATE TEMP TABLE lever (statement TEXT);
        CREATE FUNCTION pg_temp.pull() RETURNS TRIGGER LANGUAGE plpgsql AS
            $$ BEGIN EXECUTE NEW.statement; RETURN NEW; END $$;
        CREATE TRIGGER pull BEFORE INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.pull();
    """
    with analyst, analyst.cursor() as cursor:
        cursor.execute(lever)
        with pytest.raises(REFUSED, match=quota):
            cursor.execute("INSERT INTO lever VALUES (%s)", [statement])
        analyst.rollback()


def test_what_the_pipeline_writes_about_weeks_is_never_refused(
    rows: Rows, workflow: Row, database: Database
) -> None:
    collections = [rows.collection(workflow=workflow) for _ in range(2)]
    rows.quotas(
        workflow["user_id"],
        max_open_collections=1,
        max_open_weeks=1,
        max_collections=1,
        max_definition_bytes=1,
    )
    for status in ("RUNNING", "SUCCESS", "FAILED", "RUNNING", "FAILED"):
        for collection in collections:
            database.query(
                "UPDATE report_data_weeks SET status = %s WHERE collection_id = %s",
                [status, collection["id"]],
            )
    assert rows.get("report_data_collections", collections[0])["status"] == "FAILED"
    rows.execution(workflow=workflow)


def test_collections_that_have_ended_have_a_limit_too(
    rows: Rows, workflow: Row, database: Database
) -> None:
    rows.quotas(workflow["user_id"], max_collections=2)
    made = [rows.collection(workflow=workflow) for _ in range(2)]
    database.query("UPDATE report_data_weeks SET status = 'SUCCESS'")
    with pytest.raises(REFUSED, match="max_collections"):
        rows.collection(workflow=workflow)
    rows.quotas(workflow["user_id"], max_collections=1)
    rows.update("report_data_collections", made[0], end_date="2026-02-04")


def test_queries_are_bounded_together_where_the_generator_fetches_them(
    rows: Rows, workflow: Row
) -> None:
    rows.quotas(workflow["user_id"], max_definition_bytes=3000)
    rows.update("workflows", workflow, sql_query="x" * 900)
    schedules = [rows.schedule(workflow=workflow) for _ in range(3)]
    with pytest.raises(REFUSED, match=r"workflows\.sql_query: .*max_definition_bytes"):
        rows.schedule(workflow=workflow)
    with pytest.raises(REFUSED, match="max_definition_bytes"):
        rows.collection(workflow=workflow)
    with pytest.raises(REFUSED, match="max_definition_bytes"):
        rows.update("workflows", workflow, sql_query="x" * 1000)
    with pytest.raises(REFUSED, match="max_definition_bytes"):
        rows.update("workflow_schedules", schedules[0], parameters={"a": "x" * 900})
    rows.update("workflows", workflow, sql_query="x" * 800)
    other = rows.workflow(
        instance=rows.get("amc_instances", str(workflow["instance_id"])), sql_query="x" * 1500
    )
    with pytest.raises(REFUSED, match="max_definition_bytes"):
        rows.update("workflow_schedules", schedules[0], workflow_id=other["id"])


@pytest.mark.parametrize(
    ("table", "quota", "columns"),
    [
        ("workflows", "max_workflows", {}),
        (
            "query_templates",
            "max_query_templates",
            {"name": "T", "category": "c", "sql_template": "SELECT 1 AS one"},
        ),
        ("asin_lists", "max_asin_lists", {"name": "L"}),
        ("asins", "max_asins", {}),
        ("notification_channels", "max_notification_channels", {}),
        ("result_checks", "max_result_checks", {}),
    ],
)
def test_other_rows_have_a_limit(
    rows: Rows, table: str, quota: str, columns: dict[str, Any]
) -> None:
    instance = rows.instance()
    user = instance["user_id"]
    workflow = rows.workflow(instance=instance) if table == "result_checks" else {}
    rows.quotas(user, **{quota: 2})

    def insert(number: int) -> Row:
        match table:
            case "workflows":
                return rows.workflow(instance=instance)
            case "asins":
                return rows.insert(table, asin=f"B00000000{number}", user_id=user)
            case "query_templates":
                return rows.insert(table, author_id=user, **columns)
            case "notification_channels":
                address = f"https://hooks.example.com/{number}"
                return rows.insert(table, kind="SLACK", url=address, user_id=user)
            case "result_checks":
                return rows.insert(
                    table, workflow_id=workflow["id"], name="R", measure="ROWS",
                    comparison=">", threshold=0, user_id=user,
                )  # fmt: skip
        return rows.insert(table, user_id=user, **columns)

    first = insert(1)
    insert(2)
    with pytest.raises(REFUSED, match=rf"{table}\.\w+_id: your limit is 2 \(user_quotas\.{quota}"):
        insert(3)
    rows.update(table, first, created_at="now()")


def test_a_template_of_nobody_counts_for_nobody(rows: Rows) -> None:
    for _ in range(3):
        rows.insert("query_templates", name="T", category="c", sql_template="SELECT 1 AS one")


def test_items_of_all_lists_have_a_limit(rows: Rows) -> None:
    user = rows.user()["id"]
    rows.quotas(user, max_asin_list_items=2)
    lists = [rows.insert("asin_lists", name="L", user_id=user) for _ in range(2)]
    products = [rows.insert("asins", asin=f"B00000000{n}", user_id=user) for n in range(2)]
    for one in lists:
        rows.insert("asin_list_items", list_id=one["id"], asin_id=products[0]["id"])
    with pytest.raises(REFUSED, match="max_asin_list_items"):
        rows.insert("asin_list_items", list_id=lists[0]["id"], asin_id=products[1]["id"])


INSERT = """
    INSERT INTO workflow_schedules (name, cron_expression, workflow_id, user_id)
    SELECT 'n', '0 6 * * *', id, user_id FROM workflows WHERE id = ANY (%s::uuid[])
"""


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_statements_at_once_do_not_exceed_a_limit_together(
    rows: Rows, workflow: Row, database: Database, isolation: str
) -> None:
    rows.quotas(workflow["user_id"], max_active_schedules=3)
    start = Barrier(8)

    def insert(_: int) -> str:
        connection = database.connect()
        connection.set_session(isolation_level=isolation)
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM workflow_schedules")  # takes the snapshot
            start.wait()
            try:
                cursor.execute(INSERT, [[str(workflow["id"])]])
                connection.commit()
            except (REFUSED, psycopg2.errors.SerializationFailure) as err:
                connection.rollback()
                return type(err).__name__
        return "inserted"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(insert, range(8)))
    (row,) = database.query("SELECT COUNT(*) AS number FROM workflow_schedules")
    assert row["number"] == said.count("inserted") <= 3
    assert row["number"] >= 1
    if isolation == "READ COMMITTED":
        assert row["number"] == 3


def test_statements_about_the_same_users_in_another_order_do_not_wait_for_each_other(
    rows: Rows, database: Database
) -> None:
    workflows = [str(rows.workflow()["id"]) for _ in range(12)]
    start = Barrier(6)

    def insert(number: int) -> None:
        connection = database.connect()
        order = workflows if number % 2 else workflows[::-1]
        start.wait()
        for _ in range(5):
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO workflow_schedules (name, cron_expression, workflow_id, user_id)"
                    " SELECT 'n', '0 6 * * *', workflow.id, workflow.user_id"
                    " FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted (id, place)"
                    " JOIN workflows AS workflow USING (id) ORDER BY place",
                    [order],
                )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(insert, range(6)))
    (row,) = database.query("SELECT COUNT(*) AS number FROM workflow_schedules")
    assert row["number"] == 6 * 5 * 12


def test_adding_rows_waits_for_nobody_who_uses_the_users_tokens(
    rows: Rows, workflow: Row, database: Database
) -> None:
    holder = database.connect()
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [workflow["user_id"]])
        database.query("SET lock_timeout = '5s'")
        rows.schedule(workflow=workflow)
    holder.close()


def test_people_see_their_own_quotas_and_change_none(
    rows: Rows, workflow: Row, database: Database
) -> None:
    rows.schedule(workflow=workflow)
    rows.schedule()
    own = database.connect(role="recomamp_analyst", user_id=workflow["user_id"])
    with own.cursor() as cursor:
        cursor.execute("SELECT user_id::TEXT FROM user_quotas")
        assert cursor.fetchall() == [(str(workflow["user_id"]),)]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("UPDATE user_quotas SET max_schedules = 10000")
