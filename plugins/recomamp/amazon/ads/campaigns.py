"""Lists of campaigns: one call and one reader for each of Amazon's four shapes.

All states are asked for by name: what Amazon assumes otherwise is not published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import httpx

from recomamp.amazon.ads.client import DSP_ADVERTISER, SCOPE
from recomamp.amazon.ads.exact_json import (
    Fields,
    day,
    money,
    read_items,
    read_json,
    read_next_token,
    text,
)
from recomamp.amazon.base_client import ApiRequest, ListPage
from recomamp.domain.campaigns import CampaignType, ListedCampaign

PAGE_SIZE = 100  # the largest that all four take

_STATES = ("ENABLED", "PAUSED", "ARCHIVED")
_ALL_STATES = {"include": list(_STATES)}


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignList:
    """How the campaigns of one type are listed, of a profile or a DSP advertiser."""

    call: Callable[[str, str | None], ApiRequest]
    read: Callable[[httpx.Response], ListPage[ListedCampaign]]


def list_sponsored_products(profile_id: str, next_token: str | None) -> ApiRequest:
    """List campaigns of Sponsored Products v3."""
    media_type = "application/vnd.spCampaign.v3+json"
    return _post("list_sp_campaigns", "/sp/campaigns/list", profile_id, next_token, media_type)


def list_sponsored_brands(profile_id: str, next_token: str | None) -> ApiRequest:
    """List campaigns of Sponsored Brands v4."""
    media_type = "application/vnd.sbcampaignresource.v4+json"
    return _post("list_sb_campaigns", "/sb/v4/campaigns/list", profile_id, next_token, media_type)


def list_sponsored_display(profile_id: str, next_token: str | None) -> ApiRequest:
    """List campaigns of Sponsored Display, whose pages are offsets.

    The plain list: the extended one weighs five times as much and adds nothing that is kept.
    """
    return ApiRequest(
        operation="list_sd_campaigns",
        method="GET",
        path="/sd/campaigns",
        query={
            "startIndex": next_token or "0",
            "count": str(PAGE_SIZE),
            "stateFilter": ",".join(_STATES).lower(),
        },
        headers={SCOPE: profile_id},
    )


def list_dsp(advertiser_id: str, next_token: str | None) -> ApiRequest:
    """List campaigns of the DSP, with the unified API."""
    return ApiRequest(
        operation="query_campaigns",
        method="POST",
        path="/adsApi/v1/query/campaigns",
        body={
            "adProductFilter": {"include": ["AMAZON_DSP"]},
            "stateFilter": _ALL_STATES,
            "maxResults": PAGE_SIZE,
            **_paged(next_token),
        },
        headers={DSP_ADVERTISER: advertiser_id},
    )


def read_sponsored_products(response: httpx.Response) -> ListPage[ListedCampaign]:
    """Read a page of Sponsored Products: the budget is an object."""
    return _page(response, _sponsored_products)


def read_sponsored_brands(response: httpx.Response) -> ListPage[ListedCampaign]:
    """Read a page of Sponsored Brands: the budget is flat, there is no targeting type."""
    return _page(response, _sponsored_brands)


def read_sponsored_display(response: httpx.Response) -> ListPage[ListedCampaign]:
    """Read a page of Sponsored Display: a bare array, and a shorter one is the last."""
    items = read_items(response, read_json(response), _sponsored_display, "campaigns")
    asked = response.request.url.params
    next_index = int(asked["startIndex"]) + len(items)
    is_last = len(items) < int(asked["count"])
    return ListPage(items=items, next_token=None if is_last else str(next_index))


def read_unified(response: httpx.Response) -> ListPage[ListedCampaign]:
    """Read a page of the unified API, where the flights of DSP campaigns hold their budgets."""
    return _page(response, _unified)


LISTS: Mapping[CampaignType, CampaignList] = {
    CampaignType.SPONSORED_PRODUCTS: CampaignList(
        call=list_sponsored_products, read=read_sponsored_products
    ),
    CampaignType.SPONSORED_BRANDS: CampaignList(
        call=list_sponsored_brands, read=read_sponsored_brands
    ),
    CampaignType.SPONSORED_DISPLAY: CampaignList(
        call=list_sponsored_display, read=read_sponsored_display
    ),
    CampaignType.DSP: CampaignList(call=list_dsp, read=read_unified),
}


def _post(
    operation: str, path: str, profile_id: str, next_token: str | None, media_type: str
) -> ApiRequest:
    return ApiRequest(
        operation=operation,
        method="POST",
        path=path,
        body={"stateFilter": _ALL_STATES, "maxResults": PAGE_SIZE, **_paged(next_token)},
        content_type=media_type,
        headers={SCOPE: profile_id, "Accept": media_type},
    )


def _paged(next_token: str | None) -> dict[str, str]:
    return {"nextToken": next_token} if next_token else {}


def _page(
    response: httpx.Response, read: Callable[[Fields], ListedCampaign | None]
) -> ListPage[ListedCampaign]:
    body = read_json(response)
    listed = body.get("campaigns") if isinstance(body, dict) else None
    items = read_items(response, listed, read, "campaigns")
    return ListPage(items=items, next_token=read_next_token(response, body))


def _sponsored_products(fields: Fields) -> ListedCampaign | None:
    budget = fields.get("budget")
    return _sponsored(
        fields,
        budget=money(budget, "budget"),
        budget_type=text(budget, "budgetType"),
        targeting_type=text(fields, "targetingType"),
    )


def _sponsored_brands(fields: Fields) -> ListedCampaign | None:
    return _sponsored(
        fields, budget=money(fields, "budget"), budget_type=text(fields, "budgetType")
    )


def _sponsored_display(fields: Fields) -> ListedCampaign | None:
    return _sponsored(
        fields,
        budget=money(fields, "budget"),
        budget_type=text(fields, "budgetType"),
        targeting_type=text(fields, "tactic"),  # contextual or audiences: the nearest it has
    )


def _sponsored(fields: Fields, **more: Any) -> ListedCampaign | None:
    campaign_id = text(fields, "campaignId")
    if campaign_id is None:
        return None
    return ListedCampaign(
        campaign_id=campaign_id,
        name=text(fields, "name") or "",
        state=text(fields, "state") or "",
        start_date=day(fields, "startDate"),
        end_date=day(fields, "endDate"),
        portfolio_id=text(fields, "portfolioId"),
        **more,
    )


def _unified(fields: Fields) -> ListedCampaign | None:
    campaign_id = text(fields, "campaignId")
    if campaign_id is None:
        return None
    listed = fields.get("flights")
    flights = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    amounts = [_amount(flight.get("budget")) for flight in flights]
    known = [amount for amount, _ in amounts if amount is not None]
    starts = filter(None, (_day_of(one, "startDateTime") for one in flights))
    ends = filter(None, (_day_of(one, "endDateTime") for one in flights))
    return ListedCampaign(
        campaign_id=campaign_id,
        name=text(fields, "name") or "",
        state=text(fields, "state") or "",
        start_date=_day_of(fields, "startDateTime") or min(starts, default=None),
        end_date=_day_of(fields, "endDateTime") or max(ends, default=None),
        budget=sum(known, Decimal()) if known else None,
        budget_type="LIFETIME" if known else None,
        portfolio_id=text(fields, "portfolioId"),
        currency_code=next(filter(None, (currency for _, currency in amounts)), None),
    )


def _amount(budget: Any) -> tuple[Decimal | None, str | None]:
    """Return amount and currency of a budget, however deep the API wraps it."""
    found = budget
    for key in ("budgetValue", "monetaryBudgetValue", "monetaryBudget"):
        found = found.get(key) if isinstance(found, dict) else None
    return money(found, "value"), text(found, "currencyCode")


def _day_of(fields: Any, key: str) -> date | None:
    """Return the day of a time, with or without an offset; None when absent or unreadable."""
    try:
        return datetime.fromisoformat(text(fields, key) or "").date()
    except ValueError:
        return None
