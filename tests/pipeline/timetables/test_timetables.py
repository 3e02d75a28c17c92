"""Timetables: what runs by itself, what a backfill makes, and that Airflow stores them."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pendulum
import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DagRunInfo, DataInterval
from hypothesis import given
from hypothesis import strategies as st

from fixtures.timetables import NO_BOUNDS, NOW, backfill, backfill_between, collection, schedule
from recomamp.domain.scheduling.cron import Cron, load_zone
from recomamp.domain.scheduling.windows import MAX_MISSED_TICKS, ScheduleWindows
from recomamp.pipeline.timetables import schedule as schedule_module
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable


@given(
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo", "UTC"]),
    st.dates(date(2024, 1, 1), date(2026, 11, 1)),
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


UI_ZONES = ["America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Europe/Berlin"]
UI_ZONES += ["UTC", "Pacific/Auckland", "Pacific/Honolulu", "Asia/Kathmandu"]


@given(
    st.sampled_from(UI_ZONES),
    st.sampled_from(UI_ZONES),
    st.sampled_from(["0 6 * * *", "0 */6 * * *"]),
    st.dates(date(2026, 2, 20), date(2026, 4, 10)) | st.dates(date(2026, 9, 20), date(2026, 11, 5)),
    st.integers(1, 20),
    st.booleans(),
)
def test_days_picked_in_the_backfill_dialog_are_days_of_the_row(
    ui_zone: str, row_zone: str, expression: str, first: date, days: int, is_again: bool
) -> None:
    """The dialog sends midnight of the UI's zone, and the last minute of the last day there."""
    last = first + timedelta(days=days - 1)
    runs = backfill_between(
        schedule(time_zone=row_zone, expression=expression, lag_days=0),
        pendulum.datetime(*first.timetuple()[:3], tz=ui_zone).in_timezone("UTC"),
        pendulum.datetime(
            *last.timetuple()[:3], 23, 59, *((0,) if is_again else (59, 999000)), tz=ui_zone
        ).in_timezone("UTC"),
    )
    starts = [run.data_interval.start.astimezone(load_zone(row_zone)) for run in runs]
    assert len(starts) == days * (1 if expression == "0 6 * * *" else 4)
    assert {start.date() for start in starts} == {first + timedelta(n) for n in range(days)}


@pytest.mark.parametrize("ui_zone", UI_ZONES)
def test_weeks_picked_in_the_backfill_dialog_are_weeks_of_the_collection(ui_zone: str) -> None:
    runs = backfill_between(
        collection(time_zone="America/Los_Angeles"),
        pendulum.datetime(2026, 1, 8, tz=ui_zone).in_timezone("UTC"),
        pendulum.datetime(2026, 1, 22, tz=ui_zone).in_timezone("UTC"),
    )
    assert [run.data_interval.start.day for run in runs] == [8, 15, 22]


@pytest.mark.parametrize("ui_zone", UI_ZONES)
def test_a_logical_date_picked_in_the_ui_names_the_week_of_its_day(ui_zone: str) -> None:
    weeks = collection(time_zone="Europe/Berlin")
    picked = pendulum.datetime(2026, 1, 8, tz=ui_zone).in_timezone("UTC")
    assert weeks.infer_manual_data_interval(run_after=picked) == DataInterval(
        pendulum.datetime(2026, 1, 7, 23), pendulum.datetime(2026, 1, 14, 23)
    )


def test_a_logical_date_at_00_00_utc_names_the_day_of_a_schedule_and_no_other_time_does() -> None:
    berlin = schedule()
    for logical_date, start in [
        (pendulum.datetime(2026, 3, 10), pendulum.datetime(2026, 3, 9, 23)),
        (pendulum.datetime(2026, 3, 9, 23), pendulum.datetime(2026, 3, 9, 23)),
        (pendulum.datetime(2026, 3, 10, 5), pendulum.datetime(2026, 3, 6, 23)),  # its tick
    ]:
        assert berlin.infer_manual_data_interval(run_after=logical_date).start == start


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
    assert timedelta(0) <= NOW - latest.run_after < timedelta(days=1)


