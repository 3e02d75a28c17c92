"""Login with Amazon: the right access token on every call, renewed once for everybody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from recomamp.amazon.error_mapping import (
    build_error,
    json_object,
    kind_of,
    request_id_of,
    retry_after_seconds,
)
from recomamp.amazon.failed_calls import CallAttempt, attempt_of, report_failure
from recomamp.amazon.http import TIMEOUT, USER_AGENT, open_client, send
from recomamp.amazon.redaction import without_sent_secrets
from recomamp.domain.credentials import ClientCredentials, Tokens
from recomamp.domain.limits import Limits
from recomamp.errors import (
    AmazonError,
    ConfigurationError,
    ConsentRevoked,
    InvalidDefinition,
    TransientError,
    Unauthorized,
    UnexpectedResponse,
)

DEFAULT_LIFETIME_SECONDS = 3600
MAX_LIFETIME_SECONDS = 86_400  # a longer one, or none that is a number, is not believed

# Amazon's codes (RFC 6749, sections 4.1.2.1 and 5.2). Any other text of the token endpoint may
# repeat the request, and with it the client secret and the refresh token
_ERRORS = (
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
)
_OUR_FAULT = ("invalid_client", "unauthorized_client")
_SIGN_IN = "the user has to sign in with Amazon again"

_REFRESH = CallAttempt(operation="token")


class TokenStore(Protocol):
    """Where one user's tokens are kept for all processes."""

    async def read(self) -> Tokens:
        """Return the stored tokens."""
        ...

    async def refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        """Return usable tokens, renewed by at most one caller at a time.

        Under an exclusive lock: read the tokens; where ``tokens.usable(now, stale=stale)`` somebody
        else has renewed them, so return them; else store and return ``await renew(tokens)``. An
        error of ``renew`` passes through and leaves the stored tokens as they are.

        :param stale: the access token the caller knows to be no good, or None.
        """
        ...


def refresh_request(
    token_url: str,
    credentials: ClientCredentials,
    refresh_token: str,
    this: CallAttempt = _REFRESH,
    timeout: httpx.Timeout = TIMEOUT,
) -> httpx.Request:
    """Build the request that exchanges a refresh token for an access token."""
    return httpx.Request(
        "POST",
        token_url,
        data={
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        },
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        extensions={"timeout": timeout.as_dict(), **this.extension},
    )


def read_token_response(
    response: httpx.Response, now: datetime, *, stored: Tokens, connection: str
) -> Tokens:
    """Read the renewed tokens; an answer without a refresh token keeps the stored one.

    Errors say Amazon's status, its code where the code is a known one, and its request id. Nothing
    else of the answer is in them.

    :param connection: what holds the application's credentials, for messages.
    :raises ConsentRevoked: when the user's consent is gone.
    :raises ConfigurationError: when Amazon does not know our application or its secret.
    :raises UnexpectedResponse: after any other answer that is not a token.
    :raises TransientError: when the endpoint may answer better later.
    """
    if not response.is_success:
        raise _refusal(response, connection)
    body = json_object(response)
    if body is None:
        raise _error(response, TransientError, "JSON with tokens was expected")
    access_token, refresh_token = body.get("access_token"), body.get("refresh_token")
    if not isinstance(access_token, str) or not access_token:
        raise _error(response, UnexpectedResponse, "an access token was expected")
    return Tokens(
        access_token=access_token,
        refresh_token=(isinstance(refresh_token, str) and refresh_token) or stored.refresh_token,
        expires_at=now + timedelta(seconds=_lifetime_seconds(body.get("expires_in"))),
    )


