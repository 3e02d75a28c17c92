"""Judge which windows are late, and log it."""

from __future__ import annotations

import logging

from recomamp.domain import metrics
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.metrics import count
from recomamp.store import late_windows

log = logging.getLogger(__name__)


def record_late_windows(database: DatabaseHook) -> int:
    """Queue the events of windows and weeks that are late by now; return how many.

    Events of windows that have results by now are withdrawn.
    """
    with database.transaction() as connection:
        judged = late_windows.record_late_windows(connection)
    with database.transaction() as connection:
        judged += late_windows.record_late_weeks(connection)
    for one in judged:
        kind = "Schedule" if one.collection_id is None else "Collection"
        key = one.schedule_id or one.collection_id
        if one.problem is None:
            log.info("%s %s: what was due at %s is late", kind, key, one.due_at)
            count(metrics.LATE, kind=kind.lower())
        else:
            log.warning("%s %s cannot be judged: %s", kind, key, one.problem)
    with database.transaction() as connection:
        unreadable = late_windows.withdraw_loaded_windows(connection)
    for event in unreadable:
        log.warning("Notification %s cannot be judged: %s", event.event_id, event.problem)
    return sum(one.problem is None for one in judged)
