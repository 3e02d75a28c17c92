"""Which of a user's advertising profiles feed an AMC instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_DSP = "DISPLAY"
_AGENCY = "agency"  # has DSP advertisers only


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """An advertiser in one marketplace. ``owner_id`` is an entity, or a seller's merchant id."""

    profile_id: str
    owner_id: str
    marketplace_id: str
    currency_code: str | None
    time_zone: str
    kind: str  # seller, vendor, agency


@dataclass(frozen=True, kw_only=True, slots=True)
class Advertiser:
    """An advertiser whose data an AMC instance holds; a DSP advertiser has no marketplace."""

    advertiser_id: str
    kind: str  # SPONSORED_ADS, DISPLAY, SAS
    marketplace_id: str | None


def profiles_of_instance(
    profiles: Sequence[Profile],
    advertisers: Sequence[Advertiser],
    *,
    entity_id: str,
    marketplace_id: str,
    profile_id: str | None,
) -> list[Profile]:
    """Return the profiles whose sponsored ads feed an instance, each once, in their order.

    They are those of the instance's own list of advertisers, and of its account's entity in its
    account's marketplace. ``profile_id``, where the account names one, goes before both.
    """
    sponsored = [profile for profile in profiles if profile.kind != _AGENCY]
    if profile_id:
        return [profile for profile in sponsored if profile.profile_id == profile_id]
    wanted = {(entity_id, marketplace_id)} | {
        (one.advertiser_id, one.marketplace_id or marketplace_id)
        for one in advertisers
        if one.kind != _DSP
    }
    return [one for one in sponsored if (one.owner_id, one.marketplace_id) in wanted]


def dsp_advertisers(advertisers: Sequence[Advertiser]) -> list[str]:
    """Return the ids of the DSP advertisers of an instance, each once, in their order."""
    return list(dict.fromkeys(one.advertiser_id for one in advertisers if one.kind == _DSP))
