"""An execution that waits for its next try says so, and says it no longer once it goes on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fixtures.postgres import Database, Rows
from recomamp.store.executions import clear_try_error, set_try_error

SOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_an_open_execution_shows_why_and_how_long_it_waits(
    database: Database, rows: Rows, status: str
) -> None:
    execution = rows.execution(status=status)
    other = rows.execution()
    with database.connect("recomamp_pipeline") as connection:
        assert set_try_error(
            connection, execution["id"], next_retry_at=SOON, error_message="429: slow down"
        )
    row = rows.get("workflow_executions", execution)
    assert (row["status"], row["next_retry_at"], row["error_message"]) == (
        status,
        SOON,
        "429: slow down",
    )
    assert rows.get("workflow_executions", other) == other


def test_one_that_goes_on_shows_neither(database: Database, rows: Rows) -> None:
    execution = rows.execution(next_retry_at=SOON, error_message="429: slow down")
    with database.connect("recomamp_pipeline") as connection:
        assert clear_try_error(connection, execution["id"])
        assert not clear_try_error(connection, execution["id"])
    row = rows.get("workflow_executions", execution)
    assert (row["status"], row["next_retry_at"], row["error_message"]) == ("PENDING", None, None)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "CANCELLED", "TIMEOUT"])
def test_one_that_has_ended_stays_as_it_is(database: Database, rows: Rows, status: str) -> None:
    execution = rows.execution(status=status, error_message="the end")
    with database.connect("recomamp_pipeline") as connection:
        assert not set_try_error(
            connection, execution["id"], next_retry_at=SOON, error_message="429: slow down"
        )
        assert not clear_try_error(connection, execution["id"])
    assert rows.get("workflow_executions", execution) == execution
