"""A row names nothing of another user's, and no run or week an execution of something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from fixtures.postgres import GONE_DAG, Database, Row, Rows, Server, migrate_database


def campaign(rows: Rows, **columns: Any) -> Row:
    own = {"campaign_id": "1", "name": "C", "campaign_type": "sponsoredProducts"}
    return rows.insert("campaigns", **own, state="ENABLED", **columns)


def execution_of(rows: Rows, name: str) -> Callable[[Row, Row], Row]:
    """Insert an execution of the first user that names a row of the second."""

    def insert(mine: Row, theirs: Row) -> Row:
        return rows.execution(mine["workflow"], **{f"{name}_id": theirs[name]["id"]})

    return insert


def everything(rows: Rows) -> Row:
    """Insert an instance and what belongs to it."""
    workflow = rows.workflow()
    return {
        "workflow": workflow,
        "instance": rows.get("amc_instances", workflow["instance_id"]),
        "schedule": rows.schedule(workflow),
        "collection": rows.collection(workflow),
    }


def test_what_another_user_has_is_not_named(database: Database, rows: Rows) -> None:
    mine, theirs = everything(rows), everything(rows)
    user_id = mine["workflow"]["user_id"]
    attempts: dict[str, Callable[[], Row]] = {
        **{
            f"fk_execution_user_{name}": lambda name=name: execution_of(rows, name)(mine, theirs)
            for name in ("schedule", "collection", "instance")
        },
        "fk_campaign_user_instance": lambda: campaign(
            rows, instance_id=theirs["instance"]["id"], user_id=user_id
        ),
    }
    for constraint, attempt in attempts.items():
        with pytest.raises(psycopg2.errors.ForeignKeyViolation, match=constraint):
            attempt()
    for name in ("schedule", "collection", "instance"):
        assert execution_of(rows, name)(mine, mine)


@pytest.mark.parametrize(
    ("table", "constraint"),
    [
        ("workflows", "fk_workflow_user_instance"),
        ("report_data_collections", "fk_collection_user_instance"),
    ],
)
def test_the_keys_alone_refuse_another_users_instance(
    fresh_database: Database, table: str, constraint: str
) -> None:
    rows = Rows(fresh_database)
    mine, theirs = everything(rows), rows.instance()
    kind = "workflow" if table == "workflows" else "collection"
    fresh_database.query(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation, match=constraint):
        rows.update(table, mine[kind], instance_id=theirs["id"])


def test_a_run_shows_executions_of_its_schedule_and_a_week_of_its_collection(rows: Rows) -> None:
    workflow = rows.workflow()
    schedule, other = rows.schedule(workflow), rows.schedule(workflow)
    week = rows.weeks(rows.collection(workflow))[0]
    of_other = rows.execution(workflow, schedule_id=other["id"])
    of_nothing = rows.execution(workflow)
    of_another_week = rows.execution(workflow, collection_id=rows.collection(workflow)["id"])
    run = {"schedule_id": schedule["id"], "status": "SUCCESS"}
    for execution in (of_other, of_nothing, of_another_week):
        with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="fk_schedule_run_execution"):
            rows.insert("schedule_runs", execution_id=execution["id"], **run)
        with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="fk_week_execution"):
            rows.update("report_data_weeks", week, execution_id=execution["id"])
    own = rows.execution(workflow, schedule_id=schedule["id"])
    assert rows.insert("schedule_runs", execution_id=own["id"], **run)
    of_week = rows.execution(workflow, collection_id=week["collection_id"])
    assert rows.update("report_data_weeks", week, execution_id=of_week["id"])


def test_an_execution_is_of_one_definition_and_of_its_dag(rows: Rows) -> None:
    workflow = rows.workflow()
    schedule, collection = rows.schedule(workflow), rows.collection(workflow)
    of_schedule = {"schedule_id": schedule["id"]}
    of_collection = {"collection_id": collection["id"]}
    with pytest.raises(psycopg2.errors.CheckViolation, match="chk_execution_definition"):
        rows.execution(workflow, **of_schedule, **of_collection)
    dags = {
        "schedule": f"amc_schedule_{schedule['id']}",
        "collection": f"amc_collection_{collection['id']}",
        "gone": GONE_DAG,
        "other": "recomamp_reconcile",
    }
    allowed = {("schedule", "schedule"), ("collection", "collection")}
    # What a deleted definition leaves behind
    allowed |= {("none", "schedule"), ("none", "collection"), ("none", "gone")}
    for named, columns in (
        ("schedule", of_schedule),
        ("collection", of_collection),
        ("none", {}),
    ):
        for of, dag_id in dags.items():
            if (named, of) in allowed:
                assert rows.execution(workflow, dag_id=dag_id, **columns, status="FAILED")
                continue
            with pytest.raises(psycopg2.errors.CheckViolation, match="chk_execution_dag_id"):
                rows.execution(workflow, dag_id=dag_id, **columns)
        assert rows.execution(workflow, dag_id=None, **columns)


def with_history(rows: Rows) -> Row:
    """Insert a schedule and a collection with executions that a run and a week show."""
    it = everything(rows)
    workflow, instance = it["workflow"], it["instance"]
    for kind in ("schedule", "collection"):
        it[f"{kind} execution"] = rows.execution(
            workflow,
            **{f"{kind}_id": it[kind]["id"]},
            instance_id=instance["id"],
            dag_run_id="run 1",
            status="SUCCESS",
        )
    it["run"] = rows.insert(
        "schedule_runs",
        schedule_id=it["schedule"]["id"],
        execution_id=it["schedule execution"]["id"],
        status="SUCCESS",
    )
    week = rows.weeks(it["collection"])[0]
    it["week"] = rows.update(
        "report_data_weeks", week, execution_id=it["collection execution"]["id"]
    )
    it["campaign"] = campaign(rows, instance_id=instance["id"], user_id=instance["user_id"])
    return it


@pytest.fixture(params=["postgres_server", "postgres_server_16"])
def history(request: pytest.FixtureRequest) -> Any:
    """Provide a database of one server or another with one user's history."""
    server: Server = request.getfixturevalue(request.param)
    name = server.create_database()
    migrate_database(server, name)
    database = Database(uri=server.uri(name))
    try:
        rows = Rows(database)
        yield database, rows, with_history(rows)
    finally:
        database.close()
        server.drop_database(name)


