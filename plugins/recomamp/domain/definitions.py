"""Schedules and collections: the rows that become DAGs, and how they are read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from recomamp.domain.amc_options import AmcOptions, PrivacyFiltering
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.restatement import Restatement, read_restatement
from recomamp.domain.row_limits import check_limits
from recomamp.domain.scheduling.cron import Cron, load_zone
from recomamp.domain.scheduling.windows import (
    DEFAULT_COLLECTION_LAG_DAYS,
    DEFAULT_SCHEDULE_LAG_DAYS,
    CollectionWindows,
    ScheduleWindows,
    WindowType,
)
from recomamp.domain.sql.lint import CheckedQuery, check_and_lint
from recomamp.domain.sql.parameters import Parameter, declare, overlay
from recomamp.errors import InvalidDefinition

Row = Mapping[str, Any]
QueryCheck = Callable[[str, Mapping[str, Parameter]], CheckedQuery]

RESERVED_PARAMETERS = frozenset({"window", "timezone"})
_RUN_PARAMETERS = frozenset({"window_start", "window_end"})  # fields of the trigger form
_SCHEDULE_WINDOW_KEYS = frozenset(
    {"lag_days", "lookback_days", "type", "catchup", "restate_days", "restate_threshold"}
)
_COLLECTION_WINDOW_KEYS = frozenset({"lag_days", "restate_days", "restate_threshold"})
_MAX_LAG_DAYS = 366
_MAX_LOOKBACK_DAYS = 400  # AMC keeps 13 months
# Not FAILED: a failed week whose run is deleted runs again, and may complete the collection
_STARTS_NO_WEEK = ("PAUSED", "COMPLETED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """A row of ``workflows`` and the instance it runs on."""

    id: UUID
    name: str
    sql_query: str
    description: str | None
    user_id: UUID
    instance_key: UUID  # the row's UUID; never leaves the database
    instance_id: str  # AMC's own string, such as "amcibersblt"
    instance_name: str
    owner: str
    instance_error: str | None = None  # why nothing works on the instance just now
    findings: tuple[str, ...] = ()  # why AMC may refuse it or find other rows
    options: AmcOptions = field(default_factory=AmcOptions)


class _RunsWorkflow:
    """What a schedule and a collection have from their workflow."""

    __slots__ = ()
    workflow: Workflow

    @property
    def owner(self) -> str:
        """Whose row it is, as the UI shows it."""
        return self.workflow.owner

    @property
    def instance_id(self) -> str:
        """AMC's own string for the instance."""
        return self.workflow.instance_id

    @property
    def workflow_id(self) -> UUID:
        """The row of ``workflows``."""
        return self.workflow.id

    @property
    def workflow_name(self) -> str:
        """How its owner calls the workflow; several may have one name."""
        return self.workflow.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule(_RunsWorkflow):
    """A row of ``workflow_schedules`` that can become a DAG."""

    ref: DefinitionRef
    name: str
    description: str | None
    is_active: bool
    created_at: datetime
    windows: ScheduleWindows
    catchup: bool
    parameters: Mapping[str, Parameter]
    workflow: Workflow
    restatement: Restatement | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection(_RunsWorkflow):
    """A row of ``report_data_collections`` that can become a DAG."""

    ref: DefinitionRef
    name: str
    description: str | None
    is_active: bool
    windows: CollectionWindows
    parameters: Mapping[str, Parameter]
    workflow: Workflow
    restatement: Restatement | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InvalidDefinitionRow:
    """A row that cannot become a running DAG, with what is wrong about it."""

    ref: DefinitionRef
    name: str
    owner: str
    instance_id: str
    error: InvalidDefinition
    workflow_id: UUID | None = None  # None where the row is not even JSON that can be read
    workflow_name: str = ""
    is_waiting: bool = False  # it has not been read yet; nothing is wrong about it so far


Definition = Schedule | Collection | InvalidDefinitionRow


def read_schedule(row: Row, check_query: QueryCheck = check_and_lint) -> Schedule:
    """Read a row of ``workflow_schedules`` joined with its workflow.

    :param check_query: does what ``check_and_lint`` does; reading the query is what costs time.
    :raises InvalidDefinition: naming the table, the column and the row to correct.
    """
    table, key = "workflow_schedules", str(row["id"])
    check_limits(row, table)
    options = _window_options(row, table, _SCHEDULE_WINDOW_KEYS)
    parameters, checked = _parameters(row, table, check_query)
    windows = read_schedule_windows(row)
    _check_relative_window(windows.type, checked.window_names, key)
    return Schedule(
        ref=DefinitionRef(DefinitionKind.SCHEDULE, UUID(key)),
        name=row["name"],
        description=row["description"],
        is_active=bool(row["is_active"]),
        created_at=row["created_at"],
        windows=windows,
        catchup=_flag(options, "catchup", table, key),
        restatement=_restatement(options, windows.type, windows.lag_days, table, key),
        parameters=parameters,
        workflow=_workflow(row, checked, windows.time_zone),
    )


