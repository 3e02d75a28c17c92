"""The settings of the control plane: pace and behaviour."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from amc_emulator.data_sources import DataSourceChange


class ProgressionMode(StrEnum):
    """The pace of executions."""

    AT_ONCE = "at_once"
    PER_POLL = "per_poll"
    PER_SECOND = "per_second"


class Progression(BaseModel):
    """The pace. `polls` counts for per_poll, the seconds for per_second."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: ProgressionMode = ProgressionMode.AT_ONCE
    polls: int = Field(default=3, ge=1)
    pending_seconds: float = Field(default=1.0, ge=0)
    running_seconds: float = Field(default=5.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _check_mode_fields(cls, given: object) -> object:
        uses = {"per_poll": {"polls"}, "per_second": {"pending_seconds", "running_seconds"}}
        if isinstance(given, dict):
            unused = set(given) - {"mode"} - uses.get(str(given.get("mode")), set())
            if unused:
                raise ValueError(f"mode {given.get('mode')!r} does not use {sorted(unused)}")
        return given


class Settings(BaseModel):
    """Behaviour that varies at the real service, or whose details are not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_workflow_id: bool = True
    result_parts: int = Field(default=1, ge=1, le=5)
    link_lifetime_seconds: int = Field(default=600, ge=0)
    access_token_lifetime_seconds: int = Field(default=3600, ge=0)
    undeclared_parameter: Literal["refuse", "reject"] = "refuse"
    max_parameter_chars: int | None = Field(default=None, ge=1)
    max_running: int = Field(default=10, ge=1)
    max_running_per_account: int = Field(default=200, ge=1)
    list_lag_seconds: float = Field(default=0, ge=0)
    cancel_seconds: float = Field(default=0, ge=0)
    csv_escape: Literal["double", "backslash"] = "double"
    ignore_output_format: bool = False
    csv_line_end: Literal["lf", "crlf"] = "lf"
    last_line_end: bool = True
    gzip_parts: Literal["no", "without_header", "with_header"] = "no"
    links_as_objects: bool = False
    # A query sees only what AMC knows when it starts. Without it, all that ever becomes known
    restates: bool = False
    # With `restates`: it sees what AMC knows at this time, whenever it starts
    known_at: AwareDatetime | None = None
    data_sources: tuple[DataSourceChange, ...] = ()
    # Applies to every instance. None: as the file of tenants says
    instance_type: Literal["STANDARD", "SANDBOX"] | None = None
    creation_status: Literal[
        "REQUESTED", "SUBMITTED", "IN_PROGRESS", "COMPLETED", "SUCCEEDED", "FAILED"
    ] = "COMPLETED"
