"""The one call into a private part of Airflow that triggers make.

Airflow 3.3 gives a trigger no public way to ask for the state of a task. Airflow's own triggers
call the class of its task runner, and so does this module.
"""

from __future__ import annotations


async def state_of_task(dag_id: str, run_id: str, task_id: str) -> str | None:
    """Return Airflow's state of a task, None where it was cleared or deleted."""
    # Here and not above: both are needed rarely, and every parse would load them
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from asgiref.sync import sync_to_async

    states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
        dag_id=dag_id, run_ids=[run_id], task_ids=[task_id]
    )
    state: str | None = states.get(run_id, {}).get(task_id)
    return state
