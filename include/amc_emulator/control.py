"""The control plane under `/_emulator/`: not Amazon's, for tests and people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from amc_emulator.ads.control import AdsControl
from amc_emulator.ads.products import ProductsControl
from amc_emulator.clock import stamp_milliseconds
from amc_emulator.emulator import Emulator
from amc_emulator.faults import OPERATIONS, Fault
from amc_emulator.people import execution_page, index_page
from amc_emulator.settings import Progression, Settings
from amc_emulator.state import Execution, Status
from amc_emulator.views import execution_view


class ClockOrder(BaseModel):
    """Stop the clock at `now`, or move it by `advance_seconds`; neither returns to real time."""

    model_config = ConfigDict(extra="forbid")

    now: AwareDatetime | None = None
    advance_seconds: float | None = None


class EndOrder(BaseModel):
    """End one execution by hand."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    reason: str = ""


class AccountOrder(BaseModel):
    """Name an account whose consents are to be revoked."""

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
            ("POST", "/faults", self.order_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/calls", self.calls),
            ("DELETE", "/calls", self.clear_calls),
            ("GET", "/executions", self.executions),
            ("PUT", "/executions/{execution_id}", self.end_execution),
            ("PUT", "/ads", AdsControl(self._emulator).order),
            ("PUT", "/products", ProductsControl(self._emulator).order),
        ):
            router.add_api_route(path, handler, methods=[method])
        for path, page in (("", self.index_page), ("/executions/{execution_id}", self.page)):
            router.add_api_route(path, page, methods=["GET"], response_class=HTMLResponse)
        return router

    async def health(self) -> dict[str, str]:
        """Say that the emulator serves."""
        return {"status": "ok"}

    async def reset(self) -> dict[str, str]:
        """Forget executions, workflows, calls, faults; settings and clock back to the start."""
        self._emulator.reset()
        return {"status": "ok"}

    async def progression(self) -> Progression:
        """Show the pace."""
        return self._emulator.machine.progression

    async def set_progression(self, progression: Progression) -> Progression:
        """Change the pace."""
        self._emulator.set_pace(progression)
        self._emulator.machine.advance()
        return progression

    async def settings(self) -> Settings:
        """Show the behaviour."""
        return self._emulator.settings

    async def change_settings(self, changes: Settings) -> Settings:
        """Change the settings named; the others stay."""
        named = changes.model_dump(exclude_unset=True)
        machine = self._emulator.machine
        machine.settings = Settings.model_validate({**machine.settings.model_dump(), **named})
        return machine.settings

    async def set_clock(self, order: ClockOrder) -> dict[str, str]:
        """Stop, move or release the clock."""
        clock = self._emulator.clock
        if order.now is not None:
            clock.stop_at(order.now)
        if order.advance_seconds is not None:
            clock.advance(timedelta(seconds=order.advance_seconds))
        if order.now is None and order.advance_seconds is None:
            clock.release()
        return {"now": stamp_milliseconds(clock.now())}

    async def revoke(self, order: AccountOrder) -> dict[str, int]:
        """Withdraw every consent that reaches an account, until the next reset."""
        return {"revoked": self._emulator.login.revoke_account(order.account)}

    async def faults(self) -> dict[str, Any]:
        """List the faults ordered, those that hold a request, and the operations there are."""
        faults = self._emulator.faults
        return {
            "faults": faults.waiting(),
            "holding": faults.holding(),
            "operations": sorted(OPERATIONS),
        }

    async def order_fault(self, fault: Fault) -> dict[str, Any]:
        """Order a fault."""
        self._emulator.faults.order(fault)
        return {"faults": self._emulator.faults.waiting()}

    async def clear_faults(self) -> dict[str, Any]:
        """Drop every fault ordered and let held requests go."""
        self._emulator.faults.clear()
        return {"faults": []}

    async def calls(self, operation: str | None = None) -> dict[str, Any]:
        """List calls received, oldest first."""
        return {"calls": [asdict(one) for one in self._emulator.calls.of(operation)]}

    async def clear_calls(self) -> dict[str, Any]:
        """Forget the calls."""
        self._emulator.calls.kept.clear()
        return {"calls": []}

    async def executions(self) -> dict[str, Any]:
        """List every execution of every instance, cancelled ones too; this counts as no poll."""
        self._emulator.machine.advance()
        return {"executions": [_internal(one) for one in self._emulator.machine]}

    async def end_execution(self, execution_id: str, order: EndOrder) -> dict[str, Any]:
        """End an execution by hand with a terminal status other than SUCCEEDED."""
        execution = self._one(execution_id)
        if not order.status.is_terminal or order.status is Status.SUCCEEDED:
            raise HTTPException(400, "status must be FAILED, REJECTED or CANCELLED")
        self._emulator.machine.end(execution, order.status, order.reason)
        return _internal(execution)

    async def index_page(self) -> Response:
        """Show all executions to people."""
        self._emulator.machine.advance()
        return HTMLResponse(index_page(list(self._emulator.machine)))

    async def page(self, execution_id: str) -> Response:
        """Show one execution to people."""
        self._emulator.machine.advance()
        return HTMLResponse(execution_page(self._one(execution_id)))

    def _one(self, execution_id: str) -> Execution:
        execution = self._emulator.machine.find(execution_id)
        if execution is None:
            raise HTTPException(404, f"no execution {execution_id}")
        return execution


def _internal(execution: Execution) -> dict[str, Any]:
    return {
        **execution_view(execution, with_workflow=True),
        "instanceId": execution.instance_id,
        "internalStatus": execution.status,
        "polls": execution.polls,
        "startedAt": _optional(execution.started_at),
        "endedAt": _optional(execution.ended_at),
        "rows": execution.output.row_count if execution.output else None,
        "parts": len(execution.output.parts) if execution.output else 0,
        "request": execution.request,
        "history": [
            {"at": stamp_milliseconds(at), "status": status} for at, status in execution.history
        ],
    }


def _optional(moment: datetime | None) -> str | None:
    return stamp_milliseconds(moment) if moment else None
