"""What a value means at a place of an AMC query, derived from the tokens before it.

Follows a query token by token with one frame for each open parenthesis. It knows no grammar
beyond what decides whether a parameter, a literal or nothing at all may stand at a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlglot.tokenizer_core import Token, TokenType


class Position(StrEnum):
    """What may stand at a place."""

    VALUE = "VALUE"  # any expression
    LITERAL = "LITERAL"  # a literal only: an IN list, a table option
    ROWS = "ROWS"  # rows of VALUES: VALUES {{ids}}
    ROW = "ROW"  # all of a row of VALUES: VALUES ({{ids}})
    TYPED = "TYPED"  # the string of a typed literal: DATE '...'
    NAME = "NAME"  # a name of a table, a column, an alias or a type: no parameter at all


class _Kind(StrEnum):
    QUERY = "QUERY"
    GROUP = "GROUP"  # parentheses of an expression, arguments of a function
    LITERALS = "LITERALS"  # IN list, table option
    ARGUMENTS = "ARGUMENTS"  # an expression, then a list: CONTAINED_IN (x, ...)
    ROW = "ROW"  # one row of VALUES
    NAMES = "NAMES"  # USING (...)


@dataclass(slots=True)
class _Frame:
    kind: _Kind
    opener: str = ""  # the function whose arguments these are
    clause: str = ""


_LITERAL_FUNCTIONS = frozenset({"EXTEND_TIME_WINDOW", "DATE_TRUNC", "BUILT_IN_PARAMETER"})
_TYPED_BY = frozenset({TokenType.DATE, TokenType.TIMESTAMP, TokenType.TIME, TokenType.INTERVAL})
# No array may stand beside these
_OF_SCALARS = frozenset(
    {TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT, TokenType.GTE}
    | {TokenType.PLUS, TokenType.DASH, TokenType.STAR, TokenType.SLASH, TokenType.MOD}
    | {TokenType.DPIPE, TokenType.BETWEEN, TokenType.IN, TokenType.ESCAPE}
    | {TokenType.LIKE, TokenType.ILIKE, TokenType.RLIKE, TokenType.SIMILAR_TO}
)
# After these a name follows, never a value.
_BEFORE_NAMES = frozenset(
    {TokenType.ALIAS, TokenType.DOT, TokenType.WITH, TokenType.RECURSIVE, TokenType.OVER}
    | {TokenType.WINDOW, TokenType.USING, TokenType.JOIN, TokenType.TABLE}
)
# After these a value can only be an alias or a mistake.
_OPERANDS = frozenset(
    {TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NATIONAL_STRING}
    | {TokenType.NUMBER, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END}
    | {TokenType.NULL, TokenType.TRUE, TokenType.FALSE}
)
# Words of TRIM, AT, OVERLAY and BETWEEN. Not SYMMETRIC: nobody knows which bound is the upper one
_VALUE_MAY_FOLLOW = frozenset({"BOTH", "LEADING", "TRAILING", "ZONE", "PLACING", "ASYMMETRIC"})
_CLAUSES = {
    TokenType.WITH: "WITH",
    TokenType.SELECT: "SELECT",
    TokenType.JOIN: "FROM",
    TokenType.ON: "ON",
    TokenType.WHERE: "WHERE",
    TokenType.HAVING: "HAVING",
    TokenType.GROUP_BY: "BY",
    TokenType.ORDER_BY: "BY",
    TokenType.PARTITION_BY: "BY",
    TokenType.VALUES: "VALUES",
    TokenType.UNION: "UNION",
}
_ENTERING = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.FROM, *_CLAUSES})


class Context:
    """Where the reading of a query stands."""

    def __init__(self) -> None:
        self._frames = [_Frame(_Kind.QUERY)]
        self._last: Token | None = None
        self._last_is_value = False

    @property
    def wants_parentheses(self) -> bool:
        """Return whether a list without parentheses may stand here: ``IN {{ids}}``."""
        return self._last_kind is TokenType.IN and self._top.opener != "POSITION"

    @property
    def typed_by(self) -> str:
        """The word before a typed literal."""
        return self._last.text.upper() if self._last else ""

    def position(self, following: Token | None, *, bare: bool) -> Position:
        """Return what may stand here. ``bare`` means that it is not written in quotes."""
        if self._is_name(following, bare=bare):
            return Position.NAME
        kind = self._last.token_type if self._last else None
        if kind in _TYPED_BY:
            return Position.TYPED
        if self._top.clause == "VALUES":
            return Position.ROWS
        if self._is_all_of_row(following):
            return Position.ROW
        if self._top.kind in (_Kind.LITERALS, _Kind.ROW) or self.wants_parentheses:
            return Position.LITERAL
        if self._top.kind is _Kind.ARGUMENTS and kind is TokenType.COMMA:
            return Position.LITERAL
        return Position.VALUE

    def takes_array(self, position: Position, following: Token | None) -> bool:
        """Return whether an array may stand here: in a list, as rows, or as a whole value."""
        if position in (Position.ROWS, Position.ROW) or self.wants_parentheses:
            return True
        beside = (self._last_kind, following.token_type if following else None)
        if position is Position.LITERAL:
            in_list = self._top.opener == "IN" or self._top.kind is _Kind.ARGUMENTS
            return in_list and beside[0] in (TokenType.L_PAREN, TokenType.COMMA)
        return position is Position.VALUE and not _OF_SCALARS & set(beside)

    @property
    def awaits_value(self) -> bool:
        """Whether an operand comes next, as after ``=`` or ``(``."""
        return not self._last_is_value and self._last_kind not in _OPERANDS

    def pass_value(self) -> None:
        """Go past a parameter."""
        self._last_is_value = True

    def pass_token(self, token: Token) -> None:
        """Go past a token of the query's own."""
        kind = token.token_type
        if kind is TokenType.L_PAREN:
            self._frames.append(self._open())
        elif kind is TokenType.R_PAREN:
            if len(self._frames) > 1:
                self._frames.pop()
        elif kind is TokenType.FROM and self._last_kind is TokenType.DISTINCT:
            pass  # IS DISTINCT FROM: what follows is a value
        elif kind in _ENTERING or self._frames[-1].clause == "VALUES":
            self._enter_clause(kind)
        self._last, self._last_is_value = token, False

    @property
    def _top(self) -> _Frame:
        return self._frames[-1]

    @property
    def _last_kind(self) -> TokenType | None:
        return self._last.token_type if self._last and not self._last_is_value else None

    def _enter_clause(self, kind: TokenType) -> None:
        if kind in (TokenType.SELECT, TokenType.WITH):
            self._top.kind, self._top.opener = _Kind.QUERY, ""
        if kind in _CLAUSES:
            self._top.clause = _CLAUSES[kind]
        elif kind is TokenType.FROM and self._top.kind is _Kind.QUERY:
            self._top.clause = "FROM"  # not the FROM of EXTRACT, TRIM or SUBSTRING
        elif self._top.clause == "VALUES" and kind is not TokenType.COMMA:
            self._top.clause = ""

    def _open(self) -> _Frame:
        last = self._last_kind
        opener = self._last.text.upper() if self._last and last else ""
        if self.wants_parentheses or last is TokenType.TABLE or opener in _LITERAL_FUNCTIONS:
            return _Frame(_Kind.LITERALS, opener)
        if last is TokenType.USING:
            return _Frame(_Kind.NAMES)
        if opener == "CONTAINED_IN":
            return _Frame(_Kind.ARGUMENTS)
        if self._top.clause == "VALUES":
            return _Frame(_Kind.ROW, "VALUES")
        if self._top.kind in (_Kind.LITERALS, _Kind.ROW):
            return _Frame(self._top.kind, opener)
        return _Frame(_Kind.GROUP, opener)

    def _is_name(self, following: Token | None, *, bare: bool) -> bool:
        last, top = self._last_kind, self._top
        if self._last_is_value or last in _BEFORE_NAMES or top.kind is _Kind.NAMES:
            return True
        if following and following.token_type in (TokenType.DOT, TokenType.L_PAREN):
            return True
        if last in _OPERANDS:
            return self._last is not None and self._last.text.upper() not in _VALUE_MAY_FOLLOW
        return self._is_listed_name(last, bare=bare)

    def _is_listed_name(self, last: TokenType | None, *, bare: bool) -> bool:
        """Return whether this is an item of FROM, WITH or, without quotes, of GROUP or ORDER BY."""
        top = self._top
        if last is TokenType.L_PAREN:
            return top.opener == "EXTRACT"
        if last is TokenType.FROM:
            return top.clause == "FROM"
        if last is TokenType.COMMA:
            return top.clause in ("FROM", "WITH") or (top.clause == "BY" and bare)
        return bare and last in (TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.PARTITION_BY)

    def _is_all_of_row(self, following: Token | None) -> bool:
        """Return whether this fills a row of VALUES: ``VALUES ({{ids}})``."""
        return (
            self._top.kind is _Kind.ROW
            and self._top.opener == "VALUES"
            and self._last_kind is TokenType.L_PAREN
            and following is not None
            and following.token_type is TokenType.R_PAREN
        )
