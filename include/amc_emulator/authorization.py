"""Authorization of requests: token, client, entity, marketplace, instance."""

from __future__ import annotations

from fastapi import Request

from amc_emulator.emulator import Emulator
from amc_emulator.faults import active_fault
from amc_emulator.lwa import AccessGrant
from amc_emulator.responses import RequestRejected, check_accept
from amc_emulator.tenants import Account

CLIENT_ID = "Amazon-Advertising-API-ClientId"
ADVERTISER_ID = "Amazon-Advertising-API-AdvertiserId"
MARKETPLACE_ID = "Amazon-Advertising-API-MarketplaceId"


def authenticate(
    emulator: Emulator, request: Request, *, client_header: str = CLIENT_ID
) -> AccessGrant:
    """Return the access that the request's token grants.

    :raises RequestRejected: 401 without a valid token, 400 without a client id.
    """
    check_accept(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if active_fault(request, "token_revoked"):
        emulator.login.invalidate(token)
    access = emulator.login.access(token) if scheme.lower() == "bearer" else None
    if access is None:
        raise RequestRejected(401, "Unauthorized")
    if _header(request, client_header) != access.client_id:
        raise RequestRejected(401, "Not authorized to use this client id")
    return access


def authorized_account(emulator: Emulator, request: Request) -> Account:
    """Return the account that the request names and may use.

    :raises RequestRejected: 400 for a missing header, 401, 403 for another entity.
    """
    access = authenticate(emulator, request)
    entity_id = _header(request, ADVERTISER_ID)
    marketplace_id = _header(request, MARKETPLACE_ID)
    account = emulator.tenants.accounts.get(entity_id)
    if (
        account is None
        or entity_id not in access.consent.accounts
        or account.marketplace_id != marketplace_id
    ):
        raise RequestRejected(403, "Unauthorized request")
    return account


def authorized_instance(emulator: Emulator, request: Request) -> str:
    """Return the instance in the request's path.

    :raises RequestRejected: 403 when the entity does not own it; see `authorized_account`.
    """
    account = authorized_account(emulator, request)
    instance_id = str(request.path_params["instance_id"])
    if all(one.instance_id != instance_id for one in account.instances):
        raise RequestRejected(403, "Unauthorized request")
    return instance_id


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    if not value:
        raise RequestRejected(400, f"Missing required header: {name}")
    return value
