"""Schedules: the list, one with its ticks and runs, and what a backfill of it would run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, status
from psycopg2.extensions import connection as Connection

from recomamp.console.access import RUNS, CurrentVisitor
from recomamp.console.database import Database
from recomamp.console.definitions import (
    PageNumber,
    ReprocessBehavior,
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
from recomamp.domain.definitions import read_schedule_windows
from recomamp.domain.scheduling.backfills import (
    MAX_BACKFILL_WINDOWS,
    backfill_windows,
    has_too_many_days,
)
from recomamp.domain.scheduling.windows import DueWindow
from recomamp.errors import InvalidDefinition
from recomamp.store.statements import Row, fetch_all

router = APIRouter(prefix="/schedules")

RUNS_IN_LIST = 14
RUNS_OF_ONE = 60
TICKS = 8

# Which of the windows that have a run a backfill runs again
_REPROCESSED: dict[ReprocessBehavior, tuple[str, ...]] = {
    "none": (),
    "failed": ("FAILED",),
    "completed": ("FAILED", "SKIPPED", "SUCCESS"),
}


@router.get("")
def schedules(
    visitor: CurrentVisitor,
    database: Database,
    search: Search = "",
    state: Literal["all", "active", "paused", "failing"] = "all",
    page: PageNumber = 1,
) -> dict[str, Any]:
    """Return one page of the list, each schedule with its next tick and its last runs."""
    # Whether the last run failed is known to those who may read runs
    visible = visitor.visible(RUNS if state == "failing" else None)
    with database.read() as connection:
        ids = visible.schedule_ids
        rows = list_page(connection, DefinitionKind.SCHEDULE, ids, search, state, page)
        found = _runs(connection, [row["id"] for row in rows], RUNS_IN_LIST)
    runs = readable_runs(visitor, rows, found, "schedule_id")
    now = datetime.now(UTC)
    listed = [{**_with_ticks(row, now, 1), "runs": runs[row["id"]]} for row in rows]
    return as_page(listed, page)


@router.get("/{schedule_id}")
def schedule(schedule_id: UUID, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Return one schedule with its next ticks, its last runs and the requests for it."""
    ref = DefinitionRef(DefinitionKind.SCHEDULE, schedule_id)
    visitor.require_read(ref.dag_id, RUNS)
    with database.read() as connection:
        row = one_row(connection, ref)
        more = {
            "runs": _runs(connection, [schedule_id], RUNS_OF_ONE),
            "requests": select_requests(connection, **ids_of(ref)),
        }
    return {**_with_ticks(row, datetime.now(UTC), TICKS), **more, **rights_on(visitor, ref)}


@router.get("/{schedule_id}/backfill")
def preview_backfill(
    schedule_id: UUID,
    visitor: CurrentVisitor,
    database: Database,
    from_date: date,
    to_date: date,
    reprocess_behavior: ReprocessBehavior = "none",
) -> dict[str, Any]:
    """Return the windows of a backfill, and which of them it would run.

    More days than it may have windows give the number alone. Run records say what has run. Airflow
    decides by its own runs when the backfill begins.
    """
    ref = DefinitionRef(DefinitionKind.SCHEDULE, schedule_id)
    visitor.require_read(ref.dag_id, RUNS)
    with database.read() as connection:
        row = one_row(connection, ref)
        try:
            windows = read_schedule_windows(row)
        except InvalidDefinition as err:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(err)) from err
        now = datetime.now(UTC)
        if has_too_many_days(windows, from_date, to_date, now):
            return _preview(row, [], MAX_BACKFILL_WINDOWS + 1)
        found = backfill_windows(windows, from_date, to_date, now)
        planned = list(islice(found, MAX_BACKFILL_WINDOWS + 1))
        states = {
            (one["window_start"], one["window_end"]): one["status"]
            for one in fetch_all(
                connection,
                "console/select_window_states",
                schedule_id=schedule_id,
                window_ends=[due.window.end for due in planned],
            )
        }
    again = (None, *_REPROCESSED[reprocess_behavior])
    listed = []
    for due in planned:
        state = states.get((due.window.start, due.window.end))
        listed.append({**_as_json(due), "status": state, "runs": state in again})
    return _preview(row, listed, sum(one["runs"] for one in listed))


def _runs(connection: Connection, ids: list[UUID], limit: int) -> list[Row]:
    return fetch_all(connection, "console/select_schedule_runs", schedule_ids=ids, limit=limit)


def _preview(row: Row, listed: list[dict[str, Any]], count: int) -> dict[str, Any]:
    return {
        "windows": listed,
        "count": count,
        "limit": MAX_BACKFILL_WINDOWS,
        "time_zone": row["time_zone"],
    }


def _with_ticks(row: Row, now: datetime, ticks: int) -> dict[str, Any]:
    """Return a row for the browser, with its next ticks as if it were active, or its problem."""
    shown = {name: value for name, value in row.items() if name != "parameters"}
    try:
        windows = read_schedule_windows(row)
    except InvalidDefinition as err:
        # A zone that does not exist would stop the page from writing any time
        return {**shown, "time_zone": "UTC", "ticks": [], "problem": str(err)}
    due: DueWindow | None = windows.next(now)
    following: list[dict[str, Any]] = []
    while due is not None and len(following) < ticks:
        following.append(_as_json(due))
        due = windows.following(due)
    return {**shown, "ticks": following, "window_type": windows.type, "problem": None}


def _as_json(due: DueWindow) -> dict[str, Any]:
    return {
        "due_at": due.due_at,
        "window_start": due.window.start,
        "window_end": due.window.end,
    }
