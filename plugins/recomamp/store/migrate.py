"""Bring a database to the state that the numbered files of ``include/sql/migrations`` describe.

A migration is plain SQL in a file ``NNNN_what.sql``. It is applied once, in a transaction of its
own, and recorded with its checksum in ``recomamp_migrations``; a file is never changed afterwards.
``include/sql/access.sql`` sets everybody's rights at the end of every run.
Run as a command, the database comes from ``RECOMAMP_MIGRATE_URI`` or ``AIRFLOW_CONN_RECOMAMP_DB``.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.errors import DuplicateObject, DuplicateTable, LockNotAvailable, UniqueViolation
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from recomamp.errors import ConfigurationError, MigrationError
from recomamp.store.connection_strings import open_named
from recomamp.store.statements import SQL_DIRECTORY

MIGRATIONS_DIRECTORY = SQL_DIRECTORY / "migrations"
ACCESS_FILE = SQL_DIRECTORY / "access.sql"
SETTINGS = ("RECOMAMP_MIGRATE_URI", "AIRFLOW_CONN_RECOMAMP_DB")

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

# Readers wait behind a statement that waits for its lock, and nobody may stop a migration for ever
# by holding one. So every wait for a lock has an end, from the first statement on.
_LIMITS = """
    SET LOCAL search_path = public;
    SET LOCAL client_min_messages = warning;
    SET LOCAL lock_timeout = '60s';
"""
# No policy and no grant: for the owner only, also where the schema is exposed through an API.
_CREATE_RECORDS = """
    CREATE TABLE IF NOT EXISTS recomamp_migrations (
        name TEXT PRIMARY KEY,
        checksum TEXT NOT NULL,
        applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
    );
    ALTER TABLE recomamp_migrations ENABLE ROW LEVEL SECURITY;
    COMMENT ON TABLE recomamp_migrations IS
        'A migration that was applied to the database. The migration runner inserts the rows; no '
        'role reads them. Table of the pipeline.';
    COMMENT ON COLUMN recomamp_migrations.name IS
        'Name of the file without its suffix. Written by: migration runner.';
    COMMENT ON COLUMN recomamp_migrations.checksum IS
        'SHA-256 of the file. Written by: migration runner.';
    COMMENT ON COLUMN recomamp_migrations.applied_at IS
        'Time when the migration was applied. Written by: default.';
"""
# Serialises runners. A lock of the table can be taken by its owner alone; a lock of a transaction
# also works behind a pooler in transaction mode.
_LOCK = "LOCK TABLE recomamp_migrations IN SHARE ROW EXCLUSIVE MODE"
_SELECT_RECORDED = "SELECT name, checksum FROM recomamp_migrations ORDER BY name"
_RECORD = "INSERT INTO recomamp_migrations (name, checksum) VALUES (%(name)s, %(checksum)s)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file: its name, its SQL and what identifies this SQL."""

    name: str
    text: str
    checksum: str


def read_migrations(directory: Path = MIGRATIONS_DIRECTORY) -> list[Migration]:
    """Read the migrations in order.

    :raises MigrationError: a file is misnamed, or the numbers are not 1, 2, 3 …
    """
    migrations = []
    for number, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        matched = _FILE_NAME.fullmatch(path.name)
        if matched is None:
            raise MigrationError(f"{path.name}: a migration is named NNNN_what.sql")
        if int(matched[1]) != number:
            raise MigrationError(f"{path.name}: number {number:04d} is expected here")
        content = path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        migrations.append(
            Migration(name=path.stem, text=content.decode("utf-8"), checksum=checksum)
        )
    if not migrations:
        raise MigrationError(f"{directory}: no migrations here")
    return migrations


def migrate(
    connection: Connection,
    directory: Path = MIGRATIONS_DIRECTORY,
    *,
    access_file: Path | None = ACCESS_FILE,
) -> list[str]:
    """Apply what is pending, then set everybody's rights; return the names applied, in order.

    The connection must be outside of a transaction. Several runners may work at once: each
    migration is applied by one of them.

    :param access_file: SQL that sets the rights, run each time; None where not all migrations are
        in the directory.
    :raises MigrationError: the records contradict the files, or a migration failed; migrations
        before the failed one stay applied.
    """
    migrations = read_migrations(directory)
    _create_records(connection)
    applied: list[str] = []
    while (name := _apply_next(connection, migrations)) is not None:
        applied.append(name)
    if access_file is not None:
        _set_rights(connection, access_file)
    return applied


