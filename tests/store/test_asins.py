"""What Amazon said of products is written where it still fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.asins import DueProduct, Product
from recomamp.store.asins import (
    select_due_products,
    update_found_products,
    update_missing_products,
)

NOW = datetime(2026, 5, 4, 6, tzinfo=UTC)


@pytest.fixture
def row(rows: Rows) -> Row:
    return rows.insert("asins", asin="B000000001", user_id=rows.user()["id"])


@pytest.fixture
def connection(database: Database) -> Connection:
    return database.connect("recomamp_pipeline", autocommit=True)


def due(connection: Connection, row: Row) -> list[DueProduct]:
    return select_due_products(connection, UUID(row["user_id"]), before=NOW)


def keep(connection: Connection, row: Row, asked: list[DueProduct], *, at: datetime = NOW) -> int:
    found = {one.asin: Product(asin=one.asin, title="Kettle") for one in asked}
    return update_found_products(
        connection, UUID(row["user_id"]), asked, found, profile_id="1", checked_at=at
    )


def test_an_answer_about_a_former_asin_is_not_kept(
    connection: Connection, rows: Rows, row: Row
) -> None:
    asked = due(connection, row)
    rows.update("asins", row, asin="B000000002")
    assert keep(connection, row, asked) == 0
    assert update_missing_products(connection, UUID(row["user_id"]), asked, checked_at=NOW) == 0
    after = rows.get("asins", row)
    assert after["title"] is after["validation_status"] is None


def test_an_answer_to_an_earlier_question_does_not_replace_a_later_one(
    connection: Connection, rows: Rows, row: Row
) -> None:
    asked = due(connection, row)
    assert keep(connection, row, asked) == 1
    assert keep(connection, row, asked) == 0
    assert keep(connection, row, asked, at=NOW - timedelta(hours=1)) == 0
    assert rows.get("asins", row)["last_validated_at"] == NOW


def test_answers_are_kept_for_the_asking_user_only(
    connection: Connection, rows: Rows, row: Row
) -> None:
    stranger = rows.user()["id"]
    asked = due(connection, row)
    assert keep(connection, {"user_id": stranger}, asked) == 0
    assert rows.get("asins", row) == row


def test_a_product_that_is_deleted_meanwhile_is_no_trouble(
    connection: Connection, database: Database, row: Row
) -> None:
    asked = due(connection, row)
    database.query("DELETE FROM asins")
    assert keep(connection, row, asked) == 0


def test_a_text_that_is_longer_than_its_column_is_cut(
    connection: Connection, rows: Rows, row: Row
) -> None:
    asked = due(connection, row)
    long = Product(asin=row["asin"], title="x" * 5000, brand="x" * 5000, category="x" * 5000)
    found = update_found_products(
        connection, UUID(row["user_id"]), asked, {row["asin"]: long}, profile_id="1", checked_at=NOW
    )
    assert found == 1
    assert len(rows.get("asins", row)["title"]) == 4000
