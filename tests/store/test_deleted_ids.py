"""An id that two users use at the same time stays with the one who had it first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg2.errors
import pytest

from fixtures.postgres import Database, Row, Rows


@pytest.mark.parametrize("table", ["workflows", "workflow_schedules", "report_data_collections"])
def test_an_insert_that_waits_for_the_deletion_of_its_id_is_refused(
    database: Database, rows: Rows, table: str
) -> None:
    """When it begins, nothing is deleted yet: only what it sees at its end decides."""
    anns, bobs = (row_of_a_new_user(rows, table) for _ in range(2))
    copy = (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object('id', %s))).*"
        f" FROM {table} AS one WHERE id = %s"
    )
    deleting, inserting = database.connect(), database.connect()
    with deleting.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [anns["id"]])
        waiting = pool.submit(inserting.cursor().execute, copy, [anns["id"], bobs["id"]])
        try:
            while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
                assert not waiting.done()
            deleting.commit()
        finally:
            deleting.rollback()  # after a failure the INSERT would wait for ever
        with pytest.raises(psycopg2.errors.CheckViolation, match="id of a deleted row"):
            waiting.result()
    inserting.rollback()


def row_of_a_new_user(rows: Rows, table: str) -> Row:
    workflow = rows.workflow(rows.instance())
    if table == "workflows":
        return workflow
    return rows.schedule(workflow) if table == "workflow_schedules" else rows.collection(workflow)
