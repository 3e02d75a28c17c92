"""The step of the DAG that looks after products. What it does is imported when it is done."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import BaseOperator, Context

from recomamp.pipeline.hooks import AmcHook, DatabaseHook


class SyncAsins(BaseOperator):
    """Ask Amazon about the products that are due, and keep what it says.

    Fails where products could not be asked about, after the others; a retry asks about those only.
    """

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> None:
        """Ask in the names of all users, several at once."""
        from recomamp.pipeline.asins.sync import sync_asins

        database = DatabaseHook.for_all_users()
        sync_asins(database=database, amazon=AmcHook(database=database), now=datetime.now(UTC))
