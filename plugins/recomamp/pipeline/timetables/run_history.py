"""What Airflow's own database says of a DAG's runs, for timetables to plan by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import and_, func, select

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session, SessionTransaction

SCHEDULED = "scheduled__"  # of run ids; it stays when a backfill runs such a run again


class RunDates(Protocol):
    """The dates that a DAG's runs hold, with the ends of their windows."""

    def get(self, date: datetime, /) -> datetime | None:
        """Return the end of the window of the run that holds this date, None where it is free."""


class AllRunDates:
    """The dates of a DAG's runs, each looked up by Airflow's own unique index when asked for."""

    def __init__(self, session: Session, dag_id: str) -> None:
        self._session = session
        self._dag_id = dag_id

    def get(self, date: datetime) -> datetime | None:
        """Return the end of the window of the run that holds this date, None where it is free."""
        from airflow.models.dagrun import DagRun

        query = select(DagRun.data_interval_end, DagRun.logical_date).where(
            DagRun.dag_id == self._dag_id, DagRun.logical_date == date
        )
        run = self._session.execute(query).first()
        return None if run is None else run.data_interval_end or run.logical_date


class RunDatesUpTo:
    """The dates of a DAG's runs, where that of the latest run and its window's end are known.

    Earlier dates alone have to be looked up, and of an unchanged DAG only later ones are asked.
    """

    def __init__(self, latest: datetime, end: datetime, earlier: RunDates) -> None:
        self._latest = latest
        self._end = end
        self._earlier = earlier

    def get(self, date: datetime) -> datetime | None:
        """Return the end of the window of the run that holds this date, None where it is free."""
        if date > self._latest:
            return None
        return self._end if date == self._latest else self._earlier.get(date)


class LatestRun(NamedTuple):
    """The run of a DAG that has the latest date, whoever started it."""

    run_id: str
    logical_date: datetime


# What one statement found for all DAGs that are stored in one transaction
_found: WeakKeyDictionary[SessionTransaction, dict[str, LatestRun]] = WeakKeyDictionary()


def latest_run(session: Session, run: DagRun) -> LatestRun | None:
    """Return the DAG's run of the latest date if that is the given one, else None.

    Airflow stores all DAGs of a file in one transaction and asks about one after the other. The
    first question is answered for all of them, with one probe of a unique index per DAG. A run
    made since in the same transaction is not the one that was found, and gives None.
    """
    transaction = session.get_transaction()
    if transaction is None:
        return None
    if transaction not in _found:
        _found[transaction] = _latest_runs(session)
    latest = _found[transaction].get(run.dag_id)
    return latest if latest and latest.logical_date == run.logical_date else None


def _latest_runs(session: Session) -> dict[str, LatestRun]:
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun

    stored = [key[1][0] for key in session.identity_map.keys() if key[0] is DagModel]  # noqa: SIM118
    if not stored:
        return {}
    date = select(func.max(DagRun.logical_date)).where(DagRun.dag_id == DagModel.dag_id)
    # Materialized: one probe per DAG; merged with the join it would be one per run
    dates = (
        select(DagModel.dag_id, date.scalar_subquery().label("date"))
        .where(DagModel.dag_id.in_(stored))
        .cte("dates")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    query = select(DagRun.dag_id, DagRun.run_id, DagRun.logical_date).join(
        dates, and_(DagRun.dag_id == dates.c.dag_id, DagRun.logical_date == dates.c.date)
    )
    return {
        dag_id: LatestRun(run_id, date)
        for dag_id, run_id, date in session.execute(query)
        if date is not None
    }


def last_scheduled_tick(session: Session, dag_id: str) -> datetime | None:
    """Return the moment at which the last run that started by itself was due."""
    from airflow.models.dagrun import DagRun

    is_scheduled = DagRun.run_id.startswith(SCHEDULED, autoescape=True)
    query = select(func.max(DagRun.run_after)).where(DagRun.dag_id == dag_id, is_scheduled)
    tick: datetime | None = session.scalar(query)
    return tick


def runs_of_dag(session: Session, dag_id: str) -> Sequence[Any]:
    """Return the ids, dates and windows of all runs of a DAG."""
    from airflow.models.dagrun import DagRun

    query = select(
        DagRun.run_id, DagRun.logical_date, DagRun.data_interval_start, DagRun.data_interval_end
    )
    return session.execute(query.where(DagRun.dag_id == dag_id)).all()
