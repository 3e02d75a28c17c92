"""Rewrite a query so that every row carries the users behind it.

Each SELECT gets a hidden last column: the user of a row, or the list of users of a group. Joins
unite the users of both sides. GROUP BY and DISTINCT collect them. So the number of distinct users
of each result row is known for any shape of the query. The rewriter also resolves and qualifies
columns, and limits reads of tables to their time window.

No user stands behind VALUES and UNNEST: alone they need none, joined with a table they add none.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from amc_emulator.engine.lineage import (
    FACTS,
    Facts,
    facts_of,
    has_aggregate,
    own_nodes,
    refuse_literal_filters,
)
from amc_emulator.engine.names import (
    aliased,
    expand_aliases,
    name_projections,
    name_values,
    resolve_column,
    table_alias,
)
from amc_emulator.engine.position import error_at
from amc_emulator.engine.relation import USER_COLUMN, Relation, Scope, Users, union_of
from amc_emulator.engine.users import (
    distinct_query,
    drop_user_column,
    make_user_list,
    nobody,
    users_of_group,
    users_of_row,
)
from amc_emulator.engine.windows import WindowedReads

Ctes = dict[str, Relation]
CLAUSES = ("where", "group", "having", "order", "windows")


class Rewriter:
    """Rewrites one query. `reads` knows its windows."""

    def __init__(self, reads: WindowedReads) -> None:
        self._reads = reads
        self._unnamed_count = 0

    def rewrite(
        self, node: exp.Expr, ctes: Ctes, outer: Scope | None = None
    ) -> tuple[exp.Query, Relation]:
        """Return the query with its hidden column, and its relation.

        :raises QueryRejected: AMC would reject the query.
        """
        while isinstance(node, exp.Subquery) and not node.args.get("with_"):
            node = node.this
        if not isinstance(node, (exp.Select, exp.Union)):
            raise error_at(node, "Only SELECT, UNION and VALUES may stand here.")
        with_ = node.args.get("with_")
        inner_ctes = self._common(with_, ctes) if with_ else ctes
        if isinstance(node, exp.Union):
            return self._union(node, inner_ctes, outer)
        return self._select(node, inner_ctes, outer)

    def _common(self, with_: exp.With, ctes: Ctes) -> Ctes:
        if with_.args.get("recursive"):
            raise error_at(with_, "WITH RECURSIVE is not supported.")
        known = dict(ctes)
        for cte in with_.expressions:
            body, relation = self.rewrite(cte.this, known)
            names = [name.lower() for name in cte.alias_column_names]
            cte.set("this", body)
            known[cte.alias.lower()] = relation.renamed(names)
            columns = [exp.to_identifier(n, quoted=True) for n in (*names, USER_COLUMN)]
            alias = exp.to_identifier(cte.alias.lower(), quoted=True)
            cte.set("alias", exp.TableAlias(this=alias, columns=columns if names else None))
        return known

    def _union(
        self, node: exp.Union, ctes: Ctes, outer: Scope | None
    ) -> tuple[exp.Query, Relation]:
        left, left_relation = self.rewrite(node.left, ctes, outer)
        right, right_relation = self.rewrite(node.right, ctes, outer)
        relation = union_of(left_relation, right_relation)
        if relation.users is Users.LIST:
            for side, known in ((left, left_relation), (right, right_relation)):
                if known.users is not Users.LIST:
                    make_user_list(side)
        distinct = node.args.get("distinct")
        node.set("this", left)
        node.set("expression", right)
        node.set("distinct", False)
        node.set("order", None)
        return distinct_query(node, relation) if distinct else (node, relation)

    def _select(
        self, node: exp.Select, ctes: Ctes, outer: Scope | None
    ) -> tuple[exp.Query, Relation]:
        source = node.args.get("from_")
        if source is not None and isinstance(source.this, exp.Values) and node.is_star:
            return self._bare_values(source.this)
        scope = Scope(outer=outer)
        self._add_sources(node, ctes, scope)
        expand_aliases(node)
        aliases = {p.alias.lower() for p in node.selects if isinstance(p, exp.Alias)}
        for part in self._parts(node):
            self._resolve(part, ctes, scope, aliases)
            refuse_literal_filters(part)
        columns = name_projections(node)
        users, kind = users_of_row(scope)
        grouped = node.args.get("group") is not None or _aggregates(node)
        if grouped:
            users, kind = users_of_group(users, kind)
        node.append("expressions", exp.alias_(users, USER_COLUMN, quoted=True))
        aggregated = grouped or all(one.aggregated for one in scope.sources.values())
        relation = Relation(columns=columns, users=kind, aggregated=aggregated)
        if node.args.get("distinct"):
            node.set("distinct", None)
            node.set("order", None)
            return distinct_query(node, relation)
        return node, relation

    def _bare_values(self, values: exp.Values) -> tuple[exp.Query, Relation]:
        relation = name_values(values, values.alias or "_values")
        columns = [exp.column(name, quoted=True) for name in relation.columns]
        query = exp.select(*columns, exp.alias_(nobody(), USER_COLUMN, quoted=True))
        return query.from_(values), relation

    def _parts(self, node: exp.Select) -> Iterator[exp.Expr]:
        yield from node.selects
        for clause in CLAUSES:
            found = node.args.get(clause)
            yield from found if isinstance(found, list) else [found] if found else []
        for join in node.args.get("joins") or []:
            if join.args.get("on"):
                yield join.args["on"]

    def _add_sources(self, node: exp.Select, ctes: Ctes, scope: Scope) -> None:
        from_ = node.args.get("from_")
        for holder in [from_] if from_ else []:
            holder.set("this", self._source(holder.this, ctes, scope))
        for join in node.args.get("joins") or []:
            join.set("this", self._source(join.this, ctes, scope))
            using = join.args.get("using") or []
            scope.shared.update(column.name.lower() for column in using)
            join.set("using", [exp.to_identifier(c.name.lower(), quoted=True) for c in using])

    def _source(self, source: exp.Expr, ctes: Ctes, scope: Scope) -> exp.Expr:
        if isinstance(source, exp.Table) and source.args.get("joins"):
            raise error_at(source, "A join in parentheses is not supported.")
        alias = self._alias(source)
        if isinstance(source, exp.Values):
            scope.add(alias, name_values(source, alias))
            return source
        if isinstance(source, exp.Unnest):
            return self._unnest(source, alias, ctes, scope)
        if isinstance(source, exp.Table):
            name = source.name.lower()
            if isinstance(source.this, exp.Identifier) and name in ctes and not source.db:
                scope.add(alias, ctes[name])
                return aliased(exp.to_table(f'"{name}"', dialect="duckdb"), alias)
            table, body = self._reads.read(source)
            relation = Relation.of(table)
        else:
            body, relation = self.rewrite(source, ctes)
        names = [name.lower() for name in source.alias_column_names]
        scope.add(alias, relation.renamed(names))
        return aliased(body.subquery(), alias, [*names, USER_COLUMN] if names else [])

    def _unnest(self, source: exp.Unnest, alias: str, ctes: Ctes, scope: Scope) -> exp.Expr:
        for argument in source.expressions:
            self._resolve(argument, ctes, scope, set())
        facts = [facts_of(argument) for argument in source.expressions]
        names = [name.lower() for name in source.alias_column_names] or [alias]
        columns = {name: facts[min(n, len(facts) - 1)] for n, name in enumerate(names)}
        scope.add(alias, Relation(columns=columns, users=Users.ABSENT, aggregated=True))
        source.set("alias", table_alias(alias, names))
        return source

    def _alias(self, source: exp.Expr) -> str:
        alias = source.alias.lower()
        if not alias and isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            alias = source.name.lower()
        if not alias:
            self._unnamed_count += 1
            alias = f"_nameless_{self._unnamed_count}"
        return alias

    def _resolve(self, part: exp.Expr, ctes: Ctes, scope: Scope, aliases: set[str]) -> None:
        for node in list(own_nodes(part)):
            if isinstance(node, exp.Query):
                self._subquery(node, ctes, scope)
            elif isinstance(node, exp.Column):
                resolve_column(node, scope, aliases)

    def _subquery(self, node: exp.Query, ctes: Ctes, scope: Scope) -> None:
        body, relation = self.rewrite(node.copy(), ctes, scope)
        drop_user_column(body)
        scope.subqueries.append(relation)
        facts = next(iter(relation.columns.values()), Facts())
        plain = isinstance(node.parent, exp.Exists) or node.arg_key == "query"
        replacement = body if plain and not isinstance(node, exp.Subquery) else body.subquery()
        replacement.meta[FACTS] = facts
        node.replace(replacement)


def _aggregates(node: exp.Select) -> bool:
    having = node.args.get("having")
    return any(map(has_aggregate, (*node.selects, *([having] if having else []))))