class LwaAuth(httpx.Auth):
    """Puts the access token on each request; refreshes it ahead of time and after a 401.

    A refresh is tried once: what it raises ends the try of the request that needed it, and the
    client's own policy says whether and when there is another.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        token_url: str,
        store: TokenStore,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        limits: Limits | None = None,
    ) -> None:
        self._credentials = credentials
        self._token_url = token_url
        self._store = store
        self._transport = transport
        self._timeout = timeout
        self._limits = limits or Limits()
        self._tokens: Tokens | None = None
        self._refused: str | None = None  # the access token that Amazon no longer accepts

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with a usable token; on 401 renew it, and send again what may be sent twice."""
        asked = attempt_of(request)
        this = replace(_REFRESH, number=asked.number, observe=asked.observe, measure=asked.measure)
        tokens = await self._usable_tokens(this)
        response = yield _signed(request, tokens)
        if response.status_code != httpx.codes.UNAUTHORIZED or not _is_replayable(request):
            return
        await response.aread()
        self._refused = tokens.access_token
        if attempt_of(request).repeatable:
            await report_failure(request, build_error(response, Unauthorized), response)
            yield _signed(request, await self._renewed_tokens(this))
        else:
            # The caller looks first for what Amazon may have taken: to it, the 401 is the answer.
            # An error that passes would have it send again at once
            with suppress(TransientError):
                await self._renewed_tokens(this)

    async def _usable_tokens(self, this: CallAttempt) -> Tokens:
        """Return the tokens in memory, else the stored ones, else new ones."""
        now = datetime.now(UTC)
        tokens = self._tokens
        if tokens is None or not tokens.usable(now, stale=self._refused):
            tokens = self._tokens = await self._store.read()
        if tokens.usable(now, stale=self._refused):
            return tokens
        return await self._renewed_tokens(this)

    async def _renewed_tokens(self, this: CallAttempt) -> Tokens:
        self._tokens = await self._store.refresh(
            lambda stored: self._renew(stored, this), self._refused
        )
        return self._tokens

    async def _renew(self, stored: Tokens, this: CallAttempt) -> Tokens:
        if not stored.refresh_token:
            raise ConsentRevoked(f"no refresh token is stored: {_SIGN_IN}")
        request = refresh_request(
            self._token_url, self._credentials, stored.refresh_token, this, self._timeout
        )
        async with open_client(self._transport, limits=self._limits) as http:
            response = await send(http, request, limits=self._limits)
        try:
            return read_token_response(
                response,
                datetime.now(UTC),
                stored=stored,
                connection=self._credentials.connection,
            )
        except (AmazonError, ConfigurationError) as err:
            await report_failure(request, err, response)
            raise


def _refusal(response: httpx.Response, connection: str) -> AmazonError | ConfigurationError:
    """Return what an answer of the token endpoint means that is not 2xx.

    The user's refresh token is the cause of invalid_grant alone. All else concerns every user.
    """
    kind, code = kind_of(response.status_code), _code(response)
    if response.is_server_error:
        return _error(response, kind)
    if code == "invalid_grant":
        return _error(response, ConsentRevoked, _SIGN_IN)
    if code in _OUR_FAULT:
        said = _error(response, AmazonError)
        missing = ConfigurationError(
            f"{said}; set {connection} to the application's client id and secret"
        )
        missing.__cause__ = said
        return missing
    if kind is TransientError:
        return _error(response, kind)
    return _error(
        response,
        UnexpectedResponse,
        f"check client id, client secret and token_url of {connection}",
    )


def _error(
    response: httpx.Response, kind: type[AmazonError], remedy: str | None = None
) -> AmazonError:
    """Build an error in our own words: the answer's text may repeat the request."""
    code, request_id = _code(response), request_id_of(response)
    request = response.request
    text = (
        f"{request.method} {request.url.path} answered HTTP {response.status_code}"
        + (f" {code}" if code else "")
        + (f" (request id {request_id})" if request_id else "")
        + (f"; {remedy}" if remedy else "")
    )
    return kind(
        without_sent_secrets(text, request),
        status=response.status_code,
        code=code,
        request_id=without_sent_secrets(request_id, request) if request_id else None,
        retry_after_seconds=retry_after_seconds(response),
    )


def _code(response: httpx.Response) -> str | None:
    """Return Amazon's code where it is a known one."""
    error = (json_object(response) or {}).get("error")
    return error if error in _ERRORS else None


def _lifetime_seconds(value: Any) -> float:
    """Read ``expires_in``, which Amazon sends as a number here and as text there."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_LIFETIME_SECONDS
    return seconds if 0 <= seconds <= MAX_LIFETIME_SECONDS else DEFAULT_LIFETIME_SECONDS


def _signed(request: httpx.Request, tokens: Tokens) -> httpx.Request:
    token = tokens.access_token or ""
    if not (token.isascii() and token.isprintable()):
        # httpx would quote it
        raise InvalidDefinition(
            "the access token holds characters that no header may hold: " + _SIGN_IN,
            table="users",
            column="encrypted_access_token",
        )
    request.headers["Authorization"] = f"Bearer {tokens.access_token}"
    return request


def _is_replayable(request: httpx.Request) -> bool:
    """Return whether the body can be sent a second time: a stream is used up."""
    return isinstance(request.stream, httpx.ByteStream)
