"""Each component of Airflow that starts compares its settings with the pipeline's."""

from __future__ import annotations

import logging
from typing import Any

from airflow.configuration import conf
from airflow.listeners import hookimpl

from recomamp.domain.airflow_settings import differences

log = logging.getLogger(__name__)


@hookimpl
def on_starting(component: Any) -> None:
    """Warn of each setting with which the pipeline does not work as described.

    Airflow calls it in each process with a job, before it says which job. It calls it in each task
    too, where nobody would look for the warning.
    """
    from airflow.sdk.execution_time.task_runner import TaskRunnerMarker

    if isinstance(component, TaskRunnerMarker):
        return
    for difference in differences(lambda section, key: conf.get(section, key, fallback=None)):
        log.warning("%s", difference)
