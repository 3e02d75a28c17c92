"""What there is to ask of: data sources, AMC accounts and their instances."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from amc_emulator.answers import DATA_SOURCES, INSTANCES, JSON, Refused, answer, request_id
from amc_emulator.emulator import Emulator
from amc_emulator.gate import account_of, identify, instance_of
from amc_emulator.pages import cut, read_page
from amc_emulator.settings import Settings
from amc_emulator.sources import offered
from amc_emulator.tenants import Account, Instance


class DataSources:
    """The handlers below `/dataSources`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def list_page(self, request: Request) -> Response:
        """List the tables that queries may read."""
        sources = self._offered(instance_of(self._emulator, request))
        chosen, token = cut(sources, read_page(request), lambda one: str(one["dataSourceId"]))
        return answer({"dataSources": list(chosen), **token}, media_type=DATA_SOURCES)

    async def get(self, request: Request) -> Response:
        """Show one table."""
        instance_id = instance_of(self._emulator, request)
        wanted = str(request.path_params["data_source_id"])
        for one in self._offered(instance_id):
            if one["dataSourceId"] == wanted:
                return answer(one, media_type=DATA_SOURCES)
        raise Refused(404, f"Data source with ID {wanted} does not exist.")

    def _offered(self, instance_id: str) -> list[dict[str, Any]]:
        changes = self._emulator.settings.data_sources
        known = self._emulator.engine.data_sources()
        return [_source(one) for one in offered(known, changes, instance_id)]


class Accounts:
    """The handlers of `/amc/accounts` and `/amc/instances`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def accounts(self, request: Request) -> Response:
        """List the AMC accounts a consent reaches; needs token and client id only."""
        try:
            access = identify(self._emulator, request)
        except Refused as refused:
            body = {"message": refused.details, "requestId": request_id()}
            return answer(body, media_type=JSON, status=refused.status)
        known = self._emulator.tenants.accounts
        reached = [known[one] for one in access.consent.accounts if one in known]
        return answer({"amcAccounts": [_account(one) for one in reached]}, media_type=JSON)

    async def instances(self, request: Request) -> Response:
        """List the instances of the account that the headers name."""
        account = account_of(self._emulator, request)
        chosen, token = cut(account.instances, read_page(request), lambda one: one.instance_id)
        settings = self._emulator.settings
        views = [_instance(account, one, request, settings) for one in chosen]
        return answer({"instances": views, "nextToken": None, **token}, media_type=INSTANCES)

    async def instance(self, request: Request) -> Response:
        """Show one instance, in the wrapper the real service uses here."""
        instance_id = instance_of(self._emulator, request)
        account = account_of(self._emulator, request)
        found = next(one for one in account.instances if one.instance_id == instance_id)
        view = _instance(account, found, request, self._emulator.settings)
        return answer({"instance": view}, media_type=INSTANCES)


def _source(source: dict[str, Any]) -> dict[str, Any]:
    return {"owner": "AMAZON", "provider": "AMAZON", "tags": [], **source}


def _account(account: Account) -> dict[str, Any]:
    return {
        "accountId": account.account_id,
        "accountName": account.name,
        "marketplaceId": account.marketplace_id,
    }


def _instance(
    account: Account, instance: Instance, request: Request, settings: Settings
) -> dict[str, Any]:
    return {
        "instanceId": instance.instance_id,
        "instanceName": instance.name,
        "instanceType": settings.instance_type or instance.kind,
        "customerCanonicalName": account.name,
        "creationStatus": settings.creation_status,
        "creationDatetime": "2024-06-03T09:12:44.512873000Z",
        "s3BucketName": None,
        "s3BucketRegion": None,
        "awsAccountId": None,
        "dataUploadAwsAccountId": None,
        "entities": [account.region],
        "apiEndpoint": f"{request.url.scheme}://{request.url.netloc}",
        "optionalDatasets": [],
        "advertiserTypes": ["DISPLAY", "SPONSORED_ADS"],
    }
