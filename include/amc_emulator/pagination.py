"""Pages of lists: `limit`, `nextToken` and boolean query fields."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from amc_emulator.responses import RequestRejected

MAX_PAGE_SIZE = 100
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class PageRequest:
    """The page that a request asks for. `after` is the key of the last item it has."""

    limit: int
    after: str | None


def read_page_request(request: Request) -> PageRequest:
    """Return the page that a request asks for.

    :raises RequestRejected: a limit outside 1..100 or an unknown token.
    """
    given = request.query_params.get("limit", str(MAX_PAGE_SIZE))
    limit = int(given) if given.isascii() and given.isdigit() else 0
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise RequestRejected(
            400, f"Invalid limit: '{given}' is not between 1 and {MAX_PAGE_SIZE}."
        )
    token = request.query_params.get("nextToken")
    return PageRequest(limit=limit, after=_decode_token(token) if token else None)


def paginate(
    items: Sequence[Item],
    page: PageRequest,
    key: Callable[[Item], str],
    *,
    descending: bool = False,
) -> tuple[Sequence[Item], dict[str, Any]]:
    """Return one page of a list sorted by key, and the `nextToken` field, absent on the last.

    A page continues after a key, not after an item. Items may come and go between two pages.
    """
    if page.after is not None:
        items = [one for one in items if key(one) != page.after]
        items = [one for one in items if (key(one) < page.after) is descending]
    chosen = items[: page.limit]
    more = len(items) > page.limit
    return chosen, {"nextToken": _encode_token(key(chosen[-1]))} if more else {}


def read_flag(request: Request, name: str) -> bool:
    """Return a boolean query field, false by default.

    :raises RequestRejected: neither true nor false.
    """
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "false"):
        raise RequestRejected(400, f"Invalid {name}: '{given}' is neither true nor false.")
    return given == "true"


def _encode_token(key: str) -> str:
    return base64.urlsafe_b64encode(f"after:{key}".encode()).decode()


def _decode_token(token: str) -> str:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError) as err:
        raise RequestRejected(400, "Invalid nextToken.") from err
    if not text.startswith("after:"):
        raise RequestRejected(400, "Invalid nextToken.")
    return text.removeprefix("after:")
