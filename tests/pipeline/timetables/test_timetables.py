"""Timetables: what runs by itself, what a backfill makes, and that Airflow stores them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pendulum
import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.tasklog import LogTemplate
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, select
from sqlalchemy.event import listen
from sqlalchemy.orm import Session, load_only

from recomamp.domain.scheduling.cron import Cron, load_zone
from recomamp.domain.scheduling.windows import MAX_MISSED_TICKS
from recomamp.pipeline.timetables import base, timetables
from recomamp.pipeline.timetables.timetables import CollectionTimetable, ScheduleTimetable

NOW = datetime(2026, 11, 30, 12, 34, tzinfo=UTC)
NO_BOUNDS = TimeRestriction(earliest=None, latest=None, catchup=False)


@pytest.fixture(autouse=True, scope="module")
def _fixed_clock() -> Iterator[None]:
    """Let timetables be asked at one moment: how far missed ticks go back depends on it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (timetables, base):
            patch.setattr(module, "utc_now", lambda: NOW)
        yield


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
    return backfill_between(
        timetable,
        pendulum.datetime(first.year, first.month, first.day),
        pendulum.datetime(last.year, last.month, last.day),
    )


def backfill_between(
    timetable: ScheduleTimetable | CollectionTimetable,
    earliest: pendulum.DateTime,
    latest: pendulum.DateTime,
) -> list[DagRunInfo]:
    restriction = TimeRestriction(earliest=earliest, latest=latest, catchup=True)
    runs: list[DagRunInfo] = []
    while info := timetable.next_dagrun_info_v2(
        last_dagrun_info=runs[-1] if runs else None, restriction=restriction
    ):
        runs.append(info)
        assert len(runs) < 1000
    return runs


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
        latest = timetable.latest_window(pendulum.instance(later))
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


@pytest.fixture
def airflow_runs() -> Iterator[Session]:
    """Provide Airflow's table of runs, empty."""
    engine = create_engine("sqlite://")
    DagRun.metadata.create_all(engine, tables=[DagRun.__table__, LogTemplate.__table__])
    with Session(engine) as session:
        yield session
    engine.dispose()


