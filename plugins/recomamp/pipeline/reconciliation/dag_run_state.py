"""What Airflow says of other DAG runs, asked from within a task."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType

from recomamp.domain.reconciliation import RunState

# Says what became of a DAG run, by DAG id and run id
RunStateOf = Callable[[str, str], RunState]


def airflow_run_state(task_instance: Any) -> RunStateOf:
    """Return what asks Airflow for the state of a run, from within a task."""

    def run_state_of(dag_id: str, run_id: str) -> RunState:
        try:
            state = task_instance.get_dagrun_state(dag_id=dag_id, run_id=run_id)
        except AirflowRuntimeError as err:
            if not _says_not_found(err):
                raise
            return RunState.GONE
        return RunState.ENDED if state in ("success", "failed") else RunState(state)

    return run_state_of


def _says_not_found(error: AirflowRuntimeError) -> bool:
    """Return whether Airflow itself says that there is no such run, and no proxy or server."""
    answer = error.error.detail or {}
    if (
        error.error.error is not ErrorType.API_SERVER_ERROR
        or answer.get("status_code") != HTTPStatus.NOT_FOUND
    ):
        return False
    detail = (answer.get("detail") or {}).get("detail")
    return isinstance(detail, dict) and detail.get("reason") == "not_found"
