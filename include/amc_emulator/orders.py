"""Reading a request for an execution and turning it into one, or refusing it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from amc_emulator.answers import Refused
from amc_emulator.emulator import Emulator
from amc_emulator.engine import Query, QueryRefused
from amc_emulator.faults import injected
from amc_emulator.state import Execution, Fate, Status
from amc_emulator.windows import Window, read_window

SHORTEST_TIMEOUT_SECONDS = 900
LONGEST_TIMEOUT_SECONDS = 86_400
DEFAULT_TIMEOUT_SECONDS = 21_600
PRIVACY = ("REMOVE_ROWS", "REMOVE_VALUES")
_WORKFLOW_ID = re.compile(r"[A-Za-z0-9._-]+")


async def place_order(
    emulator: Emulator, instance_id: str, body: dict[str, Any], request: Request
) -> Execution:
    """Return the execution a creation request describes.

    :raises Refused: anything AMC refuses, SQL that does not compile included.
    """
    workflow = _workflow(emulator, instance_id, body)
    now = emulator.clock.now()
    window = read_window(body, now)
    timeout_seconds = _timeout_seconds(body)
    values = _parameter_values(body, workflow)
    _check_lengths(values, emulator.settings.max_parameter_chars)
    query = query_of(workflow, window, values)
    fate = await _compiled(emulator, instance_id, workflow["workflowId"], query)
    dry_run = _flag(body, "dryRun")
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
        fate=fate or _sandboxed(emulator, instance_id, body) or _ordered_fate(request),
        leaves_output=not dry_run and not _flag(body, "skipPublish"),
        dry_run=dry_run,
    )


def check_workflow(workflow: dict[str, Any], *, needs_id: bool) -> None:
    """Check the fields of a workflow, saved or embedded.

    :raises Refused: a bad id, no SQL, an unknown privacy word.
    """
    workflow_id = workflow.get("workflowId")
    if needs_id and not workflow_id:
        raise Refused(400, "workflowId must be provided.")
    if workflow_id is not None and not (
        isinstance(workflow_id, str) and _WORKFLOW_ID.fullmatch(workflow_id)
    ):
        raise Refused(
            400,
            f"Invalid workflowId: '{workflow_id}'. Only letters, digits, periods,"
            " dashes and underscores are allowed.",
        )
    if not isinstance(workflow.get("sqlQuery"), str) or not workflow["sqlQuery"].strip():
        raise Refused(400, "Workflow must have a sqlQuery.")
    if workflow.get("privacyFilteringBehavior", PRIVACY[0]) not in PRIVACY:
        raise Refused(400, f"Invalid privacyFilteringBehavior: one of {', '.join(PRIVACY)}.")
    _check_parameters(workflow.get("inputParameters") or [])


def query_of(workflow: dict[str, Any], window: Window, values: Mapping[str, Any]) -> Query:
    """Return what the engine is to run."""
    return Query(
        sql=workflow["sqlQuery"],
        time_window_start=window.start,
        time_window_end=window.end,
        input_parameters=tuple(workflow.get("inputParameters") or ()),
        parameter_values=values,
        privacy_filtering=workflow.get("privacyFilteringBehavior") or PRIVACY[0],
        filtered_metrics_discriminator_column=workflow.get("filteredMetricsDiscriminatorColumn"),
    )


def uncompiled(workflow_id: str, refused: QueryRefused) -> Refused:
    """Return the refusal of SQL that does not compile."""
    return Refused(
        400,
        f"Was unable to compile workflow {workflow_id} because it was found to be invalid:"
        f" {refused}",
    )


def _check_parameters(parameters: object) -> None:
    if not isinstance(parameters, list) or len(parameters) > 100:
        raise Refused(400, "inputParameters must be a list of at most 100 parameters.")
    for one in parameters:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not one["name"]:
            raise Refused(400, "Every input parameter must have a name.")


def _workflow(emulator: Emulator, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
    saved_id, embedded = body.get("workflowId"), body.get("workflow")
    if (saved_id is None) == (embedded is None):
        raise Refused(400, "Exactly one of workflowId and workflow must be provided.")
    if embedded is None:
        saved = emulator.workflows.get(instance_id, {}).get(str(saved_id))
        if saved is None:
            raise Refused(404, f"Workflow with ID {saved_id} does not exist.")
        return saved
    if not isinstance(embedded, dict):
        raise Refused(400, "workflow must be an object.")
    check_workflow(embedded, needs_id=False)
    given_id = embedded.get("workflowId") if emulator.settings.keep_workflow_id else None
    return {**embedded, "workflowId": given_id or f"transient_{uuid.uuid4()}"}


def _timeout_seconds(body: dict[str, Any]) -> int:
    given = body.get("workflowExecutionTimeoutSeconds", DEFAULT_TIMEOUT_SECONDS)
    whole = isinstance(given, int) and not isinstance(given, bool)
    if not whole or not SHORTEST_TIMEOUT_SECONDS <= given <= LONGEST_TIMEOUT_SECONDS:
        raise Refused(
            400,
            "workflowExecutionTimeoutSeconds must be at least"
            f" {SHORTEST_TIMEOUT_SECONDS} and at most {LONGEST_TIMEOUT_SECONDS}.",
        )
    return int(given)


def _parameter_values(body: dict[str, Any], workflow: dict[str, Any]) -> dict[str, Any]:
    values = body.get("parameterValues") or {}
    if not isinstance(values, dict):
        raise Refused(400, "parameterValues must be an object.")
    declared = {one["name"] for one in workflow.get("inputParameters") or []}
    unknown = sorted(set(values) - declared)
    if unknown:
        raise Refused(
            400,
            f"parameterValues has values for parameters that workflow {workflow['workflowId']}"
            f" does not declare: {', '.join(unknown)}.",
        )
    return values


def _check_lengths(values: dict[str, Any], most: int | None) -> None:
    """Refuse long values where the setting says so; an array counts as its JSON text."""
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if most is not None and len(text) > most:
            raise Refused(
                400,
                f"The value of parameter {name} has {len(text)} characters, the maximum is {most}.",
            )


async def _compiled(
    emulator: Emulator, instance_id: str, workflow_id: str, query: Query
) -> Fate | None:
    try:
        await emulator.compile(instance_id, query)
    except QueryRefused as refused:
        late = emulator.settings.undeclared_parameter == "reject"
        if late and refused.undeclared_parameter is not None:
            return Fate(status=Status.REJECTED, reason=str(refused))
        raise uncompiled(workflow_id, refused) from refused
    return None


def _sandboxed(emulator: Emulator, instance_id: str, body: dict[str, Any]) -> Fate | None:
    instance = emulator.tenants.instance(instance_id)
    kind = emulator.settings.instance_type or (instance and instance.kind)
    if kind != "SANDBOX" or body.get("requireSyntheticData") is True:
        return None
    return Fate(
        status=Status.REJECTED,
        reason="requireSyntheticData must be true for executions in sandbox instances.",
    )


def _ordered_fate(request: Request) -> Fate | None:
    fault = injected(request, "fail_execution", "reject_execution", "unknown_status")
    if fault is None:
        return None
    status = {"fail_execution": "FAILED", "reject_execution": "REJECTED"}.get(
        fault.fault.value, str(fault.status or "HIBERNATING")
    )
    said = fault.body if isinstance(fault.body, dict) else None
    return Fate(status=status, reason=fault.reason or _REASONS.get(status, ""), said=said)


_REASONS = {
    "FAILED": "The workflow execution failed because of an internal error.",
    "REJECTED": "The workflow execution could not be run because too many workflows have already"
    " been run against the same input data sources in the same or overlapping time windows.",
}


def _flag(body: dict[str, Any], name: str) -> bool:
    given = body.get(name, False)
    if not isinstance(given, bool):
        raise Refused(400, f"{name} must be true or false.")
    return given
