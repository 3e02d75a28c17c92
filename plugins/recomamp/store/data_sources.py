"""What AMC offers: tables of each instance, and what all of them have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from recomamp.domain.data_sources import UNKNOWN_TYPE, DataSource, fields_from, fields_to
from recomamp.domain.sql.schema_check import Finding, Table
from recomamp.store.statements import execute_returning, fetch_all


class MergeCounts(NamedTuple):
    """A table or column that has changed, and how: ADDED, CHANGED, RESTORED or REMOVED."""

    name: str
    change: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A workflow's query, and the digest by which the database knows it again."""

    workflow_id: UUID
    name: str
    sql_query: str
    query_md5: str
    parameters: Any  # the JSON of workflows.parameters


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryFinding:
    """A finding about a query."""

    query: Query
    finding: Finding


def merge_instance_data_sources(
    connection: Connection, instance_key: UUID, sources: Sequence[DataSource], *, seen_at: datetime
) -> list[MergeCounts]:
    """Keep all that an instance offers, and when that was; return what is different."""
    found = fetch_all(
        connection,
        "merge_instance_data_sources",
        instance_key=instance_key,
        sources=Json([_offer(source) for source in sources]),
        seen_at=seen_at,
    )
    execute_returning(
        connection, "update_schema_sync", instance_key=instance_key, synced_at=seen_at
    )
    return [MergeCounts(**row) for row in found]


def select_shared_data_sources(connection: Connection) -> list[DataSource]:
    """Return what instances offer of Amazon's own, each different description once."""
    return [
        DataSource(fields=fields_from(row.pop("fields")), **row)
        for row in fetch_all(connection, "select_shared_data_sources")
    ]


def merge_data_sources(
    connection: Connection, sources: Sequence[DataSource], *, seen_at: datetime
) -> list[MergeCounts]:
    """Bring the shared tables to these; return what is different."""
    found = fetch_all(
        connection,
        "merge_data_sources",
        sources=Json([_shared(source) for source in sources]),
        seen_at=seen_at,
    )
    return [MergeCounts(**row) for row in found]


def merge_schema_fields(
    connection: Connection, sources: Sequence[DataSource], *, seen_at: datetime
) -> list[MergeCounts]:
    """Bring the columns of the shared tables to these; return what is different."""
    fields = [{"source": one.name, **field} for one in sources for field in fields_to(one)]
    found = fetch_all(
        connection,
        "merge_schema_fields",
        fields=Json(fields),
        seen_at=seen_at,
        unknown_type=UNKNOWN_TYPE,
    )
    return [MergeCounts(**row) for row in found]


def select_instances_with_schema(connection: Connection) -> dict[UUID, str]:
    """Return AMC's ids of the instances whose tables are known, by the key of their row."""
    rows = fetch_all(connection, "select_instances_with_schema")
    return {row["instance_key"]: row["instance_id"] for row in rows}


def select_instance_tables(connection: Connection, instance_key: UUID) -> dict[str, Table]:
    """Return the tables of an instance by name, in lower case as queries are compared."""
    return {
        row["name"].lower(): Table(
            is_offered=row["is_offered"],
            columns=frozenset(name.lower() for name in row["fields"]),
            vanished_columns=frozenset(name.lower() for name in row["removed_fields"]),
            timestamps=frozenset(name.lower() for name in row["timestamp_fields"]),
        )
        for row in fetch_all(connection, "select_instance_tables", instance_key=instance_key)
    }


def select_queries_on_instance(connection: Connection, instance_key: UUID) -> list[Query]:
    """Return the queries that run on an instance."""
    rows = fetch_all(connection, "select_queries_on_instance", instance_key=instance_key)
    return [Query(**row) for row in rows]


def merge_workflow_findings(
    connection: Connection,
    instance_key: UUID,
    findings: Sequence[QueryFinding],
    *,
    found_at: datetime,
) -> int:
    """Bring the findings about an instance's queries to these; return how many are different."""
    return len(
        fetch_all(
            connection,
            "merge_workflow_findings",
            instance_key=instance_key,
            findings=Json([_finding(one) for one in findings]),
            found_at=found_at,
        )
    )


def _offer(source: DataSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "is_shared": source.is_shared,
        "description": source.description,
        "fields": fields_to(source),
    }


def _shared(source: DataSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "display_name": source.display_name,
        "description": source.description,
        "category": source.category,
        "table_type": source.table_type,
    }


def _finding(one: QueryFinding) -> dict[str, Any]:
    return {
        "workflow_id": str(one.query.workflow_id),
        "kind": one.finding.kind,
        "table_name": one.finding.table,
        "column_name": one.finding.column,
        "message": one.finding.message,
        "query_md5": one.query.query_md5,
    }
