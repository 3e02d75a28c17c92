"""Rows of ``run_requests``: what people ask for, of a definition or of one execution."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.console.database import ConsoleDatabase
from recomamp.store.statements import Row, fetch_all, fetch_one

_OF_NOTHING = dict.fromkeys(("schedule_id", "collection_id", "execution_id"))
_WITHOUT_DAYS = dict.fromkeys(("from_date", "to_date", "reprocess_behavior"))


def select_requests(connection: Connection, **of: UUID | None) -> list[Row]:
    """Return the latest requests for a schedule, a collection or an execution."""
    return fetch_all(connection, "console/select_run_requests", **{**_OF_NOTHING, **of})


def insert_request(database: ConsoleDatabase, owner_id: UUID, **columns: Any) -> Row | None:
    """Insert a request as the owner of the row that it names, and return its id."""
    given = {**_OF_NOTHING, **_WITHOUT_DAYS, **columns}
    with database.write_as(owner_id) as connection:
        return fetch_one(connection, "console/insert_run_request", user_id=owner_id, **given)
