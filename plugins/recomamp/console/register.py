"""Registering and editing: the forms of workflows, schedules and collections.

A form writes the row that its analyst could write. While somebody types, the pipeline's own checks
read the row, and the database tries it in a transaction that is rolled back.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg2
from fastapi import APIRouter, HTTPException, status
from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from recomamp.console.access import EDIT, QUERY, CurrentVisitor, Visitor, not_found, require_row
from recomamp.console.database import ConsoleDatabase, Database, refusal_of
from recomamp.console.forms import (
    CollectionForm,
    Form,
    ScheduleForm,
    WorkflowForm,
    definition_row,
    parameter_fields,
    shown_definition,
    shown_workflow,
)
from recomamp.domain.definitions import Collection, read_collection, read_options, read_schedule
from recomamp.domain.dry_runs import with_samples
from recomamp.domain.scheduling.windows import CollectionWindows
from recomamp.domain.sql import binding
from recomamp.domain.sql.lint import check_and_lint
from recomamp.domain.sql.parameters import declare
from recomamp.domain.sql.schema_check import Table, find_missing
from recomamp.errors import DatabaseBusy, InvalidDefinition
from recomamp.pipeline.settings import are_dry_runs_on
from recomamp.store.data_sources import select_instance_tables
from recomamp.store.statements import Row, fetch_all, fetch_one, limit_lock_waits

log = logging.getLogger(__name__)

router = APIRouter(prefix="/register")

Kind = Literal["workflow", "schedule", "collection"]

SELECT: dict[Kind, str] = {
    "workflow": "console/select_form_workflow",
    "schedule": "console/select_form_schedule",
    "collection": "console/select_form_collection",
}
INSERT: dict[Kind, str] = {
    "workflow": "console/insert_workflow",
    "schedule": "console/insert_schedule",
    "collection": "console/insert_collection",
}
UPDATE: dict[Kind, str] = {
    "workflow": "console/update_workflow",
    "schedule": "console/update_schedule",
    "collection": "console/update_collection",
}

MOST_DAGS = 500  # of a workflow, of which each is asked about in Airflow
# A trial holds the owner's quotas for as long as it lasts, and waits for others no longer than this
TRIAL_WAIT = timedelta(milliseconds=500)

CHANGED_SINCE = "somebody has changed the row since you opened it; reload the page and change it"
TRIED_LATER = "the database could not try the row just now; saving it checks it again"

_PLACE = re.compile(r"line (\d+), column (\d+)")


@router.get("/instances")
def instances(visitor: CurrentVisitor, database: Database) -> list[Row]:
    """Return the instances that a new row may be on."""
    visitor.require_edit_all()
    with database.read() as connection:
        return fetch_all(connection, "console/select_form_instances", instance_id=None)


@router.get("/workflows")
def workflows(visitor: CurrentVisitor, database: Database, text: str = "") -> list[Row]:
    """Return workflows whose name has the text, at most 50."""
    visitor.require_edit_all()
    pattern = re.sub(r"([\\%_])", r"\\\1", text[:200])
    with database.read() as connection:
        return fetch_all(connection, "console/select_form_workflows", pattern=f"%{pattern}%")


@router.get("/workflow/{row_id}/answers")
def answers(row_id: UUID, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Return what AMC says of a saved workflow in its dry runs."""
    with database.read() as connection:
        workflow = _row(connection, "workflow", row_id)
        found = fetch_all(connection, "console/select_amc_answers", workflow_id=row_id)
    _require_edit(visitor, workflow)
    return {"dry_runs_on": are_dry_runs_on(), "answers": found}


