"""Who may ask: token, client, entity, marketplace, instance."""

from __future__ import annotations

from fastapi import Request

from amc_emulator.answers import Refused, check_accept
from amc_emulator.emulator import Emulator
from amc_emulator.faults import injected
from amc_emulator.lwa import Access
from amc_emulator.tenants import Account

CLIENT_ID = "Amazon-Advertising-API-ClientId"
ADVERTISER_ID = "Amazon-Advertising-API-AdvertiserId"
MARKETPLACE_ID = "Amazon-Advertising-API-MarketplaceId"


def identify(emulator: Emulator, request: Request, *, client_header: str = CLIENT_ID) -> Access:
    """Return what the request's token stands for.

    :raises Refused: 401 without a good token, 400 without a client id.
    """
    check_accept(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if injected(request, "token_revoked"):
        emulator.login.forget(token)
    access = emulator.login.access(token) if scheme.lower() == "bearer" else None
    if access is None:
        raise Refused(401, "Unauthorized")
    if _header(request, client_header) != access.client_id:
        raise Refused(401, "Not authorized to use this client id")
    return access


def account_of(emulator: Emulator, request: Request) -> Account:
    """Return the account the request names and may use.

    :raises Refused: 400 for a missing header, 401, 403 for somebody else's entity.
    """
    access = identify(emulator, request)
    entity_id = _header(request, ADVERTISER_ID)
    marketplace_id = _header(request, MARKETPLACE_ID)
    account = emulator.tenants.accounts.get(entity_id)
    if (
        account is None
        or entity_id not in access.consent.accounts
        or account.marketplace_id != marketplace_id
    ):
        raise Refused(403, "Unauthorized request")
    return account


def instance_of(emulator: Emulator, request: Request) -> str:
    """Return the instance in the request's path.

    :raises Refused: 403 when the entity does not own it, and what `account_of` raises.
    """
    account = account_of(emulator, request)
    instance_id = str(request.path_params["instance_id"])
    if all(one.instance_id != instance_id for one in account.instances):
        raise Refused(403, "Unauthorized request")
    return instance_id


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    if not value:
        raise Refused(400, f"Missing required header: {name}")
    return value
