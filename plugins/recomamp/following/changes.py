"""Which rows have changed, as the database tells whoever listens."""

from __future__ import annotations

import json
import logging
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extensions import connection as Connection

log = logging.getLogger(__name__)

CHANNEL = "recomamp_definitions"


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was inserted, deleted or changed in a way that DAGs show."""

    table: str
    id: UUID


def listen(
    connection: Connection, wait_seconds: Callable[[], float]
) -> Iterator[set[Change] | None]:
    """Yield None once it listens, then what has changed since the last time.

    :param wait_seconds: for how long to wait for a change until an empty set is yielded.
    :raises psycopg2.Error: when the connection breaks.
    """
    connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
        yield None
        while True:
            select.select([connection], [], [], wait_seconds())
            connection.poll()
            if not connection.notifies:
                cursor.execute("SELECT 1")  # a peer that has silently gone is noticed here
            changes = {read_change(one.payload) for one in connection.notifies}
            connection.notifies.clear()
            yield {change for change in changes if change is not None}


def read_change(payload: str) -> Change | None:
    """Read a notification; anybody may send one, so that nonsense is passed over."""
    try:
        told = json.loads(payload)
        return Change(table=str(told["table"]), id=UUID(told["id"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        log.warning("passing over a notification that cannot be read")
        return None
