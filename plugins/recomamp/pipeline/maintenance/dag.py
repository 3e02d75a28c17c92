"""The DAG of the daily upkeep."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from recomamp.pipeline.maintenance.operators import (
    AnalyzeTables,
    ApplyRetention,
    FindSlowQueries,
    FindUnusedIndexes,
    PurgeRows,
    ReportFindings,
)
from recomamp.pipeline.system_dag import system_dag

KEPT = timedelta(days=90)
_TRIMMED = {
    "trim_api_errors": "delete_api_errors",
    "trim_reconciliations": "delete_reconciliations",
    "trim_notifications": "delete_notifications",
    "trim_findings": "delete_findings",
}
_MANUAL = f"""\
Looks after the application's database, once a day. The steps do not depend on each other; each may
be cleared and run again at any time.

- `analyze_tables` refreshes the statistics of the tables that have changed
- `find_unused_indexes`, `find_slow_queries` (where `pg_stat_statements` is there)
- `trim_documents` takes the rows out of old result documents whose Parquet files are there, where
  `RECOMAMP_RESULT_DATA_KEPT_DAYS` says how old
- `delete_files` deletes Parquet files of results that a later success has superseded, where
  `RECOMAMP_RESULT_FILES_KEPT_DAYS` says how old
- `trim_…` deletes the pipeline's own notes after {KEPT.days} days
- `report` shows what was found as a table in its log; it stands in `maintenance_findings` too
"""


def maintenance_dag() -> DAG:
    """Build the DAG that looks after the application's database."""
    dag = system_dag(
        "recomamp_maintenance",
        description="Statistics, unused indexes, slow queries, and room where things grow old",
        doc_md=_MANUAL,
        schedule="@daily",
        default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
        max_active_tasks=2,  # it has all day, others have not
    )
    steps = [
        AnalyzeTables(task_id="analyze_tables", dag=dag),
        FindUnusedIndexes(task_id="find_unused_indexes", dag=dag),
        FindSlowQueries(task_id="find_slow_queries", dag=dag),
        *(
            ApplyRetention(task_id=task_id, what=what, dag=dag)
            for task_id, what in (("trim_documents", "documents"), ("delete_files", "files"))
        ),
        *(
            PurgeRows(task_id=task_id, statement=statement, kept=KEPT, dag=dag)
            for task_id, statement in _TRIMMED.items()
        ),
    ]
    # A teardown runs whatever became of the steps, and does not decide how the run ended
    steps >> ReportFindings(task_id="report", dag=dag).as_teardown()
    return dag
