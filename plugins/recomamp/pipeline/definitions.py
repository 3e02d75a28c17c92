"""Read the rows that become DAGs: from the database or, while it is away, the last snapshot."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from recomamp.amazon.regions import endpoint_of, marketplace_of
from recomamp.domain.definitions import Row, read_collection, read_schedule
from recomamp.domain.errors import InvalidDefinition
from recomamp.domain.models import (
    COLLECTION_DAG_PREFIX,
    SCHEDULE_DAG_PREFIX,
    Collection,
    Definition,
    Invalid,
    Schedule,
)
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.shards import ALL, Shard, bucket_of
from recomamp.pipeline.snapshots import read_snapshot, write_snapshot
from recomamp.store.statements import fetch_all

log = logging.getLogger(__name__)

PARSE_CONNECT_TIMEOUT_SECONDS = 3  # Airflow gives a file 30 s to import
PARSE_STATEMENT_TIMEOUT_SECONDS = 10

_TIMES: dict[str, Callable[[str], object]] = {
    "created_at": datetime.fromisoformat,
    "start_date": date.fromisoformat,
    "end_date": date.fromisoformat,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One of the two tables that DAGs are made of."""

    name: str
    table: str
    dag_prefix: str
    select: str  # statement
    key: str  # its parameter: one row's id, or None for all
    read: Callable[[Row], Schedule | Collection]


SCHEDULES = Kind(
    name="schedule",
    table="workflow_schedules",
    dag_prefix=SCHEDULE_DAG_PREFIX,
    select="select_schedules",
    key="schedule_id",
    read=read_schedule,
)
COLLECTIONS = Kind(
    name="collection",
    table="report_data_collections",
    dag_prefix=COLLECTION_DAG_PREFIX,
    select="select_collections",
    key="collection_id",
    read=read_collection,
)


def load_definitions(kind: Kind, dag_id: str | None = None, shard: Shard = ALL) -> list[Definition]:
    """Return the definitions of a shard's rows, or of the one row that a DAG id names.

    A row that cannot become a DAG is ``Invalid`` and hurts no other. While the database is away
    the rows of the last good read are used, and an error is logged.
    """
    row_id = None if dag_id is None else _row_id(kind, dag_id)
    if dag_id is not None and row_id is None:
        return []
    return [_define(kind, key, text) for key, text in _load_rows(kind, row_id, shard).items()]


def load_definition(kind: Kind, row_id: UUID, database: DatabaseHook) -> Schedule | Collection:
    """Return the definition of one row as it is now.

    :raises InvalidDefinition: when the row is gone or says something that cannot be done.
    """
    text = _select_rows(kind, row_id, database).get(str(row_id))
    if text is None:
        raise InvalidDefinition(f"{kind.name} {row_id} is no longer in the database")
    return _read(kind, parse_row(text))


def _row_id(kind: Kind, dag_id: str) -> UUID | None:
    if not dag_id.startswith(kind.dag_prefix):
        return None
    try:
        return UUID(dag_id.removeprefix(kind.dag_prefix))
    except ValueError:
        return None


def parse_row(text: str) -> dict[str, Any]:
    """Read a row's JSON.

    :raises InvalidDefinition: when a column holds what nothing can be made of.
    """
    try:
        row: dict[str, Any] = json.loads(text)
    except RecursionError as err:
        raise InvalidDefinition("parameters are nested too deeply") from err
    for column, read in _TIMES.items():
        if row.get(column) is not None:
            try:
                row[column] = read(row[column])
            except ValueError as err:
                raise InvalidDefinition(f"{row[column]} is out of range", column=column) from err
    return row


def _read(kind: Kind, row: Row) -> Schedule | Collection:
    endpoint_of(row["region"] or "us-east-1")
    marketplace_of(row["country_code"] or "US")
    return kind.read(row)


def _define(kind: Kind, key: str, text: str) -> Definition:
    row: Row = {}
    try:
        row = parse_row(text)
        return _read(kind, row)
    except InvalidDefinition as err:
        log.warning("%s %s makes no DAG that runs: %s", kind.name, key, err)
        return _invalid(kind, key, row, err.at(table=kind.table, column="", key=key))
    except Exception as err:  # else it would take every other row along
        log.exception("%s %s cannot be read", kind.name, key)
        problem = InvalidDefinition(f"cannot be read: {err!r:.500}", table=kind.table, key=key)
        return _invalid(kind, key, row, problem)


def _invalid(kind: Kind, key: str, row: Row, error: InvalidDefinition) -> Invalid:
    return Invalid(
        kind=kind.name,
        id=UUID(key),
        dag_id=f"{kind.dag_prefix}{key}",
        name=row.get("name", key),
        owner=row.get("owner", ""),
        instance_id=row.get("instance_id", ""),
        error=error,
    )


def _load_rows(kind: Kind, row_id: UUID | None, shard: Shard) -> dict[str, str]:
    """Return rows as JSON text by id."""
    database = DatabaseHook(
        connect_timeout_seconds=PARSE_CONNECT_TIMEOUT_SECONDS,
        statement_timeout_seconds=PARSE_STATEMENT_TIMEOUT_SECONDS,
    )
    buckets = shard.buckets if row_id is None else [bucket_of(row_id)]
    if not buckets:
        return {}
    try:
        rows = _select_rows(kind, row_id, database, shard)
    except Exception as err:  # whatever it is, the DAGs must not vanish
        log.exception(
            "The application's database does not answer; %ss stay as last read: %s", kind.name, err
        )
        return read_snapshot(kind.name, buckets, row_id)
    if row_id is None:
        write_snapshot(kind.name, buckets, rows)
    return rows


def _select_rows(
    kind: Kind, row_id: UUID | None, database: DatabaseHook, shard: Shard = ALL
) -> dict[str, str]:
    part = {"shard": 0, "shards": 1} if row_id else {"shard": shard.number, "shards": shard.of}
    with database.transaction() as connection:
        rows = fetch_all(connection, kind.select, **{kind.key: row_id}, **part)
    return {str(row["id"]): row["definition"] for row in rows}