History = tuple[Database, Rows, Row]


@pytest.mark.parametrize(
    ("kind", "table"),
    [("schedule", "workflow_schedules"), ("collection", "report_data_collections")],
)
def test_a_deleted_definition_leaves_its_executions(
    history: History, kind: str, table: str
) -> None:
    database, rows, it = history
    execution = it[f"{kind} execution"]
    database.query(f"DELETE FROM {table}")
    left = rows.get("workflow_executions", execution)
    assert (left[f"{kind}_id"], left["dag_id"]) == (None, execution["dag_id"])
    shown = "schedule_runs" if kind == "schedule" else "report_data_weeks"
    assert database.query(f"SELECT id FROM {shown}") == []


def test_a_deleted_execution_leaves_its_run_and_its_week(history: History) -> None:
    database, rows, it = history
    database.query("DELETE FROM workflow_executions")
    assert rows.get("schedule_runs", it["run"])["execution_id"] is None
    assert rows.get("report_data_weeks", it["week"])["execution_id"] is None


@pytest.mark.parametrize("table", ["users", "amc_accounts", "amc_instances", "workflows"])
def test_deleting_what_all_hangs_on_deletes_all(history: History, table: str) -> None:
    database, _, _ = history
    database.query(f"DELETE FROM {table}")
    for child in ("workflow_executions", "schedule_runs", "report_data_weeks"):
        assert database.query(f"SELECT id FROM {child}") == []


def test_an_instance_takes_all_that_belongs_to_it_to_another_user(history: History) -> None:
    _, rows, it = history
    heir = rows.user()["id"]
    rows.update("amc_instances", it["instance"], user_id=heir)
    for table, kind in (
        ("workflows", "workflow"),
        ("campaigns", "campaign"),
        ("workflow_schedules", "schedule"),
        ("report_data_collections", "collection"),
        ("workflow_executions", "schedule execution"),
        ("workflow_executions", "collection execution"),
    ):
        assert rows.get(table, it[kind])["user_id"] == heir, kind


def test_a_workflow_that_has_run_does_not_leave_its_instance_behind(history: History) -> None:
    _, rows, it = history
    other = rows.instance()
    with pytest.raises(
        psycopg2.errors.CheckViolation, match=r"workflows\.user_id: .*amc_instances"
    ):
        rows.update("workflows", it["workflow"], user_id=other["user_id"], instance_id=other["id"])
    unused = rows.workflow(rows.instance())
    given = rows.update("workflows", unused, user_id=other["user_id"], instance_id=other["id"])
    assert given["user_id"] == other["user_id"]
