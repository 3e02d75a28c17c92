"""The engine: AMC SQL in, privacy-filtered rows out."""

from __future__ import annotations

from threading import Lock
from typing import Any

import duckdb

from amc_emulator.engine.catalogue import describe_data_sources
from amc_emulator.engine.complaints import complaint_of
from amc_emulator.engine.output import Shown, printed, shown_column
from amc_emulator.engine.query import OutputColumn, Query, ResultSet
from amc_emulator.engine.thresholds import apply_thresholds, discriminator_column
from amc_emulator.engine.translate import Plan, translate
from amc_emulator.engine.world import World


class Engine:
    """Runs AMC queries over a generated world per instance; safe to call from many threads.

    The same seed, instance, window and SQL always yield the same rows in the same order.
    """

    def __init__(self, *, seed: int = 1, users: int = 2000) -> None:
        self._seed = seed
        self._users = users
        self._worlds: dict[str, World] = {}
        self._lock = Lock()

    def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Return the output columns of a query; raises QueryRefused."""
        plan = translate(query)
        columns = tuple(one.column for one in self._shown(instance_id, plan))
        if query.filtered_metrics_discriminator_column is None:
            return columns
        return (*columns, discriminator_column(query.filtered_metrics_discriminator_column))

    def run(self, instance_id: str, query: Query) -> ResultSet:
        """Return the rows of a query; raises QueryRefused."""
        plan = translate(query)
        shown = self._shown(instance_id, plan)
        world = self._world(instance_id)
        try:
            with world.lock:
                rows = world.fetch(plan.running(shown), plan.first, plan.last)
        except duckdb.Error as err:
            raise complaint_of(err) from err
        return apply_thresholds(
            shown,
            [(_printable(row[:-1], shown), row[-1]) for row in rows],
            blank=query.privacy_filtering == "REMOVE_VALUES",
            discriminator=query.filtered_metrics_discriminator_column,
        )

    def data_sources(self) -> list[dict[str, Any]]:
        """Return the tables in the shape of AMC's `GET /dataSources`."""
        return describe_data_sources()

    def _shown(self, instance_id: str, plan: Plan) -> list[Shown]:
        world = self._world(instance_id)
        try:
            with world.lock:
                described = world.describe(plan.describing())
        except duckdb.Error as err:
            raise complaint_of(err) from err
        return [
            shown_column(name, duckdb_type, facts)
            for name, (_, duckdb_type), facts in zip(plan.names, described, plan.facts, strict=True)
        ]

    def _world(self, instance_id: str) -> World:
        with self._lock:
            if instance_id not in self._worlds:
                self._worlds[instance_id] = World(
                    instance_id=instance_id, seed=self._seed, users=self._users
                )
            return self._worlds[instance_id]


def _printable(row: tuple[Any, ...], shown: list[Shown]) -> tuple[Any, ...]:
    return tuple(
        printed(value) if one.nested else value for value, one in zip(row, shown, strict=True)
    )
