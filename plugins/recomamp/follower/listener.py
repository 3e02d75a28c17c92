"""Which rows have changed, as the database notifies its listeners."""

from __future__ import annotations

import json
import logging
import select
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extensions import connection as Connection

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.store.statements import fetch_all

log = logging.getLogger(__name__)

CHANNEL = "recomamp_definitions"
DEFINITIONS = frozenset(kind.table for kind in DefinitionKind)
# Rows that several DAGs show. A finding is announced with the id of its workflow
SHARED = frozenset({"workflows", "workflow_findings", "amc_instances", "amc_accounts", "users"})
# Anybody may send any number. Beyond these it is cheaper to take it that everything has changed
MAX_NOTIFICATIONS = 1_000
_MAX_POLLS = 100  # of one bunch; each reads some kilobytes
_QUIET_SECONDS = 0.05  # then a bunch has come as a whole


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """A row that was inserted, deleted or changed in a way that DAGs show."""

    table: str
    id: UUID


def listen(
    connection: Connection, wait_seconds: Callable[[], float]
) -> Iterator[set[DefinitionChange] | None]:
    """Yield None once it listens, then what has changed since the last time.

    None also comes instead of more than ``MAX_NOTIFICATIONS`` at once: anything may have changed.

    :param wait_seconds: for how long to wait for a change until an empty set is yielded.
    :raises psycopg2.Error: when the connection breaks.
    """
    connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    # psycopg2 appends to any object
    connection.notifies = deque(maxlen=MAX_NOTIFICATIONS + 1)  # type: ignore[assignment]
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
        yield None
        while True:
            if not connection.notifies:  # some come along with the answer to another statement
                select.select([connection], [], [], wait_seconds())
                connection.poll()
            if not connection.notifies:
                cursor.execute("SELECT 1")  # a peer that has silently gone is noticed here
            if connection.notifies:
                _read_bunch(connection)
            received = list(connection.notifies)
            connection.notifies.clear()
            if len(received) > MAX_NOTIFICATIONS:
                yield None
                continue
            changes = {read_change(one.payload) for one in received}
            yield {change for change in changes if change is not None}


def _read_bunch(connection: Connection) -> None:
    for _ in range(_MAX_POLLS):
        if not select.select([connection], [], [], _QUIET_SECONDS)[0]:
            return
        connection.poll()


def changed_definitions(
    connection: Connection, changes: Collection[DefinitionChange]
) -> set[DefinitionChange]:
    """Return the changes of schedules and collections, and those whose DAGs show another row.

    Anybody may send a notification: of other tables, and of rows that no DAG shows, nothing comes.
    """
    own = {change for change in changes if change.table in DEFINITIONS}
    row_ids = [change.id for change in changes if change.table in SHARED]
    if not row_ids:  # as mostly; the statement reads every schedule and collection
        return own
    showing = fetch_all(connection, "select_affected_definitions", row_ids=row_ids)
    return own | {DefinitionChange(table=row["table_name"], id=row["id"]) for row in showing}


def read_change(payload: str) -> DefinitionChange | None:
    """Read a notification; anybody may send one, so that nonsense is passed over."""
    try:
        change = json.loads(payload)
        return DefinitionChange(table=str(change["table"]), id=UUID(change["id"]))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        log.warning("passing over a notification that cannot be read")
        return None
