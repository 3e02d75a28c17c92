"""Links from a task in the UI to what it did elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from recomamp.errors import ConfigurationError
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.executions import select_latest_execution

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class AmcExecutionLink(BaseOperatorLink):
    """Leads to the execution at AMC, where connection ``amazon_ads`` says how to show one.

    Its extra ``execution_url`` is a template such as
    ``https://…/executions/{amc_execution_id}?instance={instance_id}``.
    """

    name = "AMC execution"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the run's latest execution, empty where there is none."""
        try:
            template = AmcHook().get_conn().extra_dejson.get("execution_url")
        except ConfigurationError:
            return ""
        if not template:
            return ""
        with DatabaseHook().transaction() as connection:
            execution = select_latest_execution(
                connection, dag_id=ti_key.dag_id, dag_run_id=ti_key.run_id
            )
        if execution is None or execution.amc_execution_id is None:
            return ""
        return str(template).format(
            amc_execution_id=execution.amc_execution_id, instance_id=execution.instance_id
        )
