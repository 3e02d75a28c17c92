"""The overview: instances, queue, outcomes, failures, late schedules and findings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter

from recomamp.console.access import QUERY, RUNS, CurrentVisitor
from recomamp.console.parameters import Database, ZoneName, local_midnight
from recomamp.store.slots import EXTERNAL_COUNT_LIFETIME
from recomamp.store.statements import fetch_all

router = APIRouter(prefix="/overview")

# A run needs a while from its tick to its record; a schedule with late_after has its own alarm
LATE_AFTER = timedelta(hours=1)


@router.get("")
def overview(
    visitor: CurrentVisitor, database: Database, time_zone: ZoneName = "UTC", days: int = 7
) -> dict[str, Any]:
    """Return all panels at once: a page that refreshes itself costs one request.

    :param time_zone: zone of the days.
    :param days: how many days of runs, 1 to 31.
    """
    now = datetime.now(UTC)
    today = local_midnight(now, time_zone)
    since = today - timedelta(days=min(max(days, 1), 31) - 1)
    visible = visitor.visible().as_parameters()
    runs = visitor.visible(RUNS).as_parameters()
    queries = visitor.visible(QUERY).as_parameters()
    sees_all_instances = visitor.may_edit_all
    with database.read() as connection:
        return {
            "at": now,
            "instances": fetch_all(
                connection,
                "console/select_instances",
                **visible,
                all_instances=sees_all_instances,
                today=today,
                external_counted_since=now - EXTERNAL_COUNT_LIFETIME,
                external_counted_until=now + EXTERNAL_COUNT_LIFETIME,
            ),
            "queue": fetch_all(connection, "console/select_queue", **runs),
            "outcomes": fetch_all(
                connection,
                "console/select_outcomes_by_day",
                **runs,
                since=since,
                time_zone=time_zone,
            ),
            "failures": fetch_all(connection, "console/select_failures", **runs, since=since),
            "late": fetch_all(
                connection,
                "console/select_late_schedules",
                **runs,
                due_before=now - LATE_AFTER,
            ),
            "late_weeks": fetch_all(
                connection, "console/select_late_weeks", **runs, due_before=now - LATE_AFTER
            ),
            "findings": fetch_all(connection, "console/select_workflow_findings", **queries),
        }
