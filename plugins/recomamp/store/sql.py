"""SQL text by name: the statements live in ``include/sql/queries``, one a file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import LiteralString

SQL_DIRECTORY = Path(__file__).resolve().parents[3] / "include" / "sql"


@cache
def load_sql(name: str) -> LiteralString:
    """Return the statement of ``include/sql/queries/<name>.sql``, read once per process.

    :raises FileNotFoundError: no such file.
    """
    # Files of this repository are as literal as the code is; what is glued to them is not, and a
    # type checker that knows LiteralString says so.
    text: LiteralString = (SQL_DIRECTORY / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    return text
