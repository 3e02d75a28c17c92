"""What is public is for signed-in users, and shows nobody's id and nobody's notes."""

from __future__ import annotations

from uuid import uuid4

import psycopg2
import pytest

from fixtures.postgres import Database, Row, Rows

VIEWS = ("public_query_templates", "public_asin_lists", "public_asin_list_items")


@pytest.fixture
def published(rows: Rows) -> Row:
    """Insert a template and a list of Ann's, once public and once private."""
    ann = rows.user()
    made: Row = {"ann": ann}
    product = rows.insert("asins", asin="B000000001", notes="secret", user_id=ann["id"])
    for is_public in (True, False):
        listed = rows.insert(
            "asin_lists", name=f"L {is_public}", user_id=ann["id"], is_public=is_public
        )
        made["public_asin_lists", is_public] = listed
        made["public_asin_list_items", is_public] = rows.insert(
            "asin_list_items",
            list_id=listed["id"],
            asin_id=product["id"],
            notes="secret",
            added_by=ann["id"],
        )
        made["public_query_templates", is_public] = rows.insert(
            "query_templates",
            name=f"T {is_public}",
            category="c",
            sql_template="SELECT 1",
            author_id=ann["id"],
            is_public=is_public,
        )
    return made


def seen(database: Database, table: str, user_id: str | None) -> list[Row]:
    connection = database.connect("recomamp_analyst", user_id)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(it) FROM {table} AS it")
        return [row for (row,) in cursor.fetchall()]


@pytest.mark.parametrize("view", VIEWS)
def test_a_signed_in_user_reads_what_is_public_without_its_owner(
    database: Database, rows: Rows, published: Row, view: str
) -> None:
    (row,) = seen(database, view, rows.user()["id"])
    assert row["id"] == published[view, True]["id"]
    assert published["ann"]["id"] not in map(str, row.values())
    assert "secret" not in row.values()
    if view == "public_asin_list_items":
        assert row["asin"] == "B000000001"


@pytest.mark.parametrize(
    "table",
    [*VIEWS, "amc_data_sources", "amc_schema_fields", "build_guides", "build_guide_sections",
     "build_guide_queries"],
)  # fmt: skip
def test_nobody_reads_it_without_signing_in(
    database: Database, rows: Rows, published: Row, table: str
) -> None:
    source = rows.insert("amc_data_sources", name="s", display_name="S", category="c")
    rows.insert("amc_schema_fields", data_source_id=source["id"], field_name="f", data_type="LONG")
    guide = rows.insert("build_guides", title="G", category="c", is_published=True)["id"]
    rows.insert("build_guide_sections", guide_id=guide, section_number=1)
    rows.insert("build_guide_queries", guide_id=guide, title="Q", sql_query="SELECT 1")
    assert seen(database, table, None) == []
    assert len(seen(database, table, rows.user()["id"])) == 1


@pytest.mark.parametrize("table", ["query_templates", "asin_lists", "asin_list_items"])
def test_the_tables_themselves_show_own_rows_only(
    database: Database, rows: Rows, published: Row, table: str
) -> None:
    assert seen(database, table, rows.user()["id"]) == []
    assert len(seen(database, table, published["ann"]["id"])) == 2


def test_a_condition_of_the_readers_is_not_tried_on_private_rows(
    database: Database, rows: Rows, published: Row
) -> None:
    connection = database.connect("recomamp_analyst", rows.user()["id"])
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM public_query_templates"
            " WHERE CASE WHEN name = 'T false' THEN 1 / (length(name) - 7) = 1 ELSE true END"
        )
        assert cursor.fetchall() == [("T True",)]


def test_a_template_is_private_unless_it_says_otherwise(rows: Rows) -> None:
    made = rows.insert("query_templates", name="T", category="c", sql_template="SELECT 1")
    assert made["is_public"] is False


def test_a_workflow_uses_templates_of_its_owner_and_public_ones(rows: Rows, published: Row) -> None:
    public, private = (published["public_query_templates", one]["id"] for one in (True, False))
    of_ann = rows.workflow(rows.instance(published["ann"]), template_id=private)
    of_bob = rows.workflow(template_id=public)
    assert (of_ann["template_id"], of_bob["template_id"]) == (private, public)

    instance = rows.get("amc_instances", of_bob["instance_id"])
    missing = str(uuid4())
    said = []
    for key in (private, missing):
        with pytest.raises(
            psycopg2.errors.CheckViolation, match=r"workflows\.template_id: "
        ) as one:
            rows.update("workflows", of_bob, template_id=key)
        with pytest.raises(
            psycopg2.errors.CheckViolation, match=r"workflows\.template_id: "
        ) as two:
            rows.workflow(instance, template_id=key)
        said.append([str(error.value).replace(key, "it") for error in (one, two)])
    assert said[0] == said[1]  # a private one looks like none


def test_a_template_that_becomes_private_stays_named_where_it_was_used(
    rows: Rows, published: Row
) -> None:
    template = published["public_query_templates", True]
    workflow = rows.workflow(template_id=template["id"])
    rows.update("query_templates", template, is_public=False)
    renamed = rows.update("workflows", workflow, name="N", template_id=template["id"])
    assert renamed["template_id"] == template["id"]
    heir = rows.user()["id"]
    rows.update("amc_instances", workflow["instance_id"], user_id=heir)
    given = rows.get("workflows", workflow)
    assert (given["user_id"], given["template_id"]) == (heir, None)


def test_instances_are_entered_by_the_application_alone(database: Database, rows: Rows) -> None:
    instance = rows.instance()
    analyst = database.connect("recomamp_analyst", instance["user_id"], autocommit=True)
    with analyst.cursor() as cursor:
        cursor.execute("UPDATE amc_instances SET name = 'N', description = 'D', is_active = false")
        assert cursor.rowcount == 1
        for statement in (
            "UPDATE amc_instances SET region = 'eu-west-1'",
            "DELETE FROM amc_instances",
            "INSERT INTO amc_instances (instance_id, name, user_id, account_id)"
            f" VALUES ('amcnew', 'N', '{instance['user_id']}', '{instance['account_id']}')",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_a_template_that_others_use_is_not_deleted_and_locks_nobodys_rows(
    database: Database, rows: Rows
) -> None:
    """Deleting it would write into the workflows of other users."""
    author, other = rows.user(), rows.workflow()
    template = rows.insert(
        "query_templates", name="T", category="c", sql_template="SELECT 1",
        author_id=author["id"], is_public=True,
    )  # fmt: skip
    rows.update("workflows", other, template_id=template["id"])
    delete = "SELECT delete_own_row('query_templates', %s)"
    analyst = database.connect("recomamp_analyst", author["id"])
    with analyst, analyst.cursor() as cursor:
        with pytest.raises(psycopg2.errors.CheckViolation, match="set is_public to false"):
            cursor.execute(delete, [template["id"]])
        analyst.rollback()
    rows.update("workflows", other, template_id=None)
    with analyst, analyst.cursor() as cursor:
        cursor.execute(delete, [template["id"]])
        assert cursor.fetchone() == (True,)
