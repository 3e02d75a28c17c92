"""A campaign as the application keeps it: Amazon's words, made to fit the columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from recomamp.domain.scheduling.cron import load_zone
from recomamp.errors import InvalidDefinition

MAX_MONEY = Decimal("99999999.99")  # budget, spend and sales are DECIMAL(10,2)
_CENT = Decimal("0.01")

_STATES = {
    "ENABLED": "ENABLED",
    "PAUSED": "PAUSED",
    "ARCHIVED": "ARCHIVED",
    # Not live, or words of older DSP campaigns
    "ACTIVE": "ENABLED",
    "ENABLING": "ENABLED",
    "INACTIVE": "PAUSED",
    "PROPOSED": "PAUSED",
    "USER_DELETED": "ARCHIVED",
}
_BUDGET_TYPES = ("DAILY", "LIFETIME")


class CampaignType(StrEnum):
    """What a campaign advertises with: ``campaigns.campaign_type``."""

    SPONSORED_PRODUCTS = "sponsoredProducts"
    SPONSORED_BRANDS = "sponsoredBrands"
    SPONSORED_DISPLAY = "sponsoredDisplay"
    DSP = "dsp"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedCampaign:
    """A campaign as one of Amazon's lists has it, in Amazon's words."""

    campaign_id: str
    name: str
    state: str
    start_date: date | None = None
    end_date: date | None = None
    budget: Decimal | None = None
    budget_type: str | None = None
    targeting_type: str | None = None
    portfolio_id: str | None = None
    currency_code: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """A campaign as a row of ``campaigns``; ``sync_note`` says what fits no column."""

    campaign_id: str
    name: str
    state: str
    start_date: date | None
    end_date: date | None
    budget: Decimal | None
    budget_type: str | None
    targeting_type: str | None
    portfolio_id: str | None
    currency_code: str | None
    sync_note: str | None


def to_campaign(listed: ListedCampaign, *, currency_code: str | None = None) -> Campaign:
    """Make a listed campaign fit the columns of ``campaigns``.

    :param currency_code: of the profile, where the list itself names no currency.
    """
    notes: list[str] = []
    return Campaign(
        campaign_id=listed.campaign_id,
        name=listed.name or listed.campaign_id,
        state=_state(listed.state, notes),
        start_date=listed.start_date,
        end_date=listed.end_date,
        budget=_budget(listed.budget, notes),
        budget_type=_budget_type(listed.budget_type, notes),
        targeting_type=listed.targeting_type,
        portfolio_id=listed.portfolio_id,
        currency_code=listed.currency_code or currency_code,
        sync_note="; ".join(notes) or None,
    )


def _state(word: str, notes: list[str]) -> str:
    state = _STATES.get(word.upper())
    if state != word.upper():
        notes.append(f"state {word or 'missing'} is kept as {state or 'PAUSED'}")
    return state or "PAUSED"


def _budget(budget: Decimal | None, notes: list[str]) -> Decimal | None:
    if budget is None or not budget.is_finite():
        return None
    if abs(budget) > MAX_MONEY:
        notes.append(f"budget {budget:f} is larger than its column")
        return MAX_MONEY.copy_sign(budget)
    return budget.quantize(_CENT, rounding=ROUND_HALF_UP)


def _budget_type(word: str | None, notes: list[str]) -> str | None:
    if word is None or word.upper() in _BUDGET_TYPES:
        return word.upper() if word else None
    notes.append(f"budget type {word} fits neither DAILY nor LIFETIME")
    return None


# The columns hold the sums of these days. Each sync reads all of them again, because Amazon
# restates figures. A report covers 31 days at most
PERIOD_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """Days of a profile's time zone, both ends included."""

    start: date
    end: date


def period(now: datetime, time_zone: str) -> Days:
    """Return the last full days before ``now``; in UTC where the zone is not known."""
    zone: tzinfo
    try:
        zone = load_zone(time_zone)
    except InvalidDefinition:
        zone = UTC
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    return Days(start=yesterday - timedelta(days=PERIOD_DAYS - 1), end=yesterday)
