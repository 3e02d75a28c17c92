"""The operators of the daily sync of campaigns. Each imports its work when it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from recomamp.domain.text import one_line
from recomamp.errors import PartialFailure, is_tenants_own
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.partial_failures import FailureCollector

REPORTS_KEPT = timedelta(days=90)
MAX_GROUPS = 1000  # Airflow maps over 1024 at most unless its core.max_map_length says otherwise
DONE = "done"
TENANTS_OWN = "tenants_own"  # not done, and the tenant's own rows say why

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome(Generic[T]):
    """What became of a step: what it returned or the error, by UUID of the instance."""

    done: dict[UUID, T]
    errors: dict[UUID, Exception]
    failures: FailureCollector


class ListInstances(BaseOperator):
    """Return the UUIDs of the instances to sync, in groups; forget reports that are long done."""

    ui_color = "#fdf3e1"

    def execute(self, context: Context) -> list[list[str]]:
        """Read them."""
        from recomamp.store.campaign_reports import delete_campaign_reports
        from recomamp.store.instances import select_active_instances

        with DatabaseHook().transaction() as connection:
            delete_campaign_reports(connection, before=datetime.now(UTC) - REPORTS_KEPT)
            instances = select_active_instances(connection)
        return groups([str(one.instance_key) for one in instances])


def groups(instance_keys: Sequence[str], most: int = MAX_GROUPS) -> list[list[str]]:
    """Deal instances out to at most so many groups: one to each as long as they are enough."""
    return [list(instance_keys[first::most]) for first in range(min(most, len(instance_keys)))]


class InstanceOperator(BaseOperator):
    """A step for a group of instances, of which one that fails stops no other.

    :param instance_keys: UUIDs of rows of ``amc_instances``.
    """

    template_fields: Sequence[str] = ("instance_keys",)
    ui_color = "#fdf3e1"

    def __init__(self, *, instance_keys: Sequence[str], **kwargs: Any) -> None:
        super().__init__(map_index_template="{{ instance_name }}", **kwargs)
        self.instance_keys = instance_keys

    def for_each(self, context: Context, step: Callable[[Any], T]) -> Outcome[T]:
        """Do a step for each instance; an error with one stops no other."""
        instances = self._instances()
        # The name under which the UI shows the task; Airflow keeps 250 characters of it
        names = one_line(", ".join(one.instance_id for one in instances), 200)
        context["instance_name"] = names  # type: ignore[typeddict-unknown-key]
        outcome: Outcome[T] = Outcome(done={}, errors={}, failures=FailureCollector.of_tenants())
        for instance in instances:
            key = instance.instance_key
            with outcome.failures.capture(instance):
                try:
                    outcome.done[key] = step(instance)
                except Exception as err:
                    outcome.errors[key] = err
                    raise
        return outcome

    def end(self, context: Context, outcome: Outcome[Any], *, but: str) -> None:
        """Say which instances are done, and raise what went wrong with the others.

        :param but: what the others are.
        :raises AirflowSkipException: where none is done, and their own rows say why.
        """
        own = [key for key, err in outcome.errors.items() if is_tenants_own(err)]
        context["ti"].xcom_push(key=DONE, value=[str(key) for key in outcome.done])
        context["ti"].xcom_push(key=TENANTS_OWN, value=[str(key) for key in own])
        failures = outcome.failures
        failures.raise_unknown(but)
        if failures and not outcome.done:
            raise AirflowSkipException(f"{len(failures)} {but}: {failures}")

    def _instances(self) -> list[Any]:
        from recomamp.store.instances import select_active_instance

        with DatabaseHook().transaction() as connection:
            found = [select_active_instance(connection, UUID(one)) for one in self.instance_keys]
        active = [one for one in found if one is not None]
        if not active:
            raise AirflowSkipException(f"{', '.join(self.instance_keys)}: not active any more")
        return active


class SyncCampaigns(InstanceOperator):
    """Bring the campaigns of instances into the database; return how many there are."""

    def execute(self, context: Context) -> int:
        """List them."""
        from recomamp.pipeline.campaigns.listing import sync_campaigns

        database = DatabaseHook.for_all_users()
        amazon = AmcHook(database=database)
        counted = self.for_each(
            context,
            lambda instance: sync_campaigns(
                instance, database=database, amazon=amazon, now=datetime.now(UTC)
            ),
        )
        self.end(context, counted, but="not synced")
        return sum(counted.done.values())


class SyncPerformance(InstanceOperator):
    """Bring the figures of instances' campaigns into the database."""

    def execute(self, context: Context) -> None:
        """Ask for reports, or find those that an interrupted try has asked for."""
        self._go_on(context, {})

    def resume(self, context: Context, event: dict[str, Any]) -> None:
        """Go on with the reports of the trigger's event, which says that it is worth looking."""
        from recomamp.store.campaign_reports import select_campaign_reports

        self.log.info("Woken up: %s", event)
        with DatabaseHook().transaction() as connection:
            reports = select_campaign_reports(
                connection, [UUID(one) for one in event["report_ids"]]
            )
        asked: dict[UUID, list[UUID]] = {}
        for one in reports:
            asked.setdefault(one.instance_key, []).append(one.id)
        self._go_on(context, asked)

    def _go_on(self, context: Context, asked: dict[UUID, list[UUID]]) -> None:
        """Settle the reports of each instance; wait as long as any are being made."""
        from recomamp.pipeline.campaigns.performance import PerformanceSync
        from recomamp.pipeline.campaigns.report_trigger import ReportsTrigger

        database = DatabaseHook.for_all_users()
        amazon = AmcHook(database=database)

        def finish_reports(instance: Any) -> list[UUID]:
            sync = PerformanceSync(
                instance, database=database, amazon=amazon, now=datetime.now(UTC)
            )
            key = instance.instance_key
            if key not in asked:
                asked[key] = sync.request(context["dag_run"].run_after)
            return sync.finish_reports(asked[key])

        waiting = self.for_each(context, finish_reports)
        if any(waiting.done.values()):
            report_ids = [str(one) for ids in asked.values() for one in ids]
            self.log.info("Some of %s reports are still being made", len(report_ids))
            self.defer(trigger=ReportsTrigger(report_ids=report_ids), method_name="resume")
        self.end(context, waiting, but="not synced")


