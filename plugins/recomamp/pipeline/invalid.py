"""The one step of a DAG whose row cannot run."""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException


class RefuseRun(BaseOperator):
    """Fail at once, saying which column of which row has to be mended.

    :param problem: what is wrong, in words for whoever wrote the row.
    """

    ui_color = "#fbe3e3"

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def execute(self, context: Context) -> NoReturn:
        """Refuse."""
        raise AirflowFailException(self.problem)
