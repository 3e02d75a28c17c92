"""Saved workflows and schedules of the imitated reporting API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import Request, Response

from amc_emulator.authorization import authorized_instance
from amc_emulator.emulator import Emulator
from amc_emulator.engine import QueryRejected
from amc_emulator.execution_requests import check_workflow, compile_error, engine_query
from amc_emulator.pagination import paginate, read_page_request
from amc_emulator.responses import (
    OCTETS,
    SCHEDULES,
    WORKFLOWS,
    RequestRejected,
    json_response,
    read_object,
)
from amc_emulator.windows import Window

_WORKFLOW_FIELDS = (
    "workflowId",
    "sqlQuery",
    "query",
    "inputParameters",
    "inputSchema",
    "outputColumns",
    "outputFormat",
    "privacyFilteringBehavior",
    "filteredMetricsDiscriminatorColumn",
    "distinctUserCountColumn",
    "filteredReasonColumn",
)
_SCHEDULE_FIELDS = (
    "scheduleId",
    "workflowId",
    "aggregationPeriod",
    "aggregationStartDay",
    "aggregationHourUtc",
    "scheduleEnabled",
    "requireSyntheticData",
    "disableAggregationControls",
)


class Workflows:
    """The handlers below `/workflows`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def create(self, request: Request) -> Response:
        """Save a new workflow."""
        instance_id = authorized_instance(self._emulator, request)
        workflow = await self._validated(instance_id, await read_object(request))
        saved = self._saved(instance_id)
        if workflow["workflowId"] in saved:
            raise RequestRejected(400, f"Workflow with ID {workflow['workflowId']} already exists.")
        saved[workflow["workflowId"]] = workflow
        return json_response({}, media_type=OCTETS)

    async def list_page(self, request: Request) -> Response:
        """Return saved workflows."""
        saved = self._saved(authorized_instance(self._emulator, request))
        return _list_page("workflows", saved, request, key="workflowId", media_type=WORKFLOWS)

    async def get(self, request: Request) -> Response:
        """Return one workflow."""
        saved = self._saved(authorized_instance(self._emulator, request))
        return json_response(_find(saved, request, "Workflow", "workflow_id"), media_type=WORKFLOWS)

    async def update(self, request: Request) -> Response:
        """Replace a workflow entirely."""
        instance_id = authorized_instance(self._emulator, request)
        saved = self._saved(instance_id)
        previous = _find(saved, request, "Workflow", "workflow_id")
        body = await read_object(request)
        if body.get("workflowId") != previous["workflowId"]:
            raise RequestRejected(400, "The workflowId of the body must be that of the path.")
        saved[previous["workflowId"]] = await self._validated(instance_id, body)
        return json_response({}, media_type=WORKFLOWS)

    async def delete(self, request: Request) -> Response:
        """Delete a workflow that no schedule names."""
        instance_id = authorized_instance(self._emulator, request)
        saved = self._saved(instance_id)
        workflow_id = _find(saved, request, "Workflow", "workflow_id")["workflowId"]
        schedules = self._emulator.schedules.get(instance_id, {}).values()
        if any(one["workflowId"] == workflow_id for one in schedules):
            raise RequestRejected(
                400, f"Workflow with ID {workflow_id} cannot be deleted: a schedule references it."
            )
        del saved[workflow_id]
        return json_response({}, media_type=WORKFLOWS)

    def _saved(self, instance_id: str) -> dict[str, dict[str, Any]]:
        return self._emulator.workflows.setdefault(instance_id, {})

    async def _validated(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        check_workflow(body, needs_id=True)
        workflow = {name: body[name] for name in _WORKFLOW_FIELDS if name in body}
        now = self._emulator.clock.now()
        window = Window(kind="EXPLICIT", start=now - timedelta(days=3), end=now, zone="UTC")
        datasets = self._emulator.tenants.datasets(instance_id)
        try:
            await self._emulator.compile(instance_id, engine_query(workflow, window, {}, datasets))
        except QueryRejected as rejection:
            is_rejected_later = self._emulator.settings.undeclared_parameter == "reject"
            if not (is_rejected_later and rejection.undeclared_parameter is not None):
                raise compile_error(workflow["workflowId"], rejection) from rejection
        return workflow


class Schedules:
    """The handlers below `/schedules`. Schedules are stored, never run."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def create(self, request: Request) -> Response:
        """Save a new schedule."""
        instance_id = authorized_instance(self._emulator, request)
        schedule = self._validated(instance_id, await read_object(request))
        saved = self._saved(instance_id)
        if schedule["scheduleId"] in saved:
            raise RequestRejected(400, f"Schedule with ID {schedule['scheduleId']} already exists.")
        saved[schedule["scheduleId"]] = schedule
        return json_response({}, media_type=SCHEDULES)

    async def list_page(self, request: Request) -> Response:
        """List schedules."""
        saved = self._saved(authorized_instance(self._emulator, request))
        return _list_page("schedules", saved, request, key="scheduleId", media_type=SCHEDULES)

    async def get(self, request: Request) -> Response:
        """Show one schedule."""
        saved = self._saved(authorized_instance(self._emulator, request))
        return json_response(_find(saved, request, "Schedule", "schedule_id"), media_type=SCHEDULES)

    async def update(self, request: Request) -> Response:
        """Replace a schedule entirely."""
        instance_id = authorized_instance(self._emulator, request)
        saved = self._saved(instance_id)
        previous = _find(saved, request, "Schedule", "schedule_id")
        body = {**await read_object(request), "scheduleId": previous["scheduleId"]}
        saved[previous["scheduleId"]] = self._validated(instance_id, body)
        return json_response({}, media_type=SCHEDULES)

    async def delete(self, request: Request) -> Response:
        """Delete a schedule."""
        saved = self._saved(authorized_instance(self._emulator, request))
        del saved[_find(saved, request, "Schedule", "schedule_id")["scheduleId"]]
        return json_response({}, media_type=SCHEDULES)

    def _saved(self, instance_id: str) -> dict[str, dict[str, Any]]:
        return self._emulator.schedules.setdefault(instance_id, {})

    def _validated(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        if not body.get("scheduleId"):
            raise RequestRejected(400, "scheduleId must be provided.")
        if body.get("workflowId") not in self._emulator.workflows.get(instance_id, {}):
            raise RequestRejected(400, f"Workflow with ID {body.get('workflowId')} does not exist.")
        if body.get("aggregationPeriod") not in ("Daily", "Weekly"):
            raise RequestRejected(400, "aggregationPeriod must be Daily or Weekly.")
        return {name: body[name] for name in _SCHEDULE_FIELDS if name in body}


def _find(
    saved: dict[str, dict[str, Any]], request: Request, word: str, path_field: str
) -> dict[str, Any]:
    item_id = str(request.path_params[path_field])
    if item_id not in saved:
        raise RequestRejected(404, f"{word} with ID {item_id} does not exist.")
    return saved[item_id]


def _list_page(
    name: str, saved: dict[str, dict[str, Any]], request: Request, *, key: str, media_type: str
) -> Response:
    items = [saved[item_id] for item_id in sorted(saved)]
    chosen, token = paginate(items, read_page_request(request), lambda one: str(one[key]))
    return json_response({name: list(chosen), **token}, media_type=media_type)
