"""What a timetable plans after the runs that Airflow holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pendulum
import pytest
from airflow.models.dagrun import DagRun
from airflow.models.tasklog import LogTemplate
from airflow.timetables.base import DagRunInfo, DataInterval
from airflow.utils.types import DagRunType
from sqlalchemy import create_engine, delete, select
from sqlalchemy.event import listen
from sqlalchemy.orm import Session, load_only

from fixtures.timetables import NO_BOUNDS, NOW, backfill, collection, schedule
from recomamp.pipeline.timetables.collection import CollectionTimetable
from recomamp.pipeline.timetables.schedule import ScheduleTimetable

UTC_DAILY: dict[str, object] = {"time_zone": "UTC", "catchup": True}


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


def test_the_run_of_a_week_is_called_by_its_number_and_its_days() -> None:
    berlin = collection(time_zone="Europe/Berlin")
    first, *_, last = backfill(berlin, date(2026, 1, 1), date(2026, 1, 29))
    for info, name in [
        (first, "week_1_2026-01-01_to_01-07"),
        (last, "week_5_2026-01-29_to_01-31"),
    ]:
        run_id = scheduled_run_id(berlin, info)
        assert run_id.startswith(f"scheduled__{name}__")
        taken_by_airflow = DagRun(dag_id="dag", run_id=run_id, run_after=NOW)
        assert taken_by_airflow.run_id == run_id


def test_runs_of_the_same_days_in_two_zones_or_after_an_edit_have_two_ids(runs: Runs) -> None:
    timetables = [collection(time_zone=zone) for zone in ("UTC", "Europe/Berlin")]
    infos = [runs.next(one) for one in timetables]
    assert infos[0] is not None
    shifted = infos[0]._replace(
        data_interval=DataInterval(
            infos[0].data_interval.start.add(microseconds=1), infos[0].data_interval.end
        )
    )
    ids = {scheduled_run_id(one, info) for one, info in zip(timetables, infos, strict=True)}
    assert len(ids | {scheduled_run_id(timetables[0], shifted)}) == 3


def scheduled_run_id(timetable: CollectionTimetable, info: DagRunInfo | None) -> str:
    assert info is not None
    return timetable.generate_run_id(
        run_type=DagRunType.SCHEDULED, run_after=info.run_after, data_interval=info.data_interval
    )


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


def test_planning_an_unchanged_dag_costs_one_statement(runs: Runs) -> None:
    timetable = schedule(**UTC_DAILY)
    runs.advance(timetable, 5)
    run, statements = as_airflow_loads_it(runs), Statements(runs.session)
    last = timetable.run_info_from_dag_run(dag_run=run)
    info = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=NO_BOUNDS)
    assert statements.count == 1
    assert days(info) == ("01-06", "01-03", "01-04")


@pytest.mark.parametrize("other", ["manual", "backfill"])
def test_runs_of_later_dates_that_somebody_starts_do_not_move_the_next_tick(
    runs: Runs, other: str
) -> None:
    timetable = schedule(**UTC_DAILY)
    runs.advance(timetable, 5)
    for info in backfill(timetable, date(2026, 1, 5), date(2026, 1, 6)):
        runs.add(info, other)
    as_airflow_loads_it(runs)
    assert days(runs.next(timetable)) == ("01-06", "01-03", "01-04")


def test_a_run_without_a_date_hides_no_other(runs: Runs) -> None:
    """Airflow stores such a run where somebody triggers a DAG without a logical date."""
    timetable = schedule(**UTC_DAILY)
    runs.advance(timetable, 5)
    runs.session.add(DagRun(dag_id="dag", run_id="manual__x", run_type="manual", run_after=NOW))
    runs.session.flush()
    assert days(runs.next(timetable)) == ("01-06", "01-03", "01-04")


def test_a_run_made_since_in_the_same_transaction_is_not_overlooked(runs: Runs) -> None:
    """Airflow's scheduler makes a run, plans the next one, and goes on to the next DAG."""
    timetable = schedule(**UTC_DAILY)
    runs.advance(timetable, 3)  # asks after each
    assert len({run.logical_date for run in runs.all()}) == 3
    assert days(runs.next(timetable)) == ("01-04", "01-01", "01-02")


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
