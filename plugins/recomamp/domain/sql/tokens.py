"""The tokens of a query, and what stands around a value: a comparison, a LIKE pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot.tokenizer_core import Token, TokenType

from recomamp.domain.sql.dialect import line_starts, place_of
from recomamp.errors import InvalidDefinition

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Comparisons, and what each is read from the other side
_COMPARISONS = {
    TokenType.EQ: TokenType.EQ,
    TokenType.NEQ: TokenType.NEQ,
    TokenType.LT: TokenType.GT,
    TokenType.LTE: TokenType.GTE,
    TokenType.GT: TokenType.LT,
    TokenType.GTE: TokenType.LTE,
}
_ARITHMETIC = frozenset(
    {TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.SLASH, TokenType.MOD}
    | {TokenType.DPIPE, TokenType.DCOLON, TokenType.DOT, TokenType.L_BRACKET}
)
LIKE_WORDS = frozenset({TokenType.LIKE, TokenType.ILIKE})
_OPENING = frozenset({TokenType.L_PAREN, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.END})
_NO_PATTERNS = frozenset({TokenType.SELECT, *LIKE_WORDS})
# Words before a parenthesis that are not a function
_NO_FUNCTIONS = frozenset(
    {TokenType.AND, TokenType.OR, TokenType.NOT, TokenType.BETWEEN, TokenType.WHERE, TokenType.ON}
    | {
        TokenType.HAVING,
        TokenType.WHEN,
        TokenType.THEN,
        TokenType.ELSE,
        TokenType.SELECT,
        *LIKE_WORDS,
    }
)
# Functions that leave the characters of a pattern where they are, and escapes with them
_OF_ONE_PATTERN = frozenset({"UPPER", "LOWER", "TRIM", "LTRIM", "RTRIM", "CAST", "VARCHAR", "CHAR"})
# Functions that return one of several patterns
_OF_SEVERAL_PATTERNS = _OF_ONE_PATTERN | {"COALESCE", "IFNULL", "NVL"}
_OF_PATTERNS = _OF_SEVERAL_PATTERNS | {"CONCAT"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PatternTokens:
    """A LIKE pattern: from the token at ``start`` to the one before ``end``."""

    start: int
    end: int
    is_one_value: bool  # it is one value alone
    is_whole: bool  # each value in it is a whole pattern, of which one is taken
    carries_escapes: bool  # no function changes the pattern so that escapes are lost
    conditions: frozenset[int]  # of the tokens that only decide which pattern is taken


class QueryTokens:
    """The tokens of a query. An index outside of them has no kind."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self._betweens = dict(_betweens(tokens))

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> Token:
        return self.tokens[index]

    def peek(self, index: int) -> Token | None:
        """Return the token at an index, or None outside of them."""
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def kind(self, index: int) -> TokenType | None:
        """Return the kind of the token at an index."""
        token = self.peek(index)
        return token.token_type if token else None

    def is_custom_parameter(self, index: int) -> bool:
        """Return whether a call of CUSTOM_PARAMETER begins there."""
        is_name = self.tokens[index].text.upper() == "CUSTOM_PARAMETER"
        return is_name and self.kind(index + 1) is TokenType.L_PAREN

    def name_in_braces(self, index: int) -> str:
        """Return the name of ``{{ name }}`` that begins there; empty where it is none."""
        unit = self.tokens[index : index + 5]
        kinds = [token.token_type for token in unit[:2] + unit[3:]]
        if kinds != [TokenType.L_BRACE] * 2 + [TokenType.R_BRACE] * 2:
            return ""
        token = unit[2]
        is_name = _NAME.fullmatch(token.text) and token.end - token.start + 1 == len(token.text)
        return token.text if is_name and adjacent(*unit[:2]) and adjacent(*unit[3:]) else ""

    def escape(self, index: int) -> str:
        """Return the character of an ESCAPE clause that begins there; empty without one."""
        kinds = (self.kind(index), self.kind(index + 1))
        is_clause = kinds == (TokenType.ESCAPE, TokenType.STRING)
        return self.tokens[index + 1].text if is_clause else ""

    def has_odd_escape(self, index: int) -> bool:
        """Return whether an ESCAPE clause begins there whose character is not written out."""
        return self.kind(index) is TokenType.ESCAPE and len(self.escape(index)) != 1

    def comparison(self, start: int, end: int) -> tuple[TokenType | None, str]:
        """Return how a column is compared with the value, and the column's name.

        Of ``{{day}} >= column`` that is ``<=``, as of the upper bound of a BETWEEN.
        """
        before, after = self._around_cast(start - 1, end)
        while self.kind(before) is TokenType.L_PAREN and self.kind(after) is TokenType.R_PAREN:
            if self._is_call(before):
                return None, ""
            before, after = before - 1, after + 1
        kind, following = self.kind(before), self.kind(after)
        if {kind, following} & _ARITHMETIC:
            return None, ""
        if before in self._betweens:  # the AND of a BETWEEN
            return TokenType.LTE, self._name_before(self._betweens[before])
        if kind is TokenType.BETWEEN:
            return TokenType.GTE, self._name_before(before)
        if kind in _COMPARISONS:
            return kind, self._name_before(before)
        if following in _COMPARISONS:
            return _COMPARISONS[following], self._name_after(after)
        return None, ""

    def _around_cast(self, before: int, after: int) -> tuple[int, int]:
        """Go past what makes a timestamp of the value.

        That is ``TIMESTAMP '...'``, ``CAST(... AS TIMESTAMP)`` or ``...::TIMESTAMP``.
        """
        if self.kind(before) is TokenType.TIMESTAMP:
            return before - 1, after
        if (self.kind(after), self.kind(after + 1)) == (TokenType.DCOLON, TokenType.TIMESTAMP):
            return before, after + 2
        target = [self.kind(index) for index in range(after, after + 3)]
        if target == [TokenType.ALIAS, TokenType.TIMESTAMP, TokenType.R_PAREN] and (
            self.kind(before) is TokenType.L_PAREN and self._is_call(before)
        ):
            return before - 2, after + 3
        return before, after

    def _name_before(self, index: int) -> str:
        if self.kind(index - 1) is TokenType.NOT:
            index -= 1
        return self._name(index - 1)

    def _name_after(self, index: int) -> str:
        while self.kind(index + 2) is TokenType.DOT:
            index += 2
        return "" if self.kind(index + 2) is TokenType.L_PAREN else self._name(index + 1)

    def _name(self, index: int) -> str:
        known = self.kind(index) in (TokenType.VAR, TokenType.IDENTIFIER)
        return self.tokens[index].text.lower() if known else ""

    def _is_call(self, index: int) -> bool:
        """Return whether the parenthesis at this index opens the arguments of a function."""
        is_word = index > 0 and _NAME.fullmatch(self.tokens[index - 1].text) is not None
        return is_word and self.kind(index - 1) not in _NO_FUNCTIONS

    def pattern(self, start: int) -> PatternTokens | None:
        """Return the LIKE pattern that begins there; None where it has a query or a condition."""
        end = self._pattern_end(start)
        if not start < end <= len(self.tokens):
            return None
        kinds = [token.token_type for token in self.tokens[start:end]]
        parentheses = [at for at, kind in enumerate(kinds, start) if kind is TokenType.L_PAREN]
        conditions = frozenset(_conditions(kinds, start))
        calls = {
            self.tokens[at - 1].text.upper()
            for at in parentheses
            if at not in conditions and self._is_call(at)
        }
        calls.discard("CUSTOM_PARAMETER")
        values = kinds.count(TokenType.STRING) + kinds.count(TokenType.L_BRACE) // 2
        is_joined = any(
            kind is TokenType.DPIPE and at not in conditions for at, kind in enumerate(kinds, start)
        )
        return PatternTokens(
            start=start,
            end=end,
            is_one_value=values == 1 and calls <= _OF_ONE_PATTERN and not is_joined,
            is_whole=calls <= _OF_SEVERAL_PATTERNS and not is_joined,
            carries_escapes=calls <= _OF_PATTERNS,
            conditions=conditions,
        )

    def _pattern_end(self, start: int) -> int:
        """Return the index after a LIKE pattern, 0 where a query or a condition stands within."""
        index, depth = start, 0
        while index < len(self.tokens):
            kind = self.kind(index)
            if kind in _NO_PATTERNS:
                return 0
            depth += (kind in _OPENING) - (kind in _CLOSING)
            index += 5 if kind is TokenType.L_BRACE else 1
            goes_on = {kind, self.kind(index)} & {TokenType.DPIPE} or (
                self.kind(index) is TokenType.L_PAREN and self._is_call(index)
            )
            if depth <= 0 and not goes_on:
                break
        return index


