"""Submit a DAG run's work to AMC exactly once, though AMC has no idempotency key.

The row of the attempt comes first. It is unique on DAG run and attempt, and holds a place in the
queue for a slot. Its UUID is in the name of the query at AMC (``recomamp-<id>``). Before the first
call the row says that the query is being sent, so that a later try knows of the doubt. On any doubt
the task looks at AMC for that name. It adopts what it finds, and sends the query again only where
it finds nothing. A task that finds its attempt open adopts it. One that finds it ended opens the
next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from psycopg2.extensions import connection as Connection

from recomamp.amazon.amc.requests import AMC_TIMEOUT_SECONDS, NewExecution
from recomamp.amazon.amc.search import create_or_find
from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.execution_states import Actor, ExecutionStatus
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.domain.restatement import is_restatement
from recomamp.domain.run_spec import DagRunKey, RunSpec
from recomamp.domain.sql.lint import remedy_for_long_values
from recomamp.errors import (
    ConsentRevoked,
    ExecutionNoLongerOpen,
    InstanceUnusable,
    PipelineError,
    RequestRejected,
    WeekSkipped,
)
from recomamp.pipeline.executions.adoption import (
    DEADLINE,
    find_submitted_execution,
    is_claimed_by_other,
)
from recomamp.pipeline.executions.earlier_results import INTERRUPTED, are_at_amc, asks_the_same
from recomamp.pipeline.executions.step_time import StepTime
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.instances.health import ensure_instance_healthy
from recomamp.pipeline.instances.sandbox import is_sandbox_instance
from recomamp.pipeline.log_context import bind_execution
from recomamp.pipeline.metrics import count_ended, observe_submission
from recomamp.store import executions, run_records
from recomamp.store.locks import Purpose, locked
from recomamp.store.slots import grant_slots

log = logging.getLogger(__name__)


def ensure_submitted(
    run: DagRunKey,
    read_spec: Callable[[], RunSpec],
    *,
    has_own_results: Callable[[Execution], bool],
    fail_if_already_final: Callable[[Execution], None],
    database: DatabaseHook,
    amazon: AmcHook,
    step_time: StepTime,
) -> Execution:
    """Bring the DAG run's current attempt to AMC, or find it there, and return it.

    Where no slot is free the attempt is returned as it is: ask again later. Where the last attempt
    was interrupted, AMC has its results and the question is the same, that one is returned.

    :param read_spec: is called only where an attempt has to be opened. An open one goes on,
        also if the row has become invalid since.
    :param has_own_results: says of the last attempt whether the run has already loaded it; then it
        is returned.
    :param fail_if_already_final: raises of the last attempt what an earlier try of the task has
        failed with for good.
    :raises WeekSkipped: when somebody has decided not to collect the week; nothing was written.
    :raises InvalidDefinition: when the query cannot be bound; nothing was written or sent.
    :raises RequestRejected: when AMC refuses it; the execution is FAILED with Amazon's words.
    :raises ConsentRevoked: when the user has to sign in again; the execution is FAILED.
    :raises InstanceUnusable: when nothing works on the instance; AMC was not asked, and the
        execution is FAILED with the reason.
    :raises AmazonError: when Amazon cannot be reached; the attempt stays open for the next try.
    :raises ExecutionLocked: when another try is sending it; the attempt stays open likewise.
    :raises StepTimedOut: when the try has no time left; the attempt stays open likewise.
    """
    latest = _latest_attempt(run, database)
    if latest is not None and has_own_results(latest):
        return latest
    if latest is not None:
        fail_if_already_final(latest)
    if latest is not None and _has_results_at_amc(latest, read_spec, database, amazon, step_time):
        _show_week(latest, database)
        return latest
    execution = _open_attempt(run, read_spec, latest, database)
    if not _may_be_at_amc(execution):
        try:
            ensure_instance_healthy(
                execution, database=database, amazon=amazon, step_time=step_time
            )
        except InstanceUnusable as err:
            _end(database, execution, err)
            raise
    if execution.slot_granted_at is None:
        return execution
    if execution.amc_execution_id is None:
        execution = _bring_to_amc(execution, database=database, amazon=amazon, step_time=step_time)
    _show_week(execution, database)
    return execution


def _has_results_at_amc(
    latest: Execution,
    read_spec: Callable[[], RunSpec],
    database: DatabaseHook,
    amazon: AmcHook,
    step_time: StepTime,
) -> bool:
    """Return whether the last attempt was interrupted and AMC has what the run asks for."""
    if latest.status.is_open or latest.error_type not in INTERRUPTED:
        return False
    return asks_the_same(read_spec(), latest) and are_at_amc(
        latest, database=database, amazon=amazon, step_time=step_time
    )


def _show_week(execution: Execution, database: DatabaseHook) -> None:
    definition = execution.definition
    if definition is None or definition.kind is not DefinitionKind.COLLECTION:
        return
    if is_restatement(execution.dag_run_id):  # the week shows its results once they are there
        return
    with database.transaction() as connection:
        run_records.start_week(
            connection,
            collection_id=definition.id,
            window=execution.window,
            execution_id=execution.id,
            execution_status=execution.status,
            retry_count=execution.retry_count,
            started_at=execution.submitted_at or execution.created_at,
        )


def _may_be_at_amc(execution: Execution) -> bool:
    return execution.submission_started_at is not None or execution.amc_execution_id is not None


def _open_attempt(
    run: DagRunKey,
    read_spec: Callable[[], RunSpec],
    latest: Execution | None,
    database: DatabaseHook,
) -> Execution:
    """Return the open attempt of the DAG run, opened now if need be, with a slot if one is free."""
    if latest is not None and latest.status.is_open:
        spec, instance_key = None, latest.instance_key
    else:
        spec = read_spec()
        instance_key = spec.definition.workflow.instance_key
    if spec or latest is None or latest.slot_granted_at is None:
        with database.transaction() as connection:
            if spec:
                _require_wanted_week(spec, connection)
                _insert_attempt(connection, run, spec, latest)
            grant_slots(connection, instance_key, now=datetime.now(UTC))
    opened = _latest_attempt(run, database)
    if opened is None or not opened.status.is_open:
        raise ExecutionNoLongerOpen(f"another task of {run.dag_run_id} has just ended its attempt")
    bind_execution(opened.id)
    slot = "has a slot" if opened.slot_granted_at else "waits for a slot"
    log.info("Execution %s: attempt %s over %s %s", opened.id, opened.attempt, opened.window, slot)
    return opened


def _require_wanted_week(spec: RunSpec, connection: Connection) -> None:
    collection_id, window = spec.definition.ref.collection_id, spec.window
    if collection_id is not None and run_records.is_week_skipped(
        connection, collection_id=collection_id, window=window
    ):
        raise WeekSkipped(
            f"the week {window} is SKIPPED in report_data_weeks: set it to PENDING to collect it"
        )


def _latest_attempt(run: DagRunKey, database: DatabaseHook) -> Execution | None:
    with database.transaction() as connection:
        return executions.select_latest_execution(
            connection, dag_id=run.dag_id, dag_run_id=run.dag_run_id
        )


def _insert_attempt(
    connection: Connection, run: DagRunKey, spec: RunSpec, latest: Execution | None
) -> None:
    """Insert the next attempt; it counts as a retry where the latest one waits for one."""
    is_retry = latest is not None and latest.next_retry_at is not None
    executions.insert_execution(
        connection,
        run,
        spec,
        execution_id=uuid4(),
        attempt=latest.attempt + 1 if latest else 1,
        retry_count=latest.retry_count + 1 if latest and is_retry else 0,
        deadline_at=datetime.now(UTC) + DEADLINE,
    )


def _bring_to_amc(
    execution: Execution, *, database: DatabaseHook, amazon: AmcHook, step_time: StepTime
) -> Execution:
    """Send the query, or find that it was sent; one process at a time."""
    with locked(database.get_conn, execution.id, Purpose.SUBMIT):
        with database.transaction() as connection:
            is_first = executions.mark_submitting(
                connection, execution.id, submission_started_at=datetime.now(UTC)
            )
            current = executions.select_execution(connection, execution.id)
        if current is None or not current.status.is_open:
            raise ExecutionNoLongerOpen(f"execution {execution.id} was ended before it was sent")
        if current.amc_execution_id is not None:
            return current  # the other try has just done it
        try:
            accepted = step_time.run_step(_create_or_adopt(current, amazon, is_first=is_first))
        except (RequestRejected, ConsentRevoked) as err:
            _end(database, execution, err)
            raise
        return _accept(execution, accepted, database, amazon, step_time)


def _accept(
    execution: Execution,
    accepted: AmcExecution,
    database: DatabaseHook,
    amazon: AmcHook,
    step_time: StepTime,
) -> Execution:
    with database.transaction() as connection:
        executions.mark_submitted(
            connection,
            execution.id,
            amc_execution_id=accepted.amc_execution_id,
            amc_status=accepted.status,
            amazon_request_id=accepted.request_id,
            submitted_at=datetime.now(UTC),
            deadline_at=datetime.now(UTC) + DEADLINE,
        )
        stored = executions.select_execution(connection, execution.id)
    if stored is None or stored.amc_execution_id != accepted.amc_execution_id:
        if is_claimed_by_other(accepted, execution, database):
            raise ExecutionNoLongerOpen(
                f"execution {execution.id} was ended, and what AMC accepted as "
                f"{accepted.amc_execution_id} belongs to another one meanwhile"
            )
        withdrawn = step_time.run_step(_withdraw(execution, accepted, amazon))
        raise ExecutionNoLongerOpen(
            f"execution {execution.id} was ended while AMC accepted it as "
            f"{accepted.amc_execution_id}, which is now {withdrawn.status}"
        )
    if not stored.status.is_open:
        raise ExecutionNoLongerOpen(
            f"execution {execution.id} was ended while AMC accepted it as "
            f"{accepted.amc_execution_id}, which was cancelled there or has ended"
        )
    observe_submission(stored)
    log.info("Execution %s is %s at AMC", execution.id, accepted.amc_execution_id)
    return stored


async def _withdraw(execution: Execution, accepted: AmcExecution, amazon: AmcHook) -> AmcExecution:
    async with amazon.client_for(execution) as amc:
        return await amc.cancel_execution(accepted.amc_execution_id)


async def _create_or_adopt(
    execution: Execution, amazon: AmcHook, *, is_first: bool
) -> AmcExecution:
    """Send the query once; look for it first wherever an earlier sending is possible."""
    async with amazon.client_for(execution) as amc:
        doubt = "an earlier try may have sent it"
        if not is_first and (
            found := await find_submitted_execution(execution, amc, amazon.database, doubt)
        ):
            return found
        try:
            is_sandbox = await is_sandbox_instance(execution.instance_type, amc)
            return await create_or_find(
                amc,
                _request(execution, is_sandbox=is_sandbox),
                lambda doubt: find_submitted_execution(execution, amc, amazon.database, doubt),
            )
        except RequestRejected as err:
            if remedy := remedy_for_long_values(execution.parameters):
                err.add_remedy(remedy)
            raise


def _request(execution: Execution, *, is_sandbox: bool) -> NewExecution:
    return NewExecution(
        workflow_id=execution.amc_workflow_id,
        sql=execution.submitted_sql,
        window=execution.window,
        input_parameters=execution.input_parameters,
        parameter_values=execution.parameters,
        timeout_seconds=AMC_TIMEOUT_SECONDS,
        requires_synthetic_data=is_sandbox,
        options=execution.amc_options,
    )


def _end(database: DatabaseHook, execution: Execution, error: PipelineError) -> None:
    with database.transaction() as connection:
        is_ended = executions.end_execution(
            connection,
            execution.id,
            actor=Actor.SUBMIT,
            status=ExecutionStatus.FAILED,
            amc_status=None,
            error_type=error.error_type,
            error_message=str(error),
            completed_at=datetime.now(UTC),
        )
    if is_ended:
        count_ended(ExecutionStatus.FAILED)
