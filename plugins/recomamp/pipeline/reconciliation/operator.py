"""Reconcile all instances, one after the other; one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TypeAlias

from airflow.sdk import BaseOperator, Context

from recomamp.errors import TransientError
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.partial_failures import FailureCollector, in_turns, log_failure
from recomamp.pipeline.queue_gauges import send_queue_gauges
from recomamp.pipeline.reconciliation.dag_run_state import RunStateOf, airflow_run_state
from recomamp.pipeline.reconciliation.instance import InstanceReconciliation
from recomamp.store import reconciliations
from recomamp.store.reconciliations import InstanceToReconcile

Clock: TypeAlias = Callable[[], datetime]

LOOK_BACK = timedelta(hours=24)  # AMC runs nothing for longer
# Counts of what others run are believed for a quarter of an hour: the next run must come before
MAX_RUN_SECONDS = 600.0


class ReconcileExecutions(BaseOperator):
    """Compare every instance with AMC; fails in the end where one could not be compared."""

    def execute(self, context: Context) -> None:
        """Send the gauges of the queue, then do all instances, one after the other."""
        database = DatabaseHook.for_all_users()
        try:
            send_queue_gauges(database, now=datetime.now(UTC))
        except Exception as err:  # noqa: BLE001 - the comparison matters more
            log_failure("the gauges of the queue are not sent", err)
        reconcile(
            database=database,
            amazon=AmcHook(),
            run_state_of=airflow_run_state(context["ti"]),
            clock=lambda: datetime.now(UTC),
        )


def reconcile(
    *, database: DatabaseHook, amazon: AmcHook, run_state_of: RunStateOf, clock: Clock
) -> None:
    """Reconcile every instance, first those that were tried longest ago.

    Each user's first comes before anybody's second. Where one instance has kept us waiting, all of
    its region may: those of other regions come before them.

    :param clock: tells the present; each instance is counted and judged as of its own turn.
    :raises PartialFailure: after all instances, naming what could not be done and no row of the
        tenant explains; naming everything where no user's instance could be compared.
    """
    with database.transaction() as connection:
        found = reconciliations.select_instances_to_reconcile(connection, since=clock() - LOOK_BACK)
    instances = in_turns(found, lambda instance: instance.user_id)
    failures = FailureCollector.of_tenants()
    ends_at = monotonic() + MAX_RUN_SECONDS
    while instances:
        instance = instances.pop(0)
        job = InstanceReconciliation(instance, database, amazon, run_state_of, clock())
        with failures.capture(instance, user_id=instance.user_id):
            if monotonic() >= ends_at:
                raise TransientError(
                    "not asked: those before it have taken all the time of this run"
                )
            with database.transaction() as connection:
                reconciliations.set_reconcile_attempted_at(
                    connection, instance.instance_key, at=clock()
                )
            job.run(failures)
        if job.time_budget.is_over:
            instances = _at_the_end(instances, instance.region)
    failures.raise_unknown("not reconciled")


def _at_the_end(
    instances: list[InstanceToReconcile], region: str | None
) -> list[InstanceToReconcile]:
    """Move a region's instances to the end; the others keep their order."""
    return sorted(instances, key=lambda one: one.region == region)
