"""The connection ``amc``: what it must hold, what is said where it does not, and its form."""

from __future__ import annotations

import asyncio
import json
import logging
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import validate

from fixtures.amazon import CREDENTIALS
from fixtures.emulator import RunningEmulator
from fixtures.provider import connection_json
from recomamp.errors import ConfigurationError, ConsentRevoked
from recomamp.provider.hooks import AmcHook
from recomamp.provider.info import get_provider_info

SECRETS = ("Atzr|demo-north", CREDENTIALS.client_secret)


@pytest.fixture
def define(emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> Any:
    def define(**changes: Any) -> AmcHook:
        monkeypatch.setenv("AIRFLOW_CONN_AMC_DEFAULT", connection_json(emulator.url, **changes))
        return AmcHook()

    return define


def test_the_connection_test_asks_the_instance(define: Any) -> None:
    assert define().test_connection() == (True, "Instance amcdemonorth answers")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extra": {"refresh_token": ""}}, "lacks refresh_token"),
        ({"extra": {"entity_id": None}, "login": None}, "lacks entity_id, login"),
        ({"extra": {"instance_id": None}}, "no AMC instance is named"),
        ({"extra": {"region": "MOON"}}, "unknown region 'MOON'"),
        ({"extra": {"country_code": "XX"}}, "no marketplace known for country 'XX'"),
        ({"login": " padded"}, "the login holds a blank"),
        ({"password": "wrong"}, "invalid_client"),
        ({"extra": {"refresh_token": "Atzr|nobody"}}, "invalid_grant"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(
    define: Any, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], said: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        works, text = define(**changes).test_connection()
    assert not works
    assert said in text
    for secret in (*SECRETS, "wrong", "Atzr|nobody"):
        assert secret not in text
    for secret in SECRETS:
        assert secret not in caplog.text


def test_an_error_of_the_application_names_the_connection(define: Any) -> None:
    hook = define(password="wrong")

    async def ping() -> None:
        async with hook.client() as amc:
            await amc.ping()

    with pytest.raises(ConfigurationError, match="set connection 'amc_default' to the"):
        asyncio.run(ping())


def test_a_connection_that_is_not_defined_is_named() -> None:
    with pytest.raises(ConfigurationError, match="connection 'nowhere' is not defined"):
        AmcHook("nowhere").client()


def test_one_client_signs_in_once(define: Any, emulator: RunningEmulator) -> None:
    async def ping() -> None:
        async with define().client() as amc:
            await asyncio.gather(*(amc.ping() for _ in range(5)))

    asyncio.run(ping())
    assert len(emulator.calls("token")) == 1


def test_a_revoked_consent_is_final(define: Any, emulator: RunningEmulator) -> None:
    emulator.fault("token", "token_revoked")

    async def ping() -> None:
        async with define().client() as amc:
            await amc.ping()

    with pytest.raises(ConsentRevoked):
        asyncio.run(ping())


def test_the_regions_addresses_hold_where_the_connection_names_none(define: Any) -> None:
    hook = define(host=None, extra={"region": "EU", "token_url": None})
    endpoint = hook.client().endpoint
    assert endpoint.api_url == "https://advertising-api-eu.amazon.com"
    assert endpoint.token_url == "https://api.amazon.co.uk/auth/o2/token"


def test_the_provider_info_is_as_airflow_wants_it() -> None:
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text("utf-8"))
    validate(get_provider_info(), schema)
    (form,) = get_provider_info()["connection-types"]
    assert form["conn-fields"]["refresh_token"]["schema"]["format"] == "password"
    read_by_the_hook = {"marketplace_id", "country_code", "region", "instance_id", "token_url"}
    assert {"refresh_token", "entity_id"} | read_by_the_hook <= set(form["conn-fields"])
