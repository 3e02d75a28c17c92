"""How values of columns become values of Python: one that Python cannot hold breaks no statement.

A statement reads rows of many tenants. psycopg2's own casters raise for a time before year 1 or
after 9999, for a JSON number of more than 4,300 digits and for JSON nested a thousand deep. The
whole statement then has no rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from psycopg2.extensions import (
    PYDATE,
    PYDATETIME,
    PYDATETIMETZ,
    cursor,
    new_type,
    register_type,
)
from psycopg2.extras import register_uuid

# With room on both sides, so that adding and subtracting time does not leave Python's range
FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(9990, 1, 1, tzinfo=UTC)
_MAX_NUMBER = 4000  # digits; Python reads no longer integers
_MAX_DEPTH = 900  # levels; older Pythons read about as many

T = TypeVar("T", date, datetime)


def read_json(text: str) -> Any:
    """Read JSON; a number without end becomes infinite, and what is nested too deep is None."""
    try:
        value = json.loads(text, parse_int=_number)
    except (ValueError, RecursionError):
        return None
    return None if _is_too_deep(value) else value


def register_column_types(on: cursor) -> None:
    """Make a cursor read times, days, JSON and UUIDs as the pipeline uses them.

    Times and days outside of 2000 to 9990 become the nearest of these bounds.
    """
    register_uuid(conn_or_curs=on)  # type: ignore[no-untyped-call]
    for kind in _TYPES:
        register_type(kind, on)


def _is_too_deep(value: Any) -> bool:
    # Python 3.13 reads ten thousand levels. What recurses over them later may not
    level = [value]
    for _ in range(_MAX_DEPTH):
        containers = [one for one in level if isinstance(one, list | dict) and one]
        if not containers:
            return False
        level = [
            child
            for one in containers
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return True


def _number(text: str) -> int | float:
    return int(text) if len(text) <= _MAX_NUMBER else float(text)


def _nearest(read: Callable[[str, Any], T], first: T, last: T) -> Callable[[Any, Any], T | None]:
    """Return what reads a value, or the nearest bound where it lies beyond."""

    def cast(text: str | None, using: Any) -> T | None:
        if text is None:
            return None
        if text.startswith("-") or text.endswith("BC"):
            return first
        if text == "infinity":
            return last
        try:
            value = read(text, using)
        except (ValueError, OverflowError):  # a year of five digits
            return last
        return min(max(value, first), last)

    return cast


def _document(text: Any, _: cursor) -> Any:
    return None if text is None else read_json(text)


_TYPES = (
    new_type((1184,), "MOMENT", _nearest(PYDATETIMETZ, FIRST_MOMENT, LAST_MOMENT)),
    new_type(
        (1114,),
        "LOCAL_MOMENT",
        _nearest(PYDATETIME, FIRST_MOMENT.replace(tzinfo=None), LAST_MOMENT.replace(tzinfo=None)),
    ),
    new_type((1082,), "DAY", _nearest(PYDATE, FIRST_MOMENT.date(), LAST_MOMENT.date())),
    new_type((114, 3802), "DOCUMENT", _document),
)
