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
# One run for the changes of this time. A later change waits for the next one
PERIOD_SECONDS = 20
# Between two tries while Airflow refuses
ASK_AGAIN = timedelta(seconds=5)
# Then the hourly run makes them
GIVE_UP = timedelta(minutes=2)


class RunStarter(Protocol):
    """What is wanted of Airflow."""

    def trigger(self, dag_id: str, run_id: str) -> bool:
        """Start a run of a DAG; False where it has a run of that id."""


class DryRunStarter:
    """Remembers that workflows have changed, and has Airflow start one run for all of them."""

    def __init__(self, airflow: RunStarter) -> None:
        self._airflow = airflow
        self._wanted_since: datetime | None = None
        self._next_try_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a run has still to be started."""
        return self._wanted_since is not None

    def note(
        self,
        changes: Iterable[DefinitionChange] | None,
        is_any_due: Callable[[], bool],
        now: datetime | None = None,
    ) -> None:
        """Take down that a run is wanted, where workflows have changed and dry runs are on.

        Anybody may send a notification, so the rows say whether a dry run is due.

        :param changes: None where what has changed is not known.
        """
        may_be_due = changes is None or any(change.table in TABLES for change in changes)
        if may_be_due and not self.is_waiting and _are_on() and is_any_due():
            self._wanted_since = now or datetime.now(UTC)

    def start(self, now: datetime | None = None) -> None:
        """Start a run where one is wanted; errors of Airflow are logged, not raised.

        A run of this period may have read the workflows before the change. Then the run of the
        next period is wanted.
        """
        now = now or datetime.now(UTC)
        if self._wanted_since is None or (self._next_try_at and now < self._next_try_at):
            return
        try:
            is_started = self._airflow.trigger(DAG_ID, run_id_of(now))
        except Exception as err:  # noqa: BLE001 - DAGs are followed all the same
            self._next_try_at = now + ASK_AGAIN
            if now - self._wanted_since > GIVE_UP:
                log.warning("%s cannot be started, it runs each hour: %s", DAG_ID, one_line(err))
                self._wanted_since = None
            return
        self._next_try_at = None if is_started else now + ASK_AGAIN
        if is_started:
            self._wanted_since = None


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
