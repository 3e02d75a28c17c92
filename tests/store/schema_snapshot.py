"""Structure of a migrated database as text: what ``include/sql/schema.sql`` holds.

`make schema` writes the file and ``docs/columns.md`` anew after a migration was added.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "include" / "sql" / "schema.sql"

_HEADER = """\
-- The application's database after all migrations: what a reviewer reads to see their net effect.
-- Written by `make schema`, compared by tests/store/test_migrations.py; not to be
-- edited and not to be run.
"""
# Lines that change with the version of pg_dump, or from one dump to the next.
_NOISE = re.compile(
    r"^(-- (Dumped|PostgreSQL|Started|Completed)|\\(un)?restrict|SET |SELECT pg_catalog)"
)


def dump_schema(bin_path: Path, uri: str) -> str:
    """Dump the structure of a database, grants and policies included, without version noise."""
    command = [bin_path / "pg_dump", "--schema-only", "--no-owner", "--dbname", uri]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if not _NOISE.match(line)]
    text = "\n".join(line for line in lines if line != "--")
    return _HEADER + "\n" + re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def main() -> None:
    """Migrate an empty database; write the snapshot and the page of its columns."""
    from docs.columns_page import write_page
    from fixtures.postgres import Database, Server, migrate_database

    server = Server()
    try:
        server.start()
        name = server.create_database()
        migrate_database(server, name)
        SNAPSHOT.write_text(dump_schema(server.bin_path, server.uri(name)), encoding="utf-8")
        database = Database(uri=server.uri(name))
        write_page(database)
        database.close()
    finally:
        server.stop()


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "plugins")]
    main()
