"""A backfill runs the windows that start on its days and have ended."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from recomamp.domain.scheduling.backfills import backfill_windows, has_too_many_days
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.windows import CollectionWindows, ScheduleWindows, Window

BERLIN = ScheduleWindows(cron=Cron("0 6 * * *", "Europe/Berlin"))
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def test_both_days_are_included_in_the_zone_of_the_row() -> None:
    found = windows_of(BERLIN, date(2026, 3, 28), date(2026, 3, 30))
    assert [one.first_date for one in found] == [date(2026, 3, day) for day in (28, 29, 30)]
    assert found[1].start == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert found[1].end == datetime(2026, 3, 29, 22, tzinfo=UTC)  # the clocks went forward


def test_windows_that_have_not_ended_are_left_out() -> None:
    found = windows_of(BERLIN, date(2026, 3, 30), date(2026, 5, 1))
    assert [one.first_date for one in found] == [date(2026, 3, 30), date(2026, 3, 31)]
    assert windows_of(BERLIN, date(2027, 1, 1), date(2027, 1, 2)) == []


def test_weeks_of_a_collection_are_those_that_start_on_the_days() -> None:
    weeks = CollectionWindows(start_date=date(2026, 1, 1), end_date=date(2026, 1, 31))
    found = windows_of(weeks, date(2026, 1, 8), date(2026, 1, 22))
    assert [one.first_date.day for one in found] == [8, 15, 22]


def test_windows_are_those_of_their_ticks_and_the_tick_before_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = list(backfill_windows(BERLIN, date(2026, 3, 20), date(2026, 3, 30), NOW))
    assert found == [BERLIN.at(due.due_at) for due in found]
    asked: list[datetime] = []
    last_tick = Cron.last_tick
    monkeypatch.setattr(
        Cron, "last_tick", lambda self, until: asked.append(until) or last_tick(self, until)
    )
    assert list(backfill_windows(BERLIN, date(2026, 3, 20), date(2026, 3, 30), NOW)) == found
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("windows", "years", "expected"),
    [
        (BERLIN, 2, True),
        (BERLIN, 1, False),
        (ScheduleWindows(cron=Cron("0 6 * * 1", "Europe/Berlin")), 30, False),
        (CollectionWindows(start_date=date(2026, 1, 1), end_date=date(2026, 1, 31)), 30, False),
    ],
)
def test_too_many_days_are_told_without_counting_windows(
    windows: ScheduleWindows | CollectionWindows, years: int, expected: bool
) -> None:
    first = date(2026 - years, 1, 1)
    assert has_too_many_days(windows, first, date(2026, 1, 1), NOW) is expected


def test_both_days_are_included_as_a_whole_where_a_row_has_several_windows_a_day() -> None:
    hourly = ScheduleWindows(cron=Cron("0 * * * *", "Europe/Berlin"), lag_days=0)
    found = windows_of(hourly, date(2026, 3, 20), date(2026, 3, 21))
    assert len(found) == 48
    assert found[0].start == datetime(2026, 3, 19, 23, tzinfo=UTC)
    assert found[-1].end == datetime(2026, 3, 21, 23, tzinfo=UTC)


def test_a_window_has_ended_after_its_end() -> None:
    end = datetime(2026, 3, 30, 22, tzinfo=UTC)
    day = date(2026, 3, 30)
    assert list(backfill_windows(BERLIN, day, day, end)) == []
    assert len(list(backfill_windows(BERLIN, day, day, end + timedelta(microseconds=1)))) == 1


@pytest.mark.parametrize("lookback_days", [None, 1, 30])
@pytest.mark.parametrize("lag_days", [0, 2, 30])
@pytest.mark.parametrize("end", [date(2025, 6, 1), date(2026, 3, 31), date(2027, 1, 1)])
def test_no_backfill_of_400_windows_has_too_many_days(
    lookback_days: int | None, lag_days: int, end: date
) -> None:
    windows = ScheduleWindows(cron=BERLIN.cron, lookback_days=lookback_days, lag_days=lag_days)
    last = min(end, date(2026, 3, 31) - timedelta(days=(lookback_days or 1) - 1))
    first = last - timedelta(days=399)
    assert len(windows_of(windows, first, end)) in (399, 400, 401)
    assert not has_too_many_days(windows, first, end, NOW)
    assert has_too_many_days(windows, first - timedelta(days=70), end, NOW)


def windows_of(
    windows: ScheduleWindows | CollectionWindows, first: date, last: date
) -> list[Window]:
    return [due.window for due in backfill_windows(windows, first, last, NOW)]
