"""Items of a list of products have places of their own, whatever is inserted, moved or deleted."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows
from store.test_counters import overlap, require_order


@pytest.fixture
def user(rows: Rows) -> Row:
    return rows.user()


@pytest.fixture
def listed(rows: Rows, user: Row) -> Row:
    return rows.insert("asin_lists", name="L", user_id=user["id"])


def make_products(rows: Rows, user: Row, count: int) -> list[Row]:
    return [
        rows.insert("asins", asin=f"B{number:09}", user_id=user["id"]) for number in range(count)
    ]


def put(rows: Rows, listed: Row, product: Row, **columns: Any) -> Row:
    return rows.insert("asin_list_items", list_id=listed["id"], asin_id=product["id"], **columns)


def places(database: Database, listed: Row) -> list[tuple[str, int]]:
    found = database.query(
        "SELECT asin, position FROM asin_list_items AS item JOIN asins ON asins.id = item.asin_id"
        " WHERE list_id = %s ORDER BY position",
        [listed["id"]],
    )
    return [(row["asin"][-1], row["position"]) for row in found]


def test_items_are_placed_at_the_end_in_the_order_they_come(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    for product in make_products(rows, user, 3):
        put(rows, listed, product)
    assert places(database, listed) == [("0", 0), ("1", 1), ("2", 2)]


def test_a_free_place_is_given_and_a_taken_one_is_not(rows: Rows, user: Row, listed: Row) -> None:
    products = make_products(rows, user, 4)
    wishes = [7, 7, None, 3]
    given_ = [
        put(rows, listed, product, position=wish)["position"]
        for product, wish in zip(products, wishes, strict=True)
    ]
    assert given_ == [7, 8, 9, 3]


def test_a_place_that_became_free_stays_free(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    products = make_products(rows, user, 4)
    items = [put(rows, listed, product) for product in products[:3]]
    database.query("DELETE FROM asin_list_items WHERE id = %s", [items[1]["id"]])
    put(rows, listed, products[3])
    assert places(database, listed) == [("0", 0), ("2", 2), ("3", 3)]


def test_one_statement_may_exchange_places(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    for product in make_products(rows, user, 3):
        put(rows, listed, product)
    database.query("UPDATE asin_list_items SET position = 2 - position")
    assert places(database, listed) == [("2", 0), ("1", 1), ("0", 2)]


def test_an_upsert_may_exchange_places(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    items = [put(rows, listed, product) for product in make_products(rows, user, 2)]
    database.query(
        "INSERT INTO asin_list_items (list_id, asin_id, position) VALUES (%s, %s, 1), (%s, %s, 0)"
        " ON CONFLICT (list_id, asin_id) DO UPDATE SET position = EXCLUDED.position",
        [items[0]["list_id"], items[0]["asin_id"], items[1]["list_id"], items[1]["asin_id"]],
    )
    assert places(database, listed) == [("1", 0), ("0", 1)]
    assert rows.get("asin_lists", listed)["asin_count"] == 2


def test_two_items_in_one_place_are_refused(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    first, second = (put(rows, listed, product) for product in make_products(rows, user, 2))
    with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
        rows.update("asin_list_items", second, position=first["position"])
    assert caught.value.diag.message_primary.startswith("asin_list_items.position: two items")
    with pytest.raises(psycopg2.errors.CheckViolation, match="chk_asin_list_item_position"):
        rows.update("asin_list_items", second, position=-1)


def test_a_product_stands_in_a_list_once(rows: Rows, user: Row, listed: Row) -> None:
    (product,) = make_products(rows, user, 1)
    put(rows, listed, product)
    with pytest.raises(psycopg2.errors.UniqueViolation, match="idx_asin_list_items_unique"):
        put(rows, listed, product)
    assert rows.get("asin_lists", listed)["asin_count"] == 1


def test_an_item_that_moves_goes_to_the_end_of_the_other_list(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    other = rows.insert("asin_lists", name="M", user_id=user["id"])
    products = make_products(rows, user, 3)
    moved = put(rows, listed, products[0])
    put(rows, other, products[1])
    put(rows, other, products[2])
    rows.update("asin_list_items", moved, list_id=other["id"])
    assert places(database, other) == [("1", 0), ("2", 1), ("0", 2)]
    counts = [rows.get("asin_lists", one)["asin_count"] for one in (listed, other)]
    assert counts == [0, 3]


def test_deleting_a_product_takes_it_out_of_all_lists(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    other = rows.insert("asin_lists", name="M", user_id=user["id"])
    products = make_products(rows, user, 2)
    for one in (listed, other):
        for product in products:
            put(rows, one, product)
    database.query("DELETE FROM asins WHERE id = %s", [products[0]["id"]])
    assert [rows.get("asin_lists", one)["asin_count"] for one in (listed, other)] == [1, 1]


@pytest.mark.parametrize("position", [0, 5])
def test_two_sessions_that_insert_at_once_get_two_places(
    database: Database, rows: Rows, user: Row, listed: Row, position: int
) -> None:
    one, other = make_products(rows, user, 2)
    statement = "INSERT INTO asin_list_items (list_id, asin_id, position) VALUES (%s, %s, %s)"
    overlap(
        database,
        lambda cursor: cursor.execute(statement, [listed["id"], one["id"], position]),
        lambda cursor: cursor.execute(statement, [listed["id"], other["id"], position]),
    )
    assert places(database, listed) == [("0", position), ("1", position + 1)]
    assert rows.get("asin_lists", listed)["asin_count"] == 2


def test_two_sessions_that_want_one_place_at_once_do_not_both_get_it(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    one, other = (put(rows, listed, product) for product in make_products(rows, user, 2))
    statement = "UPDATE asin_list_items SET position = 9 WHERE id = %s"
    with pytest.raises(psycopg2.errors.UniqueViolation, match="have position 9"):
        overlap(
            database,
            lambda cursor: cursor.execute(statement, [one["id"]]),
            lambda cursor: cursor.execute(statement, [other["id"]]),
        )
    assert places(database, listed) == [("1", 1), ("0", 9)]


def test_a_product_that_is_deleted_while_it_is_listed_is_not_listed(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    (product,) = make_products(rows, user, 1)
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        overlap(
            database,
            lambda cursor: cursor.execute("DELETE FROM asins WHERE id = %s", [product["id"]]),
            lambda cursor: cursor.execute(
                "INSERT INTO asin_list_items (list_id, asin_id) VALUES (%s, %s)",
                [listed["id"], product["id"]],
            ),
        )
    assert rows.get("asin_lists", listed)["asin_count"] == 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    operations=st.lists(
        st.tuples(
            st.sampled_from(["put", "delete", "move", "turn"]), st.integers(0, 4), st.integers(0, 6)
        ),
        max_size=15,
    )
)
def test_after_any_changes_places_are_unique_and_counts_true(
    database: Database, operations: list[tuple[str, int, int]]
) -> None:
    database.delete_rows()
    rows = Rows(database)
    user = rows.user()
    lists = [rows.insert("asin_lists", name="L", user_id=user["id"]) for _ in range(2)]
    products = make_products(rows, user, 5)
    for verb, index, number in operations:
        key = products[index]["id"]
        match verb:
            case "put":
                database.query(
                    "INSERT INTO asin_list_items (list_id, asin_id, position) VALUES (%s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    [lists[number % 2]["id"], key, number],
                )
            case "delete":
                database.query("DELETE FROM asin_list_items WHERE asin_id = %s", [key])
            case "turn":
                database.query(
                    "UPDATE asin_list_items SET position ="
                    " (SELECT min(position) + max(position) FROM asin_list_items) - position"
                )
            case "move":
                here, there = lists[number % 2]["id"], lists[1 - number % 2]["id"]
                database.query(
                    "UPDATE asin_list_items SET list_id = %s WHERE list_id = %s AND asin_id = %s"
                    " AND NOT EXISTS (SELECT FROM asin_list_items AS item WHERE item.list_id = %s"
                    " AND item.asin_id = %s)",
                    [there, here, key, there, key],
                )
    for one in lists:
        taken = [position for _, position in places(database, one)]
        assert len(set(taken)) == len(taken) == rows.get("asin_lists", one)["asin_count"]


@pytest.mark.parametrize("verb", ["INSERT", "UPDATE"])
def test_statements_about_the_same_lists_lock_them_in_one_order(
    database: Database, rows: Rows, user: Row, listed: Row, verb: str
) -> None:
    (product,) = make_products(rows, user, 1)
    rows.insert("asin_lists", name="M", user_id=user["id"])
    if verb == "UPDATE":
        last = "ffffffff-ffff-4fff-bfff-ffffffffffff"  # behind the two that are filled
        away = rows.insert("asin_lists", id=last, name="N", user_id=rows.user()["id"])
        others = [put(rows, away, one)["id"] for one in make_products(rows, rows.user(), 2)]

    def use(cursor: Any, ids: list[str]) -> None:
        if verb == "INSERT":
            cursor.execute(
                "INSERT INTO asin_list_items (list_id, asin_id)"
                " SELECT list_id, %s FROM unnest(%s::UUID[]) AS list_id",
                [product["id"], ids],
            )
        else:
            cursor.execute(
                "UPDATE asin_list_items SET list_id = moved.list_id"
                " FROM unnest(%s::UUID[], %s::UUID[]) AS moved (id, list_id)"
                " WHERE asin_list_items.id = moved.id",
                [others, ids[-2:]],
            )

    require_order(database, "asin_lists", use)


def test_a_list_of_ten_thousand_is_filled_by_one_statement(
    database: Database, rows: Rows, user: Row, listed: Row
) -> None:
    database.query(
        "INSERT INTO asins (asin, user_id)"
        " SELECT 'B' || lpad(n::TEXT, 9, '0'), %s FROM generate_series(1, 10000) AS n",
        [user["id"]],
    )
    database.query(
        "INSERT INTO asin_list_items (list_id, asin_id) SELECT %s, id FROM asins ORDER BY asin",
        [listed["id"]],
    )
    assert rows.get("asin_lists", listed)["asin_count"] == 10_000
    ends = database.query("SELECT MIN(position) AS a, MAX(position) AS b FROM asin_list_items")
    assert ends == [{"a": 0, "b": 9_999}]
