"""Conditions on results: what is measured, what it is compared with, and what comes of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from uuid import UUID

from recomamp.domain.text import one_line

MAX_CHECKS = 200  # that are evaluated for a result
MAX_NOTE = 500
_MAX_NAME = 100
_MAX_DIGITS = 60  # of a value that is stored
_SHOWN_DIGITS = 12
# Sums of numbers of 76 digits stay exact. A DOUBLE has 309 digits, and its AVG 12 decimals
EXACT = Context(prec=400)

_COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
    "WITHIN": lambda change, most: abs(change) <= most,
}


class Measure(StrEnum):
    """What is measured over all rows of a result (constraint ``chk_result_check_measure``)."""

    ROWS = "ROWS"
    SUM = "SUM"
    MIN = "MIN"
    MAX = "MAX"
    AVG = "AVG"
    NULLS = "NULLS"
    DUPLICATES = "DUPLICATES"


class ComparedWith(StrEnum):
    """What a measure is compared with (constraint ``chk_result_check_compared_with``)."""

    CONSTANT = "CONSTANT"
    PREVIOUS_WINDOW = "PREVIOUS_WINDOW"
    SAME_WEEKDAY = "SAME_WEEKDAY"


class Severity(StrEnum):
    """What a failure does (constraint ``chk_result_check_severity``)."""

    NOTIFY = "NOTIFY"
    FAIL = "FAIL"


_REFERENCES = {
    ComparedWith.PREVIOUS_WINDOW: "the window before",
    ComparedWith.SAME_WEEKDAY: "the window a week before",
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measure with the columns that it reads."""

    measure: Measure
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write it as SQL would: `SUM(clicks)`."""
        columns = ", ".join(self.columns)
        return one_line(f"{self.measure}({columns})" if columns else self.measure, MAX_NOTE)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why there is no value."""

    reason: str


Value = Decimal | Unmeasured


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultCheck:
    """A row of ``result_checks``, with what the result before came to."""

    id: UUID
    name: str
    measurement: Measurement
    comparison: str
    threshold: Decimal
    compared_with: ComparedWith
    severity: Severity
    has_reference: bool  # whether there is a result to compare with
    reference_value: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOutcome:
    """What a condition came to; ``passed`` None: it could not be evaluated."""

    check: ResultCheck
    value: Decimal | None = None
    reference_value: Decimal | None = None
    passed: bool | None = None
    note: str

    @property
    def fails_the_run(self) -> bool:
        """Whether the run fails."""
        return self.passed is False and self.check.severity is Severity.FAIL

    def __str__(self) -> str:
        """Name the condition and what came of it."""
        return f"{one_line(self.check.name, _MAX_NAME)}: {self.note}"


def judge(check: ResultCheck, value: Value) -> CheckOutcome:
    """Compare a measured value as the condition says; never raises."""
    if isinstance(value, Unmeasured):
        return _not_evaluated(check, value.reason)
    if not value.is_finite() or _digits(value) > _MAX_DIGITS:
        return _not_evaluated(check, f"{check.measurement} is no number that can be stored")
    if check.compared_with is ComparedWith.CONSTANT:
        return _outcome(check, value, compared=value, words=_number(value))
    where = _REFERENCES[check.compared_with]
    reference = check.reference_value
    if reference is None or not reference.is_finite():
        why = "the result has no value of it" if check.has_reference else "there is no result"
        return _not_evaluated(check, f"{where}: {why}", value=value)
    if reference == 0 and value != 0:
        return _not_evaluated(
            check, f"{where} has 0, of which no change in percent is known", value=value
        )
    change = Decimal(0)
    if reference != 0:
        difference = EXACT.subtract(value, reference)
        change = EXACT.divide(EXACT.multiply(difference, Decimal(100)), abs(reference))
    words = f"{_number(value)}, {_number(change)} % from {_number(reference)} in {where}"
    return _outcome(check, value, compared=change, words=words, reference=reference)


def _outcome(
    check: ResultCheck,
    value: Decimal,
    *,
    compared: Decimal,
    words: str,
    reference: Decimal | None = None,
) -> CheckOutcome:
    passed = _COMPARISONS[check.comparison](compared, check.threshold)
    unit = "" if check.compared_with is ComparedWith.CONSTANT else " %"
    wanted = f"{check.comparison} {_number(check.threshold)}{unit}"
    verdict = "as wanted" if passed else "wanted"
    return CheckOutcome(
        check=check,
        value=value,
        reference_value=reference,
        passed=passed,
        note=one_line(f"{check.measurement} is {words}; {verdict}: {wanted}", MAX_NOTE),
    )


def _not_evaluated(
    check: ResultCheck, reason: str, *, value: Decimal | None = None
) -> CheckOutcome:
    return CheckOutcome(
        check=check, value=value, note=one_line(f"not evaluated: {reason}", MAX_NOTE)
    )


def _digits(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    return len(digits) + abs(int(exponent))


def _number(value: Decimal) -> str:
    """Write a number as a person reads it."""
    rounded = Context(prec=_SHOWN_DIGITS).create_decimal(value)
    text = format(rounded, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
