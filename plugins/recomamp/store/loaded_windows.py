"""Windows of a schedule or a collection that the rows show as SUCCESS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from recomamp.domain.definition_ref import DefinitionRef
from recomamp.domain.scheduling.windows import Window
from recomamp.store.statements import fetch_one


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedWindow:
    """The results that the rows show for a window of a schedule or a collection."""

    execution_id: UUID | None  # None: a week that was SUCCESS when the database was adopted
    completed_at: datetime | None
    is_recorded: bool  # whether a schedule run or a week shows them


def select_loaded_window(
    connection: Connection,
    definition: DefinitionRef,
    *,
    workflow_id: UUID,
    user_id: UUID,
    instance_key: UUID,
    window: Window,
    due_at: datetime,
    submitted_sql: str,
    parameters: Mapping[str, Any],
    amc_options: Mapping[str, Any],
) -> LoadedWindow | None:
    """Return what the rows show as SUCCESS over a window, None where they show nothing.

    :param due_at: from when the window's data is complete: earlier executions do not count.
    :param submitted_sql: what a run would send: results of another query do not count.
    :param parameters: their values, likewise.
    :param amc_options: the options that it would send, likewise.
    """
    row = fetch_one(
        connection,
        "select_loaded_window",
        workflow_id=workflow_id,
        user_id=user_id,
        instance_key=instance_key,
        schedule_id=definition.schedule_id,
        collection_id=definition.collection_id,
        due_at=due_at,
        window_type=window.type.value,
        window_start=window.start,
        window_end=window.end,
        submitted_sql=submitted_sql,
        parameters=Json(dict(parameters)),
        amc_options=Json(dict(amc_options)),
        week_start_date=window.first_date if window.is_whole_days else None,
        week_end_date=window.last_date if window.is_whole_days else None,
    )
    return LoadedWindow(**row) if row else None
