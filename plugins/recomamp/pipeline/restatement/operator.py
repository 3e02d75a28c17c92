"""The task that asks for windows to be read again. The follower starts their runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseOperator, Context

from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.store.restatements import (
    RestatementRequest,
    insert_restatement_requests,
    select_restated_users,
)

LOCK_MILLISECONDS = 2_000


class RequestRestatements(BaseOperator):
    """Insert a request for each window that is due; return how many.

    :param now: the clock.
    """

    ui_color = "#e6f0f5"

    def __init__(
        self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._now = now

    def execute(self, context: Context) -> int:
        """Do each user in a transaction of its own; fails in the end where one was left out."""
        database, failures = DatabaseHook(), FailureCollector.of_tenants()
        asked: list[RestatementRequest] = []
        with database.transaction() as connection:
            users = select_restated_users(connection)
        for user_id in users:
            with (
                failures.capture(f"user {user_id}", user_id=user_id),
                database.transaction() as connection,
            ):
                asked += insert_restatement_requests(
                    connection, user_id, now=self._now(), lock_milliseconds=LOCK_MILLISECONDS
                )
        heads = ("definition", "window start", "window end", "age in days")
        rows = [
            (
                one.schedule_id or one.collection_id,
                one.window_start,
                one.window_end,
                one.restate_age_days,
            )
            for one in asked
        ]
        self.log.info("%s", as_table(heads, rows) if rows else "No window is due for restatement")
        failures.raise_if_any("users were left out")
        return len(asked)
