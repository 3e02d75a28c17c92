"""Handlers of lists: profiles, the campaigns of each API, the advertisers of an AMC instance."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection
from functools import partial
from typing import Any

from fastapi import Request, Response

from amc_emulator.ads.authorization import (
    ADS_CLIENT_ID,
    authorized_advertiser,
    authorized_profile,
    details_error,
    error_format,
    message_error,
    reachable_profiles,
)
from amc_emulator.ads.campaign_json import (
    Serializer,
    sponsored_brands,
    sponsored_display,
    sponsored_products,
    unified,
)
from amc_emulator.ads.campaigns import Campaign, Product
from amc_emulator.authorization import authenticate, authorized_account, authorized_instance
from amc_emulator.emulator import Emulator
from amc_emulator.responses import INSTANCES, JSON, RequestRejected, json_response
from amc_emulator.tenants import Profile

STATES = ("ENABLED", "PAUSED", "ARCHIVED")
SP_MEDIA_TYPE = "application/vnd.spcampaign.v3+json"
MAX_PAGE_SIZE = {Product.SP: 1000, Product.SB: 100, Product.SD: 100, Product.DSP: 100}


class AdsListing:
    """The handlers."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @error_format(details_error)
    async def profiles(self, request: Request) -> Response:
        """List the profiles a consent reaches: a bare array, without pages, without a Scope."""
        access = authenticate(self.emulator, request)
        return _array([_profile(one) for one in reachable_profiles(self.emulator, access)])

    @error_format(message_error)
    async def sponsored_products(self, request: Request) -> Response:
        """List campaigns of Sponsored Products v3."""
        owner = str(authorized_profile(self.emulator, request).profile_id)
        if _media_type(request) != SP_MEDIA_TYPE:
            raise RequestRejected(415, "Unsupported media type")
        body = await _body(request)
        chosen, token = self._page(owner, Product.SP, body)
        total = {"totalResults": self._total(owner, Product.SP, body)}
        return json_response(
            {"campaigns": [sponsored_products(one) for one in chosen], **token, **total},
            media_type=JSON,
        )

    @error_format(message_error)
    async def sponsored_brands(self, request: Request) -> Response:
        """List campaigns of Sponsored Brands v4."""
        owner = str(authorized_profile(self.emulator, request).profile_id)
        body = await _body(request)
        chosen, token = self._page(owner, Product.SB, body)
        total = {"totalCount": self._total(owner, Product.SB, body)}
        return json_response(
            {"campaigns": [sponsored_brands(one) for one in chosen], **token, **total},
            media_type=JSON,
        )

    @error_format(details_error)
    async def sponsored_display(self, request: Request) -> Response:
        """List campaigns of Sponsored Display: offsets, and a bare array."""
        owner = str(authorized_profile(self.emulator, request).profile_id)
        query = request.query_params
        states = query.get("stateFilter", "enabled,paused,archived").upper().split(",")
        first = _read_int(query.get("startIndex", "0"), "startIndex")
        count = min(_read_int(query.get("count", "100"), "count"), MAX_PAGE_SIZE[Product.SD])
        found = self.emulator.campaign_store.campaigns(owner, Product.SD)
        matching = [one for _, one in found if one.state in states]
        return _array([sponsored_display(one) for one in matching[first : first + count]])

    @error_format(message_error)
    async def unified(self, request: Request) -> Response:
        """List campaigns of one product with the unified API."""
        authenticate(self.emulator, request, client_header=ADS_CLIENT_ID)
        body = await _body(request)
        product = _product(body)
        owner, shape = self._owner(request, product)
        chosen, token = self._page(owner, product, body)
        return json_response(
            {"campaigns": [shape(one) for one in chosen], **token}, media_type=JSON
        )

    def _owner(self, request: Request, product: Product) -> tuple[str, Serializer]:
        if product is Product.DSP:
            found = authorized_advertiser(self.emulator, request, client_header=ADS_CLIENT_ID)
            return found.advertiser_id, partial(unified, currency="USD", time_zone="UTC")
        profile = authorized_profile(self.emulator, request, client_header=ADS_CLIENT_ID)
        shape = partial(unified, currency=profile.currency, time_zone=profile.time_zone)
        return str(profile.profile_id), shape

    async def advertisers(self, request: Request) -> Response:
        """Return the advertisers whose data an AMC instance holds."""
        authorized_instance(self.emulator, request)
        account = authorized_account(self.emulator, request)
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
        return json_response(body, media_type=INSTANCES)

    def _page(
        self, owner: str, product: Product, body: dict[str, Any]
    ) -> tuple[list[Campaign], dict[str, str]]:
        """Return a page and the `nextToken` field, absent on the last."""
        limit = body.get("maxResults", MAX_PAGE_SIZE[product])
        if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE_SIZE[product]:
            raise RequestRejected(400, f"maxResults must be between 1 and {MAX_PAGE_SIZE[product]}")
        states = _states(body)
        chosen: list[Campaign] = []
        for position, one in self.emulator.campaign_store.campaigns(
            owner, product, _decode_token(body)
        ):
            if one.state not in states:
                continue
            if len(chosen) == limit:
                return chosen, {"nextToken": _encode_token(position)}
            chosen.append(one)
        return chosen, {}

    def _total(self, owner: str, product: Product, body: dict[str, Any]) -> int:
        return self.emulator.campaign_store.count_by_state(owner, product, _states(body))


def _states(body: dict[str, Any]) -> Collection[str]:
    """Return the states that the request names.

    The older APIs document which states Amazon assumes without a filter.
    """
    given = (body.get("stateFilter") or {}).get("include", ("ENABLED", "PAUSED"))
    if not set(given) <= set(STATES):
        raise RequestRejected(400, "stateFilter includes an unknown state")
    return tuple(given)


def _product(body: dict[str, Any]) -> Product:
    given = (body.get("adProductFilter") or {}).get("include") or []
    if len(given) != 1 or given[0] not in set(Product):
        raise RequestRejected(400, "adProductFilter must include exactly one ad product")
    return Product(given[0])


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as err:
        raise RequestRejected(400, "Request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise RequestRejected(400, "Request body must be an object")
    return body


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _read_int(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RequestRejected(400, f"Invalid {name}: {text}")
    return int(text)


def _array(items: list[dict[str, Any]]) -> Response:
    text = json.dumps(items, separators=(",", ":"))
    return Response(text, headers={"Content-Type": JSON})


def _encode_token(position: int) -> str:
    return base64.urlsafe_b64encode(f"place:{position}".encode()).decode()


def _decode_token(body: dict[str, Any]) -> int:
    token = body.get("nextToken")
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(str(token).encode()).decode()
        return int(text.removeprefix("place:"))
    except (binascii.Error, ValueError) as err:
        raise RequestRejected(400, "nextToken is invalid") from err


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
