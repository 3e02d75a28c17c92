"""What several routes take: the database, and the zone in which the user reads times."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request, status

from recomamp.console.database import ConsoleDatabase
from recomamp.domain.scheduling.cron import load_zone
from recomamp.errors import InvalidDefinition


def _database(request: Request) -> ConsoleDatabase:
    database: ConsoleDatabase = request.app.state.database
    return database


Database = Annotated[ConsoleDatabase, Depends(_database)]

ZoneName = Annotated[str, Query(max_length=64)]


def local_midnight(instant: datetime, time_zone: str) -> datetime:
    """Return the midnight before an instant in a zone; 422 for a zone that does not exist."""
    try:
        zone = load_zone(time_zone)
    except InvalidDefinition as err:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(err)) from err
    return instant.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
