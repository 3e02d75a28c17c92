"""What a request asks of Airflow, and what its row is to say afterwards.

Each action is done once, although a follower may die at any point. RUN and RESTATE: the id of the
run names the request. RETRY and LOAD: Airflow stores a note that names the request together with
the clear.
BACKFILL: an equal backfill with a higher number than the latest one before is the request's.
CANCEL: to end a run twice is to end it once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from recomamp.domain.definition_ref import DefinitionRef
from recomamp.domain.definitions import Collection, Schedule
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus
from recomamp.domain.restatement import run_id_of
from recomamp.domain.run_actions import RequestStatus, RunAction
from recomamp.domain.scheduling.backfills import MAX_BACKFILL_WINDOWS
from recomamp.domain.sql.lint import CheckedQuery
from recomamp.errors import InvalidDefinition
from recomamp.follower.airflow_runs import AirflowRefused, AirflowRuns
from recomamp.follower.request_values import (
    backfill_range,
    check_window,
    checked_parameters,
    count_windows,
    window_ends,
)
from recomamp.pipeline.executions.earlier_results import INTERRUPTED
from recomamp.pipeline.generator.definitions import load_definition
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.run_requests import (
    ClaimedRequest,
    FailedWeek,
    accept_run_request,
    select_failed_weeks,
)
from recomamp.store.statements import limit_lock_waits

RUN_ENDS = timedelta(minutes=1)  # Airflow ends a run some seconds after its record is written
MISSING_DAG = timedelta(minutes=10)  # a new row's DAG is there within seconds
ACTIVE_BACKFILL = timedelta(hours=24)  # how long to wait for another backfill to end
TURN_SECONDS = 10.0  # of a request with many parts, before others have their turn
LOCK_WAIT = timedelta(seconds=2)  # for rows that a person's transaction has locked
SOON = timedelta(seconds=2)
LATER = timedelta(seconds=30)

_WEEKS = 50  # read at once
_ENDED = ("success", "failed")
_RECORD, _LOAD, _WAIT = "record", "load", "wait"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOTE = "Cleared by run_requests, rows "
_NOTED = 20  # ids in a note, of which Airflow keeps 1,000 characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The request is DONE or REFUSED."""

    status: RequestStatus
    reason: str | None = None
    dag_run_id: str | None = None
    backfill_id: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Postponed:
    """The request is tried again."""

    reason: str | None
    delay: timedelta
    last_week: int | None = None


Outcome = Ended | Postponed


def _done(reason: str | None = None, **where: Any) -> Ended:
    return Ended(status=RequestStatus.DONE, reason=reason, **where)


def _refused(reason: str) -> Ended:
    return Ended(status=RequestStatus.REFUSED, reason=reason)


