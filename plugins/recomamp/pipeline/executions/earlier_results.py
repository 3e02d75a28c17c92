"""Results that AMC has of an attempt which ended without them: its query is not run again."""

from __future__ import annotations

import logging

from recomamp.domain.execution_states import CONSENT_REVOKED, KILLED, AmcStatus, ExecutionStatus
from recomamp.domain.executions import Execution
from recomamp.domain.run_spec import RunSpec
from recomamp.domain.text import one_line
from recomamp.errors import ConsentRevoked, RequestRejected
from recomamp.pipeline.executions.step_time import StepTime
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.executions import set_amc_status

log = logging.getLogger(__name__)

# Neither AMC nor the results were the cause: the query need not run again though all is cleared
INTERRUPTED = frozenset({KILLED, CONSENT_REVOKED})


def asks_the_same(spec: RunSpec, execution: Execution) -> bool:
    """Return whether the run would ask AMC now for what it asked with this attempt.

    Another instance gives other data for the same query.

    :raises InvalidDefinition: when the query cannot be bound.
    """
    query = spec.query
    return (
        execution.instance_key == spec.definition.workflow.instance_key
        and execution.submitted_sql == query.sql
        and list(execution.input_parameters) == list(query.input_parameters)
        and execution.parameters == query.parameter_values
        and execution.amc_options == spec.amc_options
        and execution.window == spec.window
    )


def are_at_amc(
    execution: Execution, *, database: DatabaseHook, amazon: AmcHook, step_time: StepTime
) -> bool:
    """Return whether AMC has results of an execution that has ended without them.

    AMC is asked where the row does not know: an execution that was to be cancelled may have
    succeeded before AMC came to it.

    :raises AmazonError: when AMC cannot be asked now. One that refuses knows of no results.
    """
    if execution.status.is_open or execution.status is ExecutionStatus.SUCCESS:
        return False
    if execution.amc_execution_id is None:  # nothing leads to them
        return False
    status = AmcStatus.parse(execution.amc_status)
    if not status.is_terminal:
        try:
            status = step_time.run_step(_ask(execution, amazon))
        except (RequestRejected, ConsentRevoked) as err:
            log.info("Execution %s is not looked at: %s", execution.id, one_line(err))
            return False
        with database.transaction() as connection:
            set_amc_status(connection, execution.id, status.value)
    return status is AmcStatus.SUCCEEDED


async def _ask(execution: Execution, amazon: AmcHook) -> AmcStatus:
    async with amazon.client_for(execution) as amc:
        return (await amc.get_execution(execution.amc_execution_id or "")).status
