"""What an Airflow DAG run asks for: the definition, the window and the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from recomamp.domain.definitions import Collection, Schedule
from recomamp.domain.row_limits import FIRST_DATE, LAST_DATE, bounded
from recomamp.domain.scheduling.run_dates import window_start
from recomamp.domain.scheduling.windows import Window
from recomamp.errors import InvalidDefinition

_REMEDY = "start a run or a backfill of dates between them"

WINDOW_PARAMS = ("window_start", "window_end")
SCHEDULED, BACKFILL = "scheduled", "backfill"  # Airflow's types of runs that a timetable dates


def window_of(context: Context, definition: Schedule | Collection) -> Window:
    """Return the window a run reads: asked for by params, its data interval, or the latest due.

    :raises InvalidDefinition: when the params name half a window, no time, or an empty window; a
        backfill, whose runs would all read it, asks for one; or a manual run of a collection reads
        no week of it.
    """
    asked = _asked_window(context["params"], definition)
    if asked and context["dag_run"].run_type == BACKFILL:
        raise InvalidDefinition(
            f"a backfill gives each run its own window, and all its runs would read {asked}; start "
            "it without window_start and window_end, or trigger one run with them",
            column="conf",
        )
    window = asked or _window_of_run(context, definition)
    if not FIRST_DATE <= window.start.date() <= window.end.date() <= LAST_DATE:
        raise InvalidDefinition(
            f"the window {window} is not between {FIRST_DATE} and {LAST_DATE}; {_REMEDY}",
            column="params",
        )
    is_chosen = asked or context["dag_run"].run_type not in (SCHEDULED, BACKFILL)
    if is_chosen:
        definition.windows.check(window)
    return window


def due_at_of(context: Context) -> datetime:
    """Return the run's tick.

    :raises InvalidDefinition: when it is outside the years of which there is data.
    """
    _check_dates(context, "run_after")
    return _utc(context["dag_run"].run_after)


def tick_or_start_of(context: Context) -> datetime:
    """Return the run's tick as it is compared with those of other runs: 2000 for any before."""
    return _utc(bounded(context["dag_run"].run_after))


def _check_dates(context: Context, *names: str) -> None:
    """Refuse a run with a date outside the years that rows may name, before it is calculated with.

    A typing error in the year does that, for example 0206 or 1926.
    """
    for name in names:
        moment = getattr(context["dag_run"], name)
        if moment is not None and not FIRST_DATE <= moment.date() <= LAST_DATE:
            raise InvalidDefinition(
                f"the run's {name} {moment.date()} is not between {FIRST_DATE} and {LAST_DATE}; "
                f"{_REMEDY}",
                column=name,
            )


def _window_of_run(context: Context, definition: Schedule | Collection) -> Window:
    _check_dates(context, "logical_date", "data_interval_start", "data_interval_end")
    run = context["dag_run"]
    if run.data_interval_start is not None and run.data_interval_end is not None:
        start, end = window_start(_utc(run.data_interval_start)), _utc(run.data_interval_end)
        if start >= end.replace(microsecond=0):
            raise InvalidDefinition(
                f"the run's data interval from {start} to {end} is empty; trigger a run with "
                "another logical date, or with window_start and window_end",
                column="data_interval_end",
            )
        return Window(
            start=start,
            end=end,
            time_zone=definition.windows.time_zone,
            type=definition.windows.type,
        )
    return definition.windows.latest(_utc(run.run_after)).window


def overrides_of(context: Context, definition: Schedule | Collection) -> dict[str, Any]:
    """Return the values of the query's parameters as the run was triggered with.

    :raises InvalidDefinition: when the run's configuration names something that is not a parameter.
    """
    params = context["params"]
    known = {*definition.parameters, *WINDOW_PARAMS}
    if unknown := sorted(set(context["dag_run"].conf or {}) - known):
        raise InvalidDefinition(
            f"{unknown[0]!r} is not a parameter of this run; known: {', '.join(sorted(known))}",
            column="conf",
        )
    return {
        name: params[name]
        for name in definition.parameters
        if name in params and params[name] is not None
    }


def _asked_window(params: Mapping[str, Any], definition: Schedule | Collection) -> Window | None:
    start, end = (params.get(name) or None for name in WINDOW_PARAMS)
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidDefinition("a window needs both window_start and window_end", column="params")
    try:
        first, after = definition.windows.typed_times.window(start, end)
    except (TypeError, ValueError, OverflowError) as err:
        raise InvalidDefinition(
            f"window_start {start!r} or window_end {end!r} is not an ISO date or time between "
            f"{FIRST_DATE} and {LAST_DATE}",
            column="params",
        ) from err
    if first >= after:
        raise InvalidDefinition("window_start must lie before window_end", column="params")
    return Window(start=first, end=after, time_zone=definition.windows.time_zone)


def _utc(moment: datetime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp(), tz=UTC)
