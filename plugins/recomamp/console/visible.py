"""The definitions that a user may see, remembered for a few seconds.

Airflow's own auth manager judges each DAG: 50 ms of processor time for 10,000 DAGs, at every
refresh of every open page.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.errors import AuthManagerBusy

# A right that ends in Airflow ends on lists after this time. Rows and writes ask Airflow each time
REMEMBER_SECONDS = 5.0
# Requests that wait for Airflow's answer hold threads of the API server
WAIT_SECONDS = 2.0

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

    Airflow is asked by one request of a user at a time, and the others wait for its answer: a
    browser that opens a hundred pages makes it do the work once.

    :param clock: seconds that only grow.
    :param wait_seconds: how long a request waits for the answer to another.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, VisibleDefinitions]] = {}
        self._asked: dict[str, Future[VisibleDefinitions]] = {}

    def get(self, user: str, read_dag_ids: Callable[[], Iterable[str]]) -> VisibleDefinitions:
        """Return what a user may see, from Airflow or as it was a few seconds ago.

        :param user: what tells this user, with the rights of the sign-in, from all others.
        :param read_dag_ids: asks Airflow which DAGs the user may read.
        :raises AuthManagerBusy: when Airflow has not answered another request of the user in time.

        What ``read_dag_ids`` raises is raised here, and in the requests that wait for it.
        """
        now = self._clock()
        with self._lock:
            self._known = {key: one for key, one in self._known.items() if one[0] > now}
            if user in self._known:
                return self._known[user][1]
            if is_first := user not in self._asked:
                self._asked[user] = Future()
            asked = self._asked[user]
        if is_first:
            self._ask(user, read_dag_ids, asked, now + REMEMBER_SECONDS)
        if not wait([asked], self._wait_seconds).done:
            raise AuthManagerBusy(
                "Airflow has not said yet which DAGs you may read; try again in a moment"
            )
        return asked.result()

    def _ask(
        self,
        user: str,
        read_dag_ids: Callable[[], Iterable[str]],
        asked: Future[VisibleDefinitions],
        until: float,
    ) -> None:
        """Ask Airflow, and give the answer or the error to all who wait for it."""
        try:
            visible = VisibleDefinitions.of(read_dag_ids())
            with self._lock:
                self._known[user] = (until, visible)
            asked.set_result(visible)
        except BaseException as err:
            asked.set_exception(err)
            raise
        finally:
            with self._lock:
                del self._asked[user]
