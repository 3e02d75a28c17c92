"""The emulated product metadata: what a profile's own store knows, and what it refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fixtures.ads import VENDOR, Ads
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient

SELLER = "1108400000000002"
TYPE = {"Content_Type": "application/vnd.productmetadatarequest.v1+json"}
ASIN = "B000000001"


@pytest.fixture
def ads(north: EmulatorClient) -> Ads:
    return Ads(north)


def look_up(
    ads: Ads, *asins: str, scope: str | None = VENDOR, headers: Any = TYPE, **changes: Any
) -> httpx.Response:
    body = {
        "asins": list(asins),
        "pageIndex": 0,
        "pageSize": len(asins),
        "checkItemDetails": True,
        **changes,
    }
    sent = {name: value for name, value in body.items() if value is not None}
    return ads.ask("POST", "/product/metadata", json=sent, scope=scope, headers=headers)


def test_products_are_told_in_the_published_shape(ads: Ads) -> None:
    found = look_up(ads, ASIN)
    assert found.status_code == 200
    assert set(found.json()) == {"ProductMetadataList", "cursorToken"}
    (product,) = found.json()["ProductMetadataList"]
    assert product["asin"] == ASIN
    assert set(product["basisPrice"]) == {"amount", "currency"}
    assert isinstance(product.get("bestSellerRank", ""), str)
    assert look_up(ads, ASIN).json() == found.json()


def test_unknown_asins_are_simply_absent(ads: Ads, emulator: RunningEmulator) -> None:
    emulator.products(unknown=["B000000002"], owners={"B000000003": int(SELLER)})
    asins = [ASIN, "B000000002", "B000000003", "B999999999"]
    for scope, known in ((VENDOR, [ASIN]), (SELLER, [ASIN, "B000000003"])):
        found = look_up(ads, *asins, scope=scope).json()["ProductMetadataList"]
        assert [one["asin"] for one in found] == known
    assert look_up(ads, "B999999999").json()["ProductMetadataList"] == []


def test_without_details_there_is_only_the_asin(ads: Ads) -> None:
    (product,) = look_up(ads, ASIN, checkItemDetails=None).json()["ProductMetadataList"]
    assert product == {"asin": ASIN}


def test_changed_products_are_told_as_changed(ads: Ads, emulator: RunningEmulator) -> None:
    emulator.products(change={ASIN: {"title": "Other", "priceToPay": None}})
    (product,) = look_up(ads, ASIN).json()["ProductMetadataList"]
    assert product["title"] == "Other"
    assert "priceToPay" not in product


def test_pages_are_cut_from_what_is_known(ads: Ads) -> None:
    asins = [f"B00000000{number}" for number in range(5)]
    pages = [look_up(ads, *asins, pageIndex=index, pageSize=2).json() for index in range(3)]
    told = [one["asin"] for page in pages for one in page["ProductMetadataList"]]
    assert told == asins


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pageIndex": None}, "pageIndex is required"),
        ({"pageSize": None}, "pageSize is required"),
        ({"pageSize": 301}, "between 1 and 300"),
        ({"pageIndex": 100, "pageSize": 100}, "No more than 10000"),
        ({"asins": ["B00000001"]}, "Invalid ASIN"),
        ({"asins": [f"B{number:09}" for number in range(301)]}, "at most 300"),
        ({"asins": []}, "none were given"),
    ],
)
def test_what_amazon_refuses_is_refused(ads: Ads, changes: dict[str, Any], words: str) -> None:
    rejection = look_up(ads, ASIN, **changes)
    assert rejection.status_code == 400
    assert rejection.json()["code"] == "400"
    assert words in rejection.json()["details"]


def test_who_may_not_ask_is_told_so(ads: Ads) -> None:
    assert look_up(ads, ASIN, scope=None).json()["details"] == "Scope header is missing"
    foreign = look_up(ads, ASIN, scope="2208400000000001")
    assert (foreign.status_code, foreign.json()["code"]) == (401, "401")
    assert look_up(ads, ASIN, headers={"Content_Type": "text/plain"}).status_code == 415


def test_trouble_can_be_ordered(ads: Ads, emulator: RunningEmulator) -> None:
    emulator.fault("product_metadata", "throttle", retry_after=3)
    throttled = look_up(ads, ASIN)
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "3")
    assert look_up(ads, ASIN).status_code == 200
