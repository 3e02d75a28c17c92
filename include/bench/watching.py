"""A running Airflow with many schedules, watched through its own database."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2

from bench.airflow_stack import bare_stack
from bench.definition_rows import insert_owners, insert_schedules
from stack.stack import Stack

PATIENCE_SECONDS = 1_800.0
LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """The stack, and connections to the application's database and to Airflow's."""

    stack: Stack
    application: psycopg2.extensions.connection
    airflow: psycopg2.extensions.connection

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask Airflow's database."""
        with self.airflow.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def dags(self) -> int:
        """Return how many schedules' DAGs can be seen."""
        ((count,),) = self.ask(
            "SELECT COUNT(*) FROM dag WHERE dag_id LIKE 'amc\\_schedule\\_%%' AND NOT is_stale"
        )
        return int(count)

    def until(self, condition: Callable[[], bool], what: str) -> float:
        """Wait until a condition holds and return the seconds that took.

        :raises TimeoutError: when it does not for half an hour.
        """
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError(what)
            time.sleep(LOOK_AGAIN_SECONDS)
        return time.monotonic() - began


@contextlib.contextmanager
def many_schedules(count: int, **environ: str) -> Iterator[Watched]:
    """Run everything and wait until so many schedules, none of them active, are DAGs."""
    with bare_stack(**environ) as stack:
        application = psycopg2.connect(stack.settings.owner_uri)
        airflow = psycopg2.connect(stack.settings.airflow_uri)
        application.autocommit = airflow.autocommit = True
        with contextlib.closing(application), contextlib.closing(airflow):
            insert_owners(application)
            # Storing DAGs is measured, not running them
            insert_schedules(application, count, is_active=False)
            watched = Watched(stack=stack, application=application, airflow=airflow)
            watched.until(lambda: watched.dags() >= count, f"{count} DAGs")
            yield watched
