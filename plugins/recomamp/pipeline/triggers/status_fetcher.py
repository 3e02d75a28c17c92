"""Ask AMC about many executions of one instance with few calls, bounded per round.

The list is swept page by page, newest first, from the oldest that is waited for. It may be longer
than a round may read, where many other executions lie between. Then the next round continues at the
next page. What a sweep did not show is asked for singly, the longest unasked first, so none is
forgotten where AMC's list lags or is incomplete.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import LIST_SLACK, PAGE_SIZE
from recomamp.amazon.retry import RetryPolicy
from recomamp.domain.executions import AmcExecution
from recomamp.domain.text import one_line
from recomamp.errors import AmazonError, RequestRejected, TransientError

log = logging.getLogger(__name__)

# The next round is the next try: retries within one would not be bounded
ONE_TRY = RetryPolicy(attempts=1)


def calls_allowed(waiting: int) -> int:
    """Return how many calls a round may make for that many executions."""
    return math.ceil(waiting / PAGE_SIZE) + 1


@dataclass(kw_only=True, slots=True)
class _Sweep:
    """One pass over AMC's list, in one round or several."""

    began_in: int  # number of the round
    since: datetime
    next_token: str | None = None
    tokens: set[str] = field(default_factory=set)
    is_over: bool = False
    is_refused: bool = False

    def next_page(self, next_token: str | None) -> None:
        """Go to the next page; the sweep is over where the list is, or goes round."""
        if next_token is None or next_token in self.tokens:
            self.is_over = True
        else:
            self.tokens.add(next_token)
        self.next_token = next_token

    def refuse(self) -> None:
        """Take note that AMC refuses the list, or has only forgotten its token."""
        self.is_over = True
        self.is_refused = self.next_token is None


class StatusFetcher:
    """Asks about executions round by round; keeps in mind who was asked about when.

    :param amc: a client that tries each call once, as ``ONE_TRY`` says.
    """

    def __init__(self, amc: AmcClient) -> None:
        self._amc = amc
        self._round = 0
        self._left = 0  # calls that this round may still make
        self._asked: dict[str, int] = {}  # round in which AMC was last asked, by its id
        self._sweep: _Sweep | None = None
        self._swept_from = 0  # round in which the last sweep that is over began

    async def fetch(self, wanted: Mapping[str, datetime]) -> AsyncIterator[AmcExecution]:
        """Yield what one round of at most ``calls_allowed`` calls shows, of others too.

        :param wanted: when each execution was submitted, by AMC's id.
        :raises RequestRejected: when AMC refuses the list, and an execution asked for singly as
            well.
        :raises AmazonError: when the list cannot be read; the next round begins another sweep.
        """
        self._asked = {key: self._asked.get(key, self._round) for key in wanted}
        self._round += 1
        self._left = calls_allowed(len(wanted))
        overdue = self._unasked_since(self._swept_from)
        async for execution in self._fetch_individually(overdue[:1]):
            yield execution
        sweep = self._sweep = self._sweep or _Sweep(
            began_in=self._round, since=min(wanted.values()) - LIST_SLACK
        )
        while self._needs_page(sweep):
            for execution in await self._next_page(sweep):
                yield execution
        unasked = self._unasked_since(sweep.began_in)
        if sweep.is_over or len(unasked) <= self._left:
            self._end(sweep)
            async for execution in self._fetch_individually(unasked, is_blind=sweep.is_refused):
                yield execution

    def _needs_page(self, sweep: _Sweep) -> bool:
        """Return whether to read on: each page may show many, but for a few it is one call each."""
        unasked = len(self._unasked_since(sweep.began_in))
        is_cheaper = unasked > self._left or not sweep.tokens
        return not sweep.is_over and self._left > 0 and unasked > 0 and is_cheaper

    async def _next_page(self, sweep: _Sweep) -> Sequence[AmcExecution]:
        self._left -= 1
        try:
            page = await self._amc.list_page(
                min_creation_time=sweep.since, next_token=sweep.next_token
            )
        except RequestRejected as err:
            log.warning("AMC refuses to list executions, asking for each: %s", one_line(err))
            sweep.refuse()
            return ()
        except AmazonError:
            self._end(sweep)
            raise
        self._note(*(execution.amc_execution_id for execution in page.items))
        sweep.next_page(page.next_token)
        return page.items

    async def _fetch_individually(
        self, amc_execution_ids: Sequence[str], *, is_blind: bool = False
    ) -> AsyncIterator[AmcExecution]:
        """Ask for each, as far as calls are left; the others come first in later rounds."""
        for amc_execution_id in amc_execution_ids[: self._left]:
            self._left -= 1
            self._note(amc_execution_id)
            try:
                yield await self._amc.get_execution(amc_execution_id)
            except (RequestRejected, TransientError) as err:
                is_refused_too = (
                    is_blind
                    and isinstance(err, RequestRejected)
                    and err.status != HTTPStatus.NOT_FOUND
                )
                if is_refused_too or err.retry_after_seconds is not None:
                    raise
                log.warning(
                    "Execution %s cannot be found at AMC: %s",
                    one_line(amc_execution_id),
                    one_line(err),
                )

    def _unasked_since(self, number: int) -> list[str]:
        """Return who was not asked about since that round, the longest unasked first."""
        unasked = (key for key, asked in self._asked.items() if asked < number)
        return sorted(unasked, key=self._asked.__getitem__)

    def _note(self, *amc_execution_ids: str) -> None:
        for amc_execution_id in amc_execution_ids:
            if amc_execution_id in self._asked:
                self._asked[amc_execution_id] = self._round

    def _end(self, sweep: _Sweep) -> None:
        self._swept_from, self._sweep = sweep.began_in, None
