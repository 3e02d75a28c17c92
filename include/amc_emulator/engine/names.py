"""Names in a SELECT: columns resolved and qualified, every projection and source named."""

from __future__ import annotations

from sqlglot import exp

from amc_emulator.engine.lineage import FACTS, Facts, facts_of, has_aggregate
from amc_emulator.engine.position import error_at
from amc_emulator.engine.query import QueryRejected
from amc_emulator.engine.relation import Relation, Scope, Users


def resolve_column(node: exp.Column, scope: Scope, aliases: set[str]) -> None:
    """Qualify a column and attach its facts.

    :raises QueryRejected: there is no such column.
    """
    in_order = node.find_ancestor(exp.Order, exp.Window, exp.Query)
    if isinstance(in_order, exp.Order) and not node.table and node.name.lower() in aliases:
        node.replace(exp.column(node.name.lower(), quoted=True))
        return
    if node.args.get("db"):
        raise error_at(node, f"Table '{node.args['db'].name}' not found")
    alias, facts = scope.resolve(node)
    name = node.name.lower()
    node.set("this", _identifier_like(node.this, name))
    # A column of JOIN … USING belongs to both sides and stays unqualified.
    shared = name in scope.shared and not node.table
    node.set("table", None if shared else exp.to_identifier(alias, quoted=True))
    node.meta[FACTS] = facts


def _identifier_like(original: exp.Expr, name: str) -> exp.Identifier:
    identifier = exp.to_identifier(name, quoted=True)
    identifier.meta.update(original.meta)
    return identifier


def expand_aliases(node: exp.Select) -> None:
    """Replace a select alias in GROUP BY or HAVING by its expression."""
    named = {p.alias.lower(): p.this for p in node.selects if isinstance(p, exp.Alias)}
    for clause in ("group", "having"):
        part = node.args.get(clause)
        for column in list(part.find_all(exp.Column)) if part else []:
            meant = named.get(column.name.lower()) if not column.table else None
            inside = column.find_ancestor(exp.AggFunc, exp.Group, exp.Having)
            if meant is None or isinstance(inside, exp.AggFunc) or _is_same(meant, column):
                continue
            if clause == "having" or not has_aggregate(meant):
                column.replace(exp.paren(meant.copy()) if clause == "having" else meant.copy())


def _is_same(meant: exp.Expr, column: exp.Column) -> bool:
    return isinstance(meant, exp.Column) and meant.sql().lower() == column.sql().lower()


def name_projections(node: exp.Select) -> dict[str, Facts]:
    """Return the facts of every projection by its name. Each projection gets a unique name."""
    columns: dict[str, Facts] = {}
    projections = []
    for position, projection in enumerate(node.selects):
        name = (projection.alias_or_name or f"expr${position}").lower()
        if name in columns:
            name = f"{name}{position}"
        columns[name] = facts_of(projection)
        projections.append(exp.alias_(projection.unalias(), name, quoted=True))
    node.set("expressions", projections)
    return columns


def name_values(values: exp.Values, alias: str) -> Relation:
    """Return the relation of VALUES, with a name for each column."""
    given = [name.lower() for name in values.alias_column_names]
    first = values.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    names = given or [f"expr${n}" for n in range(width)]
    if len(names) != width:
        raise QueryRejected("Number of columns must match number of query columns")
    values.set("alias", table_alias(alias, names))
    columns = dict.fromkeys(names, Facts())
    return Relation(columns=columns, users=Users.ABSENT, aggregated=True)


def aliased(source: exp.Expr, alias: str, columns: list[str] | None = None) -> exp.Expr:
    """Return the source with its alias."""
    source.set("alias", table_alias(alias, columns or []))
    return source


def table_alias(alias: str, columns: list[str]) -> exp.TableAlias:
    """Return an alias, with column names where given."""
    return exp.TableAlias(
        this=exp.to_identifier(alias, quoted=True),
        columns=[exp.to_identifier(name, quoted=True) for name in columns],
    )
