"""What a schedule or a collection is, once its row has been read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from recomamp.domain.scheduling.windows import CollectionWindows, ScheduleWindows
from recomamp.domain.sql.parameters import Parameter
from recomamp.errors import InvalidDefinition

SCHEDULE_DAG_PREFIX = "amc_schedule_"
COLLECTION_DAG_PREFIX = "amc_collection_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """A row of ``workflows`` and the instance it runs on."""

    id: UUID
    name: str
    sql_query: str
    description: str | None
    user_id: UUID
    instance_key: UUID  # the row's UUID; never leaves the database
    instance_id: str  # AMC's own string, such as "amcibersblt"
    instance_name: str
    owner: str
    instance_error: str | None = None  # why nothing works on the instance just now
    findings: tuple[str, ...] = ()  # why AMC may refuse it or find other rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A row of ``workflow_schedules`` that can become a DAG."""

    id: UUID
    name: str
    description: str | None
    is_active: bool
    created_at: datetime
    windows: ScheduleWindows
    catchup: bool
    parameters: Mapping[str, Parameter]
    workflow: Workflow

    @property
    def dag_id(self) -> str:
        """Airflow's id of the schedule."""
        return f"{SCHEDULE_DAG_PREFIX}{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A row of ``report_data_collections`` that can become a DAG."""

    id: UUID
    name: str
    description: str | None
    is_active: bool
    windows: CollectionWindows
    parameters: Mapping[str, Parameter]
    workflow: Workflow

    @property
    def dag_id(self) -> str:
        """Airflow's id of the collection."""
        return f"{COLLECTION_DAG_PREFIX}{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class InvalidDefinitionRow:
    """A row that cannot become a running DAG, with what is wrong about it."""

    kind: str  # schedule or collection
    id: UUID
    dag_id: str
    name: str
    owner: str
    instance_id: str
    error: InvalidDefinition
    workflow_id: UUID | None = None  # None where the row is not even JSON that can be read
    is_waiting: bool = False  # it has not been read yet; nothing is wrong about it so far


Definition = Schedule | Collection | InvalidDefinitionRow
