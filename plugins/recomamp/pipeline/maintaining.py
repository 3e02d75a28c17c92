"""The daily upkeep of the application's database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, BaseOperator, Context

from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.api_errors import delete_api_errors

API_ERRORS_KEPT = timedelta(days=90)
BATCH_ROWS = 10_000  # a transaction; more would hold its locks for long


class TrimApiErrors(BaseOperator):
    """Delete the rows of ``amc_api_errors`` that are older than 90 days; return how many.

    Running it again, or after it was killed, goes on where it stopped.
    """

    batch_rows = BATCH_ROWS
    ui_color = "#eeeeee"

    def execute(self, context: Context) -> int:
        """Delete batch after batch, each in a transaction of its own."""
        database, before = DatabaseHook(), datetime.now(UTC) - API_ERRORS_KEPT
        total = 0
        while True:
            with database.transaction() as connection:
                deleted = delete_api_errors(connection, before=before, limit=self.batch_rows)
            total += deleted
            self.log.info("%s rows of amc_api_errors deleted, %s in all", deleted, total)
            if deleted < self.batch_rows:
                return total


def maintenance_dag() -> DAG:
    """Build the DAG that keeps the pipeline's own tables small."""
    dag = DAG(
        dag_id="recomamp_maintenance",
        description="Deletes what the pipeline keeps for a while only",
        doc_md=f"Deletes rows of `amc_api_errors` older than {API_ERRORS_KEPT.days} days.",
        schedule="@daily",
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={"owner": "recomamp", "retries": 2, "retry_delay": timedelta(minutes=5)},
        tags=["recomamp"],
    )
    TrimApiErrors(task_id="trim_api_errors", dag=dag)
    return dag
