"""Which of AMC's executions is the one we asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from recomamp.domain.amc_names import is_nameless
from recomamp.domain.executions import AmcExecution

# By how much AMC's clock may lag ours
_CLOCK_SLACK = timedelta(minutes=1)


def matches_submission(
    execution: AmcExecution,
    *,
    workflow_id: str,
    window_start: datetime | None,
    window_end: datetime | None,
    parameter_values: Mapping[str, Any],
    created_after: datetime,
    sql: str | None = None,
) -> bool:
    """Return whether AMC's execution is the one submitted under ``workflow_id``.

    Where AMC keeps the name, the name decides. Where it does not, window and parameters must be the
    same. It must be created after ``created_after``, the time of the first sending, less a minute
    because clocks differ. It must have the same ``sql`` when the list was read with the workflow
    included. Two queries without parameters over one window differ in nothing else, so list with
    ``include_workflow=True`` and leave out executions that already belong to another row.

    :param window_start: None, with ``window_end``, when AMC chose the window.
    """
    if execution.workflow_id == workflow_id:
        return True
    if not is_nameless(execution.workflow_id):
        return False
    return (
        _is_same_moment(execution.window_start, window_start)
        and _is_same_moment(execution.window_end, window_end)
        and _plain(execution.parameter_values) == _plain(parameter_values)
        and _is_created_since(execution.create_time, created_after)
        and (sql is None or execution.sql_query in (None, sql))
    )


def _is_same_moment(theirs: datetime | None, ours: datetime | None) -> bool:
    """Compare to the second, as AMC writes times; any time matches where none was asked for."""
    return ours is None or (theirs is not None and theirs == ours.replace(microsecond=0))


def _is_created_since(create_time: datetime | None, moment: datetime) -> bool:
    return create_time is not None and create_time >= moment - _CLOCK_SLACK


def _plain(value: Any) -> Any:
    """Reduce values to texts, because AMC may answer ``"7"`` where ``7`` was sent."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
