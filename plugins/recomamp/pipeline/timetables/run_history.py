"""What Airflow's own database says of a DAG's runs, for timetables to plan by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Select, bindparam, func, select

from recomamp.domain.scheduling.run_dates import WindowEndOf, window_start

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SCHEDULED_PREFIX = "scheduled__"  # of run ids; it stays when a backfill runs such a run again


def _no_run(_date: datetime) -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunHistory:
    """What a timetable has to know of a DAG's runs to plan the next one.

    Airflow hands it from ``run_info_from_dag_run`` to ``next_dagrun_info_v2``, and only logs it.

    :param resume_from: a schedule's last tick, or the earliest start of a collection's next week.
    :param window_end_of: gives the end of the window of the run that holds a date, None where no
        run holds it.
    """

    resume_from: datetime
    window_end_of: WindowEndOf = _no_run


def _select_runs() -> Select[str, datetime, datetime | None, datetime | None, datetime | None]:
    from airflow.models.dagrun import DagRun

    return select(
        DagRun.run_id,
        DagRun.run_after,
        DagRun.logical_date,
        DagRun.data_interval_start,
        DagRun.data_interval_end,
    ).where(DagRun.dag_id == bindparam("dag_id"))


@cache
def _select_latest_run() -> Select[
    str, datetime, datetime | None, datetime | None, datetime | None
]:
    """Build the statement once: Airflow's DAG processor asks it for every schedule."""
    from airflow.models.dagrun import DagRun

    has_date = DagRun.logical_date.is_not(None)
    return _select_runs().where(has_date).order_by(DagRun.logical_date.desc()).limit(1)


def history_of_schedule(session: Session, dag_id: str, created_at: datetime) -> RunHistory:
    """Return the last tick that ran by itself, ``created_at`` before any, and the dates of runs.

    One probe of Airflow's unique index finds the run with the latest date, of any kind. In
    a DAG that nobody has edited it is the run of the last tick, and no run has a later date.
    """
    from airflow.models.dagrun import DagRun

    latest = session.execute(_select_latest_run(), {"dag_id": dag_id}).first()

    def window_end_of(date: datetime) -> datetime | None:
        if latest is None or latest.logical_date is None or date > latest.logical_date:
            return None
        if date == latest.logical_date:
            return latest.data_interval_end or date
        run = session.execute(
            _select_runs().where(DagRun.logical_date == date), {"dag_id": dag_id}
        ).first()
        return None if run is None else run.data_interval_end or date

    if latest is not None and latest.run_id.startswith(SCHEDULED_PREFIX):
        tick = latest.run_after
    else:
        is_scheduled = DagRun.run_id.startswith(SCHEDULED_PREFIX, autoescape=True)
        tick = session.scalar(
            select(func.max(DagRun.run_after)).where(DagRun.dag_id == dag_id, is_scheduled)
        )
    return RunHistory(resume_from=tick or created_at, window_end_of=window_end_of)


def history_of_collection(session: Session, dag_id: str, first_week: datetime) -> RunHistory:
    """Return the first week that ran by itself, ``first_week`` before any, and the dates of runs.

    Weeks before the first scheduled run have been run as well: Airflow's old runs are cleaned away.
    """
    runs = session.execute(_select_runs(), {"dag_id": dag_id}).all()
    starts = [
        run.data_interval_start
        for run in runs
        if run.run_id.startswith(SCHEDULED_PREFIX) and run.data_interval_start is not None
    ]
    ends = {run.logical_date: run.data_interval_end for run in runs if run.logical_date}
    return RunHistory(
        resume_from=window_start(min(starts, default=first_week)), window_end_of=ends.get
    )
