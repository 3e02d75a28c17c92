"""Which tables and columns of AMC a query reads, as its text shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from recomamp.domain.sql.scopes import (
    aliases_in,
    is_of,
    is_word,
    parse_query,
    scopes_around,
    tables_of,
)


def read_columns(sql: str, columns_of: Mapping[str, Set[str]]) -> dict[str, list[str]]:
    """Return the columns that a query reads, by table; both in lower case and sorted.

    A column without a table's name belongs to the only table around it, or to those of several that
    are known to have it. Where that leaves doubt, the column is left out. A query that cannot be
    parsed reads nothing.

    :param sql: as AMC gets it, without placeholders.
    :param columns_of: the columns of the tables that are known, in lower case.
    """
    query = parse_query(sql)
    if query is None:
        return {}
    read: defaultdict[str, set[str]] = defaultdict(set)
    aliases = aliases_in(query)
    try:
        for scope in traverse_scope(query):
            for table in tables_of(scope).values():
                read[table]  # also a table of which no column is named
            for table, column in _columns(scope, aliases, columns_of):
                read[table].add(column)
    except (SqlglotError, RecursionError):
        return {}
    return {table: sorted(read[table]) for table in sorted(read)}


def _columns(
    scope: Scope, aliases: Set[str], columns_of: Mapping[str, Set[str]]
) -> Iterator[tuple[str, str]]:
    for column in scope.columns:
        if is_of(column, scope):
            for table in _tables_with(column, scope, aliases, columns_of):
                yield table, column.name


def _tables_with(
    column: exp.Column, scope: Scope, aliases: Set[str], columns_of: Mapping[str, Set[str]]
) -> list[str]:
    """Return the tables that a column may be of."""
    around = scopes_around(scope)
    if qualifier := column.table:
        named = (tables_of(one).get(qualifier) for one in around)
        return [table for table in named if table is not None][:1]
    if is_word(column.name):
        return []
    tables = {table for one in around for table in tables_of(one).values()}
    certain = [one for one in sorted(tables) if column.name in columns_of.get(one, ())]
    if certain or (column.name in aliases and _may_be_alias(column)):
        return certain
    is_only = len(tables) == 1 and all(
        len(one.selected_sources) == len(tables_of(one)) for one in around
    )
    return list(tables) if is_only else []


def _may_be_alias(column: exp.Column) -> bool:
    """Return whether a name may be one that the query gives: not where its tables are read."""
    clause = column.find_ancestor(exp.Group, exp.Order, exp.Having, exp.Qualify, exp.Select)
    return not isinstance(clause, exp.Select)
