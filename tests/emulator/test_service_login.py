"""The token endpoint, and what a token is good for."""

from __future__ import annotations

import base64

import httpx
import pytest

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import CLIENT_ID, CLIENT_SECRET, EmulatorClient


def test_a_refresh_token_gives_an_access_token_and_comes_back_unchanged(
    north: EmulatorClient,
) -> None:
    granted = north.login()

    assert granted.status_code == 200
    body = granted.json()
    assert body["access_token"].startswith("Atza|")
    assert body["refresh_token"] == "Atzr|demo-north"
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 3600


def test_json_bodies_and_basic_credentials_are_accepted_too(north: EmulatorClient) -> None:
    grant = {"grant_type": "refresh_token", "refresh_token": north.refresh_token}
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    url = f"{north.url}/auth/o2/token"

    as_json = httpx.post(
        url, json={**grant, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    )
    as_basic = httpx.post(url, data=grant, headers={"Authorization": f"Basic {basic}"})

    assert (as_json.status_code, as_basic.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("change", "status", "error", "words"),
    [
        ({"refresh_token": "Atzr|who"}, 400, "invalid_grant", "grant parameter : refresh_token"),
        ({"client_secret": "wrong"}, 401, "invalid_client", "Client authentication failed"),
        ({"client_id": "wrong"}, 401, "invalid_client", "Client authentication failed"),
        ({"refresh_token": None}, 400, "invalid_request", "parameter : refresh_token"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "not supported"),
    ],
)
def test_a_wrong_token_request_is_refused_in_lwa_words(
    north: EmulatorClient, change: dict[str, str | None], status: int, error: str, words: str
) -> None:
    rejection = north.login(**change)

    assert rejection.status_code == status
    assert rejection.json()["error"] == error
    assert words in rejection.json()["error_description"]


def test_an_authorization_code_is_good_once(north: EmulatorClient) -> None:
    code = {
        "grant_type": "authorization_code",
        "code": "demo-code-north",
        "redirect_uri": "https://app.example/callback",
        "refresh_token": None,
    }

    first, second = north.login(**code), north.login(**code)

    assert first.json()["refresh_token"] == "Atzr|demo-north"
    assert second.status_code == 400
    assert second.json()["error"] == "invalid_grant"


def test_an_access_token_ends_with_its_lifetime(
    emulator: RunningEmulator, north: EmulatorClient
) -> None:
    emulator.settings(access_token_lifetime_seconds=60)
    emulator.clock(now="2026-06-01T12:00:00+00:00")
    headers = north.headers()

    emulator.clock(advance_seconds=59)
    before = north.call("GET", "/workflows", headers=headers)
    emulator.clock(advance_seconds=1)
    after = north.call("GET", "/workflows", headers=headers)

    assert before.status_code == 200
    assert after.status_code == 401
    assert after.json() == {"code": "401", "details": "Unauthorized"}


def test_a_withdrawn_consent_ends_its_tokens_and_gives_no_new_ones(
    emulator: RunningEmulator, north: EmulatorClient, europe: EmulatorClient
) -> None:
    headers = north.headers()

    emulator.revoke("ENTITYDEMONORTH")

    assert north.call("GET", "/workflows", headers=headers).status_code == 401
    assert north.login().json()["error"] == "invalid_grant"
    assert europe.login().status_code == 200


def test_accounts_need_no_entity_and_show_only_what_the_consent_reaches(
    north: EmulatorClient,
) -> None:
    headers = north.headers(**dict.fromkeys(_ENTITY))

    found = north.http.get(f"{north.url}/amc/accounts", headers=headers)

    assert found.json()["amcAccounts"] == [
        {
            "accountId": "ENTITYDEMONORTH",
            "accountName": "Demo North",
            "marketplaceId": "ATVPDKIKX0DER",
        }
    ]


def test_account_errors_have_their_own_shape(north: EmulatorClient) -> None:
    rejection = north.http.get(f"{north.url}/amc/accounts")

    assert rejection.status_code == 401
    assert set(rejection.json()) == {"message", "requestId"}


def test_instances_are_those_of_the_entity(north: EmulatorClient) -> None:
    found = north.http.get(f"{north.url}/amc/instances", headers=north.headers())
    one = north.http.get(f"{north.url}/amc/instances/amcdemonorth", headers=north.headers())

    assert [each["instanceId"] for each in found.json()["instances"]] == ["amcdemonorth"]
    assert found.json()["nextToken"] is None
    assert one.json()["instance"]["creationStatus"] == "COMPLETED"


@pytest.mark.parametrize("name", ["ClientId", "AdvertiserId", "MarketplaceId"])
def test_a_missing_header_is_named(north: EmulatorClient, name: str) -> None:
    rejection = north.call(
        "GET", "/workflows", headers=north.headers(**{f"Amazon_Advertising_API_{name}": None})
    )

    assert rejection.status_code == 400
    assert rejection.json()["details"] == f"Missing required header: Amazon-Advertising-API-{name}"


@pytest.mark.parametrize("token", [None, "Bearer Atza|unknown", "Basic abc"])
def test_no_good_token_is_unauthorized(north: EmulatorClient, token: str | None) -> None:
    rejection = north.call("GET", "/workflows", headers=north.headers(Authorization=token))

    assert rejection.status_code == 401


def test_somebody_elses_entity_instance_or_marketplace_is_forbidden(
    north: EmulatorClient, europe: EmulatorClient
) -> None:
    entity = "Amazon_Advertising_API_AdvertiserId"
    wrong_entity = north.call("GET", "/workflows", headers=north.headers(**{entity: europe.entity}))
    wrong_instance = europe.call("GET", "/workflows", headers=north.headers())
    wrong_marketplace = north.call(
        "GET",
        "/workflows",
        headers=north.headers(Amazon_Advertising_API_MarketplaceId=europe.marketplace),
    )

    for rejection in (wrong_entity, wrong_instance, wrong_marketplace):
        assert rejection.status_code == 403
        assert rejection.json() == {"code": "403", "details": "Unauthorized request"}


_ENTITY = ("Amazon_Advertising_API_AdvertiserId", "Amazon_Advertising_API_MarketplaceId")