class MarkSynced(InstanceOperator):
    """Say in ``amc_instances`` as of when campaigns and figures are, where both are whole.

    :param needed_task_ids: the steps that must have done an instance.
    """

    def __init__(self, *, needed_task_ids: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.needed_task_ids = needed_task_ids

    def execute(self, context: Context) -> None:
        """Write the time at which the run began."""
        from recomamp.store.campaigns import set_campaigns_synced_at

        began_at = context["dag_run"].start_date or datetime.now(UTC)
        done = self._all_said(context, DONE)
        explained = self._all_said(context, DONE, TENANTS_OWN)

        def date(instance: Any) -> None:
            key = str(instance.instance_key)
            if key not in done:
                problem = "campaigns or figures could not be had"
                raise PartialFailure(problem, is_tenants_own=key in explained)
            with DatabaseHook.for_all_users().transaction() as connection:
                set_campaigns_synced_at(connection, instance.instance_key, synced_at=began_at)

        self.end(context, self.for_each(context, date), but="not dated")

    def _all_said(self, context: Context, *keys: str) -> set[str]:
        """Return the instances that each needed step of this group names under one of the keys."""
        ti = context["ti"]
        named = [
            {
                instance_key
                for key in keys
                for instance_key in ti.xcom_pull(task_ids=one, key=key, map_indexes=ti.map_index)
                or ()
            }
            for one in self.needed_task_ids
        ]
        return set(self.instance_keys).intersection(*named)
