"""Faults on demand: which requests they apply to, and how often."""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.types import Scope

SCOPE_KEY = "amc_emulator.fault"

OPERATIONS = frozenset(
    {
        "token",
        "list_accounts",
        "list_instances",
        "get_instance",
        "create_workflow",
        "list_workflows",
        "get_workflow",
        "update_workflow",
        "delete_workflow",
        "create_schedule",
        "list_schedules",
        "get_schedule",
        "update_schedule",
        "delete_schedule",
        "create_execution",
        "list_executions",
        "get_execution",
        "cancel_execution",
        "download_urls",
        "list_data_sources",
        "get_data_source",
        "download",
        "list_profiles",
        "list_sp_campaigns",
        "list_sb_campaigns",
        "list_sd_campaigns",
        "query_campaigns",
        "list_advertisers",
        "product_metadata",
        "create_report",
        "get_report",
    }
)
_WRAPPED = frozenset(
    {
        "create_execution",
        "get_execution",
        "get_workflow",
        "get_schedule",
        "get_data_source",
        "list_executions",
        "list_workflows",
        "list_schedules",
        "list_data_sources",
    }
)


class FaultKind(StrEnum):
    """The kinds of fault."""

    THROTTLE = "throttle"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    HOLD_BEFORE = "hold_before"
    HOLD_AFTER = "hold_after"
    HTML_BODY = "html_body"
    WRAPPED = "wrapped"
    TRUNCATED_CSV = "truncated_csv"
    MISSING_PART = "missing_part"
    EXPIRED_LINK = "expired_link"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105  (a word, not a secret)
    FAIL_EXECUTION = "fail_execution"
    REJECT_EXECUTION = "reject_execution"
    UNKNOWN_STATUS = "unknown_status"
    NO_OUTPUT_COLUMNS = "no_output_columns"
    NOT_READY = "not_ready"
    FAIL_REPORT = "fail_report"


_OPERATIONS_OF: dict[FaultKind, frozenset[str]] = {
    FaultKind.WRAPPED: _WRAPPED,
    FaultKind.TRUNCATED_CSV: frozenset({"download"}),
    FaultKind.MISSING_PART: frozenset({"download_urls", "download"}),
    FaultKind.EXPIRED_LINK: frozenset({"download_urls", "download"}),
    FaultKind.TOKEN_REVOKED: OPERATIONS - {"download"},
    FaultKind.FAIL_EXECUTION: frozenset({"create_execution"}),
    FaultKind.REJECT_EXECUTION: frozenset({"create_execution"}),
    FaultKind.FAIL_REPORT: frozenset({"create_report"}),
    FaultKind.NO_OUTPUT_COLUMNS: frozenset({"list_executions", "get_execution"}),
    FaultKind.NOT_READY: frozenset({"download_urls"}),
    FaultKind.UNKNOWN_STATUS: frozenset({"create_execution", "list_executions", "get_execution"}),
}


