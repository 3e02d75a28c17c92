"""What Airflow's own database says of a DAG's runs, for timetables to plan by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SCHEDULED = "scheduled__"  # of run ids; it stays when a backfill runs such a run again


class Dates(Protocol):
    """The dates that a DAG's runs hold, with the ends of their windows."""

    def get(self, date: datetime, /) -> datetime | None:
        """Return the end of the window of the run that holds this date, None where it is free."""


class DatesOfDag:
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