def read_schedule_windows(row: Row) -> ScheduleWindows:
    """Read the windows alone of a row of ``workflow_schedules``, without its workflow.

    :raises InvalidDefinition: naming the column to correct.
    """
    table, key = "workflow_schedules", str(row["id"])
    options = _window_options(row, table, _SCHEDULE_WINDOW_KEYS)
    return ScheduleWindows(
        cron=_cron(row),
        lag_days=_days(options, "lag_days", DEFAULT_SCHEDULE_LAG_DAYS, table, key),
        lookback_days=_lookback(options, table, key),
        type=_window_type(options, table, key),
    )


def read_collection(row: Row, check_query: QueryCheck = check_and_lint) -> Collection:
    """Read a row of ``report_data_collections`` joined with its workflow.

    :param check_query: does what ``check_and_lint`` does; reading the query is what costs time.
    :raises InvalidDefinition: naming the table, the column and the row to correct.
    """
    table, key = "report_data_collections", str(row["id"])
    check_limits(row, table)
    windows = read_collection_windows(row)
    options = _window_options(row, table, _COLLECTION_WINDOW_KEYS)
    parameters, checked = _parameters(row, table, check_query)
    return Collection(
        ref=DefinitionRef(DefinitionKind.COLLECTION, UUID(key)),
        name=row["name"],
        description=row["description"],
        is_active=row["status"] not in _STARTS_NO_WEEK,
        windows=windows,
        restatement=_restatement(options, windows.type, windows.lag_days, table, key),
        parameters=parameters,
        workflow=_workflow(row, checked, windows.time_zone),
    )


def read_collection_windows(row: Row) -> CollectionWindows:
    """Read the weeks alone of a row of ``report_data_collections``, without its workflow.

    :raises InvalidDefinition: naming the column to correct.
    """
    table, key = "report_data_collections", str(row["id"])
    options = _window_options(row, table, _COLLECTION_WINDOW_KEYS)
    if row["end_date"] < row["start_date"]:
        raise InvalidDefinition("lies before start_date", table=table, column="end_date", key=key)
    return CollectionWindows(
        start_date=row["start_date"],
        end_date=row["end_date"],
        time_zone=_collection_zone(row),
        lag_days=_days(options, "lag_days", DEFAULT_COLLECTION_LAG_DAYS, table, key),
    )


def read_options(row: Row) -> AmcOptions:
    """Read the options of a workflow. A snapshot may be older than their columns.

    :raises InvalidDefinition: when the query uses a name of the columns that count hidden rows.
    """
    options = AmcOptions(
        privacy_filtering=PrivacyFiltering(
            row.get("privacy_filtering") or PrivacyFiltering.REMOVE_ROWS
        ),
        counts_hidden_rows=bool(row.get("counts_hidden_rows")),
        disable_aggregation_controls=bool(row.get("disable_aggregation_controls")),
    )
    if name := options.find_reserved_name(row["sql_query"]):
        raise InvalidDefinition(
            f"the name {name} is that of a column which counts_hidden_rows adds; give it another "
            "one, or set counts_hidden_rows to false",
            table="workflows",
            column="sql_query",
            key=str(row["workflow_id"]),
        )
    return options


def _workflow(row: Row, checked: CheckedQuery, time_zone: str) -> Workflow:
    options = read_options(row)
    return Workflow(
        id=UUID(str(row["workflow_id"])),
        name=row["workflow_name"],
        sql_query=row["sql_query"],
        description=row["workflow_description"],
        user_id=UUID(str(row["user_id"])),
        instance_key=UUID(str(row["instance_key"])),
        instance_id=row["instance_id"],
        instance_name=row["instance_name"],
        owner=row["owner"],
        # A snapshot may be older than these two columns
        instance_error=row.get("instance_error"),
        findings=(
            *(row.get("findings") or ()),
            *options.findings(row.get("instance_type")),
            *checked.findings_in(load_zone(time_zone)),
        ),
        options=options,
    )


def _cron(row: Row) -> Cron:
    place = {"table": "workflow_schedules", "key": str(row["id"])}
    zone = row["timezone"] or "UTC"
    try:
        load_zone(zone)
    except InvalidDefinition as err:
        raise err.at(column="timezone", **place) from err
    cron = Cron(row["cron_expression"], zone)
    try:
        cron.require_tick()
    except InvalidDefinition as err:
        raise err.at(column="cron_expression", **place) from err
    return cron


