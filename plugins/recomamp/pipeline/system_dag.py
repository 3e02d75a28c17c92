"""What the DAGs have in common that are the pipeline's own, not made of rows.

Airflow looks for DAGs only in files in which its name stands: theirs have it in the first line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG

from recomamp.pipeline.retry_policy import TaskRetryPolicy

# Of each try of a task that names no other
MAX_TRY_DURATION = timedelta(hours=1)

# The priority where tasks wait for workers. In a run of a row `submit` has 1 and `record` has 4.
# One short task goes first: without it AMC's slots stay taken, and mails unsent, for hours
BEFORE_RUNS = 10
# Many tasks, or long ones, go last: those of the campaigns alone could fill all workers. Tasks of
# the same priority start by the dates of their runs. A requested run has none and would be last
AFTER_RUNS = 0

# Past, so that a DAG runs once as soon as it is there, and not at its next tick only
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def system_dag(
    dag_id: str,
    *,
    schedule: str | timedelta,
    priority_weight: int,
    default_args: Mapping[str, Any],
    **others: Any,
) -> DAG:
    """Build a DAG that starts by itself, one run at a time, and makes up for no missed ones.

    :param priority_weight: of its tasks, ``BEFORE_RUNS`` or ``AFTER_RUNS``.
    :param default_args: of its tasks.
    :param others: of the DAG.
    """
    return DAG(
        dag_id,
        schedule=schedule,
        start_date=FIRST_DAY,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={
            "owner": "recomamp",
            "execution_timeout": MAX_TRY_DURATION,
            "retry_policy": TaskRetryPolicy(),
            "priority_weight": priority_weight,
            "weight_rule": "absolute",
            **default_args,
        },
        tags=["recomamp"],
        **others,
    )