class Runs:
    """The runs of one DAG, made as Airflow's scheduler and a user's backfills make them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, info: DagRunInfo, kind: str = "scheduled") -> DagRun:
        run = DagRun(
            dag_id="dag",
            run_id=f"{kind}__{len(self.all())}",
            run_type=kind,
            run_after=info.run_after,
            logical_date=info.logical_date,
            data_interval=(info.data_interval.start, info.data_interval.end),
        )
        self.session.add(run)
        self.session.flush()
        return run

    def all(self) -> list[DagRun]:
        return list(self.session.scalars(select(DagRun)))

    def next(self, timetable: ScheduleTimetable | CollectionTimetable) -> DagRunInfo | None:
        """Ask as Airflow does: after the scheduled or backfilled run with the latest date."""
        automated = [run for run in self.all() if run.run_type != "manual"]
        latest = max(automated, key=lambda run: run.logical_date, default=None)
        last = timetable.run_info_from_dag_run(dag_run=latest) if latest else None
        return timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=NO_BOUNDS)

    def advance(self, timetable: ScheduleTimetable | CollectionTimetable, count: int) -> None:
        for _ in range(count):
            info = self.next(timetable)
            assert info is not None
            self.add(info)


@pytest.fixture
def runs(airflow_runs: Session) -> Runs:
    return Runs(airflow_runs)


def days(info: DagRunInfo | None) -> tuple[str, str, str]:
    assert info is not None
    return (
        f"{info.run_after:%m-%d}",
        f"{info.data_interval.start:%m-%d}",
        f"{info.data_interval.end:%m-%d}",
    )


UTC_DAILY = {"time_zone": "UTC", "catchup": True}


def test_a_backfill_of_recent_data_makes_a_schedule_pass_over_nothing(runs: Runs) -> None:
    timetable = schedule(**UTC_DAILY, lag_days=14)
    runs.advance(timetable, 3)
    expected = days(runs.next(timetable))
    for info in backfill(timetable, date(2026, 3, 1), date(2026, 3, 5)):
        runs.add(info, "backfill")
    assert days(runs.next(timetable)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lookback_days": 30}, ("01-06", "12-05", "01-04")),
        ({"lag_days": 1}, ("01-06", "01-04", "01-05")),
        ({"expression": "0 6 * * MON"}, ("01-12", "01-03", "01-10")),
        ({"expression": "0 6 1 * *"}, ("02-01", "12-30", "01-30")),
    ],
    ids=["lookback", "lag", "weekly", "monthly"],
)
def test_an_edited_schedule_goes_on_with_its_next_tick(
    runs: Runs, change: dict[str, object], expected: tuple[str, str, str]
) -> None:
    runs.advance(schedule(**UTC_DAILY), 5)  # the last one was due on 5 January
    assert days(runs.next(schedule(**{**UTC_DAILY, **change}))) == expected


def test_a_window_that_was_read_before_an_edit_is_not_read_again(runs: Runs) -> None:
    runs.advance(schedule(**UTC_DAILY), 5)  # up to the data of 2 January
    assert days(runs.next(schedule(**UTC_DAILY, lag_days=4))) == ("01-08", "01-03", "01-04")


def test_two_runs_never_want_the_same_date_or_id(runs: Runs) -> None:
    runs.advance(schedule(**UTC_DAILY), 40)
    edited = schedule(**UTC_DAILY, lookback_days=30)
    runs.advance(edited, 5)
    dates = [run.logical_date for run in runs.all()]
    assert len(set(dates)) == len(dates) == 45
    info = runs.next(edited)
    assert info is not None
    ids = {
        timetable.generate_run_id(
            run_type=DagRunType.SCHEDULED, run_after=info.run_after, data_interval=interval
        )
        for timetable in (edited, schedule())
        for interval in (info.data_interval, DataInterval(*info.data_interval[::-1]))
    }
    assert len(ids) == 2


def test_a_collection_goes_on_with_its_first_open_week(runs: Runs) -> None:
    timetable = collection()
    for info in backfill(timetable, date(2026, 1, 15), date(2026, 1, 15)):
        runs.add(info, "backfill")
    for start in ("01-01", "01-08", "01-22"):
        info = runs.next(timetable)
        assert days(info)[1] == start
        runs.add(info)


def test_a_manual_run_dated_like_a_week_reads_that_week_and_stops_nothing(runs: Runs) -> None:
    timetable = collection()
    runs.advance(timetable, 1)
    named = pendulum.datetime(2026, 1, 8)
    interval = timetable.infer_manual_data_interval(run_after=named)
    assert (interval.start.day, interval.end.day) == (8, 15)
    runs.add(DagRunInfo(run_after=named, data_interval=interval), "manual")
    assert days(runs.next(timetable))[1] == "01-15"
    other = DataInterval(pendulum.datetime(2026, 1, 15), pendulum.datetime(2026, 1, 16))
    runs.add(DagRunInfo(run_after=named, data_interval=other), "manual")
    info = runs.next(timetable)
    assert days(info)[1] == "01-15"
    assert info is not None
    assert info.logical_date == pendulum.datetime(2026, 1, 15, microsecond=1)


def test_weeks_whose_runs_airflow_has_cleaned_away_are_not_run_again(runs: Runs) -> None:
    timetable = collection()
    runs.advance(timetable, 3)
    runs.session.execute(delete(DagRun).where(DagRun.id == runs.all()[0].id))
    assert days(runs.next(timetable))[1] == "01-22"


class Statements:
    """Counts what a session sends."""

    def __init__(self, session: Session) -> None:
        self.count = 0
        listen(session.get_bind(), "before_cursor_execute", self._note)

    def _note(self, *arguments: object) -> None:
        self.count += 1


@pytest.fixture
def stored(runs: Runs) -> Statements:
    """Have ten DAGs in the session, as Airflow does when it stores a file; the first has runs."""
    DagModel.metadata.create_all(runs.session.get_bind())
    runs.session.add_all(DagModel(dag_id=f"dag{n or ''}", bundle_name="b") for n in range(10))
    runs.session.flush()
    return Statements(runs.session)


def as_airflow_loads_it(runs: Runs) -> DagRun:
    """Return the DAG's latest run by itself, with the columns that Airflow loads."""
    runs.session.commit()  # a transaction of its own
    columns = (DagRun.dag_id, DagRun.logical_date, DagRun.run_after)
    columns += (DagRun.data_interval_start, DagRun.data_interval_end)
    automated = select(DagRun).where(DagRun.run_type != "manual")
    latest = automated.order_by(DagRun.logical_date.desc()).limit(1)
    run = runs.session.scalar(latest.options(load_only(*columns)))
    assert run is not None
    return run


