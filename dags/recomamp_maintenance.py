"""Maintain the application's database once a day, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.maintenance.operators import (
    AnalyzeTables,
    ApplyRetention,
    FindSlowQueries,
    FindUnusedIndexes,
    PurgeRows,
    ReportFindings,
)
from recomamp.pipeline.system_dag import AFTER_RUNS, system_dag

ROW_RETENTION = timedelta(days=90)

with system_dag(
    "recomamp_maintenance",
    description="Statistics, unused indexes, slow queries, and retention of old results",
    doc_md=(
        "Maintains the application's database, once a day. The tasks do not depend on each other; "
        "each may be cleared and run again at any time.\n\n"
        "- `analyze_tables` refreshes the statistics of the tables that have changed\n"
        "- `find_unused_indexes`, `find_slow_queries` (needs `pg_stat_statements`)\n"
        "- `trim_documents` takes the rows out of result documents whose Parquet files are there, "
        "from the age in `RECOMAMP_RESULT_DATA_RETENTION_DAYS`\n"
        "- `delete_files` deletes Parquet files of results that a later success has replaced, "
        "from the age in `RECOMAMP_RESULT_FILES_RETENTION_DAYS`\n"
        f"- `trim_…` deletes the pipeline's own records after {ROW_RETENTION.days} days\n"
        "- `report` shows the findings as a table in its log. "
        "`maintenance_findings` has them too"
    ),
    schedule="@daily",
    priority_weight=AFTER_RUNS,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    max_active_tasks=2,  # it has all day, and other DAGs need the workers
):
    tasks = [
        AnalyzeTables(task_id="analyze_tables"),
        FindUnusedIndexes(task_id="find_unused_indexes"),
        FindSlowQueries(task_id="find_slow_queries"),
        *(
            ApplyRetention(task_id=task_id, what=what)
            for task_id, what in (("trim_documents", "documents"), ("delete_files", "files"))
        ),
        *(
            PurgeRows(task_id=task_id, statement=statement, kept=ROW_RETENTION)
            for task_id, statement in (
                ("trim_api_errors", "delete_api_errors"),
                ("trim_reconciliations", "delete_reconciliations"),
                ("trim_notifications", "delete_notifications"),
                ("trim_run_requests", "delete_run_requests"),
                ("trim_findings", "delete_findings"),
                ("trim_check_outcomes", "delete_check_outcomes"),
            )
        ),
    ]
    # A teardown runs after a failure too, and its state does not decide the state of the run
    tasks >> ReportFindings(task_id="report").as_teardown()
