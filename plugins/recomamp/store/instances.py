"""Rows of ``amc_instances``: who is asked about, and how the instances are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.amc_target import AmcTarget
from recomamp.domain.instance_health import Health, HealthStatus
from recomamp.domain.text import MAX_NAME, one_line
from recomamp.store.statements import Row, execute_returning, fetch_all


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance(AmcTarget):
    """An active instance of an active user, and what is known of its health.

    ``consent_error`` is what Amazon said when it refused the user's refresh token.
    """

    health: Health
    last_health_check: datetime | None
    schema_last_sync: datetime | None
    consent_error: str | None

    def __str__(self) -> str:
        """Name it for people; several rows may be one instance of AMC."""
        return f"{one_line(self.instance_id, MAX_NAME)} ({self.instance_key})"


def select_active_instances(connection: Connection) -> list[Instance]:
    """Return all active instances of active users, in a stable order."""
    return [
        _instance(row)
        for row in fetch_all(connection, "select_active_instances", instance_key=None)
    ]


def select_active_instance(connection: Connection, instance_key: UUID) -> Instance | None:
    """Return one instance, None where it or its user is not active."""
    rows = fetch_all(connection, "select_active_instances", instance_key=instance_key)
    return _instance(rows[0]) if rows else None


def update_instance_health(
    connection: Connection,
    instance_key: UUID,
    health: Health,
    *,
    instance_type: str | None,
    checked_at: datetime,
) -> bool:
    """Keep the result of a check; False where a later check has been kept, or the row is gone.

    :param instance_type: Amazon's word, None where it did not say.
    """
    return execute_returning(
        connection,
        "update_instance_health",
        instance_key=instance_key,
        health_status=health.status.value,
        health_error=health.error,
        instance_type=instance_type,
        checked_at=checked_at,
    )


def _instance(row: Row) -> Instance:
    health = Health(
        status=HealthStatus.parse(row.pop("health_status")), error=row.pop("health_error")
    )
    return Instance(health=health, **row)
