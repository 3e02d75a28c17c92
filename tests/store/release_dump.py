"""Dumps of small filled databases, one for each release that has another newest migration.

`make release-dump` writes that of today's migrations. A dump of a release never changes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ROOT / "tests" / "store" / "releases"

_HEADER = """\
-- A filled database at migration {migration}, as its release has left it.
-- Written by `make release-dump`, restored by tests/store/test_release_compatibility.py; never to
-- be edited.
"""
# Settings that an older server does not know, and lines that only psql reads
_UNKNOWN = re.compile(r"^(SET transaction_timeout|\\(un)?restrict|-- (Dumped|Started|Completed))")


def dump_database(bin_path: Path, uri: str, *options: str) -> str:
    """Return structure, rights and rows of a database as SQL that a superuser can run."""
    command = [bin_path / "pg_dump", "--no-owner", "--inserts", *options, "--dbname", uri]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if not _UNKNOWN.match(line)]
    text = "\n".join(line for line in lines if line != "--")
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def main() -> int:
    """Migrate and fill a database, and write its dump unless there is one."""
    from fixtures.postgres import Database, Server, migrate_database
    from fixtures.released_rows import insert_released_rows
    from recomamp.store.migrate import read_migrations

    migration = read_migrations()[-1].name
    target = RELEASES / f"{migration[:4]}.sql"
    shown = target.relative_to(ROOT)
    if target.exists():
        sys.stderr.write(f"release-dump: {shown} is there; delete it if no release has it\n")
        return 1
    server = Server()
    try:
        server.start()
        name = server.create_database()
        migrate_database(server, name)
        database = Database(uri=server.uri(name))
        insert_released_rows(database)
        database.close()
        RELEASES.mkdir(exist_ok=True)
        dump = dump_database(server.bin_path, server.uri(name))
        target.write_text(f"{_HEADER.format(migration=migration)}\n{dump}", encoding="utf-8")
    finally:
        server.stop()
    sys.stdout.write(f"release-dump: {shown}\n")
    return 0


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "plugins")]
    sys.exit(main())
