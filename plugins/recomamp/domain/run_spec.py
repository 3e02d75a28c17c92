"""What a DAG run asks for: a definition's query over a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from recomamp.domain.definitions import Collection, Schedule
from recomamp.domain.scheduling.windows import Window, WindowType
from recomamp.domain.sql.binding import BoundQuery, bind
from recomamp.domain.sql.parameters import overlay


@dataclass(frozen=True, slots=True)
class DagRunKey:
    """Airflow's ids of a DAG run."""

    dag_id: str
    dag_run_id: str


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A definition's query over a window, with the parameters of the run."""

    definition: Schedule | Collection
    window: Window
    overrides: Mapping[str, Any]  # parameters of a manual run
    clear_number: int  # times the run has been cleared
    due_at: datetime  # the run's tick

    @property
    def amc_options(self) -> dict[str, Any]:
        """The options of the query as they are sent to AMC."""
        return self.definition.workflow.options.as_sent()

    @cached_property
    def query(self) -> BoundQuery:
        """The query as it is sent to AMC; raises InvalidDefinition when it cannot be bound."""
        parameters = overlay(dict(self.definition.parameters), self.overrides)
        # A relative window is AMC's to choose: no date of ours may claim to be its end
        window = self.window if self.window.type is WindowType.EXPLICIT else None
        return bind(self.definition.workflow.sql_query, parameters, window)
