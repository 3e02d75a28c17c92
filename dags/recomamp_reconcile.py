"""Compare AMC's executions with ours every five minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from recomamp.pipeline.reconciling import ReconcileExecutions

with DAG(
    "recomamp_reconcile",
    description="Adopts, cancels and closes executions that fell through",
    doc_md=(
        "Compares what AMC runs with the open rows of `workflow_executions`, instance by instance. "
        "What was done stands in `reconciliations`, for 90 days. A failed run names the instances "
        "that could not be compared; the next run tries again."
    ),
    schedule=timedelta(minutes=5),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["recomamp"],
):
    ReconcileExecutions(task_id="reconcile", execution_timeout=timedelta(minutes=15))
