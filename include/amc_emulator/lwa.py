"""Login with Amazon: the token endpoint and its tokens."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response

from amc_emulator.clock import Clock
from amc_emulator.faults import active_fault
from amc_emulator.responses import JSON, json_response
from amc_emulator.settings import Settings
from amc_emulator.tenants import Consent, Tenants


class LoginError(Exception):
    """An error as OAuth words it."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessGrant:
    """The access that an access token grants."""

    client_id: str
    consent: Consent
    expires_at: datetime


class Login:
    """Issues access tokens and remembers them."""

    def __init__(self, tenants: Tenants, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._grants: dict[str, AccessGrant] = {}
        self._revoked: set[str] = set()
        self._used_codes: set[str] = set()

    def reset_consents(self) -> None:
        """Undo revocations and the use of codes. Issued tokens stay valid."""
        self._revoked.clear()
        self._used_codes.clear()

    def access(self, token: str) -> AccessGrant | None:
        """Return the access of a token, None when it is unknown, expired or revoked."""
        access = self._grants.get(token)
        if access is None or access.expires_at <= self._clock.now():
            return None
        return None if access.consent.refresh_token in self._revoked else access

    def invalidate(self, token: str) -> None:
        """Make one access token unknown."""
        self._grants.pop(token, None)

    def revoke_account(self, account_id: str) -> int:
        """Revoke every consent that reaches an account. Return their number."""
        hit = [one for one in self._tenants.consents if account_id in one.accounts]
        self._revoked.update(one.refresh_token for one in hit)
        return len(hit)

    def issue_token(self, form: dict[str, str], settings: Settings) -> dict[str, Any]:
        """Return the answer to a token request.

        :raises LoginError: with status, error and description.
        """
        consent = self._consent(form)
        client_id = self._client(form)
        token = "Atza|" + secrets.token_urlsafe(48)
        lifetime_seconds = settings.access_token_lifetime_seconds
        self._grants[token] = AccessGrant(
            client_id=client_id,
            consent=consent,
            expires_at=self._clock.now() + timedelta(seconds=lifetime_seconds),
        )
        return {
            "access_token": token,
            "refresh_token": consent.refresh_token,
            "token_type": "bearer",
            "expires_in": lifetime_seconds,
        }

    def _client(self, form: dict[str, str]) -> str:
        client_id = _required(form, "client_id")
        given = _required(form, "client_secret")
        kept = self._tenants.clients.get(client_id)
        if kept is None or not secrets.compare_digest(kept.encode(), given.encode()):
            raise LoginError(401, "invalid_client", "Client authentication failed")
        return client_id

    def _consent(self, form: dict[str, str]) -> Consent:
        match _required(form, "grant_type"):
            case "refresh_token":
                return self._by_refresh_token(_required(form, "refresh_token"))
            case "authorization_code":
                return self._by_code(_required(form, "code"), _required(form, "redirect_uri"))
        raise LoginError(
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server",
        )

    def _by_refresh_token(self, token: str) -> Consent:
        for consent in self._tenants.consents:
            if consent.refresh_token == token and token not in self._revoked:
                return consent
        raise invalid_grant("refresh_token")

    def _by_code(self, code: str, _redirect_uri: str) -> Consent:
        for consent in self._tenants.consents:
            if consent.authorization_code == code and code not in self._used_codes:
                self._used_codes.add(code)
                return consent
        raise invalid_grant("code")


def invalid_grant(parameter: str) -> LoginError:
    """Return the error of a revoked, unknown or used grant."""
    return LoginError(
        400,
        "invalid_grant",
        f"The request has an invalid grant parameter : {parameter}."
        " User may have revoked or didn't grant the permission.",
    )


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise LoginError(
            400, "invalid_request", f"The request is missing a required parameter : {name}"
        )
    return form[name]


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a token request: form or JSON, client from HTTP Basic too.

    :raises LoginError: the body is neither.
    """
    body = (await request.body()).decode("utf-8", "replace")
    if "json" in request.headers.get("content-type", ""):
        form = _json_fields(body)
    else:
        form = dict(parse_qsl(body))
    return _basic_fields(request.headers.get("authorization", "")) | form


def _json_fields(body: str) -> dict[str, str]:
    try:
        fields = json.loads(body)
    except ValueError as err:
        raise LoginError(400, "invalid_request", "The request body is not JSON") from err
    if not isinstance(fields, dict):
        raise LoginError(400, "invalid_request", "The request body is not a JSON object")
    return {str(name): str(value) for name, value in fields.items() if value is not None}


def _basic_fields(header: str) -> dict[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as err:
        raise LoginError(401, "invalid_client", "Client authentication failed") from err
    return {"client_id": client_id, "client_secret": secret}


def login_error_response(rejection: LoginError) -> Response:
    """Return an error as LWA words it."""
    body = {
        "error": rejection.error,
        "error_description": rejection.description,
        "error_index": "",
        "request_id": str(uuid.uuid4()),
    }
    return json_response(body, media_type=JSON, status=rejection.status)


class TokenEndpoint:
    """`POST /auth/o2/token`."""

    def __init__(self, login: Login, settings: Callable[[], Settings]) -> None:
        self._login = login
        self._settings = settings

    async def token(self, request: Request) -> Response:
        """Answer a token request."""
        try:
            form = await read_form(request)
            if active_fault(request, "token_revoked"):
                raise invalid_grant("refresh_token")
            body = self._login.issue_token(form, self._settings())
        except LoginError as rejection:
            return login_error_response(rejection)
        granted = json_response(body, media_type="application/json;charset=UTF-8")
        granted.headers["Cache-Control"] = "no-store"
        return granted
