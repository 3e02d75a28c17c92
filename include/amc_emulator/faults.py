"""Faults to order: which request meets which fault, and how often."""

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


class Kind(StrEnum):
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


_ONLY_FOR: dict[Kind, frozenset[str]] = {
    Kind.WRAPPED: _WRAPPED,
    Kind.TRUNCATED_CSV: frozenset({"download"}),
    Kind.MISSING_PART: frozenset({"download_urls", "download"}),
    Kind.EXPIRED_LINK: frozenset({"download_urls", "download"}),
    Kind.TOKEN_REVOKED: OPERATIONS - {"download"},
    Kind.FAIL_EXECUTION: frozenset({"create_execution"}),
    Kind.REJECT_EXECUTION: frozenset({"create_execution"}),
    Kind.FAIL_REPORT: frozenset({"create_report"}),
    Kind.NO_OUTPUT_COLUMNS: frozenset({"list_executions", "get_execution"}),
    Kind.NOT_READY: frozenset({"download_urls"}),
    Kind.UNKNOWN_STATUS: frozenset({"create_execution", "list_executions", "get_execution"}),
}


class Fault(BaseModel):
    """One order. `times` null means until further notice; `skip` lets that many pass first;
    `matching` restricts it to requests whose path, query or body contains the text; `share` lets
    it befall only that share of them, drawn by a seeded chance. `after` refuses a request that
    was carried out."""

    model_config = ConfigDict(extra="forbid")

    operation: str = "*"
    fault: Kind
    times: Annotated[int, Field(ge=1)] | None = 1
    skip: int = Field(default=0, ge=0)
    matching: str | None = None
    share: float = Field(default=1, gt=0, le=1)
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
    def _fits(self) -> Fault:
        if self.operation != "*" and self.operation not in OPERATIONS:
            raise ValueError(f"unknown operation {self.operation!r}; one of {sorted(OPERATIONS)}")
        if self.operation != "*" and not self.concerns(self.operation):
            raise ValueError(
                f"fault {self.fault.value!r} exists only for {sorted(_ONLY_FOR[self.fault])}"
            )
        if self.fault is Kind.SERVER_ERROR and self.status not in (None, 500, 502, 503, 504):
            raise ValueError("server_error takes status 500, 502, 503 or 504")
        if self.fault is Kind.FORBIDDEN and self.status not in (None, 400, 403, 409, 422):
            raise ValueError("forbidden takes status 400, 403, 409 or 422")
        if self.fault is Kind.NOT_READY and self.status not in (None, 400, 404, 409, 422, 425):
            raise ValueError("not_ready takes status 400, 404, 409, 422 or 425")
        is_of_execution = self.fault in _ENDINGS and isinstance(self.body, dict)
        if self.body is not None and not (is_of_execution or self.fault in _REFUSALS):
            raise ValueError(
                "body exists only for refusals and, as an object, for ends of executions"
            )
        if self.after and self.fault not in _REFUSALS:
            raise ValueError("after exists only for refusals")
        return self

    def concerns(self, operation: str) -> bool:
        """Return whether the fault can befall an operation."""
        named = self.operation in ("*", operation)
        return named and operation in _ONLY_FOR.get(self.fault, OPERATIONS)

    @property
    def befalls_before(self) -> bool:
        """Return whether the request never reaches the service."""
        return self.fault in _BEFORE and not self.after

    @property
    def refuses(self) -> bool:
        """Return whether another answer takes the place of the service's."""
        return self.fault in _REFUSALS or self.fault is Kind.HTML_BODY


_REFUSALS = frozenset(
    {
        Kind.THROTTLE,
        Kind.SERVER_ERROR,
        Kind.UNAUTHORIZED,
        Kind.FORBIDDEN,
        Kind.NOT_FOUND,
        Kind.NOT_READY,
    }
)
_ENDINGS = frozenset({Kind.FAIL_EXECUTION, Kind.REJECT_EXECUTION})
_BEFORE = _REFUSALS | {Kind.TIMEOUT_BEFORE, Kind.RESET_BEFORE, Kind.HTML_BODY}


class Faults:
    """The orders not yet used up, in the order they were given."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []
        self._held: list[Fault] = []
        self._release = asyncio.Event()
        self._chance = random.Random(1)  # noqa: S311  (repeatable, not secret)

    def order(self, fault: Fault) -> None:
        """Add an order behind those that wait."""
        self._orders.append(fault.model_copy())

    def clear(self) -> None:
        """Drop every order and let go what is held."""
        self._orders.clear()
        self._release.set()
        self._release = asyncio.Event()

    def waiting(self) -> list[dict[str, Any]]:
        """Return what is still ordered."""
        return [_shown(one) for one in self._orders]

    def holding(self) -> list[dict[str, Any]]:
        """Return the orders that hold a request just now."""
        return [_shown(one) for one in self._held]

    async def hold(self, fault: Fault) -> None:
        """Hold a request until all orders are dropped."""
        release = self._release
        self._held.append(fault)
        try:
            await release.wait()
        finally:
            self._held = [one for one in self._held if one is not fault]

    def take(self, operation: str, seen: str) -> Fault | None:
        """Return the first order that meets this request, and count it."""
        for fault in self._orders:
            if not fault.concerns(operation) or (fault.matching or "") not in seen:
                continue
            if fault.share < 1 and self._chance.random() >= fault.share:
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
                self._orders = [one for one in self._orders if one is not fault]


def _shown(fault: Fault) -> dict[str, Any]:
    return fault.model_dump(mode="json", exclude_defaults=True)


def injected(request: Request, *kinds: str) -> Fault | None:
    """Return the fault that befalls this request when it is one of these kinds."""
    return injected_in(request.scope, *kinds)


def injected_in(scope: Scope, *kinds: str) -> Fault | None:
    """Return the fault of a scope when it is one of these kinds."""
    fault = scope.get(SCOPE_KEY)
    return fault if isinstance(fault, Fault) and fault.fault in kinds else None
