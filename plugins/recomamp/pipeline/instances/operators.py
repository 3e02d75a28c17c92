"""The steps of the DAGs that look after AMC instances. What they do is imported when it is done."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from recomamp.pipeline import settings
from recomamp.pipeline.hooks import AmcHook, DatabaseHook


class CheckInstances(BaseOperator):
    """Check every active instance; fails only where a result could not be kept."""

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> None:
        """Check all instances, several at once."""
        from recomamp.pipeline.instances.health import check_instances

        database = DatabaseHook.for_all_users()
        check_instances(database=database, amazon=AmcHook(database=database), now=datetime.now(UTC))


class DryRunWorkflows(BaseOperator):
    """Let AMC compile the queries of new and changed workflows; fails where nobody's were asked."""

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> None:
        """Make the dry runs that are due, a few of each user."""
        from recomamp.pipeline.instances.dry_runs import make_dry_runs

        if not settings.are_dry_runs_on():
            raise AirflowSkipException("RECOMAMP_DRY_RUNS is off")
        database = DatabaseHook.for_all_users()
        make_dry_runs(database=database, amazon=AmcHook(database=database), now=datetime.now(UTC))


class SyncSchema(BaseOperator):
    """Bring the tables and columns of AMC into the database, and compare queries with them.

    Fails where an instance could not be read, after the others; a retry asks only about those that
    no try of this run has read.
    """

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> None:
        """Sync all instances, then check the queries of all that are known."""
        from recomamp.pipeline.instances.query_findings import check_queries
        from recomamp.pipeline.instances.schema import sync_schema

        database, now = DatabaseHook.for_all_users(), datetime.now(UTC)
        try:
            sync_schema(
                database=database,
                amazon=AmcHook(database=database),
                now=now,
                since=context["dag_run"].start_date,
            )
        finally:
            check_queries(database=database, now=now)
