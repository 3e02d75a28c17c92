"""The engine reads AMC SQL and returns privacy-filtered rows."""

from __future__ import annotations

from threading import Lock
from typing import Any

import duckdb

from amc_emulator.engine.catalogue import describe_data_sources, load_catalogue
from amc_emulator.engine.error_messages import translate_error
from amc_emulator.engine.output import ResultColumn, format_nested, result_column
from amc_emulator.engine.query import OutputColumn, Query, QueryRejected, ResultSet
from amc_emulator.engine.thresholds import CountedRow, added_columns, apply_thresholds
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
        result_columns = self._result_columns(instance_id, plan, query)
        return (*(one.column for one in result_columns), *added_columns(query))

    def run(self, instance_id: str, query: Query) -> ResultSet:
        """Return the rows of a query.

        :raises QueryRejected: AMC would reject it.
        """
        plan = translate(query)
        result_columns = self._result_columns(instance_id, plan, query)
        world = self._world(instance_id)
        try:
            with world.lock:
                rows = world.fetch(plan.result_sql(result_columns), plan.first, plan.last)
        except duckdb.Error as err:
            raise translate_error(err) from err
        counted = [
            CountedRow(
                row=_format_row(row[:-1], result_columns), users=None if row[-1] < 0 else row[-1]
            )
            for row in rows
        ]
        catalogue = load_catalogue()
        tables = [name for name in plan.tables if "user_id" in catalogue[name].columns]
        return apply_thresholds(result_columns, counted, query, tables)

    def data_sources(self, datasets: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """Return the tables of an instance that subscribes to `datasets`. None stands for all."""
        return describe_data_sources(datasets)

    def _result_columns(self, instance_id: str, plan: Plan, query: Query) -> list[ResultColumn]:
        world = self._world(instance_id)
        try:
            with world.lock:
                described = world.describe(plan.describe_sql(), plan.tables)
        except duckdb.Error as err:
            raise translate_error(err) from err
        _refuse_same_names(plan.names, query)
        hides = query.aggregation_controls
        return [
            result_column(name, duckdb_type, facts, hides_secrets=hides)
            for name, (_, duckdb_type), facts in zip(plan.names, described, plan.facts, strict=True)
        ]

    def _world(self, instance_id: str) -> World:
        with self._lock:
            if instance_id not in self._worlds:
                self._worlds[instance_id] = World(
                    instance_id=instance_id, seed=self._seed, users=self._users
                )
            return self._worlds[instance_id]


def _refuse_same_names(names: list[str], query: Query) -> None:
    taken = {name.lower() for name in names}
    for column in added_columns(query):
        if column.name.lower() in taken:
            raise QueryRejected(f"Column '{column.name}' is in the output twice.")
        taken.add(column.name.lower())


def _format_row(row: tuple[Any, ...], result_columns: list[ResultColumn]) -> tuple[Any, ...]:
    return tuple(
        format_nested(value) if one.nested else value
        for value, one in zip(row, result_columns, strict=True)
    )
