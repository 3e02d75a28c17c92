"""Counters say what a recount would say, whoever changes the rows, one by one or at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows, Server, migrate_database

# parent, counter, child, the child's column, the condition under which it counts
COUNTERS = [
    ("asin_lists", "asin_count", "asin_list_items", "list_id", "true"),
    ("query_templates", "usage_count", "workflows", "template_id", "true"),
    ("build_guides", "section_count", "build_guide_sections", "guide_id", "true"),
    ("build_guides", "query_count", "build_guide_queries", "guide_id", "true"),
    ("build_guides", "favorite_count", "user_guide_favorites", "guide_id", "true"),
    ("build_guides", "completion_count", "user_guide_progress", "guide_id", "status = 'COMPLETED'"),
]
COUNTER_NAMES = [counter for _, counter, *_ in COUNTERS]


def wrong_counters(database: Database) -> list[Row]:
    """Return the parents whose counter is not what a recount gives."""
    return [
        {"counter": counter, **row}
        for parent, counter, child, column, condition in COUNTERS
        for row in database.query(
            f"SELECT parent.id, parent.{counter} AS kept, COUNT(child.*) AS counted"
            f" FROM {parent} AS parent LEFT JOIN"
            f" (SELECT * FROM {child} WHERE {condition}) AS child ON child.{column} = parent.id"
            f" GROUP BY parent.id HAVING parent.{counter} IS DISTINCT FROM COUNT(child.*)"
        )
    ]


class Family:
    """Two parents of a kind, and children that may be of either."""

    def __init__(self, database: Database, rows: Rows, counter: str) -> None:
        self.database = database
        self.rows = rows
        self.user = rows.user()
        self.parent, self.counter, self.child, self.column, self.condition = next(
            one for one in COUNTERS if one[1] == counter
        )
        build = {
            "asin_lists": lambda: rows.insert("asin_lists", name="L", user_id=self.user["id"]),
            "query_templates": lambda: rows.insert(
                "query_templates",
                name="T",
                category="c",
                sql_template="SELECT 1",
                is_public=True,
            ),
            "build_guides": lambda: rows.insert("build_guides", title="G", category="c"),
        }[self.parent]
        self.parents = [build(), build()]
        self.instance = rows.instance(user=self.user)
        self.numbers = iter(range(1, 100_000))

    def columns(self, parent: Row) -> dict[str, Any]:
        """Return the columns of a new child."""
        number = next(self.numbers)
        user = {"user_id": self.user["id"]}
        match self.child:
            case "asin_list_items":
                product = self.rows.insert("asins", asin=f"B{number:09}", **user)
                own = {"asin_id": product["id"]}
            case "workflows":
                own = {
                    "name": "W", "sql_query": "SELECT 1", "instance_id": self.instance["id"], **user
                }  # fmt: skip
            case "build_guide_sections":
                own = {"section_number": number}
            case "build_guide_queries":
                own = {"title": "Q", "sql_query": "SELECT 1"}
            case "user_guide_progress":
                own = {"user_id": self.rows.user()["id"], "status": "COMPLETED"}
            case _:
                own = {"user_id": self.rows.user()["id"]}
        return {self.column: parent["id"], **own}

    def add(self, index: int) -> Row:
        """Insert a child."""
        return self.rows.insert(self.child, **self.columns(self.parents[index]))

    def count(self, index: int) -> int:
        """Return what the counter says."""
        return int(self.rows.get(self.parent, self.parents[index])[self.counter])


@pytest.fixture(params=COUNTER_NAMES)
def family(request: pytest.FixtureRequest, database: Database, rows: Rows) -> Family:
    """Provide a family of each kind."""
    return Family(database, rows, request.param)


def test_children_are_counted_as_they_come_move_and_go(family: Family, database: Database) -> None:
    children = [family.add(0), family.add(0), family.add(1)]
    assert (family.count(0), family.count(1)) == (2, 1)

    family.rows.update(family.child, children[0], **{family.column: family.parents[1]["id"]})
    assert (family.count(0), family.count(1)) == (1, 2)

    database.query(f"DELETE FROM {family.child} WHERE id = %s", [children[2]["id"]])
    assert (family.count(0), family.count(1)) == (1, 1)

    database.query(f"UPDATE {family.child} SET id = id")
    assert (family.count(0), family.count(1)) == (1, 1)


def test_a_counter_written_by_hand_keeps_the_true_number(
    family: Family, database: Database
) -> None:
    family.add(0)
    database.query(f"UPDATE {family.parent} SET {family.counter} = 99")
    assert (family.count(0), family.count(1)) == (1, 0)
    database.query(f"UPDATE {family.parent} SET {family.counter} = NULL")
    assert (family.count(0), family.count(1)) == (1, 0)


def test_a_parent_that_is_born_with_a_number_starts_at_the_true_one(rows: Rows) -> None:
    assert rows.insert("build_guides", title="G", category="c", query_count=7)["query_count"] == 0


def test_emptying_the_children_empties_the_counters(family: Family, database: Database) -> None:
    family.add(0)
    database.query(f"TRUNCATE {family.child} CASCADE")
    assert wrong_counters(database) == []
    assert family.count(0) == 0


def test_deleting_a_parent_with_children_works(family: Family, database: Database) -> None:
    family.add(0)
    family.add(1)
    database.query(f"DELETE FROM {family.parent} WHERE id = %s", [family.parents[0]["id"]])
    assert family.count(1) == 1


def test_deleting_the_user_is_counted(family: Family, database: Database) -> None:
    family.add(0)
    database.query("DELETE FROM users")
    assert wrong_counters(database) == []


def test_a_statement_that_is_rolled_back_counts_nothing(family: Family, database: Database) -> None:
    family.add(0)
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {family.child}")
    connection.rollback()
    assert family.count(0) == 1


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "move", "delete", "write", "swap", "many"]),
        st.integers(0, 1),
        st.integers(0, 6),
    ),
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counter=st.sampled_from(COUNTER_NAMES), operations=OPERATIONS)
def test_after_any_changes_the_counters_equal_a_recount(
    database: Database, counter: str, operations: list[tuple[str, int, int]]
) -> None:
    database.delete_rows()
    family = Family(database, Rows(database), counter)
    for verb, index, number in operations:
        _change(family, verb, family.parents[index]["id"], index, number)
        assert wrong_counters(database) == []


def _change(family: Family, verb: str, parent: str, index: int, number: int) -> None:
    child, column = family.child, family.column
    nth = f"(SELECT id FROM {child} ORDER BY id OFFSET {number} LIMIT 1)"
    match verb:
        case "add":
            family.add(index)
        case "move":
            family.database.query(f"UPDATE {child} SET {column} = %s WHERE id = {nth}", [parent])
        case "delete":
            family.database.query(f"DELETE FROM {child} WHERE id = {nth}")
        case "write":
            family.database.query(f"UPDATE {family.parent} SET {family.counter} = {number}")
        case "swap":
            one, other = (row["id"] for row in family.parents)
            family.database.query(
                f"UPDATE {child} SET {column} ="
                f" CASE {column} WHEN '{one}' THEN '{other}' ELSE '{one}' END::UUID"
            )
        case "many":
            for _ in range(number):
                family.add(index)
            family.database.query(
                f"DELETE FROM {child} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {child} LIMIT 2))"
            )


def overlap(
    database: Database,
    first: Callable[[Any], object],
    second: Callable[[Any], object],
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Do one thing in a transaction, another in a second that has to wait; then commit both."""
    one, other = database.connect(), database.connect()
    with one.cursor() as cursor, other.cursor() as waiting:
        first(cursor)
        with ThreadPoolExecutor(1) as pool:
            blocked = pool.submit(second, waiting)
            while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
                assert not blocked.done(), blocked.result()
            try:
                meanwhile()
            finally:
                one.commit()
            blocked.result(timeout=30)
        other.commit()