class RequestHandler:
    """Does what requests ask for."""

    def __init__(
        self,
        airflow: AirflowRuns,
        database: DatabaseHook,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._airflow = airflow
        self._database = database
        self._now = now
        self._clock = clock

    def handle(self, request: ClaimedRequest) -> Outcome | None:
        """Do what a request asks for; None where another follower has it meanwhile.

        :raises AirflowUnavailable: when Airflow cannot be asked now.
        :raises psycopg2.Error: when the database cannot.
        """
        definition = request.definition
        if definition is None:
            return _refused(
                "the schedule or collection is deleted, or the application ran the execution "
                "itself; name another one"
            )
        try:
            return self._handle(request, definition)
        except InvalidDefinition as err:
            return _refused(str(err))
        except AirflowRefused as err:
            return _refused(f"Airflow refuses it: {err}")

    def _handle(self, request: ClaimedRequest, definition: DefinitionRef) -> Outcome | None:
        # First, because what holds today says nothing of what an earlier try has done
        if request.accepted_at is not None and (done := self._find_done(request, definition)):
            return done
        if not request.user_is_active:
            return _refused("the user is not active (users.is_active); ask the operator")
        is_paused = self._airflow.is_paused(definition.dag_id)
        accepted_at = self._accept(request, definition)
        if accepted_at is None:
            return None
        if request.action == RunAction.CANCEL:
            return self._cancel(request, definition)
        if is_paused:
            return _refused(
                f"the DAG {definition.dag_id} is paused in Airflow, so nothing of it would start; "
                "ask the operator to unpause it, then insert the request again"
            )
        outcome = None if is_paused is None else self._act(request, definition, accepted_at)
        return outcome or self._without_dag(definition, accepted_at)

    def _find_done(self, request: ClaimedRequest, definition: DefinitionRef) -> Ended | None:
        """Return how the request has ended if an earlier try has done it, else None."""
        dag_id, run_id = definition.dag_id, request.dag_run_id
        match request.action:
            case RunAction.RUN | RunAction.RESTATE:
                run_id = _run_id(request)
                if self._airflow.run_state(dag_id, run_id) is not None:
                    return _done(dag_run_id=run_id)
            case RunAction.RETRY | RunAction.LOAD if run_id is not None:
                if self._is_cleared(request, dag_id, run_id):
                    return _done(dag_run_id=run_id)
            case RunAction.BACKFILL if request.last_backfill_id is not None:
                wanted, after = backfill_range(request), request.last_backfill_id
                if number := self._airflow.find_backfill(dag_id, wanted, after_id=after):
                    return _done(backfill_id=number)
        return None

    def _accept(self, request: ClaimedRequest, definition: DefinitionRef) -> datetime | None:
        last_backfill_id = None
        if request.action == RunAction.BACKFILL and request.last_backfill_id is None:
            last_backfill_id = self._airflow.last_backfill_id(definition.dag_id)
        with self._database.transaction() as connection:
            limit_lock_waits(connection, LOCK_WAIT)
            accepted = accept_run_request(
                connection, request, now=self._now(), last_backfill_id=last_backfill_id
            )
        return None if accepted is None else accepted.accepted_at

    def _without_dag(self, definition: DefinitionRef, accepted_at: datetime) -> Outcome:
        if self._now() - accepted_at < MISSING_DAG:
            return Postponed(reason="Airflow has no DAG of the row yet", delay=SOON)
        return _refused(
            f"Airflow has had no DAG {definition.dag_id} for {_minutes(MISSING_DAG)} minutes; ask "
            "the operator whether the dag-processor works, then insert the request again"
        )

    def _act(
        self, request: ClaimedRequest, definition: DefinitionRef, accepted_at: datetime
    ) -> Outcome | None:
        """Do it; None where Airflow has no such DAG after all."""
        if request.action in (RunAction.RETRY, RunAction.LOAD) and request.has_later_attempt:
            return _refused(
                f"the run has a later attempt, and a {request.action} is for the latest; name "
                "that execution"
            )
        match request.action:
            case RunAction.RUN | RunAction.RESTATE:
                return self._run(request, definition)
            case RunAction.RETRY if request.execution_id is None:
                return self._retry_failed_weeks(request, definition)
            case RunAction.RETRY:
                return self._clear(request, definition, None, accepted_at)
            case RunAction.LOAD:
                return self._load(request, definition, accepted_at)
            case RunAction.BACKFILL:
                return self._backfill(request, definition, accepted_at)
        return Postponed(
            reason=f"this version of the follower does not know {request.action}", delay=LATER
        )

    def _run(self, request: ClaimedRequest, definition: DefinitionRef) -> Outcome | None:
        row = self._read(definition)
        conf = checked_parameters(request, row)
        if ends := window_ends(request, row.windows.time_zone):
            check_window(row, *ends, column="to_date" if request.to_date else "window_end")
            conf |= dict(zip(("window_start", "window_end"), ends, strict=True))
        run_id = _run_id(request)
        is_created = self._airflow.create_run(definition.dag_id, run_id, conf)
        return _done(dag_run_id=run_id) if is_created else None

    def _clear(
        self,
        request: ClaimedRequest,
        definition: DefinitionRef,
        task_ids: list[str] | None,
        accepted_at: datetime,
    ) -> Outcome:
        """Clear tasks of the run of the request's execution."""
        run_id = request.dag_run_id
        state = self._airflow.run_state(definition.dag_id, run_id) if run_id else None
        if run_id is None or state is None:
            return _refused(
                "Airflow has no run of the execution any more; insert a RUN with its window"
            )
        if state not in _ENDED:
            if _has_ended(request) and self._now() - accepted_at < RUN_ENDS:
                return Postponed(reason="Airflow has not ended the run yet", delay=SOON)
            return _refused(
                f"the run {run_id} has not ended ({state}); wait for its end, or insert a CANCEL"
            )
        note = _note(request, self._earlier_note(definition.dag_id, run_id))
        try:
            is_cleared = self._airflow.clear(
                definition.dag_id, run_id, task_ids=task_ids, note=note
            )
        except AirflowRefused as err:
            if not err.is_conflict:
                raise
            return Postponed(reason="a task of the run is still running", delay=SOON)
        if not is_cleared:
            return Postponed(reason="Airflow does not find the run", delay=SOON)
        return _done(dag_run_id=run_id)

    def _is_cleared(self, request: ClaimedRequest, dag_id: str, run_id: str) -> bool:
        note = self._earlier_note(dag_id, run_id)
        return note.startswith(_NOTE) and str(request.id) in note

    def _earlier_note(self, dag_id: str, run_id: str) -> str:
        task = self._airflow.task(dag_id, run_id, _RECORD)
        return (task.note if task else None) or ""

    def _load(
        self, request: ClaimedRequest, definition: DefinitionRef, accepted_at: datetime
    ) -> Outcome:
        has_results = (
            request.execution_status == ExecutionStatus.SUCCESS
            or request.amc_status == AmcStatus.SUCCEEDED
        )
        if not has_results:
            return _refused(
                f"AMC has no results of the execution (amc_status {request.amc_status}); insert a "
                "RETRY to run its query again"
            )
        run_id = request.dag_run_id
        wait = self._airflow.task(definition.dag_id, run_id, _WAIT) if run_id else None
        if wait is None or wait.state == "success":
            return self._clear(request, definition, [_LOAD, _RECORD], accepted_at)
        # Airflow runs no load after a failed wait. wait itself takes the results of an attempt that
        # was interrupted, and asks AMC again after any other error
        if request.error_type not in INTERRUPTED:
            return _refused(
                f"the task wait of the run is {wait.state}, so Airflow would not load; insert a "
                "RETRY to run the query again"
            )
        return self._clear(request, definition, [_WAIT, _LOAD, _RECORD], accepted_at)

    def _retry_failed_weeks(self, request: ClaimedRequest, definition: DefinitionRef) -> Outcome:
        """Clear the runs of a collection's failed weeks, for one turn."""
        turn_ends = self._clock() + TURN_SECONDS
        row = self._read(definition)
        after, is_first_turn = request.last_week or 0, request.last_week is None
        while weeks := self._failed_weeks(definition, after):
            for week in weeks:
                if self._clock() > turn_ends:
                    return Postponed(
                        reason=f"weeks up to {after} are done", delay=timedelta(0), last_week=after
                    )
                self._retry_week(request, definition, row, week)
                after = week.week_number
        # A follower that died may have cleared the last of them before it wrote so
        if after == 0 and is_first_turn and request.accepted_at is None:
            return _refused("no week of the collection has the status FAILED")
        return _done("the runs of the failed weeks start again")

    def _failed_weeks(self, definition: DefinitionRef, after: int) -> list[FailedWeek]:
        with self._database.transaction() as connection:
            return select_failed_weeks(connection, definition.id, after_week=after, limit=_WEEKS)

    def _retry_week(
        self,
        request: ClaimedRequest,
        definition: DefinitionRef,
        row: Schedule | Collection,
        week: FailedWeek,
    ) -> None:
        """Clear the run of a week. One that is under way, or that Airflow has lost, is left."""
        dag_id, run_id = definition.dag_id, week.dag_run_id
        if run_id is None and isinstance(row, Collection):
            start = row.windows.week(week.week_number - 1).window.start
            run_id = self._airflow.run_of_date(dag_id, start)
        if run_id is None or self._airflow.run_state(dag_id, run_id) not in _ENDED:
            return
        earlier = self._earlier_note(dag_id, run_id)
        note = _note(request, earlier)
        if earlier.startswith(_NOTE) and str(request.id) in earlier:
            return
        try:
            self._airflow.clear(dag_id, run_id, task_ids=None, note=note)
        except AirflowRefused as err:
            if not err.is_conflict:  # a task of it is running: somebody was quicker
                raise

    def _cancel(self, request: ClaimedRequest, definition: DefinitionRef) -> Outcome:
        run_id = request.dag_run_id
        state = self._airflow.run_state(definition.dag_id, run_id) if run_id else None
        if run_id is None or state is None:
            return _refused("Airflow has no such run; look for its id in workflow_executions")
        if state in _ENDED:  # also after an earlier try has ended it
            return _done(f"the run had ended as {state}", dag_run_id=run_id)
        if not self._airflow.fail_run(definition.dag_id, run_id):
            return Postponed(reason="Airflow does not find the run", delay=SOON)
        return _done("the run is marked failed, and AMC is asked to stop", dag_run_id=run_id)

    def _backfill(
        self, request: ClaimedRequest, definition: DefinitionRef, accepted_at: datetime
    ) -> Outcome | None:
        # Before the windows are counted, which takes time. The first try says what is wrong at once
        if request.attempts > 1 and self._airflow.has_active_backfill(definition.dag_id):
            return self._behind_backfill(accepted_at)
        row, wanted = self._read(definition), backfill_range(request)
        checked_parameters(request, row)
        count = count_windows(row, wanted, self._now())
        if count == 0:
            return _refused(
                f"no window that has ended starts between {wanted.first_day} and "
                f"{wanted.last_day}; name other dates"
            )
        if count > MAX_BACKFILL_WINDOWS:
            return _refused(
                f"more than {MAX_BACKFILL_WINDOWS} windows start between {wanted.first_day} and "
                f"{wanted.last_day}; split the range into several requests"
            )
        try:
            number = self._airflow.create_backfill(definition.dag_id, wanted)
        except AirflowRefused as err:
            if not err.is_conflict:
                raise
            return self._behind_backfill(accepted_at)
        return None if number is None else _done(backfill_id=number)

    def _behind_backfill(self, accepted_at: datetime) -> Outcome:
        if self._now() - accepted_at > ACTIVE_BACKFILL:
            return _refused(
                "another backfill of the DAG has been active for a day; ask the operator to "
                "look at it, then insert the request again"
            )
        return Postponed(
            reason="another backfill of the DAG is active; this one follows", delay=LATER
        )

    def _read(self, definition: DefinitionRef) -> Schedule | Collection:
        """Read the row without a check of its query, which the run itself makes."""
        return load_definition(
            definition, self._database, lambda _query, _parameters: CheckedQuery()
        )


def _run_id(request: ClaimedRequest) -> str:
    if request.action == RunAction.RESTATE:
        return run_id_of(request.id)
    return f"request__{request.id}"


def _note(request: ClaimedRequest, earlier: str) -> str:
    """Return the note of a clear. It also names the requests of the note before it.

    The follower of an earlier request may have died after its clear. It is not to clear again.
    """
    ids = _UUID.findall(earlier) if earlier.startswith(_NOTE) else []
    return _NOTE + ", ".join([*ids[1 - _NOTED :], str(request.id)])


def _minutes(length: timedelta) -> int:
    return round(length.total_seconds() / 60)


def _has_ended(request: ClaimedRequest) -> bool:
    status = ExecutionStatus.parse(request.execution_status)
    return status is not None and not status.is_open
