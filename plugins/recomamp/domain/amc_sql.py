"""AMC's SQL as tokens."""

from __future__ import annotations

from typing import ClassVar

from sqlglot import tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from recomamp.domain.errors import InvalidDefinition


class AmcSql(Dialect):
    """The tokens of AMC's SQL: standard quoting, no templates, no nested comments."""

    class Tokenizer(tokens.Tokenizer):
        """Splits a query into tokens."""

        NESTED_COMMENTS = False
        COMMANDS: ClassVar[set[TokenType]] = set()
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            word: kind
            for word, kind in tokens.Tokenizer.KEYWORDS.items()
            if not word.startswith(("{", "/*")) and not word.endswith("}")
        }


def tokenize(sql: str) -> list[Token]:
    """Split a query into tokens.

    :raises InvalidDefinition: when a string, a quoted name or a comment does not end.
    """
    try:
        return AmcSql().tokenize(sql)
    except TokenError as err:
        raise InvalidDefinition(f"the query cannot be read: {err}") from err
