"""The places of a query that are to be filled, and what is known of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from recomamp.domain.sql.positions import Position

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class PlaceholderKind(StrEnum):
    """What a parameter becomes at its place."""

    PARAMETER = "PARAMETER"  # CUSTOM_PARAMETER('name')
    LITERAL = "LITERAL"  # a literal, or a list of them
    ROWS = "ROWS"  # rows of VALUES, one for each element: VALUES {{ids}}
    ROW = "ROW"  # the same between parentheses that are there already: VALUES ({{ids}})
    TEXT = "TEXT"  # part of a string literal
    PATTERN = "PATTERN"  # part of a LIKE pattern: wildcards of the value count as text
    ESCAPE = "ESCAPE"  # the end of a LIKE pattern: the ESCAPE clause, where one is needed


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A LIKE pattern. ``parts`` are those of its ``names`` whose wildcards count as text."""

    text: str  # as the analyst wrote it
    place: str
    parts: tuple[str, ...]
    names: tuple[str, ...] = ()  # of all parameters in it
    escape: str = ""  # the ESCAPE character that the query names itself
    is_one_value: bool = False  # a text or parameter alone, not put together of several
    carries_escapes: bool = True  # no function changes the pattern so that escapes are lost


@dataclass(frozen=True, kw_only=True, slots=True)
class Placeholder:
    """One place of the query to fill. ``template`` is the text of the string literal around it."""

    kind: PlaceholderKind
    names: tuple[str, ...]
    place: str  # "line 3, column 14"
    template: str = ""
    takes_array: bool = False
    follows: str = ""  # the keyword of a typed literal: DATE, TIMESTAMP, INTERVAL
    wrap: bool = False  # IN {{ids}}: the list needs its parentheses
    is_quoted: bool = False  # written in quotes: a number becomes text
    ends_day: bool = False  # a bound that includes a whole day: after <=, after BETWEEN ... AND
    is_after: bool = False  # an exclusive lower bound: after >
    starts_day: bool = False  # a lower bound: after >=, after BETWEEN
    column: str = ""  # the name that the value is compared with, in lower case
    pattern: Pattern | None = None  # the LIKE pattern that this is, or is a part of

    @property
    def fixed_text(self) -> str:
        """The text of the string literal without its placeholders."""
        return PLACEHOLDER.sub("", self.template)


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignPlaceholder:
    """Text of a query that another program would replace by a value."""

    name: str
    text: str
    place: str
    is_certain: bool = False  # ${name} and %(name)s; a $name may be text


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A query as pieces: text as the analyst wrote it, and slots between."""

    pieces: tuple[str | Placeholder, ...]
    foreign: tuple[ForeignPlaceholder, ...] = ()
    fixed_patterns: tuple[tuple[str, str], ...] = ()  # LIKE 'text' without a wildcard: text, place
    odd_comments: tuple[str, ...] = ()  # places of {# ... #}, which AMC does not know

    @property
    def slots(self) -> tuple[Placeholder, ...]:
        """The places to fill, in the order of the query."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Placeholder))


def joined(pieces: list[str | Placeholder]) -> tuple[str | Placeholder, ...]:
    """Return the pieces of a query with neighbouring text joined."""
    joined: list[str | Placeholder] = []
    for is_text, group in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        neighbours = list(group)
        joined.extend(["".join(map(str, neighbours))] if is_text else neighbours)
    return tuple(joined)


def slot_kind(position: Position, template: str) -> PlaceholderKind:
    """Return what a parameter becomes at such a place."""
    if template:
        return PlaceholderKind.TEXT
    match position:
        case Position.LITERAL | Position.TYPED:
            return PlaceholderKind.LITERAL
        case Position.ROWS:
            return PlaceholderKind.ROWS
        case Position.ROW:
            return PlaceholderKind.ROW
        case _:
            return PlaceholderKind.PARAMETER
