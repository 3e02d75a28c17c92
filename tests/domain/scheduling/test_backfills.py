"""A backfill runs the windows that start on its days and have ended."""

from __future__ import annotations

from datetime import UTC, date, datetime

from recomamp.domain.scheduling.backfills import backfill_windows
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


def windows_of(
    windows: ScheduleWindows | CollectionWindows, first: date, last: date
) -> list[Window]:
    return [due.window for due in backfill_windows(windows, first, last, NOW)]
