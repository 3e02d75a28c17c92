"""The definitions that a user may see, remembered for a few seconds.

Airflow's own auth manager judges each DAG: 50 ms of processor time for 10,000 DAGs, at every
refresh of every open page.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recomamp.domain.definition_ref import DefinitionKind

# A right that ends in Airflow ends on lists after this time. Rows and writes ask Airflow each time
REMEMBER_SECONDS = 5.0

_PREFIXES = "|".join(kind.dag_prefix for kind in DefinitionKind)
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DAG_ID = re.compile(rf"({_PREFIXES})({_UUID})")


@dataclass(frozen=True, slots=True)
class VisibleDefinitions:
    """The schedules and collections whose DAGs a user may read.

    Each is the text of a Postgres array of UUIDs. Thousands of single values would cost the driver
    and the server much more.
    """

    schedule_ids: str
    collection_ids: str

    @classmethod
    def of(cls, dag_ids: Iterable[str]) -> VisibleDefinitions:
        """Return the definitions of these DAGs. DAGs of other origin are left out."""
        found: dict[str, list[str]] = {kind.dag_prefix: [] for kind in DefinitionKind}
        for dag_id in dag_ids:
            if (matched := _DAG_ID.fullmatch(dag_id)) is not None:
                found[matched[1]].append(matched[2])
        schedules, collections = (
            f"{{{','.join(found[kind.dag_prefix])}}}"
            for kind in (DefinitionKind.SCHEDULE, DefinitionKind.COLLECTION)
        )
        return cls(schedules, collections)

    def as_parameters(self) -> dict[str, str]:
        """Return the parameters of a panel's statement that limit it to these definitions."""
        return {"schedule_ids": self.schedule_ids, "collection_ids": self.collection_ids}


NOTHING = VisibleDefinitions.of(())


class RecentlyVisible:
    """Remembers for each user which definitions are visible.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, VisibleDefinitions]] = {}

    def get(self, user: str, read_dag_ids: Callable[[], Iterable[str]]) -> VisibleDefinitions:
        """Return what a user may see, from Airflow or as it was a few seconds ago.

        :param user: what tells this user, with the rights of the sign-in, from all others.
        :param read_dag_ids: asks Airflow which DAGs the user may read.
        """
        now = self._clock()
        with self._lock:
            self._known = {key: one for key, one in self._known.items() if one[0] > now}
            if user in self._known:
                return self._known[user][1]
        visible = VisibleDefinitions.of(read_dag_ids())
        with self._lock:
            self._known[user] = (now + REMEMBER_SECONDS, visible)
        return visible
