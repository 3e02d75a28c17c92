"""A template's parameters are those of its SQL, its usage follows the workflows made from it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.rows import TEMPLATES
from fixtures.postgres import Database, Row, Rows
from recomamp.domain.sql.template import read_template
from recomamp.errors import InvalidDefinition
from store.test_counters import require_order


def template(rows: Rows, sql: str, **parameters: Any) -> Row:
    return rows.insert(
        "query_templates",
        name="T",
        category="c",
        sql_template=sql,
        parameters=parameters,
        is_public=True,
    )


def refused(column: str, build: Any) -> str:
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        build()
    said = caught.value.diag
    assert (said.table_name, said.column_name) == ("query_templates", column)
    assert said.message_primary.startswith(f"query_templates.{column}: ")
    return str(said.message_primary)


@pytest.mark.parametrize(
    "sql",
    ["SELECT {{cap}}", "SELECT '{{ cap }}'", "SELECT 'P{{cap}}D'", "SELECT CUSTOM_PARAMETER('cap')",
     "SELECT custom_parameter ( 'cap' )", "SELECT 1 -- don't\n, {{cap}}",
     "SELECT 1 -- {{caps}}\r, {{cap}}", "SELECT {# {{cap}} #} 1",
     "SELECT CUSTOM_PARAMETER(/* 'x' */'cap')", "SELECT '-- ', {{cap}} /* ' */"],
)  # fmt: skip
def test_a_parameter_without_a_definition_is_refused(rows: Rows, sql: str) -> None:
    assert "'cap', which has no definition" in refused("parameters", lambda: template(rows, sql))
    assert template(rows, sql, cap={"type": "LONG", "default": 5})["parameters"]


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1", "SELECT 1 -- {{cap}}",
     "SELECT /* {{cap}} */ 1", "SELECT MY_CUSTOM_PARAMETER('cap')",
     "SELECT 'CUSTOM_PARAMETER(''cap'')'", "SELECT {{caps}}", "SELECT 'it''s -- {{other}}'"],
)  # fmt: skip
def test_a_definition_that_the_sql_does_not_use_is_refused(rows: Rows, sql: str) -> None:
    parameters = {name: {"type": "LONG"} for name in ("cap", "caps", "other") if name in sql}
    message = refused("parameters", lambda: template(rows, sql, **{**parameters, "cap": 1}))
    assert "defines 'cap', which sql_template does not use" in message


def test_the_ends_of_the_window_need_no_definition(rows: Rows) -> None:
    sql = "SELECT {{start_date}}, {{end_date}}, {{time_window_start}}, {{time_window_end}}"
    assert template(rows, sql)
    assert template(rows, sql, start_date="2026-01-01")


def test_names_of_the_pipelines_own_are_refused(rows: Rows) -> None:
    message = refused("parameters", lambda: template(rows, "SELECT {{timezone}}", timezone="UTC"))
    assert "'timezone' is the pipeline's own" in message


def test_an_empty_query_and_definitions_that_are_no_object_are_refused(rows: Rows) -> None:
    for sql in ("  ", "\r\n\t", ";", "-- {{a}}", "/* SELECT 1 */ ;\n-- SELECT 2\r ; "):
        refused("sql_template", lambda sql=sql: template(rows, sql))
        with pytest.raises(InvalidDefinition, match="the query is empty"):
            read_template(sql)
    own = {"name": "T", "category": "c", "sql_template": "SELECT 1"}
    refused("parameters", lambda: rows.insert("query_templates", parameters="[]", **own))
    assert rows.insert("query_templates", parameters=None, **own)["parameters"] == {}


def test_changes_are_checked_and_an_old_template_may_be_renamed(
    database: Database, rows: Rows
) -> None:
    one = template(rows, "SELECT {{cap}}", cap=5)
    refused("parameters", lambda: rows.update("query_templates", one, parameters={}))
    refused("parameters", lambda: rows.update("query_templates", one, sql_template="SELECT 1"))
    assert rows.update("query_templates", one, sql_template="SELECT {{b}}", parameters={"b": 1})

    database.query(  # both in the one transaction of a message
        "SET LOCAL session_replication_role = replica;UPDATE query_templates SET parameters = '{}'"
    )
    rows.update("query_templates", one, name="U", sql_template="SELECT {{b}}", parameters={})
    refused("parameters", lambda: rows.update("query_templates", one, parameters={"c": 1}))


def test_the_demos_templates_are_accepted(rows: Rows) -> None:
    definitions = tomllib.loads((TEMPLATES / "templates.toml").read_text(encoding="utf-8"))
    for key, one in definitions.items():
        sql = (TEMPLATES / f"{key}.sql").read_text(encoding="utf-8")
        assert template(rows, sql, **one.get("parameters", {}))
    assert len(definitions) >= 8


PIECES = st.sampled_from(
    ["{{a}}", "{{ b }}", "'{{c}}'", "'x{{d}}y'", "CUSTOM_PARAMETER('e')",
     "custom_parameter( 'f' )", "-- {{g}} 'CUSTOM_PARAMETER('h')\n", "/* {{i}} ' \" */", "'it''s'",
     "'CUSTOM_PARAMETER(''j'')'", '"a -- b"', '"it\'s"', "1", "x", "'--'", "'/*'", "'\"'", "*/",
     "/**/", "-", "-- {{m}}\r", "-- {{n}}\r\n", "{# {{o}} #}", "{#", "\r", ":p", "'$q'", "'{r}'",
     "XCUSTOM_PARAMETER('k')", "'{{a}}{{ l }}'", "''", "( 2 )"]
)  # fmt: skip


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(PIECES, max_size=7))
def test_database_and_pipeline_find_the_same_names(database: Database, pieces: list[str]) -> None:
    # A comma before each: a value may stand there
    sql = "SELECT 0" + "".join(f" , {piece}" for piece in pieces)
    try:
        expected = {name for slot in read_template(sql).slots for name in slot.names}
    except InvalidDefinition:
        return  # the pipeline refuses to run it at all
    found = database.query("SELECT query_parameter_names(%s) AS names", [sql])[0]["names"]
    assert found == sorted(expected)


@pytest.mark.parametrize("unit", ["'/*", '"/*', " /*'", "''/*'"])
def test_a_query_whose_comments_have_no_end_is_read_once(database: Database, unit: str) -> None:
    """Where each of them is searched to the end of the query, this takes a minute."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5s'")
        cursor.execute(
            "SELECT query_parameter_names('{{a}} ' || repeat(%s, 262144 / length(%s)))", [unit] * 2
        )
        assert cursor.fetchone() == (["a"],)


