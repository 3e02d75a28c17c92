"""What the application shows of an open execution that waits for its next try."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import changed


def note_retry(
    connection: Connection, execution_id: UUID, *, next_retry_at: datetime, error_message: str
) -> bool:
    """Say why an open execution waits and until when; False where it has ended."""
    return changed(
        connection,
        "note_retry",
        execution_id=execution_id,
        next_retry_at=next_retry_at,
        error_message=error_message,
    )


def clear_retry(connection: Connection, execution_id: UUID) -> bool:
    """Say that an open execution goes on; False where it did not wait or has ended."""
    return changed(
        connection, "note_retry", execution_id=execution_id, next_retry_at=None, error_message=None
    )
