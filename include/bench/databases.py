"""A database server for one benchmark."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection

from recomamp.store.migrate import migrate
from stack.ports import HOST, choose_ports
from stack.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
OWNER = "recomamp"
PIPELINE = "recomamp_pipeline"
CONSOLE = "recomamp_console"
ANALYST = "recomamp_analyst"
DATABASE = "recomamp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Databases:
    """A running server with the application's database, migrated and empty."""

    server: Postgres
    password: str

    def uri(self, role: str = OWNER, database: str = DATABASE) -> str:
        """Return the address of a database for one of its roles. `postgres` is the superuser."""
        return f"postgresql://{role}:{self.password}@{HOST}:{self.server.port}/{database}"

    @property
    def pipeline_uri(self) -> str:
        """Address of the application's database as the pipeline sees it."""
        return self.uri(PIPELINE)

    @contextlib.contextmanager
    def connect(self, role: str = OWNER, database: str = DATABASE) -> Iterator[Connection]:
        """Connect as a role. Every statement commits."""
        connection = psycopg2.connect(self.uri(role, database))
        connection.autocommit = True
        with contextlib.closing(connection):
            yield connection

    def create_database(self, database: str, *, migrated: bool = True) -> None:
        """Create one more database of the owner, with the application's tables or empty."""
        self.server.ensure_database(database, OWNER)
        if migrated:
            with contextlib.closing(psycopg2.connect(self.uri(OWNER, database))) as connection:
                migrate(connection)


@contextlib.contextmanager
def application_database() -> Iterator[Databases]:
    """Start a server in a temporary directory on a free port of 127.0.0.1. End it afterwards.

    It is as durable as a real one, because the figures include commits.
    """
    directory = Path(tempfile.mkdtemp(prefix="recomamp-bench-"))
    password = secrets.token_urlsafe(16)
    server = Postgres(
        directory=directory / "postgres",
        port=choose_ports(os.environ, free_ports=True).postgres,
        password=password,
        log_file=directory / "postgres.log",
    )
    try:
        server.start()
        for role, options in ((OWNER, "CREATEROLE"), (PIPELINE, "")):
            server.ensure_role(role, password, options=options)
        databases = Databases(server=server, password=password)
        databases.create_database(DATABASE)
        for role in (CONSOLE, ANALYST):  # the migrations have created them
            server.ensure_role(role, password)
        yield databases
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
