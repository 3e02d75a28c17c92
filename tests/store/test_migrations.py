"""The migrations bring any database of theirs to the same state, once, whoever runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import psycopg2
import pytest

from fixtures.postgres import Database, Rows, Server, migrate_database, requires_postgres
from recomamp.errors import ConfigurationError, MigrationError
from recomamp.store.connection_strings import connection_arguments
from recomamp.store.migrate import (
    MIGRATIONS_DIRECTORY,
    migrate,
    read_migrations,
)
from store.schema_snapshot import ROOT, SNAPSHOT, dump_schema

NAMES = [migration.name for migration in read_migrations()]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Provide a copy of the migrations that a test may change."""
    return Path(shutil.copytree(MIGRATIONS_DIRECTORY, tmp_path / "migrations"))


@pytest.fixture
def name(empty_database: Database) -> str:
    """Provide the name of an empty database."""
    return empty_database.uri.rpartition("/")[2]


def dump(server: Server, name: str) -> str:
    return dump_schema(server.bin_path, server.uri(name))


def test_from_empty_all_are_applied_in_order_and_then_none(
    postgres_server: Server, name: str
) -> None:
    assert migrate_database(postgres_server, name) == NAMES
    assert migrate_database(postgres_server, name) == []


def test_one_after_the_other_ends_as_all_at_once(
    postgres_server: Server, template_database: str, name: str, tmp_path: Path
) -> None:
    for migration in NAMES:
        shutil.copy(MIGRATIONS_DIRECTORY / f"{migration}.sql", tmp_path)
        assert migrate_database(postgres_server, name, directory=tmp_path, access_file=None) == [
            migration
        ]
    migrate_database(postgres_server, name)

    assert dump(postgres_server, name) == dump(postgres_server, template_database)


@requires_postgres(18)  # whose pg_dump has written the snapshot
def test_the_snapshot_is_what_the_migrations_make(
    postgres_server: Server, template_database: str
) -> None:
    # After a new migration: make schema
    assert dump(postgres_server, template_database) == SNAPSHOT.read_text(encoding="utf-8")


@pytest.fixture
def database_16(postgres_server_16: Server) -> Iterator[Database]:
    """Provide a migrated database of PostgreSQL 16."""
    name = postgres_server_16.create_database()
    migrate_database(postgres_server_16, name)
    database = Database(uri=postgres_server_16.uri(name))
    yield database
    database.close()


def test_an_older_postgres_will_do(database_16: Database) -> None:
    rows = Rows(database_16)

    weeks = rows.weeks(rows.collection())
    rows.update("report_data_weeks", weeks[0], status="SUCCESS")
    assert rows.schedule(timezone="Europe/Berlin")["next_run_at"] is not None
    with pytest.raises(psycopg2.errors.CheckViolation, match=r"workflow_schedules\.timezone"):
        rows.schedule(timezone="Europe/Bonn")
    with pytest.raises(psycopg2.errors.CheckViolation, match=r"\.cron_expression"):
        rows.schedule(cron_expression="0 0 30 2 *")


def test_plain_psql_can_apply_the_files(empty_database: Database) -> None:
    for migration in read_migrations():
        empty_database.query(migration.text)


def test_a_changed_migration_is_refused(
    postgres_server: Server, name: str, directory: Path
) -> None:
    migrate_database(postgres_server, name, directory=directory)
    changed = directory / f"{NAMES[2]}.sql"
    changed.write_text(changed.read_text() + "-- one more comment\n")

    with pytest.raises(MigrationError, match=f"{NAMES[2]}: changed after it was applied"):
        migrate_database(postgres_server, name, directory=directory)


def test_a_recorded_migration_without_a_file_is_refused(
    postgres_server: Server, name: str, directory: Path
) -> None:
    migrate_database(postgres_server, name, directory=directory)
    (directory / f"{NAMES[-1]}.sql").unlink()

    with pytest.raises(MigrationError, match=f"{NAMES[-1]}: applied .* no such file"):
        migrate_database(postgres_server, name, directory=directory)


def test_a_record_that_is_missing_before_later_ones_is_refused(
    postgres_server: Server, empty_database: Database, name: str
) -> None:
    migrate_database(postgres_server, name)
    empty_database.query("DELETE FROM recomamp_migrations WHERE name = %s", [NAMES[1]])

    with pytest.raises(MigrationError, match=f"{NAMES[1]}: was never applied"):
        migrate_database(postgres_server, name)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f"{NAMES[1]}.sql", None, "number 0002 is expected here"),
        (f"{NAMES[1]}.sql", "0001_again.sql", "number 0002 is expected here"),
        (f"{NAMES[1]}.sql", "0002-other.sql", "is named NNNN_what.sql"),
    ],
)
def test_misnumbered_files_are_refused(
    directory: Path, old: str, new: str | None, problem: str
) -> None:
    moved = directory / old
    if new is None:
        moved.unlink()
    else:
        moved.rename(directory / new)

    with pytest.raises(MigrationError, match=problem):
        read_migrations(directory)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations here"):
        read_migrations(tmp_path)


def test_a_failed_migration_leaves_nothing_and_keeps_the_former_ones(
    postgres_server: Server, empty_database: Database, name: str, directory: Path
) -> None:
    bad = directory / f"{len(NAMES) + 1:04d}_break.sql"
    bad.write_text("CREATE TABLE half (id INTEGER); SELECT 1 / 0;")

    with pytest.raises(MigrationError, match=r"break: division by zero"):
        migrate_database(postgres_server, name, directory=directory)

    recorded = empty_database.query("SELECT name FROM recomamp_migrations ORDER BY name")
    assert [row["name"] for row in recorded] == NAMES
    assert empty_database.query("SELECT to_regclass('half') AS half") == [{"half": None}]
    bad.write_text("CREATE TABLE whole (id INTEGER);")
    assert migrate_database(postgres_server, name, directory=directory) == [bad.stem]


