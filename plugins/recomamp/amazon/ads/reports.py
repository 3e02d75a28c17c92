"""Reports on campaigns: asked for, watched, read. Their rows are of a campaign and a day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import httpx

from recomamp.amazon.ads.client import DSP_ADVERTISER, SCOPE
from recomamp.amazon.ads.exact_json import read_json, text
from recomamp.amazon.base_client import ApiRequest
from recomamp.amazon.error_mapping import build_error, text_of
from recomamp.amazon.request_paths import path_of
from recomamp.domain.campaigns import CampaignType
from recomamp.errors import UnexpectedResponse

_REQUEST = "application/vnd.createasyncreportrequest.v3+json"
_CREATED = "application/vnd.createasyncreportresponse.v3+json"
_SHOWN = "application/vnd.getasyncreportresponse.v3+json"
_MAX_READ = 2000  # characters of an answer that names another report
_REPORT_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class ReportStatus(StrEnum):
    """How a report gets on. Older guides write FAILURE for FAILED."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Return whether nothing will change any more."""
        return self in (ReportStatus.COMPLETED, ReportStatus.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report as Amazon describes it. ``url`` is secret: anybody may download with it."""

    report_id: str
    status: ReportStatus
    failure_reason: str | None
    url: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportColumns:
    """What Amazon calls the columns of a report on one type of campaign."""

    ad_product: str
    report_type: str
    campaign: str = "campaignId"
    cost: str = "cost"
    sales: str = "sales"

    @property
    def names(self) -> list[str]:
        """All columns to ask for."""
        return [self.campaign, "date", "impressions", "clicks", self.cost, self.sales]


# Sales within 14 days of the click, for all types alike; Sponsored Brands and Display count views
# too, and have no figure for 14 days without them.
COLUMNS: Mapping[CampaignType, ReportColumns] = {
    CampaignType.SPONSORED_PRODUCTS: ReportColumns(
        ad_product="SPONSORED_PRODUCTS", report_type="spCampaigns", sales="sales14d"
    ),
    CampaignType.SPONSORED_BRANDS: ReportColumns(
        ad_product="SPONSORED_BRANDS", report_type="sbCampaigns"
    ),
    CampaignType.SPONSORED_DISPLAY: ReportColumns(
        ad_product="SPONSORED_DISPLAY", report_type="sdCampaigns"
    ),
    CampaignType.DSP: ReportColumns(
        ad_product="DEMAND_SIDE_PLATFORM",
        report_type="dspCampaign",
        campaign="orderId",
        cost="totalCost",
    ),
}


def create_report(
    campaign_type: CampaignType, owner_id: str, *, name: str, start: date, end: date
) -> ApiRequest:
    """Ask for a report by day; ``end`` is included. A second time leads to the first one.

    :param owner_id: profile, or DSP advertiser.
    """
    columns = COLUMNS[campaign_type]
    configuration: dict[str, Any] = {
        "adProduct": columns.ad_product,
        "reportTypeId": columns.report_type,
        "groupBy": ["campaign"],
        "columns": columns.names,
        "timeUnit": "DAILY",
        "format": "GZIP_JSON",
    }
    if campaign_type is CampaignType.DSP:
        configuration["filters"] = [{"field": "advertiserId", "values": [owner_id]}]
    return ApiRequest(
        operation="create_report",
        method="POST",
        path="/reporting/reports",
        body={
            "name": name,
            "startDate": start.isoformat(),
            "endDate": end.isoformat(),
            "configuration": configuration,
        },
        content_type=_REQUEST,
        headers={**_about(campaign_type, owner_id), "Accept": _CREATED},
    )


def get_report(campaign_type: CampaignType, owner_id: str, report_id: str) -> ApiRequest:
    """Ask how a report gets on; with a fresh link where it is complete."""
    return ApiRequest(
        operation="get_report",
        method="GET",
        path=path_of("/reporting/reports", report_id),
        headers={**_about(campaign_type, owner_id), "Accept": _SHOWN},
    )


def read_created(response: httpx.Response) -> str:
    """Read the id of a report that was asked for, or of the same one that is under way (425).

    :raises AmazonError: when it is another error, or names no report.
    """
    if response.status_code == HTTPStatus.TOO_EARLY:
        duplicate = _REPORT_ID.search(text_of(response, _MAX_READ))
        if duplicate is None:
            raise build_error(
                response, UnexpectedResponse, "the id of the report under way was expected"
            )
        return duplicate.group()
    return read_report(response).report_id


def read_report(response: httpx.Response) -> Report:
    """Read how a report gets on.

    :raises AmazonError: when it is an error, or not a report.
    """
    body = read_json(response)
    report_id = text(body, "reportId")
    if report_id is None:
        # Not build_error: the body may hold a signed link.
        raise UnexpectedResponse(
            f"{response.request.url.path} answered without a reportId", status=response.status_code
        )
    return Report(
        report_id=report_id,
        status=_status(text(body, "status")),
        failure_reason=text(body, "failureReason"),
        url=text(body, "url"),
    )


def _status(word: str | None) -> ReportStatus:
    if word == "FAILURE":
        return ReportStatus.FAILED
    try:
        return ReportStatus(word or "")
    except ValueError:
        return ReportStatus.PROCESSING  # a word of the future: look again


def _about(campaign_type: CampaignType, owner_id: str) -> dict[str, str]:
    header = DSP_ADVERTISER if campaign_type is CampaignType.DSP else SCOPE
    return {header: owner_id}
