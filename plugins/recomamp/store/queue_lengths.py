"""How many executions wait and run, by instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLength:
    """The open executions of one user on one AMC instance.

    ``waiting`` have no slot. ``submitting`` have one, and AMC has not accepted them. ``running``
    are at AMC, or their results are not loaded yet. ``waiting_since`` is None where none waits.
    """

    instance_id: str
    user_id: UUID
    waiting: int
    submitting: int
    running: int
    waiting_since: datetime | None


def select_queue_lengths(connection: Connection) -> list[QueueLength]:
    """Return one for each row of ``amc_instances`` that is active or has open executions."""
    return [QueueLength(**row) for row in fetch_all(connection, "select_queue_lengths")]
