"""Compare AMC's executions with the open rows of one instance, and correct what differs.

AMC is listed first and the rows are read afterwards: a row is written before AMC hears of it, so
what is listed and has no row has really lost it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import LIST_SLACK
from recomamp.domain import metrics
from recomamp.domain.execution_states import Actor, AmcStatus, given_up_as
from recomamp.domain.executions import AmcExecution, Execution, OpenExecution
from recomamp.domain.reconciliation import (
    Action,
    Decision,
    KnownExecutions,
    RunState,
    count_external,
    decide,
)
from recomamp.domain.text import one_line
from recomamp.errors import PipelineError, RequestRejected, is_tenants_own
from recomamp.pipeline.executions.adoption import adopt
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.instances.health import QUICK_RETRY
from recomamp.pipeline.log_context import about_execution
from recomamp.pipeline.metrics import count, count_ended
from recomamp.pipeline.partial_failures import FailureCollector
from recomamp.pipeline.reconciliation.dag_run_state import RunStateOf
from recomamp.pipeline.reconciliation.time_budget import TimeBudget
from recomamp.store import executions, reconciliations, run_records
from recomamp.store.reconciliations import InstanceToReconcile

log = logging.getLogger(__name__)

# The list and all cancelling: an instance that is silent keeps the others waiting
MAX_ASKING_SECONDS = 60.0


class InstanceReconciliation:
    """One comparison of one instance, and what follows from it."""

    def __init__(
        self,
        instance: InstanceToReconcile,
        database: DatabaseHook,
        amazon: AmcHook,
        run_state_of: RunStateOf,
        now: datetime,
    ) -> None:
        """Prepare a comparison.

        :param now: before AMC is listed. What ends later is not in that list's count.
        """
        self.instance = instance
        self.database = database
        self.amazon = amazon
        self.run_state_of = run_state_of
        self.now = now
        self.time_budget = TimeBudget(MAX_ASKING_SECONDS)
        self._listed: list[AmcExecution] | None = None  # None: AMC could not be asked
        # AMC's ids of what was cancelled here and is in flight no more
        self._ended: set[str] = set()

    def run(self, failures: FailureCollector) -> None:
        """Compare and act; ``failures`` takes what could not be done.

        :raises PipelineError: when AMC cannot be asked at all.
        """
        try:
            listed = self.time_budget.run(self._list())
        except PipelineError as err:
            if is_tenants_own(err):
                self._close_unasked(failures)
            raise
        self._listed = listed
        self._note_statuses({one.amc_execution_id: one.status for one in listed})
        rows, known, runs = self._compare(listed)
        with self.database.transaction() as connection:
            self._count_external(connection)
        decisions = list(decide(rows, listed, known, runs, now=self.now))
        for decision in decisions:
            with (
                about_execution(decision.execution_id),
                failures.capture(f"{self.instance}: {decision}"),
            ):
                self._act(decision)
        if decisions:
            with self.database.transaction() as connection:
                self._count_external(connection)

    def _compare(
        self, listed: list[AmcExecution]
    ) -> tuple[list[OpenExecution], KnownExecutions, dict[UUID, RunState]]:
        """Return the open rows, what is known of what AMC lists, and the states of the runs."""
        with self.database.transaction() as connection:
            rows = reconciliations.select_open_rows(connection, self.instance.instance_key)
            known = reconciliations.select_known_execution_ids(connection, listed)
        runs = {row.id: self._run_state(row) for row in rows}
        with self.database.transaction() as connection:
            reconciliations.mark_orphaned(connection, rows, runs, seen_at=self.now)
        return rows, known, runs

    def _close_unasked(self, failures: FailureCollector) -> None:
        """End the rows of dead runs without AMC, which lists nothing until a person acts.

        The consent or the access may be withdrawn for good. As long as such a row is open, its
        user's rows cannot be deleted, and it takes a slot of the account.
        """
        rows, known, runs = self._compare([])
        for decision in decide(rows, [], known, runs, now=self.now):
            with (
                about_execution(decision.execution_id),
                failures.capture(f"{self.instance}: {decision}"),
            ):
                if (row := decision.row) is None or not self._is_still_orphan(row):
                    continue
                unasked = AmcStatus.UNKNOWN if row.amc_execution_id else None
                if (execution := self._execution(row.id)) is not None:
                    self._end(decision, row, execution, unasked)

    async def _list(self) -> list[AmcExecution]:
        since = self.instance.list_from - LIST_SLACK
        async with self.amazon.client_at(self.instance, retry=QUICK_RETRY) as amc:
            return [one async for one in amc.list_executions(min_creation_time=since)]

    def _note_statuses(self, statuses: Mapping[str, AmcStatus]) -> None:
        """Store AMC's latest status of each execution in its row, where the row has ended."""
        with self.database.transaction() as connection:
            reconciliations.set_listed_statuses(connection, self.instance.instance_id, statuses)

    def _run_state(self, row: OpenExecution) -> RunState:
        if not row.has_definition:
            return RunState.GONE
        return self.run_state_of(row.dag_id, row.dag_run_id)

    def _count_external(self, connection: Connection) -> None:
        """Keep how many slots are taken at AMC that no open row of ours holds."""
        if self._listed is None:
            return
        in_flight = [one for one in self._listed if one.amc_execution_id not in self._ended]
        known = reconciliations.select_known_execution_ids(connection, in_flight)
        external = count_external(in_flight, known)
        reconciliations.count_external_executions(
            connection, self.instance.instance_key, external, counted_at=self.now
        )
        log.info(
            "Instance %s: %s listed at AMC, %s in flight without an open row",
            one_line(self.instance.instance_id),
            len(self._listed),
            external,
        )

    def _act(self, decision: Decision) -> None:
        match decision:
            case Decision(action=Action.ADOPT, at_amc=AmcExecution() as at_amc):
                self._adopt(decision, at_amc)
            case Decision(action=Action.CLOSE, row=OpenExecution() as row):
                self._close(decision, row)
            case _:
                self._cancel_unwanted(decision)

    def _adopt(self, decision: Decision, at_amc: AmcExecution) -> None:
        """Store AMC's id, where the row still waits for one."""
        with self.database.transaction() as connection:
            is_adopted = adopt(connection, decision.execution_id, at_amc, now=self.now)
            if is_adopted:
                self._tell(connection, decision, at_amc.amc_execution_id, decision.reason)
        if is_adopted:
            count(metrics.SUBMITTED)

    def _cancel_unwanted(self, decision: Decision) -> None:
        """Cancel at AMC, where it still runs."""
        statuses = self._cancel(
            decision.cancel, self.amazon.client_at(self.instance, retry=QUICK_RETRY)
        )
        if all(status.is_terminal and status is not AmcStatus.CANCELLED for status in statuses):
            return  # it has ended by itself since
        with self.database.transaction() as connection:
            self._tell(connection, decision, decision.cancel[0], decision.reason)

    def _close(self, decision: Decision, row: OpenExecution) -> None:
        """Cancel at AMC, end the row and record its run, where the row has not changed since."""
        execution = self._execution(row.id)
        if execution is None or not self._is_still_orphan(row):
            log.info("Execution %s has changed meanwhile and is left alone", row.id)
            return
        statuses = self._cancel(
            decision.cancel, self.amazon.client_for(execution, retry=QUICK_RETRY)
        )
        amc_status = _final_amc_status(
            statuses or ([decision.at_amc.status] if decision.at_amc else [])
        )
        self._end(decision, row, execution, amc_status)

    def _end(
        self,
        decision: Decision,
        row: OpenExecution,
        execution: Execution,
        amc_status: AmcStatus | None,
    ) -> None:
        ended_as, error_type = given_up_as(execution.error_type, amc_status)
        is_unasked = self._listed is None
        said = "cannot be asked" if is_unasked else f"says {amc_status or 'nothing of it'}"
        message = f"ended as {ended_as} by reconciliation: {decision.reason}; AMC {said}"
        if execution.last_error:
            message = f"{message}; before that: {execution.last_error}"
        is_last_word = amc_status is not None and (amc_status.is_terminal or is_unasked)
        with self.database.transaction() as connection:
            is_ended = executions.end_execution(
                connection,
                row.id,
                actor=Actor.RECONCILE,
                status=ended_as,
                amc_status=amc_status if is_last_word else None,
                error_type=error_type,
                error_message=message,
                completed_at=self.now,
            )
            if not is_ended:
                return
            run_records.record_failure(
                connection,
                execution,
                reason=message,
                now=self.now,
                ended_at=row.orphaned_at or self.now,
            )
            self._tell(connection, decision, row.amc_execution_id, message)
            # In the same transaction: AMC may run it on, and its slot must not look free
            self._count_external(connection)
        count_ended(ended_as)

    def _is_still_orphan(self, row: OpenExecution) -> bool:
        with self.database.transaction() as connection:
            if not reconciliations.is_unchanged(connection, self.instance.instance_key, row):
                return False
        return not self._run_state(row).is_alive

    def _cancel(self, amc_execution_ids: Iterable[str], client: AmcClient) -> list[AmcStatus]:
        """Cancel and return what AMC then says of each; what it does not know is left out."""
        statuses = self.time_budget.run(self._cancel_all(amc_execution_ids, client))
        self._note_statuses(statuses)
        return list(statuses.values())

    async def _cancel_all(
        self, amc_execution_ids: Iterable[str], client: AmcClient
    ) -> dict[str, AmcStatus]:
        statuses = {}
        async with client as amc:
            for amc_execution_id in amc_execution_ids:
                try:
                    cancelled = await amc.cancel_execution(amc_execution_id)
                except RequestRejected as err:
                    if err.status != HTTPStatus.NOT_FOUND:
                        raise
                else:
                    statuses[amc_execution_id] = cancelled.status
                    if cancelled.status.is_terminal:
                        self._ended.add(amc_execution_id)
        return statuses

    def _tell(
        self, connection: Connection, decision: Decision, amc_execution_id: str | None, detail: str
    ) -> None:
        log.warning(
            "%s: execution %s, %s at AMC: %s",
            decision.action,
            decision.execution_id,
            one_line(amc_execution_id),
            one_line(detail),
        )
        reconciliations.insert_reconciliation(
            connection,
            self.instance.instance_key,
            execution_id=decision.execution_id,
            amc_execution_id=amc_execution_id,
            action=decision.action,
            detail=detail,
            at=self.now,
        )

    def _execution(self, execution_id: UUID) -> Execution | None:
        with self.database.transaction() as connection:
            return executions.select_execution(connection, execution_id)


def _final_amc_status(statuses: list[AmcStatus]) -> AmcStatus | None:
    """Return what became of an execution at AMC; of several, that one was cancelled."""
    if AmcStatus.CANCELLED in statuses:
        return AmcStatus.CANCELLED
    return statuses[-1] if statuses else None
