"""Check settings when a component of Airflow starts: a wrong one is in its log before it does harm.

The plugin registers this module as a listener. Workers start with each task, whose own step names a
wrong setting; the others would meet it only hours later, with runs under way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from airflow.listeners import hookimpl

from recomamp.domain.errors import MissingSetting
from recomamp.domain.texts import one_line
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import defined_connection

log = logging.getLogger(__name__)

# Each raises MissingSetting where something is absent or wrong
CHECKS: tuple[Callable[[], object], ...] = (
    settings.poll_seconds,
    settings.limits,
    settings.fernet,
    settings.result_data_kept,
    settings.result_files_kept,
    partial(defined_connection, settings.DATABASE_CONN_ID),
    partial(defined_connection, settings.AMAZON_CONN_ID),
)
_OF_TASKS = "TaskRunnerMarker"  # Airflow's name of the process of one task


def problems() -> Iterator[str]:
    """Yield what is wrong with the settings of this process, each with its remedy."""
    for check in CHECKS:
        try:
            check()
        except MissingSetting as err:
            yield one_line(err)


@hookimpl
def on_starting(component: Any) -> None:
    """Log every wrong setting. The component starts all the same: its DAGs can still be shown."""
    if type(component).__name__ == _OF_TASKS:
        return
    for problem in problems():
        log.error("Wrong setting in this component: %s", problem)
