"""Postgres' plans of the pipeline's and the console's statements, searched for full scans."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from psycopg2.extensions import connection as Connection
from psycopg2.extras import register_uuid

from bench.databases import ROOT
from bench.history import AGE, key

QUERIES = ROOT / "include" / "sql" / "queries"

# Statements that ask for something else where a parameter is not given.
_VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "select_execution": ({"execution_id": None},),
    "select_open_executions": ({"execution_id": None},),
    "select_definitions": ({"kind": "collection", "definition_id": key("collection 1")},),
}


# PostgreSQL 13 shows two plans of such a subquery. It hashes all rows only for many calls
_HASHED_ALTERNATIVE = re.compile(r"alternatives: SubPlan \d+ or hashed (SubPlan \d+)")

# It creates a temporary table and has no plan. Others are explained with that table
_TEMPORARY_TABLE = "create_reported_days"


def statements() -> list[str]:
    """Return the names of the pipeline's statements that have a plan."""
    return sorted(path.stem for path in QUERIES.glob("*.sql") if path.stem != _TEMPORARY_TABLE)


def console_statements() -> list[str]:
    """Return the names of the statements of the console."""
    return sorted(f"console/{path.stem}" for path in QUERIES.glob("console/*.sql"))


def changes_rows(name: str) -> bool:
    """Return whether a statement of the console changes rows, which it does as an analyst."""
    return name.removeprefix("console/").startswith(("insert_", "update_", "set_"))


def create_temporary_tables(connection: Connection) -> None:
    """Create the temporary table that some statements read from."""
    statement = (QUERIES / f"{_TEMPORARY_TABLE}.sql").read_text(encoding="utf-8")
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("ON COMMIT DROP", ""))


def full_scans(
    connection: Connection,
    name: str,
    tables: Collection[str],
    values: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the full scans of these tables in a statement of ours.

    :param connection: as the role that runs the statement; nothing is executed.
    :param values: of parameters, by name; others get some value of their type.
    """
    statement = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return [
        f"{name}: {scan}"
        for variant in ({}, *_VARIANTS.get(name, ()))
        for scan in find_full_scans(connection, statement, tables, {**(values or {}), **variant})
    ]


def find_full_scans(
    connection: Connection, statement: str, tables: Collection[str], values: Mapping[str, Any]
) -> list[str]:
    """Return the full scans of these tables in a statement's plan.

    :param values: of parameters, by name; others get some value of their type.
    """
    register_uuid(conn_or_curs=connection)  # type: ignore[no-untyped-call]
    plan = _plan(connection, statement, {**_some_values(connection, statement), **values})
    return [
        f"{node['Node Type']} on {node['Relation Name']}"
        for node in _nodes(plan, without=_HASHED_ALTERNATIVE.findall(json.dumps(plan)))
        if _is_full_scan(node) and node["Relation Name"] in tables
    ]


def analyze(connection: Connection, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a statement of the pipeline. Return the nodes of its plan with their actual figures."""
    register_uuid(conn_or_curs=connection)  # type: ignore[no-untyped-call]
    statement = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return list(_nodes(_plan(connection, statement, values, options="ANALYZE, ")))


def _is_full_scan(node: Mapping[str, Any]) -> bool:
    # An index that is read without a condition is read from end to end, too
    kind = node["Node Type"]
    return "Relation Name" in node and (
        kind == "Seq Scan" or (kind.startswith("Index") and "Index Cond" not in node)
    )


def _plan(
    connection: Connection, statement: str, values: Mapping[str, Any], options: str = ""
) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}VERBOSE, FORMAT JSON) {statement}", values)
        ((document,),) = cursor.fetchall()
    plan: dict[str, Any] = document[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any], without: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        if child.get("Subplan Name") not in without:
            yield from _nodes(child, without)


def _parameters(statement: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))


def _some_values(connection: Connection, statement: str) -> dict[str, Any]:
    """Return a value for each parameter, of the type that Postgres infers."""
    names = _parameters(statement)
    numbered = statement.replace("%%", "%")
    for number, name in enumerate(names, start=1):
        numbered = numbered.replace(f"%({name})s", f"${number}")
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE explained AS {numbered}")
        cursor.execute(
            "SELECT parameter_types::TEXT[] FROM pg_prepared_statements WHERE name = 'explained'"
        )
        ((types,),) = cursor.fetchall()
        cursor.execute("DEALLOCATE explained")
    return {
        name: _BY_NAME.get(name, _BY_TYPE[type_name])
        for name, type_name in zip(names, types, strict=True)
    }


_BY_NAME: dict[str, Any] = {
    "instance_key": key("instance 1"),
    "schedule_id": key("schedule 1"),
    "collection_id": key("collection 1"),
    "kind": "schedule",
    "definition_id": key("schedule 1"),
    "workflow_id": key("workflow 1"),
    "user_id": key("user 1"),
    "before": datetime.now(UTC) - AGE + timedelta(days=1),  # so that little is older
    "limit": 1000,
}
_BY_TYPE: dict[str, Any] = {
    "uuid": key("execution 1"),
    "uuid[]": [str(uuid4()) for _ in range(10)],
    "text": "text",
    "text[]": [f"text {number}" for number in range(10)],
    "integer": 1,
    "bigint": 1,
    "numeric": 1,
    "boolean": True,
    "jsonb": "{}",
    "date": date(2026, 1, 5),
    "date[]": [date(2026, 1, 5)],
    "double precision": 1.0,
    "interval": timedelta(minutes=30),
    "timestamp with time zone[]": [datetime.now(UTC)],
    "timestamp with time zone": datetime.now(UTC) - timedelta(days=1),
}