def test_a_workflow_of_comments_alone_is_refused_and_an_old_one_may_be_changed(
    database: Database, rows: Rows
) -> None:
    workflow = rows.workflow()
    for sql in ("", "\n", "-- a", "/* a */;", "-- SELECT 1\r"):
        with pytest.raises(psycopg2.errors.CheckViolation, match=r"workflows\.sql_query: must not"):
            rows.workflow(sql_query=sql)
        with pytest.raises(psycopg2.errors.CheckViolation, match=r"workflows\.sql_query: must not"):
            rows.update("workflows", workflow, sql_query=sql)
    database.query(  # both in the one transaction of a message
        "SET LOCAL session_replication_role = replica; UPDATE workflows SET sql_query = '-- a'"
    )
    rows.update("workflows", workflow, sql_query="-- a", parameters={"x": 1})


def test_usage_counts_workflows_and_not_their_runs(rows: Rows) -> None:
    one = template(rows, "SELECT 1")
    workflow = rows.workflow(template_id=one["id"], created_at="2026-03-01T00:00Z")
    for attempt in (1, 2, 3):
        rows.execution(workflow, attempt=attempt)
    rows.workflow(template_id=one["id"], created_at="2026-02-01T00:00Z")

    used = rows.get("query_templates", one)
    assert used["usage_count"] == 2
    assert used["last_used_at"] == datetime(2026, 3, 1, tzinfo=UTC)
    assert used["updated_at"] == one["updated_at"]


def test_a_workflow_that_turns_to_another_template_uses_it_now(
    database: Database, rows: Rows
) -> None:
    one, other = template(rows, "SELECT 1"), template(rows, "SELECT 2")
    workflow = rows.workflow(template_id=one["id"], created_at="2026-03-01T00:00Z")
    rows.update("workflows", workflow, template_id=other["id"])

    assert rows.get("query_templates", one)["usage_count"] == 0
    used = rows.get("query_templates", other)
    assert used["usage_count"] == 1
    assert used["last_used_at"] > datetime(2026, 4, 1, tzinfo=UTC)
    rows.update("workflows", workflow, name="renamed")
    assert rows.get("query_templates", other)["last_used_at"] == used["last_used_at"]


def test_deleting_a_template_keeps_its_workflows(database: Database, rows: Rows) -> None:
    one = template(rows, "SELECT 1")
    workflow = rows.workflow(template_id=one["id"])
    database.query("DELETE FROM query_templates")
    assert rows.get("workflows", workflow)["template_id"] is None


@pytest.mark.parametrize("verb", ["INSERT", "UPDATE"])
def test_statements_that_use_the_same_templates_lock_them_in_one_order(
    database: Database, rows: Rows, verb: str
) -> None:
    instance = rows.instance()
    owner = [instance["user_id"], instance["id"]]
    workflows = [rows.workflow(instance=instance)["id"] for _ in range(2)]
    for _ in range(2):
        template(rows, "SELECT 1")

    def use(cursor: Any, ids: list[str]) -> None:
        if verb == "INSERT":
            cursor.execute(
                "INSERT INTO workflows (name, sql_query, user_id, instance_id, template_id)"
                " SELECT 'W', 'SELECT 1', %s, %s, used FROM unnest(%s::UUID[]) AS used",
                [*owner, ids],
            )
        else:
            cursor.execute(
                "UPDATE workflows SET template_id = used.template_id"
                " FROM unnest(%s::UUID[], %s::UUID[]) AS used (id, template_id)"
                " WHERE workflows.id = used.id",
                [workflows, ids],
            )

    require_order(database, "query_templates", use)

    used = database.query("SELECT usage_count, last_used_at FROM query_templates")
    assert [row["usage_count"] for row in used] == [1, 1]
    assert all(row["last_used_at"] for row in used)


def test_a_run_of_a_workflow_does_not_wait_for_its_template(database: Database, rows: Rows) -> None:
    one = template(rows, "SELECT 1")
    workflow = rows.workflow(template_id=one["id"])
    holder = database.connect()
    with holder.cursor() as cursor:
        cursor.execute("SELECT FROM query_templates FOR UPDATE")
        assert rows.execution(workflow)["status"] == "PENDING"