def test_runners_at_once_apply_each_migration_once(
    postgres_server: Server, template_database: str, name: str
) -> None:
    barrier = Barrier(3)

    def run() -> list[str]:
        connection = psycopg2.connect(postgres_server.uri(name))
        barrier.wait()
        try:
            return migrate(connection)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        applied = [future.result() for future in [pool.submit(run) for _ in range(3)]]

    assert sorted(done for each in applied for done in each) == NAMES
    assert dump(postgres_server, name) == dump(postgres_server, template_database)


def test_a_role_that_may_not_be_created_is_said(empty_database: Database, directory: Path) -> None:
    # The roles belong to the server and other tests' databases: ask for one that is not there.
    first = directory / f"{NAMES[0]}.sql"
    first.write_text(first.read_text().replace("recomamp_analyst", "nobody_here"))
    empty_database.query("CREATE ROLE migrations_owner NOLOGIN")
    empty_database.query("GRANT ALL ON SCHEMA public TO migrations_owner")
    connection = empty_database.connect("migrations_owner")

    try:
        with pytest.raises(MigrationError, match="run CREATE ROLE nobody_here NOLOGIN"):
            migrate(connection, directory)
    finally:
        connection.close()
        empty_database.query("DROP OWNED BY migrations_owner")
        empty_database.query("DROP ROLE migrations_owner")


def test_a_role_that_may_not_migrate_is_said(database: Database) -> None:
    with pytest.raises(MigrationError, match=r"permission denied .* as the owner"):
        migrate(database.connect("recomamp_pipeline"))


def run_command(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recomamp.store.migrate"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "plugins"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("setting", ["RECOMAMP_MIGRATE_URI", "AIRFLOW_CONN_RECOMAMP_DB"])
def test_the_command_applies_what_is_pending(empty_database: Database, setting: str) -> None:
    first = run_command(**{setting: empty_database.uri})
    second = run_command(**{setting: empty_database.uri})

    assert first.stdout.splitlines() == [f"applied {name}" for name in NAMES]
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "")


def test_the_command_prefers_the_owners_uri(empty_database: Database) -> None:
    done = run_command(
        RECOMAMP_MIGRATE_URI=empty_database.uri, AIRFLOW_CONN_RECOMAMP_DB="postgres://nowhere/x"
    )

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({}, "set RECOMAMP_MIGRATE_URI or AIRFLOW_CONN_RECOMAMP_DB"),
        ({"RECOMAMP_MIGRATE_URI": "mysql://u:pa55@h/d"}, "does not start with postgresql://"),
        ({"AIRFLOW_CONN_RECOMAMP_DB": '{"password": "pa55"'}, "is not valid JSON"),
        ({"RECOMAMP_MIGRATE_URI": "postgresql://u:pa55@127.0.0.1:1/d"}, "cannot connect"),
        ({"RECOMAMP_MIGRATE_URI": "postgresql://u:pa55@127.0.0.1:x1/d"}, "is not a valid URI"),
    ],
)
def test_the_command_says_in_one_line_what_is_missing(
    environment: dict[str, str], problem: str
) -> None:
    done = run_command(**environment)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert problem in done.stderr
    assert "pa55" not in done.stderr


def test_the_command_says_in_one_line_what_contradicts(empty_database: Database) -> None:
    run_command(RECOMAMP_MIGRATE_URI=empty_database.uri)
    empty_database.query("UPDATE recomamp_migrations SET checksum = '0' WHERE name = %s", NAMES[:1])

    done = run_command(RECOMAMP_MIGRATE_URI=empty_database.uri)

    assert done.returncode == 1
    assert done.stderr == (
        f"migrate: {NAMES[0]}: changed after it was applied;"
        " restore the file and put the change into a new migration\n"
    )


FIELDS = {
    "conn_type": "postgres",
    "host": "db.example.com",
    "login": "pipe line",
    "password": "p@ss/w:rd",
    "schema": "recomamp",
    "port": 6543,
}
ARGUMENTS = {
    "host": "db.example.com",
    "user": "pipe line",
    "password": "p@ss/w:rd",
    "dbname": "recomamp",
    "port": "6543",
    "sslmode": "require",
}
URI = "://pipe%20line:p%40ss%2Fw%3Ard@db.example.com:6543/recomamp"


@pytest.mark.parametrize(
    "value",
    [
        f"postgresql{URI}?sslmode=require",
        f"postgres{URI}?sslmode=require&cursor=dictcursor",
        f"postgresql+psycopg2{URI}?sslmode=require",
        f"postgres{URI}?__extra__=%7B%22sslmode%22%3A+%22require%22%7D",
        json.dumps({**FIELDS, "extra": {"sslmode": "require", "cursor": "dictcursor"}}),
        json.dumps({**FIELDS, "port": "6543", "extra": '{"sslmode": "require"}'}),
    ],
)
def test_a_connection_is_read_in_each_of_its_forms(value: str) -> None:
    assert connection_arguments(value) == ARGUMENTS


def test_a_unix_socket_can_be_named() -> None:
    arguments = connection_arguments("postgresql://postgres:@/recomamp?host=/run/postgresql")

    assert arguments == {"user": "postgres", "dbname": "recomamp", "host": "/run/postgresql"}


@pytest.mark.parametrize("value", ["", "recomamp", "http://h/d", "{}x", "[1]"])
def test_other_text_is_no_connection(value: str) -> None:
    with pytest.raises(ConfigurationError):
        connection_arguments(value)
