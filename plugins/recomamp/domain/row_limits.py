"""How long, how large and how deep a column of a row may be.

The database refuses more by a CHECK for each column (``chk_<table>_<column>_…``). A row that is
older than those CHECKs may be larger, so the code that reads rows has the same limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from recomamp.errors import InvalidDefinition

MAX_NAME_CHARS = 200
MAX_DESCRIPTION_CHARS = 4_000
MAX_SQL_BYTES = 262_144
MAX_PARAMETERS_BYTES = 262_144
MAX_JSON_DEPTH = 20
MAX_CRON_CHARS = 200
MAX_TIME_ZONE_CHARS = 64

INSTANCE_ID = r"[A-Za-z0-9_-]{1,64}"  # it is a part of paths

FIRST_DATE = date(2000, 1, 1)
LAST_DATE = date(2100, 1, 1)  # of what people choose: every window and every tick after it exists
EARLIEST = datetime.combine(FIRST_DATE, time(), tzinfo=UTC)
LATEST = datetime.combine(LAST_DATE, time(), tzinfo=UTC)

_CHARS = {
    "name": MAX_NAME_CHARS,
    "description": MAX_DESCRIPTION_CHARS,
    "cron_expression": MAX_CRON_CHARS,
    "timezone": MAX_TIME_ZONE_CHARS,
    "workflow_name": MAX_NAME_CHARS,
    "workflow_description": MAX_DESCRIPTION_CHARS,
    "instance_name": MAX_NAME_CHARS,
}
_DATES = ("created_at", "start_date", "end_date")
_PLACES = {  # columns of a definition that come from another table
    "workflow_name": ("workflows", "name", "workflow_id"),
    "workflow_description": ("workflows", "description", "workflow_id"),
    "workflow_parameters": ("workflows", "parameters", "workflow_id"),
    "sql_query": ("workflows", "sql_query", "workflow_id"),
    "instance_name": ("amc_instances", "name", "instance_key"),
    "instance_id": ("amc_instances", "instance_id", "instance_key"),
}


def bounded(moment: datetime) -> datetime:
    """Return the nearest time within the years that rows may name.

    Near the years 1 and 9999 calendars have no zone and no next day to calculate with.
    """
    return min(max(moment, EARLIEST), LATEST)


def check_limits(row: Mapping[str, Any], table: str) -> None:
    """Check a definition's row against the limits of its columns.

    :param table: the table of the columns that come from no other table.
    :raises InvalidDefinition: naming table, column, row and limit.
    """
    for column, limit in _CHARS.items():
        if len(row.get(column) or "") > limit:
            raise _refused(row, table, column, f"is longer than {limit} characters; shorten it")
    if len((row.get("sql_query") or "").encode("utf-8", "replace")) > MAX_SQL_BYTES:
        raise _refused(row, table, "sql_query", f"is longer than {MAX_SQL_BYTES} bytes; shorten it")
    if not re.fullmatch(INSTANCE_ID, row["instance_id"]):
        problem = "is not an id of an AMC instance: 1 to 64 letters, digits, - and _"
        raise _refused(row, table, "instance_id", problem)
    for column in ("parameters", "workflow_parameters"):
        _check_document(row, table, column)
    for column in _DATES:
        moment = row.get(column)
        day = moment.date() if isinstance(moment, datetime) else moment
        if day is not None and not FIRST_DATE <= day <= LAST_DATE:
            problem = f"{day} is not between {FIRST_DATE} and {LAST_DATE}"
            raise _refused(row, table, column, problem)


def _check_document(row: Mapping[str, Any], table: str, column: str) -> None:
    """Check a JSON document. One that is too large has been replaced by its size in bytes."""
    document = row.get(column)
    if type(document) is int and document > MAX_PARAMETERS_BYTES:
        problem = f"has {document} bytes, at most {MAX_PARAMETERS_BYTES} are possible; shorten it"
        raise _refused(row, table, column, problem)
    level, depth = [document], 0
    while level and depth <= MAX_JSON_DEPTH:
        level, depth = [part for whole in level for part in _parts(whole)], depth + 1
    if level:
        problem = f"is nested more than {MAX_JSON_DEPTH} levels deep; flatten it"
        raise _refused(row, table, column, problem)


def _parts(whole: object) -> list[Any]:
    if isinstance(whole, dict):
        return list(whole.values())
    return whole if isinstance(whole, list) else []


def _refused(row: Mapping[str, Any], table: str, column: str, problem: str) -> InvalidDefinition:
    owner, own_column, key = _PLACES.get(column, (table, column, "id"))
    return InvalidDefinition(problem, table=owner, column=own_column, key=str(row[key]))
