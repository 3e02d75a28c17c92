"""Waiting executions, and their deferred tasks in Airflow's database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import psycopg2
from psycopg2.extensions import connection as Connection

TRIGGER = "recomamp.pipeline.triggers.execution.ExecutionTrigger"

_EXECUTION = """
    INSERT INTO workflow_executions (
        amc_execution_id, workflow_id, user_id, instance_id, schedule_id, dag_id, dag_run_id,
        status, amc_workflow_id, amc_status, submitted_sql, window_start, window_end,
        window_time_zone, slot_granted_at, submission_started_at, submitted_at, deadline_at
    )
    SELECT
        %(amc_execution_id)s, workflow.id, workflow.user_id, workflow.instance_id, schedule.id,
        %(dag_id)s, 'waiting__' || %(amc_execution_id)s, 'RUNNING',
        'recomamp-' || %(amc_execution_id)s, 'RUNNING', workflow.sql_query,
        NOW() - INTERVAL '9 days', NOW() - INTERVAL '2 days', 'UTC', NOW(), NOW(), NOW(),
        NOW() + INTERVAL '1 day'
    FROM workflow_schedules AS schedule
    JOIN workflows AS workflow ON workflow.id = schedule.workflow_id
    WHERE 'amc_schedule_' || schedule.id = %(dag_id)s
    RETURNING id
"""


def insert_executions(
    connection: Connection, dag_id: str, amc_execution_ids: Sequence[str]
) -> list[UUID]:
    """Insert the rows of executions that AMC works on. Return their ids."""
    ids = []
    with connection, connection.cursor() as cursor:
        for amc_execution_id in amc_execution_ids:
            cursor.execute(_EXECUTION, {"amc_execution_id": amc_execution_id, "dag_id": dag_id})
            ids += [UUID(str(key)) for (key,) in cursor.fetchall()]
    return ids


def defer_tasks(execution_ids: Mapping[str, Sequence[UUID]]) -> None:
    """Insert a deferred task `wait` for each execution, as a worker leaves it.

    Airflow's own models do it. Its settings must be in the environment before.
    """
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, TaskInstanceState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    now = datetime.now(UTC)
    with create_session() as session:
        for dag_id, ids in execution_ids.items():
            dag = SerializedDagModel.get_dag(dag_id, session=session)
            assert dag is not None, f"{dag_id} is not there"
            for execution_id in ids:
                run = dag.create_dagrun(
                    run_id=f"manual__{execution_id}",
                    run_after=now,
                    run_type=DagRunType.MANUAL,
                    triggered_by=DagRunTriggeredByType.TEST,
                    state=DagRunState.RUNNING,
                    start_date=now,
                    session=session,
                )
                trigger = Trigger(TRIGGER, {"execution_id": str(execution_id)})
                session.add(trigger)
                session.flush()
                for task in run.get_task_instances(session=session):
                    if task.task_id == "submit":
                        task.state = TaskInstanceState.SUCCESS
                    elif task.task_id == "wait":
                        task.state = TaskInstanceState.DEFERRED
                        task.trigger_id = trigger.id
                        task.try_number = 1
                        task.start_date = now
                        task.next_method = "resume"
                        task.next_kwargs = {}


class AirflowDatabase:
    """Queries of Airflow's database."""

    def __init__(self, uri: str) -> None:
        self._connection = psycopg2.connect(uri)
        self._connection.autocommit = True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def count_assigned_triggers(self) -> int:
        """Return how many triggers have a triggerer."""
        return self._count("SELECT COUNT(*) FROM trigger WHERE triggerer_id IS NOT NULL")

    def resumed_run_ids(self) -> set[str]:
        """Return the runs whose task `wait` is no longer deferred."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT run_id FROM task_instance WHERE task_id = 'wait' AND state <> 'deferred'"
            )
            return {run_id for (run_id,) in cursor.fetchall()}

    def _count(self, statement: str) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return sum(count for (count,) in cursor.fetchall())
