"""Where a query names its parameters, and what may stand there.

The reader works on the tokens of the query, because text, quoted names and comments differ. Each
place that names a parameter becomes a ``Placeholder``. The text between stays as it was written,
without comments: AMC's older interfaces join lines, so that ``--`` would hide the rest.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from sqlglot.tokenizer_core import Token, TokenType

from recomamp.domain.sql.dialect import line_starts, place_of, tokenize
from recomamp.domain.sql.foreign_placeholders import (
    begins_odd_comment,
    braces_at,
    ends_odd_comment,
    foreign_names,
    foreign_value,
    no_placeholder,
    odd_braces_in,
    odd_character_in,
    triple_braces_in,
)
from recomamp.domain.sql.placeholders import (
    PLACEHOLDER,
    ForeignPlaceholder,
    Pattern,
    Placeholder,
    PlaceholderKind,
    Template,
    joined,
    slot_kind,
)
from recomamp.domain.sql.positions import Context, Position
from recomamp.domain.sql.tokens import (
    LIKE_WORDS,
    PatternTokens,
    QueryTokens,
    only_statement,
)
from recomamp.errors import InvalidDefinition

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOLLAR_NAME = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
MAX_USES = 5_000  # of parameters in one query; AMC takes 100 parameters
_BYTE_ORDER_MARK = "\ufeff"
_MAX_CACHED = 10_000  # characters; of longer queries a few are kept, not thousands


def read_template(sql: str) -> Template:
    """Find the parameters of a query. The time it takes grows with the query's length alone.

    :raises InvalidDefinition: saying at which line and column the query cannot be read.
    """
    return _read_short(sql) if len(sql) <= _MAX_CACHED else _read_long(sql)


def forget_templates() -> None:
    """Empty the caches of earlier calls, as in a new process."""
    _read_short.cache_clear()
    _read_long.cache_clear()


def _split_after_days(pieces: list[str | Placeholder]) -> list[str | Placeholder]:
    """Let ``> {{day}}`` begin where ``<= {{day}}`` ends: no row is in both, and none in neither.

    The window's first day is no such day where another column is compared with it, as in
    ``campaign_start_dt <= {{start_date}} AND event_dt > {{start_date}}``.
    """
    ended = {_split(one) for one in pieces if isinstance(one, Placeholder) and one.ends_day}
    return [
        replace(piece, ends_day=True)
        if isinstance(piece, Placeholder) and piece.is_after and _split(piece) in ended
        else piece
        for piece in pieces
    ]


def _split(slot: Placeholder) -> tuple[tuple[str, ...], str]:
    """Return the day at which a slot may split rows, and the column where only that one counts."""
    return slot.names, slot.column if slot.names == ("start_date",) else ""


class _Reader:
    def __init__(self, sql: str) -> None:
        if sql.startswith(_BYTE_ORDER_MARK):  # of a file; a blank of the same length
            sql = f" {sql[1:]}"
        self._sql = sql
        self._uses = 0
        self._tokens = QueryTokens(only_statement(tokenize(sql), sql))
        self._context = Context()
        self._pieces: list[str | Placeholder] = []
        self._begun = 0  # offset of the text that is not yet a piece
        self._passed = 0  # offset after the last token that was read
        self._foreign: list[ForeignPlaceholder] = []
        self._fixed_patterns: list[tuple[str, str]] = []
        self._odd_comments: list[str] = []
        self._pattern: PatternTokens | None = None
        self._pattern_slots: list[int] = []  # the pieces that are values of it
        self._line_starts = line_starts(sql)

    def read(self) -> Template:
        index = 0
        while index < len(self._tokens):
            length = self._read_unit(index)
            self._passed = self._tokens[index + length - 1].end + 1
            index += length
            if self._pattern and index >= self._pattern.end:
                self._end_pattern(self._pattern)
        self._take_text(self._passed)
        return Template(
            pieces=joined(_split_after_days(self._pieces)),
            foreign=tuple(self._foreign),
            fixed_patterns=tuple(self._fixed_patterns),
            odd_comments=tuple(self._odd_comments),
        )

    def _read_unit(self, index: int) -> int:
        """Take over one token or one parameter, and return its number of tokens."""
        token = self._tokens[index]
        if token.start > self._passed:
            self._pass_gap(token.start)
        match token.token_type:
            case TokenType.L_BRACE | TokenType.R_BRACE if not self._is_odd_comment(index):
                return self._read_braces(index)
            case TokenType.STRING:
                return self._read_string(index)
            case TokenType.VAR if self._tokens.is_custom_parameter(index):
                return self._read_custom_parameter(index)
        if "{{" in token.text:
            raise self._error(
                token, "a placeholder in a quoted name or prefixed string", "use '{{name}}'"
            )
        if not token.text.isascii() and token.token_type is TokenType.VAR:
            self._refuse_odd_character(token)
        self._refuse_foreign(index)
        self._context.pass_token(token)
        if token.token_type in LIKE_WORDS and self._pattern is None:
            self._pattern = self._tokens.pattern(index + 1)
            self._pattern_slots = []
        return 1

    def _is_odd_comment(self, index: int) -> bool:
        """Return whether ``{#`` or ``#}`` stands here: no comment for AMC, and sent as written."""
        if begins_odd_comment(self._tokens, index):
            self._odd_comments.append(self._place(self._tokens[index].start))
            return True
        return bool(self._odd_comments) and ends_odd_comment(self._tokens, index)

    def _read_braces(self, index: int) -> int:
        """Read ``{{ name }}`` outside of quotes."""
        name = self._tokens.name_in_braces(index)
        if not name:
            start = self._tokens[index].start
            raise no_placeholder(braces_at(self._sql, start), self._place(start))
        self._add_slot(index, 5, (name,), bare=True)
        return 5

    def _read_string(self, index: int) -> int:
        """Read a string literal that is a placeholder, contains some, or is plain text."""
        token = self._tokens[index]
        rest = PLACEHOLDER.sub("", token.text)
        if odd := triple_braces_in(token.text) or odd_braces_in(rest):
            raise no_placeholder(odd, self._place(token.start))
        for name, text, offset, is_certain in foreign_names(self._source(token, token)):
            self._note_foreign(name, text, token.start + offset, is_certain=is_certain)
        names = tuple(PLACEHOLDER.findall(token.text))
        if not names:
            self._context.pass_token(token)
        else:
            alone = PLACEHOLDER.fullmatch(token.text) is not None
            self._add_slot(index, 1, names, template="" if alone else token.text, is_quoted=True)
        return 1

    def _read_custom_parameter(self, index: int) -> int:
        unit = self._tokens.tokens[index : index + 4]
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
        is_quoted: bool = False,
    ) -> None:
        token, following = self._tokens[index], self._tokens.peek(index + length)
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
        is_pattern = self._pattern is not None and index not in self._pattern.conditions
        if is_pattern:
            self._pattern_slots.append(len(self._pieces))
        bound, column = self._tokens.comparison(index, index + length)
        is_day = not template and (
            position is Position.VALUE or self._tokens.kind(index - 1) is TokenType.TIMESTAMP
        )
        self._pieces.append(
            Placeholder(
                kind=slot_kind(position, template),
                names=names,
                place=self._place(token.start),
                template=template,
                takes_array=not template
                and not is_pattern
                and self._context.takes_array(position, following),
                wrap=self._context.wants_parentheses,
                follows=self._context.typed_by if position is Position.TYPED else "",
                is_quoted=is_quoted,
                ends_day=is_day and bound is TokenType.LTE,
                is_after=is_day and bound is TokenType.GT,
                starts_day=is_day and bound is TokenType.GTE,
                column=column,
            )
        )
        self._context.pass_value()

    def _end_pattern(self, opened: PatternTokens) -> None:
        """Give the slots of a LIKE pattern what they need to know of the whole of it."""
        self._pattern = None
        first, last = self._tokens[opened.start], self._tokens[opened.end - 1]
        slots = {
            index: slot
            for index in self._pattern_slots
            if isinstance(slot := self._pieces[index], Placeholder)
        }
        if not slots:
            is_text = first is last and first.token_type is TokenType.STRING
            if is_text and not re.search("[%_]", first.text):
                self._fixed_patterns.append((first.text, self._place(first.start)))
            return
        parts = {
            name
            for slot in slots.values()
            if slot.template or not opened.is_whole
            for name in slot.names
        }
        names = {name for slot in slots.values() for name in slot.names}
        if parts and self._tokens.has_odd_escape(opened.end):
            raise self._error(
                self._tokens[opened.end],
                "an ESCAPE that is not a text of one character",
                "write the character out, such as ESCAPE '!'",
            )
        pattern = Pattern(
            text=self._source(first, last),
            place=self._place(first.start),
            parts=tuple(sorted(parts)),
            names=tuple(sorted(names)),
            escape=self._tokens.escape(opened.end),
            is_one_value=opened.is_one_value,
            carries_escapes=opened.carries_escapes,
        )
        for index, slot in slots.items():
            is_part = bool(slot.template) or not opened.is_whole
            kind = PlaceholderKind.PATTERN if is_part else slot.kind
            self._pieces[index] = replace(slot, kind=kind, pattern=pattern)
        if parts and not pattern.escape:
            self._take_text(self._passed)
            self._pieces.append(
                Placeholder(
                    kind=PlaceholderKind.ESCAPE, names=(), place=pattern.place, pattern=pattern
                )
            )

    def _refuse_odd_character(self, token: Token) -> None:
        if found := odd_character_in(token.text):
            raise self._error(token, *found)

    def _refuse_foreign(self, index: int) -> None:
        """Refuse what AMC never takes where a value belongs; ``$name`` may be a name of AMC's."""
        token = self._tokens[index]
        if not self._context.awaits_value:
            return
        if text := foreign_value(self._tokens, index, self._sql):
            raise no_placeholder(text, self._place(token.start))
        if token.token_type is TokenType.VAR and _DOLLAR_NAME.fullmatch(token.text):
            self._note_foreign(token.text[1:], token.text, token.start, is_certain=False)

    def _note_foreign(self, name: str, text: str, offset: int, *, is_certain: bool) -> None:
        place = self._place(offset)
        self._foreign.append(
            ForeignPlaceholder(name=name, text=text, place=place, is_certain=is_certain)
        )

    def _pass_gap(self, start: int) -> None:
        """Keep the white space before a token; of a comment keep a space or line end.

        AMC takes no other white space than that of ASCII, such as the no-break space of a web page.
        """
        gap = self._sql[self._passed : start]
        if not (gap.isspace() and gap.isascii()):
            self._take_text(self._passed)
            self._pieces.append("\n" if "\n" in gap or "\r" in gap else " ")
            self._begun = start

    def _take_text(self, end: int) -> None:
        """Make a piece of the text up to there as the analyst wrote it."""
        if end > self._begun:
            self._pieces.append(self._sql[self._begun : end])
        self._begun = end

    def _source(self, first: Token, last: Token) -> str:
        return self._sql[first.start : last.end + 1]

    def _place(self, offset: int) -> str:
        return place_of(self._line_starts, offset)

    def _error(self, token: Token, problem: str, remedy: str) -> InvalidDefinition:
        return InvalidDefinition(f"{problem} at {self._place(token.start)}; {remedy}")


@lru_cache(maxsize=1024)
def _read_short(sql: str) -> Template:
    return _Reader(sql).read()


@lru_cache(maxsize=2)
def _read_long(sql: str) -> Template:
    return _Reader(sql).read()
