"""One report: how it gets on, and its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from amc_emulator.ads.portfolio import Figures, Portfolio
from amc_emulator.ads.report_types import ReportType
from amc_emulator.settings import Mode, Progression


@dataclass(kw_only=True, slots=True)
class Report:
    """A report; `looks` counts how often somebody asked how it gets on."""

    report_id: str
    owner: str
    kind: ReportType
    request: dict[str, Any]
    created_at: datetime
    failure: str | None = None
    looks: int = 0
    completed_at: datetime | None = None
    content: bytes | None = None

    def look(self, pace: Progression, now: datetime) -> None:
        """Get on as the pace says."""
        self.looks += 1
        if self.completed_at is None and self.progress(pace, now) >= 1:
            self.completed_at = now

    def progress(self, pace: Progression, now: datetime) -> float:
        """Return how much is done: 0 before it has begun, 1 when it is ready."""
        if pace.mode is Mode.AT_ONCE:
            return 1
        if pace.mode is Mode.PER_POLL:
            return (self.looks - 1) / max(1, pace.polls - 1) if pace.polls > 1 else 1
        running = (now - self.created_at).total_seconds() - pace.pending_seconds
        return running / pace.running_seconds if pace.running_seconds else float(running >= 0)


def rows_of(portfolio: Portfolio, report: Report) -> Iterator[dict[str, Any]]:
    """Yield a row for each campaign and day with activity, as a number where Amazon has one."""
    first = date.fromisoformat(report.request["startDate"])
    last = date.fromisoformat(report.request["endDate"])
    days = [first + timedelta(days=one) for one in range((last - first).days + 1)]
    for _, campaign in portfolio.campaigns(report.owner, report.kind.product):
        for day in days:
            figures = portfolio.figures(campaign, day)
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
