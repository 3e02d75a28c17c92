"""Collections: the list, and one with its weeks and versions."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter

from recomamp.console.access import RUNS, CurrentVisitor
from recomamp.console.database import Database
from recomamp.console.definitions import (
    PageNumber,
    Search,
    as_page,
    ids_of,
    list_page,
    one_row,
    readable_runs,
    rights_on,
)
from recomamp.console.run_requests import select_requests
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import read_collection_windows
from recomamp.domain.scheduling.windows import DAYS_PER_WEEK
from recomamp.errors import InvalidDefinition
from recomamp.store.statements import Row, fetch_all

router = APIRouter(prefix="/collections")


@router.get("")
def collections(
    visitor: CurrentVisitor,
    database: Database,
    search: Search = "",
    state: Literal["all", "ACTIVE", "PAUSED", "COMPLETED", "FAILED"] = "all",
    page: PageNumber = 1,
) -> dict[str, Any]:
    """Return one page of the list, each collection with its weeks."""
    ids = visitor.visible().collection_ids
    with database.read() as connection:
        rows = list_page(connection, DefinitionKind.COLLECTION, ids, search, state, page)
        shown_ids = [row["id"] for row in rows]
        found = fetch_all(connection, "console/select_weeks", shown_ids=shown_ids)
    weeks = readable_runs(visitor, rows, found, "collection_id")
    return as_page([_with_weeks(row, weeks[row["id"]]) for row in rows], page)


@router.get("/{collection_id}")
def collection(collection_id: UUID, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Return one collection with its weeks, its versions and the requests for it."""
    ref = DefinitionRef(DefinitionKind.COLLECTION, collection_id)
    visitor.require_read(ref.dag_id, RUNS)
    with database.read() as connection:
        row = one_row(connection, ref)
        weeks = fetch_all(connection, "console/select_weeks", shown_ids=[collection_id])
        more = {
            "restated": fetch_all(
                connection, "console/select_restated_weeks", collection_id=collection_id
            ),
            "requests": select_requests(connection, **ids_of(ref)),
        }
    return {**_with_weeks(row, weeks), **more, **rights_on(visitor, ref)}


def _with_weeks(row: Row, weeks: list[Row]) -> dict[str, Any]:
    """Return a row for the browser, with its weeks and the next due of them, or its problem."""
    shown = {name: value for name, value in row.items() if name != "parameters"}
    shown |= {"weeks": weeks, "time_zone": "UTC", "next_week": None, "problem": None}
    try:
        windows = read_collection_windows(row)
    except InvalidDefinition as err:
        return {**shown, "problem": str(err)}
    pending = next((week for week in weeks if week["status"] == "PENDING"), None)
    if pending is not None:
        index = (pending["first_day"] - row["start_date"]).days // DAYS_PER_WEEK
        shown["next_week"] = {**pending, "due_at": windows.week(index).due_at}
    return {**shown, "time_zone": windows.time_zone}
