"""The first step of a DAG whose row cannot run."""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from recomamp.pipeline.executions.base import SubmitExecution


class FailInvalidRun(SubmitExecution):
    """Open no attempt, and say which column of which row has to be corrected.

    An attempt that the run opened before the row became invalid goes on: its query is bound.

    :param problem: the reason, in terms of the row.
    """

    ui_color = "#fbe3e3"

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def work(self, context: Context) -> NoReturn:
        """Refuse."""
        raise AirflowFailException(self.problem)
