"""Read the rows that become DAGs: from the database or, while it is away, the last snapshot."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

import psycopg2

from recomamp.amazon.regions import endpoint_of, marketplace_of
from recomamp.domain.definitions import Row, read_collection, read_schedule
from recomamp.domain.errors import InvalidDefinition, MissingSetting
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One of the two tables that DAGs are made of."""

    name: str
    dag_prefix: str
    select: str  # statement
    key: str  # its parameter: one row's id, or None for all
    read: Callable[[Row], Schedule | Collection]


SCHEDULES = Kind(
    name="schedule",
    dag_prefix=SCHEDULE_DAG_PREFIX,
    select="select_schedules",
    key="schedule_id",
    read=read_schedule,
)
COLLECTIONS = Kind(
    name="collection",
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
    if dag_id is not None and _row_id(kind, dag_id) is None:
        return []
    return [_define(kind, row) for row in _load_rows(kind, dag_id)]


def load_definition(kind: Kind, row_id: UUID, database: DatabaseHook) -> Schedule | Collection:
    """Return the definition of one row as it is now.

    :raises InvalidDefinition: when the row is gone or says something that cannot be done.
    """
    with database.transaction() as connection:
        rows = fetch_all(connection, kind.select, **{kind.key: row_id})
    if not rows:
        raise InvalidDefinition(f"{kind.name} {row_id} is no longer in the database")
    return kind.read(rows[0])


def _row_id(kind: Kind, dag_id: str) -> UUID | None:
    if not dag_id.startswith(kind.dag_prefix):
        return None
    try:
        return UUID(dag_id.removeprefix(kind.dag_prefix))
    except ValueError:
        return None


def _define(kind: Kind, row: Row) -> Definition:
    try:
        endpoint_of(row["region"] or "us-east-1")
        marketplace_of(row["country_code"] or "US")
        return kind.read(row)
    except InvalidDefinition as err:
        log.warning("%s %s makes no DAG that runs: %s", kind.name, row["id"], err)
        return _invalid(kind, row, err)
    except Exception as err:  # else it would take every other row along
        log.exception("%s %s cannot be read", kind.name, row["id"])
        return _invalid(kind, row, InvalidDefinition(f"cannot be read: {err!r:.500}"))


def _invalid(kind: Kind, row: Row, error: InvalidDefinition) -> Invalid:
    return Invalid(
        kind=kind.name,
        dag_id=f"{kind.dag_prefix}{row['id']}",
        name=row["name"],
        owner=row["owner"],
        instance_id=row["instance_id"],
        error=error,
    )


def _load_rows(kind: Kind, dag_id: str | None) -> list[Row]:
    try:
        rows = _select_rows(kind, dag_id)
    except (psycopg2.Error, MissingSetting) as err:
        log.error(
            "The application's database does not answer; %ss stay as last read: %s", kind.name, err
        )
        return _read_snapshot(kind, dag_id)
    if dag_id is None:
        _write_snapshot(kind, rows)
    return rows


def _select_rows(kind: Kind, dag_id: str | None) -> list[Row]:
    database = DatabaseHook(
        connect_timeout_seconds=PARSE_CONNECT_TIMEOUT_SECONDS,
        statement_timeout_seconds=PARSE_STATEMENT_TIMEOUT_SECONDS,
    )
    with database.transaction() as connection:
        row_id = None if dag_id is None else _row_id(kind, dag_id)
        return list(fetch_all(connection, kind.select, **{kind.key: row_id}))


def _snapshot_path(kind: Kind) -> Path | None:
    directory = settings.snapshot_dir()
    return directory / f"{kind.name}s.json" if directory else None


def _write_snapshot(kind: Kind, rows: Iterable[Row]) -> None:
    """Keep the rows for bad days; the file changes as a whole, and only when the rows do."""
    path = _snapshot_path(kind)
    if path is None:
        return
    text = json.dumps(rows, default=_plain, ensure_ascii=False, indent=1, sort_keys=True)
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


def _read_snapshot(kind: Kind, dag_id: str | None) -> list[Row]:
    path = _snapshot_path(kind)
    if path is None or not path.exists():
        log.error("There is no snapshot of %ss: set RECOMAMP_SNAPSHOT_DIR to keep one", kind.name)
        return []
    rows = json.loads(path.read_text(encoding="utf-8"), object_hook=_revive)
    return [row for row in rows if dag_id is None or f"{kind.dag_prefix}{row['id']}" == dag_id]


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return {"$time": value.isoformat()}
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{value!r} has no place in a snapshot")


def _revive(value: dict[str, object]) -> object:
    text = value.get("$time")
    if not isinstance(text, str):
        return value
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
