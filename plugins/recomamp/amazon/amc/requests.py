"""What is asked of AMC, as values: method, path, query and body of every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from recomamp.amazon.amc.account import AmcAccount
from recomamp.amazon.base_client import CLIENT_ID, ApiRequest
from recomamp.amazon.request_paths import path_of
from recomamp.domain.amc_options import NO_CONTROLS
from recomamp.domain.scheduling.cron import load_zone
from recomamp.domain.scheduling.windows import Window, WindowType

AMC_TIMEOUT_SECONDS = 6 * 3600  # of running; AMC's own default
PAGE_SIZE = 100
# Of executions with their queries. Five of the longest queries fit into the limit of an answer,
# also where each character takes three bytes.
WORKFLOW_PAGE_SIZE = 5

# Between our clock and Amazon's: a list since a moment of ours begins so much earlier
LIST_SLACK = timedelta(minutes=5)

# Said rather than left to AMC's default escape, which is unpublished: quotes are doubled, as the
# results' reader expects.
_OUTPUT_FORMAT = {"separatorCharacter": ",", "quoteCharacter": '"', "escapeCharacter": '"'}

_JSON_EXECUTIONS = "application/vnd.amcworkflowexecutions.v1+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewExecution:
    """A query to run once over one window. ``workflow_id`` is the name by which we find it again.

    ``input_parameters`` declares the parameters in AMC's words (name, dataType, defaultValue).
    ``options`` are in AMC's words too, as ``AmcOptions.as_sent`` writes them.
    """

    workflow_id: str
    sql: str
    window: Window
    input_parameters: Sequence[Mapping[str, Any]] = ()
    parameter_values: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: int | None = None
    requires_synthetic_data: bool = False  # as a SANDBOX instance insists
    options: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False  # AMC compiles the query, runs nothing and takes no slot


def account_headers(account: AmcAccount) -> dict[str, str]:
    """Return the headers that every call needs, save Authorization."""
    return {
        CLIENT_ID: account.client_id,
        "Amazon-Advertising-API-AdvertiserId": account.entity_id,
        "Amazon-Advertising-API-MarketplaceId": account.marketplace_id,
    }


def create_execution(instance_id: str, execution: NewExecution) -> ApiRequest:
    """Ask AMC to run a query that travels with the request.

    :raises InvalidDefinition: when the window's time zone is not known.
    """
    return ApiRequest(
        operation="create_execution",
        method="POST",
        path=_path(instance_id, "workflowExecutions"),
        body=execution_body(execution),
        content_type=_JSON_EXECUTIONS,
        repeatable=False,
    )


def execution_body(execution: NewExecution) -> dict[str, Any]:
    """Return the body of the request that creates an execution."""
    workflow: dict[str, Any] = {
        "workflowId": execution.workflow_id,
        "sqlQuery": execution.sql,
        "outputFormat": _OUTPUT_FORMAT,
    }
    options = dict(execution.options)
    disables_controls = options.pop(NO_CONTROLS, False)
    workflow |= options
    if execution.input_parameters:
        workflow["inputParameters"] = [dict(one) for one in execution.input_parameters]
    body: dict[str, Any] = {"workflow": workflow, **_window(execution.window)}
    if execution.parameter_values:
        body["parameterValues"] = dict(execution.parameter_values)
    if execution.timeout_seconds is not None:
        body["workflowExecutionTimeoutSeconds"] = execution.timeout_seconds
    if execution.requires_synthetic_data:
        body["requireSyntheticData"] = True
        if disables_controls:  # with real data AMC would run nothing
            body[NO_CONTROLS] = True
    if execution.dry_run:
        body["dryRun"] = True
    return body


def list_executions(
    instance_id: str,
    *,
    workflow_id: str | None = None,
    min_creation_time: datetime | None = None,
    include_workflow: bool = False,
    next_token: str | None = None,
) -> ApiRequest:
    """List executions, newest first, cancelled ones too.

    AMC insists on a ``workflow_id`` or a ``min_creation_time``.

    :raises ValueError: when neither is given.
    """
    if workflow_id is None and min_creation_time is None:
        raise ValueError("list executions by workflow_id or by min_creation_time")
    wanted = {
        "workflowId": workflow_id,
        "minCreationTime": _wall_time(min_creation_time, UTC) if min_creation_time else None,
        "includeCancelled": "true",
        "includeWorkflow": "true" if include_workflow else None,
        "limit": str(WORKFLOW_PAGE_SIZE if include_workflow else PAGE_SIZE),
        "nextToken": next_token,
    }
    return ApiRequest(
        operation="list_executions",
        method="GET",
        path=_path(instance_id, "workflowExecutions"),
        query=_present(wanted),
    )


def get_execution(instance_id: str, amc_execution_id: str) -> ApiRequest:
    """Ask for one execution."""
    return ApiRequest(
        operation="get_execution",
        method="GET",
        path=_path(instance_id, "workflowExecutions", amc_execution_id),
    )


def cancel_execution(instance_id: str, amc_execution_id: str) -> ApiRequest:
    """Ask AMC to stop one execution. A second time does no harm: AMC says that it has ended."""
    return ApiRequest(
        operation="cancel_execution",
        method="PUT",
        path=_path(instance_id, "workflowExecutions", amc_execution_id),
        body={"status": "CANCELLED"},
        content_type=_JSON_EXECUTIONS,
    )


def download_urls(
    instance_id: str, amc_execution_id: str, *, next_token: str | None = None
) -> ApiRequest:
    """Ask for signed links to the parts of a result; they live ten minutes."""
    return ApiRequest(
        operation="download_urls",
        method="GET",
        path=_path(instance_id, "workflowExecutions", amc_execution_id, "downloadUrls"),
        query=_present({"nextToken": next_token}),
    )


def data_sources(
    instance_id: str, *, next_token: str | None = None, limit: int = PAGE_SIZE
) -> ApiRequest:
    """List the tables that the instance offers."""
    return ApiRequest(
        operation="list_data_sources",
        method="GET",
        path=_path(instance_id, "dataSources"),
        query=_present({"limit": str(limit), "nextToken": next_token}),
    )


def _window(window: Window) -> dict[str, str]:
    if window.type is not WindowType.EXPLICIT:
        return {"timeWindowType": window.type, "timeWindowTimeZone": window.time_zone}
    zone = load_zone(window.time_zone)
    if _is_ambiguous(window.start, zone) or _is_ambiguous(window.end, zone):
        # AMC takes wall time without an offset; a wall time that occurs twice would say too little.
        zone = ZoneInfo("UTC")
    return {
        "timeWindowType": window.type,
        "timeWindowStart": _wall_time(window.start, zone),
        "timeWindowEnd": _wall_time(window.end, zone),
        "timeWindowTimeZone": zone.key,
    }


def _is_ambiguous(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether the zone's wall time at ``moment`` also stands for another moment."""
    local = moment.astimezone(UTC).astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _wall_time(moment: datetime, zone: tzinfo) -> str:
    """Write AMC's ``yyyy-MM-dd'T'HH:mm:ss``: wall time of the zone, no offset, no fraction."""
    # By way of UTC, because a bound may be given as a wall time that its zone skips.
    local = moment.astimezone(UTC).astimezone(zone)
    return local.replace(tzinfo=None).isoformat(timespec="seconds")


def _path(instance_id: str, *parts: str) -> str:
    return path_of("/amc/reporting", instance_id, *parts)


def _present(query: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}
