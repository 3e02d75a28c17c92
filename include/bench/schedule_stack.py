"""A running Airflow with many schedules, observed through its own database."""

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

TIMEOUT_SECONDS = 1_800.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleStack:
    """The stack, and connections to the application's database and to Airflow's."""

    stack: Stack
    application: psycopg2.extensions.connection
    airflow: psycopg2.extensions.connection

    def query_airflow(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query of Airflow's database."""
        with self.airflow.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def count_dags(self) -> int:
        """Return how many DAGs of schedules exist."""
        ((count,),) = self.query_airflow(
            "SELECT COUNT(*) FROM dag WHERE dag_id LIKE 'amc\\_schedule\\_%%' AND NOT is_stale"
        )
        return int(count)

    def wait_until(self, condition: Callable[[], bool], what: str) -> float:
        """Wait until a condition holds. Return the seconds.

        :raises TimeoutError: it does not within half an hour.
        """
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > TIMEOUT_SECONDS:
                raise TimeoutError(what)
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began


@contextlib.contextmanager
def many_schedules(count: int, **environ: str) -> Iterator[ScheduleStack]:
    """Run the stack and wait until this number of inactive schedules are DAGs."""
    with bare_stack(**environ) as stack:
        application = psycopg2.connect(stack.settings.owner_uri)
        airflow = psycopg2.connect(stack.settings.airflow_uri)
        application.autocommit = airflow.autocommit = True
        with contextlib.closing(application), contextlib.closing(airflow):
            insert_owners(application)
            # Storing DAGs is measured, not running them
            insert_schedules(application, count, is_active=False)
            schedule_stack = ScheduleStack(stack=stack, application=application, airflow=airflow)
            schedule_stack.wait_until(lambda: schedule_stack.count_dags() >= count, f"{count} DAGs")
            yield schedule_stack
