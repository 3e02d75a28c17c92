"""Saved workflows and schedules of the imitated reporting API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import Request, Response

from amc_emulator.answers import OCTETS, SCHEDULES, WORKFLOWS, Refused, answer, read_object
from amc_emulator.emulator import Emulator
from amc_emulator.engine import QueryRefused
from amc_emulator.gate import instance_of
from amc_emulator.orders import check_workflow, query_of, uncompiled
from amc_emulator.pages import cut, read_page
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
        instance_id = instance_of(self._emulator, request)
        workflow = await self._checked(instance_id, await read_object(request))
        saved = self._saved(instance_id)
        if workflow["workflowId"] in saved:
            raise Refused(400, f"Workflow with ID {workflow['workflowId']} already exists.")
        saved[workflow["workflowId"]] = workflow
        return answer({}, media_type=OCTETS)

    async def list_page(self, request: Request) -> Response:
        """List saved workflows."""
        saved = self._saved(instance_of(self._emulator, request))
        return _listed("workflows", saved, request, key="workflowId", media_type=WORKFLOWS)

    async def get(self, request: Request) -> Response:
        """Show one workflow."""
        saved = self._saved(instance_of(self._emulator, request))
        return answer(_named(saved, request, "Workflow", "workflow_id"), media_type=WORKFLOWS)

    async def update(self, request: Request) -> Response:
        """Replace a workflow entirely."""
        instance_id = instance_of(self._emulator, request)
        saved = self._saved(instance_id)
        former = _named(saved, request, "Workflow", "workflow_id")
        body = await read_object(request)
        if body.get("workflowId") != former["workflowId"]:
            raise Refused(400, "The workflowId of the body must be that of the path.")
        saved[former["workflowId"]] = await self._checked(instance_id, body)
        return answer({}, media_type=WORKFLOWS)

    async def delete(self, request: Request) -> Response:
        """Delete a workflow that no schedule names."""
        instance_id = instance_of(self._emulator, request)
        saved = self._saved(instance_id)
        workflow_id = _named(saved, request, "Workflow", "workflow_id")["workflowId"]
        schedules = self._emulator.schedules.get(instance_id, {}).values()
        if any(one["workflowId"] == workflow_id for one in schedules):
            raise Refused(
                400, f"Workflow with ID {workflow_id} cannot be deleted: a schedule references it."
            )
        del saved[workflow_id]
        return answer({}, media_type=WORKFLOWS)

    def _saved(self, instance_id: str) -> dict[str, dict[str, Any]]:
        return self._emulator.workflows.setdefault(instance_id, {})

    async def _checked(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        check_workflow(body, needs_id=True)
        workflow = {name: body[name] for name in _WORKFLOW_FIELDS if name in body}
        now = self._emulator.clock.now()
        window = Window(kind="EXPLICIT", start=now - timedelta(days=3), end=now, zone="UTC")
        try:
            await self._emulator.compile(instance_id, query_of(workflow, window, {}))
        except QueryRefused as refused:
            late = self._emulator.settings.undeclared_parameter == "reject"
            if not (late and refused.undeclared_parameter is not None):
                raise uncompiled(workflow["workflowId"], refused) from refused
        return workflow


class Schedules:
    """The handlers below `/schedules`: kept and shown, never run."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def create(self, request: Request) -> Response:
        """Save a new schedule."""
        instance_id = instance_of(self._emulator, request)
        schedule = self._checked(instance_id, await read_object(request))
        saved = self._saved(instance_id)
        if schedule["scheduleId"] in saved:
            raise Refused(400, f"Schedule with ID {schedule['scheduleId']} already exists.")
        saved[schedule["scheduleId"]] = schedule
        return answer({}, media_type=SCHEDULES)

    async def list_page(self, request: Request) -> Response:
        """List schedules."""
        saved = self._saved(instance_of(self._emulator, request))
        return _listed("schedules", saved, request, key="scheduleId", media_type=SCHEDULES)

    async def get(self, request: Request) -> Response:
        """Show one schedule."""
        saved = self._saved(instance_of(self._emulator, request))
        return answer(_named(saved, request, "Schedule", "schedule_id"), media_type=SCHEDULES)

    async def update(self, request: Request) -> Response:
        """Replace a schedule entirely."""
        instance_id = instance_of(self._emulator, request)
        saved = self._saved(instance_id)
        former = _named(saved, request, "Schedule", "schedule_id")
        body = {**await read_object(request), "scheduleId": former["scheduleId"]}
        saved[former["scheduleId"]] = self._checked(instance_id, body)
        return answer({}, media_type=SCHEDULES)

    async def delete(self, request: Request) -> Response:
        """Delete a schedule."""
        saved = self._saved(instance_of(self._emulator, request))
        del saved[_named(saved, request, "Schedule", "schedule_id")["scheduleId"]]
        return answer({}, media_type=SCHEDULES)

    def _saved(self, instance_id: str) -> dict[str, dict[str, Any]]:
        return self._emulator.schedules.setdefault(instance_id, {})

    def _checked(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        if not body.get("scheduleId"):
            raise Refused(400, "scheduleId must be provided.")
        if body.get("workflowId") not in self._emulator.workflows.get(instance_id, {}):
            raise Refused(400, f"Workflow with ID {body.get('workflowId')} does not exist.")
        if body.get("aggregationPeriod") not in ("Daily", "Weekly"):
            raise Refused(400, "aggregationPeriod must be Daily or Weekly.")
        return {name: body[name] for name in _SCHEDULE_FIELDS if name in body}


def _named(
    saved: dict[str, dict[str, Any]], request: Request, word: str, path_field: str
) -> dict[str, Any]:
    item_id = str(request.path_params[path_field])
    if item_id not in saved:
        raise Refused(404, f"{word} with ID {item_id} does not exist.")
    return saved[item_id]


def _listed(
    name: str, saved: dict[str, dict[str, Any]], request: Request, *, key: str, media_type: str
) -> Response:
    items = [saved[item_id] for item_id in sorted(saved)]
    chosen, token = cut(items, read_page(request), lambda one: str(one[key]))
    return answer({name: list(chosen), **token}, media_type=media_type)
