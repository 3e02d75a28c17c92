"""Where a query names its parameters, and what may stand there.

The reader works on the tokens of the query, because text, quoted names and comments differ. Each
place that names a parameter becomes a ``Slot``. The text between stays as the analyst wrote it,
without comments: AMC's older interfaces join lines, so that ``--`` would hide the rest.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import groupby

from sqlglot.tokenizer_core import Token, TokenType

from recomamp.domain.amc_sql import tokenize
from recomamp.domain.errors import InvalidDefinition
from recomamp.domain.sql_context import Context, Position

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_USES = 5_000  # of parameters in one query; AMC takes 100 parameters
_LONGEST_CACHED = 10_000  # characters; of longer queries a few are kept, not thousands
_REMEDY = "write a name between two pairs of braces: {{name}}"


class SlotKind(StrEnum):
    """What a parameter becomes at its place."""

    PARAMETER = "PARAMETER"  # CUSTOM_PARAMETER('name')
    LITERAL = "LITERAL"  # a literal, or a list of them
    ROWS = "ROWS"  # rows of VALUES, one for each element: VALUES {{ids}}
    ROW = "ROW"  # the same between parentheses that are there already: VALUES ({{ids}})
    TEXT = "TEXT"  # part of a string literal
    PATTERN = "PATTERN"  # part of a LIKE pattern: wildcards of the value count as text


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One place of the query to fill. ``template`` is the text of the string literal around it."""

    kind: SlotKind
    names: tuple[str, ...]
    place: str  # "line 3, column 14"
    template: str = ""
    takes_array: bool = False
    follows: str = ""  # the word of a typed literal: DATE, TIMESTAMP, INTERVAL
    wrap: bool = False  # IN {{ids}}: the list needs its parentheses
    escape: str = ""  # the ESCAPE character that the query names itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A query as pieces: text as the analyst wrote it, and slots between."""

    pieces: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The places to fill, in the order of the query."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))


def read_template(sql: str) -> Template:
    """Find the parameters of a query. The time it takes grows with the query's length alone.

    :raises InvalidDefinition: saying at which line and column the query cannot be read.
    """
    return _read_short(sql) if len(sql) <= _LONGEST_CACHED else _read_long(sql)


def forget_templates() -> None:
    """Empty the caches of earlier calls, as in a new process."""
    _read_short.cache_clear()
    _read_long.cache_clear()


