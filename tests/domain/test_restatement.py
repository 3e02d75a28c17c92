"""At which ages windows are read again, and what is said of ages at which none can be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.restatement import (
    MAX_AGE_DAYS,
    MAX_AGES,
    Restatement,
    is_restatement,
    read_restatement,
    run_id_of,
)


def read(lag_days: int = 2, *, is_explicit: bool = True, **options: Any) -> Restatement | None:
    return read_restatement(options, is_explicit=is_explicit, lag_days=lag_days)


@pytest.mark.parametrize(
    ("lag_days", "ages"),
    [
        (2, [3]),
        (0, [1]),
        (89, [90]),
        (2, [3, 4, 5, 6, 7, 90]),
        (14, [15, 31]),
    ],
)
def test_ages_are_increasing_days_from_the_lag_to_ninety(lag_days: int, ages: list[int]) -> None:
    assert read(lag_days, restate_days=ages) == Restatement(
        ages=tuple(ages), threshold=Decimal("0.001")
    )


@pytest.mark.parametrize("ages", [[2], [3, 3], [4, 3], [91], [3, 91], [3.0], ["3"], [True], [None]])
def test_other_ages_are_refused_with_the_one_that_is_wrong(ages: list[Any]) -> None:
    with pytest.raises(ValueError, match="restate_days has ") as refused:
        read(restate_days=ages)
    assert f"restate_days has {ages[-1]!r}; write increasing whole days" in str(refused.value)
    assert "larger than lag_days (2) and at most 90" in str(refused.value)


@pytest.mark.parametrize("ages", [[], list(range(3, 10)), 3, "3", None, {"3": 3}, True])
def test_what_is_no_list_of_one_to_six_is_refused(ages: Any) -> None:
    with pytest.raises(ValueError, match="restate_days is not a list of 1 to 6 whole days"):
        read(restate_days=ages)


@pytest.mark.parametrize(
    ("threshold", "kept"),
    [(0, "0"), (1, "1"), (0.1, "0.1"), (1.0, "1.0"), (Decimal("0.25"), "0.25")],
)
def test_a_threshold_is_a_share_and_kept_as_it_is_written(threshold: Any, kept: str) -> None:
    assert read(restate_days=[3], restate_threshold=threshold) == Restatement(
        ages=(3,), threshold=Decimal(kept)
    )


@pytest.mark.parametrize("threshold", [-0.1, -1, 1.1, 2, "0.1", None, True, [0.1], float("nan")])
@pytest.mark.parametrize("ages", [{}, {"restate_days": [3]}])
def test_other_thresholds_are_refused_even_without_ages(threshold: Any, ages: Any) -> None:
    with pytest.raises(ValueError, match="is not a number from 0 to 1") as refused:
        read(**ages, restate_threshold=threshold)
    assert str(refused.value).startswith(f"restate_threshold: {threshold!r} ")


@pytest.mark.parametrize("is_explicit", [True, False])
def test_without_ages_no_window_is_read_again(is_explicit: bool) -> None:
    assert read(is_explicit=is_explicit) is None
    assert read(is_explicit=is_explicit, restate_threshold=0.5) is None


def test_a_window_that_amc_chooses_is_not_read_again() -> None:
    with pytest.raises(ValueError, match=r"^restate_days needs windows of the pipeline"):
        read(is_explicit=False, restate_days=[3])


@given(lag_days=st.integers(0, 100), ages=st.lists(st.integers(-1, 100), max_size=MAX_AGES + 1))
def test_every_plan_keeps_to_the_rules(lag_days: int, ages: list[int]) -> None:
    is_plan = (
        1 <= len(ages) <= MAX_AGES
        and ages == sorted(set(ages))
        and lag_days < ages[0]
        and ages[-1] <= MAX_AGE_DAYS
    )
    try:
        found = read(lag_days, restate_days=ages)
    except ValueError:
        assert not is_plan
    else:
        assert is_plan
        assert found == Restatement(ages=tuple(ages))


def test_the_run_of_a_request_is_known_by_its_id() -> None:
    run_id = run_id_of(uuid4())
    assert is_restatement(run_id)
    assert not is_restatement("scheduled__2026-01-01T06:00:00+00:00")
    assert not is_restatement(f"manual__{run_id}")
