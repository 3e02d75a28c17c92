"""Lists in pages: `limit`, `nextToken` and yes-or-no query fields."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from amc_emulator.answers import Refused

LARGEST_PAGE = 100
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a request asks of a list; `after` is the key of the last item it has."""

    limit: int
    after: str | None


def read_page(request: Request) -> Page:
    """Return the page a request asks for.

    :raises Refused: a limit outside 1..100 or a token nobody gave out.
    """
    given = request.query_params.get("limit", str(LARGEST_PAGE))
    limit = int(given) if given.isascii() and given.isdigit() else 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise Refused(400, f"Invalid limit: '{given}' is not between 1 and {LARGEST_PAGE}.")
    token = request.query_params.get("nextToken")
    return Page(limit=limit, after=_unpack(token) if token else None)


def cut(
    items: Sequence[Item], page: Page, key: Callable[[Item], str], *, descending: bool = False
) -> tuple[Sequence[Item], dict[str, Any]]:
    """Return one page of a list sorted by key and the `nextToken` field, absent on the last.

    A page goes on after a key, not after an item: what came or went meanwhile does no harm.
    """
    if page.after is not None:
        items = [one for one in items if key(one) != page.after]
        items = [one for one in items if (key(one) < page.after) is descending]
    chosen = items[: page.limit]
    more = len(items) > page.limit
    return chosen, {"nextToken": _pack(key(chosen[-1]))} if more else {}


def yes(request: Request, name: str) -> bool:
    """Read a yes-or-no query field, no by default.

    :raises Refused: neither true nor false.
    """
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "false"):
        raise Refused(400, f"Invalid {name}: '{given}' is neither true nor false.")
    return given == "true"


def _pack(key: str) -> str:
    return base64.urlsafe_b64encode(f"after:{key}".encode()).decode()


def _unpack(token: str) -> str:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError) as err:
        raise Refused(400, "Invalid nextToken.") from err
    if not text.startswith("after:"):
        raise Refused(400, "Invalid nextToken.")
    return text.removeprefix("after:")
