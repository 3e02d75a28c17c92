"""Bring the figures of one instance's campaigns into the database, by asynchronous reports.

``campaign_reports`` has a row for each report before Amazon is asked. So every try finds the
reports of the try before it, also those whose id a killed worker did not store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from recomamp.amazon.ads import reports
from recomamp.amazon.ads.client import AdsClient
from recomamp.amazon.ads.reports import COLUMNS, Report, ReportStatus
from recomamp.amazon.download import Allowance, download_file
from recomamp.domain.campaigns import period
from recomamp.domain.text import one_line
from recomamp.errors import DownloadLinkExpired, InvalidResults, PartialFailure, RequestRejected
from recomamp.pipeline.campaigns.sources import CampaignSources, resolve_campaign_sources
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.store.ads_report_file import DayFields, read_days
from recomamp.store.campaign_performance import load_campaign_report
from recomamp.store.campaign_reports import (
    CampaignReport,
    ReportState,
    accept_campaign_report,
    end_campaign_report,
    open_campaign_report,
    select_campaign_reports,
)
from recomamp.store.campaigns import count_campaigns
from recomamp.store.instances import Instance

log = logging.getLogger(__name__)

# Amazon speaks of three hours at most, and wishes for one or two reports of a kind a day
DEADLINE = timedelta(hours=6)
CLOCKS_APART = timedelta(hours=1)  # at most, of two machines
FRESH_FOR = timedelta(hours=1)
MAX_FILE_BYTES = 1024**3
MAX_DOWNLOAD_SECONDS = 60 * 60
LOAD_TIMEOUT_SECONDS = 600


class PerformanceSync:
    """The reports of one instance: ask for them, look after them, load them.

    :param now: the present.
    """

    def __init__(
        self, instance: Instance, *, database: DatabaseHook, amazon: AmcHook, now: datetime
    ) -> None:
        self.instance = instance
        self.database = database
        self.amazon = amazon
        self.now = now
        self._refused: set[UUID] = set()

    def request(self, at: datetime) -> list[UUID]:
        """Intend to ask for all reports that are not under way or loaded of late; return their ids.

        :param at: the time whose last full days are requested, the same at each try.
        """
        return asyncio.run(self._request(at))

    def finish_reports(self, report_ids: Sequence[UUID]) -> list[UUID]:
        """Ask for what was not, load what is complete, return the ids of what is still being made.

        A report with which something goes wrong stops no other, and is still open for the next try;
        one that is refused has failed, and its row says why.

        :raises PartialFailure: once nothing else is being made, naming the reports not loaded.
        """
        reports = self._read(report_ids)
        failures = asyncio.run(self._settle([one for one in reports if one.is_open]))
        reports = self._read(report_ids)
        waiting = [one.id for one in reports if one.is_open and one_line(one) not in failures.found]
        if waiting:
            return waiting
        failed = [one for one in reports if one.status is ReportState.FAILED]
        problems = [f"{one}: {one.error_message}" for one in failed]
        if failures:
            problems.append(str(failures))
        if problems:
            # The next try asks again for a report that failed. It asks for no report that Amazon
            # refused
            are_refused = all(one.id in self._refused for one in failed)
            raise PartialFailure(
                f"{len(failed) + len(failures)} of {len(reports)} reports not loaded: "
                + "; ".join(problems),
                errors=failures.found.values(),
                is_final=are_refused and failures.all_final,
                is_tenants_own=are_refused and failures.all_tenants_own,
            )
        return []

    async def _request(self, at: datetime) -> list[UUID]:
        async with self.amazon.ads_client_at(self.instance) as ads:
            accounts = await resolve_campaign_sources(
                self.instance, ads, database=self.database, amazon=self.amazon
            )
        with self.database.transaction() as connection:
            known = count_campaigns(connection, self.instance.instance_key)
        opened = [self._open(one, at) for one in accounts.sources if one.source in known]
        return [one for one in opened if one is not None]

    def _open(self, advertising: CampaignSources, at: datetime) -> UUID | None:
        with self.database.transaction() as connection:
            return open_campaign_report(
                connection,
                self.instance.instance_key,
                advertising.source,
                period(at, advertising.time_zone),
                requested_at=self.now,
                loaded_since=self.now - FRESH_FOR,
            )

    async def _create(self, ads: AdsClient, report: CampaignReport) -> CampaignReport | None:
        """Ask Amazon for a report and return it with Amazon's id, None where it is refused."""
        call = reports.create_report(
            report.campaign_type,
            report.profile_id,
            name=report.name,
            start=report.start_date,
            end=report.end_date,
        )
        try:
            amazon_report_id = await ads.send(call, reports.read_created)
        except RequestRejected as err:
            self._refuse(report, err)
            return None
        with self.database.transaction() as connection:
            accept_campaign_report(connection, report.id, amazon_report_id=amazon_report_id)
        log.info("%s is %s at Amazon", one_line(report), one_line(amazon_report_id))
        return replace(report, amazon_report_id=amazon_report_id)

    async def _settle(self, reports: Sequence[CampaignReport]) -> FailureCollector:
        """Bring every report as far as it gets, all to Amazon first; return what went wrong."""
        failures = FailureCollector()
        if not reports:
            return failures
        async with self.amazon.ads_client_at(self.instance) as ads:
            created: list[CampaignReport] = []
            for report in reports:
                with failures.capture(report):
                    known = report if report.amazon_report_id else await self._create(ads, report)
                    created += [known] if known else []
            for report in created:
                with failures.capture(report):
                    await self._settle_one(ads, report)
        return failures

    async def _settle_one(self, ads: AdsClient, report: CampaignReport) -> None:
        try:
            at_amazon = await get_report_status(ads, report)
        except RequestRejected as err:
            self._refuse(report, err)
            return
        if at_amazon.status is ReportStatus.COMPLETED:
            await self._load(ads, report, at_amazon)
        elif at_amazon.status is ReportStatus.FAILED:
            reason = at_amazon.failure_reason or "Amazon gives no reason"
            self._fail(report, f"ended as FAILED at Amazon: {reason}")
        elif is_overdue(report, self.now):
            self._fail(report, f"not ready after {DEADLINE}; Amazon says {at_amazon.status}")

    async def _load(self, ads: AdsClient, report: CampaignReport, at_amazon: Report) -> None:
        with TemporaryDirectory(prefix="recomamp-report-") as directory:
            path = Path(directory) / "report.json.gz"
            try:
                await _download(ads, at_amazon, path)
            except DownloadLinkExpired:
                await _download(ads, await get_report_status(ads, report), path)
            self._take_in(report, path)

    def _take_in(self, report: CampaignReport, path: Path) -> None:
        columns = COLUMNS[report.campaign_type]
        fields = DayFields(campaign=columns.campaign, cost=columns.cost, sales=columns.sales)
        database = DatabaseHook(
            self.database.conn_id, statement_timeout_seconds=LOAD_TIMEOUT_SECONDS
        )
        with database.transaction() as connection:
            loaded = load_campaign_report(
                connection, report, read_days(path, fields), loaded_at=self.now
            )
        if loaded is None:
            log.info("%s has been loaded by another try", one_line(report))
            return
        log.info("%s: %s rows, %s days changed", one_line(report), loaded.reported, loaded.changed)
        if loaded.unknown:
            log.warning(
                "%s: %s campaigns are not in the list of campaigns",
                one_line(report),
                loaded.unknown,
            )

    def _refuse(self, report: CampaignReport, error: RequestRejected) -> None:
        self._refused.add(report.id)
        self._fail(report, str(error))

    def _fail(self, report: CampaignReport, reason: str) -> None:
        log.warning("%s: %s", one_line(report), one_line(reason))
        with self.database.transaction() as connection:
            end_campaign_report(
                connection,
                report.id,
                status=ReportState.FAILED,
                ended_at=self.now,
                error_message=reason,
            )

    def _read(self, report_ids: Sequence[UUID]) -> list[CampaignReport]:
        with self.database.transaction() as connection:
            return select_campaign_reports(connection, report_ids)


def is_overdue(report: CampaignReport, now: datetime) -> bool:
    """Return whether a report has had its time; one of the future was never asked for."""
    return not -CLOCKS_APART <= now - report.requested_at < DEADLINE


async def get_report_status(ads: AdsClient, report: CampaignReport) -> Report:
    """Ask Amazon how a report gets on; one that Amazon has forgotten has failed."""
    call = reports.get_report(
        report.campaign_type, report.profile_id, report.amazon_report_id or ""
    )
    try:
        return await ads.send(call, reports.read_report)
    except RequestRejected as err:
        if err.status != HTTPStatus.NOT_FOUND:
            raise
        return Report(
            report_id=report.amazon_report_id or "",
            status=ReportStatus.FAILED,
            failure_reason="Amazon does not know the report any more",
            url=None,
        )


async def _download(ads: AdsClient, at_amazon: Report, path: Path) -> None:
    if at_amazon.url is None:
        raise InvalidResults(f"report {at_amazon.report_id} is complete and has no link; try again")
    allowance = Allowance(size_bytes=MAX_FILE_BYTES, deadline=ads.clock() + MAX_DOWNLOAD_SECONDS)
    await download_file(ads, at_amazon.url, path, allowance)
