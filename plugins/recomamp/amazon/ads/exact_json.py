"""Bodies of the Ads API: JSON whose numbers stay exact."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import httpx

from recomamp.amazon.error_mapping import build_error, raise_for
from recomamp.domain.text import strip_unstorable
from recomamp.errors import TransientError, UnexpectedResponse

T = TypeVar("T")
Fields = Mapping[str, Any]


def read_json(response: httpx.Response) -> Any:
    """Read the body of a successful answer, fractions as ``Decimal``.

    :raises AmazonError: when the answer is an error, or no JSON.
    """
    raise_for(response)
    try:
        return json.loads(response.content, parse_float=Decimal)
    except (ValueError, RecursionError) as err:
        raise build_error(response, TransientError, "JSON was expected") from err


def read_items(
    response: httpx.Response, items: Any, read: Callable[[Fields], T | None], what: str
) -> tuple[T, ...]:
    """Read every item of a list.

    :param read: returns None for what is no such item.
    :raises UnexpectedResponse: when there is no list, or something else in it.
    """
    if not isinstance(items, list):
        raise build_error(response, UnexpectedResponse, f"a list of {what} was expected")
    found = [read(item) if isinstance(item, dict) else None for item in items]
    kept = tuple(item for item in found if item is not None)
    if len(kept) < len(found):
        raise build_error(response, UnexpectedResponse, f"a list of {what} was expected")
    return kept


def read_next_token(response: httpx.Response, body: Any) -> str | None:
    """Return the token of the next page, None on the last one.

    :raises UnexpectedResponse: when it is no text or number: a list must not end early unnoticed.
    """
    value = body.get("nextToken") if isinstance(body, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise build_error(response, UnexpectedResponse, "a text 'nextToken' was expected")
    return text(body, "nextToken")


def text(fields: Any, key: str) -> str | None:
    """Return a text that can be stored, or a whole number (an id) as text; None when empty."""
    value = fields.get(key) if isinstance(fields, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return strip_unstorable(value) or None if isinstance(value, str) else None


def money(fields: Any, key: str) -> Decimal | None:
    """Return an amount, None when absent or no number."""
    value = fields.get(key) if isinstance(fields, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def day(fields: Any, key: str) -> date | None:
    """Return a date, written 2026-01-31 or 20260131; None when absent or unreadable."""
    try:
        return date.fromisoformat(text(fields, key) or "")
    except ValueError:
        return None
