"""The input and output types of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One AMC query with its window `[time_window_start, time_window_end)` in aware UTC.

    The three columns are added to the output where they have a name. Without
    `aggregation_controls` event-level rows may be shown (synthetic data only). `datasets` are those
    that the instance subscribes to, None for all. The query sees what AMC knows at `known_at`
    (aware UTC), None for all that ever becomes known.
    """

    sql: str
    time_window_start: datetime
    time_window_end: datetime
    input_parameters: tuple[dict[str, Any], ...] = ()
    parameter_values: Mapping[str, Any] = field(default_factory=dict)
    privacy_filtering: str = "REMOVE_ROWS"
    filtered_metrics_discriminator_column: str | None = None
    filtered_reason_column: str | None = None
    distinct_user_count_column: str | None = None
    aggregation_controls: bool = True
    datasets: frozenset[str] | None = None
    known_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputColumn:
    """A column of a result as AMC types it: LONG, DECIMAL, …; METRIC or DIMENSION."""

    name: str
    data_type: str
    column_type: str
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultSet:
    """Rows after privacy filtering, in a fixed order."""

    columns: tuple[OutputColumn, ...]
    rows: list[tuple[Any, ...]]


class QueryRejected(Exception):
    """AMC would not run this query. The text is like AMC's.

    `undeclared_parameter` names the parameter when that is the reason. AMC was seen to reject such
    a query when it is saved. It was also seen to accept it and to reject its execution.
    """

    def __init__(self, text: str, *, undeclared_parameter: str | None = None) -> None:
        super().__init__(text)
        self.undeclared_parameter = undeclared_parameter
