"""The emulated reporting API makes reports after a while and gives them out by signed links."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fixtures.ads import VENDOR, Ads
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient

YESTERDAY = datetime.now(UTC).date() - timedelta(days=2)


def create_report(ads: Ads, *, days: int = 3, **changes: Any) -> httpx.Response:
    configuration = {
        "adProduct": "SPONSORED_PRODUCTS",
        "reportTypeId": "spCampaigns",
        "groupBy": ["campaign"],
        "columns": ["campaignId", "date", "impressions", "clicks", "cost", "sales14d"],
        "timeUnit": "DAILY",
        "format": "GZIP_JSON",
        **changes,
    }
    body = {
        "name": "test",
        "startDate": (YESTERDAY - timedelta(days=days - 1)).isoformat(),
        "endDate": YESTERDAY.isoformat(),
        "configuration": configuration,
    }
    return ads.ask("POST", "/reporting/reports", json=body)


def look(ads: Ads, report_id: str) -> dict[str, Any]:
    return dict(ads.ask("GET", f"/reporting/reports/{report_id}").json())


@pytest.fixture
def ads(north: EmulatorClient) -> Ads:
    return Ads(north)


def test_a_report_gets_on_and_is_given_out_compressed(ads: Ads, emulator: RunningEmulator) -> None:
    emulator.progression("per_poll", polls=3)
    created = create_report(ads).json()
    seen = [look(ads, created["reportId"]) for _ in range(3)]

    assert (created["status"], created["url"]) == ("PENDING", None)
    assert [one["status"] for one in seen] == ["PENDING", "PROCESSING", "COMPLETED"]
    content = emulator.http.get(seen[2]["url"]).content
    assert len(content) == seen[2]["fileSize"]
    rows = json.loads(gzip.decompress(content))
    assert len(rows) == 3 * 10  # ten campaigns of fourteen are enabled
    assert set(rows[0]) == {"campaignId", "date", "impressions", "clicks", "cost", "sales14d"}
    assert isinstance(rows[0]["campaignId"], int)


def test_the_same_request_is_a_duplicate_until_the_first_is_ready(ads: Ads) -> None:
    first = create_report(ads).json()["reportId"]
    second = create_report(ads)

    assert second.status_code == 425
    assert second.json() == {"code": "425", "detail": f"The Request is a duplicate of : {first}"}
    look(ads, first)
    assert create_report(ads).status_code == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"columns": ["campaignId", "sales"]},
            "configuration columns includes invalid values: (sales)",
        ),
        ({"columns": ["campaignId", "startDate"]}, "do not fit timeUnit"),
        ({"reportTypeId": "spMagic"}, "reportTypeId is invalid"),
        ({"days": 32}, "31 days"),
        ({"days": 200}, "retention start date"),
        (
            {"filters": [{"field": "colour", "values": ["red"]}]},
            "configuration filters includes fields: (colour)",
        ),
    ],
)
def test_a_request_that_cannot_be_is_refused(ads: Ads, changes: dict[str, Any], text: str) -> None:
    answer = create_report(ads, **changes)

    assert answer.status_code == 400
    assert text in answer.json()["detail"]


def test_a_link_refuses_a_second_way_of_signing_in(ads: Ads, north: EmulatorClient) -> None:
    url = look(ads, create_report(ads).json()["reportId"])["url"]

    assert north.http.get(url, headers=north.headers()).status_code == 403
    assert north.http.get(url).status_code == 200


def test_a_report_can_be_made_to_fail(ads: Ads, emulator: RunningEmulator) -> None:
    emulator.fault("create_report", "fail_report", reason="Out of ink")
    report = look(ads, create_report(ads).json()["reportId"])

    assert (report["status"], report["failureReason"], report["url"]) == (
        "FAILED",
        "Out of ink",
        None,
    )


def test_a_strangers_report_is_not_found(ads: Ads, europe: EmulatorClient) -> None:
    report_id = create_report(ads).json()["reportId"]
    answer = Ads(europe).ask("GET", f"/reporting/reports/{report_id}", scope="2208400000000001")

    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "detail"}
    assert VENDOR not in answer.text
