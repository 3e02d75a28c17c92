"""Four shapes of campaigns, profiles and reports are read as they come, and so are errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from fixtures.amazon import CREDENTIALS, Amazon, Pauses
from recomamp.amazon.ads import reports
from recomamp.amazon.ads.campaigns import LISTS
from recomamp.amazon.ads.client import AdsClient
from recomamp.amazon.ads.profiles import list_profiles, read_profiles
from recomamp.amazon.ads.reports import ReportStatus, read_created, read_report
from recomamp.amazon.regions import Endpoint
from recomamp.domain.campaigns import CampaignType, ListedCampaign
from recomamp.errors import RequestRejected, TransientError, Unauthorized, UnexpectedResponse

PROFILE = "1108400000000001"
UUID = "3d2f9a3c-0b1e-4c59-9a74-0d4a0b6f2c11"


def ask(server: Callable[[httpx.Request], httpx.Response], call: Any, read: Any) -> Any:
    async def run() -> Any:
        endpoint = Endpoint(api_url="https://ads.test", token_url="https://ads.test/token")
        async with AdsClient(
            endpoint,
            httpx.Auth(),
            client_id="client",
            transport=httpx.MockTransport(server),
            sleep=Pauses(),
        ) as ads:
            return await ads.send(call, read)

    return asyncio.run(run())


def listed(kind: CampaignType, *campaigns: Any, token: str | None = None) -> list[ListedCampaign]:
    def server(request: httpx.Request) -> httpx.Response:
        is_array = kind is CampaignType.SPONSORED_DISPLAY
        # Not json=, which cannot write every text that JSON has
        body = json.dumps(list(campaigns) if is_array else {"campaigns": campaigns})
        return httpx.Response(200, content=body)

    how = LISTS[kind]
    return list(ask(server, how.call("1", token), how.read).items)


@pytest.mark.parametrize("kind", CampaignType)
def test_names_are_read_as_they_can_be_stored(kind: CampaignType) -> None:
    (campaign,) = listed(kind, {"campaignId": "1", "name": "A\0\ud800B", "state": "ENABLED"})
    assert campaign.name == "A?B"


def test_amazons_words_are_kept_as_they_can_be_stored() -> None:
    with pytest.raises(RequestRejected, match="no such luck"):
        ask(
            lambda _: httpx.Response(400, json={"details": "no \0such\0 luck"}),
            list_profiles(),
            read_profiles,
        )


def test_sponsored_products_are_read_from_their_nested_budget() -> None:
    campaign = {
        "campaignId": "1",
        "name": "A",
        "state": "ENABLED",
        "targetingType": "AUTO",
        "startDate": "2026-01-31",
        "budget": {"budget": 10.1, "budgetType": "DAILY", "effectiveBudget": 99},
        "premiumBidAdjustment": False,
    }
    assert listed(CampaignType.SPONSORED_PRODUCTS, campaign) == [
        ListedCampaign(
            campaign_id="1",
            name="A",
            state="ENABLED",
            start_date=date(2026, 1, 31),
            budget=Decimal("10.1"),
            budget_type="DAILY",
            targeting_type="AUTO",
        )
    ]


def test_sponsored_display_is_read_from_numbers_and_dates_without_hyphens() -> None:
    campaign = {
        "campaignId": 9007199254740993,
        "name": "A",
        "state": "paused",
        "tactic": "T00020",
        "startDate": "20260131",
        "endDate": None,
        "budget": 5,
        "budgetType": "daily",
        "portfolioId": 7,
    }
    (found,) = listed(CampaignType.SPONSORED_DISPLAY, campaign)
    assert (found.campaign_id, found.portfolio_id) == ("9007199254740993", "7")
    assert (found.start_date, found.end_date) == (date(2026, 1, 31), None)
    assert found.targeting_type == "T00020"


def test_dsp_money_is_the_sum_of_the_flights() -> None:
    def flight(value: float, start: str, end: str) -> dict[str, Any]:
        money = {"monetaryBudget": {"currencyCode": "EUR", "value": value}}
        budget = {"budgetValue": {"monetaryBudgetValue": money}}
        return {"budget": budget, "startDateTime": start, "endDateTime": end}

    flights = [
        flight(0.1, "2026-02-01T00:00:00Z", "2026-02-10T00:00:00Z"),
        flight(0.2, "2026-01-01T00:00:00Z", "2026-01-10T00:00:00Z"),
    ]
    campaign = {"campaignId": "1", "name": "A", "state": "ENABLED", "flights": flights}
    (found,) = listed(CampaignType.DSP, campaign)
    assert found.budget == Decimal("0.3")
    assert (found.budget_type, found.currency_code) == ("LIFETIME", "EUR")
    assert (found.start_date, found.end_date) == (date(2026, 1, 1), date(2026, 2, 10))


def test_the_days_of_flights_are_read_with_and_without_an_offset() -> None:
    flights = [
        {"startDateTime": "2026-01-03T00:00:00Z", "endDateTime": "2026-02-03"},
        {"startDateTime": "2026-01-01", "endDateTime": "2026-02-01T00:00:00+01:00"},
        {"startDateTime": "soon"},
    ]
    (campaign,) = listed(CampaignType.DSP, {"campaignId": "1", "flights": flights})
    assert (campaign.start_date, campaign.end_date) == (date(2026, 1, 1), date(2026, 2, 3))
    for odd in (5, True, "x", {"a": 1}):
        (campaign,) = listed(CampaignType.DSP, {"campaignId": "1", "flights": odd})
        assert campaign.start_date is None


@pytest.mark.parametrize("token", [True, ["n"], {"n": 1}, 1.5])
def test_a_list_does_not_end_unnoticed_at_a_token_that_is_no_text(token: Any) -> None:
    how = LISTS[CampaignType.SPONSORED_PRODUCTS]
    with pytest.raises(UnexpectedResponse, match="nextToken"):
        ask(
            lambda _: httpx.Response(200, json={"campaigns": [], "nextToken": token}),
            how.call("1", None),
            how.read,
        )


def test_a_campaign_of_which_only_the_id_is_known_is_read() -> None:
    for kind in CampaignType:
        (found,) = listed(kind, {"campaignId": "1"})
        assert found == ListedCampaign(campaign_id="1", name="", state="")


@pytest.mark.parametrize("kind", CampaignType)
def test_a_list_that_is_none_is_no_empty_list(kind: CampaignType) -> None:
    how = LISTS[kind]
    for body in ({}, {"campaigns": None}, {"campaigns": [{"name": "no id"}]}, ["x"]):
        with pytest.raises(UnexpectedResponse, match="a list of campaigns was expected"):
            ask(
                lambda request, body=body: httpx.Response(200, json=body),
                how.call("1", None),
                how.read,
            )
    with pytest.raises(TransientError, match="JSON was expected"):
        ask(lambda request: httpx.Response(200, text="<html>"), how.call("1", None), how.read)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"code": "ACCESS_DENIED", "message": "Not yours"}, "Not yours"),
        ({"code": "403", "details": "Not yours", "requestId": "R1"}, "Not yours"),
        ({"code": "403", "detail": "Not yours"}, "Not yours"),
    ],
)
def test_each_shape_of_refusal_keeps_amazons_words(body: dict[str, str], words: str) -> None:
    how = LISTS[CampaignType.SPONSORED_PRODUCTS]
    with pytest.raises(RequestRejected, match=words) as refused:
        ask(lambda request: httpx.Response(403, json=body), how.call("1", None), how.read)
    assert refused.value.code == body["code"]


def emulated(amazon: Amazon, call: Any, read: Any, **options: Any) -> Any:
    async def run() -> Any:
        endpoint = Endpoint(api_url=amazon.url, token_url=f"{amazon.url}/auth/o2/token")
        async with AdsClient(
            endpoint,
            amazon.auth(),
            client_id=CREDENTIALS.client_id,
            sleep=amazon.pauses,
            observe=amazon.observe,
            **options,
        ) as ads:
            return await ads.send(call, read)

    return asyncio.run(run())


def test_throttled_calls_wait_as_amazon_says(amazon: Amazon, emulator: Any) -> None:
    emulator.fault("list_profiles", "throttle", times=2, retry_after=7)

    assert len(emulated(amazon, list_profiles(), read_profiles)) == 3
    assert amazon.pauses.seconds == [7, 7]
    assert [call.operation for call in amazon.failed_calls] == ["list_profiles"] * 2


def test_an_expired_token_is_renewed_once(amazon: Amazon, emulator: Any) -> None:
    emulator.fault("list_profiles", "unauthorized")
    assert len(emulated(amazon, list_profiles(), read_profiles)) == 3


def test_a_strangers_profile_is_told_in_amazons_words(amazon: Amazon) -> None:
    how = LISTS[CampaignType.SPONSORED_DISPLAY]
    with pytest.raises(Unauthorized, match="Not authorized to access scope"):
        emulated(amazon, how.call("2208400000000001", None), how.read)


def report_call() -> Any:
    day = date(2026, 5, 4)
    return reports.create_report(
        CampaignType.SPONSORED_PRODUCTS, PROFILE, name="a", start=day, end=day
    )


def test_a_duplicate_leads_to_the_report_under_way() -> None:
    body = {"code": "425", "detail": f"The Request is a duplicate of : {UUID}"}
    assert ask(lambda request: httpx.Response(425, json=body), report_call(), read_created) == UUID


def test_a_duplicate_is_not_read_with_the_codec_that_the_answer_names() -> None:
    answer = httpx.Response(
        425, headers={"Content-Type": "text/plain; charset=utf-16"}, content=UUID.encode()
    )
    assert ask(lambda request: answer, report_call(), read_created) == UUID


def test_a_duplicate_of_nothing_is_told_and_not_repeated() -> None:
    seen: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(425, json={"code": "425", "detail": "Too early"})

    with pytest.raises(UnexpectedResponse, match="Too early"):
        ask(server, report_call(), read_created)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", ReportStatus.PENDING),
        ("COMPLETED", ReportStatus.COMPLETED),
        ("FAILURE", ReportStatus.FAILED),
        ("DREAMING", ReportStatus.PROCESSING),
        (None, ReportStatus.PROCESSING),
    ],
)
def test_every_status_of_a_report_is_understood(word: str | None, status: ReportStatus) -> None:
    body = {"reportId": UUID, "status": word, "url": None}
    call = reports.get_report(CampaignType.DSP, "1", UUID)
    report = ask(lambda request: httpx.Response(200, json=body), call, read_report)
    assert report.status is status


def test_an_answer_without_a_report_does_not_tell_its_link() -> None:
    body = {"status": "COMPLETED", "url": "https://x.s3.amazonaws.com/a?X-Amz-Signature=secret"}
    call = reports.get_report(CampaignType.DSP, "1", UUID)
    with pytest.raises(UnexpectedResponse) as broken:
        ask(lambda request: httpx.Response(200, json=body), call, read_report)
    assert "secret" not in str(broken.value)