def require_order(database: Database, table: str, use: Callable[[Any, list[str]], object]) -> None:
    """Fail where a statement that names a later row of a table first does not lock it last.

    :param use: runs the statement with a cursor, about these rows in this order.
    """
    ids = [row["id"] for row in database.query(f"SELECT id FROM {table} ORDER BY id")]
    lock = f"SELECT FROM {table} WHERE id = %s FOR NO KEY UPDATE NOWAIT"
    overlap(
        database,
        lambda cursor: cursor.execute(lock, [ids[0]]),
        lambda cursor: use(cursor, ids[::-1]),
        meanwhile=lambda: database.query(lock, [ids[1]]),
    )


def insertion(family: Family, index: int = 0) -> Callable[[Any], object]:
    """Return what inserts a child with a cursor."""
    columns = family.columns(family.parents[index])
    names = ", ".join(columns)
    marks = ", ".join(f"%({name})s" for name in columns)
    return lambda cursor: cursor.execute(
        f"INSERT INTO {family.child} ({names}) VALUES ({marks})", columns
    )


def test_the_second_of_two_overlapping_insertions_counts_the_first(
    family: Family, database: Database
) -> None:
    overlap(database, insertion(family), insertion(family))
    assert family.count(0) == 2


def test_a_deletion_that_overlaps_an_insertion_is_counted(
    family: Family, database: Database
) -> None:
    key = family.add(0)["id"]
    overlap(
        database,
        lambda cursor: cursor.execute(f"DELETE FROM {family.child} WHERE id = %s", [key]),
        insertion(family),
    )
    assert family.count(0) == 1


