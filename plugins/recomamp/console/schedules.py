"""Schedules: the list, one with its ticks and runs, and what a backfill of it would run."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException, status
from psycopg2.extensions import connection as Connection

from recomamp.console.access import RUNS, CurrentVisitor
from recomamp.console.definitions import (
    PageNumber,
    ReprocessBehavior,
    Search,
    as_page,
    ids_with_runs,
    one_page,
    only_row,
    requests_and_rights,
)
from recomamp.console.parameters import Database
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import read_schedule_windows
from recomamp.domain.scheduling.backfills import MAX_BACKFILL_WINDOWS, backfill_windows
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
    visible = visitor.visible
    with database.read() as connection:
        rows = fetch_all(
            connection,
            "console/select_schedules",
            schedule_ids=visible.schedule_ids,
            search=search,
            state=state,
            **one_page(page),
        )
        runs = defaultdict(list)
        for run in fetch_all(
            connection,
            "console/select_schedule_runs",
            schedule_ids=ids_with_runs(rows, visitor),
            limit=RUNS_IN_LIST,
        ):
            runs[run["schedule_id"]].append(run)
    now = datetime.now(UTC)
    listed = [{**_with_ticks(row, now, 1), "runs": runs[row["id"]]} for row in rows]
    return as_page(listed, page)


@router.get("/{schedule_id}")
def schedule(schedule_id: UUID, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Return one schedule with its next ticks, its last runs and the requests for it."""
    ref = DefinitionRef(DefinitionKind.SCHEDULE, schedule_id)
    visitor.require_read(ref.dag_id, RUNS)
    with database.read() as connection:
        row = _read_row(connection, schedule_id)
        runs = fetch_all(
            connection,
            "console/select_schedule_runs",
            schedule_ids=[schedule_id],
            limit=RUNS_OF_ONE,
        )
        more = requests_and_rights(connection, visitor, ref)
    return {**_with_ticks(row, datetime.now(UTC), TICKS), "runs": runs, **more}


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

    Run records say what has run. Airflow decides by its own runs when the backfill begins.
    """
    ref = DefinitionRef(DefinitionKind.SCHEDULE, schedule_id)
    visitor.require_read(ref.dag_id, RUNS)
    with database.read() as connection:
        row = _read_row(connection, schedule_id)
        try:
            windows = read_schedule_windows(row)
        except InvalidDefinition as err:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(err)) from err
        found = backfill_windows(windows, from_date, to_date, datetime.now(UTC))
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
    return {
        "windows": listed,
        "count": sum(one["runs"] for one in listed),
        "limit": MAX_BACKFILL_WINDOWS,
        "time_zone": row["time_zone"],
    }


def _read_row(connection: Connection, schedule_id: UUID) -> Row:
    return only_row(
        fetch_all(
            connection,
            "console/select_schedules",
            schedule_ids=[schedule_id],
            search="",
            state="all",
            **one_page(1),
        )
    )


def _with_ticks(row: Row, now: datetime, ticks: int) -> dict[str, Any]:
    """Return a row for the browser, with its next ticks as if it were active, or its problem."""
    shown = {name: value for name, value in row.items() if name != "parameters"}
    try:
        windows = read_schedule_windows(row)
    except InvalidDefinition as err:
        return {**shown, "ticks": [], "problem": str(err)}
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
