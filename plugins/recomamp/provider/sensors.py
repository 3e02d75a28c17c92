"""Wait until AMC has ended an execution."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSensorTimeout

from recomamp.amazon.amc.endings import ending_of
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.pipeline.retry_policy import TaskRetryPolicy
from recomamp.provider.hooks import AmcHook
from recomamp.provider.links import AmcExecutionPageLink
from recomamp.provider.triggers import AmcExecutionTrigger

RETRIES = 3


class AmcExecutionSensor(BaseSensorOperator):
    """Wait until AMC has ended an execution, and return its id when it has a result.

    It cancels nothing, because it need not be the only task that waits.

    :param amc_execution_id: AMC's id, such as ``submit.output``.
    :param amc_conn_id: connection of the type ``amc``.
    :param instance_id: AMC's own id; None for that of the connection.
    :param deferrable: whether to wait in the triggerer. Otherwise ``mode`` and ``poke_interval``
        say how the worker waits.
    """

    template_fields: Sequence[str] = ("amc_conn_id", "instance_id", "amc_execution_id")
    operator_extra_links = (AmcExecutionPageLink(),)
    ui_color = "#fdf3dc"
    amc_place: tuple[str, str, str] | None = None  # connection, instance, execution: for the link

    def __init__(
        self,
        *,
        amc_execution_id: str,
        amc_conn_id: str = AmcHook.default_conn_name,
        instance_id: str | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retries", RETRIES)
        kwargs["retry_policy"] = kwargs.get("retry_policy") or TaskRetryPolicy()
        super().__init__(**kwargs)
        self.amc_execution_id = amc_execution_id
        self.amc_conn_id = amc_conn_id
        self.instance_id = instance_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> str:
        """Wait.

        :raises ExecutionEnded: when AMC has ended the execution without a result.
        :raises AirflowSensorTimeout: when it has not ended within the sensor's ``timeout``.
        """
        if not self.deferrable:
            super().execute(context)
            return self.amc_execution_id
        return self._return_or_defer(datetime.now(UTC) + timedelta(seconds=self.timeout))

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Go on after the trigger's event, which says only that it is worth looking."""
        self.log.info("Woken up: %s", event)
        return self._return_or_defer(datetime.fromisoformat((event or {})["deadline_at"]))

    def poke(self, context: Context) -> bool:
        """Return whether the execution has a result."""
        return self._ask().status is AmcStatus.SUCCEEDED

    def _return_or_defer(self, deadline: datetime) -> str:
        found = self._ask()
        if found.status is AmcStatus.SUCCEEDED:
            return self.amc_execution_id
        if datetime.now(UTC) >= deadline:
            raise AirflowSensorTimeout(
                f"AMC has not ended execution {self.amc_execution_id} within {self.timeout} seconds"
            )
        self.defer(
            trigger=AmcExecutionTrigger(
                amc_conn_id=self.amc_conn_id,
                instance_id=self.instance_id,
                amc_execution_id=self.amc_execution_id,
                submitted_at=(found.create_time or datetime.now(UTC)).isoformat(),
                deadline_at=deadline.isoformat(),
            ),
            method_name="resume",
        )

    def _ask(self) -> AmcExecution:
        """Return what AMC says; raises ExecutionEnded where it has ended without a result."""

        async def ask() -> AmcExecution:
            async with AmcHook(self.amc_conn_id).client(self.instance_id) as amc:
                instance_id = amc.account.instance_id
                self.amc_place = (self.amc_conn_id, instance_id, self.amc_execution_id)
                return await amc.get_execution(self.amc_execution_id)

        found = asyncio.run(ask())
        if found.status.is_terminal and found.status is not AmcStatus.SUCCEEDED:
            raise ending_of(found)
        return found
