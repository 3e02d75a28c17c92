"""Find at AMC what an earlier sending has left there: it is adopted, and not sent again."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.matching import matches_submission
from recomamp.amazon.amc.requests import LIST_SLACK
from recomamp.domain.executions import AmcExecution, Execution
from recomamp.domain.scheduling.windows import WindowType
from recomamp.domain.text import one_line
from recomamp.errors import ConsentRevoked, RequestRejected, SubmissionUnknown
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.executions import select_execution_by_amc_id

log = logging.getLogger(__name__)


async def find_submitted_execution(
    execution: Execution, amc: AmcClient, database: DatabaseHook, in_doubt: str
) -> AmcExecution | None:
    """Find what may have been sent. Where AMC cannot be asked, the attempt stays open.

    :param in_doubt: why it may have been sent.
    :raises SubmissionUnknown: when AMC does not let us look.
    """
    log.warning("Execution %s: looking for it at AMC: %s", execution.id, one_line(in_doubt))
    try:
        found = await _find_by_name(execution, amc, database)
        found = found or await _find_by_time(execution, amc, database)
    except (RequestRejected, ConsentRevoked) as err:
        raise SubmissionUnknown(f"{in_doubt}; AMC does not let us look for it: {err}") from err
    if found:
        log.info("Execution %s adopted %s", execution.id, one_line(found.amc_execution_id))
    return found


def is_claimed_by_other(
    candidate: AmcExecution, execution: Execution, database: DatabaseHook
) -> bool:
    """Return whether a row of any user has adopted what AMC lists."""
    with database.transaction() as connection:
        owner = select_execution_by_amc_id(
            connection, execution.instance_id, candidate.amc_execution_id
        )
    return owner not in (None, execution.id)


async def _find_by_name(
    execution: Execution, amc: AmcClient, database: DatabaseHook
) -> AmcExecution | None:
    """Look for the execution's own name, regardless of AMC's clock; rather for what still runs.

    Of several the newest: the reconciliation chooses the same, and cancels all others.
    """
    name, ended = execution.amc_workflow_id, None
    try:
        async for candidate in amc.list_executions(workflow_id=name):
            if candidate.workflow_id != name:
                continue
            if await asyncio.to_thread(is_claimed_by_other, candidate, execution, database):
                continue
            if not candidate.status.is_terminal:
                return candidate
            ended = ended or candidate
    except RequestRejected as err:
        # Which may be how AMC says that it knows no such name
        if err.status != HTTPStatus.NOT_FOUND:
            raise
    return ended


async def _find_by_time(
    execution: Execution, amc: AmcClient, database: DatabaseHook
) -> AmcExecution | None:
    """Look through all since the first sending: where AMC keeps no names, the query decides.

    An execution may wait for its slot for hours. What somebody else asks meanwhile is not ours.
    """
    is_explicit = execution.window.type is WindowType.EXPLICIT
    sent_at = execution.submission_started_at or execution.created_at
    async for candidate in amc.list_executions(
        min_creation_time=sent_at - LIST_SLACK, include_workflow=True
    ):
        if matches_submission(
            candidate,
            workflow_id=execution.amc_workflow_id,
            window_start=execution.window.start if is_explicit else None,
            window_end=execution.window.end if is_explicit else None,
            parameter_values=execution.parameters,
            created_after=sent_at,
            sql=execution.submitted_sql,
        ) and not await asyncio.to_thread(is_claimed_by_other, candidate, execution, database):
            return candidate
    return None
