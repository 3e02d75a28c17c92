"""The task ``load``: download the result, check it and store it as Parquet and in the row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from time import monotonic
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, Context
from psycopg2.errors import DeadlockDetected

from recomamp.domain import metrics
from recomamp.domain.amc_options import hidden_row_handling
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus, given_up_as
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.errors import (
    ExecutionLocked,
    ExecutionNoLongerOpen,
    InvalidDefinition,
    PipelineError,
    UnexpectedResponse,
)
from recomamp.pipeline import settings
from recomamp.pipeline.assets import has_keys
from recomamp.pipeline.executions.base import ExecutionOperator
from recomamp.pipeline.metrics import count, count_ended, observe
from recomamp.pipeline.retry_policy import next_retry_at
from recomamp.store.executions import mark_succeeded, select_last_result_columns, set_load_error
from recomamp.store.locks import ExecutionLock, Purpose, locked

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from recomamp.domain.result_columns import OutputColumn
    from recomamp.pipeline.executions.acceptance import Acceptance
    from recomamp.store.results.writer import ResultWriter, StoredResults


class LoadResults(ExecutionOperator):
    """Download the results of a finished execution, store them and return the execution's UUID.

    Running it again replaces the same files and the same row. One process at a time does so.
    Results that a rule of the user refuses are stored too; then the task fails, and no asset is
    updated.
    """

    ui_color = "#e6f5e9"
    _loaded: tuple[Execution, StoredResults] | None = None  # by this try

    def execute(self, context: Context) -> str:
        """Load the results of the run's latest attempt."""
        # Here and not above: Arrow would slow down every parse of every DAG file
        from recomamp.pipeline.executions.acceptance import examine, store_outcomes

        with self.error_handling(context):
            execution = self._finished_execution(context)
            with locked(self.database.get_conn, execution.id, Purpose.LOAD) as lock:
                amc, stored = self._load(execution, lock)
                acceptance = examine(execution, stored, database=self.database)
                self._complete(execution, lock, amc, stored, acceptance)
                self._loaded = execution, stored
                if acceptance.outcomes:
                    store_outcomes(self.database, execution.id, acceptance)
            self._compare(execution)
            if acceptance.refusal is not None:
                raise acceptance.refusal
            self._update_asset(context, execution, stored)
            return str(execution.id)

    def get_openlineage_facets_on_complete(
        self, task_instance: Any
    ) -> OperatorLineage[Any, Any] | None:
        """Return what was read and written, for the OpenLineage provider, which calls this.

        None where this try has stored nothing.
        """
        if self._loaded is None:
            return None
        # Here and not above: nobody else needs the provider, which may not be installed
        from recomamp.pipeline.executions.lineage import lineage_of
        from recomamp.store.data_sources import select_instance_tables

        execution, stored = self._loaded
        with self.database.transaction() as connection:
            tables = select_instance_tables(connection, execution.instance_key)
        columns_of = {name: table.columns for name, table in tables.items()}
        return lineage_of(execution, stored, columns_of)

    def write_failure(self, context: Context, error: PipelineError) -> None:
        """Also store the error where the attempt had already ended and AMC has its results."""
        super().write_failure(context, error)
        execution = self.latest_execution(context)
        if execution is None or execution.status.is_open or next_retry_at(error, context):
            return
        if AmcStatus.parse(execution.amc_status) is not AmcStatus.SUCCEEDED:
            return
        _, kind = given_up_as(error.error_type, AmcStatus.SUCCEEDED)
        with self.database.transaction() as connection:
            set_load_error(
                connection,
                execution.id,
                error_type=kind,
                error_message=f"the results could not be loaded: {error}",
            )

    def _load(
        self, execution: Execution, lock: ExecutionLock
    ) -> tuple[AmcExecution, StoredResults]:
        from recomamp.store.results.arrow_memory import use_compact_pool
        from recomamp.store.results.writer import ResultWriter

        use_compact_pool()
        began_at, prefix = monotonic(), f"recomamp-{execution.id}-"
        _remove_leftovers(prefix)
        with (
            TemporaryDirectory(prefix=prefix) as directory,
            ResultWriter(
                results_url=settings.results_url(),
                workflow_id=execution.workflow_id,
                execution_id=execution.id,
                window_start=execution.window.first_date,
                verify_lock=lock.verify,
                limits=settings.limits(),
                hidden_rows=hidden_row_handling(execution.amc_options),
            ) as results,
        ):
            amc = self.step_time.run_step(self._download(execution, Path(directory), results))
            stored = results.finish()
        observe(metrics.LOAD_DURATION, timedelta(seconds=monotonic() - began_at))
        count(metrics.LOADED_ROWS, stored.rows)
        count(metrics.LOADED_BYTES, stored.size_bytes)
        return amc, stored

    def _finished_execution(self, context: Context) -> Execution:
        execution = self.latest_execution(context)
        if execution is None or execution.amc_execution_id is None:
            raise InvalidDefinition("nothing was submitted in this run: clear the task submit")
        if AmcStatus.parse(execution.amc_status) is not AmcStatus.SUCCEEDED:
            raise InvalidDefinition(
                f"AMC says {execution.amc_status} of execution {execution.amc_execution_id}, "
                "which has no results: clear the task wait to run it again"
            )
        return execution

    async def _download(
        self, execution: Execution, directory: Path, results: ResultWriter
    ) -> AmcExecution:
        """Download all parts; ``results`` works on those that are there meanwhile."""
        from recomamp.amazon.amc.result_columns import describe_result
        from recomamp.amazon.download import download_parts
        from recomamp.domain.result_columns import read_columns

        async with self.amazon.client_for(execution) as amc:
            described = await describe_result(amc, execution.amc_execution_id or "")
            columns = read_columns(described.output_columns)
            results.set_columns(columns or self._last_columns(execution))
            await download_parts(amc, described.amc_execution_id, directory, on_part=results.add)
        return described

    def _last_columns(self, execution: Execution) -> Sequence[OutputColumn]:
        """Return the columns of the latest result of the same query, where AMC describes none.

        The files are read as strictly as with AMC's own description.

        :raises UnexpectedResponse: when there is no such result either.
        """
        from recomamp.domain.result_columns import read_stored_columns

        with self.database.transaction() as connection:
            fields = select_last_result_columns(connection, execution.id)
        columns = read_stored_columns(fields if isinstance(fields, list) else None)
        if not columns:
            raise UnexpectedResponse(
                f"AMC does not describe the columns of execution {execution.amc_execution_id}, and "
                "no earlier result of the same query on the instance gives their types; "
                "the next try asks again. Clear the task load to ask later"
            )
        self.log.warning(
            "AMC describes no columns of execution %s: the types of the latest result of the same "
            "query are taken",
            execution.amc_execution_id,
        )
        return columns

    def _complete(
        self,
        execution: Execution,
        lock: ExecutionLock,
        amc: AmcExecution,
        stored: StoredResults,
        acceptance: Acceptance,
    ) -> None:
        """Write the row, which lists the files, now that all of them have their names.

        :raises ExecutionLocked: when the execution is deleted at the same time.
        """
        lock.verify()
        seconds, refusal = amc.execution_time_seconds, acceptance.refusal
        try:
            # The lock's own transaction, so that the row is of the load whose files lie there
            with lock.connection:
                done = mark_succeeded(
                    lock.connection,
                    execution.id,
                    result_data=stored.document,
                    result_rows=stored.rows,
                    result_size_bytes=stored.size_bytes,
                    execution_duration_seconds=None if seconds is None else round(seconds),
                    completed_at=datetime.now(UTC),
                    column_changes=acceptance.column_changes,
                    error_type=refusal.error_type if refusal else None,
                    error_message=str(refusal) if refusal else None,
                    hidden=stored.hidden,
                )
        except DeadlockDetected as err:
            # A deletion locks the execution first and its lock's row after it
            raise ExecutionLocked(
                f"execution {execution.id}: another transaction holds its row and waits for this "
                "load; it may delete the execution. The next try loads the results if they are left"
            ) from err
        if not done:
            raise ExecutionNoLongerOpen(
                f"execution {execution.id} was ended while its results came in"
            )
        if execution.status is not ExecutionStatus.SUCCESS:  # else it is loaded again
            count_ended(ExecutionStatus.SUCCESS)
        self.log.info(
            "Execution %s is %s: %s rows, %s bytes",
            execution.id,
            ExecutionStatus.SUCCESS,
            stored.rows,
            stored.size_bytes,
        )

    def _compare(self, execution: Execution) -> None:
        """Store what the result changed against the version of the window before."""
        from recomamp.pipeline.executions.versions import compare_with_previous

        compare_with_previous(
            execution.id,
            database=self.database,
            results_url=settings.results_url(),
            limits=settings.limits(),
        )

    def _update_asset(self, context: Context, execution: Execution, stored: StoredResults) -> None:
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                event = context["outlet_events"][outlet]
                event.extra = {
                    "execution_id": str(execution.id),
                    "rows": stored.rows,
                    "window_start": execution.window.start.isoformat(),
                    "window_end": execution.window.end.isoformat(),
                }
                if has_keys(outlet):
                    event.add_partitions(execution.window.key)


def _remove_leftovers(prefix: str) -> None:
    """Remove what a killed try has downloaded on this machine: it may fill the disk.

    Only for who has the right to load: to anybody else it may be the other's.
    """
    for directory in Path(gettempdir()).glob(f"{prefix}*"):
        rmtree(directory, ignore_errors=True)
