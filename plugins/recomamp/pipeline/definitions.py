"""Read the rows that become DAGs: from the database or, while it is away, the last snapshot."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
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
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import DatabaseHook
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


def load_definitions(kind: Kind, dag_id: str | None = None) -> list[Definition]:
    """Return the definitions of all rows, or of the one row that a DAG id names.

    A row that cannot become a DAG is ``Invalid`` and hurts no other. While the database is away
    the rows of the last good read are used, and an error is logged.
    """
    row_id = None if dag_id is None else _row_id(kind, dag_id)
    if dag_id is not None and row_id is None:
        return []
    return [_define(kind, key, text) for key, text in _load_rows(kind, row_id).items()]


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


def _load_rows(kind: Kind, row_id: UUID | None) -> dict[str, str]:
    """Return rows as JSON text by id."""
    database = DatabaseHook(
        connect_timeout_seconds=PARSE_CONNECT_TIMEOUT_SECONDS,
        statement_timeout_seconds=PARSE_STATEMENT_TIMEOUT_SECONDS,
    )
    try:
        rows = _select_rows(kind, row_id, database)
    except Exception as err:  # whatever it is, the DAGs must not vanish
        log.exception(
            "The application's database does not answer; %ss stay as last read: %s", kind.name, err
        )
        return _read_snapshot(kind, row_id)
    if row_id is None:
        _write_snapshot(kind, rows)
    return rows


def _select_rows(kind: Kind, row_id: UUID | None, database: DatabaseHook) -> dict[str, str]:
    with database.transaction() as connection:
        rows = fetch_all(connection, kind.select, **{kind.key: row_id})
    return {str(row["id"]): row["definition"] for row in rows}


def _snapshot_path(kind: Kind) -> Path | None:
    directory = settings.snapshot_dir()
    return directory / f"{kind.name}s.json" if directory else None


def _write_snapshot(kind: Kind, rows: Mapping[str, str]) -> None:
    """Keep the rows for bad days; the file changes as a whole, and only when the rows do."""
    path = _snapshot_path(kind)
    if path is None:
        return
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w", dir=path.parent, encoding="utf-8", suffix=".tmp", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be written: %s", path, err)


def _read_snapshot(kind: Kind, row_id: UUID | None) -> dict[str, str]:
    path = _snapshot_path(kind)
    if path is None or not path.exists():
        log.error("There is no snapshot of %ss: set RECOMAMP_SNAPSHOT_DIR to keep one", kind.name)
        return {}
    try:
        rows: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be read: %s", path, err)
        return {}
    return {key: text for key, text in rows.items() if row_id is None or key == str(row_id)}
