"""The whole service: imitated routes, control plane, and the wire around them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from amc_emulator.accounts import Accounts, DataSources
from amc_emulator.ads.listing import AdsListing
from amc_emulator.ads.products import Products
from amc_emulator.ads.reports import Reports
from amc_emulator.control import Control
from amc_emulator.downloads import Downloads
from amc_emulator.emulator import Emulator
from amc_emulator.executions import Executions
from amc_emulator.lwa import TokenEndpoint
from amc_emulator.middleware import EmulatorMiddleware
from amc_emulator.responses import (
    DATA_SOURCES,
    EXECUTIONS,
    INSTANCES,
    JSON,
    SCHEDULES,
    WORKFLOWS,
    RequestRejected,
    error_response,
    json_response,
)
from amc_emulator.workflows import Schedules, Workflows

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Route = tuple[str, str, str, Handler]
REPORTING = "/amc/reporting/{instance_id}"
_MEDIA_TYPES = {
    "workflows": WORKFLOWS,
    "workflowExecutions": EXECUTIONS,
    "schedules": SCHEDULES,
    "dataSources": DATA_SOURCES,
}


def create_app(emulator: Emulator) -> ASGIApp:
    """Return the emulator as an ASGI application."""
    api = FastAPI(
        title="AMC emulator: control plane",
        openapi_url="/_emulator/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    api.add_exception_handler(RequestRejected, _rejection_response)
    api.add_exception_handler(HTTPException, _http_error_response)
    for operation, method, path, handler in _routes(emulator):
        api.add_api_route(
            path,
            handler,
            methods=[method],
            name=operation,
            response_model=None,
            include_in_schema=False,
        )
    api.include_router(Control(emulator).router())
    return EmulatorMiddleware(
        api,
        routes=api.routes,
        clock=emulator.clock,
        calls=emulator.calls,
        faults=emulator.faults,
    )


def _routes(emulator: Emulator) -> list[Route]:
    accounts, downloads = Accounts(emulator), Downloads(emulator)
    login = TokenEndpoint(emulator.login, lambda: emulator.settings)
    return [
        ("token", "POST", "/auth/o2/token", login.token),
        ("list_accounts", "GET", "/amc/accounts", accounts.accounts),
        ("list_instances", "GET", "/amc/instances", accounts.instances),
        ("get_instance", "GET", "/amc/instances/{instance_id}", accounts.instance),
        ("download", "GET", "/_downloads/{key:path}", downloads.get),
        *_workflow_routes(emulator),
        *_execution_routes(emulator),
        *_ads_routes(emulator),
    ]


def _workflow_routes(emulator: Emulator) -> list[Route]:
    workflows, schedules = Workflows(emulator), Schedules(emulator)
    all_workflows, all_schedules = f"{REPORTING}/workflows", f"{REPORTING}/schedules"
    workflow, schedule = f"{all_workflows}/{{workflow_id}}", f"{all_schedules}/{{schedule_id}}"
    return [
        ("create_workflow", "POST", all_workflows, workflows.create),
        ("list_workflows", "GET", all_workflows, workflows.list_page),
        ("get_workflow", "GET", workflow, workflows.get),
        ("update_workflow", "PUT", workflow, workflows.update),
        ("delete_workflow", "DELETE", workflow, workflows.delete),
        ("create_schedule", "POST", all_schedules, schedules.create),
        ("list_schedules", "GET", all_schedules, schedules.list_page),
        ("get_schedule", "GET", schedule, schedules.get),
        ("update_schedule", "PUT", schedule, schedules.update),
        ("delete_schedule", "DELETE", schedule, schedules.delete),
    ]


def _execution_routes(emulator: Emulator) -> list[Route]:
    executions, sources = Executions(emulator), DataSources(emulator)
    all_executions, all_sources = f"{REPORTING}/workflowExecutions", f"{REPORTING}/dataSources"
    execution = f"{all_executions}/{{execution_id}}"
    return [
        ("create_execution", "POST", all_executions, executions.create),
        ("list_executions", "GET", all_executions, executions.list_page),
        ("get_execution", "GET", execution, executions.get),
        ("cancel_execution", "PUT", execution, executions.cancel),
        ("download_urls", "GET", f"{execution}/downloadUrls", executions.download_urls),
        ("list_data_sources", "GET", all_sources, sources.list_page),
        ("get_data_source", "GET", f"{all_sources}/{{data_source_id}}", sources.get),
    ]


def _ads_routes(emulator: Emulator) -> list[Route]:
    listing, reports = AdsListing(emulator), Reports(emulator)
    products = Products(emulator)
    advertisers = "/amc/instances/{instance_id}/advertisers"
    return [
        ("list_profiles", "GET", "/v2/profiles", listing.profiles),
        ("list_sp_campaigns", "POST", "/sp/campaigns/list", listing.sponsored_products),
        ("list_sb_campaigns", "POST", "/sb/v4/campaigns/list", listing.sponsored_brands),
        ("list_sd_campaigns", "GET", "/sd/campaigns", listing.sponsored_display),
        ("query_campaigns", "POST", "/adsApi/v1/query/campaigns", listing.unified),
        ("list_advertisers", "GET", advertisers, listing.advertisers),
        ("product_metadata", "POST", "/product/metadata", products.metadata),
        ("create_report", "POST", "/reporting/reports", reports.create),
        ("get_report", "GET", "/reporting/reports/{report_id}", reports.get),
    ]


async def _rejection_response(request: Request, rejection: Exception) -> Response:
    assert isinstance(rejection, RequestRejected)  # noqa: S101  (registered for this class)
    return error_response(
        rejection.status, rejection.details, media_type=_media_type(request.url.path)
    )


async def _http_error_response(_request: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)  # noqa: S101  (registered for this class)
    return json_response({"message": str(err.detail)}, media_type=JSON, status=err.status_code)


def _media_type(path: str) -> str:
    parts = path.strip("/").split("/")
    if parts[:2] == ["amc", "instances"]:
        return INSTANCES
    return _MEDIA_TYPES.get(parts[3] if len(parts) > 3 else "", JSON)
