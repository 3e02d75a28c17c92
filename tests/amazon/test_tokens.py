from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import pytest

from fixtures.amazon import CREDENTIALS, make_tokens
from recomamp.amazon.auth import read_token_response, refresh_request
from recomamp.errors import (
    ConfigurationError,
    ConsentRevoked,
    TransientError,
    UnexpectedResponse,
)

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
URL = "https://api.amazon.com/auth/o2/token"
STORED = make_tokens(access_token="Atza|old", refresh_token="Atzr|old", expires_at=NOW)


def answer(status=200, **options):
    return httpx.Response(status, request=httpx.Request("POST", URL), **options)


def read(response):
    return read_token_response(response, NOW, stored=STORED, connection="AIRFLOW_CONN_AMAZON_ADS")


def test_the_refresh_request_is_a_form_with_all_four_fields():
    request = refresh_request(URL, CREDENTIALS, "Atzr|a+b&c")

    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["Atzr|a+b&c"],
        "client_id": [CREDENTIALS.client_id],
        "client_secret": [CREDENTIALS.client_secret],
    }
    assert request.extensions["timeout"]["connect"] == 10.0
    assert request.headers["User-Agent"] == "recomamp-pipeline/dev"


@pytest.mark.parametrize("expires_in", [1800, "1800"], ids=["number", "text"])
def test_the_lifetime_may_be_a_number_or_text(expires_in):
    tokens = read(answer(json={"access_token": "Atza|new", "expires_in": expires_in}))

    assert tokens.access_token == "Atza|new"
    assert tokens.expires_at == NOW + timedelta(minutes=30)


def test_a_missing_lifetime_is_an_hour():
    assert read(answer(json={"access_token": "Atza|new"})).expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("more", [{}, {"refresh_token": None}, {"refresh_token": ""}])
def test_an_answer_without_a_refresh_token_keeps_the_stored_one(more):
    assert read(answer(json={"access_token": "Atza|new", **more})).refresh_token == "Atzr|old"


def test_an_answer_with_a_refresh_token_replaces_the_stored_one():
    body = {"access_token": "Atza|new", "refresh_token": "Atzr|new"}

    assert read(answer(json=body)).refresh_token == "Atzr|new"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant", "error_description": "said so"}, ConsentRevoked),
        (401, {"error": "invalid_client", "error_description": "said so"}, ConfigurationError),
        (400, {"error": "unauthorized_client", "error_description": "said so"}, ConfigurationError),
        (400, {"error": "invalid_request", "error_description": "said so"}, UnexpectedResponse),
        (400, {"error": "access_denied", "error_description": "said so"}, UnexpectedResponse),
        (401, {"error_description": "said so"}, UnexpectedResponse),
        (403, {"error_description": "said so"}, UnexpectedResponse),
        (404, {"error_description": "said so"}, UnexpectedResponse),
        (302, {}, UnexpectedResponse),
        (408, {}, TransientError),
        (500, {"error": "server_error", "error_description": "said so"}, TransientError),
        (429, {"error_description": "said so"}, TransientError),
    ],
)
def test_a_refusal_says_who_has_to_act(status, body, error):
    with pytest.raises(error, match=f"HTTP {status} {body.get('error', '')}".strip()) as caught:
        read(answer(status, json=body))

    assert "said so" not in str(caught.value)


def test_a_wrong_client_names_the_setting():
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_AMAZON_ADS"):
        read(answer(401, json={"error": "invalid_client"}))


def test_a_page_instead_of_tokens_is_transient():
    with pytest.raises(TransientError, match="HTTP 200; JSON with tokens was expected"):
        read(answer(html="<html><body>Please wait</body></html>"))


@pytest.mark.parametrize("code", ["Atzr|x", "client_secret=x", "", None, 3, ["invalid_grant"], {}])
def test_a_code_that_is_not_of_the_standard_is_not_repeated(code):
    with pytest.raises(UnexpectedResponse) as caught:
        read(answer(400, json={"error": code}))

    assert str(caught.value) == (
        "POST /auth/o2/token answered HTTP 400; "
        "check client id, client secret and token_url of AIRFLOW_CONN_AMAZON_ADS"
    )
    assert caught.value.code is None


@pytest.mark.parametrize("expires_in", ["inf", "nan", 1e300, -1, 10**400, None, [], "soon"])
def test_a_lifetime_that_cannot_be_is_an_hour(expires_in):
    body = json.dumps({"access_token": "Atza|new", "expires_in": expires_in})

    assert read(answer(text=body)).expires_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize("refresh_token", [3, ["Atzr|x"], {"a": 1}, True])
def test_a_refresh_token_that_is_no_text_is_not_taken(refresh_token):
    body = {"access_token": "Atza|new", "refresh_token": refresh_token}

    assert read(answer(json=body)).refresh_token == "Atzr|old"


def test_an_answer_without_an_access_token_quotes_nothing_of_it():
    with pytest.raises(UnexpectedResponse) as caught:
        read(answer(json={"refresh_token": "Atzr|secret", "token": "secret"}))

    assert "secret" not in str(caught.value)
