"""Requests for executions: check one and build the execution, or reject it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import Request

from amc_emulator.emulator import Emulator
from amc_emulator.engine import Query, QueryRejected
from amc_emulator.execution_machine import Execution, Outcome, Status
from amc_emulator.faults import active_fault
from amc_emulator.responses import RequestRejected
from amc_emulator.windows import Window, read_window

MIN_TIMEOUT_SECONDS = 900
MAX_TIMEOUT_SECONDS = 86_400
DEFAULT_TIMEOUT_SECONDS = 21_600
PRIVACY_BEHAVIORS = ("REMOVE_ROWS", "REMOVE_VALUES")
ADDED_COLUMNS = (
    "filteredMetricsDiscriminatorColumn",
    "filteredReasonColumn",
    "distinctUserCountColumn",
)
_WORKFLOW_ID = re.compile(r"[A-Za-z0-9._-]+")


async def create_execution(
    emulator: Emulator, instance_id: str, body: dict[str, Any], request: Request
) -> Execution:
    """Return the execution that a request describes.

    :raises RequestRejected: AMC rejects the request, also where its SQL does not compile.
    """
    workflow = _workflow(emulator, instance_id, body)
    now = emulator.clock.now()
    window = read_window(body, now)
    timeout_seconds = _timeout_seconds(body)
    values = _parameter_values(body, workflow)
    _check_lengths(values, emulator.settings.max_parameter_chars)
    kind = _instance_kind(emulator, instance_id)
    shows_events = body.get("disableAggregationControls") is True
    is_synthetic = kind == "SANDBOX" and body.get("requireSyntheticData") is True
    query = replace(
        engine_query(workflow, window, values, emulator.tenants.datasets(instance_id)),
        aggregation_controls=not (shows_events and is_synthetic),
    )
    outcome = await _compile_outcome(emulator, instance_id, workflow["workflowId"], query)
    # Events of real people are never shown: such a request is a dry run.
    dry_run = _flag(body, "dryRun") or (shows_events and not is_synthetic)
    return Execution(
        sequence=emulator.next_sequence(),
        execution_id=str(uuid.uuid4()),
        instance_id=instance_id,
        workflow_id=workflow["workflowId"],
        query=query,
        window=window,
        created_at=now,
        timeout_seconds=timeout_seconds,
        request={**body, "outputFormat": workflow.get("outputFormat")},
        outcome=outcome or _sandbox_outcome(kind, body) or _injected_outcome(request),
        has_output=not dry_run and not _flag(body, "skipPublish"),
        dry_run=dry_run,
    )


def check_workflow(workflow: dict[str, Any], *, needs_id: bool) -> None:
    """Check the fields of a workflow, saved or embedded.

    :raises RequestRejected: a bad id, no SQL, an unknown privacy behaviour, a bad column name.
    """
    workflow_id = workflow.get("workflowId")
    if needs_id and not workflow_id:
        raise RequestRejected(400, "workflowId must be provided.")
    if workflow_id is not None and not (
        isinstance(workflow_id, str) and _WORKFLOW_ID.fullmatch(workflow_id)
    ):
        raise RequestRejected(
            400,
            f"Invalid workflowId: '{workflow_id}'. Only letters, digits, periods,"
            " dashes and underscores are allowed.",
        )
    if not isinstance(workflow.get("sqlQuery"), str) or not workflow["sqlQuery"].strip():
        raise RequestRejected(400, "Workflow must have a sqlQuery.")
    if workflow.get("privacyFilteringBehavior", PRIVACY_BEHAVIORS[0]) not in PRIVACY_BEHAVIORS:
        raise RequestRejected(
            400, f"Invalid privacyFilteringBehavior: one of {', '.join(PRIVACY_BEHAVIORS)}."
        )
    for field in ADDED_COLUMNS:
        if field in workflow and (not isinstance(workflow[field], str) or not workflow[field]):
            raise RequestRejected(400, f"{field} must be the name of a column.")
    _check_parameters(workflow.get("inputParameters") or [])


def engine_query(
    workflow: dict[str, Any],
    window: Window,
    values: Mapping[str, Any],
    datasets: frozenset[str],
) -> Query:
    """Return the query for the engine, of an instance that subscribes to `datasets`."""
    return Query(
        sql=workflow["sqlQuery"],
        time_window_start=window.start,
        time_window_end=window.end,
        input_parameters=tuple(workflow.get("inputParameters") or ()),
        parameter_values=values,
        privacy_filtering=workflow.get("privacyFilteringBehavior") or PRIVACY_BEHAVIORS[0],
        filtered_metrics_discriminator_column=workflow.get("filteredMetricsDiscriminatorColumn"),
        filtered_reason_column=workflow.get("filteredReasonColumn"),
        distinct_user_count_column=workflow.get("distinctUserCountColumn"),
        datasets=datasets,
    )


def compile_error(workflow_id: str, rejection: QueryRejected) -> RequestRejected:
    """Return the rejection of SQL that does not compile."""
    return RequestRejected(
        400,
        f"Was unable to compile workflow {workflow_id} because it was found to be invalid:"
        f" {rejection}",
    )


def _check_parameters(parameters: object) -> None:
    if not isinstance(parameters, list) or len(parameters) > 100:
        raise RequestRejected(400, "inputParameters must be a list of at most 100 parameters.")
    for one in parameters:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not one["name"]:
            raise RequestRejected(400, "Every input parameter must have a name.")


def _workflow(emulator: Emulator, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
    saved_id, embedded = body.get("workflowId"), body.get("workflow")
    if (saved_id is None) == (embedded is None):
        raise RequestRejected(400, "Exactly one of workflowId and workflow must be provided.")
    if embedded is None:
        saved = emulator.workflows.get(instance_id, {}).get(str(saved_id))
        if saved is None:
            raise RequestRejected(404, f"Workflow with ID {saved_id} does not exist.")
        return saved
    if not isinstance(embedded, dict):
        raise RequestRejected(400, "workflow must be an object.")
    check_workflow(embedded, needs_id=False)
    given_id = embedded.get("workflowId") if emulator.settings.keep_workflow_id else None
    return {**embedded, "workflowId": given_id or f"transient_{uuid.uuid4()}"}


def _timeout_seconds(body: dict[str, Any]) -> int:
    given = body.get("workflowExecutionTimeoutSeconds", DEFAULT_TIMEOUT_SECONDS)
    whole = isinstance(given, int) and not isinstance(given, bool)
    if not whole or not MIN_TIMEOUT_SECONDS <= given <= MAX_TIMEOUT_SECONDS:
        raise RequestRejected(
            400,
            "workflowExecutionTimeoutSeconds must be at least"
            f" {MIN_TIMEOUT_SECONDS} and at most {MAX_TIMEOUT_SECONDS}.",
        )
    return int(given)


def _parameter_values(body: dict[str, Any], workflow: dict[str, Any]) -> dict[str, Any]:
    values = body.get("parameterValues") or {}
    if not isinstance(values, dict):
        raise RequestRejected(400, "parameterValues must be an object.")
    declared = {one["name"] for one in workflow.get("inputParameters") or []}
    unknown = sorted(set(values) - declared)
    if unknown:
        raise RequestRejected(
            400,
            f"parameterValues has values for parameters that workflow {workflow['workflowId']}"
            f" does not declare: {', '.join(unknown)}.",
        )
    return values


def _check_lengths(values: dict[str, Any], limit: int | None) -> None:
    """Reject values longer than the limit. An array counts as its JSON text."""
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if limit is not None and len(text) > limit:
            raise RequestRejected(
                400,
                f"The value of parameter {name} has {len(text)} characters,"
                f" the maximum is {limit}.",
            )


async def _compile_outcome(
    emulator: Emulator, instance_id: str, workflow_id: str, query: Query
) -> Outcome | None:
    try:
        await emulator.compile(instance_id, query)
    except QueryRejected as rejection:
        is_rejected_later = emulator.settings.undeclared_parameter == "reject"
        if is_rejected_later and rejection.undeclared_parameter is not None:
            return Outcome(status=Status.REJECTED, reason=str(rejection))
        raise compile_error(workflow_id, rejection) from rejection
    return None


def _instance_kind(emulator: Emulator, instance_id: str) -> str | None:
    instance = emulator.tenants.instance(instance_id)
    return emulator.settings.instance_type or (instance.kind if instance else None)


def _sandbox_outcome(kind: str | None, body: dict[str, Any]) -> Outcome | None:
    if kind != "SANDBOX" or body.get("requireSyntheticData") is True:
        return None
    return Outcome(
        status=Status.REJECTED,
        reason="requireSyntheticData must be true for executions in sandbox instances.",
    )


def _injected_outcome(request: Request) -> Outcome | None:
    fault = active_fault(request, "fail_execution", "reject_execution", "unknown_status")
    if fault is None:
        return None
    status = {"fail_execution": "FAILED", "reject_execution": "REJECTED"}.get(
        fault.fault.value, str(fault.status or "HIBERNATING")
    )
    status_fields = fault.body if isinstance(fault.body, dict) else None
    return Outcome(
        status=status, reason=fault.reason or _REASONS.get(status, ""), status_fields=status_fields
    )


_REASONS = {
    "FAILED": "The workflow execution failed because of an internal error.",
    "REJECTED": "The workflow execution could not be run because too many workflows have already"
    " been run against the same input data sources in the same or overlapping time windows.",
}


def _flag(body: dict[str, Any], name: str) -> bool:
    given = body.get(name, False)
    if not isinstance(given, bool):
        raise RequestRejected(400, f"{name} must be true or false.")
    return given
