"""The link from a task to its execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from recomamp.errors import ConfigurationError
from recomamp.provider.hooks import AmcHook

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class AmcExecutionPageLink(BaseOperatorLink):
    """Leads to a page on the task's execution, where the connection's ``execution_url`` names one.

    Amazon publishes no such address. It is a template, such as
    ``https://…/executions/{amc_execution_id}?instance={instance_id}``.
    """

    name = "AMC execution"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, empty where there is none. Airflow asks in the task's process."""
        place = getattr(operator, "amc_place", None)
        if place is None:
            return ""
        conn_id, instance_id, amc_execution_id = place
        try:
            template = AmcHook(conn_id).get_conn().extra_dejson.get("execution_url")
        except ConfigurationError:
            return ""
        if not template:
            return ""
        return str(template).format(amc_execution_id=amc_execution_id, instance_id=instance_id)
