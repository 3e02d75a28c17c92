"""The emulated Ads API lists campaigns in each of Amazon's shapes, and refuses in its words."""

from __future__ import annotations

import re

import pytest

from fixtures.ads import STATES, VENDOR, Ads
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient

ABROAD = "2208400000000001"


@pytest.fixture
def ads(north: EmulatorClient) -> Ads:
    return Ads(north)


def test_profiles_are_a_bare_array_of_what_the_consent_reaches(ads: Ads) -> None:
    profiles = ads.ask("GET", "/v2/profiles", scope=None).json()

    assert [one["countryCode"] for one in profiles] == ["US", "US", "CA"]
    assert profiles[0]["profileId"] == int(VENDOR)
    assert profiles[0]["accountInfo"]["id"] == "ENTITYDEMONORTH"


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (None, "Scope header is missing"),
        ("123", "No matching advertiser found for scope"),
        (ABROAD, "Not authorized to access scope"),
    ],
)
def test_a_wrong_scope_is_refused_in_the_published_words(ads: Ads, scope: str, text: str) -> None:
    answer = ads.ask("GET", "/sd/campaigns", scope=scope)

    assert answer.status_code == 401
    assert text in answer.json()["details"]
    assert set(answer.json()) == {"code", "details", "requestId"}


def test_sponsored_products_come_in_pages_with_a_total(ads: Ads) -> None:
    first = ads.sp(maxResults=10, stateFilter=STATES).json()
    second = ads.sp(maxResults=10, stateFilter=STATES, nextToken=first["nextToken"]).json()

    assert (len(first["campaigns"]), len(second["campaigns"])) == (10, 4)
    assert "nextToken" not in second
    assert first["totalResults"] == 14
    ids = {one["campaignId"] for one in first["campaigns"] + second["campaigns"]}
    assert len(ids) == 14
    assert all(isinstance(one, str) for one in ids)


def test_without_a_filter_archived_campaigns_are_left_out(ads: Ads) -> None:
    assert {one["state"] for one in ads.sp().json()["campaigns"]} == {"ENABLED", "PAUSED"}


def test_sponsored_products_insists_on_its_media_type(ads: Ads) -> None:
    answer = ads.ask("POST", "/sp/campaigns/list", json={})

    assert answer.status_code == 415
    assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_sponsored_brands_have_flat_budgets_and_at_most_100_a_page(ads: Ads) -> None:
    campaigns = ads.ask("POST", "/sb/v4/campaigns/list", json={"stateFilter": STATES}).json()
    rejection = ads.ask("POST", "/sb/v4/campaigns/list", json={"maxResults": 101})

    assert campaigns["totalCount"] == len(campaigns["campaigns"]) == 7
    assert {one["budgetType"] for one in campaigns["campaigns"]} == {"DAILY", "LIFETIME"}
    assert isinstance(campaigns["campaigns"][0]["budget"], float)
    assert "targetingType" not in campaigns["campaigns"][0]
    assert (rejection.status_code, rejection.json()["code"]) == (400, "INVALID_ARGUMENT")


def test_sponsored_display_pages_by_offset_in_its_own_spelling(ads: Ads) -> None:
    page = ads.ask("GET", "/sd/campaigns?startIndex=5&count=5").json()

    assert len(page) == 2
    assert isinstance(page[0]["campaignId"], int)
    assert page[0]["state"] == page[0]["state"].lower()
    assert re.fullmatch(r"\d{8}", page[0]["startDate"])


@pytest.mark.parametrize("product", ["SPONSORED_PRODUCTS", "SPONSORED_BRANDS", "SPONSORED_DISPLAY"])
def test_the_unified_api_lists_the_same_campaigns(ads: Ads, product: str) -> None:
    campaigns = ads.unified(product).json()["campaigns"]

    assert {one["adProduct"] for one in campaigns} == {product}
    assert "T" in campaigns[0]["startDateTime"]
    (budget,) = campaigns[0]["budgets"]
    money = budget["budgetValue"]["monetaryBudgetValue"]["monetaryBudget"]
    assert money["currencyCode"] == "USD"


def test_dsp_campaigns_belong_to_an_advertiser_and_have_flights(ads: Ads) -> None:
    asked = {"headers": {"Amazon_Ads_AccountId": "580000000000000001"}, "scope": None}
    body = {"adProductFilter": {"include": ["AMAZON_DSP"]}, "stateFilter": STATES}
    campaigns = ads.ask("POST", "/adsApi/v1/query/campaigns", json=body, **asked).json()

    assert len(campaigns["campaigns"]) == 3
    assert campaigns["campaigns"][0]["flights"][0]["budget"]
    assert ads.unified("AMAZON_DSP").status_code == 401


def test_the_unified_api_wants_exactly_one_product(ads: Ads) -> None:
    answer = ads.ask("POST", "/adsApi/v1/query/campaigns", json={})

    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


def test_an_instances_advertisers_are_told(ads: Ads) -> None:
    answer = ads.ask("GET", "/amc/instances/amcdemonorth/advertisers", scope=None).json()

    assert [(one["id"], one["type"]) for one in answer["advertisers"]] == [
        ("ENTITYDEMONORTH", "SPONSORED_ADS"),
        ("A3DEMONORTHSELL", "SPONSORED_ADS"),
        ("580000000000000001", "DISPLAY"),
    ]


def test_campaigns_can_be_many_vanish_and_change(ads: Ads, emulator: RunningEmulator) -> None:
    emulator.campaigns(counts=[{"owner": VENDOR, "product": "SPONSORED_PRODUCTS", "campaigns": 50}])
    before = ads.sp(stateFilter=STATES).json()["campaigns"]
    gone, other = int(before[0]["campaignId"]), int(before[1]["campaignId"])
    emulator.campaigns(remove=[gone], change={other: {"name": "Renamed"}})
    after = ads.sp(stateFilter=STATES).json()["campaigns"]

    assert (len(before), len(after)) == (50, 49)
    assert after[0]["name"] == "Renamed"
