"""Ten thousand schedules at Airflow's own time-outs: nothing is lost and nothing goes stale."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.definition_rows import insert_schedules
from bench.measuring import BenchSettings, Curve, Result, at_most, stated
from bench.watching import Watched, many_schedules

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
    """Watch the DAG processor for some rounds over all files, with ever more schedules."""
    sizes = (20, 320) if settings.quick else SIZES
    count, points = sizes[-1], []
    with many_schedules(sizes[0], **SETTINGS) as watched:
        for size in sizes[:-1]:
            _grow(watched, size)
            points.append((float(size), statistics.median(_watch(watched, 2)[0])))
        _grow(watched, count)
        cycles, durations, least = _watch(watched, 2 if settings.quick else settings.rounds)
        points.append((float(count), statistics.median(cycles)))
        log = watched.stack.settings.data / "logs" / "dag-processor.log"
        text = log.read_text(encoding="utf-8", errors="replace")
        troubles = text.count("exceeding the timeout") + text.count("DagBag import timeout")
    used = ", ".join(f"{name.split('__')[-1]}={value}" for name, value in SETTINGS.items())
    yield at_most(
        FILE_TIMEOUT_SECONDS,
        id=5,
        name=f"{count} schedules: longest parse of a file, its waiting for the manager included",
        unit="s",
        samples=[max(durations)],
        note=used,
    )
    yield stated(id=5, name="a parse of a file", unit="s", samples=durations)
    yield stated(id=5, name="a whole round over all files", unit="s", samples=cycles, note=used)
    for name, seen in (("files that ran out of time", troubles), ("DAGs lost", count - least)):
        yield at_most(0, id=5, name=name, unit="", samples=[float(seen)])

    yield Curve("A round over all files, at most every 30 s", "schedules", "seconds", points)


def _grow(watched: Watched, count: int) -> None:
    """Have so many schedules, and wait until all are DAGs."""
    there = watched.dags()
    if count > there:
        insert_schedules(watched.application, count - there, first=there + 1, is_active=False)
        watched.until(lambda: watched.dags() >= count, f"{count} DAGs")


def _watch(watched: Watched, rounds: int) -> tuple[list[float], list[float], int]:
    """Return the seconds between two parses of a file, how long parses took, fewest DAGs seen."""
    seen = {file: parsed for file, parsed, _ in watched.ask(_LAST)}
    parses: dict[str, list[float]] = {file: [] for file in seen}
    durations: list[float] = []
    least = watched.dags()

    def all_parsed() -> bool:
        nonlocal least
        least = min(least, watched.dags())
        for file, parsed, duration in watched.ask(_LAST):
            if parsed > seen[file]:
                parses[file].append((parsed - seen[file]).total_seconds())
                durations.append(float(duration))
                seen[file] = parsed
        return min(len(found) for found in parses.values()) >= rounds

    watched.until(all_parsed, "rounds over all files")
    cycles = [max(found[number] for found in parses.values()) for number in range(rounds)]
    return cycles, durations, least
