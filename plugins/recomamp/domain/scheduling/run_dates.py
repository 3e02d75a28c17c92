"""The date by which Airflow knows a run. All that is to know about its microseconds stands here.

A run's date is the start of its window, and Airflow holds one run of a DAG per date. After an edit
of the row another window may start at a date that a run already holds. The new run then takes the
next free microsecond. Windows start at whole seconds, so the microseconds never change the data
that a run reads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from recomamp.domain.scheduling.windows import Window

INSTANT = timedelta(microseconds=1)

WindowEndOf: TypeAlias = Callable[[datetime], datetime | None]


def free_date(window: Window, window_end_of: WindowEndOf) -> datetime | None:
    """Return the date for a run that reads the window, None where there is such a run.

    :param window_end_of: gives the end of the window of the run that holds a date, None where no
        run holds it.
    """
    date = window.start
    while (end := window_end_of(date)) is not None:
        if end == window.end:
            return None
        date += INSTANT
    return date


def window_start(date: datetime) -> datetime:
    """Return the start of the window that a run of this date reads."""
    return date.replace(microsecond=0)
