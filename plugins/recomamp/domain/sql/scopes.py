"""What a query reads, as its tree shows: tables by scope, names that are columns of theirs.

The callers ask whether AMC offers what a query names, and which columns a result comes from. Both
prefer silence to a wrong answer. A query that cannot be parsed has no tree.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope

from recomamp.domain.sql.dialect import AmcSql

_EXTENDED = re.compile(r"EXTEND_TIME_WINDOW\s*\(\s*'(\w+)'[^()]*\)", re.IGNORECASE)
_TABLE_OF = re.compile(r"\bTABLE\s*\(\s*(\w+)\s*\)", re.IGNORECASE)

# Words that AMC takes where a parser without its grammar sees a column
_WORDS = frozenset(
    [
        "nanosecond",
        "microsecond",
        "millisecond",
        "second",
        "minute",
        "hour",
        "day",
        "week",
        "month",
        "quarter",
        "year",
        "decade",
        "century",
        "millennium",
        "isoyear",
        "isoweek",
        "isodow",
        "dow",
        "doy",
        "epoch",
        "both",
        "leading",
        "trailing",
        "current_date",
        "current_timestamp",
        "current_time",
        "localtime",
        "localtimestamp",
        "user",
        "current_user",
        "session_user",
        "system_user",
        "current_role",
        "current_catalog",
        "current_schema",
        "current_path",
        "map",
        "value",
    ]
)
# Each name asks for the query around it, one level after another. A chain of thousands of ORs is as
# deep as it is long, and would take minutes
_MAX_LEVELS = 1200
_OLD_UNIT = "sql_tsi_"  # begins a unit of time, as in TIMESTAMPDIFF(SQL_TSI_DAY, a, b)


def parse_query(sql: str) -> exp.Expr | None:
    """Return the tree of a query without placeholders, with all names in lower case.

    A table in EXTEND_TIME_WINDOW is the table itself. None where the query cannot be parsed, or
    its tree has more than 1,200 levels.
    """
    # Not a table of the query's own making: the table it names, over a longer window
    plain = _TABLE_OF.sub(r"\1", _EXTENDED.sub(r"\1", sql))
    try:
        query = sqlglot.parse_one(plain, dialect=AmcSql)
    except (SqlglotError, RecursionError):
        return None
    if _has_more_levels_than(_MAX_LEVELS, query):
        return None
    for identifier in query.find_all(exp.Identifier):
        identifier.set("this", identifier.name.lower())
    return query


def _has_more_levels_than(most: int, query: exp.Expr) -> bool:
    level, nodes = 0, [query]
    while nodes and level < most:
        level, nodes = level + 1, [child for node in nodes for child in node.iter_expressions()]
    return bool(nodes)


def aliases_in(query: exp.Expr) -> frozenset[str]:
    """Return every name that the query itself gives, wherever it does."""
    names = {one.alias for one in query.find_all(exp.Alias)}
    for alias in query.find_all(exp.TableAlias):
        names |= {column.name for column in alias.columns}
    return frozenset(names)


def tables_of(scope: Scope) -> dict[str, str]:
    """Return the tables that a scope reads, by alias; CTEs are none."""
    return {
        alias: source.name
        for alias, (_, source) in scope.selected_sources.items()
        if isinstance(source, exp.Table) and source.name and not source.db
    }


def is_word(name: str) -> bool:
    """Return whether a name may be a word of AMC's language instead of a column."""
    return name in _WORDS or name.startswith(_OLD_UNIT)


def is_of(node: exp.Expr, scope: Scope) -> bool:
    """Return whether a node is of this scope, not of a query within, which has its own.

    A set operation, or a query in parentheses, orders by the columns of its result: none of them
    is a table's.
    """
    order = node.find_ancestor(exp.Order, exp.Select)
    if isinstance(order, exp.Order) and isinstance(order.parent, exp.Subquery):
        return False
    return node.find_ancestor(exp.Select) is scope.expression


def scopes_around(scope: Scope) -> list[Scope]:
    """Return a scope and those whose columns it may use too."""
    found = [scope]
    while (outer := found[-1].parent) is not None and found[-1].can_be_correlated:
        found.append(outer)
    return found