@router.get("/{kind}/{row_id}")
def row(kind: Kind, row_id: UUID, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Return a row as its form shows it, a definition with the parameters of its workflow."""
    with database.read() as connection:
        found = _row(connection, kind, row_id)
        is_workflow = kind == "workflow"
        workflow = found if is_workflow else _row(connection, "workflow", found["workflow_id"])
    _require_edit(visitor, found)
    if is_workflow:
        return shown_workflow(found)
    return {
        **shown_definition(found, workflow),
        "workflow": {
            **{name: workflow[name] for name in ("id", "name", "instance_name", "owner")},
            "parameters": parameter_fields(workflow["parameters"]),
        },
    }


@router.post("/check")
def check(
    form: Form, visitor: CurrentVisitor, database: Database, row_id: UUID | None = None
) -> dict[str, Any]:
    """Return what is wrong with a row before it is saved, and a preview of its windows.

    :param row_id: the row that the form changes, None for a new one.
    """
    parent, owner_id = _parent(database, visitor, form, row_id)
    if isinstance(form, WorkflowForm):
        answer = _check_workflow(form, parent)
    else:
        answer = _check_definition(form, parent, row_id)
    _try(database, visitor, form, parent, owner_id, row_id, answer)
    if isinstance(form, ScheduleForm):
        answer["ticks"] = _preview(database, form, parent)
    return answer


@router.post("", status_code=status.HTTP_201_CREATED)
def insert(form: Form, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Insert a row as the owner of its instance or workflow."""
    return _save(form, visitor, database, None)


@router.put("/{row_id}")
def update(row_id: UUID, form: Form, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Change a row as its owner; 409 where it has changed since the form was opened."""
    return _save(form, visitor, database, row_id)


def _try(
    database: ConsoleDatabase,
    visitor: Visitor,
    form: Form,
    parent: Row,
    owner_id: UUID,
    row_id: UUID | None,
    answer: dict[str, Any],
) -> None:
    """Let the database check the row, and add what it says to the answer."""
    tables: dict[str, Table] = {}
    try:
        with database.try_as(owner_id, visitor.id) as connection:
            if isinstance(form, WorkflowForm):
                tables = select_instance_tables(connection, form.instance_id)
            limit_lock_waits(connection, TRIAL_WAIT)
            if _write(connection, form, parent, owner_id, row_id) is None:
                answer["problems"].append(_problem(CHANGED_SINCE))
    except (DatabaseBusy, LockNotAvailable):
        answer["findings"].append(_problem(TRIED_LATER))
    except psycopg2.Error as err:
        if (refusal := refusal_of(err)) is None:
            raise
        # The pipeline's words about the same column name the part of it
        if refusal["column"] not in {one["column"].partition(".")[0] for one in answer["problems"]}:
            answer["problems"].append(_problem(refusal["detail"], refusal["column"]))
    # Without a connection: a long query takes seconds to parse
    if isinstance(form, WorkflowForm) and tables:
        answer["findings"] += _schema_findings(form, tables)


def _save(form: Form, visitor: Visitor, database: Database, row_id: UUID | None) -> dict[str, Any]:
    parent, owner_id = _parent(database, visitor, form, row_id)
    with database.write_as(owner_id) as connection:
        saved = _write(connection, form, parent, owner_id, row_id)
    if saved is None:
        raise HTTPException(status.HTTP_409_CONFLICT, CHANGED_SINCE)
    log.info("%s saved the %s %s of user %s", visitor.id, form.kind, saved["id"], owner_id)
    return saved


def _write(
    connection: Connection, form: Form, parent: Row, owner_id: UUID, row_id: UUID | None
) -> Row | None:
    statement = (UPDATE if row_id else INSERT)[form.kind]
    columns = {**form.columns(parent), "user_id": owner_id, "row_id": row_id}
    try:
        return fetch_one(connection, statement, **columns)
    except ValueError as err:  # psycopg2 does not send the character NUL
        problem = f"The row cannot be stored: {err}"
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, problem) from err


def _parent(
    database: ConsoleDatabase, visitor: Visitor, form: Form, row_id: UUID | None
) -> tuple[Row, UUID]:
    """Return the instance or workflow that a row belongs to, and the user who owns the row.

    A row moves to another workflow or instance only by who may see all of them.
    """
    with database.read() as connection:
        before = _row(connection, form.kind, row_id) if row_id else None
        parent = (
            fetch_one(connection, "console/select_form_instances", instance_id=form.instance_id)
            if isinstance(form, WorkflowForm)
            else fetch_one(connection, SELECT["workflow"], row_id=form.workflow_id)
        )
    if before is not None:
        _require_edit(visitor, before)
    moved = ("workflow_id", "instance_id")
    if before is None or any(
        before[name] != getattr(form, name) for name in moved if name in type(form).model_fields
    ):
        visitor.require_edit_all()
    found = require_row(parent)  # only who may change the row hears that its parent is missing
    return found, (before or found)["user_id"]


def _row(connection: Connection, kind: Kind, row_id: UUID) -> Row:
    return require_row(fetch_one(connection, SELECT[kind], row_id=row_id))


def _require_edit(visitor: Visitor, row: Row) -> None:
    """Refuse a visitor who may not change a row.

    A workflow has many DAGs, and Airflow may take long over each. So no connection is held here.
    """
    dag_ids = row.pop("dag_ids") if "dag_ids" in row else [row["dag_id"]]
    if visitor.may_edit_all:
        visitor.require_read_all(QUERY)
        return
    if not 0 < len(dag_ids) <= MOST_DAGS:
        raise not_found()
    for dag_id in dag_ids:
        visitor.require_read(dag_id, QUERY)
        visitor.require(EDIT, dag_id)


def _problem(message: str, column: str | None = None) -> dict[str, Any]:
    """Return a message for the field of a column, and the place in the query that it names."""
    place = _PLACE.search(message)
    return {
        "column": column or None,
        "message": message,
        "line": int(place[1]) if place else None,
        "position": int(place[2]) if place else None,
    }


def _check_workflow(form: WorkflowForm, instance: Row) -> dict[str, Any]:
    """Check a query with sample values for parameters that have none, as a dry run does."""
    problems: list[dict[str, Any]] = []
    findings: list[str] = []
    column = "sql_query"
    try:
        form.parameters = form.with_placeholders().parameters
        column = "parameters"
        declared = declare(form.stored_parameters())
        column = "sql_query"
        options = read_options({**form.model_dump(), "workflow_id": ""})
        binding.check(form.sql_query, with_samples(declared)[0])
        findings += options.findings(instance["instance_type"])
        optional = {name: replace(one, required=False) for name, one in declared.items()}
        findings += check_and_lint(form.sql_query, optional).findings
    except InvalidDefinition as err:
        problems.append(_problem(str(err), column))
    return {
        "parameters": form.parameters,
        "problems": problems,
        "findings": [_problem(one, "sql_query") for one in findings],
    }


def _check_definition(
    form: ScheduleForm | CollectionForm, workflow: Row, row_id: UUID | None
) -> dict[str, Any]:
    """Read the row as the generator of DAGs would."""
    made = definition_row(form, workflow, row_id)
    try:
        read = (read_schedule if isinstance(form, ScheduleForm) else read_collection)(made)
    except InvalidDefinition as err:
        is_own = err.table != "workflows"
        return {
            "problems": [_problem(str(err), err.column if is_own else "workflow_id")],
            "findings": [],
        }
    answer: dict[str, Any] = {
        "problems": [],
        "findings": [_problem(one, "workflow_id") for one in read.workflow.findings],
    }
    if isinstance(read, Collection):
        answer["weeks"] = _weeks(read.windows, datetime.now(UTC))
    return answer


def _weeks(windows: CollectionWindows, now: datetime) -> dict[str, Any]:
    """Return how many weeks a collection has, and how many may run at once."""
    first, last = windows.week(0), windows.week(len(windows) - 1)
    return {
        "count": len(windows),
        "settled": sum(week.due_at <= now for week in windows),
        "time_zone": windows.time_zone,
        "first": {"start": first.window.start, "end": first.window.end},
        "last": {"start": last.window.start, "end": last.window.end},
        "last_due_at": last.due_at,
    }


def _schema_findings(form: WorkflowForm, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Find tables and columns that the instance does not have."""
    try:
        declared = declare(form.stored_parameters())
    except InvalidDefinition:
        return []
    missing = find_missing(form.sql_query, tables, declared)
    return [_problem(one.message, "sql_query") for one in missing]


def _preview(database: ConsoleDatabase, form: ScheduleForm, workflow: Row) -> list[Row]:
    """Return the next ticks, none where the row is refused."""
    try:
        with database.read() as connection:
            return fetch_all(
                connection,
                "console/preview_schedule",
                cron_expression=form.cron_expression,
                time_zone=form.timezone,
                parameters=Json(form.stored_parameters(workflow)),
            )
    except psycopg2.Error as err:
        if refusal_of(err) is None:
            raise
        return []
