"""An empty DAG of a schedule's shape, for the time that Airflow itself takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, Context

EARLIEST_EVENT = timedelta(seconds=10)  # as ours: an earlier event makes Airflow fail the task


class DoNothing(BaseOperator):
    """A step that does nothing."""

    def execute(self, context: Context) -> str:
        """Return at once."""
        return "done"


class WaitForNothing(BaseOperator):
    """A step that is deferred once."""

    def execute(self, context: Context) -> None:
        """Wait without a worker."""
        self.defer(trigger=TimeDeltaTrigger(EARLIEST_EVENT), method_name="resume")

    def resume(self, context: Context, event: Any = None) -> str:
        """Return at once."""
        return "done"


with DAG("bench_noop", schedule=None, is_paused_upon_creation=False, max_active_runs=16):
    steps = [
        DoNothing(task_id="submit"),
        WaitForNothing(task_id="wait"),
        DoNothing(task_id="load"),
    ]
    steps[0] >> steps[1] >> steps[2] >> DoNothing(task_id="record").as_teardown()
