"""The columns that a table, a CTE or a subquery offers to the query around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlglot import exp

from amc_emulator.engine.catalogue import CatalogueTable
from amc_emulator.engine.lineage import Facts, combine
from amc_emulator.engine.position import error_at
from amc_emulator.engine.query import QueryRejected

USER_COLUMN = "_amc_u"
KNOWN_COLUMN = "_amc_known"


class Users(StrEnum):
    """The content of the hidden column: none, one user (or NULL), or a list of users.

    ABSENT is a source that no user stands behind, such as VALUES. Its hidden column is `NOBODY`.
    """

    ABSENT = "absent"
    SINGLE = "single"
    LIST = "list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """Columns by lower-case name, in order.

    `aggregated`: no row is a single event of a table.
    """

    columns: dict[str, Facts]
    users: Users
    aggregated: bool = False

    @classmethod
    def of(cls, table: CatalogueTable) -> Relation:
        """Return the relation of a documented table. Each row belongs to one user, if to any."""
        columns = {name: Facts.of(column) for name, column in table.columns.items()}
        if "user_id" not in columns:
            return cls(columns=columns, users=Users.ABSENT, aggregated=True)
        return cls(columns=columns, users=Users.SINGLE)

    def renamed(self, names: list[str]) -> Relation:
        """Return the relation under other column names."""
        if not names:
            return self
        if len(names) != len(self.columns):
            raise QueryRejected("Number of columns must match number of query columns")
        columns = dict(zip(names, self.columns.values(), strict=True))
        return replace(self, columns=columns)


def union_of(left: Relation, right: Relation) -> Relation:
    """Return the relation of a UNION."""
    if len(left.columns) != len(right.columns):
        raise QueryRejected("Column count mismatch in UNION")
    pairs = zip(left.columns.values(), right.columns.values(), strict=True)
    return Relation(
        columns=dict(zip(left.columns, map(combine, pairs), strict=True)),
        users=_users_of_union({left.users, right.users}),
        aggregated=left.aggregated and right.aggregated,
    )


def _users_of_union(kinds: set[Users]) -> Users:
    if Users.LIST in kinds:
        return Users.LIST
    return Users.SINGLE if Users.SINGLE in kinds else Users.ABSENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The relations a SELECT reads, by alias, within the scope around it."""

    sources: dict[str, Relation] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)  # columns of JOIN … USING
    outer: Scope | None = None
    subqueries: list[Relation] = field(default_factory=list)  # in expressions

    def add(self, alias: str, relation: Relation) -> None:
        """Add a source.

        :raises QueryRejected: the alias is taken.
        """
        if alias in self.sources:
            raise QueryRejected(f"Duplicate relation name '{alias}' in FROM clause")
        self.sources[alias] = relation

    def resolve(self, column: exp.Column) -> tuple[str, Facts]:
        """Return alias and facts of a column.

        :raises QueryRejected: there is no such column.
        """
        name, alias = column.name.lower(), column.table.lower()
        if alias:
            return self._resolve_in(column, alias, name)
        found = [(a, r.columns[name]) for a, r in self.sources.items() if name in r.columns]
        if len(found) > 1 and name not in self.shared:
            raise error_at(column, f"Column '{column.name}' is ambiguous")
        if found:
            return found[0][0], combine(facts for _, facts in found)
        if self.outer is not None:
            return self.outer.resolve(column)
        raise error_at(column, f"Column '{column.name}' not found in any table")

    def users(self) -> Iterator[tuple[exp.Column, Users]]:
        """Yield the hidden column of each source that has one."""
        for alias, relation in self.sources.items():
            if relation.users is not Users.ABSENT:
                yield exp.column(USER_COLUMN, alias, quoted=True), relation.users

    def _resolve_in(self, column: exp.Column, alias: str, name: str) -> tuple[str, Facts]:
        relation = self.sources.get(alias)
        if relation is None:
            if self.outer is not None:
                return self.outer.resolve(column)
            raise error_at(column, f"Table '{column.table}' not found")
        if name not in relation.columns:
            raise error_at(column, f"Column '{column.name}' not found in table '{column.table}'")
        return alias, relation.columns[name]
