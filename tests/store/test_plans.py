"""No statement of the pipeline or the console reads a table that grows from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from bench.history import GROWING_TABLES, History, key, write_history
from bench.query_plans import (
    analyze,
    changes_rows,
    console_statements,
    create_temporary_tables,
    find_full_scans,
    full_scans,
    statements,
)
from fixtures.postgres import Database, Server
from recomamp.store.slots import COLLECTION_HANDICAP

HISTORY = History(executions=20_000, weeks=2_000)


@pytest.fixture(scope="module")
def written_past(postgres_server: Server, template_database: str) -> Iterator[str]:
    """Provide the name of a database with a past, known to the planner, to be copied."""
    name = postgres_server.create_database(template_database)
    try:
        with closing(psycopg2.connect(postgres_server.uri(name))) as superuser:
            superuser.autocommit = True
            write_history(superuser, HISTORY)
        yield name
    finally:
        postgres_server.drop_database(name)


@pytest.fixture(scope="module", params=["some are open", "none is open"])
def past(
    request: pytest.FixtureRequest, postgres_server: Server, written_past: str
) -> Iterator[Database]:
    """Provide a copy of the past."""
    name = postgres_server.create_database(written_past)
    database = Database(uri=postgres_server.uri(name))
    try:
        superuser = database.connect(autocommit=True)
        if request.param == "none is open":
            end_all(superuser)
        yield database
    finally:
        database.close()
        postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def pipeline(past: Database) -> Connection:
    """Connect as the pipeline."""
    connection = past.connect("recomamp_pipeline", autocommit=True)
    create_temporary_tables(connection)
    return connection


@pytest.fixture(scope="module")
def console(past: Database) -> Connection:
    """Connect as the console."""
    return past.connect("recomamp_console", autocommit=True)


@pytest.fixture(scope="module")
def analyst(past: Database) -> Connection:
    """Connect with the role that the console takes to write."""
    return past.connect("recomamp_analyst", autocommit=True)


def end_all(superuser: Connection) -> None:
    """End what is open: the planner then takes an index of open ones for nearly free."""
    with superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE workflow_executions SET status = 'SUCCESS' WHERE status = 'RUNNING'")
        cursor.execute("VACUUM ANALYZE workflow_executions")


@pytest.mark.parametrize("name", statements())
def test_a_statement_reads_no_growing_table_from_end_to_end(
    name: str, pipeline: Connection
) -> None:
    assert full_scans(pipeline, name, GROWING_TABLES) == []


@pytest.mark.parametrize("name", console_statements())
@pytest.mark.parametrize("sees_all", [True, False])
def test_a_page_reads_no_growing_table_from_end_to_end(
    name: str, console: Connection, analyst: Connection, sees_all: bool
) -> None:
    """Whether its reader may see all definitions or one of each kind."""
    last = None if sees_all else 1
    values: dict[str, Any] = {
        "schedule_ids": HISTORY.keys("schedule")[:last],
        "collection_ids": HISTORY.keys("collection")[:last],
        "visible_ids": HISTORY.keys("schedule")[:last],
        "all_instances": sees_all,
        "since": datetime.now(UTC) - timedelta(days=7),
    }
    by = analyst if changes_rows(name) else console
    assert full_scans(by, name, GROWING_TABLES, values) == []


def test_a_whole_scan_would_be_found(pipeline: Connection) -> None:
    without_index = "SELECT id FROM workflow_executions WHERE error_type = %(error_type)s;"
    assert find_full_scans(pipeline, without_index, GROWING_TABLES, {}) == [
        "Seq Scan on workflow_executions"
    ]
    ordered = "SELECT id FROM workflow_executions ORDER BY id;"
    assert find_full_scans(pipeline, ordered, GROWING_TABLES, {}) == [
        "Index Only Scan on workflow_executions"
    ]


@pytest.mark.parametrize("upkeep", ["VACUUM ANALYZE", "ANALYZE"])
def test_old_statistics_make_no_line_of_waiting_executions_long(
    pipeline: Connection, postgres_server: Server, upkeep: str
) -> None:
    """The plan is made while the planner still believes that nothing waits."""
    database = Database(uri=postgres_server.uri(pipeline.info.dbname))
    try:
        for _ in range(4):  # by and by the indexes hold what former lines have left there
            with closing(database.connect(autocommit=True)) as tidy, tidy.cursor() as cursor:
                cursor.execute(f"{upkeep} workflow_executions")
            read = rows_read_for_a_line(database.connect())
            assert read < 100, f"{read} rows were read to grant ten slots to a line of 2,000"
    finally:
        database.close()


def rows_read_for_a_line(superuser: Connection) -> float:
    """Let 2,000 executions wait, grant slots, count what was read, and take it all back."""
    with superuser.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_LINE)
        cursor.execute("SET LOCAL session_replication_role = origin")
        read = rows_read(superuser)
    superuser.rollback()
    return read


_LINE = """
INSERT INTO workflow_executions
    (workflow_id, user_id, instance_id, dag_id, dag_run_id, created_at)
SELECT
    workflow_id, user_id, instance_id, 'amc_schedule_00000000-0000-0000-0000-000000000000',
    'run ' || n, NOW() + n * INTERVAL '1 second'
FROM generate_series(1, 2000) AS n
CROSS JOIN (
    SELECT * FROM workflow_executions WHERE instance_id = md5('instance 1')::UUID LIMIT 1
) AS like_this
"""


def rows_read(connection: Connection) -> float:
    """Grant the free slots of an account and return how many executions were read for it."""
    plan = analyze(
        connection,
        "grant_slots",
        {
            "account_key": key("account 1"),
            "granted_at": datetime.now(UTC),
            "collection_handicap": COLLECTION_HANDICAP,
            "external_counted_since": datetime.now(UTC),
            "external_counted_until": datetime.now(UTC),
        },
    )
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in plan
        if node.get("Relation Name") == "workflow_executions" and "Scan" in node["Node Type"]
    )
