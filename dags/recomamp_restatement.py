"""Ask every hour for windows that are due to be read again, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.restatement.operator import RequestRestatements
from recomamp.pipeline.system_dag import BEFORE_RUNS, system_dag

with system_dag(
    "recomamp_restatement",
    description="Reads windows again at the ages that their schedules name",
    doc_md=(
        "Looks for windows that have reached an age of `parameters.window.restate_days` of their "
        "schedule, and inserts a row of `run_requests` with the action `RESTATE` for each. The "
        "follower starts the runs. Each window is read once at each age, until it hardly changes. "
        "A failed run names the users that could not be done; the next run does them."
    ),
    schedule=timedelta(hours=1),
    priority_weight=BEFORE_RUNS,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
):
    RequestRestatements(task_id="request_restatements", execution_timeout=timedelta(minutes=15))
