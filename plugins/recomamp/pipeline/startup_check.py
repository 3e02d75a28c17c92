"""Each component of Airflow that starts checks Airflow's settings and the pipeline's own.

A worker starts with each task, whose step names a setting that it lacks. Any other component would
meet it only hours later, with runs under way.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from airflow.configuration import conf
from airflow.listeners import hookimpl

from recomamp.domain.airflow_settings import differences
from recomamp.domain.text import one_line
from recomamp.errors import ConfigurationError
from recomamp.pipeline import settings
from recomamp.pipeline.connections import defined_connection
from recomamp.pipeline.generator.shards import check_shards
from recomamp.pipeline.metrics import initialize

log = logging.getLogger(__name__)

Check: TypeAlias = Callable[[], object]

# Each raises ConfigurationError where something is absent or wrong
PLAIN: tuple[Check, ...] = (
    settings.poll_seconds,
    settings.limits,
    settings.result_data_retention,
    settings.result_files_retention,
    settings.metrics_tags,
    check_shards,
)
DATABASE: tuple[Check, ...] = (partial(defined_connection, settings.DATABASE_CONN_ID),)
AMAZON: tuple[Check, ...] = (
    settings.fernet,
    partial(defined_connection, settings.AMAZON_CONN_ID),
)


@hookimpl
def on_starting(component: Any) -> None:
    """Turn on metrics, and warn of each setting with which the pipeline works otherwise.

    Airflow calls it in each process with a job, before it says which job. It calls it in each task
    too, where the warning would not be seen. The component starts all the same: its DAGs can
    still be shown.
    """
    from airflow.sdk.execution_time.task_runner import TaskRunnerMarker

    if isinstance(component, TaskRunnerMarker):
        return
    # Here and not in the triggers: the triggerer forks the process that runs them
    initialize()
    for difference in differences(lambda section, key: conf.get(section, key, fallback=None)):
        log.warning("%s", difference)
    for problem in problems():
        log.error("Wrong setting in this component: %s", problem)


def problems() -> Iterator[str]:
    """Yield what is wrong with the pipeline's settings in this process, each with its remedy."""
    for check in checks_of(component_name(), conf.get("core", "executor")):
        try:
            check()
        except ConfigurationError as err:
            yield one_line(err)


def component_name() -> str | None:
    """Return which of Airflow's components this process is; None where its command says none.

    Airflow does not give its name before it has started.
    """
    known = ("scheduler", "dag-processor", "triggerer")
    return next((word for word in sys.argv[1:] if word in known), None)


def checks_of(component: str | None, executor: str) -> tuple[Check, ...]:
    """Return the checks of what a component uses: a secret that it does not need it need not have.

    The scheduler uses nothing of the pipeline's, unless its own processes run the tasks.
    """
    if component == "scheduler" and "LocalExecutor" not in executor:
        return PLAIN
    if component == "dag-processor":
        return PLAIN + DATABASE
    return PLAIN + DATABASE + AMAZON
