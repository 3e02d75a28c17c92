"""Find at AMC what an earlier sending has left there, so that no query is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeAlias

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.matching import matches_submission
from recomamp.amazon.amc.requests import LIST_SLACK, NewExecution
from recomamp.domain.executions import AmcExecution
from recomamp.domain.scheduling.windows import Window, WindowType
from recomamp.errors import ConsentRevoked, RequestRejected, SubmissionUnknown

LOOK_AGAIN_SECONDS = 2.0  # a list may lag behind an accepted submission
MAX_SEARCH_PAUSE_SECONDS = 60.0  # before that look, where Amazon asks for one: it holds a worker

IsClaimed: TypeAlias = Callable[[AmcExecution], bool]  # by another task; may ask a database


@dataclass(frozen=True, kw_only=True, slots=True)
class SentQuery:
    """What may have been sent, and by what AMC's execution of it is known."""

    workflow_id: str
    sql: str
    window: Window
    parameter_values: Mapping[str, Any]
    sent_at: datetime  # of the first sending


async def find_sent(
    sent: SentQuery, amc: AmcClient, in_doubt: str, *, is_claimed: IsClaimed = lambda _: False
) -> AmcExecution | None:
    """Return AMC's execution of a query that may have been sent, None where AMC has none.

    :param in_doubt: why it may have been sent.
    :param is_claimed: runs on a thread.
    :raises SubmissionUnknown: when AMC does not let us look.
    """
    try:
        found = await _find_by_name(sent, amc, is_claimed)
        return found or await _find_by_time(sent, amc, is_claimed)
    except (RequestRejected, ConsentRevoked) as err:
        raise SubmissionUnknown(f"{in_doubt}; AMC does not let us look for it: {err}") from err


async def create_or_find(
    amc: AmcClient,
    execution: NewExecution,
    find: Callable[[str], Awaitable[AmcExecution | None]],
) -> AmcExecution:
    """Send a query once. Where AMC may have accepted it all the same, look for it once.

    :param find: looks for it, for the reason that it is given.
    :raises SubmissionUnknown: when it is not found. The next try has to look first. The longer the
        gap, the more likely AMC's list shows it.
    """
    try:
        return await amc.create_execution(execution)
    except SubmissionUnknown as err:
        asked_seconds = min(err.retry_after_seconds or 0.0, MAX_SEARCH_PAUSE_SECONDS)
        await amc.sleep(max(LOOK_AGAIN_SECONDS, asked_seconds))
        if found := await find(str(err)):
            return found
        raise


async def _find_by_name(
    sent: SentQuery, amc: AmcClient, is_claimed: IsClaimed
) -> AmcExecution | None:
    """Look for the execution's own name, regardless of AMC's clock; rather for what still runs.

    Of several the newest: the reconciliation chooses the same, and cancels all others.
    """
    name, ended = sent.workflow_id, None
    try:
        async for candidate in amc.list_executions(workflow_id=name):
            if candidate.workflow_id != name:
                continue
            if await asyncio.to_thread(is_claimed, candidate):
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
    sent: SentQuery, amc: AmcClient, is_claimed: IsClaimed
) -> AmcExecution | None:
    """Look through all since the first sending: where AMC keeps no names, the query decides.

    An execution may wait for its slot for hours. What somebody else asks meanwhile is not ours.
    """
    is_explicit = sent.window.type is WindowType.EXPLICIT
    async for candidate in amc.list_executions(
        min_creation_time=sent.sent_at - LIST_SLACK, include_workflow=True
    ):
        if matches_submission(
            candidate,
            workflow_id=sent.workflow_id,
            window_start=sent.window.start if is_explicit else None,
            window_end=sent.window.end if is_explicit else None,
            parameter_values=sent.parameter_values,
            created_after=sent.sent_at,
            sql=sent.sql,
        ) and not await asyncio.to_thread(is_claimed, candidate):
            return candidate
    return None
