"""Judge which windows are late, and log it."""

from __future__ import annotations

import logging

from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store import late_windows

log = logging.getLogger(__name__)


def record_late_windows(database: DatabaseHook) -> int:
    """Queue the events of windows that are late by now; return how many.

    Events of windows that have results by now are withdrawn.
    """
    with database.transaction() as connection:
        judged = late_windows.record_late_windows(connection)
    for one in judged:
        if one.problem is None:
            log.info("Schedule %s: the window due at %s is late", one.schedule_id, one.due_at)
        else:
            log.warning("Schedule %s cannot be judged: %s", one.schedule_id, one.problem)
    with database.transaction() as connection:
        unreadable = late_windows.withdraw_loaded_windows(connection)
    for event in unreadable:
        log.warning("Notification %s cannot be judged: %s", event.event_id, event.problem)
    return sum(one.problem is None for one in judged)
