"""The hidden column of users, in rows, groups and unions."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from amc_emulator.engine.relation import USER_COLUMN, Relation, Scope, Users


def users_of_row(scope: Scope) -> tuple[exp.Expr, Users]:
    """Return the users behind a row that is joined from the sources of a scope."""
    found = list(scope.users())
    if not found and any(one.users is not Users.ABSENT for one in scope.subqueries):
        return exp.cast(exp.null(), "INTEGER"), Users.SINGLE  # users whom nobody has counted
    if not found:
        return nobody(), Users.ABSENT
    if len(found) == 1:
        return found[0]
    lists = [_call("users_of", c) if kind is Users.SINGLE else c for c, kind in found]
    result = lists[0]
    for other in lists[1:]:
        result = _call("both_users", result, other)
    return result, Users.LIST


def users_of_group(users: exp.Expr, kind: Users) -> tuple[exp.Expr, Users]:
    """Return the users behind a group of rows that have `users` each."""
    if kind is Users.ABSENT:
        return nobody(), Users.ABSENT
    if kind is Users.SINGLE:
        return exp.ArrayAgg(this=exp.Distinct(expressions=[users])), Users.LIST
    return _call("union_of_users", exp.ArrayAgg(this=users)), Users.LIST


def nobody() -> exp.Expr:
    """Return the hidden column of rows that no user stands behind. No threshold applies to it."""
    return exp.cast(exp.Literal.number(-1), "INTEGER")


def distinct_query(query: exp.Query, relation: Relation) -> tuple[exp.Query, Relation]:
    """Return a DISTINCT query that keeps the users of the rows that fall together."""
    columns = [exp.column(name, "_rows", quoted=True) for name in relation.columns]
    users, kind = users_of_group(exp.column(USER_COLUMN, "_rows", quoted=True), relation.users)
    with_ = query.args.get("with_")
    query.set("with_", None)
    outer = exp.select(*columns, exp.alias_(users, USER_COLUMN, quoted=True))
    outer = outer.from_(query.subquery("_rows")).group_by(*(c.copy() for c in columns))
    outer.set("with_", with_)
    return outer, Relation(columns=relation.columns, users=kind, aggregated=True)


def make_user_list(query: exp.Query) -> None:
    """Turn the hidden column of a query from one user into a list of users."""
    for select in _leaves(query):
        hidden = select.selects[-1]
        hidden.set("this", _call("users_of", hidden.this))


def drop_user_column(query: exp.Query) -> None:
    """Take the hidden column off a query again."""
    for select in _leaves(query):
        select.set("expressions", select.selects[:-1])


def _leaves(query: exp.Expr) -> Iterator[exp.Select]:
    if isinstance(query, exp.Union):
        yield from _leaves(query.left)
        yield from _leaves(query.right)
    elif isinstance(query, exp.Subquery):
        yield from _leaves(query.this)
    elif isinstance(query, exp.Select):
        yield query


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))
