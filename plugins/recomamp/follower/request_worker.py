"""Take requests of people one after the other, beside the following of DAGs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Protocol
from uuid import UUID, uuid4

import psycopg2
from psycopg2.errors import DeadlockDetected, LockNotAvailable

from recomamp.domain.run_actions import RequestStatus
from recomamp.domain.text import one_line
from recomamp.follower.airflow_runs import AirflowUnavailable
from recomamp.follower.run_requests import LOCK_WAIT, Ended, Outcome, Postponed
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.partial_failures import log_failure
from recomamp.store.run_requests import (
    ClaimedRequest,
    claim_run_request,
    end_run_request,
    postpone_run_request,
)
from recomamp.store.statements import limit_lock_waits

log = logging.getLogger(__name__)

TABLE = "run_requests"  # as the channel names it
LEASE = timedelta(minutes=2)  # longer than all calls of one turn may take
POLL = timedelta(seconds=10)  # finds what no notification said
MAX_ERRORS = 20  # unexpected ones of a request in a row, as far as one follower has seen them
_FIRST_DELAY = timedelta(seconds=2)
_MAX_DELAY = timedelta(minutes=1)
# A person's open transaction has locked a row of the person
_LOCKED = (LockNotAvailable, DeadlockDetected)
# The database's answer about a value of the request; other errors are about the database
_OF_THE_ROW = (psycopg2.DataError, psycopg2.IntegrityError)


def utc_now() -> datetime:
    """Return the time of the real clock."""
    return datetime.now(UTC)


class Handler(Protocol):
    """What does a request."""

    def handle(self, request: ClaimedRequest) -> Outcome | None:
        """Do what a request asks for; None where another follower has it meanwhile."""


class RequestWorker:
    """Claims requests, has them done and writes what became of them.

    Several workers share the table: each request is in one worker's hands at a time. A request
    whose worker has died is claimed again when its claim ends.
    """

    def __init__(
        self,
        database: DatabaseHook,
        handler: Handler,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._handler = handler
        self._now = now
        self._wake = Event()
        self._is_cut_off = False
        self._errors: dict[UUID, int] = {}

    def start(self) -> None:
        """Work in a thread of its own, until the process ends."""
        Thread(target=self._work_forever, name="run requests", daemon=True).start()

    def wake(self) -> None:
        """Look for requests at once."""
        self._wake.set()

    def _work_forever(self) -> None:
        while True:
            pause = POLL
            try:
                pause = self.work()
            except psycopg2.Error as err:
                log.warning("run_requests cannot be read: %s", one_line(err))
            except Exception as err:  # noqa: BLE001 - the next round begins again
                log_failure("requests are looked for again", err)
            self._wake.wait(pause.total_seconds())
            self._wake.clear()

    def work(self) -> timedelta:
        """Do all requests that are due; return how long to wait for the next round.

        :raises psycopg2.Error: when the database is away.
        """
        pause = POLL
        with self._database.reuse_connection():
            while request := self._claim():
                outcome, is_away = self._try(request)
                self._store(request, outcome)
                if isinstance(outcome, Postponed):
                    pause = min(pause, max(outcome.delay, timedelta(seconds=1)))
                if is_away:
                    break
        return pause

    def _claim(self) -> ClaimedRequest | None:
        with self._database.transaction() as connection:
            limit_lock_waits(connection, LOCK_WAIT)
            return claim_run_request(connection, claim_id=uuid4(), now=self._now(), lease=LEASE)

    def _try(self, request: ClaimedRequest) -> tuple[Outcome | None, bool]:
        """Return what became of a request, and whether Airflow is away for all others too."""
        try:
            outcome = self._handler.handle(request)
        except AirflowUnavailable as err:
            if not (err.is_away and self._is_cut_off):
                log.warning("request %s: %s; it is tried again", request.id, err)
            self._is_cut_off = err.is_away
            reason = f"{err}; this is tried again"
            return Postponed(reason=reason, delay=_delay(request)), err.is_away
        except _LOCKED:
            reason = "an open transaction has locked a row of it; this is tried again"
            return Postponed(reason=reason, delay=_delay(request)), False
        except _OF_THE_ROW as err:
            return self._after_error(request, err), False
        except psycopg2.Error:
            raise
        except Exception as err:  # noqa: BLE001 - no request of one user keeps those of others away
            return self._after_error(request, err), False
        self._is_cut_off = False
        self._errors.pop(request.id, None)
        return outcome, False

    def _after_error(self, request: ClaimedRequest, error: Exception) -> Outcome:
        """Have a request tried again after an unexpected error, but not for ever."""
        log_failure(f"request {request.id}", error)
        words = "an unexpected error, which the log of the follower has"
        errors = self._errors.pop(request.id, 0) + 1
        if errors >= MAX_ERRORS:
            reason = f"{words}, {errors} times; ask the operator, then insert the request again"
            return Ended(status=RequestStatus.REFUSED, reason=reason)
        self._errors[request.id] = errors
        return Postponed(reason=f"{words}; this is tried again", delay=_delay(request))

    def _store(self, request: ClaimedRequest, outcome: Outcome | None) -> None:
        try:
            self._write(request, outcome)
        except _LOCKED:
            log.warning("request %s is locked; it is tried again after its claim", request.id)

    def _write(self, request: ClaimedRequest, outcome: Outcome | None) -> None:
        with self._database.transaction() as connection:
            limit_lock_waits(connection, LOCK_WAIT)
            if isinstance(outcome, Ended):
                is_stored = end_run_request(
                    connection,
                    request,
                    status=outcome.status,
                    now=self._now(),
                    reason=outcome.reason,
                    dag_run_id=outcome.dag_run_id,
                    backfill_id=outcome.backfill_id,
                )
            elif isinstance(outcome, Postponed):
                is_stored = postpone_run_request(
                    connection,
                    request,
                    now=self._now(),
                    delay=outcome.delay,
                    reason=outcome.reason,
                    last_week=outcome.last_week,
                )
            else:
                is_stored = False
        if not is_stored:
            log.info("request %s is in another follower's hands", request.id)
        elif isinstance(outcome, Ended):
            refusal = outcome.reason if outcome.status is RequestStatus.REFUSED else ""
            log.info("request %s (%s): %s %s", request.id, request.action, outcome.status, refusal)


def _delay(request: ClaimedRequest) -> timedelta:
    """Return the pause before the next try, which grows with the tries so far."""
    doublings = min(request.attempts - 1, 10)
    return min(_FIRST_DELAY * (1 << doublings), _MAX_DELAY)
