"""The database of each release becomes that of today, with its rows and what reads them."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.postgres import Database, Rows, Server, migrate_database
from fixtures.released_rows import SHOWN
from recomamp.domain.definitions import Collection, Schedule
from recomamp.errors import MigrationError
from recomamp.pipeline.generator.definitions import READERS, parse_row
from recomamp.store.migrate import MIGRATIONS_DIRECTORY, read_migrations
from recomamp.store.slots import grant_slots
from recomamp.store.statements import fetch_all
from store.release_dump import RELEASES, dump_database
from store.schema_snapshot import dump_schema

DUMPS = sorted(RELEASES.glob("*.sql"))
NAMES = [migration.name for migration in read_migrations()]
OWN_RECORDS = "recomamp_migrations"
# Columns whose values a migration changes or removes on purpose, as "table.column". Say why
CHANGED_ON_PURPOSE: frozenset[str] = frozenset()

Values = dict[str, Counter[str]]


@dataclass(frozen=True)
class Version:
    """A server of one version of PostgreSQL, and its database with all migrations of today."""

    server: Server
    fresh: str


@pytest.fixture(params=["", "_16"], ids=["18", "16"])
def version(request: pytest.FixtureRequest) -> Version:
    """Provide each available version. Its server has the roles that dumps name."""
    return Version(
        server=request.getfixturevalue(f"postgres_server{request.param}"),
        fresh=request.getfixturevalue(f"template_database{request.param}"),
    )


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def released(request: pytest.FixtureRequest, version: Version) -> Iterator[Database]:
    """Provide the database of a release, before any migration of today."""
    yield from restored(version.server, request.param)


@pytest.fixture
def newest(postgres_server: Server, template_database: str) -> Iterator[Database]:
    """Provide the database of the newest release on the newest server."""
    yield from restored(postgres_server, DUMPS[-1])


def restored(server: Server, dump: Path) -> Iterator[Database]:
    database = restore(server, dump.read_text(encoding="utf-8"))
    try:
        yield database
    finally:
        remove(server, database)


def restore(server: Server, dump: str) -> Database:
    database = Database(uri=server.uri(server.create_database()))
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(dump)
    database.close()  # the dump has emptied the session's search path
    return database


def remove(server: Server, database: Database) -> None:
    database.close()
    server.drop_database(name_of(database))


def name_of(database: Database) -> str:
    return database.uri.rpartition("/")[2]


def read_values(database: Database) -> Values:
    """Return the values of each column of each table as JSON, with the row's key before them."""
    tables = database.query(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> %s",
        [OWN_RECORDS],
    )
    found: Values = {}
    for table in (one["tablename"] for one in tables):
        keys = [
            one["attname"]
            for one in database.query(
                "SELECT attname FROM pg_index JOIN pg_attribute"
                " ON attrelid = indrelid AND attnum = ANY (indkey)"
                " WHERE indisprimary AND indrelid = %s::REGCLASS",
                [table],
            )
        ]
        for row in database.query(f"SELECT to_jsonb(t) AS row FROM {table} AS t"):
            key = [row["row"][column] for column in sorted(keys)]
            for column, value in row["row"].items():
                values = found.setdefault(f"{table}.{column}", Counter())
                values[json.dumps([key, value], sort_keys=True)] += 1
    return found


def structure(server: Server, uri: str) -> list[str]:
    """Return the lines of a database's structure and rights.

    It was restored once: the dump of a restored database has other brackets in expressions.
    """
    copy = restore(server, dump_database(server.bin_path, uri, "--schema-only"))
    text = dump_schema(server.bin_path, copy.uri)
    remove(server, copy)
    # PostgreSQL 13 compares EXTRACT as a double, and so casts the numbers of a newer server's dump
    return re.sub(
        r"\(\((\d+)\)::numeric\)::double precision", r"(\1)::double precision", text
    ).splitlines()


def changed_columns(before: Values, after: Values) -> set[str]:
    """Return the columns of which a row has lost its value, or its row. New columns are none."""
    return {column for column, values in before.items() if values != after.get(column)}


# --- The dumps ---------------------------------------------------------------------------------