def _collection_zone(row: Row) -> str:
    table, key = "report_data_collections", str(row["id"])
    zone = str(_object(row["parameters"], table, key).get("timezone", "UTC"))
    try:
        load_zone(zone)
    except InvalidDefinition as err:
        raise err.at(table=table, column="parameters.timezone", key=key) from err
    return zone


def _parameters(
    row: Row, table: str, check_query: QueryCheck
) -> tuple[dict[str, Parameter], CheckedQuery]:
    """Overlay the workflow's parameters with the row's own and check that the query takes them."""
    workflow_key, key = str(row["workflow_id"]), str(row["id"])
    try:
        declared = declare(_object(row["workflow_parameters"], "workflows", workflow_key))
    except InvalidDefinition as err:
        raise err.at(table="workflows", column="parameters", key=workflow_key) from err
    if reserved := sorted(declared.keys() & (RESERVED_PARAMETERS | _RUN_PARAMETERS)):
        raise InvalidDefinition(
            f"the name {reserved[0]!r} is the pipeline's own; give the parameter another one",
            table="workflows",
            column="parameters",
            key=workflow_key,
        )
    own = {
        name: value
        for name, value in _object(row["parameters"], table, key).items()
        if name not in RESERVED_PARAMETERS
    }
    try:
        parameters = overlay(declared, own)
    except InvalidDefinition as err:
        raise err.at(table=table, column="parameters", key=key) from err
    try:
        checked = check_query(row["sql_query"], parameters)
    except InvalidDefinition as err:
        raise err.at(table="workflows", column="sql_query", key=workflow_key) from err
    return parameters, checked


def _object(value: Any, table: str, key: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidDefinition("is not a JSON object", table=table, column="parameters", key=key)
    return value


def _window_options(row: Row, table: str, known: frozenset[str]) -> Mapping[str, Any]:
    key = str(row["id"])
    options = _object(row["parameters"], table, key).get("window", {})
    place = {"table": table, "column": "parameters.window", "key": key}
    if not isinstance(options, Mapping):
        raise InvalidDefinition('is not a JSON object such as {"lag_days": 2}', **place)
    if unknown := sorted(set(options) - known):
        raise InvalidDefinition(
            f"unknown {unknown[0]!r}; known: {', '.join(sorted(known))}", **place
        )
    return options


def _days(options: Mapping[str, Any], name: str, default: int, table: str, key: str) -> int:
    days = options.get(name, default)
    if type(days) is not int or not 0 <= days <= _MAX_LAG_DAYS:
        raise InvalidDefinition(
            f"{days!r} is not a whole number of days from 0 to {_MAX_LAG_DAYS}",
            table=table,
            column=f"parameters.window.{name}",
            key=key,
        )
    return days


def _lookback(options: Mapping[str, Any], table: str, key: str) -> int | None:
    days = options.get("lookback_days")
    if days is not None and (type(days) is not int or not 1 <= days <= _MAX_LOOKBACK_DAYS):
        raise InvalidDefinition(
            f"{days!r} is not a whole number of days from 1 to {_MAX_LOOKBACK_DAYS}",
            table=table,
            column="parameters.window.lookback_days",
            key=key,
        )
    return days


def _restatement(
    options: Mapping[str, Any], word: WindowType, lag_days: int, table: str, key: str
) -> Restatement | None:
    is_explicit = word is WindowType.EXPLICIT
    try:
        return read_restatement(options, is_explicit=is_explicit, lag_days=lag_days)
    except ValueError as err:
        raise InvalidDefinition(str(err), table=table, column="parameters.window", key=key) from err


def _check_relative_window(word: WindowType, window_names: frozenset[str], key: str) -> None:
    """Refuse a query that wants dates of a window that AMC itself chooses."""
    if word is not WindowType.EXPLICIT and window_names:
        raise InvalidDefinition(
            f"with {word} AMC chooses the window, so the query cannot use {min(window_names)}",
            table="workflow_schedules",
            column="parameters.window.type",
            key=key,
        )


def _window_type(options: Mapping[str, Any], table: str, key: str) -> WindowType:
    word = options.get("type", WindowType.EXPLICIT)
    try:
        return WindowType(word)
    except ValueError as err:
        raise InvalidDefinition(
            f"{word!r} is not one of {', '.join(WindowType)}",
            table=table,
            column="parameters.window.type",
            key=key,
        ) from err


def _flag(options: Mapping[str, Any], name: str, table: str, key: str) -> bool:
    value = options.get(name, False)
    if not isinstance(value, bool):
        raise InvalidDefinition(
            f"{value!r} is neither true nor false",
            table=table,
            column=f"parameters.window.{name}",
            key=key,
        )
    return value
