"""The control plane under `/_emulator/`, for tests and for a browser. Amazon has none."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from amc_emulator.ads.control import AdsControl
from amc_emulator.ads.products import ProductsControl
from amc_emulator.clock import format_time_ms
from amc_emulator.emulator import Emulator
from amc_emulator.execution_machine import Execution, Status
from amc_emulator.faults import OPERATIONS, Fault
from amc_emulator.html_pages import execution_page, index_page
from amc_emulator.settings import Progression, Settings
from amc_emulator.views import execution_view


class ClockChange(BaseModel):
    """Stop the clock at `now` or move it by `advance_seconds`. Without both, time is real again."""

    model_config = ConfigDict(extra="forbid")

    now: AwareDatetime | None = None
    advance_seconds: float | None = None


class ExecutionEnd(BaseModel):
    """The status with which a test ends an execution."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    reason: str = ""


class ConsentRevocation(BaseModel):
    """The account whose consents are revoked."""

    model_config = ConfigDict(extra="forbid")

    account: str


class Control:
    """Handlers of the control plane."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/_emulator")
        for method, path, handler in (
            ("GET", "/health", self.health),
            ("POST", "/reset", self.reset),
            ("GET", "/progression", self.progression),
            ("PUT", "/progression", self.set_progression),
            ("GET", "/settings", self.settings),
            ("PUT", "/settings", self.change_settings),
            ("PUT", "/clock", self.set_clock),
            ("POST", "/revoke", self.revoke),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/calls", self.calls),
            ("DELETE", "/calls", self.clear_calls),
            ("GET", "/executions", self.executions),
            ("PUT", "/executions/{execution_id}", self.end_execution),
            ("PUT", "/ads", AdsControl(self._emulator).apply),
            ("PUT", "/products", ProductsControl(self._emulator).apply),
        ):
            router.add_api_route(path, handler, methods=[method])
        for path, page in (("", self.index_page), ("/executions/{execution_id}", self.page)):
            router.add_api_route(path, page, methods=["GET"], response_class=HTMLResponse)
        return router

    async def health(self) -> dict[str, str]:
        """Return that the emulator serves."""
        return {"status": "ok"}

    async def reset(self) -> dict[str, str]:
        """Delete executions, workflows, calls and faults.

        Settings and clock return to the start.
        """
        self._emulator.reset()
        return {"status": "ok"}

    async def progression(self) -> Progression:
        """Return the pace."""
        return self._emulator.machine.progression

    async def set_progression(self, progression: Progression) -> Progression:
        """Set the pace."""
        self._emulator.set_progression(progression)
        self._emulator.machine.advance()
        return progression

    async def settings(self) -> Settings:
        """Return the behaviour."""
        return self._emulator.settings

    async def change_settings(self, changes: Settings) -> Settings:
        """Change the settings that are named. The others stay."""
        named = changes.model_dump(exclude_unset=True)
        machine = self._emulator.machine
        machine.settings = Settings.model_validate({**machine.settings.model_dump(), **named})
        return machine.settings

    async def set_clock(self, body: ClockChange) -> dict[str, str]:
        """Stop, move or release the clock."""
        clock = self._emulator.clock
        if body.now is not None:
            clock.stop_at(body.now)
        if body.advance_seconds is not None:
            clock.advance(timedelta(seconds=body.advance_seconds))
        if body.now is None and body.advance_seconds is None:
            clock.release()
        return {"now": format_time_ms(clock.now())}

    async def revoke(self, body: ConsentRevocation) -> dict[str, int]:
        """Withdraw every consent that reaches an account, until the next reset."""
        return {"revoked": self._emulator.login.revoke_account(body.account)}

    async def faults(self) -> dict[str, Any]:
        """Return the pending faults, those that hold a request, and all operations."""
        faults = self._emulator.faults
        return {
            "faults": faults.pending(),
            "held": faults.held(),
            "operations": sorted(OPERATIONS),
        }

    async def add_fault(self, fault: Fault) -> dict[str, Any]:
        """Add a fault."""
        self._emulator.faults.add(fault)
        return {"faults": self._emulator.faults.pending()}

    async def clear_faults(self) -> dict[str, Any]:
        """Delete every fault and release held requests."""
        self._emulator.faults.clear()
        return {"faults": []}

    async def calls(self, operation: str | None = None) -> dict[str, Any]:
        """Return the received calls, oldest first."""
        return {"calls": [asdict(one) for one in self._emulator.calls.of(operation)]}

    async def clear_calls(self) -> dict[str, Any]:
        """Delete the calls."""
        self._emulator.calls.received.clear()
        return {"calls": []}

    async def executions(self) -> dict[str, Any]:
        """Return every execution of every instance, cancelled ones too. This counts as no poll."""
        self._emulator.machine.advance()
        return {"executions": [_control_view(one) for one in self._emulator.machine]}

    async def end_execution(self, execution_id: str, body: ExecutionEnd) -> dict[str, Any]:
        """End an execution with a terminal status other than SUCCEEDED."""
        execution = self._find(execution_id)
        if not body.status.is_terminal or body.status is Status.SUCCEEDED:
            raise HTTPException(400, "status must be FAILED, REJECTED or CANCELLED")
        self._emulator.machine.end(execution, body.status, body.reason)
        return _control_view(execution)

    async def index_page(self) -> Response:
        """Return a page that lists all executions."""
        self._emulator.machine.advance()
        return HTMLResponse(index_page(list(self._emulator.machine)))

    async def page(self, execution_id: str) -> Response:
        """Return a page about one execution."""
        self._emulator.machine.advance()
        return HTMLResponse(execution_page(self._find(execution_id)))

    def _find(self, execution_id: str) -> Execution:
        execution = self._emulator.machine.find(execution_id)
        if execution is None:
            raise HTTPException(404, f"no execution {execution_id}")
        return execution


def _control_view(execution: Execution) -> dict[str, Any]:
    return {
        **execution_view(execution, with_workflow=True),
        "instanceId": execution.instance_id,
        "internalStatus": execution.status,
        "polls": execution.polls,
        "startedAt": _optional_time(execution.started_at),
        "endedAt": _optional_time(execution.ended_at),
        "rows": execution.output.row_count if execution.output else None,
        "parts": len(execution.output.parts) if execution.output else 0,
        "request": execution.request,
        "history": [
            {"at": format_time_ms(at), "status": status} for at, status in execution.history
        ],
    }


def _optional_time(moment: datetime | None) -> str | None:
    return format_time_ms(moment) if moment else None