class Fault(BaseModel):
    """One fault that waits for requests.

    `times` is the number of requests it applies to, null for all. `skip` lets that many pass first.
    `matching` restricts it to requests whose path, query or body contains the text. `probability`
    applies it to that share of the requests, by a seeded random number. `after` replaces the answer
    to a request that was carried out.
    """

    model_config = ConfigDict(extra="forbid")

    operation: str = "*"
    fault: FaultKind
    times: Annotated[int, Field(ge=1)] | None = 1
    skip: int = Field(default=0, ge=0)
    matching: str | None = None
    probability: float = Field(default=1, gt=0, le=1)
    retry_after: Annotated[int, Field(ge=0)] | Literal["http-date"] | None = None
    retry_after_seconds: int = Field(default=2, ge=0)
    status: int | str | None = None
    html: bool = False
    gateway_timeout: bool = False
    short: bool = False
    unlisted: bool = False
    after: bool = False
    reason: str = ""
    body: dict[str, Any] | list[Any] | str | None = None

    @model_validator(mode="after")
    def _check_fields(self) -> Fault:
        if self.operation != "*" and self.operation not in OPERATIONS:
            raise ValueError(f"unknown operation {self.operation!r}; one of {sorted(OPERATIONS)}")
        if self.operation != "*" and not self.matches_operation(self.operation):
            raise ValueError(
                f"fault {self.fault.value!r} exists only for {sorted(_OPERATIONS_OF[self.fault])}"
            )
        if self.fault is FaultKind.SERVER_ERROR and self.status not in (None, 500, 502, 503, 504):
            raise ValueError("server_error takes status 500, 502, 503 or 504")
        if self.fault is FaultKind.FORBIDDEN and self.status not in (None, 400, 403, 409, 422):
            raise ValueError("forbidden takes status 400, 403, 409 or 422")
        if self.fault is FaultKind.NOT_READY and self.status not in (None, 400, 404, 409, 422, 425):
            raise ValueError("not_ready takes status 400, 404, 409, 422 or 425")
        is_outcome = self.fault in _OUTCOMES and isinstance(self.body, dict)
        if self.body is not None and not (is_outcome or self.fault in _ERROR_RESPONSES):
            raise ValueError(
                "body exists only for refusals and, as an object, for ends of executions"
            )
        if self.after and self.fault not in _ERROR_RESPONSES:
            raise ValueError("after exists only for refusals")
        return self

    def matches_operation(self, operation: str) -> bool:
        """Return whether the fault can apply to an operation."""
        named = self.operation in ("*", operation)
        return named and operation in _OPERATIONS_OF.get(self.fault, OPERATIONS)

    @property
    def skips_service(self) -> bool:
        """Return whether the request never reaches the service."""
        return self.fault in _SKIPPING_SERVICE and not self.after

    @property
    def replaces_response(self) -> bool:
        """Return whether the fault replaces the service's answer."""
        return self.fault in _ERROR_RESPONSES or self.fault is FaultKind.HTML_BODY


_ERROR_RESPONSES = frozenset(
    {
        FaultKind.THROTTLE,
        FaultKind.SERVER_ERROR,
        FaultKind.UNAUTHORIZED,
        FaultKind.FORBIDDEN,
        FaultKind.NOT_FOUND,
        FaultKind.NOT_READY,
    }
)
_OUTCOMES = frozenset({FaultKind.FAIL_EXECUTION, FaultKind.REJECT_EXECUTION})
_SKIPPING_SERVICE = _ERROR_RESPONSES | {
    FaultKind.TIMEOUT_BEFORE,
    FaultKind.RESET_BEFORE,
    FaultKind.HTML_BODY,
}


class FaultQueue:
    """The pending faults, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._held: list[Fault] = []
        self._release = asyncio.Event()
        self._random = random.Random(1)  # noqa: S311  (repeatable, not secret)

    def add(self, fault: Fault) -> None:
        """Add a fault behind those that wait."""
        self._faults.append(fault.model_copy())

    def clear(self) -> None:
        """Delete every fault and release held requests."""
        self._faults.clear()
        self._release.set()
        self._release = asyncio.Event()

    def pending(self) -> list[dict[str, Any]]:
        """Return the faults that are left."""
        return [_view(one) for one in self._faults]

    def held(self) -> list[dict[str, Any]]:
        """Return the faults that hold a request at this moment."""
        return [_view(one) for one in self._held]

    async def hold(self, fault: Fault) -> None:
        """Hold a request until all faults are deleted."""
        release = self._release
        self._held.append(fault)
        try:
            await release.wait()
        finally:
            self._held = [one for one in self._held if one is not fault]

    def take(self, operation: str, seen: str) -> Fault | None:
        """Return the first fault that applies to this request, and count it."""
        for fault in self._faults:
            if not fault.matches_operation(operation) or (fault.matching or "") not in seen:
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            self._count(fault)
            return fault
        return None

    def _count(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults = [one for one in self._faults if one is not fault]


def _view(fault: Fault) -> dict[str, Any]:
    return fault.model_dump(mode="json", exclude_defaults=True)


def active_fault(request: Request, *kinds: str) -> Fault | None:
    """Return the fault of this request when it is one of these kinds."""
    return active_fault_in(request.scope, *kinds)


def active_fault_in(scope: Scope, *kinds: str) -> Fault | None:
    """Return the fault of a scope when it is one of these kinds."""
    fault = scope.get(SCOPE_KEY)
    return fault if isinstance(fault, Fault) and fault.fault in kinds else None
