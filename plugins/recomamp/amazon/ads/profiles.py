"""Who advertises: a user's profiles, and the advertisers of an AMC instance."""

from __future__ import annotations

import httpx

from recomamp.amazon.ads.exact_json import (
    Fields,
    read_items,
    read_json,
    read_next_token,
    text,
)
from recomamp.amazon.base_client import ApiRequest, ListPage
from recomamp.amazon.request_paths import path_of
from recomamp.domain.ad_profiles import Advertiser, Profile

_MAX_PAGE = "100"


def list_profiles() -> ApiRequest:
    """Ask for all profiles of the region; there are no pages. The call must name no profile."""
    return ApiRequest(
        operation="list_profiles",
        method="GET",
        path="/v2/profiles",
        query={"accessLevel": "view"},
    )


def read_profiles(response: httpx.Response) -> tuple[Profile, ...]:
    """Read the profiles: a bare array.

    :raises AmazonError: when it is an error, or something else.
    """
    return read_items(response, read_json(response), _profile, "profiles")


def list_advertisers(instance_id: str, next_token: str | None = None) -> ApiRequest:
    """Ask for the advertisers whose data an AMC instance holds."""
    paged = {"nextToken": next_token} if next_token else {}
    return ApiRequest(
        operation="list_advertisers",
        method="GET",
        path=path_of("/amc/instances", instance_id, "advertisers"),
        query={"limit": _MAX_PAGE, **paged},
    )


def read_advertisers(response: httpx.Response) -> ListPage[Advertiser]:
    """Read a page of advertisers.

    :raises AmazonError: when it is an error, or something else.
    """
    body = read_json(response)
    listed = body.get("advertisers") if isinstance(body, dict) else None
    items = read_items(response, listed, _advertiser, "advertisers")
    return ListPage(items=items, next_token=read_next_token(response, body))


def _profile(fields: Fields) -> Profile | None:
    profile_id, account = text(fields, "profileId"), fields.get("accountInfo")
    if profile_id is None:
        return None
    return Profile(
        profile_id=profile_id,
        owner_id=text(account, "id") or "",
        marketplace_id=text(account, "marketplaceStringId") or "",
        currency_code=text(fields, "currencyCode"),
        time_zone=text(fields, "timezone") or "UTC",
        kind=text(account, "type") or "",
    )


def _advertiser(fields: Fields) -> Advertiser | None:
    advertiser_id = text(fields, "id")
    if advertiser_id is None:
        return None
    return Advertiser(
        advertiser_id=advertiser_id,
        kind=text(fields, "type") or "",
        marketplace_id=text(fields, "marketplaceId"),
    )
