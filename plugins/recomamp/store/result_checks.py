"""Rows of ``result_checks`` and ``result_check_outcomes``, and the contracts of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2.extensions import connection as Connection

from recomamp.domain.result_checks import (
    MAX_CHECKS,
    CheckOutcome,
    ComparedWith,
    Measure,
    Measurement,
    ResultCheck,
    Severity,
)
from recomamp.domain.result_columns import OutputColumn, read_stored_columns
from recomamp.domain.result_contracts import ResultContract
from recomamp.store.statements import Row, execute_returning, fetch_all, fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractOfResult:
    """The contract of an execution's result, and the columns to compare with; maybe none."""

    contract: ResultContract
    columns: tuple[OutputColumn, ...]


def select_result_contract(connection: Connection, execution_id: UUID) -> ContractOfResult:
    """Return the contract of an execution's result."""
    row = fetch_one(connection, "select_result_contract", execution_id=execution_id) or {}
    fields = row.get("fields")
    return ContractOfResult(
        contract=ResultContract(row.get("contract") or ResultContract.EVOLVE),
        columns=read_stored_columns(fields if isinstance(fields, list) else None),
    )


def select_result_checks(connection: Connection, execution_id: UUID) -> list[ResultCheck]:
    """Return the conditions that an execution's result must meet."""
    found = fetch_all(
        connection, "select_result_checks", execution_id=execution_id, limit=MAX_CHECKS
    )
    return [_check(row) for row in found]


def insert_check_outcomes(
    connection: Connection,
    execution_id: UUID,
    outcomes: Sequence[CheckOutcome],
    *,
    evaluated_at: datetime,
) -> None:
    """Store what conditions came to, instead of what they came to before."""
    for outcome in outcomes:
        execute_returning(
            connection,
            "insert_check_outcome",
            execution_id=execution_id,
            check_id=outcome.check.id,
            measured=str(outcome.check.measurement),
            value=outcome.value,
            reference_value=outcome.reference_value,
            passed=outcome.passed,
            note=outcome.note,
            evaluated_at=evaluated_at,
        )


def _check(row: Row) -> ResultCheck:
    measure = Measure(row["measure"])
    column = [row["column_name"]] if row["column_name"] is not None else []
    measurement = Measurement(measure, tuple(row["key_columns"] or column))
    # The number of rows is the execution's own; all else was measured as the condition then said
    is_same = measure is Measure.ROWS or row["reference_measured"] == str(measurement)
    return ResultCheck(
        id=row["id"],
        name=row["name"],
        measurement=measurement,
        comparison=row["comparison"],
        threshold=row["threshold"],
        compared_with=ComparedWith(row["compared_with"]),
        severity=Severity(row["severity"]),
        has_reference=row["has_reference"],
        reference_value=row["reference_value"] if is_same else None,
    )
