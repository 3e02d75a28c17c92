"""What triggers have to know of Airflow: when they may fire, and the state of the task that waits.

``state_of_task`` is the one call into a private part of Airflow that triggers make. Airflow 3.3
gives a trigger no public way to ask for it. Airflow's own triggers call the class of its task
runner, and so does this module.
"""

from __future__ import annotations

from airflow.sdk import TaskInstanceState

# A trigger that fires before the scheduler has seen the task defer makes Airflow 3.3.2 fail the
# task (quick-resume race). Nothing fires earlier than this after the deferral.
EARLIEST_EVENT_SECONDS = 10.0

# States of a task that will not run again, so its execution is cancelled. In others that are not
# final, also None after a clear, a try has the execution or adopts it
GIVEN_UP = frozenset(
    {
        TaskInstanceState.FAILED,
        TaskInstanceState.SKIPPED,
        TaskInstanceState.UPSTREAM_FAILED,
        TaskInstanceState.REMOVED,
    }
)


async def state_of_task(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str | None:
    """Return Airflow's state of a task, None where it was cleared or deleted.

    :param map_index: of a mapped task, -1 for any other.
    """
    # Here and not above: both are needed rarely, and every parse would load them
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from asgiref.sync import sync_to_async

    states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
        dag_id=dag_id, run_ids=[run_id], task_ids=[task_id]
    )
    name = task_id if map_index < 0 else f"{task_id}_{map_index}"
    state: str | None = states.get(run_id, {}).get(name)
    return state
