"""AMC's SQL as tokens, and as a tree within bounded time."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import ClassVar

from sqlglot import parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from recomamp.errors import InvalidDefinition

# Text, quoted names and comments. What begins first wins: a quote in a comment opens no text
_SPAN = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|--[^\r\n]*|/\*.*?\*/|(?P<open>'|"|/\*)""", re.DOTALL)
_UNCLOSED = {"'": "text in quotes", '"': "a quoted name", "/*": "a comment"}
_LINE_END = re.compile(r"\r\n|\r|\n")
# How often a parser may come back to a token on average. Real queries need less than 1
_MAX_REREADS = 20


class ParsingTooLong(SqlglotError):
    """The parser comes back to the same tokens too often. No ParseError, which it would catch."""


class AmcSql(Dialect):
    """AMC's SQL: standard quoting, no templates, no nested comments."""

    class Parser(parser.Parser):
        """Parses a query. ``CHAR(CHAR(CHAR(…`` would else take twice the time for each level."""

        _reread_tokens = 0

        def _retreat(self, index: int) -> None:
            """Go back to a token, within bounds."""
            self._reread_tokens += max(0, self._index - index)
            if self._reread_tokens > _MAX_REREADS * len(self._tokens):
                raise ParsingTooLong("the query takes too long to parse")
            super()._retreat(index)

    class Tokenizer(tokens.Tokenizer):
        """Splits a query into tokens."""

        NESTED_COMMENTS = False
        COMMANDS: ClassVar[set[TokenType]] = set()
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            word: kind
            for word, kind in tokens.Tokenizer.KEYWORDS.items()
            if not word.startswith(("{", "/*")) and not word.endswith("}")
        }


# sqlglot adds the comments of Jinja to every dialect; AMC has no such comments
AmcSql.Tokenizer._COMMENTS.pop("{#")


def tokenize(sql: str) -> list[Token]:
    """Split a query into tokens.

    :raises InvalidDefinition: when a text, a quoted name or a comment does not end.
    """
    try:
        return AmcSql().tokenize(sql)
    except TokenError as err:
        raise InvalidDefinition(_unclosed(sql)) from err


def line_starts(sql: str) -> list[int]:
    """Return the offsets at which the lines of a query begin; CR, LF and CRLF end a line."""
    return [0, *(end.end() for end in _LINE_END.finditer(sql))]


def place_of(starts: list[int], offset: int) -> str:
    """Return the place of an offset in a query: ``line 3, column 14``.

    :param starts: of the query's lines, from ``line_starts``.
    """
    line = bisect_right(starts, offset)
    return f"line {line}, column {offset - starts[line - 1] + 1}"


def _unclosed(sql: str) -> str:
    for span in _SPAN.finditer(sql):
        if mark := span["open"]:
            place = place_of(line_starts(sql), span.start())
            problem = f"{_UNCLOSED[mark]} at {place} does not end; close it with {mark[::-1]}"
            return f"the query cannot be read: {problem}"
    return "the query cannot be read"
