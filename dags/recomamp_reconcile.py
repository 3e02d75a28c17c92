"""Compare AMC's executions with ours every five minutes, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.reconciliation.operator import ReconcileExecutions
from recomamp.pipeline.system_dag import BEFORE_RUNS, system_dag

with system_dag(
    "recomamp_reconcile",
    description="Adopts, cancels and closes executions that fell through",
    doc_md=(
        "Compares what AMC runs with the open rows of `workflow_executions`, instance by instance. "
        "`reconciliations` records what was done, for 90 days. A failed run names the instances "
        "that could not be compared; the next run tries again."
    ),
    schedule=timedelta(minutes=5),
    priority_weight=BEFORE_RUNS,
    default_args={"retries": 0},  # the next run is one
):
    ReconcileExecutions(task_id="reconcile", execution_timeout=timedelta(minutes=15))
