"""Check every AMC instance every quarter of an hour, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.instances.operators import CheckInstances
from recomamp.pipeline.system_dag import BEFORE_RUNS, system_dag

with system_dag(
    "recomamp_instance_health",
    description="Checks whether runs on the AMC instances can succeed",
    doc_md=(
        "Asks Amazon about every active instance of an active user and writes `health_status`, "
        "`health_error` and `last_health_check` of `amc_instances`.\n\n"
        "- **HEALTHY** runs can be tried\n"
        "- **UNHEALTHY** something is wrong that may pass by itself; runs are tried\n"
        "- **ERROR** no run can succeed until somebody acts; runs fail at once and say why\n\n"
        "An instance that is not well fails no run of this DAG. A failed run names the instances "
        "whose check could not be written down; the next run checks all again."
    ),
    schedule=timedelta(minutes=15),
    priority_weight=BEFORE_RUNS,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
):
    CheckInstances(task_id="check_instances", execution_timeout=timedelta(minutes=10))
