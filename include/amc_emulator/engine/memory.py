"""An engine that remembers its latest answers: programs ask the same queries again and again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from amc_emulator.engine.engine import Engine
from amc_emulator.engine.query import OutputColumn, Query, ResultSet

MOST_ANSWERS = 100
MOST_ROWS = 1000  # of a result that is remembered


class RememberingEngine:
    """Answers as the engine does. One thread at a time may use it.

    The answer to a query never changes: it depends on the instance and the query alone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._columns: OrderedDict[tuple[str, str], tuple[OutputColumn, ...]] = OrderedDict()
        self._results: OrderedDict[tuple[str, str], ResultSet] = OrderedDict()

    def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Return the output columns of a query.

        :raises QueryRejected: AMC would reject it.
        """
        key = (instance_id, repr(query))
        if key not in self._columns:
            self._columns[key] = self._engine.compile(instance_id, query)
            _forget_oldest(self._columns)
        return self._columns[key]

    def run(self, instance_id: str, query: Query) -> ResultSet:
        """Return the rows of a query.

        :raises QueryRejected: AMC would reject it.
        """
        key = (instance_id, repr(query))
        if (known := self._results.get(key)) is not None:
            return known
        result = self._engine.run(instance_id, query)
        if len(result.rows) <= MOST_ROWS:
            self._results[key] = result
            _forget_oldest(self._results)
        return result

    def data_sources(self, datasets: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """Return the tables of an instance that subscribes to `datasets`. None stands for all."""
        return self._engine.data_sources(datasets)


def _forget_oldest(answers: OrderedDict[tuple[str, str], Any]) -> None:
    while len(answers) > MOST_ANSWERS:
        answers.popitem(last=False)
