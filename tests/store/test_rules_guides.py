"""Progress through a guide follows from its sections and from those that its reader completed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import InsufficientPrivilege

from fixtures.postgres import Database, Row, Rows
from store.test_counters import overlap, wrong_counters


@pytest.fixture
def guide(rows: Rows) -> Row:
    return make_guide(rows, 3)


def make_guide(rows: Rows, sections: int) -> Row:
    guide = rows.insert("build_guides", title="G", category="c")
    for number in range(1, sections + 1):
        add_section(rows, guide, number)
    return guide


def add_section(rows: Rows, guide: Row, number: int) -> Row:
    return rows.insert("build_guide_sections", guide_id=guide["id"], section_number=number)


def read(rows: Rows, guide: Row, *completed: int, **columns: Any) -> Row:
    own = {"user_id": rows.user()["id"], "guide_id": guide["id"]}
    return rows.insert("user_guide_progress", completed_sections=list(completed), **own, **columns)


def shown(row: Row) -> tuple[Decimal, str, bool]:
    return row["progress_percentage"], row["status"], row["completed_at"] is not None


def test_progress_is_the_share_of_completed_sections(rows: Rows, guide: Row) -> None:
    row = read(rows, guide)
    assert shown(row) == (0, "IN_PROGRESS", False)

    row = rows.update("user_guide_progress", row, completed_sections=[1, 1, 9])
    assert shown(row) == (Decimal("33.33"), "IN_PROGRESS", False)

    row = rows.update("user_guide_progress", row, completed_sections=[3, 2, 1])
    assert shown(row) == (100, "COMPLETED", True)
    assert rows.get("build_guides", guide)["completion_count"] == 1

    row = rows.update("user_guide_progress", row, completed_sections=[2, 3])
    assert shown(row) == (Decimal("66.66"), "IN_PROGRESS", False)
    assert rows.get("build_guides", guide)["completion_count"] == 0


def test_a_percentage_written_by_hand_becomes_the_true_one(rows: Rows, guide: Row) -> None:
    row = read(rows, guide, 1, progress_percentage=80)
    assert row["progress_percentage"] == Decimal("33.33")
    assert rows.update("user_guide_progress", row, progress_percentage=80) == row


def test_a_guide_is_not_completed_by_saying_so(rows: Rows, guide: Row) -> None:
    row = read(rows, guide, 1)
    with pytest.raises(psycopg2.errors.CheckViolation) as caught:
        rows.update("user_guide_progress", row, status="COMPLETED")
    assert caught.value.diag.column_name == "status"
    assert "1 of the guide's 3 sections" in caught.value.diag.message_primary
    done = rows.update(
        "user_guide_progress",
        row,
        status="COMPLETED",
        completed_sections=[1, 2, 3],
        completed_at="2026-01-01T00:00Z",
    )
    assert done["completed_at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_guide_without_sections_is_completed_by_saying_so(rows: Rows) -> None:
    guide = make_guide(rows, 0)
    row = read(rows, guide, progress_percentage=40)
    assert shown(row) == (40, "IN_PROGRESS", False)
    row = rows.update("user_guide_progress", row, status="COMPLETED")
    assert shown(row) == (100, "COMPLETED", True)
    row = rows.update("user_guide_progress", row, status="NOT_STARTED")
    assert shown(row) == (0, "NOT_STARTED", False)
    assert row["started_at"] is None


def test_who_has_not_started_starts_with_the_first_section(rows: Rows, guide: Row) -> None:
    row = read(rows, guide, status="NOT_STARTED")
    assert (row["status"], row["started_at"]) == ("NOT_STARTED", None)
    row = rows.update("user_guide_progress", row, completed_sections=[1])
    assert row["status"] == "IN_PROGRESS"
    assert row["started_at"] is not None


def test_null_means_the_default(rows: Rows, guide: Row) -> None:
    row = rows.insert(
        "user_guide_progress",
        user_id=rows.user()["id"],
        guide_id=guide["id"],
        **dict.fromkeys(
            ("current_section", "completed_sections", "progress_percentage", "status",
             "started_at", "last_accessed_at")
        ),
    )  # fmt: skip
    assert (row["current_section"], row["completed_sections"]) == (1, [])
    assert shown(row) == (0, "IN_PROGRESS", False)
    assert row["started_at"] is not None
    assert row["last_accessed_at"] is not None


def test_a_section_more_reopens_the_guide_and_a_section_less_may_complete_it(
    database: Database, rows: Rows, guide: Row
) -> None:
    accessed = {"last_accessed_at": "2026-01-01T00:00Z"}
    done, half = read(rows, guide, 1, 2, 3, **accessed), read(rows, guide, 1, 2, **accessed)

    fourth = add_section(rows, guide, 4)
    assert shown(rows.get("user_guide_progress", done)) == (75, "IN_PROGRESS", False)
    assert shown(rows.get("user_guide_progress", half)) == (50, "IN_PROGRESS", False)
    assert rows.get("build_guides", guide)["completion_count"] == 0

    database.query(
        "DELETE FROM build_guide_sections WHERE id = %s OR section_number = 3", [fourth["id"]]
    )
    for row in (done, half):
        after = rows.get("user_guide_progress", row)
        assert shown(after) == (100, "COMPLETED", True)
        # It is not the reader who did this.
        assert after["last_accessed_at"] == row["last_accessed_at"]
    assert rows.get("build_guides", guide)["completion_count"] == 2


def test_a_section_that_moves_changes_the_progress_of_both_guides(rows: Rows, guide: Row) -> None:
    other = make_guide(rows, 1)
    here, there = read(rows, guide, 1, 2), read(rows, other, 1)
    section = add_section(rows, guide, 4)
    rows.update("build_guide_sections", section, guide_id=other["id"])
    assert shown(rows.get("user_guide_progress", here))[0] == Decimal("66.66")
    assert shown(rows.get("user_guide_progress", there)) == (50, "IN_PROGRESS", False)
    counts = [rows.get("build_guides", one)["section_count"] for one in (guide, other)]
    assert counts == [3, 2]


def test_progress_that_moves_to_another_guide_is_counted_there(rows: Rows, guide: Row) -> None:
    other = make_guide(rows, 1)
    row = read(rows, guide, 1, 2, 3)
    row = rows.update("user_guide_progress", row, guide_id=other["id"])
    assert shown(row) == (100, "COMPLETED", True)
    counts = [rows.get("build_guides", one)["completion_count"] for one in (guide, other)]
    assert counts == [0, 1]


def test_sections_may_be_renumbered_in_one_statement(database: Database, guide: Row) -> None:
    database.query("UPDATE build_guide_sections SET section_number = 4 - section_number")
    numbers = database.query("SELECT section_number FROM build_guide_sections ORDER BY 1")
    assert [row["section_number"] for row in numbers] == [1, 2, 3]


def test_access_is_dated_when_the_reader_gets_on(rows: Rows, guide: Row) -> None:
    row = read(rows, guide, last_accessed_at="2026-01-01T00:00Z")
    moved = rows.update("user_guide_progress", row, current_section=2)
    assert moved["last_accessed_at"] > row["last_accessed_at"]
    dated = rows.update("user_guide_progress", row, last_accessed_at="2026-02-01T00:00Z")
    assert dated["last_accessed_at"] == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_section_that_comes_while_a_reader_completes_is_counted(
    database: Database, rows: Rows, guide: Row
) -> None:
    row = read(rows, guide)
    complete = "UPDATE user_guide_progress SET completed_sections = '{1,2,3}' WHERE id = %s"
    insert = "INSERT INTO build_guide_sections (guide_id, section_number) VALUES (%s, 4)"
    overlap(
        database,
        lambda cursor: cursor.execute(complete, [row["id"]]),
        lambda cursor: cursor.execute(insert, [guide["id"]]),
    )
    assert shown(rows.get("user_guide_progress", row)) == (75, "IN_PROGRESS", False)
    assert wrong_counters(database) == []

    database.query("DELETE FROM build_guide_sections WHERE section_number = 4")
    rows.update("user_guide_progress", row, completed_sections=[])
    overlap(
        database,
        lambda cursor: cursor.execute(insert, [guide["id"]]),
        lambda cursor: cursor.execute(complete, [row["id"]]),
    )
    assert shown(rows.get("user_guide_progress", row)) == (75, "IN_PROGRESS", False)
    assert wrong_counters(database) == []


def test_who_begins_while_a_section_comes_has_it_still_to_read(
    database: Database, rows: Rows, guide: Row
) -> None:
    reader = rows.user()["id"]
    overlap(
        database,
        lambda cursor: cursor.execute(
            "INSERT INTO build_guide_sections (guide_id, section_number) VALUES (%s, 4)",
            [guide["id"]],
        ),
        lambda cursor: cursor.execute(
            "INSERT INTO user_guide_progress (user_id, guide_id, completed_sections)"
            " VALUES (%s, %s, '{1,2,3}')",
            [reader, guide["id"]],
        ),
    )
    (row,) = database.query("SELECT * FROM user_guide_progress")
    assert shown(row) == (75, "IN_PROGRESS", False)
    assert wrong_counters(database) == []


def test_two_readers_who_complete_at_once_are_both_counted(
    database: Database, rows: Rows, guide: Row
) -> None:
    one, other = read(rows, guide), read(rows, guide)
    complete = "UPDATE user_guide_progress SET completed_sections = '{1,2,3}' WHERE id = %s"
    overlap(
        database,
        lambda cursor: cursor.execute(complete, [one["id"]]),
        lambda cursor: cursor.execute(complete, [other["id"]]),
    )
    assert rows.get("build_guides", guide)["completion_count"] == 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "complete", "read", "forget", "renumber"]),
        st.integers(0, 1),
        st.integers(1, 4),
        st.lists(st.integers(1, 5), max_size=4),
    ),
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_after_any_changes_progress_is_what_a_recount_gives(
    database: Database, steps: list[tuple[str, int, int, list[int]]]
) -> None:
    database.delete_rows()
    rows = Rows(database)
    guides = [make_guide(rows, 2), make_guide(rows, 1)]
    for verb, index, number, completed in steps:
        key = guides[index]["id"]
        match verb:
            case "add":
                database.query(
                    "INSERT INTO build_guide_sections (guide_id, section_number)"
                    " SELECT %(key)s, COALESCE(MAX(section_number), 0) + 1"
                    " FROM build_guide_sections WHERE guide_id = %(key)s",
                    {"key": key},
                )
            case "remove":
                database.query(
                    "DELETE FROM build_guide_sections WHERE guide_id = %s AND section_number = %s",
                    [key, number],
                )
            case "read":
                read(rows, guides[index], *completed)
            case "complete":
                database.query(
                    "UPDATE user_guide_progress SET completed_sections = %s WHERE guide_id = %s",
                    [completed, key],
                )
            case "forget":
                database.query("DELETE FROM user_guide_progress WHERE guide_id = %s", [key])
            case "renumber":
                database.query(
                    "UPDATE build_guide_sections SET section_number = section_number + %s"
                    " WHERE guide_id = %s",
                    [number, key],
                )
    _expect_true_progress(database)
    assert wrong_counters(database) == []


def _expect_true_progress(database: Database) -> None:
    sections: dict[str, set[int]] = {}
    for row in database.query("SELECT guide_id, section_number FROM build_guide_sections"):
        sections.setdefault(row["guide_id"], set()).add(row["section_number"])
    for row in database.query("SELECT * FROM user_guide_progress"):
        of_guide = sections.get(row["guide_id"], set())
        if not of_guide:
            continue
        done = len(of_guide & set(row["completed_sections"]))
        share = Decimal(done * 10_000 // len(of_guide)) / 100
        assert row["progress_percentage"] == share
        assert row["status"] == ("COMPLETED" if done == len(of_guide) else "IN_PROGRESS")
        assert (row["completed_at"] is None) == (done < len(of_guide))


def test_readers_see_published_guides_and_their_own_favourites(
    database: Database, rows: Rows, guide: Row
) -> None:
    draft = make_guide(rows, 1)
    rows.update("build_guides", draft, is_published=False)
    me, other = rows.user()["id"], rows.user()["id"]
    for one in (guide, draft):
        rows.insert("build_guide_queries", guide_id=one["id"], title="Q", sql_query="SELECT 1")
    rows.insert("user_guide_favorites", user_id=other, guide_id=guide["id"])
    analyst = database.connect("recomamp_analyst", me, autocommit=True)
    with analyst.cursor() as cursor:
        cursor.execute("INSERT INTO user_guide_favorites (user_id, guide_id) VALUES (%s, %s)",
                       [me, guide["id"]])  # fmt: skip
        for table, seen in (
            ("build_guide_sections", 3), ("build_guide_queries", 1), ("user_guide_favorites", 1)
        ):  # fmt: skip
            cursor.execute(f"SELECT id FROM {table}")
            assert cursor.rowcount == seen, table
        assert rows.get("build_guides", guide)["favorite_count"] == 2
        cursor.execute(
            "SELECT delete_own_row('user_guide_favorites', id) FROM user_guide_favorites"
        )
        assert rows.get("build_guides", guide)["favorite_count"] == 1
        for statement in (
            "DELETE FROM build_guide_sections",
            "INSERT INTO build_guide_queries (guide_id, title, sql_query) VALUES (NULL, 'Q', 'S')",
            f"SELECT refresh_guide_progress(ARRAY['{guide['id']}']::UUID[])",
        ):
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(statement)
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            cursor.execute("INSERT INTO user_guide_favorites (user_id, guide_id) VALUES (%s, %s)",
                           [other, draft["id"]])  # fmt: skip
