"""What people read of results: the latest of each window, its rows, and no row of anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, RealDictCursor

from bench.history import GROWING_TABLES, History, key, write_history
from bench.query_plans import find_full_scans
from fixtures.postgres import Database, Row, Rows, Server

WEEK = {"window_start": "2026-01-05", "window_end": "2026-01-12", "window_time_zone": "UTC"}
NEXT_WEEK = {**WEEK, "window_start": "2026-01-12", "window_end": "2026-01-19"}
FIELDS = [{"name": "id", "dataType": "LONG"}]
DOCUMENT = {"schema": {"fields": FIELDS}, "data": [], "truncated": False, "files": []}


def succeed(rows: Rows, workflow: Row, at: str, **columns: Any) -> str:
    """Insert a success that was loaded at a time and return its id."""
    own = {"results_loaded_at": at, "completed_at": at, "result_data": DOCUMENT, "result_rows": 0}
    one = rows.execution(workflow, status="SUCCESS", **{**WEEK, **own, **columns})
    return str(one["id"])


def read(connection: Connection, statement: str, *values: Any) -> list[Row]:
    with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(statement, values)
        return [dict(row) for row in cursor.fetchall()]


@pytest.fixture
def workflow(rows: Rows) -> Row:
    return rows.workflow(name="Reach")


@pytest.fixture
def analyst(database: Database, workflow: Row) -> Connection:
    """Sign in the owner of the workflow."""
    return database.connect("recomamp_analyst", workflow["user_id"])


def current(connection: Connection) -> list[Row]:
    return read(connection, "SELECT * FROM current_results ORDER BY window_start, completed_at")


def test_of_each_window_the_latest_success_is_current(
    rows: Rows, workflow: Row, analyst: Connection
) -> None:
    succeed(rows, workflow, "2026-02-01")
    latest = succeed(rows, workflow, "2026-02-03")
    succeed(rows, workflow, "2026-02-02")
    other = succeed(rows, workflow, "2026-02-01", **NEXT_WEEK)
    rows.execution(workflow, status="FAILED", completed_at="2026-03-01", **WEEK)
    succeed(rows, workflow, "2026-03-01", window_start=None, window_end=None)

    found = current(analyst)
    assert [(row["execution_id"], row["versions"]) for row in found] == [(latest, 3), (other, 1)]
    assert found[0]["workflow_name"] == "Reach"
    assert (found[0]["files"], found[0]["columns"]) == ([], FIELDS)
    assert (found[0]["document_truncated"], found[0]["files_deleted_at"]) == (False, None)


def test_a_schedule_a_collection_and_neither_have_a_current_result_each(
    rows: Rows, workflow: Row, analyst: Connection
) -> None:
    schedule, collection = rows.schedule(workflow), rows.collection(workflow)
    ids = {
        succeed(rows, workflow, "2026-02-01"),
        succeed(rows, workflow, "2026-02-01", schedule_id=schedule["id"]),
        succeed(rows, workflow, "2026-02-01", collection_id=collection["id"]),
        succeed(rows, workflow, "2026-02-01", window_type="MOST_RECENT_WEEK"),
    }
    assert {row["execution_id"] for row in current(analyst)} == ids


def test_a_result_stays_current_where_its_files_are_deleted(
    rows: Rows, workflow: Row, analyst: Connection
) -> None:
    succeed(rows, workflow, "2026-02-01")
    gone = succeed(rows, workflow, "2026-02-02", result_files_deleted_at="2026-03-01")
    (row,) = current(analyst)
    assert row["execution_id"] == gone
    assert row["files_deleted_at"].isoformat().startswith("2026-03-01")


def test_results_as_of_a_time_are_those_that_were_loaded_until_then(
    rows: Rows, workflow: Row, analyst: Connection
) -> None:
    first = succeed(rows, workflow, "2026-02-01")
    second = succeed(rows, workflow, "2026-02-03")
    ask = "SELECT execution_id FROM results_as_of(%s)"
    for moment, expected in (
        ("2026-01-31", []),
        ("2026-02-01", [first]),
        ("2026-02-02", [first]),
        ("2026-02-03", [second]),
    ):
        assert [row["execution_id"] for row in read(analyst, ask, moment)] == expected


@pytest.mark.parametrize("loaded_at", [{}, {"results_loaded_at": None}])
def test_a_success_of_the_application_counts_from_its_end(
    rows: Rows, workflow: Row, analyst: Connection, loaded_at: Row
) -> None:
    one = succeed(rows, workflow, "2026-02-02", **loaded_at)
    ask = "SELECT execution_id FROM results_as_of(%s)"
    assert read(analyst, ask, "2026-02-01") == []
    assert [row["execution_id"] for row in read(analyst, ask, "2026-02-02")] == [one]


def test_nobody_reads_results_of_another_user(
    database: Database, rows: Rows, workflow: Row, analyst: Connection
) -> None:
    data = [{"id": 1}]
    one = succeed(rows, workflow, "2026-02-01", result_data={**DOCUMENT, "data": data})
    rows.collection(workflow)
    schedule = rows.schedule(workflow)
    stranger = rows.user()["id"]
    asked: list[tuple[str, list[Any]]] = [
        ("SELECT * FROM current_results", []),
        ("SELECT * FROM results_as_of('infinity')", []),
        ("SELECT * FROM result_rows(%s)", [one]),
        ("SELECT * FROM schedule_preview(%s)", [schedule["id"]]),
        ("SELECT * FROM collection_progress", []),
        ("SELECT * FROM progress_of_collections()", []),
    ]
    bob = database.connect("recomamp_analyst", stranger)
    nobody = database.connect("recomamp_analyst")
    for statement, values in asked:
        assert read(analyst, statement, *values), statement
        assert read(bob, statement, *values) == [], statement
        assert read(nobody, statement, *values) == [], statement


def test_a_condition_of_the_readers_is_not_tried_on_rows_of_others(
    database: Database, rows: Rows, workflow: Row
) -> None:
    succeed(rows, workflow, "2026-02-01", result_rows=7)
    bob = database.connect("recomamp_analyst", rows.user()["id"])
    leak = "SELECT * FROM current_results WHERE 1 / (result_rows - 7) = 1"
    assert read(bob, leak) == []


def test_the_pipeline_reads_the_results_of_all(
    database: Database, rows: Rows, workflow: Row
) -> None:
    ids = {succeed(rows, one, "2026-02-01") for one in (workflow, rows.workflow())}
    pipeline = database.connect("recomamp_pipeline")
    found = read(pipeline, "SELECT execution_id FROM results_as_of('infinity')")
    assert {row["execution_id"] for row in found} == ids


# --- Rows --------------------------------------------------------------------------------------

BIG = 2**60 + 1
DATA = [{"id": BIG, "rate": Decimal("0.12345678901234567"), "name": ""}] + [
    {"id": number, "rate": None, "name": None} for number in range(2, 6)
]


@pytest.fixture
def stored(database: Database, rows: Rows, workflow: Row) -> str:
    """Store a result of five rows, of which the document says that there are more."""
    succeed(rows, workflow, "2026-01-01", result_data={**DOCUMENT, "data": [{"id": 0}]})
    one = succeed(rows, workflow, "2026-02-01", result_rows=9)
    text = [
        f'{{"id": {row["id"]}, "rate": {row["rate"] or "null"},'
        f' "name": {"null" if row["name"] is None else Json("").dumps("")}}}'
        for row in DATA
    ]
    database.query(
        "UPDATE workflow_executions SET result_data = %s WHERE id = %s",
        [f'{{"data": [{",".join(text)}], "truncated": true}}', one],
    )
    return one


def test_a_page_of_rows_reads_no_more_of_the_document_than_one_row(
    database: Database, analyst: Connection, rows: Rows, workflow: Row
) -> None:
    text = "".join(sha256(bytes([number])).hexdigest() for number in range(250))
    document = {"data": [{"id": number, "text": text} for number in range(200)]}
    document["data"] = [{"id": one["id"], "text": text[one["id"] :]} for one in document["data"]]
    one = succeed(rows, workflow, "2026-02-01", result_rows=200, result_data=document)

    def blocks(row_limit: int) -> int:
        [found] = read(
            analyst,
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM result_rows(%s, %s)",
            one,
            row_limit,
        )
        plan = found["QUERY PLAN"][0]["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    blocks(1)  # the first call reads the catalogue
    assert 5 < blocks(100) < 1.5 * blocks(1)


def test_rows_keep_every_digit_and_null_is_not_the_empty_text(
    analyst: Connection, stored: str
) -> None:
    rows = read(
        analyst,
        "SELECT row_number, (result_row ->> 'id')::BIGINT AS id,"
        " (result_row -> 'rate')::TEXT AS rate, result_row ->> 'name' AS name,"
        " result_rows, is_truncated FROM result_rows(%s)",
        stored,
    )
    assert [row["row_number"] for row in rows] == [1, 2, 3, 4, 5]
    assert (rows[0]["id"], rows[0]["rate"], rows[0]["name"]) == (BIG, "0.12345678901234567", "")
    assert (rows[1]["rate"], rows[1]["name"]) == ("null", None)
    assert {(row["result_rows"], row["is_truncated"]) for row in rows} == {(9, True)}


@pytest.mark.parametrize(
    ("limit", "offset", "numbers"),
    [(2, 0, [1, 2]), (2, 2, [3, 4]), (2, 4, [5]), (2, 5, []), (10_000, 10_000, [])],
)
def test_rows_come_page_by_page(
    analyst: Connection, stored: str, limit: int, offset: int, numbers: list[int]
) -> None:
    ask = "SELECT row_number FROM result_rows(%s, %s, %s)"
    assert [row["row_number"] for row in read(analyst, ask, stored, limit, offset)] == numbers


@pytest.mark.parametrize(
    ("limit", "offset", "problem"),
    [
        (0, 0, "result_rows: row_limit is 0; write a number from 1 to 10000"),
        (10_001, 0, "row_limit is 10001"),
        (None, 0, "row_limit is NULL"),
        (1, -1, "result_rows: row_offset is -1; write a number from 0 to 10000"),
        (1, 10_001, "row_offset is 10001"),
        (1, None, "row_offset is NULL"),
    ],
)
def test_a_page_that_cannot_be_is_refused_with_the_bounds(
    analyst: Connection, limit: int | None, offset: int | None, problem: str
) -> None:
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=problem):
        read(analyst, "SELECT * FROM result_rows(%s, %s, %s)", str(uuid4()), limit, offset)


def test_an_execution_without_a_document_has_no_rows(
    rows: Rows, workflow: Row, analyst: Connection
) -> None:
    none = succeed(rows, workflow, "2026-02-01", result_data=None)
    odd = succeed(rows, workflow, "2026-02-01", result_data={"data": "text"})
    assert read(analyst, "SELECT * FROM result_rows(%s)", none) == []
    read(analyst, "SELECT * FROM result_rows(%s)", odd)  # whatever the application has stored
    assert read(analyst, "SELECT * FROM result_rows(%s)", str(uuid4())) == []


# --- Plans -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["", "_16"], ids=["18", "16"])
def past(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Provide a database of 20,000 executions, known to the planner, of each version."""
    server: Server = request.getfixturevalue(f"postgres_server{request.param}")
    name = server.create_database(request.getfixturevalue(f"template_database{request.param}"))
    database = Database(uri=server.uri(name))
    try:
        superuser = database.connect(autocommit=True)
        write_history(superuser, History(executions=20_000, weeks=2_000, users=100))
        yield database
    finally:
        database.close()
        server.drop_database(name)


