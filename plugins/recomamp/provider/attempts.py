"""Send a task's query exactly once, though AMC has no idempotency key.

A random name of the execution is stored before the query is sent under it. A later try that finds
a name stored looks at AMC for it, and adopts what it finds. docs/adr/0043 says why the name is
random, and what a clear does.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol
from uuid import uuid4

from airflow.sdk import Context

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.search import SentQuery, create_or_find, find_sent
from recomamp.domain.execution_states import AmcStatus
from recomamp.domain.executions import AmcExecution
from recomamp.domain.text import one_line
from recomamp.errors import InvalidDefinition, RequestRejected
from recomamp.pipeline.instances.sandbox import is_sandbox_instance
from recomamp.provider.request import QueryRequest

log = logging.getLogger(__name__)

KEY = "amc_attempt"
_APPEARS_WITHIN = timedelta(minutes=5)  # an execution just created may not be found at once


class StateStore(Protocol):
    """Keeps one JSON value of a task instance over its retries and clears.

    Airflow's ``context["task_state_store"]`` is one. What ``set`` has returned from must survive a
    crash of the worker.
    """

    def get(self, key: str, default: Any = None) -> Any:
        """Return the stored value, ``default`` where there is none."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What a task instance stores of its latest execution. Times are ISO texts in UTC."""

    name: str  # AMC's workflowId
    instance_id: str
    fingerprint: str  # of the request
    clears: list[int]  # changes with each clear of the task
    sent_at: str  # before the first sending
    deadline_at: str
    amc_execution_id: str | None = None  # None: it may or may not have been sent

    @property
    def deadline(self) -> datetime:
        """When the execution is cancelled."""
        return datetime.fromisoformat(self.deadline_at)


def stored_attempt(store: StateStore) -> Attempt | None:
    """Return the latest attempt, None before the first.

    :raises InvalidDefinition: when somebody else has stored something there.
    """
    value = store.get(KEY)
    if value is None:
        return None
    try:
        return Attempt(**value)
    except TypeError as err:
        raise InvalidDefinition(
            f"the state store holds no attempt of this package under {KEY}: delete that key"
        ) from err


def clears_of(context: Context) -> list[int]:
    """Return numbers that a clear of the task changes, and a retry does not.

    Airflow raises ``max_tries`` when it clears a task. ``clear_number`` counts for the whole run:
    it also changes where a clear leaves ``max_tries`` as it was, because the DAG's retries changed.
    """
    return [context["ti"].max_tries or 0, context["dag_run"].clear_number or 0]


async def ensure_submitted(
    request: QueryRequest,
    amc: AmcClient,
    store: StateStore,
    *,
    clears: list[int],
    lifetime: timedelta,
) -> tuple[Attempt, AmcExecution]:
    """Return the attempt of a task that asks for ``request``, and what AMC says of it.

    An execution that is still open is adopted, also after a clear. One that has succeeded is
    adopted by a retry alone. In all other cases the query is sent again, under another name.

    :param lifetime: from now to the deadline of what is sent.
    :raises SubmissionUnknown: when AMC may have accepted it. The next try looks first.
    :raises RequestRejected: when AMC refuses the query.
    :raises AmazonError: when AMC cannot be asked.
    """
    last = stored_attempt(store)
    attempt: Attempt | None = None
    if last is not None and last.instance_id == amc.account.instance_id:
        found = await _find(last, request, amc)
        if last.fingerprint != request.fingerprint:
            await _cancel_other_question(last, found, amc)
        elif found is not None:
            if not found.status.is_terminal or _is_result_of(found, last, clears):
                log.info("Adopted execution %s", one_line(found.amc_execution_id))
                return _accepted(last, found, clears, store), found
        elif last.amc_execution_id is None:
            attempt = replace(last, clears=clears)  # AMC has nothing of that name
    attempt = attempt or _new_attempt(request, amc, clears, lifetime)
    is_sandbox = await is_sandbox_instance(None, amc)
    store.set(KEY, asdict(attempt))
    created = await create_or_find(
        amc, request.as_sent(attempt.name, is_sandbox=is_sandbox), _finder(attempt, request, amc)
    )
    log.info("AMC has accepted execution %s", one_line(created.amc_execution_id))
    return _accepted(attempt, created, clears, store), created


def _new_attempt(
    request: QueryRequest, amc: AmcClient, clears: list[int], lifetime: timedelta
) -> Attempt:
    now = datetime.now(UTC)
    return Attempt(
        name=f"airflow-{uuid4()}",
        instance_id=amc.account.instance_id,
        fingerprint=request.fingerprint,
        clears=clears,
        sent_at=now.isoformat(),
        deadline_at=(now + lifetime).isoformat(),
    )


async def _cancel_other_question(last: Attempt, found: AmcExecution | None, amc: AmcClient) -> None:
    """Cancel the execution of a question that the task no longer asks.

    Only one that is certainly the task's own: AMC knows it by the stored id or name.
    """
    if found is None or found.status.is_terminal:
        return
    if last.amc_execution_id is None and found.workflow_id != last.name:
        return
    log.warning(
        "Execution %s asks something else than the task does now: it is cancelled",
        one_line(found.amc_execution_id),
    )
    await amc.cancel_execution(found.amc_execution_id)


def _is_result_of(found: AmcExecution, last: Attempt, clears: list[int]) -> bool:
    return found.status is AmcStatus.SUCCEEDED and last.clears == clears


def _accepted(
    attempt: Attempt, found: AmcExecution, clears: list[int], store: StateStore
) -> Attempt:
    accepted = replace(attempt, amc_execution_id=found.amc_execution_id, clears=clears)
    if accepted != attempt:
        store.set(KEY, asdict(accepted))
    return accepted


async def look_up(attempt: Attempt, amc: AmcClient) -> AmcExecution | None:
    """Return what AMC says of an attempt that it has accepted, None where it has forgotten it.

    One that is too new to be found is UNKNOWN.
    """
    amc_execution_id = str(attempt.amc_execution_id)
    try:
        return await amc.get_execution(amc_execution_id)
    except RequestRejected as err:
        if err.status != HTTPStatus.NOT_FOUND:
            raise
    if datetime.now(UTC) - datetime.fromisoformat(attempt.sent_at) > _APPEARS_WITHIN:
        return None
    return AmcExecution(
        amc_execution_id=amc_execution_id, status=AmcStatus.UNKNOWN, amc_status="not found"
    )


async def _find(last: Attempt, request: QueryRequest, amc: AmcClient) -> AmcExecution | None:
    """Return what AMC has of the latest attempt, None where it has nothing (any more)."""
    if last.amc_execution_id is not None:
        return await look_up(last, amc)
    return await _finder(last, request, amc)("an earlier try may have sent it")


def _finder(
    attempt: Attempt, request: QueryRequest, amc: AmcClient
) -> Callable[[str], Awaitable[AmcExecution | None]]:
    sent = SentQuery(
        workflow_id=attempt.name,
        sql=request.query.sql,
        window=request.window,
        parameter_values=request.query.parameter_values,
        sent_at=datetime.fromisoformat(attempt.sent_at),
    )

    async def find(doubt: str) -> AmcExecution | None:
        log.warning("Looking at AMC for %s: %s", attempt.name, one_line(doubt))
        return await find_sent(sent, amc, doubt)

    return find
