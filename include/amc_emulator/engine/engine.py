"""The engine reads AMC SQL and returns privacy-filtered rows."""

from __future__ import annotations

from threading import Lock
from typing import Any

import duckdb

from amc_emulator.engine.catalogue import describe_data_sources
from amc_emulator.engine.error_messages import translate_error
from amc_emulator.engine.output import ResultColumn, format_nested, result_column
from amc_emulator.engine.query import OutputColumn, Query, ResultSet
from amc_emulator.engine.thresholds import added_columns, apply_thresholds
from amc_emulator.engine.translate import Plan, translate
from amc_emulator.engine.world import World


class Engine:
    """Runs AMC queries over generated data of each instance. Threads may share it.

    The same seed, instance, window and SQL always yield the same rows in the same order.
    """

    def __init__(self, *, seed: int = 1, users: int = 2000) -> None:
        self._seed = seed
        self._users = users
        self._worlds: dict[str, World] = {}
        self._lock = Lock()

    def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Return the output columns of a query.

        :raises QueryRejected: AMC would reject it.
        """
        plan = translate(query)
        columns = tuple(one.column for one in self._result_columns(instance_id, plan))
        return (*columns, *added_columns(query))

    def run(self, instance_id: str, query: Query) -> ResultSet:
        """Return the rows of a query.

        :raises QueryRejected: AMC would reject it.
        """
        plan = translate(query)
        result_columns = self._result_columns(instance_id, plan)
        world = self._world(instance_id)
        try:
            with world.lock:
                rows = world.fetch(plan.result_sql(result_columns), plan.first, plan.last)
        except duckdb.Error as err:
            raise translate_error(err) from err
        return apply_thresholds(
            result_columns,
            [(_format_row(row[:-1], result_columns), row[-1]) for row in rows],
            query=query,
        )

    def data_sources(self) -> list[dict[str, Any]]:
        """Return the tables in the shape of AMC's `GET /dataSources`."""
        return describe_data_sources()

    def _result_columns(self, instance_id: str, plan: Plan) -> list[ResultColumn]:
        world = self._world(instance_id)
        try:
            with world.lock:
                described = world.describe(plan.describe_sql())
        except duckdb.Error as err:
            raise translate_error(err) from err
        return [
            result_column(name, duckdb_type, facts)
            for name, (_, duckdb_type), facts in zip(plan.names, described, plan.facts, strict=True)
        ]

    def _world(self, instance_id: str) -> World:
        with self._lock:
            if instance_id not in self._worlds:
                self._worlds[instance_id] = World(
                    instance_id=instance_id, seed=self._seed, users=self._users
                )
            return self._worlds[instance_id]


def _format_row(row: tuple[Any, ...], result_columns: list[ResultColumn]) -> tuple[Any, ...]:
    return tuple(
        format_nested(value) if one.nested else value
        for value, one in zip(row, result_columns, strict=True)
    )
