"""Whether a stored result is what its user expects: the contract of columns, and conditions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from uuid import UUID

import psycopg2

from recomamp.domain.executions import Execution
from recomamp.domain.result_checks import CheckOutcome, judge
from recomamp.domain.result_contracts import ResultContract, changes_in_words, column_changes
from recomamp.domain.text import one_line
from recomamp.errors import ContractBroken, ResultChecksFailed, ResultRefused
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.partial_failures import log_failure
from recomamp.store import result_checks
from recomamp.store.connections import is_away
from recomamp.store.results.measures import measure
from recomamp.store.results.stored_files import StoredFiles
from recomamp.store.results.writer import StoredResults

log = logging.getLogger(__name__)

MAX_SECONDS = 300.0  # to measure a result; what is not measured by then is not evaluated


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """What became of a result: how its columns changed, the outcomes, and why it is refused."""

    column_changes: str | None = None
    outcomes: tuple[CheckOutcome, ...] = ()
    refusal: ResultRefused | None = None


def examine(
    execution: Execution,
    stored: StoredResults,
    *,
    database: DatabaseHook,
    clock: Callable[[], float] = monotonic,
) -> Acceptance:
    """Compare a stored result with its contract, and evaluate its conditions.

    The results are good whatever this comes to: an unexpected error is logged and refuses nothing.
    """
    changes: str | None = None
    broken: ContractBroken | None = None
    outcomes: Sequence[CheckOutcome] = ()
    with _logged(f"contract of the result of execution {execution.id}"):
        changes, broken = _compare_columns(execution, stored, database)
    with _logged(f"conditions on the result of execution {execution.id}"):
        outcomes = _evaluate(execution, stored, database, clock)
    for outcome in outcomes:
        log.info("Check %s", outcome)
    return Acceptance(
        column_changes=changes, outcomes=tuple(outcomes), refusal=broken or _failed(outcomes)
    )


@contextmanager
def _logged(part: str) -> Iterator[None]:
    """Log an error, unless the database is away: then the load cannot end either."""
    try:
        yield
    except Exception as err:  # what a user wrote into a condition fails no load
        if is_away(err):
            raise
        log_failure(part, err)


def store_outcomes(database: DatabaseHook, execution_id: UUID, acceptance: Acceptance) -> None:
    """Store the outcomes; an error is logged, for the results are stored already.

    :raises psycopg2.Error: when the database is away: the load runs again and stores them then.
    """
    try:
        with database.transaction() as connection:
            result_checks.insert_check_outcomes(
                connection, execution_id, acceptance.outcomes, evaluated_at=datetime.now(UTC)
            )
    except psycopg2.Error as err:
        if is_away(err):
            raise
        log.error("Outcomes of execution %s are not stored: %s", execution_id, one_line(err))


def _compare_columns(
    execution: Execution, stored: StoredResults, database: DatabaseHook
) -> tuple[str | None, ContractBroken | None]:
    with database.transaction() as connection:
        agreed = result_checks.select_result_contract(connection, execution.id)
    if agreed.contract is ResultContract.EVOLVE or not agreed.columns:
        return None, None
    changes = column_changes(agreed.columns, stored.columns)
    if not changes:
        return None, None
    words = changes_in_words(changes)
    log.warning("The columns differ from those of the result before: %s", words)
    if agreed.contract is ResultContract.REPORT:
        return words, None
    return words, ContractBroken(
        f"the results are stored, but their columns are not those of the result before: {words}. "
        "To accept them set workflows.result_contract_accepted_at to now() and clear the task load"
    )


def _evaluate(
    execution: Execution,
    stored: StoredResults,
    database: DatabaseHook,
    clock: Callable[[], float],
) -> Sequence[CheckOutcome]:
    with database.transaction() as connection:
        checks = result_checks.select_result_checks(connection, execution.id)
    if not checks:
        return ()
    files = StoredFiles(settings.results_url())
    until = clock() + MAX_SECONDS
    measured = measure(
        [
            partial(
                files.opened_of,
                file.uri,
                workflow_id=execution.workflow_id,
                execution_id=execution.id,
            )
            for file in stored.files
        ],
        {check.measurement for check in checks},
        schema={column.name: column.arrow_type for column in stored.columns},
        rows=stored.rows,
        is_over=lambda: clock() > until,
    )
    return [judge(check, measured[check.measurement]) for check in checks]


def _failed(outcomes: Sequence[CheckOutcome]) -> ResultChecksFailed | None:
    failed = [str(outcome) for outcome in outcomes if outcome.fails_the_run]
    if not failed:
        return None
    return ResultChecksFailed(
        f"the results are stored, but do not meet {len(failed)} of the conditions in "
        f"result_checks: {changes_in_words(failed)}. Correct the condition and clear load, "
        "or correct the query and clear the run"
    )
