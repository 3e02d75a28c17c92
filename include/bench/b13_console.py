"""Every page of the console answers at once, however much the pipeline has done."""

from __future__ import annotations

import logging
import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bench.databases import ANALYST, CONSOLE, DATABASE, application_database
from bench.history import GROWING_TABLES, History, key, write_history
from bench.measurements import BenchSettings, Result, at_most, without_limit
from bench.query_plans import changes_rows, console_statements, full_scans

ID = 13
REQUESTS = 10  # for one sample, which is their median
LIMIT_MILLISECONDS = 300
# 10,000 schedules and 500 collections
LARGE = History(executions=1_000_000, weeks=50_000, users=200)
QUICK = History(executions=20_000, weeks=2_000, users=20)

# What each page of the console reads, below /api: its name, and its address
PAGES = {
    "overview": "overview?days=7&time_zone=Europe/Berlin",
    "schedules": "schedules",
    "schedule": f"schedules/{key('schedule 1')}",
    "backfill": f"schedules/{key('schedule 1')}/backfill?from_date=2025-01-01&to_date=2026-02-04",
    "collections": "collections",
    "collection": f"collections/{key('collection 1')}",
    "executions": "executions",
    "executions that failed": "executions?state=FAILED",
    "execution": f"executions/{key('execution 1')}",
    "result": f"executions/{key('execution 2')}/result",
    "chart": f"executions/{key('execution 2')}/chart?x=campaign&y=impressions",
    "versions": f"executions/{key('execution 2')}/versions",
    "run": f"runs?dag_id=amc_schedule_{key('schedule 3')}&run_id=scheduled__2",
    "workflows to choose from": "register/workflows?text=1",
    "answers of AMC": f"register/workflow/{key('workflow 1')}/answers",
    "form of a workflow": f"register/workflow/{key('workflow 1')}",
    "form of a collection": f"register/collection/{key('collection 1')}",
    "form of a schedule": f"register/schedule/{key('schedule 1')}",
}

# A statement that any application would call quick: one row by its key
_PLAIN = "SELECT status FROM workflow_executions WHERE id = %(id)s"


def run(settings: BenchSettings) -> Iterator[Result]:
    """Ask for each page as a user who may read every DAG."""
    # Airflow reads these when it is first imported
    os.environ["AIRFLOW_HOME"] = str(settings.data / "airflow")
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
    logging.disable(logging.CRITICAL)
    history = QUICK if settings.quick else LARGE
    with application_database() as databases:
        with databases.connect("postgres") as superuser:
            write_history(superuser, history)
        os.environ["AIRFLOW_CONN_RECOMAMP_CONSOLE_DB"] = databases.uri(CONSOLE)
        plain = _time_plain_statement(databases.uri(CONSOLE))
        from bench.console_app import app_for, get

        app = app_for(_dag_ids(history))
        for name, address in PAGES.items():
            yield from _times(partial(get, app), name, address, plain, settings.rounds)
        scans = []
        for statement in console_statements():
            role = ANALYST if changes_rows(statement) else CONSOLE
            with databases.connect(role, DATABASE) as connection:
                scans += full_scans(connection, statement, GROWING_TABLES, _values(history))
        yield at_most(
            0,
            id=ID,
            name="statements of the console that read a growing table from end to end",
            unit="statements",
            samples=[float(len(scans))],
            note=", ".join(scans),
        )


def _dag_ids(history: History) -> list[str]:
    from recomamp.domain.definition_ref import DefinitionKind

    return [f"{kind.dag_prefix}{one}" for kind in DefinitionKind for one in history.keys(kind)]


def _times(
    get: Callable[[str], Any], name: str, address: str, plain: float, rounds: int
) -> Iterator[Result]:
    def ask() -> float:
        began = time.perf_counter()
        answer = get(f"/api/{address}")
        seconds = time.perf_counter() - began
        assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text}"
        return seconds * 1000

    ask()  # it imports, opens the connection and fills the server's cache
    samples = [statistics.median(ask() for _ in range(REQUESTS)) for _ in range(rounds)]
    yield at_most(
        LIMIT_MILLISECONDS,
        id=ID,
        name=f"answer of the page {name}",
        unit="milliseconds",
        samples=samples,
    )
    yield without_limit(
        id=ID,
        name=f"answer of the page {name} / one row by its key",
        unit="ratio",
        samples=[one / plain for one in samples],
        note=f"the row takes {plain:.2f} ms",
    )


def _time_plain_statement(uri: str) -> float:
    """Return how many milliseconds a row by its key takes on an open connection."""
    import psycopg2

    connection = psycopg2.connect(uri)
    connection.autocommit = True
    samples = []
    with connection.cursor() as cursor:
        for number in range(1, 1 + 10 * REQUESTS):
            began = time.perf_counter()
            cursor.execute(_PLAIN, {"id": str(key(f"execution {number}"))})
            cursor.fetchall()
            samples.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(samples)


def _values(history: History) -> dict[str, Any]:
    return {
        "schedule_ids": history.keys("schedule"),
        "collection_ids": history.keys("collection"),
        "visible_ids": history.keys("schedule"),
        "since": datetime.now(UTC) - timedelta(days=7),
    }
