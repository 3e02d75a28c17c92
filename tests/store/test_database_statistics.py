"""What the pipeline may do to tables it does not own: gather statistics, and nothing more."""

from __future__ import annotations

import pytest
from psycopg2.errors import InsufficientPrivilege

from fixtures.postgres import Database, Rows
from recomamp.store.database_statistics import (
    analyze_table,
    select_tables_to_analyze,
    select_unused_indexes,
)


def test_statistics_are_gathered_with_the_owners_rights(owned: Database) -> None:
    Rows(owned).workflow()
    connection = owned.connect("recomamp_pipeline")

    assert analyze_table(connection, "workflows")
    connection.commit()

    assert owned.query("SELECT reltuples FROM pg_class WHERE relname = 'workflows'") == [
        {"reltuples": 1}
    ]


@pytest.mark.parametrize(
    "name", ["pg_class", "nowhere", "workflows; DROP TABLE users", "strangers", "idx_users_email"]
)
def test_nothing_but_tables_of_the_owner_is_analyzed(owned: Database, name: str) -> None:
    owned.query("CREATE TABLE strangers (id INTEGER)")
    connection = owned.connect("recomamp_pipeline")

    with pytest.raises(InsufficientPrivilege, match="is not a table of the owner"):
        analyze_table(connection, name)
    connection.rollback()

    assert "strangers" not in select_tables_to_analyze(connection)
    assert "workflows" in select_tables_to_analyze(connection)


@pytest.mark.parametrize("role", ["recomamp_analyst"])
def test_others_may_not_use_the_owners_rights(database: Database, role: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        analyze_table(database.connect(role), "workflows")


@pytest.mark.parametrize(
    "statement", ["TRUNCATE workflows", "LOCK TABLE users", "DROP TABLE users"]
)
def test_the_pipeline_gets_no_right_beyond_that(database: Database, statement: str) -> None:
    connection = database.connect("recomamp_pipeline")
    with pytest.raises(InsufficientPrivilege), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_index_that_is_used_is_not_found(owned: Database) -> None:
    Rows(owned).workflow()
    scanner = owned.connect(autocommit=True)
    with scanner.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("SELECT id FROM workflows ORDER BY last_executed_at LIMIT 1")
    scanner.close()  # a session counts until its end

    def found(larger_than_bytes: int = 0) -> set[str]:
        with owned.connect("recomamp_pipeline") as connection:
            return {
                one.index_name
                for one in select_unused_indexes(connection, larger_than_bytes=larger_than_bytes)
            }

    unused = found()
    assert "idx_workflows_tags" in unused
    assert "idx_workflows_last_executed" not in unused
    assert not {"workflows_pkey", "idx_amc_instances_instance_id"} & unused  # they enforce rules
    assert found(larger_than_bytes=2**40) == set()


def test_the_documents_own_maintenance_queries_run(owned: Database) -> None:
    owned.query("ANALYZE workflows")
    owned.query("ANALYZE workflow_executions")
    owned.query(
        "SELECT schemaname, tablename, attname, n_distinct, correlation FROM pg_stats"
        " WHERE schemaname = 'public' ORDER BY n_distinct DESC"
    )
    assert owned.query("SELECT * FROM slow_queries(1000)") == []
