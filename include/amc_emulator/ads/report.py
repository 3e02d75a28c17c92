"""One report: its progress and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from amc_emulator.ads.campaigns import CampaignStore, Figures
from amc_emulator.ads.report_types import ReportType
from amc_emulator.settings import Progression, ProgressionMode


@dataclass(kw_only=True, slots=True)
class Report:
    """A report. `polls` counts the status requests."""

    report_id: str
    owner: str
    kind: ReportType
    request: dict[str, Any]
    created_at: datetime
    failure: str | None = None
    polls: int = 0
    completed_at: datetime | None = None
    content: bytes | None = None

    def poll(self, progression: Progression, now: datetime) -> None:
        """Count a status request, and complete the report when the pace says so."""
        self.polls += 1
        if self.completed_at is None and self.progress(progression, now) >= 1:
            self.completed_at = now

    def progress(self, progression: Progression, now: datetime) -> float:
        """Return the finished share: 0 before the start, 1 when the report is ready."""
        if progression.mode is ProgressionMode.AT_ONCE:
            return 1
        if progression.mode is ProgressionMode.PER_POLL:
            return (self.polls - 1) / max(1, progression.polls - 1) if progression.polls > 1 else 1
        running = (now - self.created_at).total_seconds() - progression.pending_seconds
        return (
            running / progression.running_seconds
            if progression.running_seconds
            else float(running >= 0)
        )


def report_rows(campaign_store: CampaignStore, report: Report) -> Iterator[dict[str, Any]]:
    """Yield a row for each campaign and day with activity. Numbers stay numbers, as at Amazon."""
    first = date.fromisoformat(report.request["startDate"])
    last = date.fromisoformat(report.request["endDate"])
    days = [first + timedelta(days=one) for one in range((last - first).days + 1)]
    for _, campaign in campaign_store.campaigns(report.owner, report.kind.product):
        for day in days:
            figures = campaign_store.figures(campaign, day)
            if figures is not None:
                row = _row(report.kind, campaign.number, day, figures)
                columns = report.request["configuration"]["columns"]
                yield {name: row.get(name) for name in columns}


def _row(kind: ReportType, number: int, day: date, figures: Figures) -> dict[str, Any]:
    return {
        kind.id_column: number,
        "date": day.isoformat(),
        "impressions": figures.impressions,
        "clicks": figures.clicks,
        kind.cost_column: figures.cost,
        kind.sales_column: figures.sales,
    }
