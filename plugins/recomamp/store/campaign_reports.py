"""Rows of ``campaign_reports``: what was asked of Amazon, so that every try finds it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.campaigns import CampaignType, Days
from recomamp.store.campaigns import CampaignSource
from recomamp.store.statements import execute_returning, fetch_all, fetch_one, load_sql


class ReportState(StrEnum):
    """``campaign_reports.status``."""

    REQUESTED = "REQUESTED"
    LOADED = "LOADED"
    FAILED = "FAILED"


_TYPES = frozenset(one.value for one in CampaignType)
_STATES = frozenset(one.value for one in ReportState)


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignReport:
    """A report about the campaigns of one source; both days are included."""

    id: UUID
    instance_key: UUID
    profile_id: str
    campaign_type: CampaignType
    start_date: date
    end_date: date
    status: ReportState
    amazon_report_id: str | None
    error_message: str | None
    requested_at: datetime

    @property
    def is_open(self) -> bool:
        """Return whether it is still to be loaded."""
        return self.status is ReportState.REQUESTED

    @property
    def name(self) -> str:
        """What the report is called at Amazon: asked for twice, it is the same one."""
        return f"recomamp {self.id}"

    def __str__(self) -> str:
        days = f"{self.start_date} to {self.end_date}"
        return f"report on {self.campaign_type} of {self.profile_id}, {days}"


def open_campaign_report(
    connection: Connection,
    instance_key: UUID,
    source: CampaignSource,
    days: Days,
    *,
    requested_at: datetime,
    loaded_since: datetime,
) -> UUID | None:
    """Intend to ask for a report, or find the one under way; None where it was loaded of late."""
    row = fetch_one(
        connection,
        "insert_campaign_report",
        instance_key=instance_key,
        profile_id=source.profile_id,
        campaign_type=source.campaign_type.value,
        start_date=days.start,
        end_date=days.end,
        requested_at=requested_at,
        loaded_since=loaded_since,
    )
    return row["id"] if row else None


def select_campaign_reports(
    connection: Connection, report_ids: Sequence[UUID]
) -> list[CampaignReport]:
    """Return reports by their ids; those in words that are none of ours are left out."""
    rows = fetch_all(
        connection, "select_campaign_reports", report_ids=[str(one) for one in report_ids]
    )
    return [
        CampaignReport(
            campaign_type=CampaignType(row.pop("campaign_type")),
            status=ReportState(row.pop("status")),
            **row,
        )
        for row in rows
        if row["campaign_type"] in _TYPES and row["status"] in _STATES
    ]


def accept_campaign_report(
    connection: Connection, report_id: UUID, *, amazon_report_id: str
) -> bool:
    """Store Amazon's id; False where one is stored already, or the report has ended."""
    return execute_returning(
        connection,
        "set_amazon_report_id",
        report_id=report_id,
        amazon_report_id=amazon_report_id,
    )


def end_campaign_report(
    connection: Connection,
    report_id: UUID,
    *,
    status: ReportState,
    ended_at: datetime,
    row_count: int | None = None,
    unknown_count: int | None = None,
    error_message: str | None = None,
) -> bool:
    """End a report; False where it has ended already."""
    return execute_returning(
        connection,
        "end_campaign_report",
        report_id=report_id,
        status=status.value,
        row_count=row_count,
        unknown_count=unknown_count,
        error_message=error_message,
        ended_at=ended_at,
    )


def delete_campaign_reports(connection: Connection, *, before: datetime) -> int:
    """Delete reports that were requested before a time; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(load_sql("delete_campaign_reports"), {"before": before})
        return int(cursor.rowcount)