def only_statement(tokens: list[Token], sql: str) -> list[Token]:
    """Return the tokens of a query without semicolons at its end.

    :raises InvalidDefinition: when there is no statement, or a second one.
    """
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise InvalidDefinition("the query is empty: write a SELECT, comments are not sent")
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            place = place_of(line_starts(sql), token.start)
            raise InvalidDefinition(f"a second statement at {place}; AMC takes one query")
    return tokens


def adjacent(first: Token, second: Token) -> bool:
    """Return whether nothing stands between two tokens."""
    return first.end + 1 == second.start


def _conditions(kinds: list[TokenType], start: int) -> Iterator[int]:
    """Yield the index of each token between a CASE or WHEN and its THEN.

    :param start: the index of the first token.
    """
    decides: list[bool] = []  # for each open CASE
    deciding = 0  # of these, how many
    for index, kind in enumerate(kinds, start):
        if decides and kind in (TokenType.END, TokenType.WHEN, TokenType.THEN, TokenType.ELSE):
            deciding -= decides.pop()
        if kind in (TokenType.CASE, TokenType.WHEN, TokenType.THEN, TokenType.ELSE):
            decides.append(kind in (TokenType.CASE, TokenType.WHEN))
            deciding += decides[-1]
        if deciding:
            yield index


def _betweens(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Yield for each BETWEEN the index of its AND, and its own."""
    open_betweens: list[list[int]] = [[]]
    for index, token in enumerate(tokens):
        match token.token_type:
            case TokenType.L_PAREN | TokenType.CASE:
                open_betweens.append([])
            case TokenType.R_PAREN | TokenType.END if len(open_betweens) > 1:
                open_betweens.pop()
            case TokenType.BETWEEN:
                open_betweens[-1].append(index)
            case TokenType.AND if open_betweens[-1]:
                yield index, open_betweens[-1].pop()
