"""Run an AMC query: in one task, or in a task for each step with a sensor between them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.endings import ending_of, late_ending_of
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.errors import ExecutionFailed, InvalidDefinition
from recomamp.pipeline.retry_policy import TaskRetryPolicy
from recomamp.provider.attempts import (
    Attempt,
    StateStore,
    clears_of,
    ensure_submitted,
    look_up,
    stored_attempt,
)
from recomamp.provider.download import Destination, download_result
from recomamp.provider.hooks import AmcHook
from recomamp.provider.links import AmcExecutionPageLink
from recomamp.provider.request import request_of, window_of
from recomamp.provider.triggers import AmcExecutionTrigger

DEFAULT_TIMEOUT = timedelta(hours=24)  # for AMC's queue and the run
RETRIES = 3


class _AmcOperator(BaseOperator):
    """Where AMC is, and that a task is retried where that can help.

    :param amc_conn_id: connection of the type ``amc``.
    :param instance_id: AMC's own id; None for that of the connection.
    """

    operator_extra_links = (AmcExecutionPageLink(),)
    ui_color = "#e8f1fa"
    amc_place: tuple[str, str, str] | None = None  # connection, instance, execution: for the link

    def __init__(
        self,
        *,
        amc_conn_id: str = AmcHook.default_conn_name,
        instance_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retries", RETRIES)
        kwargs["retry_policy"] = kwargs.get("retry_policy") or TaskRetryPolicy()
        super().__init__(**kwargs)
        self.amc_conn_id = amc_conn_id
        self.instance_id = instance_id

    @property
    def hook(self) -> AmcHook:
        """The connection as clients."""
        return AmcHook(self.amc_conn_id)

    def _client(self) -> AmcClient:
        return self.hook.client(self.instance_id)

    def _show(self, amc: AmcClient, amc_execution_id: str) -> None:
        self.amc_place = (self.amc_conn_id, amc.account.instance_id, amc_execution_id)


class AmcSubmitOperator(_AmcOperator):
    """Send a query to AMC once, and return AMC's id of its execution.

    A retry finds what an interrupted try has sent. A clear sends it again, unless it still runs.
    ``{{name}}`` in the query is a parameter, never a template of Airflow: values are typed and
    cannot change the query. The values themselves, the window and the ids are templates.

    :param sql: the query, with ``{{name}}`` or ``CUSTOM_PARAMETER('name')`` for values.
    :param parameters: a value by each name, or a definition such as
        ``{"type": "LONG", "default": "{{ params.minimum }}"}``.
    :param window_start: ISO day or time of the first data; without offset in ``time_zone``. By
        default both ends are the run's data interval.
    :param window_end: likewise, end excluded.
    :param time_zone: IANA zone in which AMC reads the window.
    """

    template_fields: Sequence[str] = (
        "amc_conn_id",
        "instance_id",
        "parameters",
        "window_start",
        "window_end",
        "time_zone",
    )
    timeout = DEFAULT_TIMEOUT  # only AmcQueryOperator acts on it

    def __init__(
        self,
        *,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        window_start: str | datetime | None = None,
        window_end: str | datetime | None = None,
        time_zone: str = "UTC",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.parameters = dict(parameters or {})
        self.window_start = window_start
        self.window_end = window_end
        self.time_zone = time_zone

    def execute(self, context: Context) -> Any:
        """Send the query, or find what an interrupted try has sent; return AMC's id.

        :raises InvalidDefinition: when the query cannot be bound, or there is no window.
        :raises PipelineError: as ``ensure_submitted``.
        """
        attempt, _ = self._submit(context)
        return attempt.amc_execution_id

    def state_store(self, context: Context) -> StateStore:
        """Return what keeps the task's latest execution: Airflow's own store of task state.

        Override it where another store keeps one JSON value for each task instance.
        """
        return context["task_state_store"]

    def _submit(self, context: Context) -> tuple[Attempt, AmcExecution]:
        window = window_of(context, self.window_start, self.window_end, self.time_zone)
        request = request_of(self.sql, self.parameters, window)

        async def submit() -> tuple[Attempt, AmcExecution]:
            async with self._client() as amc:
                attempt, found = await ensure_submitted(
                    request,
                    amc,
                    self.state_store(context),
                    clears=clears_of(context),
                    lifetime=self.timeout,
                )
                self._show(amc, found.amc_execution_id)
                return attempt, found

        return asyncio.run(submit())


class AmcQueryOperator(AmcSubmitOperator):
    """Run a query: send it once, wait without a worker, and write its result as Parquet files.

    It returns the ids, the window, the number of rows and the list of files, each with ``uri``,
    ``rows``, ``bytes`` and ``sha256``. A task that is marked failed cancels its execution.

    :param output_url: fsspec URL of a folder. The files lie in a folder of their own below it, by
        window and execution, so no result replaces another.
    :param timeout: from the sending. After it the execution is cancelled, and the task fails.
    """

    template_fields: Sequence[str] = (*AmcSubmitOperator.template_fields, "output_url")

    def __init__(
        self, *, output_url: str, timeout: timedelta = DEFAULT_TIMEOUT, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.output_url = output_url
        self.timeout = timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Send or adopt, then defer until AMC has ended the execution.

        :raises ExecutionEnded: when AMC has ended it without a result.
        :raises PipelineError: as ``ensure_submitted`` and ``download_result``.
        """
        return self._act(context, *self._submit(context))

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the trigger's event, which says only that it is worth looking."""
        self.log.info("Woken up: %s", event)
        attempt = stored_attempt(self.state_store(context))
        if attempt is None or attempt.amc_execution_id is None:
            return self.execute(context)
        return self._act(context, attempt, None)

    def _act(
        self, context: Context, attempt: Attempt, found: AmcExecution | None
    ) -> dict[str, Any]:
        """Download, fail or defer, as AMC's status says."""
        result = asyncio.run(self._download_if_ended(attempt, found))
        if result is not None:
            return result
        ti = context["ti"]
        self.defer(
            trigger=AmcExecutionTrigger(
                amc_conn_id=self.amc_conn_id,
                instance_id=self.instance_id,
                amc_execution_id=str(attempt.amc_execution_id),
                submitted_at=attempt.sent_at,
                deadline_at=attempt.deadline_at,
                cancels_for={
                    "dag_id": ti.dag_id,
                    "run_id": ti.run_id,
                    "task_id": ti.task_id,
                    "map_index": -1 if ti.map_index is None else ti.map_index,
                },
            ),
            method_name="resume",
        )

    async def _download_if_ended(
        self, attempt: Attempt, found: AmcExecution | None
    ) -> dict[str, Any] | None:
        """Return the result, None while AMC works on it."""
        async with self._client() as amc:
            amc_execution_id = str(attempt.amc_execution_id)
            self._show(amc, amc_execution_id)
            if found is None:
                found = await look_up(attempt, amc)
            if found is None:
                raise ExecutionFailed(f"AMC no longer knows execution {amc_execution_id}")
            if not found.status.is_terminal:
                if datetime.now(UTC) < attempt.deadline:
                    return None
                found = await amc.cancel_execution(amc_execution_id)
                if found.status is not AmcStatus.SUCCEEDED:
                    raise late_ending_of(found, attempt.deadline)
            if found.status is not AmcStatus.SUCCEEDED:
                raise ending_of(found)
            task = f"{self.dag_id}.{self.task_id}"
            return await download_result(
                amc,
                amc_execution_id,
                Destination(output=self.output_url, task=task, time_zone=self.time_zone),
            )


