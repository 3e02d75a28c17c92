"""The tasks of the daily maintenance. Each may run again, or continue after it was killed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from psycopg2.errors import QueryCanceled

from recomamp.domain.text import one_line
from recomamp.errors import InvalidResults, PipelineError
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.store.database_statistics import (
    analyze_table,
    select_slow_queries,
    select_tables_to_analyze,
    select_unused_indexes,
)
from recomamp.store.maintenance_findings import (
    Finding,
    FindingKind,
    replace_findings,
    select_findings,
)
from recomamp.store.statements import delete_oldest

BATCH_ROWS = 10_000  # a transaction; more would hold its locks for long
ANALYZE_TIMEOUT_SECONDS = 600  # of one table
UNUSED_FROM_BYTES = 1024 * 1024  # smaller indexes cost little
SLOW_FROM_MS = 1000
SLOWEST = 20
MOST_FINDINGS = 100  # of one step; more would show nothing new
_MAX_QUERY = 1000


class MaintenanceOperator(BaseOperator):
    """A task of the maintenance that may find problems for a person to check."""

    ui_color = "#eeeeee"

    def keep(self, context: Context, findings: Sequence[Finding]) -> None:
        """Write findings into ``maintenance_findings``, instead of an earlier try's."""
        shown = list(findings[:MOST_FINDINGS])
        if more := len(findings) - len(shown):
            shown.append(
                Finding(kind=findings[-1].kind, subject="more", detail=f"{more} more like these")
            )
        with DatabaseHook().transaction() as connection:
            replace_findings(
                connection,
                dag_run_id=context["dag_run"].run_id,
                task_id=self.task_id,
                at=datetime.now(UTC),
                findings=shown,
            )


class PurgeRows(MaintenanceOperator):
    """Delete rows that have had their time, batch after batch; return how many.

    :param statement: deletes at most ``limit`` rows from ``before`` a time.
    :param kept: how long rows are kept.
    """

    batch_rows = BATCH_ROWS

    def __init__(self, *, statement: str, kept: timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.statement = statement
        self.kept = kept

    def execute(self, context: Context) -> int:
        """Delete batch after batch, each in a transaction of its own."""
        database, before = DatabaseHook.for_all_users(), datetime.now(UTC) - self.kept
        total = 0
        while True:
            with database.transaction() as connection:
                deleted = delete_oldest(
                    connection, self.statement, before=before, limit=self.batch_rows
                )
            total += deleted
            self.log.info("%s rows deleted, %s in all", deleted, total)
            if deleted < self.batch_rows:
                return total


class AnalyzeTables(MaintenanceOperator):
    """Gather the statistics of every table that has changed since; return their names."""

    def execute(self, context: Context) -> list[str]:
        """Analyze one table after the other; fails in the end where one could not be."""
        database = DatabaseHook(statement_timeout_seconds=ANALYZE_TIMEOUT_SECONDS)
        with database.transaction() as connection:
            tables = select_tables_to_analyze(connection)
        analyzed: list[str] = []
        locked: list[str] = []
        failed = FailureCollector.of_tenants()
        for table in tables:
            with failed.capture(table):
                is_analyzed = _analyze(database, table)
                (analyzed if is_analyzed else locked).append(table)
                self.log.info("%s %s", table, "analyzed" if is_analyzed else "is locked")
        self.keep(context, [_locked(table) for table in locked])
        failed.raise_if_any("tables not analyzed")
        return analyzed


class FindUnusedIndexes(MaintenanceOperator):
    """Find indexes that no query uses; return how many."""

    def execute(self, context: Context) -> int:
        """Look at what the server has counted."""
        with DatabaseHook().transaction() as connection:
            found = select_unused_indexes(connection, larger_than_bytes=UNUSED_FROM_BYTES)
        self.keep(
            context,
            [
                Finding(
                    kind=FindingKind.UNUSED_INDEX,
                    subject=f"{one.table_name}.{one.index_name}",
                    detail=f"{one.size_bytes / 1024**2:.1f} MiB, not used by any query since "
                    + (f"{one.counted_since:%F}" if one.counted_since else "counting began"),
                )
                for one in found
            ],
        )
        return len(found)


class FindSlowQueries(MaintenanceOperator):
    """Find queries that take long on average, where the server counts them; return how many."""

    def execute(self, context: Context) -> int:
        """Look at what the server has counted."""
        with DatabaseHook().transaction() as connection:
            found = select_slow_queries(connection, longer_than_ms=SLOW_FROM_MS, limit=SLOWEST)
        self.keep(
            context,
            [
                Finding(
                    kind=FindingKind.SLOW_QUERY,
                    subject=one_line(one.query, _MAX_QUERY),
                    detail=f"{one.mean_exec_time / 1000:.1f} s on average, {one.calls} calls, "
                    f"{one.total_exec_time / 1000:.0f} s in all",
                )
                for one in found
            ],
        )
        return len(found)


class ApplyRetention(MaintenanceOperator):
    """Make room among old results; return of how many.

    :param what: ``documents``, or ``files`` of superseded results.
    """

    def __init__(self, *, what: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.what = what

    def execute(self, context: Context) -> int:
        """Do all old results; fails in the end where the storage did not answer."""
        # Here and not above: file systems would slow down every parse of every DAG file
        from recomamp.pipeline.maintenance.retention import delete_files, trim_documents
        from recomamp.store.results.stored_files import StoredFiles

        is_documents = self.what == "documents"
        kept = (
            settings.result_data_retention() if is_documents else settings.result_files_retention()
        )
        if kept is None:
            self.log.info("All %s of results are kept: no setting says how long", self.what)
            return 0
        now = datetime.now(UTC)
        retain = trim_documents if is_documents else delete_files
        retained = retain(
            DatabaseHook.for_all_users(),
            StoredFiles(settings.results_url()),
            before=now - kept,
            now=now,
        )
        self.keep(context, retained.findings)
        if retained.failures:
            raise InvalidResults(f"{len(retained.failures)}: {'; '.join(retained.failures[:10])}")
        return retained.done


class ReportFindings(MaintenanceOperator):
    """Show what the run has found as one table in the log; return it."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Read what the steps have kept, those of failed steps too."""
        with DatabaseHook().transaction() as connection:
            found = select_findings(connection, dag_run_id=context["dag_run"].run_id)
        heads = ("kind", "subject", "detail")
        rows = [[one[head] for head in heads] for one in found]
        nothing = "Nothing was found that a person should look at"
        self.log.info("%s", as_table(heads, rows) if rows else nothing)
        return found


def _analyze(database: DatabaseHook, table: str) -> bool:
    """Gather the statistics of a table; False where somebody else holds its lock.

    :raises PipelineError: when it takes too long.
    """
    try:
        with database.transaction() as connection:
            return analyze_table(connection, table)
    except QueryCanceled as err:
        raise PipelineError(
            f"ANALYZE took more than {ANALYZE_TIMEOUT_SECONDS} s: the owner may run it by hand"
        ) from err


def _locked(table: str) -> Finding:
    return Finding(
        kind=FindingKind.TABLE_LOCKED,
        subject=table,
        detail="its statistics could not be gathered: somebody else holds its lock",
    )
