"""Parse a query, and reject syntax that AMC SQL does not have."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from amc_emulator.engine.dialect import AmcSql
from amc_emulator.engine.position import error_at
from amc_emulator.engine.query import QueryRejected

JOINS_WITHOUT_SUPPORT = ("RIGHT", "SEMI", "ANTI", "NATURAL", "ASOF", "POSITIONAL")


def parse_query(sql: str) -> exp.Query:
    """Return the tree of one SELECT.

    :raises QueryRejected: with a text like Calcite's.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, dialect=AmcSql) if not _is_empty(s)]
    except ParseError as err:
        raise QueryRejected(_syntax_text(err)) from err
    except TokenError as err:
        raise QueryRejected(f"Lexical error: {str(err).splitlines()[0]}") from err
    if not statements:
        raise QueryRejected("Parse failed: the query is empty.")
    if len(statements) > 1:
        raise QueryRejected("Only one statement is allowed in a query.")
    query = statements[0]
    while isinstance(query, exp.Subquery) and isinstance(query.this, exp.Query):
        query = query.this
    if not isinstance(query, (exp.Select, exp.SetOperation)):
        word = sql.split(maxsplit=1)[0].upper()
        raise QueryRejected(f"Non-query expression encountered in illegal context: {word}")
    _refuse_unsupported(query)
    return query


def _is_empty(statement: exp.Expr | None) -> bool:
    return statement is None or isinstance(statement, exp.Semicolon)


def _syntax_text(err: ParseError) -> str:
    where = err.errors[0] if err.errors else {}
    if not where.get("line"):
        return "Parse failed: the query is not valid SQL."
    found = where.get("highlight") or "<EOF>"
    return f'Encountered "{found}" at line {where["line"]}, column {where["col"]}.'


def _refuse_unsupported(query: exp.Query) -> None:
    for node in query.walk():
        for kind, check in CHECKS:
            if isinstance(node, kind):
                text = check(node)
                if text:
                    raise error_at(node, text)


def _star(node: exp.Expr) -> str | None:
    parent = node.parent
    if isinstance(parent, exp.Count):
        return None
    if isinstance(parent, exp.Select):
        source = parent.args.get("from_")
        if source is not None and isinstance(source.this, exp.Values):
            return None  # how the parser writes a bare VALUES
    return "SELECT * is not supported: name the columns."


def _join(node: exp.Expr) -> str | None:
    words = {str(node.args.get(key) or "").upper() for key in ("side", "kind", "method")}
    found = [word for word in JOINS_WITHOUT_SUPPORT if word in words]
    return f"{found[0]} JOIN is not supported." if found else None


def _window(node: exp.Expr) -> str | None:
    complete = not node.args.get("partition_by") and not node.args.get("order")
    counts_all = isinstance(node.this, exp.Count) and isinstance(node.this.this, exp.Star)
    return "COUNT(*) OVER () is not supported." if complete and counts_all else None


def _set_operation(node: exp.Expr) -> str | None:
    return None if isinstance(node, exp.Union) else f"{node.key.upper()} is not supported."


def _always(text: str) -> Callable[[exp.Expr], str | None]:
    return lambda _node: text


CHECKS: tuple[tuple[type[exp.Expr], Callable[[exp.Expr], str | None]], ...] = (
    (exp.Star, _star),
    (exp.Limit, _always("LIMIT is not supported.")),
    (exp.Fetch, _always("FETCH is not supported.")),
    (exp.Offset, _always("OFFSET is not supported.")),
    (exp.Join, _join),
    (exp.Window, _window),
    (exp.SetOperation, _set_operation),
    (exp.DPipe, _always("Unsupported scalar operation type ||")),
    (exp.Interval, _always("INTERVAL literals are not supported.")),
    (exp.Qualify, _always("QUALIFY is not supported.")),
    (exp.Into, _always("SELECT INTO is not supported.")),
    (exp.Lateral, _always("LATERAL is not supported.")),
    (exp.Pivot, _always("PIVOT is not supported.")),
    (exp.TableSample, _always("TABLESAMPLE is not supported.")),
    (exp.Placeholder, _always("Illegal use of dynamic parameter")),
    (exp.Parameter, _always("Illegal use of dynamic parameter")),
    (exp.Command, _always("Non-query expression encountered in illegal context")),
)
