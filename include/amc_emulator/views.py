"""How an execution looks on the wire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from amc_emulator.clock import stamp, stamp_milliseconds
from amc_emulator.engine import OutputColumn
from amc_emulator.state import Execution, Output, Status

_ECHOED = ("requireSyntheticData", "advertisers", "maxCertifiedTime", "maxDimensionTime")


def execution_view(execution: Execution, *, with_workflow: bool = False) -> dict[str, Any]:
    """Return the flat object AMC answers with, keys in its (alphabetical) order."""
    view = _always(execution) | _window(execution)
    view |= {name: execution.request[name] for name in _ECHOED if name in execution.request}
    view |= _reason(execution)
    if execution.status is Status.SUCCEEDED:
        view |= _success(execution)
    if with_workflow:
        view["sqlQuery"] = execution.query.sql
    return dict(sorted(view.items()))


def _always(execution: Execution) -> dict[str, Any]:
    created = execution.created_at
    return {
        "createTime": stamp(created),
        "dataGaps": [],
        "disableAggregationControls": bool(execution.request.get("disableAggregationControls")),
        "executionCategory": "AD_HOC",
        "expireTime": stamp(created + timedelta(hours=24)),
        "ignoreDataGaps": bool(execution.request.get("ignoreDataGaps")),
        "lastUpdatedTime": stamp(execution.updated_at or created),
        "parameterValues": execution.request.get("parameterValues") or {},
        "status": _shown_status(execution),
        "waitUntil": stamp(created - timedelta(hours=1)),
        "workflowExecutionId": execution.execution_id,
        "workflowExecutionTimeoutSeconds": execution.timeout_seconds,
        "workflowId": execution.workflow_id,
    }


def _shown_status(execution: Execution) -> str:
    """Return the status, or the odd word a running execution was made to show."""
    fate = execution.fate
    if fate and execution.status is Status.RUNNING and fate.status not in frozenset(Status):
        return fate.status
    return execution.status.value


def _reason(execution: Execution) -> dict[str, Any]:
    """Return why it ended, as ordered where it ended as ordered."""
    fate = execution.fate
    if fate and fate.said and execution.status.is_terminal and execution.status == fate.status:
        return fate.said
    return {"statusReason": execution.reason} if execution.reason else {}


def _window(execution: Execution) -> dict[str, Any]:
    window = execution.window
    if window.kind != "EXPLICIT" and execution.status is Status.PENDING:
        return {}
    return {
        "timeWindowStart": stamp(window.start),
        "timeWindowEnd": stamp(window.end),
        "timeWindowStartOriginal": window.local(window.start),
        "timeWindowEndOriginal": window.local(window.end),
        "timeWindowTimeZoneOriginal": window.zone,
    }


def _success(execution: Execution) -> dict[str, Any]:
    began = execution.started_at or execution.created_at
    ended = execution.ended_at or began
    return {
        "availableTimeBeforeWindowSecs": 0,
        "executionTime": max(0, round((ended - began).total_seconds())),
        "invalidationOffsetSecs": 266400,
        "outputS3URI": "N/A",
        "validatedTime": stamp_milliseconds(began),
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
