"""Read the rows that become DAGs: from the database or, while it is away, the last snapshot."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from time import monotonic
from typing import Any
from uuid import UUID

from recomamp.amazon.regions import endpoint_of, marketplace_of
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.definitions import (
    Collection,
    Definition,
    InvalidDefinitionRow,
    QueryCheck,
    Row,
    Schedule,
    read_collection,
    read_schedule,
)
from recomamp.domain.sql.lint import check_and_lint
from recomamp.domain.text import one_line
from recomamp.errors import InvalidDefinition
from recomamp.pipeline import settings
from recomamp.pipeline.generator.query_checks import CheckedQueries, ParseTimeSpent, kept_check
from recomamp.pipeline.generator.shards import ALL, Shard, bucket_of
from recomamp.pipeline.generator.snapshots import (
    KeptRow,
    has_snapshot,
    read_snapshot,
    write_snapshot,
)
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.logs import frames
from recomamp.store.statements import fetch_all

log = logging.getLogger(__name__)

PARSE_CONNECT_TIMEOUT_SECONDS = 3  # Airflow gives a file 30 s to import
PARSE_STATEMENT_TIMEOUT_SECONDS = 10
_SHOWN_IDS = 20
_UNKEPT_SECONDS = 1.0  # of checks whose verdicts a killed parse may lose

_TIMES: dict[str, Callable[[str], object]] = {
    "created_at": datetime.fromisoformat,
    "start_date": date.fromisoformat,
    "end_date": date.fromisoformat,
}


READERS: dict[DefinitionKind, Callable[[Row, QueryCheck], Schedule | Collection]] = {
    DefinitionKind.SCHEDULE: read_schedule,
    DefinitionKind.COLLECTION: read_collection,
}


def load_definitions(
    kind: DefinitionKind,
    dag_id: str | None = None,
    shard: Shard = ALL,
    *,
    clock: Callable[[], float] = monotonic,
) -> list[Definition]:
    """Return the definitions of a shard's rows, or of the one row that a DAG id names.

    A row that cannot become a DAG is an ``InvalidDefinitionRow`` and affects no other. While the
    database does not answer, the rows of the last good read are used and an error is logged.
    Queries are checked for ``RECOMAMP_PARSE_SECONDS`` at most. A row whose query was not checked
    in that time stays as it was last read.
    """
    if dag_id is not None:
        row_id = _row_id(kind, dag_id)
        return [] if row_id is None else _load_one(kind, row_id)
    if not shard.buckets:
        return []
    kept = read_snapshot(kind, shard.buckets)
    known = {one: verdict for row in kept.values() for one, verdict in row.verdicts.items()}
    queries = CheckedQueries(known, seconds=settings.parse_seconds(), clock=clock)
    rows = _select_or_none(kind, None, shard)
    is_away = rows is None
    if rows is None:
        rows = {key: row.definition for key, row in kept.items()}

    def keep(buckets: Iterable[int], to_keep: Mapping[str, KeptRow]) -> None:
        if not is_away:
            write_snapshot(kind, buckets, to_keep)

    definitions, to_keep = _define_all(kind, rows, kept, queries, keep)
    keep(shard.buckets, to_keep)
    return [definitions[key] for key in sorted(definitions)]


def _load_one(kind: DefinitionKind, row_id: UUID) -> list[Definition]:
    rows = _select_or_none(kind, row_id)
    if rows is None:
        kept = read_snapshot(kind, [bucket_of(row_id)])
        rows = {key: row.definition for key, row in kept.items() if key == str(row_id)}
    return [_define(kind, key, text) for key, text in rows.items()]


def _define_all(
    kind: DefinitionKind,
    rows: Mapping[str, str],
    kept: Mapping[str, KeptRow],
    queries: CheckedQueries,
    keep: Callable[[Iterable[int], Mapping[str, KeptRow]], None],
) -> tuple[dict[str, Definition], dict[str, KeptRow]]:
    """Return the definitions of rows, and what to keep of them for the next parse.

    Short rows come first, so that one user's long queries take no time from others' short ones.
    ``keep`` is called between checks too, because Airflow may end this parse at any moment.
    """
    definitions: dict[str, Definition] = {}
    to_keep = {key: kept.get(key) or KeptRow(definition=text) for key, text in rows.items()}
    late: list[str] = []
    unkept_buckets: set[int] = set()
    kept_at_seconds = queries.seconds
    for key in sorted(rows, key=lambda key: (len(rows[key]), key)):
        queries.latest = {}
        try:
            definitions[key] = _define(kind, key, rows[key], queries)
            to_keep[key] = KeptRow(definition=rows[key], verdicts=queries.latest)
        except ParseTimeSpent:
            late.append(key)
            definitions[key], to_keep[key] = _as_last_read(kind, key, rows[key], kept.get(key))
        unkept_buckets.add(bucket_of(UUID(key)))
        if queries.seconds - kept_at_seconds >= _UNKEPT_SECONDS:
            keep(unkept_buckets, to_keep)
            unkept_buckets, kept_at_seconds = set(), queries.seconds
    if late:
        log.error(
            "RECOMAMP_PARSE_SECONDS: no time was left to check the queries of %s %ss. They stay as "
            "last read until the next parse: %s%s%s",
            len(late),
            kind,
            ", ".join(late[:_SHOWN_IDS]),
            " …" if len(late) > _SHOWN_IDS else "",
            "" if settings.snapshot_dir() else "; set RECOMAMP_SNAPSHOT_DIR so that parses go on",
        )
    return definitions, to_keep


def _as_last_read(
    kind: DefinitionKind, key: str, text: str, kept: KeptRow | None
) -> tuple[Definition, KeptRow]:
    """Return the last definition whose query was checked, or one that says that it waits.

    The verdict may be of an earlier version of the checking code. It holds until the new check.
    """
    if kept is not None and kept.verdicts:
        return _define(kind, key, kept.definition, kept_check(kept.verdicts)), kept
    problem = "waits to be checked: there was no time left for it; the next parse goes on with it"
    error = InvalidDefinition(problem, table="workflows", column="sql_query")
    waiting = _invalid(kind, key, parse_row(text), error, is_waiting=True)
    return waiting, KeptRow(definition=text)


def load_definition(
    ref: DefinitionRef, database: DatabaseHook, check_query: QueryCheck = check_and_lint
) -> Schedule | Collection:
    """Return the definition of one row as it is now.

    :param check_query: does what ``check_and_lint`` does, which may take seconds.
    :raises InvalidDefinition: when the row is gone or says something that cannot be done.
    """
    text = _select_rows(ref.kind, ref.id, database).get(str(ref.id))
    if text is None:
        raise InvalidDefinition(f"{ref} is no longer in the database")
    return _read(ref.kind, parse_row(text), check_query)


def _row_id(kind: DefinitionKind, dag_id: str) -> UUID | None:
    if not dag_id.startswith(kind.dag_prefix):
        return None
    try:
        return UUID(dag_id.removeprefix(kind.dag_prefix))
    except ValueError:
        return None


def parse_row(text: str) -> dict[str, Any]:
    """Read a row's JSON.

    :raises InvalidDefinition: when a column is nested too deeply or out of range.
    """
    row = _parse_json(text)
    _read_times(row)
    return row


def _parse_json(text: str) -> dict[str, Any]:
    try:
        row: dict[str, Any] = json.loads(text)
    except RecursionError as err:
        raise InvalidDefinition("parameters are nested too deeply") from err
    if not isinstance(row, dict):  # a snapshot that something else has written
        raise InvalidDefinition("is not a JSON object")
    return row


def _read_times(row: dict[str, Any]) -> None:
    for column, read in _TIMES.items():
        if row.get(column) is not None:
            try:
                row[column] = read(row[column])
            except ValueError as err:
                raise InvalidDefinition(f"{row[column]} is out of range", column=column) from err


def _read(kind: DefinitionKind, row: Row, check_query: QueryCheck) -> Schedule | Collection:
    endpoint_of(row["region"] or "us-east-1")
    marketplace_of(row["country_code"], row["marketplace_id"])
    return READERS[kind](row, check_query)


def _define(
    kind: DefinitionKind, key: str, text: str, check_query: QueryCheck = check_and_lint
) -> Definition:
    row: dict[str, Any] = {}
    try:
        row = _parse_json(text)
        _read_times(row)
        return _read(kind, row, check_query)
    except InvalidDefinition as err:
        log.warning("%s %s makes no DAG that runs: %s", kind, key, err)
        return _invalid(kind, key, row, err.at(table=kind.table, column="", key=key))
    except ParseTimeSpent:
        raise
    except Exception as err:  # noqa: BLE001  an error here would remove all DAGs
        log.error("%s %s cannot be read: %s\n%s", kind, key, one_line(repr(err)), frames(err))
        problem = InvalidDefinition(f"cannot be read: {err!r:.500}", table=kind.table, key=key)
        return _invalid(kind, key, row, problem)


def _invalid(
    kind: DefinitionKind, key: str, row: Row, error: InvalidDefinition, *, is_waiting: bool = False
) -> InvalidDefinitionRow:
    return InvalidDefinitionRow(
        ref=DefinitionRef(kind, UUID(key)),
        name=str(row.get("name") or key),
        owner=str(row.get("owner") or ""),
        instance_id=str(row.get("instance_id") or ""),
        workflow_id=_uuid(row.get("workflow_id")),
        workflow_name=str(row.get("workflow_name") or ""),
        error=error,
        is_waiting=is_waiting,
    )


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _select_or_none(
    kind: DefinitionKind, row_id: UUID | None, shard: Shard = ALL
) -> dict[str, str] | None:
    """Return rows as JSON text by id, None while the database does not answer."""
    database = DatabaseHook(
        connect_timeout_seconds=PARSE_CONNECT_TIMEOUT_SECONDS,
        statement_timeout_seconds=PARSE_STATEMENT_TIMEOUT_SECONDS,
    )
    try:
        return _select_rows(kind, row_id, database, shard)
    except Exception as err:  # an error here would remove all DAGs
        log.exception(
            "The application's database does not answer; %ss stay as last read: %s", kind, err
        )
    if not has_snapshot(kind, shard.buckets if row_id is None else [bucket_of(row_id)]):
        log.error("There is no snapshot of %ss: set RECOMAMP_SNAPSHOT_DIR to keep one", kind)
    return None


def _select_rows(
    kind: DefinitionKind, row_id: UUID | None, database: DatabaseHook, shard: Shard = ALL
) -> dict[str, str]:
    part = {"shard": 0, "shards": 1} if row_id else {"shard": shard.number, "shards": shard.of}
    with database.transaction() as connection:
        rows = fetch_all(
            connection, "select_definitions", kind=kind.value, definition_id=row_id, **part
        )
    return {str(row["id"]): row["definition"] for row in rows}
