"""What the application shows of an execution whose last try failed: why, when next, how often."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import execute_returning


def set_next_retry(
    connection: Connection,
    execution_id: UUID,
    *,
    next_retry_at: datetime | None,
    error_message: str,
    error_type: str | None = None,
) -> bool:
    """Say why a try failed and when the next one comes; False where the execution has ended.

    :param next_retry_at: None where no try will come.
    :param error_type: of the error, where the step has failed for good; else None.
    """
    return execute_returning(
        connection,
        "set_next_retry",
        execution_id=execution_id,
        next_retry_at=next_retry_at,
        error_type=error_type,
        error_message=error_message,
    )


def clear_next_retry(connection: Connection, execution_id: UUID) -> bool:
    """Say that an open execution goes on; False where it was not said to wait or has ended."""
    return execute_returning(
        connection,
        "set_next_retry",
        execution_id=execution_id,
        next_retry_at=None,
        error_type=None,
        error_message=None,
    )


def increment_retry_count(connection: Connection, execution_id: UUID) -> bool:
    """Count a further try of an open execution, which goes on; False where it has ended."""
    return execute_returning(connection, "increment_retry_count", execution_id=execution_id)


def delete_next_retry(connection: Connection, execution_id: UUID) -> bool:
    """Say that no attempt follows an ended one; False where none was said to."""
    return execute_returning(connection, "delete_next_retry", execution_id=execution_id)


def set_load_error(
    connection: Connection, execution_id: UUID, *, error_type: str, error_message: str
) -> bool:
    """Say why the results of an ended execution were not loaded; False where they have been."""
    return execute_returning(
        connection,
        "set_load_error",
        execution_id=execution_id,
        error_type=error_type,
        error_message=error_message,
    )
