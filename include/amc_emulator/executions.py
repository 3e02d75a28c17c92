"""Handlers of executions in the reporting API: create, list, get, cancel, download."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from amc_emulator.authorization import authorized_instance
from amc_emulator.emulator import Emulator
from amc_emulator.execution_machine import Execution, Status
from amc_emulator.execution_requests import create_execution
from amc_emulator.faults import active_fault
from amc_emulator.pagination import paginate, read_flag, read_page_request
from amc_emulator.responses import EXECUTIONS, RequestRejected, json_response, read_object
from amc_emulator.views import execution_view
from amc_emulator.windows import read_time, read_time_zone


class Executions:
    """The handlers below `/workflowExecutions`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def create(self, request: Request) -> Response:
        """Accept an execution. The answer always has PENDING."""
        instance_id = authorized_instance(self._emulator, request)
        body = await read_object(request)
        execution = await create_execution(self._emulator, instance_id, body, request)
        accepted = execution_view(execution)
        self._emulator.machine.add(execution)
        self._emulator.machine.advance()
        return json_response(accepted, media_type=EXECUTIONS)

    async def list_page(self, request: Request) -> Response:
        """Return executions of a workflow or since a moment, newest first by default."""
        instance_id = authorized_instance(self._emulator, request)
        page = read_page_request(request)
        with_workflow = read_flag(request, "includeWorkflow")
        newest_first = not read_flag(request, "sortAscending")
        found = sorted(self._select(instance_id, request), key=_sort_key, reverse=newest_first)
        chosen, token = paginate(found, page, _sort_key, descending=newest_first)
        await self._emulator.machine.poll(chosen)
        views = [self._view(one, request, with_workflow=with_workflow) for one in chosen]
        return json_response({"executions": views, **token}, media_type=EXECUTIONS)

    async def get(self, request: Request) -> Response:
        """Return one execution."""
        execution = self._find(request)
        with_workflow = read_flag(request, "includeWorkflow")
        await self._emulator.machine.poll([execution])
        return json_response(
            self._view(execution, request, with_workflow=with_workflow), media_type=EXECUTIONS
        )

    async def cancel(self, request: Request) -> Response:
        """End an execution that has not ended."""
        execution = self._find(request)
        body = await read_object(request)
        await self._emulator.machine.wait_for_sql([execution])  # by the pace it may have ended
        wanted = body.get("status")
        if wanted not in (None, Status.CANCELLED):
            raise RequestRejected(
                400, "The status of a workflow execution can only be set to CANCELLED."
            )
        if execution.status.is_terminal:
            raise RequestRejected(
                400,
                f"Execution with ID {execution.execution_id} cannot be cancelled"
                f" because its status is {execution.status}.",
            )
        if wanted:
            self._emulator.machine.cancel(execution)
        return json_response({}, media_type=EXECUTIONS)

    async def download_urls(self, request: Request) -> Response:
        """Return links to the result's files."""
        execution = self._find(request)
        self._emulator.machine.advance()
        if execution.status is not Status.SUCCEEDED:
            raise RequestRejected(
                400, f"Execution with ID {execution.execution_id} is unavailable for download."
            )
        return json_response(
            {
                "downloadUrls": self._links(execution, request),
                "metadataDownloadUrls": [self._link(execution, "metadata.json", request)],
            },
            media_type=EXECUTIONS,
        )

    def _links(self, execution: Execution, request: Request) -> list[str] | list[dict[str, str]]:
        parts = execution.output.parts if execution.output else []
        names = [f"part-{number:05d}.csv" for number in range(len(parts))]
        missing = active_fault(request, "missing_part")
        if names and missing:
            names[-1:] = [] if missing.unlisted else ["part-gone.csv"]
        links = [self._link(execution, name, request) for name in names]
        if self._emulator.settings.links_as_objects:
            return [{"url": link} for link in links]
        return links

    def _link(self, execution: Execution, name: str, request: Request) -> str:
        lifetime_seconds = self._emulator.settings.link_lifetime_seconds
        return self._emulator.links.sign(
            f"{request.url.scheme}://{request.url.netloc}",
            f"{execution.execution_id}/{name}",
            now=self._emulator.clock.now(),
            lifetime_seconds=0 if active_fault(request, "expired_link") else lifetime_seconds,
        )

    def _view(
        self, execution: Execution, request: Request, *, with_workflow: bool
    ) -> dict[str, Any]:
        view = execution_view(execution, with_workflow=with_workflow)
        if active_fault(request, "no_output_columns"):
            view.pop("outputColumns", None)
        odd = active_fault(request, "unknown_status")
        return {**view, "status": str(odd.status or "HIBERNATING")} if odd else view

    def _find(self, request: Request) -> Execution:
        instance_id = authorized_instance(self._emulator, request)
        execution_id = str(request.path_params["execution_id"])
        execution = self._emulator.machine.find(execution_id)
        if execution is None or execution.instance_id != instance_id:
            raise RequestRejected(404, f"Workflow execution with ID {execution_id} does not exist.")
        return execution

    def _select(self, instance_id: str, request: Request) -> list[Execution]:
        asked = request.query_params
        workflow_id = asked.get("workflowId")
        if not workflow_id and not asked.get("minCreationTime"):
            raise RequestRejected(400, "Either workflowId or minCreationTime must be provided.")
        zone = read_time_zone(asked.get("timeZone") or "UTC", field="timeZone")
        earliest = _time_limit(request, "minCreationTime", zone)
        latest = _time_limit(request, "maxCreationTime", zone)
        with_cancelled = read_flag(request, "includeCancelled")
        self._emulator.machine.advance()
        return [
            one
            for one in self._emulator.machine
            if one.instance_id == instance_id
            and not self._is_hidden(one)
            and workflow_id in (None, "", one.workflow_id)
            and _created_within(one, earliest, latest)
            and (with_cancelled or one.status is not Status.CANCELLED)
        ]

    def _is_hidden(self, execution: Execution) -> bool:
        lag = timedelta(seconds=self._emulator.settings.list_lag_seconds)
        return bool(lag) and self._emulator.clock.now() < execution.created_at + lag


def _sort_key(execution: Execution) -> str:
    return f"{execution.sequence:012d}"


def _time_limit(request: Request, field: str, zone: ZoneInfo) -> datetime | None:
    given = request.query_params.get(field)
    return read_time(given, zone, field=field) if given else None


def _created_within(one: Execution, earliest: datetime | None, latest: datetime | None) -> bool:
    created = one.created_at.replace(microsecond=0)
    return (earliest is None or created >= earliest) and (latest is None or created <= latest)
