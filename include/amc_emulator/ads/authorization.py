"""Authorization of the Ads API, and the error shapes of its parts."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from fastapi import Request, Response

from amc_emulator.authorization import authenticate
from amc_emulator.emulator import Emulator
from amc_emulator.lwa import AccessGrant
from amc_emulator.responses import JSON, RequestRejected, json_response, request_id
from amc_emulator.tenants import DspAdvertiser, Profile

ADS_CLIENT_ID = "Amazon-Ads-ClientId"
SCOPE = "Amazon-Advertising-API-Scope"
ADS_ACCOUNT = "Amazon-Ads-AccountId"

_ERROR_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHORIZED",
    403: "ACCESS_DENIED",
    404: "NOT_FOUND",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "THROTTLED",
}


class HandlerGroup(Protocol):
    """A group of handlers."""

    emulator: Emulator


Self_ = TypeVar("Self_", bound=HandlerGroup)
Handler = Callable[[Self_, Request], Coroutine[Any, Any, Response]]
Body = Callable[[int, str], dict[str, Any]]


def message_error(status: int, text: str) -> dict[str, Any]:
    """Return the error shape of Sponsored Products v3, Sponsored Brands v4 and the unified API."""
    return {"code": _ERROR_CODES.get(status, "INTERNAL_ERROR"), "message": text}


def details_error(status: int, text: str) -> dict[str, Any]:
    """Return the error shape of the older parts."""
    return {"code": str(status), "details": text, "requestId": request_id()}


def detail_error(status: int, text: str) -> dict[str, Any]:
    """Return the error shape of reporting: `detail` in the singular."""
    return {"code": str(status), "detail": text}


def error_format(body: Body) -> Callable[[Handler[Self_]], Handler[Self_]]:
    """Return a decorator that sends a handler's rejections in one of the shapes above."""

    def decorate(handler: Handler[Self_]) -> Handler[Self_]:
        async def handle(self: Self_, request: Request) -> Response:
            try:
                return await handler(self, request)
            except RequestRejected as rejection:
                content = body(rejection.status, rejection.details)
                return json_response(content, media_type=JSON, status=rejection.status)

        return handle

    return decorate


def authorized_profile(emulator: Emulator, request: Request, **client: str) -> Profile:
    """Return the profile that the Scope header names.

    :raises RequestRejected: 401 in the published words.
    """
    access = authenticate(emulator, request, **client)
    scope = request.headers.get(SCOPE, "")
    if not scope:
        raise RequestRejected(401, "Scope header is missing")
    for profile in reachable_profiles(emulator, access):
        if str(profile.profile_id) == scope:
            return profile
    known = {str(one.profile_id) for one in _all_profiles(emulator)}
    text = (
        "Not authorized to access scope"
        if scope in known
        else "No matching advertiser found for scope"
    )
    raise RequestRejected(401, f"{text}: {scope}")


def reachable_profiles(emulator: Emulator, access: AccessGrant) -> list[Profile]:
    """Return the profiles that a consent reaches."""
    known = emulator.tenants.accounts
    reached = [known[one] for one in access.consent.accounts if one in known]
    return [profile for account in reached for profile in account.profiles]


def authorized_advertiser(emulator: Emulator, request: Request, **client: str) -> DspAdvertiser:
    """Return the DSP advertiser that the AccountId header names.

    :raises RequestRejected: 401 for an unknown one.
    """
    access = authenticate(emulator, request, **client)
    wanted = request.headers.get(ADS_ACCOUNT, "")
    for account_id in access.consent.accounts:
        account = emulator.tenants.accounts.get(account_id)
        for advertiser in account.dsp_advertisers if account else ():
            if advertiser.advertiser_id == wanted:
                return advertiser
    raise RequestRejected(401, f"Not authorized to access account {wanted or '(missing)'}")


def _all_profiles(emulator: Emulator) -> list[Profile]:
    return [one for account in emulator.tenants.accounts.values() for one in account.profiles]
