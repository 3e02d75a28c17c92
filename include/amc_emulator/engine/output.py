"""The columns of a result: their names as written, their types as AMC names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from amc_emulator.engine.catalogue import Threshold
from amc_emulator.engine.lineage import Facts
from amc_emulator.engine.query import OutputColumn, QueryRejected

DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
RATIO = "DECIMAL(38,17)"
# DuckDB's type → type it is cast to, AMC's word
TYPES = {
    "BOOLEAN": ("BOOLEAN", "BOOLEAN"),
    "TINYINT": ("INTEGER", "INTEGER"),
    "SMALLINT": ("INTEGER", "INTEGER"),
    "INTEGER": ("INTEGER", "INTEGER"),
    "BIGINT": ("BIGINT", "LONG"),
    "HUGEINT": ("BIGINT", "LONG"),
    "UBIGINT": ("BIGINT", "LONG"),
    "FLOAT": ("DOUBLE", "DOUBLE"),
    "DOUBLE": ("DOUBLE", "DOUBLE"),
    "DATE": ("DATE", "DATE"),
    "TIMESTAMP": ("TIMESTAMP", "TIMESTAMP"),
    "TIMESTAMP_NS": ("TIMESTAMP", "TIMESTAMP"),
    "TIMESTAMP WITH TIME ZONE": ("TIMESTAMP", "TIMESTAMP"),
    "VARCHAR": ("VARCHAR", "STRING"),
    "BLOB": ("VARCHAR", "BINARY"),
    "UUID": ("VARCHAR", "STRING"),
    '"NULL"': ("VARCHAR", "STRING"),
}
QUANTITIES = frozenset({"INTEGER", "LONG", "DOUBLE", "DECIMAL"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultColumn:
    """An output column, with the facts that privacy filtering needs."""

    column: OutputColumn
    duckdb_type: str
    cast_to: str | None
    threshold: Threshold

    @property
    def nested(self) -> bool:
        """Whether the value is an array or a row. Both are printed as text."""
        return self.cast_to is None

    def cast(self, sql: str) -> str:
        """Return the SQL that turns a value into the type of the output."""
        if self.cast_to == RATIO and self.duckdb_type == "DOUBLE":
            # By way of its shortest text: 0.1 shall not become 0.10000000000000001.
            sql = f"CAST({sql} AS VARCHAR)"
        return sql if self.cast_to is None else f"CAST({sql} AS {self.cast_to})"


def output_names(query: exp.Query) -> list[str]:
    """Return the names of the columns as the query writes them, Calcite's EXPR$n for others."""
    return [
        projection.alias_or_name or f"EXPR${position}"
        for position, projection in enumerate(query.selects)
    ]


def result_column(
    name: str, duckdb_type: str, facts: Facts, *, hides_secrets: bool
) -> ResultColumn:
    """Return the output column of a projection.

    :raises QueryRejected: it may not be shown, unless `hides_secrets` is false.
    """
    if hides_secrets and not facts.threshold.may_be_shown:
        raise QueryRejected(
            f"Column '{name}' cannot be part of the output: its aggregation threshold is"
            f" {facts.threshold.name}. Aggregate it with COUNT or COUNT(DISTINCT …)."
        )
    cast_to, data_type, precision, scale = _typed(duckdb_type, facts)
    metric = facts.metric and data_type in QUANTITIES
    column = OutputColumn(
        name=name,
        data_type=data_type,
        column_type="METRIC" if metric else "DIMENSION",
        precision=precision,
        scale=scale,
    )
    return ResultColumn(
        column=column, duckdb_type=duckdb_type, cast_to=cast_to, threshold=facts.threshold
    )


def format_nested(value: Any) -> str | None:
    """Return an array or a row as AMC's CSV has it: `[a, b]`."""
    if value is None:
        return None
    return _format_nested(value)


def _format_nested(value: Any) -> str:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return f"[{', '.join(map(_format_nested, value))}]"
    return "null" if value is None else str(value)


def _typed(duckdb_type: str, facts: Facts) -> tuple[str | None, str, int | None, int | None]:
    if duckdb_type == "DOUBLE" and facts.ratio and not facts.floating:
        duckdb_type = RATIO  # ratios of whole numbers come back as decimals
    decimal = DECIMAL.fullmatch(duckdb_type)
    if decimal:
        return duckdb_type, "DECIMAL", int(decimal[1]), int(decimal[2])
    cast_to, data_type = TYPES.get(duckdb_type, (None, "STRING"))
    return cast_to, data_type, None, None
