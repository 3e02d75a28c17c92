"""Ten thousand schedules with Airflow's own timeouts: no DAG is lost, none becomes stale."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.definition_rows import insert_schedules
from bench.measurements import BenchSettings, Curve, Result, at_most, without_limit
from bench.schedule_stack import ScheduleStack, many_schedules

SIZES = (100, 1_000, 10_000)
SHARDS = 16
FILE_TIMEOUT_SECONDS = 50
SETTINGS = {
    "RECOMAMP_DAG_SHARDS": str(SHARDS),
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "2",
}
_LAST = """
    SELECT relative_fileloc, MIN(last_parsed_time), MAX(last_parse_duration)
    FROM dag WHERE dag_id LIKE 'amc\\_schedule\\_%%' GROUP BY relative_fileloc
"""


def run(settings: BenchSettings) -> Iterator[Result | Curve]:
    """Observe the DAG processor over all files for some rounds, with more and more schedules."""
    sizes = (20, 320) if settings.quick else SIZES
    count, points = sizes[-1], []
    with many_schedules(sizes[0], **SETTINGS) as schedule_stack:
        for size in sizes[:-1]:
            _add_schedules(schedule_stack, size)
            points.append((float(size), statistics.median(_measure_rounds(schedule_stack, 2)[0])))
        _add_schedules(schedule_stack, count)
        cycles, durations, fewest = _measure_rounds(
            schedule_stack, 2 if settings.quick else settings.rounds
        )
        points.append((float(count), statistics.median(cycles)))
        log = schedule_stack.stack.settings.data / "logs" / "dag-processor.log"
        text = log.read_text(encoding="utf-8", errors="replace")
        timeouts = text.count("exceeding the timeout") + text.count("DagBag import timeout")
    used = ", ".join(f"{name.split('__')[-1]}={value}" for name, value in SETTINGS.items())
    yield at_most(
        FILE_TIMEOUT_SECONDS,
        id=5,
        name=f"{count} schedules: longest parse of a file, its waiting for the manager included",
        unit="s",
        samples=[max(durations)],
        note=used,
    )
    yield without_limit(id=5, name="a parse of a file", unit="s", samples=durations)
    yield without_limit(
        id=5, name="a whole round over all files", unit="s", samples=cycles, note=used
    )
    for name, seen in (("files that ran out of time", timeouts), ("DAGs lost", count - fewest)):
        yield at_most(0, id=5, name=name, unit="", samples=[float(seen)])

    yield Curve("A round over all files, at most every 30 s", "schedules", "seconds", points)


def _add_schedules(schedule_stack: ScheduleStack, count: int) -> None:
    """Insert schedules up to a number, and wait until all are DAGs."""
    there = schedule_stack.count_dags()
    if count > there:
        insert_schedules(
            schedule_stack.application, count - there, first=there + 1, is_active=False
        )
        schedule_stack.wait_until(lambda: schedule_stack.count_dags() >= count, f"{count} DAGs")


def _measure_rounds(
    schedule_stack: ScheduleStack, rounds: int
) -> tuple[list[float], list[float], int]:
    """Return the seconds between two parses of a file, the parse times, and the fewest DAGs."""
    seen = {file: parsed for file, parsed, _ in schedule_stack.query_airflow(_LAST)}
    parses: dict[str, list[float]] = {file: [] for file in seen}
    durations: list[float] = []
    fewest = schedule_stack.count_dags()

    def all_parsed() -> bool:
        nonlocal fewest
        fewest = min(fewest, schedule_stack.count_dags())
        for file, parsed, duration in schedule_stack.query_airflow(_LAST):
            if parsed > seen[file]:
                parses[file].append((parsed - seen[file]).total_seconds())
                durations.append(float(duration))
                seen[file] = parsed
        return min(len(found) for found in parses.values()) >= rounds

    schedule_stack.wait_until(all_parsed, "rounds over all files")
    cycles = [max(found[number] for found in parses.values()) for number in range(rounds)]
    return cycles, durations, fewest