class _Reader:
    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._uses = 0
        self._tokens = tokenize(sql)
        self._context = Context()
        self._pieces: list[str | Slot] = []
        self._begun = 0  # offset of the text that is not yet a piece
        self._passed = 0  # offset after the last token that was read

    def read(self) -> Template:
        self._drop_final_semicolons()
        index = 0
        while index < len(self._tokens):
            length = self._read_unit(index)
            self._passed = self._tokens[index + length - 1].end + 1
            index += length
        self._take_text(self._passed)
        return Template(pieces=_joined(self._pieces))

    def _drop_final_semicolons(self) -> None:
        while self._tokens and self._tokens[-1].token_type is TokenType.SEMICOLON:
            self._tokens.pop()
        for token in self._tokens:
            if token.token_type is TokenType.SEMICOLON:
                raise self._error(token, "a second statement", "AMC takes one query")

    def _read_unit(self, index: int) -> int:
        """Take over one token or one parameter, and return its number of tokens."""
        token = self._tokens[index]
        if token.start > self._passed:
            self._pass_gap(token.start)
        match token.token_type:
            case TokenType.L_BRACE:
                return self._read_braces(index)
            case TokenType.R_BRACE:
                raise self._error(token, "unbalanced braces", _REMEDY)
            case TokenType.STRING if "{{" in token.text or "}}" in token.text:
                return self._read_string(index)
            case TokenType.VAR if _is_custom_parameter(token, self._peek(index + 1)):
                return self._read_custom_parameter(index)
        if "{{" in token.text:
            raise self._error(
                token, "a placeholder in a quoted name or prefixed string", "use '{{name}}'"
            )
        self._context.pass_token(token)
        return 1

    def _read_braces(self, index: int) -> int:
        """Read ``{{ name }}`` outside of quotes."""
        unit = self._tokens[index : index + 5]
        name = self._source(unit[2], unit[2]) if len(unit) == 5 else ""
        braces = [token.token_type for token in unit[:2] + unit[3:]]
        expected = [TokenType.L_BRACE] * 2 + [TokenType.R_BRACE] * 2
        if braces != expected or not _adjacent(*unit[:2]) or not _adjacent(*unit[3:]):
            raise self._error(unit[0], "unbalanced braces", _REMEDY)
        if not _NAME.fullmatch(name):
            raise self._error(unit[0], f"{name!r} is no parameter's name", _REMEDY)
        self._add_slot(index, 5, (name,), bare=True)
        return 5

    def _read_string(self, index: int) -> int:
        """Read a string literal that is a placeholder or contains some."""
        token = self._tokens[index]
        rest = PLACEHOLDER.sub("", token.text)
        if "{{" in rest or ("}}" in rest and rest.count("{") < rest.count("}")):
            raise self._error(token, "unbalanced braces in a string", _REMEDY)
        names = tuple(PLACEHOLDER.findall(token.text))
        if not names:
            self._context.pass_token(token)
        else:
            alone = PLACEHOLDER.fullmatch(token.text) is not None
            self._add_slot(index, 1, names, template="" if alone else token.text)
        return 1

    def _read_custom_parameter(self, index: int) -> int:
        unit = self._tokens[index : index + 4]
        kinds = [token.token_type for token in unit[1:]]
        name = unit[2].text if len(unit) == 4 else ""
        if kinds != [TokenType.L_PAREN, TokenType.STRING, TokenType.R_PAREN] or not (
            _NAME.fullmatch(name)
        ):
            raise self._error(
                unit[0], "CUSTOM_PARAMETER without a name", "write CUSTOM_PARAMETER('name')"
            )
        self._add_slot(index, 4, (name,))
        return 4

    def _add_slot(
        self,
        index: int,
        length: int,
        names: tuple[str, ...],
        *,
        template: str = "",
        bare: bool = False,
    ) -> None:
        token, following = self._tokens[index], self._peek(index + length)
        position = self._context.position(following, bare=bare)
        if position is Position.NAME:
            raise self._error(
                token,
                f"placeholder {{{{{names[0]}}}}} stands for a name",
                "parameters are values: write table, column and alias names out",
            )
        self._uses += len(names)
        if self._uses > MAX_USES:
            raise self._error(
                token, f"more than {MAX_USES} uses of parameters", "use each in fewer places"
            )
        self._take_text(token.start)
        self._begun = self._tokens[index + length - 1].end + 1
        self._pieces.append(
            Slot(
                kind=_slot_kind(position, template),
                names=names,
                place=self._place(token.start),
                template=template,
                takes_array=not template and self._context.takes_array(position),
                wrap=self._context.wants_parentheses,
                follows=self._context.typed_by if position is Position.TYPED else "",
                escape=self._escape(index + length),
            )
        )
        self._context.pass_value()

    def _escape(self, index: int) -> str:
        word, text = self._peek(index), self._peek(index + 1)
        if word is None or text is None or word.token_type is not TokenType.ESCAPE:
            return ""
        return text.text if text.token_type is TokenType.STRING else ""

    def _pass_gap(self, start: int) -> None:
        """Keep the white space before a token; of a comment keep a space or line end."""
        gap = self._sql[self._passed : start]
        if not gap.isspace():
            self._take_text(self._passed)
            self._pieces.append("\n" if "\n" in gap else " ")
            self._begun = start

    def _take_text(self, end: int) -> None:
        """Make a piece of the text up to there as the analyst wrote it."""
        if end > self._begun:
            self._pieces.append(self._sql[self._begun : end])
        self._begun = end

    def _source(self, first: Token, last: Token) -> str:
        return self._sql[first.start : last.end + 1]

    def _peek(self, index: int) -> Token | None:
        return self._tokens[index] if index < len(self._tokens) else None

    @cached_property
    def _line_ends(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self._sql)]

    def _place(self, offset: int) -> str:
        line = bisect_right(self._line_ends, offset - 1)
        begins = self._line_ends[line - 1] + 1 if line else 0
        return f"line {line + 1}, column {offset - begins + 1}"

    def _error(self, token: Token, problem: str, remedy: str) -> InvalidDefinition:
        return InvalidDefinition(f"{problem} at {self._place(token.start)}; {remedy}")


def _slot_kind(position: Position, template: str) -> SlotKind:
    if template:
        return SlotKind.PATTERN if position is Position.PATTERN else SlotKind.TEXT
    match position:
        case Position.LITERAL | Position.TYPED:
            return SlotKind.LITERAL
        case Position.ROWS:
            return SlotKind.ROWS
        case Position.ROW:
            return SlotKind.ROW
        case _:
            return SlotKind.PARAMETER


def _is_custom_parameter(token: Token, following: Token | None) -> bool:
    return (
        token.text.upper() == "CUSTOM_PARAMETER"
        and following is not None
        and following.token_type is TokenType.L_PAREN
    )


def _adjacent(first: Token, second: Token) -> bool:
    return first.end + 1 == second.start


def _joined(pieces: list[str | Slot]) -> tuple[str | Slot, ...]:
    """Join neighbouring text and strip both ends of the query."""
    joined: list[str | Slot] = []
    for is_text, group in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        neighbours = list(group)
        joined.extend(["".join(map(str, neighbours))] if is_text else neighbours)
    return tuple(joined)


@lru_cache(maxsize=1024)
def _read_short(sql: str) -> Template:
    return _Reader(sql).read()


@lru_cache(maxsize=2)
def _read_long(sql: str) -> Template:
    return _Reader(sql).read()
