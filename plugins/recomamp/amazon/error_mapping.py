"""What an answer that is not 2xx means: status to error, Amazon's words kept.

``repeatable`` is False for the one request that must not be sent twice, the creation of an
execution. An answer after which others are sent again is then a ``SubmissionUnknown``: also a 401
or a 429, because a gateway may give it after AMC has taken the request.
"""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from recomamp.amazon.error_text import MAX_WORDS, sanitize, words_of
from recomamp.amazon.redaction import without_secrets
from recomamp.domain.text import strip_unstorable
from recomamp.errors import (
    AmazonError,
    RequestRejected,
    SubmissionUnknown,
    TransientError,
    Unauthorized,
    UnexpectedResponse,
)

MAX_RETRY_AFTER_SECONDS = 600.0

# Of those from 400 to 499: what they complain about may be over at the next try
_SENT_AGAIN = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
_CODES = ("code", "error", "Code")
_REQUEST_IDS = ("requestId", "request_id")
_MAX_PAGE = 300  # of a page for people, or of an answer that is not an error
_MAX_READ = 20_000  # of a page, before its tags are removed
_INVISIBLE = ("script", "style")
_REQUEST_ID = re.compile(r"[\w.:=+/-]{1,128}", re.ASCII)


def raise_for(response: httpx.Response, *, repeatable: bool = True) -> None:
    """Return when the answer is 2xx, else raise what it means.

    :raises AmazonError: with Amazon's words, code, request id and Retry-After.
    """
    if not response.is_success:
        raise build_error(response, kind_of(response.status_code, repeatable=repeatable))


def build_error(
    response: httpx.Response, kind: type[AmazonError], remedy: str | None = None
) -> AmazonError:
    """Build an error of ``kind`` that says what was asked, what came back and what to do."""
    body = json_object(response) or {}
    request_id = request_id_of(response) or sanitize(_first_text(body, _REQUEST_IDS) or "")
    words = _words(response)
    return kind(
        f"{response.request.method} {response.request.url.path} answered "
        f"HTTP {response.status_code}: {words or 'without a text'}"
        + (f" (request id {request_id})" if request_id else "")
        + (f"; {remedy}" if remedy else ""),
        status=response.status_code,
        code=sanitize(_code(body) or "") or None,
        request_id=request_id or None,
        retry_after_seconds=retry_after_seconds(response),
    )


def json_object(response: httpx.Response) -> dict[str, Any] | None:
    """Read the body as a JSON object; None when it is anything else."""
    body = _json(response)
    return body if isinstance(body, dict) else None


def text_of(response: httpx.Response, longest: int) -> str:
    """Return the beginning of the body, read as UTF-8, of at most ``longest`` characters.

    The charset that the answer names is not used: some of Python's codecs are slow, and some fail.
    """
    return response.content[: 4 * longest].decode("utf-8", "replace")[:longest]


def request_id_of(response: httpx.Response) -> str | None:
    """Find the id under which Amazon remembers the request."""
    headers = response.headers
    found = headers.get("x-amz-request-id") or headers.get("x-amz-rid") or ""
    return without_secrets(found) if _REQUEST_ID.fullmatch(found) else None


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Read Retry-After, a number of seconds or an HTTP date; None when absent or unreadable.

    A date is measured against the answer's own Date, so that clocks need not agree. Of several
    numbers, one of each gateway on the way, the largest counts.
    """
    text = response.headers.get("Retry-After", "").strip()
    try:
        seconds = max(map(float, text.split(",")))
    except ValueError:
        until = _http_date(text)
        if until is None:
            return None
        sent = _http_date(response.headers.get("Date", "")) or datetime.now(UTC)
        seconds = (until - sent).total_seconds()
    if seconds != seconds:  # "nan" is a float too
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def kind_of(status: int, *, repeatable: bool = True) -> type[AmazonError]:
    """Return what the status of an answer that is not 2xx means."""
    if 400 <= status < 500 and status not in _SENT_AGAIN:
        return RequestRejected
    if not repeatable:
        return SubmissionUnknown
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized
    return TransientError if status >= 400 else UnexpectedResponse


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _json(response: httpx.Response) -> Any:
    """Read the body as JSON; None when it is something else."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _words(response: httpx.Response) -> str:
    """Return all that the answer says but for what its error says in fields of their own."""
    body = _json(response)
    if isinstance(body, dict):
        status = str(response.status_code)
        known = {key for key in ("code", "Code") if str(body.get(key)) == status}
        body = {key: said for key, said in body.items() if key not in {*known, *_REQUEST_IDS}}
    longest = _MAX_PAGE if response.is_success else MAX_WORDS
    return words_of(body, longest) or _plain_text(response, longest)


def _code(body: dict[str, Any]) -> str | None:
    """Find Amazon's own code, of several errors that of the first."""
    error, errors = body.get("error"), body.get("errors")
    places = (body, error, *(errors if isinstance(errors, list) else ()))
    codes = (_first_text(place, _CODES) for place in places if isinstance(place, dict))
    return next(filter(None, codes), None)


def _first_text(body: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        value = body.get(key)
        if isinstance(value, str | int) and str(value):
            return strip_unstorable(str(value))
    return None


def _plain_text(response: httpx.Response, longest: int) -> str:
    """Reduce a gateway's HTML page, or any other body, to a readable line."""
    body = text_of(response, _MAX_READ)
    text = html.unescape(_without_tags(body))
    return sanitize(" ".join(text.split()), longest if text == body else _MAX_PAGE)


def _without_tags(page: str) -> str:
    """Remove tags and the contents of scripts and styles, in one pass over the page."""
    first, *pieces = page.split("<")
    texts, hidden = [first], ""
    for piece in pieces:
        tag, closed, text = piece.partition(">")
        name = (tag[:20].lower().split() or [""])[0]
        if hidden:
            hidden = "" if name == f"/{hidden}" else hidden
        elif name in _INVISIBLE:
            hidden = name
        elif not closed:
            text = f"<{piece}"
        texts.append("" if hidden else f" {text}" if closed else text)
    return "".join(texts)
