"""Translate an AMC query to a plan that DuckDB runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp
from sqlglot.errors import SqlglotError

from amc_emulator.engine.functions import translate_functions
from amc_emulator.engine.lineage import Facts
from amc_emulator.engine.output import ResultColumn, output_names
from amc_emulator.engine.parameters import bind_parameters
from amc_emulator.engine.parse import parse_query
from amc_emulator.engine.query import Query, QueryRejected
from amc_emulator.engine.relation import Users
from amc_emulator.engine.rewrite import Rewriter
from amc_emulator.engine.windows import WindowedReads

ROWS = "_result"
COUNTERS = {
    Users.ABSENT: "count_of_users(users_of({users}))",
    Users.SINGLE: "count_of_users(users_of({users}))",
    Users.LIST: "count_of_users({users})",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A translated query: its last column is the hidden one. Reads events of `[first, last)`.

    `tables` are the tables it reads, one entry for each time.
    """

    sql: str
    names: list[str]
    facts: list[Facts]
    users: Users
    order: list[str]
    tables: list[str]
    first: datetime
    last: datetime

    def describe_sql(self) -> str:
        """Return the SQL that has the columns of the output."""
        return f"SELECT {self._columns()} FROM {self._source()}"  # noqa: S608 (names are ours)

    def result_sql(self, result_columns: list[ResultColumn]) -> str:
        """Return the SQL that yields the output, each row with its count of users."""
        casts = [one.cast(_column(n)) for n, one in enumerate(result_columns)]
        counter = COUNTERS[self.users].format(users="_users")
        order = ", ".join([*self.order, *(_column(n) for n in range(len(self.names)))])
        wanted = ", ".join([*casts, counter])
        return f"SELECT {wanted} FROM {self._source()} ORDER BY {order}"  # noqa: S608 (as above)

    def _source(self) -> str:
        return f"({self.sql}) AS {ROWS}({self._columns()}, _users)"

    def _columns(self) -> str:
        return ", ".join(_column(n) for n in range(len(self.names)))


def translate(query: Query) -> Plan:
    """Return the plan of a query.

    :raises QueryRejected: with a text like AMC's.
    """
    try:
        return _translate(query)
    except SqlglotError as err:
        raise QueryRejected(f"Parse failed: {str(err).splitlines()[0]}") from err
    except RecursionError as err:
        raise QueryRejected("Parse failed: the query is nested too deeply.") from err


def _translate(query: Query) -> Plan:
    tree = parse_query(query.sql)
    names = output_names(tree)
    order = _order(tree, [name.lower() for name in names])
    tree = translate_functions(bind_parameters(tree, query))
    reads = WindowedReads(
        start=_naive(query.time_window_start),
        end=_naive(query.time_window_end),
        datasets=query.datasets,
        known_at=_naive(query.known_at) if query.known_at else None,
    )
    body, relation = Rewriter(reads).rewrite(tree, {})
    facts = list(relation.columns.values())
    if query.aggregation_controls and not relation.aggregated:
        raise QueryRejected("Query must aggregate: its output has single events of a table.")
    return Plan(
        sql=body.sql(dialect="duckdb", identify=True, comments=False),
        names=names,
        facts=facts,
        users=relation.users,
        order=order,
        tables=reads.tables,
        first=reads.first,
        last=reads.last,
    )


def _order(tree: exp.Query, names: list[str]) -> list[str]:
    """Return the ORDER BY terms that are output columns, and remove the clause from the query."""
    order = tree.args.get("order")
    tree.set("order", None)
    terms = []
    for ordered in order.expressions if order else []:
        term = ordered.this
        if isinstance(term, exp.Literal) and not term.is_string:
            position = int(term.this) - 1
        elif isinstance(term, exp.Column) and term.name.lower() in names:
            position = names.index(term.name.lower())
        else:
            continue
        if 0 <= position < len(names):
            terms.append(f"{_column(position)} {'DESC' if ordered.args.get('desc') else 'ASC'}")
    return terms


def _column(position: int) -> str:
    return f"c{position}"


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