def test_a_dump_has_a_row_in_every_table(newest: Database) -> None:
    filled = {column.partition(".")[0] for column in read_values(newest)}
    tables = {
        one["tablename"]
        for one in newest.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    # The second names roles of the server; nothing is deleted here
    assert tables - filled <= {OWN_RECORDS, "database_logins", "deleted_ids"}


# --- The upgrade -------------------------------------------------------------------------------


def test_the_database_of_a_release_becomes_that_of_today(
    released: Database, version: Version
) -> None:
    server = version.server
    recorded = released.query(f"SELECT name FROM {OWN_RECORDS} ORDER BY name")
    before = read_values(released)
    released.close()

    applied = migrate_database(server, name_of(released))

    assert [one["name"] for one in recorded] + applied == NAMES
    assert changed_columns(before, read_values(released)) <= CHANGED_ON_PURPOSE
    assert structure(server, released.uri) == structure(server, server.uri(version.fresh))


def test_what_reads_the_rows_reads_them_after_the_upgrade(
    released: Database, version: Version
) -> None:
    migrate_database(version.server, name_of(released))

    views = released.query("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    for view in views:
        released.query(f"SELECT * FROM {view['viewname']}")
    assert len(views) >= 5
    (workflow,) = released.query("SELECT * FROM workflows WHERE name = %s", [SHOWN])
    analyst = released.connect("recomamp_analyst", workflow["user_id"])
    with analyst, analyst.cursor() as cursor:
        cursor.execute("SELECT execution_id, versions FROM current_results WHERE result_rows = 1")
        ((execution_id, versions),) = cursor.fetchall()
        assert versions == 2
        cursor.execute("SELECT * FROM result_rows(%s)", [execution_id])
        assert len(cursor.fetchall()) == 1
        cursor.execute("SELECT count(*) FROM results_as_of(now())")
        assert cursor.fetchone() > (0,)
        cursor.execute("SELECT count(*) FROM workflows")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT id FROM workflow_schedules WHERE name = 'Mondays'")
        cursor.execute("SELECT * FROM schedule_preview(%s)", cursor.fetchone())
        assert len(cursor.fetchall()) == 10


def test_each_row_of_a_definition_is_still_a_dag(released: Database, version: Version) -> None:
    migrate_database(version.server, name_of(released))

    connection = released.connect("recomamp_pipeline")
    every = {"definition_id": None, "shard": 0, "shards": 1}
    found = [
        read(parse_row(row["definition"]))  # raises what makes a DAG invalid
        for kind, read in READERS.items()
        for row in fetch_all(connection, "select_definitions", kind=kind.value, **every)
    ]

    (mondays,) = (one for one in found if one.name == "Mondays")
    assert isinstance(mondays, Schedule)
    assert mondays.workflow.name == SHOWN
    assert {type(one) for one in found} == {Schedule, Collection}


def test_open_work_goes_on_after_the_upgrade(released: Database, version: Version) -> None:
    """What waits gets its slot, what runs at AMC ends, and triggers count weeks."""
    migrate_database(version.server, name_of(released))

    rows = Rows(released)
    (workflow,) = released.query("SELECT * FROM workflows WHERE name = %s", [SHOWN])
    of_workflow = "SELECT * FROM {} WHERE workflow_id = %s"
    executions = released.query(of_workflow.format("workflow_executions"), [workflow["id"]])
    (pending,) = (one for one in executions if one["status"] == "PENDING")
    (running,) = (one for one in executions if one["status"] == "RUNNING")
    pipeline = released.connect("recomamp_pipeline")
    with pipeline:
        granted = grant_slots(pipeline, workflow["instance_id"], now=pending["created_at"])
    assert set(map(str, granted)) == {pending["id"]}
    rows.update("workflow_executions", running, status="FAILED")
    (collection,) = released.query(of_workflow.format("report_data_collections"), [workflow["id"]])
    for week in rows.weeks(collection):
        rows.update("report_data_weeks", week, status="SUCCESS")
    assert rows.get("report_data_collections", collection)["status"] == "COMPLETED"


# --- What the comparison sees ------------------------------------------------------------------


@pytest.fixture
def next_migration(tmp_path: Path) -> Path:
    """Provide the path of the migration after today's, in a copy of the folder."""
    folder = Path(shutil.copytree(MIGRATIONS_DIRECTORY, tmp_path / "migrations"))
    return folder / f"{len(NAMES) + 1:04d}_next.sql"


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("UPDATE workflows SET sql_query = upper(sql_query)", "workflows.sql_query"),
        ("DELETE FROM schedule_runs", "schedule_runs.id"),
        (
            "ALTER TABLE build_guide_queries DROP COLUMN description",
            "build_guide_queries.description",
        ),
        ("UPDATE users SET timezone = 'Asia/Tokyo' WHERE email LIKE 'user1@%'", "users.timezone"),
    ],
    ids=["changed", "deleted", "dropped", "one row"],
)
def test_a_migration_that_changes_a_row_is_seen(
    newest: Database, postgres_server: Server, next_migration: Path, statement: str, seen: str
) -> None:
    before = read_values(newest)
    newest.close()
    next_migration.write_text(f"{statement};", encoding="utf-8")

    migrate_database(postgres_server, name_of(newest), directory=next_migration.parent)

    assert seen in changed_columns(before, read_values(newest))


def test_a_migration_that_adds_alone_is_not_reported(
    newest: Database, postgres_server: Server, next_migration: Path
) -> None:
    before = read_values(newest)
    newest.close()
    next_migration.write_text("ALTER TABLE asins ADD COLUMN colour TEXT;", encoding="utf-8")

    migrate_database(postgres_server, name_of(newest), directory=next_migration.parent)

    assert changed_columns(before, read_values(newest)) == set()


def test_a_migration_that_rows_of_the_release_contradict_fails(
    newest: Database, postgres_server: Server, next_migration: Path
) -> None:
    """On an empty database it would succeed."""
    next_migration.write_text(
        "ALTER TABLE workflow_schedules ADD CONSTRAINT chk_next CHECK (is_active);",
        encoding="utf-8",
    )
    with pytest.raises(MigrationError, match="chk_next"):
        migrate_database(postgres_server, name_of(newest), directory=next_migration.parent)


def test_what_an_upgrade_leaves_behind_is_seen(
    newest: Database, postgres_server: Server, template_database: str
) -> None:
    newest.query("CREATE INDEX left_over ON users (email)")

    migrate_database(postgres_server, name_of(newest))

    upgraded = structure(postgres_server, newest.uri)
    fresh = structure(postgres_server, postgres_server.uri(template_database))
    assert set(upgraded) - set(fresh) == {
        "-- Name: left_over; Type: INDEX; Schema: public; Owner: -",
        "CREATE INDEX left_over ON public.users USING btree (email);",
    }
