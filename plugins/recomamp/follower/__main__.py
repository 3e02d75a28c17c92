"""Follow rows, until it is stopped: `python -m recomamp.follower`.

It has DAGs parsed after changes of rows. While it does not run, or cannot reach the database or
Airflow, DAGs follow their rows at the next of Airflow's own rounds. In a thread of its own it does
what rows of ``run_requests`` ask for. They wait while it does not run. Two more threads
judge late windows and send events that have waited, and the gauges of the queue. Without them
``recomamp_notifications``, ``recomamp_webhooks`` and ``recomamp_reconcile`` alone do so. It also
starts dry runs of changed workflows.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from types import FrameType

import psycopg2
from psycopg2.extensions import connection as Connection

from recomamp.domain.text import one_line
from recomamp.errors import PipelineError
from recomamp.follower.airflow_api import AirflowApi
from recomamp.follower.airflow_runs import AirflowRuns
from recomamp.follower.alarms import start_alarms
from recomamp.follower.dry_runs import DryRunStarter
from recomamp.follower.follower import Follower
from recomamp.follower.listener import changed_definitions, listen
from recomamp.follower.request_worker import TABLE as REQUESTS
from recomamp.follower.request_worker import RequestWorker, utc_now
from recomamp.follower.run_requests import RequestHandler
from recomamp.pipeline import metrics
from recomamp.pipeline.hooks import DatabaseHook, airflow_api_login
from recomamp.pipeline.partial_failures import log_failure
from recomamp.pipeline.settings import heartbeat_file
from recomamp.store.dry_runs import is_any_dry_run_due

log = logging.getLogger("recomamp.follower")

IDLE_SECONDS = 10.0  # between two signs of life of the database
BUSY_SECONDS = 1.0  # while a file has still to be parsed
GATHER_SECONDS = 0.3  # rows come in bunches
RECONNECT_SECONDS = 5.0


def follow_forever(database: DatabaseHook, airflow: AirflowApi, requests: RequestWorker) -> None:
    """Listen for changes, and reconnect when the connection breaks."""
    follower, dry_runs = Follower(airflow), DryRunStarter(airflow)
    while True:
        try:
            with closing(database.get_conn()) as connection:
                _follow(follower, dry_runs, connection, requests)
        except psycopg2.Error as err:
            log.warning("the application's database is away: %s", one_line(err))
            time.sleep(RECONNECT_SECONDS)
        except PipelineError:
            raise
        except Exception as err:  # noqa: BLE001 - no change of one row keeps those of others away
            log_failure("following begins again", err)
            time.sleep(RECONNECT_SECONDS)


def _follow(
    follower: Follower, dry_runs: DryRunStarter, connection: Connection, requests: RequestWorker
) -> None:
    def wait_seconds() -> float:
        return BUSY_SECONDS if follower.is_waiting or dry_runs.is_waiting else IDLE_SECONDS

    listening = listen(connection, wait_seconds)
    for changes in listening:
        if changes is None:  # it listens now, and changes before it were missed; or they are many
            log.info("listening; anything may have changed")
            requests.wake()
            time.sleep(GATHER_SECONDS)
            follower.note_everything()
        elif changes:
            if any(change.table == REQUESTS for change in changes):
                requests.wake()
            time.sleep(GATHER_SECONDS)
            follower.note(changed_definitions(connection, changes))
        if changes is None or changes:
            dry_runs.note(changes)
        follower.follow()
        dry_runs.start(lambda: is_any_dry_run_due(connection, now=datetime.now(UTC)))
        _touch_heartbeat()


def _touch_heartbeat() -> None:
    if file := heartbeat_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        except OSError as err:
            log.error("RECOMAMP_SNAPSHOT_DIR: %s cannot be written: %s", file, err)


def main() -> int:
    """Run until SIGTERM; 2 if a setting is missing."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every call
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        login = airflow_api_login()
    except PipelineError as err:
        log.error("%s", err)
        return 2
    metrics.initialize()
    with (
        closing(AirflowApi(*login)) as airflow,
        closing(AirflowApi(*login)) as airflow_of_requests,
        start_alarms(),
        suppress(KeyboardInterrupt),
    ):
        database = DatabaseHook()  # of the thread, with its own connection
        handler = RequestHandler(AirflowRuns(airflow_of_requests), database, now=utc_now)
        requests = RequestWorker(database, handler, now=utc_now)
        requests.start()
        try:
            follow_forever(DatabaseHook(), airflow, requests)
        except PipelineError as err:
            log.error("%s", err)
            return 2
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
