"""Handlers that list: profiles, the campaigns of each API, the advertisers of an AMC instance."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from functools import partial
from typing import Any

from fastapi import Request, Response

from amc_emulator.ads.dialects import (
    ADS_CLIENT_ID,
    advertiser_of,
    numbered,
    profile_of,
    profiles_of,
    speaking,
    worded,
)
from amc_emulator.ads.portfolio import Campaign, Product
from amc_emulator.ads.shapes import (
    Shape,
    sponsored_brands,
    sponsored_display,
    sponsored_products,
    unified,
)
from amc_emulator.answers import INSTANCES, JSON, Refused, answer
from amc_emulator.emulator import Emulator
from amc_emulator.gate import account_of, identify, instance_of
from amc_emulator.tenants import Profile

STATES = ("ENABLED", "PAUSED", "ARCHIVED")
SP_MEDIA_TYPE = "application/vnd.spcampaign.v3+json"
LARGEST_PAGE = {Product.SP: 1000, Product.SB: 100, Product.SD: 100, Product.DSP: 100}


class AdsListing:
    """The handlers."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @speaking(numbered)
    async def profiles(self, request: Request) -> Response:
        """List the profiles a consent reaches: a bare array, without pages, without a Scope."""
        access = identify(self.emulator, request)
        return _array([_profile(one) for one in profiles_of(self.emulator, access)])

    @speaking(worded)
    async def sponsored_products(self, request: Request) -> Response:
        """List campaigns of Sponsored Products v3."""
        owner = str(profile_of(self.emulator, request).profile_id)
        if _media_type(request) != SP_MEDIA_TYPE:
            raise Refused(415, "Unsupported media type")
        body = await _body(request)
        chosen, token = self._page(owner, Product.SP, body)
        total = {"totalResults": self._total(owner, Product.SP, body)}
        return answer(
            {"campaigns": [sponsored_products(one) for one in chosen], **token, **total},
            media_type=JSON,
        )

    @speaking(worded)
    async def sponsored_brands(self, request: Request) -> Response:
        """List campaigns of Sponsored Brands v4."""
        owner = str(profile_of(self.emulator, request).profile_id)
        body = await _body(request)
        chosen, token = self._page(owner, Product.SB, body)
        total = {"totalCount": self._total(owner, Product.SB, body)}
        return answer(
            {"campaigns": [sponsored_brands(one) for one in chosen], **token, **total},
            media_type=JSON,
        )

    @speaking(numbered)
    async def sponsored_display(self, request: Request) -> Response:
        """List campaigns of Sponsored Display: offsets, and a bare array."""
        owner = str(profile_of(self.emulator, request).profile_id)
        query = request.query_params
        states = query.get("stateFilter", "enabled,paused,archived").upper().split(",")
        first = _number(query.get("startIndex", "0"), "startIndex")
        count = min(_number(query.get("count", "100"), "count"), LARGEST_PAGE[Product.SD])
        found = self.emulator.portfolio.campaigns(owner, Product.SD)
        fitting = [one for _, one in found if one.state in states]
        return _array([sponsored_display(one) for one in fitting[first : first + count]])

    @speaking(worded)
    async def unified(self, request: Request) -> Response:
        """List campaigns of one product with the unified API."""
        identify(self.emulator, request, client_header=ADS_CLIENT_ID)
        body = await _body(request)
        product = _product(body)
        owner, shape = self._owner(request, product)
        chosen, token = self._page(owner, product, body)
        return answer({"campaigns": [shape(one) for one in chosen], **token}, media_type=JSON)

    def _owner(self, request: Request, product: Product) -> tuple[str, Shape]:
        if product is Product.DSP:
            found = advertiser_of(self.emulator, request, client_header=ADS_CLIENT_ID)
            return found.advertiser_id, partial(unified, currency="USD", time_zone="UTC")
        profile = profile_of(self.emulator, request, client_header=ADS_CLIENT_ID)
        shape = partial(unified, currency=profile.currency, time_zone=profile.time_zone)
        return str(profile.profile_id), shape

    async def advertisers(self, request: Request) -> Response:
        """List the advertisers whose data an AMC instance holds."""
        instance_of(self.emulator, request)
        account = account_of(self.emulator, request)
        sponsored = [
            {
                "id": one.owner,
                "name": account.name,
                "type": "SPONSORED_ADS",
                "marketplaceId": one.marketplace_id,
                "configuredAdvertiserTypes": ["SPONSORED_ADS"],
            }
            for one in account.profiles
            if one.marketplace_id == account.marketplace_id
        ]
        display = [
            {
                "id": one.advertiser_id,
                "name": one.name,
                "type": "DISPLAY",
                "marketplaceId": None,
                "configuredAdvertiserTypes": ["DISPLAY"],
            }
            for one in account.dsp_advertisers
        ]
        found = [*sponsored, *display]
        body = {"advertisers": found, "totalCount": len(found), "nextToken": None}
        return answer(body, media_type=INSTANCES)

    def _page(
        self, owner: str, product: Product, body: dict[str, Any]
    ) -> tuple[list[Campaign], dict[str, str]]:
        """Return a page and the `nextToken` field, absent on the last."""
        limit = body.get("maxResults", LARGEST_PAGE[product])
        if not isinstance(limit, int) or not 1 <= limit <= LARGEST_PAGE[product]:
            raise Refused(400, f"maxResults must be between 1 and {LARGEST_PAGE[product]}")
        states = _states(body)
        chosen: list[Campaign] = []
        for place, one in self.emulator.portfolio.campaigns(owner, product, _unpack(body)):
            if one.state not in states:
                continue
            if len(chosen) == limit:
                return chosen, {"nextToken": _pack(place)}
            chosen.append(one)
        return chosen, {}

    def _total(self, owner: str, product: Product, body: dict[str, Any]) -> int:
        return self.emulator.portfolio.count_in(owner, product, _states(body))


def _states(body: dict[str, Any]) -> Collection[str]:
    """Return the states asked for. Older APIs document what Amazon assumes without a filter."""
    given = (body.get("stateFilter") or {}).get("include", ("ENABLED", "PAUSED"))
    if not set(given) <= set(STATES):
        raise Refused(400, "stateFilter includes an unknown state")
    return tuple(given)


def _product(body: dict[str, Any]) -> Product:
    given = (body.get("adProductFilter") or {}).get("include") or []
    if len(given) != 1 or given[0] not in set(Product):
        raise Refused(400, "adProductFilter must include exactly one ad product")
    return Product(given[0])


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as err:
        raise Refused(400, "Request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise Refused(400, "Request body must be an object")
    return body


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, f"Invalid {name}: {text}")
    return int(text)


def _array(items: list[dict[str, Any]]) -> Response:
    text = json.dumps(items, separators=(",", ":"))
    return Response(text, headers={"Content-Type": JSON})


def _pack(place: int) -> str:
    return base64.urlsafe_b64encode(f"place:{place}".encode()).decode()


def _unpack(body: dict[str, Any]) -> int:
    token = body.get("nextToken")
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(str(token).encode()).decode()
        return int(text.removeprefix("place:"))
    except (binascii.Error, ValueError) as err:
        raise Refused(400, "nextToken is invalid") from err


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "profileId": profile.profile_id,
        "countryCode": profile.country,
        "currencyCode": profile.currency,
        "dailyBudget": 999999999.0,
        "timezone": profile.time_zone,
        "accountInfo": {
            "marketplaceStringId": profile.marketplace_id,
            "id": profile.owner,
            "type": profile.kind,
            "name": profile.owner.title(),
            "validPaymentMethod": True,
        },
    }