def _create_records(connection: Connection) -> None:
    for is_last_try in (False, True):
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(_LIMITS)
                cursor.execute(_CREATE_RECORDS)
        except (UniqueViolation, DuplicateTable, DuplicateObject):
            # Another runner created it at the same moment: now it exists.
            if is_last_try:
                raise
        except psycopg2.Error as err:
            raise _not_the_owner(err) from err
        else:
            return


def _set_rights(connection: Connection, access_file: Path) -> None:
    with connection, connection.cursor() as cursor:
        _lock(cursor)
        try:
            cursor.execute(access_file.read_text(encoding="utf-8"))
        except psycopg2.Error as err:
            raise MigrationError(f"{access_file.name}: {_one_line(err)}") from err


def _apply_next(connection: Connection, migrations: Sequence[Migration]) -> str | None:
    with connection, connection.cursor() as cursor:
        pending = _pending(migrations, _read_recorded(cursor))
        if not pending:
            return None
        _apply(cursor, pending[0])
        return pending[0].name


def _read_recorded(cursor: Cursor) -> dict[str, str]:
    _lock(cursor)
    cursor.execute(_SELECT_RECORDED)
    return dict(cursor.fetchall())


def _lock(cursor: Cursor) -> None:
    """Let one runner work at a time, until its transaction ends."""
    try:
        cursor.execute(_LIMITS)
        cursor.execute(_LOCK)
    except LockNotAvailable as err:
        raise MigrationError(
            "recomamp_migrations: another migration has been running for more than a minute;"
            " migrate again when it has ended"
        ) from err
    except psycopg2.Error as err:
        raise _not_the_owner(err) from err


def _not_the_owner(err: psycopg2.Error) -> MigrationError:
    return MigrationError(
        f"recomamp_migrations: {_one_line(err)}; migrate as the owner of the database"
    )


def _apply(cursor: Cursor, migration: Migration) -> None:
    try:
        cursor.execute(migration.text)
    except psycopg2.Error as err:
        raise MigrationError(f"{migration.name}: {_one_line(err)}") from err
    cursor.execute(_RECORD, {"name": migration.name, "checksum": migration.checksum})


def _pending(migrations: Sequence[Migration], recorded: Mapping[str, str]) -> list[Migration]:
    """Return the migrations to apply, having compared the others with the records."""
    unknown = sorted(set(recorded) - {migration.name for migration in migrations})
    if unknown:
        raise MigrationError(
            f"{unknown[0]}: applied to this database, but there is no such file;"
            " run the version of the pipeline that has it, or migrate a new database"
        )
    done, pending = migrations[: len(recorded)], migrations[len(recorded) :]
    for migration in done:
        checksum = recorded.get(migration.name)
        if checksum is None:
            raise MigrationError(f"{migration.name}: was never applied, but later ones were")
        if checksum != migration.checksum:
            raise MigrationError(
                f"{migration.name}: changed after it was applied;"
                " restore the file and put the change into a new migration"
            )
    return list(pending)


def _one_line(err: psycopg2.Error) -> str:
    """Keep what Postgres says about the problem and leave its multi-line context out."""
    return (err.diag.message_primary or " ".join(str(err).split())).strip()


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Apply pending migrations, a line for each; return the exit status."""
    try:
        connection = open_named(SETTINGS, environment)
    except ConfigurationError as err:
        return _fail(str(err), status=2)
    try:
        for applied in migrate(connection):
            sys.stdout.write(f"applied {applied}\n")
        for notice in connection.notices:  # warnings alone: see _LIMITS
            sys.stderr.write(f"migrate: {' '.join(notice.split())}\n")
    except MigrationError as err:
        return _fail(str(err), status=1)
    finally:
        connection.close()
    return 0


def _fail(problem: str, *, status: int) -> int:
    sys.stderr.write(f"migrate: {problem}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
