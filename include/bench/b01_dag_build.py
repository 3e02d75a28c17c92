"""The share of reading and checking rows in building their DAGs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.dag_fixtures import clear_caches, definitions_in_database
from bench.databases import Databases
from bench.definition_rows import insert_schedules
from bench.measurements import (
    BenchSettings,
    Curve,
    Result,
    alternate,
    at_most,
    ratios,
    seconds_of,
    without_limit,
)

MAX_RATIO = 1.15
SIZES = (100, 1_000, 10_000)
_FIRST = 100_001  # of the curve's rows, which are no others'


def run(settings: BenchSettings) -> Iterator[Result | Curve]:
    """Parse all rows, and build the same DAGs from definitions in memory, alternately."""
    with definitions_in_database(settings) as databases:
        from recomamp.domain.definition_ref import DefinitionKind
        from recomamp.pipeline.generator.definitions import load_definitions
        from recomamp.pipeline.generator.factory import build_dag, build_dags

        definitions = [
            *load_definitions(DefinitionKind.SCHEDULE),
            *load_definitions(DefinitionKind.COLLECTION),
        ]

        def parse() -> float:
            clear_caches()
            return seconds_of(
                lambda: [
                    *build_dags(DefinitionKind.SCHEDULE),
                    *build_dags(DefinitionKind.COLLECTION),
                ]
            )

        def loop() -> float:
            clear_caches()
            return seconds_of(lambda: [build_dag(definition) for definition in definitions])

        ours, plain = alternate(parse, loop, settings.rounds)
        points = _points(databases, settings)
    yield at_most(
        MAX_RATIO,
        id=1,
        name=f"{len(definitions)} DAGs from the database / in a plain loop from memory",
        unit="ratio",
        samples=ratios(ours, plain),
        note="query, JSON, checks of every query and parameter, snapshot",
    )
    yield without_limit(id=1, name="one parse of all", unit="s", samples=ours)
    yield Curve("One parse of all schedules, in one file", "schedules", "seconds", points)


def _points(databases: Databases, settings: BenchSettings) -> list[tuple[float, float]]:
    """Return the times of one parse by the number of schedules."""
    from recomamp.domain.definition_ref import DefinitionKind
    from recomamp.pipeline.generator.factory import build_dags

    points: list[tuple[float, float]] = []
    with databases.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM workflow_schedules")
        there = 0
        for size in SIZES[:1] if settings.quick else SIZES:
            insert_schedules(connection, size - there, first=_FIRST + there)
            there = size
            samples = []
            for _ in range(settings.rounds):
                clear_caches()
                samples.append(seconds_of(lambda: build_dags(DefinitionKind.SCHEDULE)))
            points.append((size, statistics.median(samples)))
    return points
