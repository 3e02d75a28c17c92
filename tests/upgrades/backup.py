"""A backup as docs/how-to/upgrade-a-database.md describes it, and its way back."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stack.settings import ROOT, SECRETS_FILE
from stack.stack import Stack

GUIDE = ROOT / "docs" / "how-to" / "upgrade-a-database.md"
_AFTER_RESTORE = re.compile(r"<!-- run: after a restore -->\s*```sql\n(.*?)\s*```", re.DOTALL)
DATABASES = ("airflow", "recomamp")


def statement_after_restore() -> str:
    """Return the statement that the guide has for a restored database of the application."""
    return _AFTER_RESTORE.findall(GUIDE.read_text(encoding="utf-8"))[0]


@dataclass(frozen=True)
class Backup:
    """The files of a backup in a folder."""

    directory: Path

    def take_database(self, stack: Stack, database: str) -> None:
        """Write one database as it is now. Sessions go on meanwhile."""
        _run(
            stack,
            "pg_dump",
            database,
            "--format=custom",
            f"--file={self.directory / database}.dump",
        )

    def take_rest(self, stack: Stack, results: Path) -> None:
        """Write the roles, the keys and the results."""
        _run(stack, "pg_dumpall", "postgres", "--roles-only", f"--file={self.directory / 'roles'}")
        shutil.copy2(stack.settings.data / SECRETS_FILE, self.directory)
        shutil.copytree(results, self.directory / "results")

    def restore(self, stack: Stack) -> None:
        """Restore roles and both databases on the stack's new server, which then stops."""
        stack._postgres.start()
        try:
            _run(stack, "psql", "postgres", "--quiet", f"--file={self.directory / 'roles'}")
            for database in DATABASES:
                dump = f"{self.directory / database}.dump"
                _run(stack, "pg_restore", "postgres", "--create", "--exit-on-error", dump)
            after = statement_after_restore()
            _run(stack, "psql", "recomamp", "--set=ON_ERROR_STOP=1", f"--command={after}")
        finally:
            stack._postgres.stop()


def _run(stack: Stack, program: str, database: str, *arguments: str) -> None:
    uri = stack.settings.superuser_uri.rpartition("/")[0]
    command = [stack._postgres._bin / program, f"--dbname={uri}/{database}", *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
