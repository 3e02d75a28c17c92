"""Start the dry runs of new and changed workflows, some seconds after the change."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from recomamp.domain.text import one_line
from recomamp.errors import ConfigurationError
from recomamp.follower.listener import DefinitionChange
from recomamp.pipeline.settings import are_dry_runs_on

log = logging.getLogger(__name__)

DAG_ID = "recomamp_dry_runs"
# A collection may run a workflow on another instance
TABLES = frozenset({"workflows", "report_data_collections"})
# One run for the changes of this time, and one look at the rows. A later change waits for the next
PERIOD_SECONDS = 20
_PERIOD = timedelta(seconds=PERIOD_SECONDS)
# Between two tries while Airflow refuses
ASK_AGAIN = timedelta(seconds=5)
# Then the hourly run makes them
GIVE_UP = timedelta(minutes=2)
GIVE_UP_BEHIND_A_RUN = timedelta(minutes=20)  # longer than a run may take


class RunStarter(Protocol):
    """What is wanted of Airflow."""

    def has_open_run(self, dag_id: str) -> bool:
        """Return whether a run of a DAG is queued or running."""

    def trigger(self, dag_id: str, run_id: str) -> bool:
        """Start a run of a DAG; False where it has a run of that id."""


class DryRunStarter:
    """Remembers that workflows have changed, and has Airflow start one run for all of them."""

    def __init__(self, airflow: RunStarter) -> None:
        self._airflow = airflow
        self._is_changed = False
        self._looked_at: datetime | None = None
        self._wanted_since: datetime | None = None
        self._next_try_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether the rows have still to be looked at, or a run to be started."""
        return self._is_changed or self._wanted_since is not None

    def note(self, changes: Iterable[DefinitionChange] | None) -> None:
        """Take down that workflows may have changed.

        :param changes: None where what has changed is not known.
        """
        if changes is None or any(change.table in TABLES for change in changes):
            self._is_changed = True

    def start(self, is_any_due: Callable[[], bool], now: datetime | None = None) -> None:
        """Start a run where one is due; errors of Airflow are logged, not raised.

        Anybody may send a notification, so the rows say whether a dry run is due. A run that is
        open may have read the workflows before the change. Then another one follows it.
        """
        now = now or datetime.now(UTC)
        self._look(is_any_due, now)
        since = self._wanted_since
        if since is None or (self._next_try_at and now < self._next_try_at):
            return
        waits_for = GIVE_UP
        try:
            if self._airflow.has_open_run(DAG_ID):
                problem, waits_for = "another run is open", GIVE_UP_BEHIND_A_RUN
            elif self._airflow.trigger(DAG_ID, run_id_of(now)):
                self._wanted_since = self._next_try_at = None
                return
            else:
                problem = "the run of this period is there"
        except Exception as err:  # noqa: BLE001 - DAGs are followed all the same
            problem = one_line(err)
        self._next_try_at = now + ASK_AGAIN
        if now - since > waits_for:
            log.warning("%s cannot be started, it runs each hour: %s", DAG_ID, problem)
            self._wanted_since = None

    def _look(self, is_any_due: Callable[[], bool], now: datetime) -> None:
        """Ask the rows, at most once in a period."""
        is_soon = self._looked_at is not None and now - self._looked_at < _PERIOD
        if not self._is_changed or self._wanted_since is not None or is_soon:
            return
        self._is_changed, self._looked_at = False, now
        if _are_on() and is_any_due():
            self._wanted_since = now


def run_id_of(now: datetime) -> str:
    """Return the id of the run for the changes of a period, the same for several followers."""
    begin = now.replace(second=now.second // PERIOD_SECONDS * PERIOD_SECONDS, microsecond=0)
    return f"changed__{begin.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _are_on() -> bool:
    try:
        return are_dry_runs_on()
    except ConfigurationError as err:  # the task fails with the same words
        log.error("%s", err)
        return True
