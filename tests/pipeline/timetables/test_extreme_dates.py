"""What Airflow may be asked for in any year: by the Backfill dialog, the command line, REST."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise

import pendulum
import pytest
from airflow.timetables.base import DagRunInfo, TimeRestriction
from hypothesis import given
from hypothesis import strategies as st

from fixtures.timetables import NOW
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland", "Australia/Lord_Howe"]

schedules = st.builds(
    ScheduleTimetable,
    expression=st.sampled_from(["0 6 * * *", "30 2 * * *", "0 * * * *", "0 0 29 2 *"]),
    time_zone=st.sampled_from(ZONES),
    created_at=st.just("2026-01-01T00:00:00+00:00"),
    lag_days=st.sampled_from([0, 2, 366]),
    lookback_days=st.sampled_from([None, 1, 400]),
    window_type=st.just("EXPLICIT"),
    catchup=st.booleans(),
    is_active=st.booleans(),
)
collections = st.builds(
    CollectionTimetable,
    start_date=st.just("2026-03-02"),
    end_date=st.just("2026-04-12"),
    time_zone=st.sampled_from(ZONES),
    lag_days=st.sampled_from([0, 366]),
    is_active=st.booleans(),
)
extremes = st.sampled_from(
    [
        datetime.min.replace(tzinfo=UTC),
        datetime(1, 1, 1, 23, 59, tzinfo=UTC),
        datetime(206, 1, 5, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
        datetime(9999, 12, 31, 22, 59, 59, 999000, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        # clocks change
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
    ]
)
moments = (st.datetimes(timezones=st.just(UTC)) | extremes).map(pendulum.instance)


def backfill(
    timetable: ScheduleTimetable | CollectionTimetable, restriction: TimeRestriction
) -> Iterator[DagRunInfo]:
    info = None
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        yield info


@given(schedules | collections, moments, moments)
def test_a_backfill_of_any_range_makes_runs_that_may_run_and_no_others(
    timetable: ScheduleTimetable | CollectionTimetable,
    one: pendulum.DateTime,
    other: pendulum.DateTime,
) -> None:
    restriction = TimeRestriction(min(one, other), max(one, other), catchup=True)
    runs = list(islice(backfill(timetable, restriction), 5))
    assert all(run.data_interval.end <= NOW for run in runs)
    assert all(run.data_interval.start.year >= 1999 for run in runs)
    assert all(a.data_interval.start < b.data_interval.start for a, b in pairwise(runs))


@given(schedules | collections, moments)
def test_a_manual_run_may_have_any_logical_date(
    timetable: ScheduleTimetable | CollectionTimetable, moment: pendulum.DateTime
) -> None:
    """The run is made, and submit refuses its date in words."""
    named = timetable.infer_manual_data_interval(run_after=moment)
    assert named.start < named.end


@pytest.mark.parametrize(
    "last", [datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_a_backfill_without_an_end_ends_with_what_has_ended(last: datetime) -> None:
    timetable = ScheduleTimetable(
        expression="0 6 * * *",
        time_zone="Europe/Berlin",
        created_at="2026-01-01T00:00:00+00:00",
        lag_days=2,
        lookback_days=None,
        window_type="EXPLICIT",
        catchup=False,
        is_active=True,
    )
    restriction = TimeRestriction(
        pendulum.datetime(2026, 11, 25), pendulum.instance(last), catchup=True
    )
    runs = list(backfill(timetable, restriction))
    ends = [run.data_interval.end.in_timezone("Europe/Berlin").date() for run in runs]
    assert ends == [date(2026, 11, 26) + timedelta(days=n) for n in range(5)]
