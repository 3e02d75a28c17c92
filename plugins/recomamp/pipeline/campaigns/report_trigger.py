"""Wait for reports on campaigns without a worker."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from airflow.triggers.base import BaseTrigger, TriggerEvent

from recomamp.domain.text import one_line
from recomamp.errors import AmazonError, ConsentRevoked, PipelineError, RequestRejected
from recomamp.pipeline import settings
from recomamp.pipeline.campaigns.performance import get_report_status, is_overdue
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.partial_failures import log_failure
from recomamp.pipeline.triggers.status_poller import SLOWEST_FACTOR, poll_interval_seconds
from recomamp.pipeline.triggers.task_state import EARLIEST_EVENT_SECONDS
from recomamp.store.campaign_reports import CampaignReport, select_campaign_reports
from recomamp.store.connections import AWAY
from recomamp.store.instances import Instance, select_active_instance

log = logging.getLogger(__name__)

MAX_FAILED_LOOKS = 5


class ReportsTrigger(BaseTrigger):
    """Fires once when Amazon is done with all reports, or the last deadline has passed.

    The event wakes the task and names the reports; the task asks Amazon and the rows for the truth.
    Arguments are ids: they lie in Airflow's database in the clear. A task that is ended leaves
    nothing to cancel.

    :param report_ids: UUIDs of rows of ``campaign_reports``, ended ones included.
    """

    sleep = staticmethod(asyncio.sleep)

    def __init__(self, *, report_ids: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.report_ids = list(report_ids)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        arguments = {"report_ids": self.report_ids}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, however often the triggerer is restarted meanwhile."""
        await self.sleep(EARLIEST_EVENT_SECONDS)
        text = await self._wait_for_event(DatabaseHook())
        self.log.info("%s reports: %s", len(self.report_ids), text)
        event = {"report_ids": self.report_ids, "text": text}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def _wait_for_event(self, database: DatabaseHook) -> str:
        """Poll, slower and slower, and say in a few words why polling ended."""
        watch = ReportWatch(database)
        while True:
            pause_seconds = settings.poll_seconds()
            try:
                outcome = await self._poll(watch)
                if isinstance(outcome, str):
                    if watch.failures:
                        await self._pause_before_waking()
                    return outcome
                pause_seconds = poll_interval_seconds(outcome, pause_seconds)
            except AWAY as err:
                self.log.warning("Reports cannot be read yet: %s", one_line(err))
            except PipelineError as err:
                log_failure("polling of reports has ended", err)
                await self._pause_before_waking()
                return one_line(f"polling has ended: {err}")
            await self.sleep(pause_seconds)

    async def _pause_before_waking(self) -> None:
        """Pause: the task may find Amazon still at work, and would wait again at once."""
        await self.sleep(SLOWEST_FACTOR * settings.poll_seconds())

    async def _poll(self, watch: ReportWatch) -> str | float:
        """Return why there is nothing to wait for any more, else the oldest report's age."""
        reports = await asyncio.to_thread(watch.read, self.report_ids)
        waiting = [one for one in reports if one.is_open]
        if not waiting:
            return "nothing to wait for"
        now = datetime.now(UTC)
        if all(is_overdue(one, now) for one in waiting):
            return "deadline passed"
        for instance_key in dict.fromkeys(one.instance_key for one in waiting):
            own = [one for one in waiting if one.instance_key == instance_key]
            await watch.look(instance_key, own)
        if watch.is_over(waiting):
            return "; ".join(dict.fromkeys(watch.failures)) or "all done"
        return (now - min(one.requested_at for one in waiting)).total_seconds()


class ReportWatch:
    """What the polls have found out: which reports there is nothing to wait for any more."""

    def __init__(self, database: DatabaseHook) -> None:
        self.database = database
        self.failures: list[str] = []  # why instances cannot be asked
        self._ended: set[UUID] = set()
        self._failed_looks: Counter[UUID] = Counter()  # in a row

    def read(self, report_ids: Sequence[str]) -> list[CampaignReport]:
        """Read reports from the database."""
        with self.database.transaction() as connection:
            return select_campaign_reports(connection, [UUID(one) for one in report_ids])

    def is_over(self, waiting: Sequence[CampaignReport]) -> bool:
        """Return whether to stop waiting for reports.

        One that cannot be looked at any more does not keep those that are done from being loaded.
        """
        left = [one for one in waiting if one.id not in self._ended]
        return not left or (
            len(left) < len(waiting)
            and all(self._failed_looks[one.id] >= MAX_FAILED_LOOKS for one in left)
        )

    async def look(self, instance_key: UUID, waiting: Sequence[CampaignReport]) -> None:
        """Ask Amazon about reports of one instance that it was not done with the last time."""
        left = [one for one in waiting if one.id not in self._ended]
        try:
            instance = await asyncio.to_thread(self._instance, instance_key)
            if instance is None:
                self._ended.update(one.id for one in left)
            elif left:
                await self._look(instance, left)
        except AWAY:
            raise
        except Exception as err:  # noqa: BLE001 - reports of other instances are looked at all the same
            log_failure(instance_key, err)
            self.failures.append(one_line(f"polling has ended: {err}"))
            self._ended.update(one.id for one in left)

    async def _look(self, instance: Instance, left: Sequence[CampaignReport]) -> None:
        amazon = AmcHook(database=self.database)
        async with await asyncio.to_thread(amazon.ads_client_at, instance) as ads:
            for report in left:
                try:
                    # One that Amazon has never heard of is asked for by the task
                    if (
                        report.amazon_report_id is None
                        or (await get_report_status(ads, report)).status.is_terminal
                    ):
                        self._ended.add(report.id)
                    self._failed_looks.pop(report.id, None)
                except ConsentRevoked:
                    raise
                except RequestRejected:
                    self._ended.add(report.id)
                except AmazonError as err:
                    log.warning(
                        "%s cannot be looked at, will poll on: %s", one_line(report), one_line(err)
                    )
                    self._failed_looks[report.id] += 1

    def _instance(self, instance_key: UUID) -> Instance | None:
        with self.database.transaction() as connection:
            return select_active_instance(connection, instance_key)
