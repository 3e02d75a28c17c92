"""The types of campaign reports, and the rules for their requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from amc_emulator.ads.campaigns import Product
from amc_emulator.responses import RequestRejected

MAX_DAYS = 31


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportType:
    """One type of report, with its names for the columns that all types have."""

    name: str
    product: Product
    ad_product: str
    retention_days: int
    id_column: str
    cost_column: str
    sales_column: str
    more_columns: tuple[str, ...]

    @property
    def columns(self) -> set[str]:
        """Return the columns that may be asked for."""
        own = {self.id_column, self.cost_column, self.sales_column}
        return own | {"date", "startDate", "endDate", "impressions", "clicks", *self.more_columns}


def _type(
    name: str,
    product: Product,
    days: int,
    *more: str,
    ad_product: str = "",
    id_column: str = "campaignId",
    cost: str = "cost",
    sales: str = "sales",
) -> ReportType:
    return ReportType(
        name=name,
        product=product,
        ad_product=ad_product or product.value,
        retention_days=days,
        id_column=id_column,
        cost_column=cost,
        sales_column=sales,
        more_columns=more,
    )


_SP = ("sales1d", "sales7d", "sales30d", "spend", "campaignName", "campaignStatus")
_SB = ("salesClicks", "purchases", "campaignName", "campaignStatus", "campaignBudgetType")
_SD = ("salesClicks", "purchases", "campaignName", "campaignStatus")
REPORT_TYPES = {
    one.name: one
    for one in (
        _type("spCampaigns", Product.SP, 95, *_SP, sales="sales14d"),
        _type("sbCampaigns", Product.SB, 60, *_SB),
        _type("sdCampaigns", Product.SD, 65, *_SD),
        _type(
            "dspCampaign",
            Product.DSP,
            95,
            "totalSales",
            "orderName",
            ad_product="DEMAND_SIDE_PLATFORM",
            id_column="orderId",
            cost="totalCost",
        ),
    )
}


def check(kind: ReportType, body: dict[str, Any], today: date) -> None:
    """Reject a request that Amazon rejects.

    :raises RequestRejected: 400 with the texts that were observed.
    """
    configuration = body["configuration"]
    _check_columns(kind, configuration)
    if configuration.get("adProduct") != kind.ad_product:
        raise RequestRejected(400, f"configuration adProduct must be {kind.ad_product}")
    if configuration.get("format") != "GZIP_JSON":
        raise RequestRejected(400, "configuration format must be GZIP_JSON")
    _check_filters(kind, configuration)
    _check_dates(kind, body, today)


def _check_columns(kind: ReportType, configuration: dict[str, Any]) -> None:
    columns, groups = configuration.get("columns") or [], configuration.get("groupBy") or []
    unknown = sorted(set(columns) - kind.columns)
    if not columns or unknown:
        raise RequestRejected(
            400,
            f"configuration columns includes invalid values: ({', '.join(unknown)}). "
            f"Allowed values: ({', '.join(sorted(kind.columns))})",
        )
    if groups != ["campaign"]:
        raise RequestRejected(400, "configuration groupBy includes invalid values")
    unit = configuration.get("timeUnit")
    excluded = {"DAILY": {"startDate", "endDate"}, "SUMMARY": {"date"}}.get(str(unit))
    if excluded is None or excluded & set(columns):
        raise RequestRejected(400, f"configuration columns do not fit timeUnit {unit}")


def _check_filters(kind: ReportType, configuration: dict[str, Any]) -> None:
    fields = {one.get("field") for one in configuration.get("filters") or []}
    allowed = {
        Product.SP: {"campaignStatus"},
        Product.SB: {"campaignStatus"},
        Product.DSP: {"advertiserId"},
    }.get(kind.product, set())
    if fields - allowed:
        raise RequestRejected(
            400,
            f"configuration filters includes fields: ({', '.join(sorted(map(str, fields)))}) which "
            f"are invalid for groupBys: campaign. Allowed filters: ({', '.join(sorted(allowed))})",
        )
    if kind.product is Product.DSP and fields != {"advertiserId"}:
        raise RequestRejected(400, "Invalid Advertiser or Marketplace ID.")


def _check_dates(kind: ReportType, body: dict[str, Any], today: date) -> None:
    try:
        start, end = date.fromisoformat(body["startDate"]), date.fromisoformat(body["endDate"])
    except (KeyError, TypeError, ValueError) as err:
        raise RequestRejected(400, "startDate and endDate must be dates") from err
    oldest = today - timedelta(days=kind.retention_days)
    if start < oldest:
        raise RequestRejected(
            400,
            f"startDate ({start}) must be equal to or after report type data retention start date "
            f"({oldest})",
        )
    if end < start or (end - start).days >= MAX_DAYS:
        raise RequestRejected(400, f"The date range must be between 1 and {MAX_DAYS} days.")
