"""Product metadata: what a profile's own store knows of ASINs. Unknown ones are simply absent."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from amc_emulator.ads.dialects import numbered, profile_of, speaking
from amc_emulator.answers import JSON, Refused, answer
from amc_emulator.emulator import Emulator

MEDIA_TYPES = ("application/vnd.productmetadatarequest.v1+json", "application/json")
LARGEST_PAGE = 300
LAST_PLACE = 10_000
ASIN_LENGTH = 10


class Products:
    """The handler of `/product/metadata`."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @speaking(numbered)
    async def metadata(self, request: Request) -> Response:
        """Look ASINs up in the store of the profile."""
        profile = profile_of(self.emulator, request)
        if request.headers.get("content-type", "").split(";")[0].lower() not in MEDIA_TYPES:
            raise Refused(415, "Unsupported Media Type")
        body = await _body(request)
        asins = _asins(body)
        first, last = _page(body)
        shelf = self.emulator.shelf
        known = [found for asin in asins if (found := shelf.product(asin, profile)) is not None]
        chosen = [_seen(one, body) for one in known[first:last]]
        # Said to be empty at the end; the cursor is for authors, who page with nothing else
        return answer({"ProductMetadataList": chosen, "cursorToken": ""}, media_type=JSON)


class ProductsOrder(BaseModel):
    """Products made unknown, given to one profile, or changed; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    unknown: list[str] = []
    owners: dict[str, int] = {}
    change: dict[str, dict[str, Any]] = {}


class ProductsControl:
    """The handler of `/_emulator/products`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def order(self, order: ProductsOrder) -> dict[str, Any]:
        """Change the products, until the next reset."""
        shelf = self._emulator.shelf
        shelf.unknown.update(order.unknown)
        shelf.owners.update(order.owners)
        for asin, changes in order.change.items():
            shelf.changes.setdefault(asin, {}).update(changes)
        return {"unknown": len(shelf.unknown), "changed": len(shelf.changes)}


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as err:
        raise Refused(400, "Request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise Refused(400, "Request body must be an object")
    return body


def _asins(body: dict[str, Any]) -> list[str]:
    asins = body.get("asins")
    if not isinstance(asins, list) or not asins:
        raise Refused(400, "This emulator looks up asins only, and none were given")
    if len(asins) > LARGEST_PAGE:
        raise Refused(400, f"asins has {len(asins)} entries, at most {LARGEST_PAGE} are allowed")
    for asin in asins:
        if not isinstance(asin, str) or len(asin) != ASIN_LENGTH:
            raise Refused(400, f"Invalid ASIN: {asin!r} does not have {ASIN_LENGTH} characters")
    return list(dict.fromkeys(asins))


def _page(body: dict[str, Any]) -> tuple[int, int]:
    """Return the places of a page; both fields are mandatory."""
    index, size = body.get("pageIndex"), body.get("pageSize")
    if type(index) is not int or index < 0:
        raise Refused(400, "pageIndex is required and must not be negative")
    if type(size) is not int or not 1 <= size <= LARGEST_PAGE:
        raise Refused(400, f"pageSize is required and must be between 1 and {LARGEST_PAGE}")
    if (index + 1) * size > LAST_PLACE:
        raise Refused(400, f"No more than {LAST_PLACE} products can be paged through")
    return index * size, (index + 1) * size


def _seen(product: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    if body.get("checkItemDetails") is True:
        return product
    return {name: product[name] for name in ("asin", "sku") if name in product}
