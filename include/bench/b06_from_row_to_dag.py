"""The time from the insertion of a schedule to its DAG."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from bench.definition_rows import insert_schedules
from bench.measurements import BenchSettings, Result, at_most
from bench.schedule_stack import ScheduleStack, many_schedules

COUNT = 1_000
MEDIAN_SECONDS = 15
WORST_SECONDS = 60
SETTINGS = {
    "RECOMAMP_DAG_SHARDS": "4",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "2",
}


def run(settings: BenchSettings) -> Iterator[Result]:
    """Insert a schedule at random moments, and measure the time to its DAG."""
    count = 40 if settings.quick else COUNT
    with many_schedules(count, **SETTINGS) as schedule_stack:
        moments = random.Random(6)  # noqa: S311  no secret
        seconds = []
        for number in range(settings.rounds * 2):
            time.sleep(moments.uniform(0, 10))
            seconds.append(_insert_one(schedule_stack, count + 1 + number))
    used = ", ".join(f"{name.split('__')[-1]}={value}" for name, value in SETTINGS.items())
    yield at_most(
        MEDIAN_SECONDS,
        id=6,
        name=f"from a row to its DAG at {count} schedules",
        unit="s",
        samples=seconds,
        note=used,
    )
    yield at_most(WORST_SECONDS, id=6, name="the same, at worst", unit="s", samples=[max(seconds)])


def _insert_one(schedule_stack: ScheduleStack, number: int) -> float:
    """Insert a schedule and return the seconds until its DAG is there."""
    insert_schedules(schedule_stack.application, 1, first=number, is_active=False)
    with schedule_stack.application.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM workflow_schedules WHERE name = %s", [f"Every morning {number}"]
        )
        ((key,),) = cursor.fetchall()
    dag_id = f"amc_schedule_{key}"
    statement = "SELECT 1 FROM dag WHERE dag_id = %s AND NOT is_stale"
    return schedule_stack.wait_until(
        lambda: bool(schedule_stack.query_airflow(statement, dag_id)), dag_id
    )
