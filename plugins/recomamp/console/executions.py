"""Executions: the latest of all, one with its times and words, and requests on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, status
from psycopg2.extensions import connection as Connection
from pydantic import BaseModel

from recomamp.console.access import (
    CHANGE_RUNS,
    QUERY,
    RESULTS,
    RUNS,
    CurrentVisitor,
    DagPart,
    Visitor,
    require_row,
)
from recomamp.console.database import Database
from recomamp.console.run_requests import insert_request, select_requests
from recomamp.domain.execution_states import ExecutionStatus
from recomamp.domain.execution_timeline import last_moment, phases_of
from recomamp.domain.run_actions import actions_on
from recomamp.store.statements import Row, fetch_all, fetch_one

log = logging.getLogger(__name__)

router = APIRouter()

PAGE_SIZE = 50

_QUERY_COLUMNS = ("submitted_sql", "input_parameters", "parameters", "amc_options")


def readable_execution(entity: DagPart) -> Callable[..., Row]:
    """Return a dependency that gives the DAG and the owner of the execution of the path.

    It answers 404 to a user who may not read that part of the DAG.
    """

    def check(execution_id: UUID, visitor: CurrentVisitor, database: Database) -> Row:
        with database.read() as connection:
            row = fetch_one(
                connection, "console/select_dag_of_execution", execution_id=execution_id
            )
        visitor.require_read(row["dag_id"] if row else None, entity)
        return require_row(row)

    return check


@router.get("/executions")
def list_executions(
    visitor: CurrentVisitor,
    database: Database,
    state: ExecutionStatus | None = None,
    dag_id: str | None = None,
    before_at: datetime | None = None,
    before_id: UUID | None = None,
) -> dict[str, Any]:
    """Return a page of the latest executions.

    :param before_at: ``created_at`` of the last row of the page before, with its ``before_id``.
    """
    visible = visitor.visible(RUNS).as_parameters()
    with database.read() as connection:
        rows = fetch_all(
            connection,
            "console/select_executions",
            **visible,
            statuses=None if state is None else [state.value],
            dag_id=dag_id,
            before_at=before_at if before_id is not None else None,
            before_id=before_id,
            page_size=PAGE_SIZE + 1,
        )
    return {"executions": rows[:PAGE_SIZE], "has_more": len(rows) > PAGE_SIZE}


@router.get("/runs")
def executions_of_run(
    visitor: CurrentVisitor,
    database: Database,
    dag_id: str,
    run_id: Annotated[str, Query(max_length=250)],
) -> dict[str, Any]:
    """Return the attempts of a DAG run, the latest first."""
    visitor.require_read(dag_id, RUNS)
    with database.read() as connection:
        return {"attempts": _attempts(connection, dag_id, run_id)}


@router.get("/executions/{execution_id}")
def execution(execution_id: UUID, visitor: CurrentVisitor, database: Database) -> dict[str, Any]:
    """Return one execution: what each panel of its page shows, apart from its result.

    ``query`` and ``checks`` are None for a user who may not read them.
    """
    key = {"execution_id": execution_id}
    with database.read() as connection:
        row = require_row(fetch_one(connection, "console/select_execution", **key))
        attempts = _attempts(connection, row["dag_id"], row["dag_run_id"])
        failed_calls = fetch_all(connection, "console/select_failed_calls", **key)
        requests = select_requests(connection, execution_id=execution_id)
        checks = fetch_all(connection, "console/select_outcomes_of_checks", **key)
    visitor.require_read(row["dag_id"], RUNS)
    may_read_results = visitor.may("GET", row["dag_id"], RESULTS)
    query = {name: row.pop(name) for name in _QUERY_COLUMNS}
    return {
        "execution": row,
        "phases": phases_of(row),
        "last_moment": last_moment(row),
        "attempts": attempts,
        "failed_calls": failed_calls,
        "requests": requests,
        "actions": _actions(row, attempts, visitor),
        "query": query if visitor.may("GET", row["dag_id"], QUERY) else None,
        "checks": checks if may_read_results else None,
        "has_results": row["status"] == ExecutionStatus.SUCCESS,
        "may_read_results": may_read_results,
    }


class RequestOnExecution(BaseModel):
    """What is asked for."""

    action: Literal["RETRY", "LOAD", "CANCEL"]


@router.post("/executions/{execution_id}/requests", status_code=status.HTTP_201_CREATED)
def request_on_execution(
    execution_id: UUID,
    asked: RequestOnExecution,
    visitor: CurrentVisitor,
    database: Database,
    owned: Annotated[Row, Depends(readable_execution(RUNS))],
) -> Row | None:
    """Ask for it as the execution's owner; the follower does it, or says why not."""
    visitor.require(CHANGE_RUNS, owned["dag_id"])
    log.info("%s asks for %s of execution %s", visitor.id, asked.action, execution_id)
    return insert_request(
        database, owned["user_id"], action=asked.action, execution_id=execution_id
    )


def _attempts(connection: Connection, dag_id: str, run_id: str) -> list[Row]:
    return fetch_all(connection, "console/select_attempts", dag_id=dag_id, dag_run_id=run_id)


def _actions(row: Row, attempts: list[Row], visitor: Visitor) -> list[str]:
    is_deleted = row["schedule_id"] is None and row["collection_id"] is None
    if is_deleted or not visitor.may_do(CHANGE_RUNS, row["dag_id"]):
        return []
    is_latest = not attempts or attempts[0]["id"] == row["id"]
    return list(actions_on(row["status"], row["amc_status"], is_latest_attempt=is_latest))
