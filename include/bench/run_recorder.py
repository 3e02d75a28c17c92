"""The steps that submit and record a run, with an Amazon that accepts at once."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import psycopg2

from recomamp.amazon.amc.requests import NewExecution
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.store.executions import mark_succeeded, set_amc_status

_connect = psycopg2.connect  # Bound here, so that connections between the steps are never traced
_RESULT = json.dumps({"schema": {"fields": []}, "data": []})


class InstantAmazon:
    """Replaces the hook. Every query is accepted without a call."""

    @contextlib.asynccontextmanager
    async def client_for(self, _execution: object) -> AsyncIterator[InstantAmazon]:
        """Provide a client."""
        yield self

    async def create_execution(self, request: NewExecution) -> AmcExecution:
        """Accept a query."""
        return AmcExecution(
            amc_execution_id=f"amc-{request.workflow_id}",
            workflow_id=request.workflow_id,
            status=AmcStatus.PENDING,
            amc_status="PENDING",
            status_reason=None,
            create_time=datetime.now(UTC),
            last_updated_time=None,
            window_start=None,
            window_end=None,
            parameter_values={},
            output_columns=(),
            execution_time_seconds=None,
            sql_query=None,
            request_id=None,
        )


class _Submit(SubmitExecution):
    amazon = InstantAmazon()  # type: ignore[assignment]


class _Record(RecordRun):
    amazon = InstantAmazon()  # type: ignore[assignment]


class _TaskInstance:
    """The first try of a task."""

    try_number = 1
    max_tries = 1
    id = uuid4()
    task = SimpleNamespace(
        retries=0, retry_delay=timedelta(), retry_exponential_backoff=1.0, max_retry_delay=None
    )

    def get_task_states(
        self, *, dag_id: str, run_ids: list[str], task_ids: list[str]
    ) -> dict[str, dict[str, str]]:
        """Return success for all tasks. Airflow's own answer time is not measured."""
        return {run_id: dict.fromkeys(task_ids, "success") for run_id in run_ids}


class RunRecorder:
    """Runs of one database, one after the other."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._count = 0

    def run(self, ref: DefinitionRef) -> float:
        """Submit and record one run of a schedule or collection; return the seconds of the two.

        The load between the two steps is not counted.
        """
        os.environ["AIRFLOW_CONN_RECOMAMP_DB"] = self.uri
        self._count += 1
        row = {"definition_kind": ref.kind.value, "definition_id": str(ref.id)}
        context = _context(self._count, ref)
        began = time.perf_counter()
        execution_id = _Submit(task_id="submit", **row).execute(context)
        seconds = time.perf_counter() - began
        self._load(UUID(execution_id))
        began = time.perf_counter()
        _Record(task_id="record", **row).execute(context)
        return seconds + time.perf_counter() - began

    def _load(self, execution_id: UUID) -> None:
        with contextlib.closing(_connect(self.uri)) as connection, connection:
            set_amc_status(connection, execution_id, AmcStatus.SUCCEEDED.value)
            mark_succeeded(
                connection,
                execution_id,
                result_data=_RESULT,
                result_rows=0,
                result_size_bytes=0,
                execution_duration_seconds=None,
                completed_at=datetime.now(UTC),
            )


def _context(number: int, ref: DefinitionRef) -> Any:
    """Return Airflow's context; the run's week is one of a collection's hundred."""
    start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=7 * (number % 100))
    if ref.kind is DefinitionKind.SCHEDULE:
        start = datetime(2026, 1, 1, tzinfo=UTC)
    run = SimpleNamespace(
        dag_id=ref.dag_id,
        run_id=f"run {number}",
        run_type="backfill",  # the same weeks again and again
        logical_date=start,
        data_interval_start=start,
        data_interval_end=start + timedelta(days=7),
        run_after=start,
        clear_number=0,
        start_date=datetime.now(UTC),
        conf={},
    )
    return {"dag_run": run, "params": {}, "outlet_events": {}, "ti": _TaskInstance()}
