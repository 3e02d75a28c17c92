"""The task ``submit``: bring the query of a run to AMC, once."""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from recomamp.domain.run_spec import RunSpec
from recomamp.errors import InvalidDefinition
from recomamp.pipeline.executions.base import ExecutionOperator, clear_number
from recomamp.pipeline.executions.run_context import SCHEDULED


class SubmitExecution(ExecutionOperator):
    """Submit the query to AMC once, and return the execution's UUID. Defer while no slot is free.

    A scheduled run whose window the rows show as SUCCESS asks AMC for nothing: its DAG may be new
    to Airflow though its rows are not. The task is skipped, and wait and load with it. A clear, a
    backfill and a manual run do ask.
    """

    def execute(self, context: Context) -> str:
        """Submit, or find what an interrupted try has submitted."""
        with self.error_handling(context):
            return str(self.submit_or_defer(context).id)

    def run_spec(self, context: Context) -> RunSpec:
        """Return what the run has to do.

        :raises AirflowSkipException: when the run started by itself and the rows show its results.
        """
        spec = super().run_spec(context)
        if is_asked_for(context) or (loaded := self.loaded_window(spec)) is None:
            return spec
        where = f"execution {loaded.execution_id}" if loaded.execution_id else "its SUCCESS week"
        raise AirflowSkipException(
            f"The window {spec.window} has results, completed {loaded.completed_at}: {where}. "
            "AMC is asked for nothing. Clear this task to run the query again"
        )


class FailInvalidRun(SubmitExecution):
    """Submit nothing, and say which column of which row has to be corrected.

    An attempt that the run opened before the row became invalid continues: its query is bound.

    :param problem: the reason, in terms of the row.
    """

    ui_color = "#fbe3e3"

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def run_spec(self, context: Context) -> NoReturn:
        """Refuse to open an attempt."""
        raise InvalidDefinition(self.problem)


def is_asked_for(context: Context) -> bool:
    """Return whether a person or a program asked for the run, or has cleared it."""
    return context["dag_run"].run_type != SCHEDULED or clear_number(context) > 0
