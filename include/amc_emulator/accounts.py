"""Handlers of data sources, AMC accounts and their instances."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from amc_emulator.authorization import authenticate, authorized_account, authorized_instance
from amc_emulator.data_sources import available_sources
from amc_emulator.emulator import Emulator
from amc_emulator.pagination import paginate, read_page_request
from amc_emulator.responses import (
    DATA_SOURCES,
    INSTANCES,
    JSON,
    RequestRejected,
    json_response,
    request_id,
)
from amc_emulator.settings import Settings
from amc_emulator.tenants import Account, Instance

ACTIVATION_TIME = "2024-06-03T09:12:44.512873000Z"


class DataSources:
    """The handlers below `/dataSources`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def list_page(self, request: Request) -> Response:
        """List the tables that queries may read."""
        sources = self._available(authorized_instance(self._emulator, request))
        chosen, token = paginate(
            sources, read_page_request(request), lambda one: str(one["dataSourceId"])
        )
        return json_response({"dataSources": list(chosen), **token}, media_type=DATA_SOURCES)

    async def get(self, request: Request) -> Response:
        """Show one table."""
        instance_id = authorized_instance(self._emulator, request)
        wanted = str(request.path_params["data_source_id"])
        for one in self._available(instance_id):
            if one["dataSourceId"] == wanted:
                return json_response(one, media_type=DATA_SOURCES)
        raise RequestRejected(404, f"Data source with ID {wanted} does not exist.")

    def _available(self, instance_id: str) -> list[dict[str, Any]]:
        changes = self._emulator.settings.data_sources
        known = self._emulator.engine.data_sources(self._emulator.tenants.datasets(instance_id))
        return [_source_view(one) for one in available_sources(known, changes, instance_id)]


class Accounts:
    """The handlers of `/amc/accounts` and `/amc/instances`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def accounts(self, request: Request) -> Response:
        """Return the AMC accounts that a consent reaches. Token and client id are enough."""
        try:
            access = authenticate(self._emulator, request)
        except RequestRejected as rejection:
            body = {"message": rejection.details, "requestId": request_id()}
            return json_response(body, media_type=JSON, status=rejection.status)
        known = self._emulator.tenants.accounts
        reached = [known[one] for one in access.consent.accounts if one in known]
        return json_response(
            {"amcAccounts": [_account_view(one) for one in reached]}, media_type=JSON
        )

    async def instances(self, request: Request) -> Response:
        """List the instances of the account that the headers name."""
        account = authorized_account(self._emulator, request)
        chosen, token = paginate(
            account.instances, read_page_request(request), lambda one: one.instance_id
        )
        settings = self._emulator.settings
        views = [_instance_view(account, one, request, settings) for one in chosen]
        return json_response({"instances": views, "nextToken": None, **token}, media_type=INSTANCES)

    async def instance(self, request: Request) -> Response:
        """Show one instance, in the wrapper the real service uses here."""
        instance_id = authorized_instance(self._emulator, request)
        account = authorized_account(self._emulator, request)
        found = next(one for one in account.instances if one.instance_id == instance_id)
        view = _instance_view(account, found, request, self._emulator.settings)
        return json_response({"instance": view}, media_type=INSTANCES)


def _source_view(source: dict[str, Any]) -> dict[str, Any]:
    return {"owner": "AMAZON", "provider": "AMAZON", "tags": [], **source}


def _account_view(account: Account) -> dict[str, Any]:
    return {
        "accountId": account.account_id,
        "accountName": account.name,
        "marketplaceId": account.marketplace_id,
    }


def _instance_view(
    account: Account, instance: Instance, request: Request, settings: Settings
) -> dict[str, Any]:
    return {
        "instanceId": instance.instance_id,
        "instanceName": instance.name,
        "instanceType": settings.instance_type or instance.kind,
        "customerCanonicalName": account.name,
        "creationStatus": settings.creation_status,
        "creationDatetime": ACTIVATION_TIME,
        "s3BucketName": None,
        "s3BucketRegion": None,
        "awsAccountId": None,
        "dataUploadAwsAccountId": None,
        "entities": [account.region],
        "apiEndpoint": f"{request.url.scheme}://{request.url.netloc}",
        "optionalDatasets": [
            {"label": label, "activationTime": ACTIVATION_TIME} for label in instance.datasets
        ],
        "advertiserTypes": ["DISPLAY", "SPONSORED_ADS"],
    }
