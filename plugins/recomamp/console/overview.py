"""The overview: instances, queue, outcomes, failures, late schedules and findings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, status

from recomamp.console.access import QUERY, RUNS, CurrentVisitor
from recomamp.console.database import Database
from recomamp.domain.scheduling.cron import load_zone
from recomamp.errors import InvalidDefinition
from recomamp.store.slots import EXTERNAL_COUNT_LIFETIME
from recomamp.store.statements import fetch_all

router = APIRouter(prefix="/overview")

# A run needs a while from its tick to its record; a schedule with late_after has its own alarm
LATE_AFTER = timedelta(hours=1)


@router.get("")
def overview(
    visitor: CurrentVisitor,
    database: Database,
    time_zone: Annotated[str, Query(max_length=64)] = "UTC",
    days: int = 7,
) -> dict[str, Any]:
    """Return all panels at once: a page that refreshes itself costs one request.

    :param time_zone: zone of the days.
    :param days: how many days of runs, 1 to 31.
    """
    now = datetime.now(UTC)
    today = _midnight_before(now, time_zone)
    since = today - timedelta(days=min(max(days, 1), 31) - 1)
    visible = visitor.visible().as_parameters()
    runs = visitor.visible(RUNS).as_parameters()
    queries = visitor.visible(QUERY).as_parameters()
    sees_all_instances = visitor.may_edit_all
    late = {**runs, "due_before": now - LATE_AFTER}
    with database.read() as connection:
        panel = partial(fetch_all, connection)
        return {
            "at": now,
            "instances": panel(
                "console/select_instances",
                **visible,
                all_instances=sees_all_instances,
                today=today,
                external_counted_since=now - EXTERNAL_COUNT_LIFETIME,
                external_counted_until=now + EXTERNAL_COUNT_LIFETIME,
            ),
            "queue": panel("console/select_queue", **runs),
            "outcomes": panel(
                "console/select_outcomes_by_day", **runs, since=since, time_zone=time_zone
            ),
            "failures": panel("console/select_failures", **runs, since=since),
            "late": panel("console/select_late_schedules", **late),
            "late_weeks": panel("console/select_late_weeks", **late),
            "findings": panel("console/select_workflow_findings", **queries),
        }


def _midnight_before(instant: datetime, time_zone: str) -> datetime:
    try:
        zone = load_zone(time_zone)
    except InvalidDefinition as err:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(err)) from err
    return instant.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
