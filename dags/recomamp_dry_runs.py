"""Let AMC compile new and changed queries before they are due, as an Airflow DAG."""

from __future__ import annotations

from datetime import timedelta

from recomamp.pipeline.instances.operators import DryRunWorkflows
from recomamp.pipeline.system_dag import BEFORE_RUNS, system_dag

with system_dag(
    "recomamp_dry_runs",
    description="Asks AMC whether it takes new and changed queries",
    doc_md=(
        "Sends the query of each new or changed workflow to AMC as a dry run, which reads no data "
        "and takes no slot. `workflow_dry_runs` has AMC's answers. A refusal is a row of "
        "`workflow_findings` and a finding on the DAGs of the workflow.\n\n"
        "The follower starts a run some seconds after a change. The hourly run makes those that "
        "the follower has missed. `RECOMAMP_DRY_RUNS=off` turns dry runs off."
    ),
    schedule=timedelta(hours=1),
    priority_weight=BEFORE_RUNS,
    default_args={"retries": 0},  # the next run is one
):
    DryRunWorkflows(task_id="dry_run", execution_timeout=timedelta(minutes=15))
