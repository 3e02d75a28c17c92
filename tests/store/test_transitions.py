"""Who may change the state of an execution: the table, its page, and what each statement does."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from uuid import UUID, uuid4

import psycopg2
import pytest
import sqlglot
from psycopg2.extensions import connection as Connection
from sqlglot import exp

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import Schedule, Workflow
from recomamp.domain.execution_states import TRANSITIONS, Actor, AmcStatus, ExecutionStatus
from recomamp.domain.run_spec import DagRunKey, RunSpec
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.windows import ScheduleWindows, Window
from recomamp.store import executions

ROOT = Path(__file__).parents[2]
QUERIES = ROOT / "include" / "sql" / "queries"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WINDOW = Window(
    start=datetime(2026, 1, 5, tzinfo=UTC), end=datetime(2026, 1, 12, tzinfo=UTC), time_zone="UTC"
)
RUN = "run 1"
ENDS = (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.TIMEOUT)

State = ExecutionStatus | None  # None: there is no row
Move = Callable[[Connection, Row, Row | None], object]


@pytest.fixture
def schedule(rows: Rows) -> Row:
    """Insert a schedule and give it with the instance of its workflow."""
    workflow = rows.workflow()
    return rows.schedule(workflow=workflow) | {"instance_id": workflow["instance_id"]}


def put(rows: Rows, schedule: Row, status: ExecutionStatus, amc_status: AmcStatus | None) -> Row:
    """Insert an execution of the run, which AMC knows where it has said something of it."""
    is_at_amc = amc_status is not None and status is not ExecutionStatus.PENDING
    return rows.execution(
        rows.get("workflows", schedule["workflow_id"]),
        status=status.value,
        amc_status=amc_status,
        amc_execution_id="amc-0" if is_at_amc else None,
        schedule_id=schedule["id"],
        instance_id=schedule["instance_id"],
        dag_run_id=RUN,
        amc_workflow_id="recomamp-x",
        window_start=WINDOW.start,
        window_end=WINDOW.end,
    )


def open_next(connection: Connection, schedule: Row, row: Row | None) -> None:
    executions.insert_execution(
        connection,
        DagRunKey(f"amc_schedule_{schedule['id']}", RUN),
        request_of(schedule),
        execution_id=uuid4(),
        attempt=2 if row else 1,
        retry_count=0,
        deadline_at=NOW,
    )


def request_of(schedule: Row) -> RunSpec:
    """What a run of the schedule asks for."""
    workflow = Workflow(
        id=schedule["workflow_id"],
        name="w",
        sql_query="SELECT 1",
        description=None,
        user_id=schedule["user_id"],
        instance_key=schedule["instance_id"],
        instance_id="amcx",
        instance_name="x",
        owner="o",
    )
    definition = Schedule(
        ref=DefinitionRef(DefinitionKind.SCHEDULE, schedule["id"]),
        name="s",
        description=None,
        is_active=True,
        created_at=NOW,
        windows=ScheduleWindows(cron=Cron("0 6 * * *", "UTC")),
        catchup=False,
        parameters={},
        workflow=workflow,
    )
    return RunSpec(definition=definition, window=WINDOW, overrides={}, clear_number=0, due_at=NOW)


def accept(connection: Connection, _: Row, row: Row | None) -> None:
    executions.mark_submitted(
        connection,
        _id(row),
        amc_execution_id="amc-1",
        amc_status=AmcStatus.RUNNING,
        amazon_request_id=None,
        submitted_at=NOW,
        deadline_at=NOW,
    )


def end(actor: Actor, status: ExecutionStatus) -> Move:
    def move(connection: Connection, _: Row, row: Row | None) -> None:
        executions.end_execution(
            connection,
            _id(row),
            actor=actor,
            status=status,
            amc_status=None,
            error_type="RUN_FAILED",
            error_message="given up",
            completed_at=NOW,
        )

    return move


def load(connection: Connection, _: Row, row: Row | None) -> None:
    executions.mark_succeeded(
        connection,
        _id(row),
        result_data="{}",
        result_rows=0,
        result_size_bytes=0,
        execution_duration_seconds=1,
        completed_at=NOW,
    )


def _id(row: Row | None) -> UUID:
    return UUID(str(row["id"])) if row else uuid4()


# What each actor runs to bring an execution to a state; nobody has another statement
# (test_no_other_statement_writes_the_status)
MOVES: dict[tuple[Actor, State], Move] = {
    (Actor.SUBMIT, ExecutionStatus.PENDING): open_next,
    (Actor.SUBMIT, ExecutionStatus.RUNNING): accept,
    (Actor.RECORD, ExecutionStatus.RUNNING): accept,
    (Actor.RECONCILE, ExecutionStatus.RUNNING): accept,
    (Actor.LOAD, ExecutionStatus.SUCCESS): load,
    **{
        (actor, status): end(actor, status)
        for actor in Actor
        if actor is not Actor.PEOPLE
        for status in ENDS
    },
}


def allowed(actor: Actor, source: State, target: State, amc_status: AmcStatus | None) -> bool:
    return any(
        (one.source, one.target) == (source, target)
        and actor in one.actors
        and (not one.needs_results or amc_status is AmcStatus.SUCCEEDED)
        for one in TRANSITIONS
    )


AMC_STATUSES = (None, AmcStatus.RUNNING, AmcStatus.SUCCEEDED)


@pytest.mark.parametrize("source", [None, *ExecutionStatus])
def test_each_statement_changes_an_execution_exactly_where_the_table_says_so(
    database: Database, rows: Rows, schedule: Row, source: State
) -> None:
    connection = database.connect("recomamp_pipeline", autocommit=True)
    for actor, target, amc_status in product(Actor, ExecutionStatus, AMC_STATUSES):
        row = put(rows, schedule, source, amc_status) if source else None
        if move := MOVES.get((actor, target)):
            move(connection, schedule, row)
        after = database.query("SELECT * FROM workflow_executions ORDER BY attempt")
        is_moved = after != [row] if source is target else statuses(after) == [target]
        assert is_moved is allowed(actor, source, target, amc_status), (actor, target, amc_status)
        assert is_moved or row is None or after[0] == row
        delete_all(database)


@pytest.mark.parametrize("last_word", [one for one in AmcStatus if one.is_terminal])
def test_no_late_answer_of_amc_replaces_its_last_word(
    database: Database, rows: Rows, schedule: Row, last_word: AmcStatus
) -> None:
    """A try that Airflow believes dead times out while the next one has seen AMC's end."""
    row = put(rows, schedule, ExecutionStatus.RUNNING, last_word)
    connection = database.connect("recomamp_pipeline", autocommit=True)
    assert executions.end_execution(
        connection,
        row["id"],
        actor=Actor.WAIT,
        status=ExecutionStatus.TIMEOUT,
        amc_status=AmcStatus.RUNNING,
        error_type="TIMED_OUT",
        error_message="late",
        completed_at=NOW,
    )
    after = rows.get("workflow_executions", row)
    assert (after["status"], after["amc_status"]) == ("TIMEOUT", last_word)


