"""What a task asks of AMC: a query with its values, over one window."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from recomamp.amazon.amc.requests import AMC_TIMEOUT_SECONDS, NewExecution
from recomamp.domain.row_limits import FIRST_DATE, LAST_DATE
from recomamp.domain.scheduling.cron import load_zone
from recomamp.domain.scheduling.run_dates import window_start as without_microseconds
from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.binding import BoundQuery, bind
from recomamp.domain.sql.parameters import declare
from recomamp.errors import InvalidDefinition

_REMEDY = (
    "give the task window_start and window_end, or the DAG a schedule whose runs have an interval, "
    "such as those of recomamp.provider.timetables"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryRequest:
    """A bound query over a window."""

    query: BoundQuery
    window: Window

    @property
    def fingerprint(self) -> str:
        """Tell requests apart: equal for the same query, values and window."""
        asked = (
            self.query.sql,
            self.query.input_parameters,
            self.query.parameter_values,
            str(self.window.start),
            str(self.window.end),
            self.window.time_zone,
        )
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def as_sent(self, workflow_id: str, *, is_sandbox: bool) -> NewExecution:
        """Return the execution to create, under that name."""
        return NewExecution(
            workflow_id=workflow_id,
            sql=self.query.sql,
            window=self.window,
            input_parameters=self.query.input_parameters,
            parameter_values=self.query.parameter_values,
            timeout_seconds=AMC_TIMEOUT_SECONDS,
            requires_synthetic_data=is_sandbox,
        )


def request_of(sql: str, parameters: Mapping[str, Any], window: Window) -> QueryRequest:
    """Bind a query to its parameters and its window.

    :param parameters: a value by each name, or a definition with ``type`` and ``default``.
    :raises InvalidDefinition: naming the parameter, the line and the column.
    """
    return QueryRequest(query=bind(sql, declare(parameters), window), window=window)


def window_of(
    context: Context, start: str | datetime | None, end: str | datetime | None, time_zone: str
) -> Window:
    """Return the half-open window that a run reads: as the task says, else the data interval.

    :param start: ISO day or time; without an offset it belongs to ``time_zone``.
    :raises InvalidDefinition: when there is neither, or the window is empty or out of range.
    """
    load_zone(time_zone)
    if (start in (None, "")) != (end in (None, "")):
        raise InvalidDefinition("a window needs both window_start and window_end")
    if start in (None, ""):
        # A run that is triggered by hand without a date has no interval
        start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if not start or not end:
        raise InvalidDefinition(f"the run has no data interval: {_REMEDY}")
    first, after = without_microseconds(_moment(start, time_zone)), _moment(end, time_zone)
    if not all(FIRST_DATE <= moment.date() <= LAST_DATE for moment in (first, after)):
        raise InvalidDefinition(f"the window is not between {FIRST_DATE} and {LAST_DATE}")
    if first >= after.replace(microsecond=0):
        raise InvalidDefinition(f"the window from {first} to {after} is empty: {_REMEDY}")
    return Window(start=first, end=after, time_zone=time_zone)


def _moment(value: str | datetime, time_zone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=load_zone(time_zone))
        return datetime.fromtimestamp(moment.timestamp(), tz=UTC)
    except (TypeError, ValueError, OverflowError) as err:
        raise InvalidDefinition(f"{str(value)[:100]!r} is not an ISO day or time") from err
