"""Submitting and recording a run is as fast after a million executions as after a thousand."""

from __future__ import annotations

import logging
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.databases import PIPELINE, Databases, application_database
from bench.history import GROWING_TABLES, History, key, write_history
from bench.measurements import BenchSettings, Curve, Result, alternate, at_most, without_limit
from bench.query_plans import create_temporary_tables, full_scans, statements
from bench.statement_trace import trace_statements

if TYPE_CHECKING:
    from bench.run_recorder import RunRecorder
    from recomamp.domain.definition_ref import DefinitionRef

ID = 12
RUNS = 20  # of each database for one sample, alternately. Their medians are compared
SIZES = (1_000, 100_000, 1_000_000)  # executions. There is one week for a hundred of them
QUICK_SIZES = (1_000, 5_000, 20_000)
GRANTS = 40
QUEUE_LENGTHS = (1, 100, 1_000, 10_000)  # executions that wait for a slot


def run(settings: BenchSettings) -> Iterator[Result | Curve]:
    """Record runs in a small and in a large database alternately."""
    # Airflow reads these when it is first imported
    os.environ["AIRFLOW_HOME"] = str(settings.data / "airflow")
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
    from bench.run_recorder import RunRecorder
    from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef

    logging.disable(logging.CRITICAL)
    sizes = QUICK_SIZES if settings.quick else SIZES
    with application_database() as databases:
        for size in sizes:
            _write(databases, size)
        recorders = {size: RunRecorder(databases.uri(PIPELINE, _name(size))) for size in sizes}
        for kind in DefinitionKind:
            source = DefinitionRef(kind, key(f"{kind} 1"))
            yield from _counts(recorders[sizes[-1]], kind, source)
            yield from _times(recorders, kind, source, settings.rounds)
        yield _whole_scans(databases, _name(sizes[-1]))
        yield _slots(databases, _name(sizes[0]))


def _name(size: int) -> str:
    return f"past_{size}"


def _write(databases: Databases, size: int) -> None:
    databases.create_database(_name(size))
    with databases.connect("postgres", _name(size)) as superuser:
        write_history(superuser, History(executions=size, weeks=max(100, size // 100)))


def _counts(recorders: RunRecorder, kind: str, source: DefinitionRef) -> Iterator[Result]:
    with trace_statements() as trace:
        recorders.run(source)
    yield without_limit(
        id=ID,
        name=f"statements to submit and record a {kind}'s run",
        unit="statements",
        samples=[float(len(trace.statements))],
        note=f"{trace.connections} connections, {trace.transactions} transactions",
    )


def _times(
    recorders: dict[int, RunRecorder], kind: str, source: DefinitionRef, rounds: int
) -> Iterator[Result | Curve]:
    small, middle, large = recorders

    def compare(size: int) -> tuple[float, float]:
        few, many = alternate(
            lambda: recorders[small].run(source), lambda: recorders[size].run(source), RUNS
        )
        return statistics.median(few), statistics.median(many)

    compared = [compare(large) for _ in range(rounds)]
    yield at_most(
        1.2,
        id=ID,
        name=f"time to submit and record a {kind}'s run: {large:,} executions / {small:,}",
        unit="ratio",
        samples=[many / few for few, many in compared],
        note=f"{statistics.median(many for _, many in compared) * 1000:.0f} ms a run",
    )
    few, between = compare(middle)
    ratio = statistics.median(many / few for few, many in compared)
    yield Curve(
        f"Time to submit and record a {kind}'s run",
        "executions in the database",
        f"time, {small:,} executions = 1",
        [(small, 1.0), (middle, between / few), (large, ratio)],
    )


def _whole_scans(databases: Databases, name: str) -> Result:
    with databases.connect(PIPELINE, name) as connection:
        create_temporary_tables(connection)
        found = [
            scan
            for statement in statements()
            for scan in full_scans(connection, statement, GROWING_TABLES)
        ]
    return at_most(
        0,
        id=ID,
        name="statements that read a growing table from end to end",
        unit="statements",
        samples=[float(len(found))],
        note=", ".join(found),
    )


def _slots(databases: Databases, name: str) -> Curve:
    """Time the granting of slots by the number of waiting executions."""
    from recomamp.store.slots import grant_slots

    points = []
    with databases.connect("postgres", name) as connection:
        connection.autocommit = False
        for length in QUEUE_LENGTHS:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(_INSERT_WAITING, {"length": length})
            samples = []
            for _ in range(GRANTS):
                began = time.perf_counter()
                grant_slots(connection, key("instance 1"), now=datetime.now(UTC))
                samples.append((time.perf_counter() - began) * 1000)
            connection.rollback()
            points.append((float(length), statistics.median(samples[1:])))
    return Curve("Granting slots", "executions that wait for one", "milliseconds", points)


_INSERT_WAITING = """
INSERT INTO workflow_executions
    (workflow_id, user_id, instance_id, dag_id, dag_run_id, created_at)
SELECT
    workflow_id, user_id, instance_id, 'amc_schedule_00000000-0000-0000-0000-000000000000',
    'run ' || n, NOW() + n * INTERVAL '1 second'
FROM generate_series(1, %(length)s) AS n
CROSS JOIN (
    SELECT * FROM workflow_executions WHERE instance_id = md5('instance 1')::UUID LIMIT 1
) AS like_this
"""