@given(
    st.sampled_from(["* * * * *", "*/7 1-3 * * *", "0 * * * *", "0 6 * * *", "0 6 * * MON"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
)
def test_the_number_of_missed_ticks_that_run_has_an_end(
    expression: str, created_at: datetime
) -> None:
    timetable = schedule(
        expression=expression, time_zone="UTC", created_at=created_at.isoformat(), catchup=True
    )
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=NO_BOUNDS)
    assert first is not None
    cron = Cron(expression, "UTC")
    if NOW - created_at < timedelta(days=29) and expression.startswith("0 "):
        assert first.run_after == cron.next_tick(created_at), "none of them is left out"
    assert first.run_after > NOW - timedelta(days=400)
    missed, tick = 0, first.run_after
    while tick <= NOW:
        missed, tick = missed + 1, cron.next_tick(tick)
    assert missed <= MAX_MISSED_TICKS + 1


@given(
    st.lists(st.integers(0, 59), min_size=1, max_size=5),
    st.lists(st.integers(0, 23), min_size=1, max_size=5),
)
def test_no_two_ticks_are_closer_than_the_shortest_interval(
    minutes: list[int], hours: list[int]
) -> None:
    expression = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    cron = Cron(expression, "UTC")
    ticks = [cron.next_tick(NOW)]
    while ticks[-1] - ticks[0] < timedelta(days=2):
        ticks.append(cron.next_tick(ticks[-1]))
    gaps = {later - earlier for earlier, later in itertools.pairwise(ticks)}
    assert min(gaps) == cron.shortest_interval


def test_the_run_after_a_run_goes_on_where_it_ended() -> None:
    timetable = schedule(catchup=True)
    first = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=NO_BOUNDS)
    second = timetable.next_dagrun_info_v2(last_dagrun_info=first, restriction=NO_BOUNDS)
    assert first is not None
    assert second is not None
    assert first.data_interval.end == second.data_interval.start
    assert second.run_after - first.run_after == timedelta(days=1)


@pytest.mark.parametrize("expression", ["0 * * * *", "0 */6 * * *", "30 1-3 * * *"])
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
def test_runs_go_on_over_a_change_of_the_clocks(expression: str, zone: str) -> None:
    """Airflow asks with pendulum's times."""
    timetable = schedule(
        expression=expression, time_zone=zone, created_at="2026-01-01T00:00:00Z", catchup=True
    )
    cron = Cron(expression, zone)
    ticks = [datetime(2026, 9, 25, tzinfo=UTC)]  # within the reach of catch-up
    while ticks[-1] < datetime(2026, 11, 9, tzinfo=UTC):
        ticks.append(cron.next_tick(ticks[-1]))
    for earlier, later in itertools.pairwise(ticks):
        last = DagRunInfo(run_after=pendulum.instance(earlier), data_interval=None)
        info = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=NO_BOUNDS)
        assert info is not None
        assert info.run_after == later
        latest = timetable.windows.latest(pendulum.instance(later))
        assert latest.due_at == later


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


@given(hours=st.lists(st.integers(0, 24 * 400), min_size=1, max_size=8))
def test_the_latest_of_missed_ticks_is_right_at_any_moment(hours: list[int]) -> None:
    """The timetable keeps it from one parse to the next, and clocks may go back."""
    kept = schedule(expression="30 2 * * *")
    for count in hours:
        now = NOW + timedelta(hours=count)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(schedule_module, "utc_now", lambda moment=now: moment)
            (due, fresh) = (
                next(iter(one.windows_to_schedule(NOW - timedelta(days=30))))
                for one in (kept, schedule(expression="30 2 * * *"))
            )
        assert due == fresh
        assert due.due_at <= now < due.due_at + timedelta(hours=26)


def test_the_latest_tick_is_computed_once_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    timetable, asked = schedule(expression="0 6 * * *"), []
    latest = ScheduleWindows.latest
    monkeypatch.setattr(
        ScheduleWindows, "latest", lambda self, now: asked.append(now) or latest(self, now)
    )
    for minutes in (0, 1, 2, 24 * 60):
        now = NOW + timedelta(minutes=minutes)
        monkeypatch.setattr(schedule_module, "utc_now", lambda moment=now: moment)
        next(iter(timetable.windows_to_schedule(NOW - timedelta(days=30))))
    assert len(asked) == 2
