"""Product metadata: the ASINs that a profile's own store knows. Unknown ASINs are absent."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from amc_emulator.ads.authorization import authorized_profile, details_error, error_format
from amc_emulator.emulator import Emulator
from amc_emulator.responses import JSON, RequestRejected, json_response

MEDIA_TYPES = ("application/vnd.productmetadatarequest.v1+json", "application/json")
MAX_PAGE_SIZE = 300
MAX_POSITION = 10_000
ASIN_LENGTH = 10


class Products:
    """The handler of `/product/metadata`."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @error_format(details_error)
    async def metadata(self, request: Request) -> Response:
        """Look ASINs up in the store of the profile."""
        profile = authorized_profile(self.emulator, request)
        if request.headers.get("content-type", "").split(";")[0].lower() not in MEDIA_TYPES:
            raise RequestRejected(415, "Unsupported Media Type")
        body = await _body(request)
        asins = _asins(body)
        first, last = _page(body)
        product_catalog = self.emulator.product_catalog
        known = [
            found for asin in asins if (found := product_catalog.product(asin, profile)) is not None
        ]
        chosen = [_requested_fields(one, body) for one in known[first:last]]
        # The end has an empty cursor. Cursors are for authors, who have no other paging
        return json_response({"ProductMetadataList": chosen, "cursorToken": ""}, media_type=JSON)


class ProductChanges(BaseModel):
    """Products to make unknown, to assign to one profile or to change.

    Fields that are not named stay.
    """

    model_config = ConfigDict(extra="forbid")

    unknown: list[str] = []
    owners: dict[str, int] = {}
    change: dict[str, dict[str, Any]] = {}


class ProductsControl:
    """The handler of `/_emulator/products`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def apply(self, body: ProductChanges) -> dict[str, Any]:
        """Change the products, until the next reset."""
        product_catalog = self._emulator.product_catalog
        product_catalog.unknown.update(body.unknown)
        product_catalog.owners.update(body.owners)
        for asin, changes in body.change.items():
            product_catalog.changes.setdefault(asin, {}).update(changes)
        return {"unknown": len(product_catalog.unknown), "changed": len(product_catalog.changes)}


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as err:
        raise RequestRejected(400, "Request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise RequestRejected(400, "Request body must be an object")
    return body


def _asins(body: dict[str, Any]) -> list[str]:
    asins = body.get("asins")
    if not isinstance(asins, list) or not asins:
        raise RequestRejected(400, "This emulator looks up asins only, and none were given")
    if len(asins) > MAX_PAGE_SIZE:
        raise RequestRejected(
            400, f"asins has {len(asins)} entries, at most {MAX_PAGE_SIZE} are allowed"
        )
    for asin in asins:
        if not isinstance(asin, str) or len(asin) != ASIN_LENGTH:
            raise RequestRejected(
                400, f"Invalid ASIN: {asin!r} does not have {ASIN_LENGTH} characters"
            )
    return list(dict.fromkeys(asins))


def _page(body: dict[str, Any]) -> tuple[int, int]:
    """Return the first and last position of a page. Both fields are mandatory."""
    index, size = body.get("pageIndex"), body.get("pageSize")
    if type(index) is not int or index < 0:
        raise RequestRejected(400, "pageIndex is required and must not be negative")
    if type(size) is not int or not 1 <= size <= MAX_PAGE_SIZE:
        raise RequestRejected(
            400, f"pageSize is required and must be between 1 and {MAX_PAGE_SIZE}"
        )
    if (index + 1) * size > MAX_POSITION:
        raise RequestRejected(400, f"No more than {MAX_POSITION} products can be paged through")
    return index * size, (index + 1) * size


def _requested_fields(product: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    if body.get("checkItemDetails") is True:
        return product
    return {name: product[name] for name in ("asin", "sku") if name in product}
