"""How a week ends whose runs end at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.execution_states import ExecutionStatus
from recomamp.domain.scheduling.windows import Window
from recomamp.store import run_records

WINDOW = Window(
    start=datetime(2026, 1, 5, tzinfo=UTC), end=datetime(2026, 1, 12, tzinfo=UTC), time_zone="UTC"
)
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def collection(rows: Rows) -> Row:
    return rows.collection(start_date="2026-01-05", end_date="2026-01-11")


def execution(rows: Rows, collection: Row, run: str, status: str, **columns: Any) -> Row:
    return rows.execution(
        workflow=rows.get("workflows", collection["workflow_id"]),
        collection_id=collection["id"],
        dag_run_id=run,
        status=status,
        **columns,
    )


def start(connection: Connection, one: Row) -> bool:
    return run_records.start_week(
        connection,
        collection_id=UUID(str(one["collection_id"])),
        window=WINDOW,
        execution_id=UUID(str(one["id"])),
        execution_status=ExecutionStatus(one["status"]),
        retry_count=0,
        started_at=NOON,
    )


def end(connection: Connection, one: Row, status: str) -> bool:
    return run_records.finish_week(
        connection,
        collection_id=UUID(str(one["collection_id"])),
        window=WINDOW,
        dag_id=one["dag_id"],
        dag_run_id=one["dag_run_id"],
        execution_id=UUID(str(one["id"])),
        status=status,
        error_message="it failed" if status == "FAILED" else None,
        completed_at=NOON,
    )


def test_a_start_that_waited_for_the_end_of_its_execution_leaves_the_week(
    database: Database, rows: Rows, collection: Row
) -> None:
    """When it begins, the execution is running: only what it sees at its end decides."""
    running = execution(rows, collection, "run 1", "RUNNING")
    holder, starting = database.connect(), database.connect()
    with holder.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute(
            "UPDATE workflow_executions SET status = 'CANCELLED', completed_at = now(),"
            " error_type = 'KILLED'"
        )
        waiting = pool.submit(start, starting, running)
        while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
            assert not waiting.done()
        assert end(holder, running, "FAILED")
        holder.commit()
        assert not waiting.result()
        starting.commit()
    assert [week["status"] for week in rows.weeks(collection)] == ["FAILED"]


def test_a_failure_that_waited_for_the_week_leaves_it_to_the_run_that_began_meanwhile(
    database: Database, rows: Rows, collection: Row
) -> None:
    failed = execution(rows, collection, "run 1", "FAILED")
    holder, ending = database.connect(), database.connect()
    with holder.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("SELECT id FROM report_data_weeks FOR UPDATE")  # somebody has the week
        waiting = pool.submit(end, ending, failed, "FAILED")
        while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
            assert not waiting.done()
        other = execution(rows, collection, "run 2", "RUNNING")
        assert start(holder, other)
        holder.commit()
        assert not waiting.result()
        ending.commit()
    (week,) = rows.weeks(collection)
    assert (week["status"], week["execution_id"]) == ("RUNNING", other["id"])


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_results_the_week_shows_the_later_whichever_run_is_recorded_first(
    database: Database, rows: Rows, collection: Row, first: int
) -> None:
    results = [
        execution(rows, collection, f"run {hour}", "SUCCESS", completed_at=NOON + hour * HOUR)
        for hour in range(2)
    ]
    connection = database.connect()
    for one in (results[first], results[1 - first]):
        end(connection, one, "SUCCESS")
    connection.commit()
    assert [week["execution_id"] for week in rows.weeks(collection)] == [results[1]["id"]]
