"""What a condition comes to, for every measure that may come."""

from __future__ import annotations

import operator
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.result_checks import (
    MAX_NOTE,
    CheckOutcome,
    ComparedWith,
    Measure,
    Measurement,
    ResultCheck,
    Severity,
    Unmeasured,
    judge,
)

CLICKS = Measurement(Measure.SUM, ("clicks",))


WITHOUT_END = "x" * 1000


def check(
    comparison: str = ">",
    threshold: str = "0",
    *,
    compared_with: ComparedWith = ComparedWith.CONSTANT,
    reference: str | None = None,
    has_reference: bool = True,
    severity: Severity = Severity.NOTIFY,
    name: str = "clicks",
    measurement: Measurement = CLICKS,
) -> ResultCheck:
    return ResultCheck(
        id=UUID(int=1),
        name=name,
        measurement=measurement,
        comparison=comparison,
        threshold=Decimal(threshold),
        compared_with=compared_with,
        severity=severity,
        has_reference=has_reference,
        reference_value=None if reference is None else Decimal(reference),
    )


def change(comparison: str, threshold: str, reference: str | None) -> ResultCheck:
    return check(
        comparison, threshold, compared_with=ComparedWith.PREVIOUS_WINDOW, reference=reference
    )


NUMBERS = st.decimals(-(10**12), 10**12, places=3)


@given(value=NUMBERS, threshold=NUMBERS)
def test_a_constant_is_compared_as_numbers_are(value: Decimal, threshold: Decimal) -> None:
    comparisons = {
        "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
        "=": operator.eq, "<>": operator.ne,
    }  # fmt: skip
    for sign, compare in comparisons.items():
        assert judge(check(sign, str(threshold)), value).passed is compare(value, threshold)


@pytest.mark.parametrize(
    ("given_check", "value", "passed"),
    [
        (change(">=", "-50", "100"), "50", True),
        (change(">=", "-50", "100"), "49", False),
        (change(">=", "-50", "-100"), "-150", True),
        (change(">=", "-50", "-100"), "-151", False),
        (change("WITHIN", "10", "100"), "110", True),
        (change("WITHIN", "10", "100"), "89", False),
        (change("WITHIN", "10", "0"), "0", True),
        (change("=", "0", "0"), "0", True),
        (change("<", "0", "100"), "99.999", True),
    ],
)
def test_a_change_is_in_percent_of_the_reference(
    given_check: ResultCheck, value: str, passed: bool
) -> None:
    assert judge(given_check, Decimal(value)).passed is passed


@pytest.mark.parametrize(
    ("given_check", "value", "why"),
    [
        (check(), Unmeasured("the result has no column clicks"), "no column clicks"),
        (check(), Decimal("NaN"), "no number that can be stored"),
        (check(), Decimal("1e300"), "no number that can be stored"),
        (
            change("<", "1", None),
            Decimal(1),
            "not evaluated: the window before: the result has no value of it",
        ),
        (change("<", "1", "0"), Decimal(1), "has 0"),
        (
            check(compared_with=ComparedWith.SAME_WEEKDAY, has_reference=False),
            Decimal(1),
            "the window a week before: there is no result",
        ),
    ],
)
def test_what_cannot_be_evaluated_neither_passes_nor_fails(
    given_check: ResultCheck, value: Decimal | Unmeasured, why: str
) -> None:
    outcome = judge(given_check, value)
    assert outcome.check is given_check
    assert outcome.passed is None
    assert why in outcome.note
    assert not outcome.fails_the_run


@pytest.mark.parametrize("reference", [None, "0"])
def test_a_value_without_a_reference_is_kept(reference: str | None) -> None:
    outcome = judge(change("<", "1", reference), Decimal(7))
    assert (outcome.value, outcome.reference_value) == (7, None)


