"""By which date Airflow knows the run of a window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.scheduling.run_dates import INSTANT, free_date, window_start
from recomamp.domain.scheduling.windows import Window

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def window(days: int) -> Window:
    return Window(start=START, end=START + days * DAY, time_zone="UTC")


@pytest.mark.parametrize(
    ("lengths", "date"),
    [
        ([], START),
        ([1], START + INSTANT),
        ([1, 2], START + 2 * INSTANT),
        ([7], None),
        ([1, 7], None),
    ],
)
def test_a_window_takes_the_first_free_date_unless_a_run_reads_it(
    lengths: list[int], date: datetime | None
) -> None:
    held = {START + number * INSTANT: START + days * DAY for number, days in enumerate(lengths)}
    assert free_date(window(7), held.get) == date


@given(st.lists(st.integers(1, 9)))
def test_every_run_has_a_date_of_its_own_and_reads_its_window(lengths: list[int]) -> None:
    held: dict[datetime, datetime] = {}
    for days in lengths:
        date = free_date(window(days), held.get)
        assert (date is None) == (window(days).end in held.values())
        if date is not None:
            assert date not in held
            assert window_start(date) == START
            held[date] = window(days).end
    assert len(held) == len(set(lengths))