def test_a_reader_sees_own_rows_alone_among_many(past: Database) -> None:
    analyst = past.connect("recomamp_analyst", str(key("user 2")))
    own = read(
        past.connect(),
        "SELECT COUNT(*) AS number FROM workflow_executions"
        " WHERE status = 'SUCCESS' AND user_id = %s",
        str(key("user 2")),
    )
    seen = "SELECT SUM(versions) AS number, COUNT(DISTINCT workflow_id) AS workflows"
    (row,) = read(analyst, f"{seen} FROM current_results")
    assert row == {"number": own[0]["number"], "workflows": 50}
    progress = read(analyst, "SELECT COUNT(*) AS number FROM collection_progress")
    assert progress == [{"number": 1}]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM current_results",
        "SELECT * FROM current_results WHERE workflow_id = %(workflow_id)s",
        "SELECT * FROM current_results WHERE workflow_id = %(workflow_id)s"
        " AND window_start >= NOW() - INTERVAL '7 days'",
        "SELECT * FROM results_as_of(NOW()) WHERE workflow_id = %(workflow_id)s",
        "SELECT * FROM collection_progress",
        "SELECT * FROM collection_progress WHERE collection_id = %(collection_id)s",
    ],
)
def test_a_view_reads_no_growing_table_from_end_to_end(past: Database, statement: str) -> None:
    analyst = past.connect("recomamp_analyst", str(key("user 2")))
    values = {"workflow_id": key("workflow 1"), "collection_id": key("collection 1")}
    assert find_full_scans(analyst, f"{statement};", GROWING_TABLES, values) == []


def test_a_condition_on_workflow_and_window_reaches_the_index(past: Database) -> None:
    """The function is inlined: its plan shows the table, and the window of the reader."""
    analyst = past.connect("recomamp_pipeline")
    plan = read(
        analyst,
        "EXPLAIN SELECT * FROM results_as_of('infinity')"
        f" WHERE workflow_id = '{key('workflow 1')}' AND window_start = '2026-01-05'",
    )
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "idx_workflow_executions_success_window" in text
    assert "window_start = " in text.partition("Index Cond")[2].partition("\n")[0]
    assert "Function Scan" not in text


def test_a_function_scan_would_be_seen(past: Database) -> None:
    superuser = past.connect()
    with superuser.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("ALTER FUNCTION results_as_of(TIMESTAMPTZ) SET search_path = pg_catalog")
        cursor.execute("EXPLAIN SELECT * FROM results_as_of('infinity')")
        assert "Function Scan" in cursor.fetchall()[0]["QUERY PLAN"]
    superuser.rollback()
