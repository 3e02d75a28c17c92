"""Bring the tables and columns that AMC offers into the database, once a day, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.instances.operators import SyncSchema
from recomamp.pipeline.system_dag import AFTER_RUNS, system_dag

with system_dag(
    "recomamp_schema_sync",
    description="Reads AMC's tables and columns, and warns of queries that name others",
    doc_md=(
        "Reads the data sources of every active instance that is not in ERROR into "
        "`amc_instance_data_sources`, and what they offer together into `amc_data_sources` and "
        "`amc_schema_fields`. What no instance offers any more is deprecated, never deleted.\n\n"
        "Queries that name a table or column which their instance does not offer are in "
        "`workflow_findings`, in the documentation of their DAGs and in the log of the task. "
        "A finding stops nothing: AMC has the last word.\n\n"
        "A failed run names the instances that could not be read; they keep what was known."
    ),
    schedule="40 3 * * *",
    priority_weight=AFTER_RUNS,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
):
    SyncSchema(task_id="sync_schema", execution_timeout=timedelta(hours=1))