def test_planning_an_unchanged_dag_costs_no_statement_of_its_own(
    runs: Runs, stored: Statements
) -> None:
    timetable = schedule(**UTC_DAILY)
    runs.advance(timetable, 5)
    keep = list(runs.session.scalars(select(DagModel)))
    run = as_airflow_loads_it(runs)
    list(runs.session.scalars(select(DagModel)))  # as Airflow has them when it asks
    stored.count = 0
    for _ in range(10):  # for all DAGs of the file
        last = timetable.run_info_from_dag_run(dag_run=run)
        info = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=NO_BOUNDS)
    assert stored.count == 1
    assert days(info) == ("01-06", "01-03", "01-04")
    assert len(keep) == 10


@pytest.mark.parametrize("lookback_days", [None, 30])
@pytest.mark.parametrize("other", ["manual", "backfill", "edited", "none"])
def test_the_short_way_plans_what_the_long_way_plans(
    runs: Runs, stored: Statements, other: str, lookback_days: int | None
) -> None:
    timetable = schedule(**UTC_DAILY)
    runs.advance(timetable, 5)
    if other in ("manual", "backfill"):
        for info in backfill(timetable, date(2026, 1, 2), date(2026, 1, 6)):
            if info.logical_date not in [run.logical_date for run in runs.all()]:
                runs.add(info, other)
    if other == "edited":
        runs.advance(schedule(**UTC_DAILY, lookback_days=30), 2)
    edited = schedule(**UTC_DAILY, lookback_days=lookback_days)
    run = as_airflow_loads_it(runs)
    plans = []
    for in_store in (True, False):
        keep = list(runs.session.scalars(select(DagModel))) if in_store else []
        if not in_store:
            runs.session.commit()
            for model in [one for one in runs.session if isinstance(one, DagModel)]:
                runs.session.expunge(model)
        last = edited.run_info_from_dag_run(dag_run=run)
        plans.append(edited.next_dagrun_info_v2(last_dagrun_info=last, restriction=NO_BOUNDS))
        assert len(keep) == (10 if in_store else 0)
    assert plans[0] == plans[1]


def test_a_run_made_since_in_the_same_transaction_is_not_overlooked(
    runs: Runs, stored: Statements
) -> None:
    """Airflow's scheduler makes a run, plans the next one, and goes on to the next DAG."""
    timetable = schedule(**UTC_DAILY)
    keep = list(runs.session.scalars(select(DagModel)))
    runs.advance(timetable, 3)  # asks after each
    assert len({run.logical_date for run in runs.all()}) == 3
    assert days(runs.next(timetable)) == ("01-04", "01-01", "01-02")
    assert len(keep) == 10


def test_ticks_are_counted_once_and_after_an_outage_the_latest_is_run(runs: Runs) -> None:
    timetable = schedule(time_zone="UTC")
    runs.advance(timetable, 1)
    first, second = runs.next(timetable), runs.next(timetable)
    assert first is not None
    assert first == second
    assert timedelta(0) < first.run_after - NOW <= timedelta(days=1)


def test_a_finished_collection_plans_without_looking(runs: Runs) -> None:
    timetable = collection()
    runs.advance(timetable, 2)
    statements, latest = Statements(runs.session), runs.all()[-1]
    statements.count = 0
    finished = collection(is_active=False)
    last = finished.run_info_from_dag_run(dag_run=latest)
    assert finished.next_dagrun_info_v2(last_dagrun_info=last, restriction=NO_BOUNDS) is None
    assert statements.count == 0