class AmcDownloadOperator(_AmcOperator):
    """Write the result of an execution that has SUCCEEDED as Parquet files.

    It returns what ``AmcQueryOperator`` returns.

    :param amc_execution_id: AMC's id, such as ``submit.output``.
    :param output_url: fsspec URL of a folder.
    :param time_zone: IANA zone of the day in the folder's name.
    """

    template_fields: Sequence[str] = (
        "amc_conn_id",
        "instance_id",
        "amc_execution_id",
        "output_url",
        "time_zone",
    )

    def __init__(
        self, *, amc_execution_id: str, output_url: str, time_zone: str = "UTC", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.amc_execution_id = amc_execution_id
        self.output_url = output_url
        self.time_zone = time_zone

    def execute(self, context: Context) -> dict[str, Any]:
        """Download; raises InvalidDefinition where the execution has no result."""

        async def download() -> dict[str, Any]:
            async with self._client() as amc:
                self._show(amc, self.amc_execution_id)
                found = await amc.get_execution(self.amc_execution_id)
                if not found.status.is_terminal:
                    raise InvalidDefinition(
                        f"execution {self.amc_execution_id} is {found.amc_status}: wait for it "
                        "with AmcExecutionSensor"
                    )
                if found.status is not AmcStatus.SUCCEEDED:
                    raise ending_of(found)
                task = f"{self.dag_id}.{self.task_id}"
                return await download_result(
                    amc,
                    self.amc_execution_id,
                    Destination(output=self.output_url, task=task, time_zone=self.time_zone),
                )

        return asyncio.run(download())
