"""The four steps of every run, in their order."""

from __future__ import annotations

from uuid import UUID

from airflow.sdk import DAG, Asset

from recomamp.pipeline import settings
from recomamp.pipeline.executions.base import SUBMIT_TASK_ID, SubmitExecution
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import LOAD_TASK_ID, RecordRun
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.generator.invalid_dag import FailInvalidRun


def add_steps(
    dag: DAG,
    workflow_id: UUID | None,
    source: dict[str, str],
    *,
    refusal: str | None = None,
) -> None:
    """Add submit >> wait >> load >> record.

    :param workflow_id: whose asset the loading of results updates; None where it cannot be read.
    :param source: the row that the steps work for, as ``schedule_id`` or ``collection_id``.
    :param refusal: why no attempt is opened, for a row that cannot run.
    """
    outlet = Asset(name=f"amc_workflow_{workflow_id}", uri=f"recomamp://workflows/{workflow_id}")
    submit = (
        FailInvalidRun(task_id=SUBMIT_TASK_ID, dag=dag, problem=refusal, **source)
        if refusal is not None
        else SubmitExecution(task_id=SUBMIT_TASK_ID, dag=dag, **source)
    )
    wait = WaitForExecution(task_id="wait", dag=dag, **source)
    load = LoadResults(
        task_id=LOAD_TASK_ID,
        dag=dag,
        execution_timeout=settings.load_timeout(),
        outlets=[outlet] if workflow_id else [],
        **source,
    )
    record = RecordRun(task_id="record", dag=dag, **source)
    # A teardown runs after a failure too, and its state does not decide the state of the run
    submit >> wait >> load >> record.as_teardown()
