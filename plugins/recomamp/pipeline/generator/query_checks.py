"""The check of all queries of a DAG file, within the time that a parse has.

The check of a query takes time for each of its characters. So the snapshot keeps the result of each
check for the next parse. A check that does not fit into this parse waits for the next. Airflow
gives a file 30 seconds; after them all DAGs of all tenants would be missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from recomamp.domain import text
from recomamp.domain.definitions import QueryCheck
from recomamp.domain.sql import (
    binding,
    dialect,
    foreign_placeholders,
    lint,
    parameter_types,
    placeholders,
    positions,
    template,
    tokens,
)
from recomamp.domain.sql import parameters as parameter_rules
from recomamp.domain.sql.lint import CheckedQuery, check_and_lint
from recomamp.domain.sql.parameters import Parameter
from recomamp.errors import InvalidDefinition

# What a check found: the fields of a CheckedQuery, or what is wrong with the query.
# An earlier version kept the window's names alone, as a list
Verdict = dict[str, list[str]] | list[str] | str
VERDICT_FIELDS = frozenset({"window_names", "findings", "east_findings", "west_findings"})

# A query of 262,144 characters takes up to 2 seconds of CPU time
_FIRST_GUESS_SECONDS_PER_CHAR = 1e-5
_SHORTEST_MEASURED = 10_000  # characters; of shorter queries the rate is mostly noise


class ParseTimeSpent(Exception):
    """The parse has no time left for a query that has not been checked before."""


class CheckedQueries:
    """Checks queries like ``check_and_lint`` and remembers what it found.

    :param known: verdicts of earlier parses, by digest of query, parameters and checking code.
    :param seconds: how long queries may be checked, counted from now on.
    :param clock: returns seconds.
    """

    def __init__(
        self, known: Mapping[str, Verdict], *, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._verdicts = dict(known)
        self._clock = clock
        self._ends_at = clock() + seconds
        self._has_checked = False
        self._slowest_seconds_per_char = _FIRST_GUESS_SECONDS_PER_CHAR
        self.latest: dict[str, Verdict] = {}
        self.seconds = 0.0  # that all checks have taken

    def __call__(self, sql: str, parameters: Mapping[str, Parameter]) -> CheckedQuery:
        """Return what was found of a query; ``latest`` is the verdict as kept.

        :raises InvalidDefinition: when the query cannot be bound to the parameters.
        :raises ParseTimeSpent: when the verdict is not known and the check would probably outlast
            the parse. One query is checked in any case, so that every parse makes progress.
        """
        digest = _digest(sql, parameters)
        if digest not in self._verdicts:
            self._verdicts[digest] = self._check(sql, parameters)
        self.latest = {digest: self._verdicts[digest]}
        return _checked(self._verdicts[digest])

    def _check(self, sql: str, parameters: Mapping[str, Parameter]) -> Verdict:
        began_at = self._clock()
        expected_seconds = len(sql) * self._slowest_seconds_per_char
        if self._has_checked and began_at + expected_seconds >= self._ends_at:
            raise ParseTimeSpent
        self._has_checked = True
        verdict = _check(sql, parameters)
        seconds = self._clock() - began_at
        self.seconds += seconds
        if len(sql) >= _SHORTEST_MEASURED:
            self._slowest_seconds_per_char = max(self._slowest_seconds_per_char, seconds / len(sql))
        return verdict


def kept_check(verdicts: Mapping[str, Verdict]) -> QueryCheck:
    """Return a check that repeats the verdict on one query, also of an earlier checking code."""
    (verdict,) = verdicts.values()
    return lambda _sql, _parameters: _checked(verdict)


def _checked(verdict: Verdict) -> CheckedQuery:
    if isinstance(verdict, str):
        raise InvalidDefinition(verdict)
    if isinstance(verdict, list):
        return CheckedQuery(window_names=frozenset(verdict))
    return CheckedQuery(
        window_names=frozenset(verdict["window_names"]),
        findings=tuple(verdict["findings"]),
        east_findings=tuple(verdict["east_findings"]),
        west_findings=tuple(verdict["west_findings"]),
    )


def _check(sql: str, parameters: Mapping[str, Parameter]) -> Verdict:
    try:
        checked = check_and_lint(sql, parameters)
    except InvalidDefinition as err:
        return err.problem
    return {
        "window_names": sorted(checked.window_names),
        "findings": list(checked.findings),
        "east_findings": list(checked.east_findings),
        "west_findings": list(checked.west_findings),
    }


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
    """Return a digest of the checking code, so that a new version checks all queries again."""
    modules = (
        *(lint, binding, dialect, template, foreign_placeholders, placeholders, tokens, positions),
        *(parameter_rules, parameter_types, text),
    )
    sources = [Path(str(module.__file__)).read_bytes() for module in modules]
    return hashlib.sha256(b"".join([version("sqlglot").encode(), *sources])).hexdigest()
