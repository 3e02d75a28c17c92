"""One campaign in the shape of each API. Unset keys are missing, as they are at Amazon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from amc_emulator.ads.campaigns import Campaign, Product
from amc_emulator.clock import format_time


def sponsored_products(campaign: Campaign) -> dict[str, Any]:
    """Return the campaign as Sponsored Products v3 does. The last field is undocumented."""
    return {
        "campaignId": str(campaign.number),
        "name": campaign.name,
        "state": campaign.state,
        "targetingType": "AUTO" if campaign.is_auto else "MANUAL",
        "budget": {"budget": campaign.budget, "budgetType": "DAILY"},
        "dynamicBidding": {"strategy": "LEGACY_FOR_SALES", "placementBidding": []},
        "tags": {},
        **_date_fields(campaign),
        **_portfolio_fields(campaign),
        "premiumBidAdjustment": False,
    }


def sponsored_brands(campaign: Campaign) -> dict[str, Any]:
    """Return the campaign as Sponsored Brands v4 does: a flat budget, no targeting type."""
    return {
        "campaignId": str(campaign.number),
        "name": campaign.name,
        "state": campaign.state,
        "budget": campaign.budget,
        "budgetType": "LIFETIME" if campaign.is_lifetime else "DAILY",
        "costType": "CPC",
        "isMultiAdGroupsEnabled": True,
        "bidding": {"bidOptimization": True, "bidOptimizationStrategy": "MAXIMIZE_IMMEDIATE_SALES"},
        "productLocation": "SOLD_ON_AMAZON",
        **_date_fields(campaign),
        **_portfolio_fields(campaign),
    }


def sponsored_display(campaign: Campaign) -> dict[str, Any]:
    """Return the campaign as Sponsored Display does: numeric ids, lower case, plain dates."""
    return {
        "campaignId": campaign.number,
        "name": campaign.name,
        "tactic": "T00030" if campaign.is_auto else "T00020",
        "state": campaign.state.lower(),
        "costType": "cpc",
        "budget": campaign.budget,
        "budgetType": "daily",
        "startDate": campaign.start.strftime("%Y%m%d"),
        "endDate": campaign.end.strftime("%Y%m%d") if campaign.end else None,
        "portfolioId": campaign.portfolio_id,
        "deliveryProfile": "as_soon_as_possible",
    }


def unified(campaign: Campaign, *, currency: str, time_zone: str) -> dict[str, Any]:
    """Return the campaign as the unified API does. DSP campaigns have their budget in flights."""

    def moment(day: date) -> str:
        return format_time(datetime.combine(day, time(), ZoneInfo(time_zone)))

    money = {"currencyCode": currency, "value": campaign.budget}
    value = {"monetaryBudgetValue": {"monetaryBudget": money}}
    recurrence = "LIFETIME" if campaign.is_lifetime else "DAILY"
    budget = {"budgetType": "MONETARY", "recurrenceTimePeriod": recurrence, "budgetValue": value}
    shape: dict[str, Any] = {
        "adProduct": campaign.product,
        "campaignId": str(campaign.number),
        "name": campaign.name,
        "state": campaign.state,
        "startDateTime": moment(campaign.start),
        "creationDateTime": moment(campaign.start),
        "lastUpdatedDateTime": moment(campaign.start),
        "status": {"deliveryStatus": "DELIVERING", "deliveryReasons": []},
    }
    if campaign.end:
        shape["endDateTime"] = moment(campaign.end)
    if campaign.product is not Product.DSP:
        optional = {"portfolioId": str(campaign.portfolio_id)} if campaign.portfolio_id else {}
        automatic = {"autoCreationSettings": {"autoCreateTargets": campaign.is_auto}}
        return {**shape, "budgets": [budget], **optional, **automatic}
    flight = {"startDateTime": shape["startDateTime"], "endDateTime": shape.get("endDateTime")}
    return {**shape, "budgets": [], "flights": [{**flight, "budget": {"budgetValue": value}}]}


def _date_fields(campaign: Campaign) -> dict[str, str]:
    end = {"endDate": campaign.end.isoformat()} if campaign.end else {}
    return {"startDate": campaign.start.isoformat(), **end}


def _portfolio_fields(campaign: Campaign) -> dict[str, str]:
    return {"portfolioId": str(campaign.portfolio_id)} if campaign.portfolio_id else {}


Serializer = Callable[[Campaign], dict[str, Any]]
