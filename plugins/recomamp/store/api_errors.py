"""Rows of ``amc_api_errors``: calls to Amazon that failed, one row a try."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.store.statements import execute_returning


def insert_api_error(
    connection: Connection,
    *,
    instance_key: UUID,
    execution_id: UUID | None,
    user_id: UUID,
    at: datetime,
    method: str,
    path: str,
    operation: str,
    status: int | None,
    code: str | None,
    request_id: str | None,
    message: str,
    attempt: int,
) -> None:
    """Keep a failed call. The caller has taken secrets out of it."""
    execute_returning(
        connection,
        "insert_api_error",
        instance_key=instance_key,
        execution_id=execution_id,
        user_id=user_id,
        at=at,
        method=method,
        path=path,
        operation=operation,
        status=status,
        code=code,
        request_id=request_id,
        message=message,
        attempt=attempt,
    )
