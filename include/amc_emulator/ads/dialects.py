"""Who may ask the Ads API, and how each of its parts words a refusal."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from fastapi import Request, Response

from amc_emulator.answers import JSON, Refused, answer, request_id
from amc_emulator.emulator import Emulator
from amc_emulator.gate import identify
from amc_emulator.lwa import Access
from amc_emulator.tenants import DspAdvertiser, Profile

ADS_CLIENT_ID = "Amazon-Ads-ClientId"
SCOPE = "Amazon-Advertising-API-Scope"
ADS_ACCOUNT = "Amazon-Ads-AccountId"

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHORIZED",
    403: "ACCESS_DENIED",
    404: "NOT_FOUND",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "THROTTLED",
}


class HasEmulator(Protocol):
    """A group of handlers."""

    emulator: Emulator


Self_ = TypeVar("Self_", bound=HasEmulator)
Handler = Callable[[Self_, Request], Coroutine[Any, Any, Response]]
Body = Callable[[int, str], dict[str, Any]]


def worded(status: int, text: str) -> dict[str, Any]:
    """Refuse as Sponsored Products v3, Sponsored Brands v4 and the unified API do."""
    return {"code": _WORDS.get(status, "INTERNAL_ERROR"), "message": text}


def numbered(status: int, text: str) -> dict[str, Any]:
    """Refuse as the older parts do."""
    return {"code": str(status), "details": text, "requestId": request_id()}


def reporting(status: int, text: str) -> dict[str, Any]:
    """Refuse as reporting does: `detail`, in the singular."""
    return {"code": str(status), "detail": text}


def speaking(body: Body) -> Callable[[Handler[Self_]], Handler[Self_]]:
    """Let a handler's refusals take one of the shapes above."""

    def decorate(handler: Handler[Self_]) -> Handler[Self_]:
        async def handle(self: Self_, request: Request) -> Response:
            try:
                return await handler(self, request)
            except Refused as refused:
                told = body(refused.status, refused.details)
                return answer(told, media_type=JSON, status=refused.status)

        return handle

    return decorate


def profile_of(emulator: Emulator, request: Request, **client: str) -> Profile:
    """Return the profile that the Scope header names.

    :raises Refused: 401 in the published words.
    """
    access = identify(emulator, request, **client)
    scope = request.headers.get(SCOPE, "")
    if not scope:
        raise Refused(401, "Scope header is missing")
    for profile in profiles_of(emulator, access):
        if str(profile.profile_id) == scope:
            return profile
    known = {str(one.profile_id) for one in _all_profiles(emulator)}
    text = (
        "Not authorized to access scope"
        if scope in known
        else "No matching advertiser found for scope"
    )
    raise Refused(401, f"{text}: {scope}")


def profiles_of(emulator: Emulator, access: Access) -> list[Profile]:
    """Return the profiles that a consent reaches."""
    known = emulator.tenants.accounts
    reached = [known[one] for one in access.consent.accounts if one in known]
    return [profile for account in reached for profile in account.profiles]


def advertiser_of(emulator: Emulator, request: Request, **client: str) -> DspAdvertiser:
    """Return the DSP advertiser that the AccountId header names.

    :raises Refused: 401 for an unknown one.
    """
    access = identify(emulator, request, **client)
    wanted = request.headers.get(ADS_ACCOUNT, "")
    for account_id in access.consent.accounts:
        account = emulator.tenants.accounts.get(account_id)
        for advertiser in account.dsp_advertisers if account else ():
            if advertiser.advertiser_id == wanted:
                return advertiser
    raise Refused(401, f"Not authorized to access account {wanted or '(missing)'}")


def _all_profiles(emulator: Emulator) -> list[Profile]:
    return [one for account in emulator.tenants.accounts.values() for one in account.profiles]