def statuses(executions: list[Row]) -> list[str]:
    return [one["status"] for one in executions]


def delete_all(database: Database) -> None:
    """Delete executions, open ones too."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; DELETE FROM workflow_executions")
    connection.close()


@pytest.mark.parametrize("source", ExecutionStatus)
def test_people_delete_what_has_ended_and_write_no_status(
    database: Database, rows: Rows, schedule: Row, source: ExecutionStatus
) -> None:
    row = put(rows, schedule, source, None)
    analyst = database.connect("recomamp_analyst", user_id=str(schedule["user_id"]))
    for target in ExecutionStatus:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), analyst.cursor() as cursor:
            cursor.execute("UPDATE workflow_executions SET status = %s", [target.value])
        analyst.rollback()
    with suppress(psycopg2.errors.CheckViolation):
        database.query("DELETE FROM workflow_executions WHERE id = %s", [row["id"]])
    is_deleted = not database.query("SELECT id FROM workflow_executions")
    assert is_deleted is allowed(Actor.PEOPLE, source, None, None)


def test_no_other_statement_writes_the_status() -> None:
    writers = set()
    for path in QUERIES.glob("*.sql"):
        text = re.sub(r"%\(\w+\)s", "NULL", path.read_text(encoding="utf-8"))
        if "workflow_executions" not in text:
            continue
        for change in sqlglot.parse_one(text, dialect="postgres").find_all(exp.Insert, exp.Update):
            names = (
                {one.name for one in change.this.expressions}
                if isinstance(change, exp.Insert)
                else {one.this.name for one in change.expressions}
            )
            table = change.this.this if isinstance(change, exp.Insert) else change.this
            if table.name == "workflow_executions" and "status" in names:
                writers.add(path.stem)
    assert writers == {"insert_execution", "mark_submitted", "end_execution", "mark_succeeded"}


def test_every_open_state_can_be_left_and_every_state_be_reached() -> None:
    assert {one.target for one in TRANSITIONS} == {None, *ExecutionStatus}
    assert {one.source for one in TRANSITIONS} == {None, *ExecutionStatus}
    for status in ExecutionStatus:
        enders = {one.target for one in TRANSITIONS if one.source is status}
        assert enders & set(ENDS) if status.is_open else not enders & {*ENDS, "PENDING", "RUNNING"}
