"""Amazon's words fit the application's columns, and what does not is noted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.ad_profiles import Advertiser, Profile, dsp_advertisers, profiles_of_instance
from recomamp.domain.campaigns import (
    MAX_MONEY,
    PERIOD_DAYS,
    Campaign,
    ListedCampaign,
    period,
    to_campaign,
)


def fit(**changes: Any) -> Campaign:
    return to_campaign(
        ListedCampaign(**{"campaign_id": "1", "name": "A", "state": "ENABLED", **changes})
    )


def test_what_fits_is_kept_as_it_is() -> None:
    listed: dict[str, Any] = {
        "campaign_id": "C1",
        "name": "Spring",
        "state": "PAUSED",
        "start_date": date(2026, 3, 1),
        "end_date": date(2026, 3, 31),
        "budget": Decimal("10.50"),
        "budget_type": "DAILY",
        "targeting_type": "MANUAL",
        "portfolio_id": "P1",
        "currency_code": "EUR",
    }
    assert fit(**listed) == Campaign(**listed, sync_note=None)


@pytest.mark.parametrize(
    ("listed", "of_profile", "kept"),
    [("EUR", "USD", "EUR"), ("EUR", None, "EUR"), (None, "USD", "USD"), (None, None, None)],
)
def test_the_currency_is_the_lists_or_else_the_profiles(
    listed: str | None, of_profile: str | None, kept: str | None
) -> None:
    campaign = ListedCampaign(campaign_id="1", name="A", state="PAUSED", currency_code=listed)
    assert to_campaign(campaign, currency_code=of_profile).currency_code == kept


def test_all_that_does_not_fit_is_noted() -> None:
    assert fit(state="ACTIVE", budget_type="MONTHLY").sync_note == (
        "state ACTIVE is kept as ENABLED; budget type MONTHLY fits neither DAILY nor LIFETIME"
    )


@pytest.mark.parametrize(
    ("word", "state", "note"),
    [
        ("ENABLED", "ENABLED", None),
        ("paused", "PAUSED", None),
        ("ACTIVE", "ENABLED", "state ACTIVE is kept as ENABLED"),
        ("USER_DELETED", "ARCHIVED", "state USER_DELETED is kept as ARCHIVED"),
        ("PROPOSED", "PAUSED", "state PROPOSED is kept as PAUSED"),
        ("SINGING", "PAUSED", "state SINGING is kept as PAUSED"),
        ("", "PAUSED", "state missing is kept as PAUSED"),
    ],
)
def test_every_state_is_one_of_three(word: str, state: str, note: str | None) -> None:
    campaign = fit(state=word)
    assert (campaign.state, campaign.sync_note) == (state, note)


@pytest.mark.parametrize(
    ("word", "kept", "note"),
    [
        ("DAILY", "DAILY", None),
        ("daily", "DAILY", None),
        ("LIFETIME", "LIFETIME", None),
        (None, None, None),
        ("MONTHLY", None, "budget type MONTHLY fits neither DAILY nor LIFETIME"),
    ],
)
def test_a_budget_type_is_one_of_two_or_none(
    word: str | None, kept: str | None, note: str | None
) -> None:
    campaign = fit(budget_type=word)
    assert (campaign.budget_type, campaign.sync_note) == (kept, note)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_every_budget_fits_its_column(budget: Decimal) -> None:
    kept = fit(budget=budget).budget
    if kept is None:
        assert not budget.is_finite()
    else:
        assert abs(kept) <= MAX_MONEY
        assert kept == kept.quantize(Decimal("0.01"))
        assert abs(budget) > MAX_MONEY or abs(kept - budget) <= Decimal("0.005")


def test_a_budget_larger_than_its_column_is_noted() -> None:
    campaign = fit(budget=Decimal("999999999.0"))
    assert campaign.budget == MAX_MONEY
    assert campaign.sync_note == "budget 999999999.0 is larger than its column"


@pytest.mark.parametrize(
    ("budget", "kept"),
    [("99999999.99", MAX_MONEY), ("0.125", Decimal("0.13")), ("-0.125", Decimal("-0.13"))],
)
def test_a_budget_that_fits_is_rounded_to_cents_half_up(budget: str, kept: Decimal) -> None:
    campaign = fit(budget=Decimal(budget))
    assert (campaign.budget, campaign.sync_note) == (kept, None)


def test_a_campaign_without_a_name_is_called_by_its_id() -> None:
    assert fit(name="").name == "1"


def profile(profile_id: str, owner_id: str, marketplace_id: str = "US", kind: str = "vendor"):
    return Profile(
        profile_id=profile_id,
        owner_id=owner_id,
        marketplace_id=marketplace_id,
        currency_code="USD",
        time_zone="UTC",
        kind=kind,
    )


def advertiser(advertiser_id: str, kind: str = "SPONSORED_ADS", marketplace_id: str | None = "US"):
    return Advertiser(advertiser_id=advertiser_id, kind=kind, marketplace_id=marketplace_id)


PROFILES = [
    profile("1", "ENTITY1"),
    profile("2", "ENTITY1", "CA"),
    profile("3", "SELLER"),
    profile("4", "SELLER", "CA"),
    profile("5", "STRANGER"),
    profile("6", "ENTITY1", kind="agency"),
]


@pytest.mark.parametrize(
    ("advertisers", "named", "behind"),
    [
        ([], None, ["1"]),
        ([advertiser("SELLER")], None, ["1", "3"]),
        ([advertiser("SELLER", marketplace_id="CA")], None, ["1", "4"]),
        ([advertiser("SELLER", marketplace_id=None)], None, ["1", "3"]),
        ([advertiser("STRANGER", kind="DISPLAY")], None, ["1"]),
        ([advertiser("SELLER")], "2", ["2"]),
        ([advertiser("SELLER")], "99", []),
        ([advertiser("SELLER")], "6", []),
    ],
)
def test_profiles_behind_an_instance(
    advertisers: list[Advertiser], named: str | None, behind: list[str]
) -> None:
    found = profiles_of_instance(
        PROFILES, advertisers, entity_id="ENTITY1", marketplace_id="US", profile_id=named
    )
    assert [one.profile_id for one in found] == behind


def test_dsp_advertisers_are_told_once() -> None:
    twice = [advertiser("9", "DISPLAY", None), advertiser("SELLER"), advertiser("9", "DISPLAY")]
    assert dsp_advertisers(twice) == ["9"]


@pytest.mark.parametrize(
    ("now", "zone", "last"),
    [
        ("2026-03-10T06:59:00+00:00", "America/Los_Angeles", date(2026, 3, 8)),
        ("2026-03-10T07:00:00+00:00", "America/Los_Angeles", date(2026, 3, 9)),
        ("2026-03-10T15:00:00+00:00", "Asia/Tokyo", date(2026, 3, 10)),
        ("2026-03-10T15:00:00+00:00", "No/Where", date(2026, 3, 9)),
        ("2026-03-10T15:00:00+00:00", "", date(2026, 3, 9)),
        ("2026-03-10T15:00:00+00:00", "Europe", date(2026, 3, 9)),
        ("2026-03-10T15:00:00+00:00", "x" * 300, date(2026, 3, 9)),
    ],
)
def test_the_period_ends_with_the_last_full_day_of_the_zone(
    now: str, zone: str, last: date
) -> None:
    days = period(datetime.fromisoformat(now), zone)
    assert days.end == last
    assert (days.end - days.start).days == PERIOD_DAYS - 1 < 31


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)))
def test_no_day_of_the_period_is_today(now: datetime) -> None:
    assert period(now, "UTC").end < now.date()
