"""The check of all queries of a DAG file, within the time that a parse has.

Reading a query is the one step that costs time for each character a person wrote. So the result of
each check is kept from one parse to the next, and what no longer fits into this one waits for the
next. Airflow gives a file 30 seconds; beyond them all DAGs of all tenants would be missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from recomamp.domain import amc_sql, placeholders, query, sql_context, values
from recomamp.domain import parameters as parameter_rules
from recomamp.domain.errors import InvalidDefinition
from recomamp.domain.parameters import Parameter

# What a check found: the window's names that the query uses, or what is wrong with it
Verdict = list[str] | str


class ParseTimeSpent(Exception):
    """The parse has no time left for a query that has not been checked before."""


class CheckedQueries:
    """Checks queries like ``query.check`` and remembers what it found.

    :param known: verdicts of former parses, by digest of query and parameters.
    :param seconds: how long queries may be checked, counted from now on.
    """

    def __init__(
        self, known: Mapping[str, Verdict], *, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._verdicts = dict(known)
        self._clock = clock
        self._ends_at = clock() + seconds
        self._has_checked = False
        self.latest: dict[str, Verdict] = {}

    def __call__(self, sql: str, parameters: Mapping[str, Parameter]) -> frozenset[str]:
        """Return which of the window's names the query uses; ``latest`` is the verdict as kept.

        :raises InvalidDefinition: when the query cannot be bound to the parameters.
        :raises ParseTimeSpent: when that is not known and no time is left to find out. One query is
            checked in any case, so that each parse gets further than the former one.
        """
        digest = _digest(sql, parameters)
        if digest not in self._verdicts:
            if self._has_checked and self._clock() >= self._ends_at:
                raise ParseTimeSpent
            self._has_checked = True
            self._verdicts[digest] = _check(sql, parameters)
        verdict = self._verdicts[digest]
        self.latest = {digest: verdict}
        if isinstance(verdict, str):
            raise InvalidDefinition(verdict)
        return frozenset(verdict)


def _check(sql: str, parameters: Mapping[str, Parameter]) -> Verdict:
    try:
        return sorted(query.check(sql, parameters))
    except InvalidDefinition as err:
        return err.problem


def _digest(sql: str, parameters: Mapping[str, Parameter]) -> str:
    words = (_rules(), sql, *(repr(one) for _, one in sorted(parameters.items())))
    digest = hashlib.sha256()
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _rules() -> str:
    """Identify the code that checks, so that a new version of it checks anew."""
    modules = (query, amc_sql, placeholders, sql_context, parameter_rules, values)
    sources = [Path(str(module.__file__)).read_bytes() for module in modules]
    return hashlib.sha256(b"".join([version("sqlglot").encode(), *sources])).hexdigest()
