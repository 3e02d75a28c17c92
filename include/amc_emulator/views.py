"""The JSON of an execution."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from amc_emulator.clock import format_time, format_time_ms
from amc_emulator.engine import OutputColumn
from amc_emulator.execution_machine import Execution, Output, Status

_REQUEST_FIELDS = ("requireSyntheticData", "advertisers", "maxCertifiedTime", "maxDimensionTime")


def execution_view(execution: Execution, *, with_workflow: bool = False) -> dict[str, Any]:
    """Return the flat object AMC answers with, keys in its (alphabetical) order."""
    view = _common_fields(execution) | _window_fields(execution)
    view |= {name: execution.request[name] for name in _REQUEST_FIELDS if name in execution.request}
    view |= {"dryRun": True} if execution.dry_run else {}
    view |= _reason_fields(execution)
    if execution.status is Status.SUCCEEDED:
        view |= _result_fields(execution)
    if with_workflow:
        view["sqlQuery"] = execution.query.sql
    return dict(sorted(view.items()))


def _common_fields(execution: Execution) -> dict[str, Any]:
    created = execution.created_at
    return {
        "createTime": format_time(created),
        "dataGaps": [],
        "disableAggregationControls": bool(execution.request.get("disableAggregationControls")),
        "executionCategory": "AD_HOC",
        "expireTime": format_time(created + timedelta(hours=24)),
        "ignoreDataGaps": bool(execution.request.get("ignoreDataGaps")),
        "lastUpdatedTime": format_time(execution.updated_at or created),
        "parameterValues": execution.request.get("parameterValues") or {},
        "status": _shown_status(execution),
        "waitUntil": format_time(created - timedelta(hours=1)),
        "workflowExecutionId": execution.execution_id,
        "workflowExecutionTimeoutSeconds": execution.timeout_seconds,
        "workflowId": execution.workflow_id,
    }


def _shown_status(execution: Execution) -> str:
    """Return the status, or the unknown one that a fault gave a running execution."""
    outcome = execution.outcome
    if outcome and execution.status is Status.RUNNING and outcome.status not in frozenset(Status):
        return outcome.status
    return execution.status.value


def _reason_fields(execution: Execution) -> dict[str, Any]:
    """Return the reason of the end, or the fields that a fault asked for."""
    outcome = execution.outcome
    if (
        outcome
        and outcome.status_fields
        and execution.status.is_terminal
        and execution.status == outcome.status
    ):
        return outcome.status_fields
    return {"statusReason": execution.reason} if execution.reason else {}


def _window_fields(execution: Execution) -> dict[str, Any]:
    window = execution.window
    if window.kind != "EXPLICIT" and execution.status is Status.PENDING:
        return {}
    return {
        "timeWindowStart": format_time(window.start),
        "timeWindowEnd": format_time(window.end),
        "timeWindowStartOriginal": window.local(window.start),
        "timeWindowEndOriginal": window.local(window.end),
        "timeWindowTimeZoneOriginal": window.zone,
    }


def _result_fields(execution: Execution) -> dict[str, Any]:
    began = execution.started_at or execution.created_at
    ended = execution.ended_at or began
    return {
        "availableTimeBeforeWindowSecs": 0,
        "executionTime": max(0, round((ended - began).total_seconds())),
        "invalidationOffsetSecs": 266400,
        "outputS3URI": "N/A",
        "validatedTime": format_time_ms(began),
        **({"outputColumns": _columns(execution.output)} if execution.output else {}),
    }


def _columns(output: Output) -> list[dict[str, Any]]:
    return [_column(one) for one in output.columns]


def _column(column: OutputColumn) -> dict[str, Any]:
    view: dict[str, Any] = {
        "columnType": column.column_type,
        "dataType": column.data_type,
        "name": column.name,
    }
    if column.precision is not None:
        view |= {"precision": column.precision, "scale": column.scale or 0}
    return view
