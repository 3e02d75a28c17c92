"""Let AMC compile new and changed queries, so that a refusal is known before a run is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus

from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import connection as Connection

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import NewExecution
from recomamp.domain.amc_names import dry_run_workflow_id
from recomamp.domain.definitions import read_options
from recomamp.domain.dry_runs import (
    DryRunAnswer,
    DryRunStatus,
    marked,
    refused,
    sample_window,
    with_samples,
)
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.domain.instance_health import text_of_error
from recomamp.domain.sql.binding import bind
from recomamp.domain.sql.parameters import declare
from recomamp.domain.text import one_line
from recomamp.errors import (
    AmazonError,
    InstanceUnusable,
    InvalidDefinition,
    RequestRejected,
    TransientError,
)
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.instances.health import QUICK_RETRY
from recomamp.pipeline.instances.sandbox import is_sandbox_instance
from recomamp.pipeline.log_table import as_table
from recomamp.pipeline.partial_failures import FailureCollector, gather_limited, in_turns
from recomamp.store.dry_runs import (
    MOST_PER_HOUR,
    DueDryRun,
    count_dry_run,
    delete_unused_dry_runs,
    mark_dry_run_sent,
    record_dry_run,
    select_due_dry_runs,
)
from recomamp.store.statements import limit_lock_waits

log = logging.getLogger(__name__)

MOST_PER_USER = 10  # of one run; the next run makes the rest
AT_ONCE = 4
MAX_SECONDS = 60.0  # of one dry run: others wait for its place
LOCK_WAIT = timedelta(seconds=2)  # for rows that a person's transaction has locked
POLL_SECONDS = 2.0
MAX_POLLS = 15

# Of answers to the creation that are about the query. Others are about the instance or the login
_ABOUT_THE_QUERY = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


def make_dry_runs(*, database: DatabaseHook, amazon: AmcHook, now: datetime) -> None:
    """Ask AMC about the workflows that it has not answered, and store each answer at once.

    Each user's first comes before anybody's second.

    :raises PartialFailure: after all, naming those that met an unexpected error; naming all where
        AMC answered about no user's query.
    """
    failures = FailureCollector.of_tenants()
    rows: list[tuple[object, ...]] = []

    async def dry_run(due: DueDryRun) -> None:
        with failures.capture(due, user_id=due.user_id):
            asked = await _ask(due, database, amazon, now)
            if asked is None:
                log.info("%s: its instance has had %s dry runs of an hour", due, MOST_PER_HOUR)
                return
            answer, error = asked
            await asyncio.to_thread(_store, due, answer, database, now)
            rows.append((due, answer.status, answer.message or ""))
            if error is not None:  # the row says so, and when the next try comes
                raise InstanceUnusable(answer.message or "") from error

    with database.transaction() as connection:
        limit_lock_waits(connection, LOCK_WAIT)
        delete_unused_dry_runs(connection)
        found = select_due_dry_runs(connection, now=now, most_per_user=MOST_PER_USER)
    asyncio.run(gather_limited(dry_run, in_turns(found, lambda due: due.user_id), AT_ONCE))
    if rows:
        log.info("%s", as_table(("workflow", "answer", "words"), rows))
    failures.raise_unknown("without a dry run")


@contextmanager
def _quick_transaction(database: DatabaseHook) -> Iterator[Connection]:
    """Give a transaction that waits only briefly for rows that a person has locked.

    :raises InstanceUnusable: when they stay locked. The next run asks again.
    """
    try:
        with database.transaction() as connection:
            limit_lock_waits(connection, LOCK_WAIT)
            yield connection
    except LockNotAvailable as err:
        raise InstanceUnusable(
            "an open transaction has locked the workflow or its instance; end that transaction"
        ) from err


def _count(due: DueDryRun, database: DatabaseHook, now: datetime) -> bool:
    """Count a dry run and commit, before AMC is asked: no later error can undo the count."""
    with _quick_transaction(database) as connection:
        return count_dry_run(connection, due, now=now)


def _mark_sent(
    due: DueDryRun, amc_execution_id: str, database: DatabaseHook, now: datetime
) -> None:
    with _quick_transaction(database) as connection:
        mark_dry_run_sent(connection, due, amc_execution_id=amc_execution_id, sent_at=now)


def _store(due: DueDryRun, answer: DryRunAnswer, database: DatabaseHook, now: datetime) -> None:
    with _quick_transaction(database) as connection:
        record_dry_run(connection, due, answer, checked_at=now)


async def _ask(
    due: DueDryRun, database: DatabaseHook, amazon: AmcHook, now: datetime
) -> tuple[DryRunAnswer, AmazonError | None] | None:
    """Return AMC's answer, and the error where AMC could not be asked.

    None: the instance has had its dry runs of the hour. Queries that cannot be sent do not count.

    :raises InstanceUnusable: when a person has locked the rows that say what AMC is asked.
    """
    try:
        execution, sampled = _execution(due, now)
    except InvalidDefinition as err:
        words = one_line(err)
        return DryRunAnswer(status=DryRunStatus.INVALID, message=words), None
    try:
        client = await asyncio.to_thread(amazon.client_at, due, retry=QUICK_RETRY)
    except InvalidDefinition as err:  # the instance's region or country
        return DryRunAnswer(status=DryRunStatus.UNKNOWN, message=one_line(err)), None
    try:
        async with asyncio.timeout(MAX_SECONDS), client as amc:
            if not await asyncio.to_thread(_count, due, database, now):
                return None
            is_sandbox = await is_sandbox_instance(due.instance_type, amc)
            created = await amc.create_execution(execution(is_sandbox))
            # At once: while AMC works on it, the reconciliation must not count it as external
            await asyncio.to_thread(_mark_sent, due, created.amc_execution_id, database, now)
            return await _answer(amc, created, sampled), None
    except TimeoutError:
        error: AmazonError = TransientError(f"AMC has not answered within {MAX_SECONDS:g} seconds")
    except RequestRejected as err:
        if err.status in _ABOUT_THE_QUERY:
            return refused(_words(err), sampled), None
        error = err
    except AmazonError as err:
        error = err
    said = one_line(text_of_error(error))
    return DryRunAnswer(status=DryRunStatus.UNKNOWN, message=said), error


def _execution(due: DueDryRun, now: datetime) -> tuple[Callable[[bool], NewExecution], list[str]]:
    """Bind the query to the workflow's defaults; return how it is sent and what was made up.

    :raises InvalidDefinition: when it cannot be bound.
    """
    options = read_options(
        {
            "workflow_id": due.workflow_id,
            "sql_query": due.sql_query,
            "privacy_filtering": due.privacy_filtering,
            "counts_hidden_rows": due.counts_hidden_rows,
            "disable_aggregation_controls": due.disable_aggregation_controls,
        }
    )
    parameters, sampled = with_samples(declare(due.parameters or {}))
    window = sample_window(now)
    query = bind(due.sql_query, parameters, window)

    def build(is_sandbox: bool) -> NewExecution:
        return NewExecution(
            workflow_id=dry_run_workflow_id(due.workflow_id),
            sql=marked(query.sql),
            window=window,
            input_parameters=query.input_parameters,
            parameter_values=query.parameter_values,
            requires_synthetic_data=is_sandbox,
            options=options.as_sent(),
            dry_run=True,
        )

    return build, sampled


async def _answer(amc: AmcClient, created: AmcExecution, sampled: list[str]) -> DryRunAnswer:
    ended = await _until_ended(
        created, lambda: amc.get_execution(created.amc_execution_id), amc.sleep
    )
    match ended.status:
        case AmcStatus.SUCCEEDED:
            return DryRunAnswer(status=DryRunStatus.ACCEPTED)
        case AmcStatus.REJECTED:
            return refused(ended.status_reason or "", sampled)
    said = one_line(f"AMC says {ended.amc_status}: {ended.status_reason or 'no reason'}")
    return DryRunAnswer(status=DryRunStatus.UNKNOWN, message=said)


async def _until_ended(
    execution: AmcExecution,
    ask: Callable[[], Awaitable[AmcExecution]],
    sleep: Callable[[float], Awaitable[None]],
) -> AmcExecution:
    for _ in range(MAX_POLLS):
        if execution.status.is_terminal:
            break
        await sleep(POLL_SECONDS)
        execution = await ask()
    return execution


def _words(error: RequestRejected) -> str:
    """Return what AMC says, without our words about the call."""
    said = text_of_error(error)
    return said.partition(f"HTTP {error.status}: ")[2] or said
