"""Whatever a column holds, a statement that reads it reads its other rows too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fixtures.postgres import Database, Rows
from recomamp.store import statements
from recomamp.store.column_values import FIRST_MOMENT, LAST_MOMENT
from recomamp.store.statements import fetch_all

MOMENTS = {
    "infinity": LAST_MOMENT,
    "-infinity": FIRST_MOMENT,
    "4000-01-01 BC": FIRST_MOMENT,
    "20000-01-01": LAST_MOMENT,
    "294276-12-31 23:59:59": LAST_MOMENT,
    "0001-01-01": FIRST_MOMENT,
    "9999-12-31 23:59:59.999999": LAST_MOMENT,
    "1999-12-31 23:59:59": FIRST_MOMENT,
    "2026-03-10 13:03:00.25+00": datetime(2026, 3, 10, 13, 3, 0, 250_000, tzinfo=UTC),
}


def read(database: Database, monkeypatch: pytest.MonkeyPatch, expression: str) -> list[Any]:
    """Read an expression and a 1 behind it, as every statement of the pipeline is read."""
    monkeypatch.setattr(
        statements, "load_sql", lambda name: f"SELECT {expression} AS value UNION ALL SELECT NULL"
    )
    connection = database.connect("recomamp_pipeline")
    with connection.cursor() as cursor:
        cursor.execute("SET TimeZone = 'UTC'")
    return [row["value"] for row in fetch_all(connection, "any")]


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_out_of_range_is_the_nearest_bound(
    database: Database, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    expected = MOMENTS[text]
    assert read(database, monkeypatch, f"'{text}'::TIMESTAMPTZ") == [expected, None]
    local = read(database, monkeypatch, f"'{text.removesuffix('+00')}'::TIMESTAMP")
    assert local == [expected.replace(tzinfo=None), None]
    day = text.partition(" ")[0] + (" BC" if text.endswith("BC") else "")
    assert read(database, monkeypatch, f"'{day}'::DATE") == [expected.date(), None]


def test_there_is_room_to_calculate_at_both_bounds() -> None:
    for bound in (FIRST_MOMENT, LAST_MOMENT):
        assert bound - timedelta(days=1000) < bound < bound + timedelta(days=1000)
        assert (bound - datetime.now(UTC)).total_seconds()
    assert FIRST_MOMENT.date() > date.min


@pytest.mark.parametrize("kind", ["JSON", "JSONB"])
def test_json_that_python_cannot_hold_breaks_no_statement(
    database: Database, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    digits = f"1{'0' * 5000}"
    assert read(database, monkeypatch, f"'[{digits}, 7]'::{kind}") == [[float("inf"), 7], None]
    deep = "[" * 3000 + "]" * 3000
    assert read(database, monkeypatch, f"'{deep}'::{kind}") == [None, None]
    assert read(database, monkeypatch, f"'{{\"a\": [1, 2.5]}}'::{kind}") == [
        {"a": [1, 2.5]},
        None,
    ]


def test_one_row_of_a_tenant_out_of_range_hides_no_row_of_another(
    database: Database, rows: Rows
) -> None:
    ann, bob = rows.instance(), rows.instance()
    for value in ("20000-01-01", "4000-01-01 BC", "infinity"):
        database.write_beyond_bounds(
            "amc_instances",
            "UPDATE amc_instances SET last_health_check = %(at)s, schema_last_sync = %(at)s"
            " WHERE id = %(id)s",
            {"at": value, "id": ann["id"]},
        )
        connection = database.connect("recomamp_pipeline")
        found = fetch_all(connection, "select_active_instances", instance_key=None)
        connection.close()
        assert {str(one["instance_key"]) for one in found} == {ann["id"], bob["id"]}
