"""Report queries that name what their instance does not offer, or lose rows by a date."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from recomamp.domain.sql.parameters import Parameter, declare
from recomamp.domain.sql.schema_check import Table, find_missing
from recomamp.errors import InvalidDefinition
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector, log_failure
from recomamp.store.data_sources import (
    Query,
    QueryFinding,
    merge_workflow_findings,
    select_instance_tables,
    select_instances_with_schema,
    select_queries_on_instance,
)

log = logging.getLogger(__name__)

MAX_FINDINGS = 100  # of one query


def check_queries(*, database: DatabaseHook, now: datetime) -> None:
    """Compare all queries with what is known of their instances, and keep what is found.

    :raises PartialFailure: after all instances, naming those that met an error.
    """
    failures = FailureCollector.of_tenants()
    with database.transaction() as connection:
        instances = select_instances_with_schema(connection)
    rows: list[tuple[str, str, str]] = []
    for instance_key, instance_id in instances.items():
        with failures.capture(f"{instance_id} ({instance_key})"):
            found = _check_instance(instance_key, database, now)
            rows += [(instance_id, one.query.name, one.finding.message) for one in found]
    if rows:
        log.warning("%s", as_table(("instance", "workflow", "finding"), rows))
    else:
        log.info("No query names what its instance does not offer: %s instances", len(instances))
    failures.raise_unknown("instances whose queries are not checked")


def _check_instance(
    instance_key: UUID, database: DatabaseHook, now: datetime
) -> list[QueryFinding]:
    with database.transaction() as connection:
        tables = select_instance_tables(connection, instance_key)
        queries = select_queries_on_instance(connection, instance_key)
    found = [one for query in queries for one in _check(query, tables)]
    with database.transaction() as connection:
        merge_workflow_findings(connection, instance_key, found, found_at=now)
    return found


def _check(query: Query, tables: dict[str, Table]) -> list[QueryFinding]:
    try:
        missing = find_missing(query.sql_query, tables, _parameters(query))
    except Exception as err:  # noqa: BLE001 - one query must not keep the others from a check
        log_failure(f"the query of workflow {query.workflow_id} cannot be checked", err)
        return []
    return [QueryFinding(query=query, finding=finding) for finding in missing[:MAX_FINDINGS]]


def _parameters(query: Query) -> dict[str, Parameter]:
    """Return what the workflow declares; nothing where it is wrong, which its DAGs say."""
    try:
        return declare(query.parameters or {})
    except InvalidDefinition:
        return {}
