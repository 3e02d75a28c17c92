"""Which row a DAG is made of: a schedule or a collection, by its id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class DefinitionKind(StrEnum):
    """One of the two tables that DAGs are made of."""

    SCHEDULE = "schedule"
    COLLECTION = "collection"

    @property
    def table(self) -> str:
        """The table of its rows."""
        is_schedule = self is DefinitionKind.SCHEDULE
        return "workflow_schedules" if is_schedule else "report_data_collections"

    @property
    def dag_prefix(self) -> str:
        """What the DAG ids of its rows begin with."""
        return f"amc_{self}_"


@dataclass(frozen=True, slots=True)
class DefinitionRef:
    """A row of ``workflow_schedules`` or ``report_data_collections``, by its id."""

    kind: DefinitionKind
    id: UUID

    @classmethod
    def of_dag(cls, dag_id: str) -> DefinitionRef | None:
        """Return the row that a DAG is made of, None for a DAG of other origin."""
        for kind in DefinitionKind:
            if dag_id.startswith(kind.dag_prefix):
                try:
                    return cls(kind, UUID(dag_id.removeprefix(kind.dag_prefix)))
                except ValueError:
                    return None
        return None

    def __str__(self) -> str:
        """Name the row in messages."""
        return f"{self.kind} {self.id}"

    @property
    def dag_id(self) -> str:
        """Airflow's id of its DAG."""
        return f"{self.kind.dag_prefix}{self.id}"

    @property
    def schedule_id(self) -> UUID | None:
        """The id where it is a schedule, for the columns of that name."""
        return self.id if self.kind is DefinitionKind.SCHEDULE else None

    @property
    def collection_id(self) -> UUID | None:
        """The id where it is a collection, for the columns of that name."""
        return self.id if self.kind is DefinitionKind.COLLECTION else None
