"""Finds what a query names and its instance does not offer, as far as that is certain.

It also finds timestamps that are compared with a date, where that loses rows.

A warning before AMC refuses, so doubt is silence: a query that cannot be parsed, a name that may be
an alias, a field of a structure or a word of the language, a column beside a table that is not
known are all left to AMC. AMC's names are the same in any case, those in double quotes too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from recomamp.domain.sql.binding import WINDOW_PARAMETERS
from recomamp.domain.sql.date_comparisons import lost_days
from recomamp.domain.sql.date_flow import day_of, day_text_of
from recomamp.domain.sql.parameter_types import ParameterType, read_date
from recomamp.domain.sql.parameters import Parameter
from recomamp.domain.sql.placeholders import PLACEHOLDER, Placeholder, PlaceholderKind
from recomamp.domain.sql.scopes import (
    aliases_in,
    is_of,
    is_word,
    parse_query,
    scopes_around,
    tables_of,
)
from recomamp.domain.sql.template import read_template
from recomamp.errors import InvalidDefinition

_STAND_INS = {
    PlaceholderKind.PARAMETER: "",  # its own name
    PlaceholderKind.LITERAL: "'1'",
    PlaceholderKind.ROWS: "('1')",
    PlaceholderKind.ROW: "'1'",
    PlaceholderKind.TEXT: "'1'",
    PlaceholderKind.PATTERN: "'1'",
    PlaceholderKind.ESCAPE: "",
}


class FindingKind(StrEnum):
    """What is wrong with a name or its use (constraint ``chk_workflow_finding_kind``)."""

    UNKNOWN_TABLE = "UNKNOWN_TABLE"
    REMOVED_TABLE = "REMOVED_TABLE"
    UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
    REMOVED_COLUMN = "REMOVED_COLUMN"
    DATE_AGAINST_TIMESTAMP = "DATE_AGAINST_TIMESTAMP"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table as an instance offers it, or no longer does; names in lower case."""

    is_offered: bool
    columns: frozenset[str]
    vanished_columns: frozenset[str] = frozenset()
    timestamps: frozenset[str] = frozenset()  # those columns that are surely TIMESTAMP


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Finding:
    """One name and what is wrong with it; of several tables, any might be meant."""

    table: str
    column: str
    kind: FindingKind = field(compare=False)
    advice: str = field(default="", compare=False)

    @property
    def message(self) -> str:
        """The finding in words."""
        match self.kind:
            case FindingKind.UNKNOWN_TABLE:
                return f"table {self.table} is not among the instance's data sources"
            case FindingKind.REMOVED_TABLE:
                return f"table {self.table} is no longer among the instance's data sources"
            case FindingKind.UNKNOWN_COLUMN:
                return f"column {self.column} is not in {self.table}"
            case FindingKind.REMOVED_COLUMN:
                return f"column {self.column} is no longer in {self.table}"
            case FindingKind.DATE_AGAINST_TIMESTAMP:
                return f"column {self.column} of {self.table} is a TIMESTAMP; {self.advice}"


def find_missing(
    sql: str, tables: Mapping[str, Table], parameters: Mapping[str, Parameter] | None = None
) -> tuple[Finding, ...]:
    """Return what the query names and the tables do not have.

    Nothing is returned for a query that cannot be parsed, or whose tree has more than 1,200 levels.

    :param tables: what the instance offers and has offered, by name in lower case.
    :param parameters: those that the workflow declares, for their types.
    """
    known = dict(parameters or {}) | WINDOW_PARAMETERS
    try:
        query = parse_query(_without_parameters(sql, known))
        return tuple(sorted(_findings(query, tables))) if query else ()
    except (SqlglotError, InvalidDefinition, RecursionError):
        return ()