def test_a_number_written_by_hand_while_a_child_comes_is_the_true_one(
    family: Family, database: Database
) -> None:
    overlap(
        database,
        insertion(family),
        lambda cursor: cursor.execute(f"UPDATE {family.parent} SET {family.counter} = 50"),
    )
    assert wrong_counters(database) == []
    assert family.count(0) == 1


def test_a_snapshot_older_than_the_count_is_refused_instead_of_lost(
    family: Family, database: Database
) -> None:
    insert = insertion(family)
    old = database.connect()
    old.set_session(isolation_level="REPEATABLE READ")
    with old.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {family.child}")
        family.add(0)
        with pytest.raises(psycopg2.errors.SerializationFailure):
            insert(cursor)
    old.rollback()
    assert family.count(0) == 1


def test_many_sessions_at_once_lose_no_child(family: Family, database: Database) -> None:
    inserts = [[insertion(family, number % 2) for number in range(5)] for _ in range(4)]

    def work(own: list[Callable[[Any], object]]) -> None:
        connection = database.connect()
        for insert in own:
            with connection, connection.cursor() as cursor:
                insert(cursor)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, own) for own in inserts]:
            future.result(timeout=60)
    assert (family.count(0), family.count(1)) == (12, 8)


def test_no_counter_of_a_parent_is_forgotten(database: Database) -> None:
    columns = database.query(
        "SELECT table_name, column_name FROM information_schema.columns"
        r" WHERE table_schema = 'public' AND column_name LIKE '%%\_count'"
        " AND table_name = ANY (%s)",
        [[parent for parent, *_ in COUNTERS]],
    )
    found = {(row["table_name"], row["column_name"]) for row in columns}
    assert found == {(parent, counter) for parent, counter, *_ in COUNTERS}


def test_an_older_postgres_counts_alike(postgres_server_16: Server) -> None:
    name = postgres_server_16.create_database()
    migrate_database(postgres_server_16, name)
    database = Database(uri=postgres_server_16.uri(name))
    for counter in COUNTER_NAMES:
        database.query("DELETE FROM users; DELETE FROM amc_accounts")
        family = Family(database, Rows(database), counter)
        child = family.add(0)
        family.add(0)
        database.query(f"UPDATE {family.parent} SET {counter} = 9")
        family.rows.update(family.child, child, **{family.column: family.parents[1]["id"]})
        assert (family.count(0), family.count(1)) == (1, 1), counter
    assert wrong_counters(database) == []
    database.close()
