"""Figures of campaigns by day: a report is taken in whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice

from psycopg2.extensions import connection as Connection

from recomamp.domain.campaigns import MAX_MONEY
from recomamp.store.ads_report_file import ReportedDay
from recomamp.store.campaign_reports import CampaignReport, ReportState, end_campaign_report
from recomamp.store.statements import fetch_one, load_sql

BATCH_ROWS = 1000
LARGEST_RATIO = Decimal("999.99")  # acos and roas are DECIMAL(5,2)
MAX_COUNT = 2**63 - 1  # impressions and clicks are BIGINT


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadCounts:
    """The rows of a report, its campaigns without a row, and the rows that it changed."""

    reported: int
    unknown: int
    changed: int


def load_campaign_report(
    connection: Connection,
    report: CampaignReport,
    days: Iterable[ReportedDay],
    *,
    loaded_at: datetime,
) -> LoadCounts | None:
    """Take in a report: its days, the sums of its campaigns, its end. All in one transaction.

    Returns None, and changes nothing, where the report has ended meanwhile.
    """
    _run(connection, "create_reported_days")
    rows = iter(days)
    while batch := list(islice(rows, BATCH_ROWS)):
        text = json.dumps([asdict(day) for day in batch], default=str)
        _run(connection, "insert_reported_days", days=text)
    about = {
        "instance_key": report.instance_key,
        "profile_id": report.profile_id,
        "campaign_type": report.campaign_type.value,
        "start_date": report.start_date,
        "end_date": report.end_date,
        "loaded_at": loaded_at,
    }
    merged = fetch_one(connection, "merge_reported_days", largest_count=MAX_COUNT, **about) or {}
    _run(
        connection,
        "sum_campaign_performance",
        largest_count=MAX_COUNT,
        largest_money=MAX_MONEY,
        largest_ratio=LARGEST_RATIO,
        **about,
    )
    is_ended = end_campaign_report(
        connection,
        report.id,
        status=ReportState.LOADED,
        ended_at=loaded_at,
        row_count=merged.get("reported"),
        unknown_count=merged.get("unknown"),
    )
    if not is_ended:
        connection.rollback()
        return None
    return LoadCounts(**merged)


def _run(connection: Connection, statement: str, **parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(load_sql(statement), parameters)