def _findings(query: exp.Expr, tables: Mapping[str, Table]) -> set[Finding]:
    aliases, found = aliases_in(query), set[Finding]()
    scopes = traverse_scope(query)
    for scope in scopes:
        found.update(_tables(scope, tables))
        found.update(_columns(scope, tables, aliases))
    for (table, column), advice in lost_days(scopes, tables):
        kind = FindingKind.DATE_AGAINST_TIMESTAMP
        found.add(Finding(table=table, column=column, kind=kind, advice=advice))
    return found


def _without_parameters(sql: str, known: Mapping[str, Parameter]) -> str:
    """Write the query with something harmless in place of every parameter."""
    pieces = (
        _sample_value(piece, known) if isinstance(piece, Placeholder) else piece
        for piece in read_template(sql).pieces
    )
    return "".join(pieces)


def _sample_value(slot: Placeholder, known: Mapping[str, Parameter]) -> str:
    text = _STAND_INS[slot.kind]
    days = [name for name in slot.names if _is_midnight(name, slot, known)]
    match slot.kind:
        case PlaceholderKind.TEXT if days:
            filled = PLACEHOLDER.sub(
                lambda found: day_text_of(found[1]) if found[1] in days else "1", slot.template
            )
            text = "'" + filled.replace("'", "''") + "'"
        case PlaceholderKind.LITERAL if slot.follows in ("DATE", "TIMESTAMP", "TIME"):
            text = f"'{day_text_of(days[0])}'" if days else "'2000-01-01 00:00:00'"
        case PlaceholderKind.PARAMETER | PlaceholderKind.LITERAL | PlaceholderKind.ROW if days:
            text = day_of(days[0])
        case PlaceholderKind.ROWS if days:
            text = f"({day_of(days[0])})"
        case PlaceholderKind.PARAMETER:
            text = f"CUSTOM_PARAMETER('{slot.names[0]}')"
    return f" ({text}) " if slot.wrap else f" {text} "


def _is_midnight(name: str, slot: Placeholder, known: Mapping[str, Parameter]) -> bool:
    """Return whether AMC gets a date there: a bound that includes its day is none."""
    parameter = known.get(name)
    if parameter is None:
        return False
    if parameter.type is ParameterType.STRING:
        return read_date(parameter.value) is not None
    return parameter.type is ParameterType.DATE and not slot.ends_day


def _tables(scope: Scope, tables: Mapping[str, Table]) -> Iterator[Finding]:
    for name in tables_of(scope).values():
        table = tables.get(name)
        if table is None:
            yield Finding(table=name, column="", kind=FindingKind.UNKNOWN_TABLE)
        elif not table.is_offered:
            yield Finding(table=name, column="", kind=FindingKind.REMOVED_TABLE)


def _columns(
    scope: Scope, tables: Mapping[str, Table], aliases: frozenset[str]
) -> Iterator[Finding]:
    sources = tables_of(scope)
    around = scopes_around(scope)
    for column in scope.columns:
        if not is_of(column, scope):
            continue
        name, qualifier = column.name, column.table
        if qualifier:
            read = [sources[qualifier]] if qualifier in sources else []
        elif name in aliases or is_word(name) or any(_is_open(one, tables) for one in around):
            continue
        else:
            read = sorted({table for one in around for table in tables_of(one).values()})
        if read and all(_is_missing(tables.get(table), name) for table in read):
            yield _missing_column(name, read, tables)


def _is_open(scope: Scope, tables: Mapping[str, Table]) -> bool:
    """Return whether a scope reads more than known tables, so that any name may be right."""
    known = [tables.get(name) for name in tables_of(scope).values()]
    is_known = all(table is not None and table.is_offered for table in known)
    return not is_known or len(known) != len(scope.selected_sources)


def _is_missing(table: Table | None, column: str) -> bool:
    return table is not None and table.is_offered and column not in table.columns


def _missing_column(column: str, read: list[str], tables: Mapping[str, Table]) -> Finding:
    has_vanished = any(column in tables[table].vanished_columns for table in read)
    kind = FindingKind.REMOVED_COLUMN if has_vanished else FindingKind.UNKNOWN_COLUMN
    return Finding(table=", ".join(read), column=column, kind=kind)
