"""What the pages of schedules and of collections share: pages of a list, requests and pausing."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, status
from psycopg2.extensions import connection as Connection
from pydantic import BaseModel, ConfigDict

from recomamp.console.access import (
    CHANGE_RUNS,
    EDIT,
    RUNS,
    START_RUNS,
    CurrentVisitor,
    Visitor,
    not_found,
    require_row,
)
from recomamp.console.database import ConsoleDatabase, Database
from recomamp.console.run_requests import insert_request
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.store.statements import Row, fetch_all, fetch_one

log = logging.getLogger(__name__)

router = APIRouter(prefix="/definitions")

PAGE_SIZE = 20
_LIST = {
    DefinitionKind.SCHEDULE: "console/select_schedules",
    DefinitionKind.COLLECTION: "console/select_collections",
}
_SET_STATUS = {
    DefinitionKind.SCHEDULE: "console/set_schedule_status",
    DefinitionKind.COLLECTION: "console/set_collection_status",
}

Search = Annotated[str, Query(max_length=200)]
PageNumber = Annotated[int, Query(ge=1, le=1000)]
ReprocessBehavior = Literal["none", "failed", "completed"]


class RunRequest(BaseModel):
    """The body of a request for runs: columns of ``run_requests``."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["RUN", "BACKFILL", "RETRY"]
    from_date: date | None = None
    to_date: date | None = None
    reprocess_behavior: ReprocessBehavior | None = None


class Status(BaseModel):
    """The body that pauses or resumes a definition."""

    status: Literal["ACTIVE", "PAUSED"]


def list_page(
    connection: Connection, kind: DefinitionKind, ids: str, search: str, state: str, page: int
) -> list[Row]:
    """Return the rows of a page of a list, counted from 1.

    :param ids: of the visible definitions of this kind, as a Postgres array.
    """
    return fetch_all(
        connection,
        _LIST[kind],
        visible_ids=ids,
        search=search,
        state=state,
        limit=PAGE_SIZE,
        offset=(page - 1) * PAGE_SIZE,
    )


def one_row(connection: Connection, ref: DefinitionRef) -> Row:
    """Return the row of one definition; 404 where there is none."""
    rows = list_page(connection, ref.kind, f"{{{ref.id}}}", "", "all", 1)
    return require_row(rows[0] if rows else None)


def as_page(rows: list[Row], page: int) -> dict[str, Any]:
    """Return a page of rows that each carry the ``total`` of all pages."""
    total = rows[0]["total"] if rows else 0
    return {"rows": rows, "total": total, "page": page, "pages": -(-total // PAGE_SIZE)}


def readable_runs(
    visitor: Visitor, rows: list[Row], runs: list[Row], owned_by: str
) -> Mapping[UUID, list[Row]]:
    """Return the runs of each row, none for a row whose runs the visitor may not read.

    :param owned_by: the column of a run that names its row.
    """
    allowed = {row["id"] for row in rows if visitor.may("GET", row["dag_id"], RUNS)}
    found: dict[UUID, list[Row]] = defaultdict(list)
    for run in runs:
        if run[owned_by] in allowed:
            found[run[owned_by]].append(run)
    return found


def ids_of(ref: DefinitionRef) -> dict[str, UUID | None]:
    """Return the columns by which other tables name a definition."""
    return {"schedule_id": ref.schedule_id, "collection_id": ref.collection_id}


def rights_on(visitor: Visitor, ref: DefinitionRef) -> dict[str, bool]:
    """Return what the visitor may do with a definition."""
    rights = {"may_edit": EDIT, "may_run": START_RUNS, "may_change_runs": CHANGE_RUNS}
    return {name: visitor.may_do(action, ref.dag_id) for name, action in rights.items()}


def _definition(dag_id: str) -> DefinitionRef:
    ref = DefinitionRef.of_dag(dag_id)
    if ref is None:
        raise not_found()
    return ref


Definition = Annotated[DefinitionRef, Depends(_definition)]


@router.post("/{dag_id}/requests", status_code=status.HTTP_201_CREATED)
def request_runs(
    ref: Definition, wanted: RunRequest, visitor: CurrentVisitor, database: Database
) -> Row | None:
    """Insert a row of ``run_requests`` as the owner of a definition, and return its id."""
    visitor.require(CHANGE_RUNS if wanted.action == "RETRY" else START_RUNS, ref.dag_id)
    log.info("%s asks for %s of %s", visitor.id, wanted.action, ref)
    return insert_request(
        database,
        _owner_of(database, ref),
        **ids_of(ref),
        **wanted.model_dump(),
    )


@router.put("/{dag_id}/status")
def set_status(
    ref: Definition, wanted: Status, visitor: CurrentVisitor, database: Database
) -> Status:
    """Pause or resume a definition as its owner."""
    visitor.require(EDIT, ref.dag_id)
    log.info("%s sets %s to %s", visitor.id, ref, wanted.status)
    with database.write_as(_owner_of(database, ref)) as connection:
        fetch_one(connection, _SET_STATUS[ref.kind], id=ref.id, status=wanted.status)
    return wanted


def _owner_of(database: ConsoleDatabase, ref: DefinitionRef) -> UUID:
    with database.read() as connection:
        row = require_row(fetch_one(connection, "console/select_definition_owner", **ids_of(ref)))
    user_id: UUID = row["user_id"]
    return user_id
