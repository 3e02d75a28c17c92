"""Timetables: what runs by itself, what a backfill makes, and that Airflow stores them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pendulum
import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.cron import load_zone
from recomamp.pipeline.timetables import CollectionTimetable, ScheduleTimetable

NO_BOUNDS = TimeRestriction(earliest=None, latest=None, catchup=False)


def schedule(**changes: object) -> ScheduleTimetable:
    arguments: dict[str, object] = {
        "expression": "0 6 * * *",
        "time_zone": "Europe/Berlin",
        "created_at": "2026-01-01T00:00:00+00:00",
        "lag_days": 2,
        "lookback_days": None,
        "window_type": "EXPLICIT",
        "catchup": False,
        "is_active": True,
    }
    return ScheduleTimetable(**{**arguments, **changes})  # type: ignore[arg-type]


def collection(**changes: object) -> CollectionTimetable:
    arguments: dict[str, object] = {
        "start_date": "2026-01-01",
        "end_date": "2026-01-31",
        "time_zone": "UTC",
        "lag_days": 14,
        "is_active": True,
    }
    return CollectionTimetable(**{**arguments, **changes})  # type: ignore[arg-type]


def backfill(
    timetable: ScheduleTimetable | CollectionTimetable, first: date, last: date
) -> list[DagRunInfo]:
    """Iterate as Airflow's backfill does, for dates typed as UTC midnights."""
    restriction = TimeRestriction(
        earliest=pendulum.datetime(first.year, first.month, first.day),
        latest=pendulum.datetime(last.year, last.month, last.day),
        catchup=True,
    )
    runs: list[DagRunInfo] = []
    while info := timetable.next_dagrun_info_v2(
        last_dagrun_info=runs[-1] if runs else None, restriction=restriction
    ):
        runs.append(info)
        assert len(runs) < 1000
    return runs


@given(
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo", "UTC"]),
    st.dates(date(2024, 1, 1), date(2026, 12, 1)),
    st.integers(1, 20),
)
def test_a_backfill_of_days_makes_exactly_the_runs_of_these_days(
    zone: str, first: date, days: int
) -> None:
    last = first + timedelta(days=days - 1)
    runs = backfill(schedule(time_zone=zone), first, last)
    starts = [run.data_interval.start.astimezone(load_zone(zone)) for run in runs]
    assert [start.date() for start in starts] == [first + timedelta(n) for n in range(days)]
    assert {(start.hour, start.minute) for start in starts} == {(0, 0)}


def test_a_backfill_of_an_hourly_schedule_covers_the_whole_last_day() -> None:
    hourly = schedule(expression="0 * * * *")
    assert len(backfill(hourly, date(2026, 3, 29), date(2026, 3, 29))) == 23  # clocks go forward
    assert len(backfill(hourly, date(2026, 3, 30), date(2026, 3, 31))) == 48


def test_a_backfill_of_a_collection_makes_exactly_the_weeks_that_start_in_the_range() -> None:
    runs = backfill(collection(), date(2026, 1, 8), date(2026, 1, 22))
    starts = [run.data_interval.start.date() for run in runs]
    assert starts == [date(2026, 1, 8), date(2026, 1, 15), date(2026, 1, 22)]
    last = backfill(collection(), date(2026, 1, 25), date(2026, 2, 25))
    assert [(run.data_interval.start.day, run.data_interval.end.day) for run in last] == [(29, 1)]


def test_inactive_timetables_start_nothing_and_still_backfill() -> None:
    for timetable in (schedule(is_active=False), collection(is_active=False)):
        assert timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=NO_BOUNDS) is None
        assert backfill(timetable, date(2026, 1, 1), date(2026, 1, 10))


def test_with_catchup_every_missed_tick_runs_without_it_only_the_latest() -> None:
    first = schedule(catchup=True).next_dagrun_info_v2(last_dagrun_info=None, restriction=NO_BOUNDS)
    assert first is not None
    assert first.run_after == pendulum.datetime(2026, 1, 1, 5)
    latest = schedule().next_dagrun_info_v2(last_dagrun_info=None, restriction=NO_BOUNDS)
    assert latest is not None
    assert timedelta(0) <= datetime.now(UTC) - latest.run_after < timedelta(days=1)


def test_the_run_after_a_run_goes_on_where_it_ended() -> None:
    timetable = schedule(catchup=True)
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=NO_BOUNDS)
    second = timetable.next_dagrun_info_v2(last_dagrun_info=first, restriction=NO_BOUNDS)
    assert first is not None
    assert second is not None
    assert first.data_interval.end == second.data_interval.start
    assert second.run_after - first.run_after == timedelta(days=1)


def test_all_weeks_of_a_collection_run_in_order_and_then_no_more() -> None:
    timetable, runs = collection(), []
    info = None
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=NO_BOUNDS):
        runs.append(info)
    assert [run.data_interval.start.day for run in runs] == [1, 8, 15, 22, 29]
    assert runs[-1].data_interval.end == pendulum.datetime(2026, 2, 1)
    assert runs[-1].run_after == pendulum.datetime(2026, 2, 15)


def test_a_manual_run_reads_the_latest_window_that_is_due() -> None:
    moment = pendulum.datetime(2026, 3, 10, 12)
    interval = schedule().infer_manual_data_interval(run_after=moment)
    assert interval == DataInterval(
        pendulum.datetime(2026, 3, 6, 23), pendulum.datetime(2026, 3, 7, 23)
    )
    first_week = collection().infer_manual_data_interval(run_after=pendulum.datetime(2026, 1, 2))
    assert first_week.start == pendulum.datetime(2026, 1, 1)


@pytest.mark.parametrize("timetable", [schedule(lookback_days=7), collection()])
def test_airflow_stores_a_timetable_and_reads_an_equal_one(
    timetable: ScheduleTimetable | CollectionTimetable,
) -> None:
    stored = encode_timetable(timetable)
    read = decode_timetable(stored)
    assert encode_timetable(read) == stored
    assert decode_timetable(stored) is read  # built once, though Airflow asks many times