def test_an_evaluated_condition_keeps_what_it_compared() -> None:
    constant, changed = judge(check(), Decimal(7)), judge(change("<", "0", "8"), Decimal(7))
    assert (constant.value, constant.reference_value) == (7, None)
    assert (changed.value, changed.reference_value) == (7, 8)


@pytest.mark.parametrize(
    ("value", "is_stored"),
    [("1" * 60, True), ("1" * 61, False), ("1e59", True), ("1e60", False), ("1e-60", False)],
)
def test_a_value_of_more_than_60_digits_is_not_evaluated(value: str, is_stored: bool) -> None:
    outcome = judge(check(), Decimal(value))
    assert (outcome.passed is not None) is (outcome.value is not None) is is_stored


def test_a_note_says_what_was_measured_and_what_was_wanted() -> None:
    assert judge(check(), Decimal("0.10")).note == "SUM(clicks) is 0.1; as wanted: > 0"
    assert judge(change("WITHIN", "50", "100"), Decimal(40)).note == (
        "SUM(clicks) is 40, -60 % from 100 in the window before; wanted: WITHIN 50 %"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [("2.00", "2"), ("100", "100"), ("0.50", "0.5"), ("1e5", "100000"), ("-0.001", "-0.001"),
     ("1234567890123.4", "1234567890120")],
)  # fmt: skip
def test_a_note_has_numbers_as_people_write_them(value: str, written: str) -> None:
    assert judge(check(), Decimal(value)).note.startswith(f"SUM(clicks) is {written}; ")


def test_a_note_shows_12_digits_of_a_change() -> None:
    note = judge(change("<", "0", "3"), Decimal(4)).note
    assert "33.3333333333 % from 3" in note


@pytest.mark.parametrize(
    ("measurement", "written"),
    [
        (Measurement(Measure.ROWS), "ROWS"),
        (Measurement(Measure.SUM, ("clicks",)), "SUM(clicks)"),
        (Measurement(Measure.DUPLICATES, ("day", "campaign")), "DUPLICATES(day, campaign)"),
    ],
)
def test_a_measurement_is_written_as_in_sql(measurement: Measurement, written: str) -> None:
    assert str(measurement) == written


def test_an_outcome_is_named_by_its_condition() -> None:
    assert str(judge(check(), Decimal(1))) == "clicks: SUM(clicks) is 1; as wanted: > 0"
    assert str(judge(check(name=WITHOUT_END), Decimal(1))).startswith("x" * 99 + "…: SUM")


def test_a_note_fits_into_its_column() -> None:
    long = Measurement(Measure.SUM, (WITHOUT_END,))
    assert len(str(long)) == MAX_NOTE
    assert len(judge(check(measurement=long), Decimal(1)).note) == MAX_NOTE
    assert len(judge(check(), Unmeasured(WITHOUT_END)).note) == MAX_NOTE


@pytest.mark.parametrize("severity", Severity)
def test_only_a_failure_of_the_severity_fail_fails_the_run(severity: Severity) -> None:
    failed = judge(check(severity=severity), Decimal(0))
    passed = judge(check(severity=severity), Decimal(1))
    assert (failed.passed, passed.passed) == (False, True)
    assert failed.fails_the_run is (severity is Severity.FAIL)
    assert not passed.fails_the_run


@given(value=st.decimals(), reference=st.decimals(), name=st.text())
def test_no_value_and_no_name_raises(value: Decimal, reference: Decimal, name: str) -> None:
    for compared_with in ComparedWith:
        odd = ResultCheck(
            id=UUID(int=1),
            name=name,
            measurement=Measurement(Measure.MAX, (name,)),
            comparison="<",
            threshold=Decimal(1),
            compared_with=compared_with,
            severity=Severity.FAIL,
            has_reference=True,
            reference_value=reference,
        )
        outcome = judge(odd, value)
        assert isinstance(outcome, CheckOutcome)
        assert "\n" not in str(outcome)
        assert len(outcome.note) <= 500
