"""The page ``docs/columns.md``, made of the comments on the tables and columns of a database."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from fixtures.postgres import Database

PAGE = Path(__file__).resolve().parents[2] / "docs" / "columns.md"
HEAD = Path(__file__).with_name("columns_head.md")

# What stands in the comments: "<meaning> Written by: <writer>; <writer>."
WRITERS = " Written by: "
ADDED = "Added by the pipeline."
OUR_TABLE = "Table of the pipeline."
# Writers that are no names in the code
PEOPLE = ("default", "user", "application", "migration runner", "any Amazon call")

_COMMENTS = """
    SELECT
        class.relname AS table_name,
        attribute.attname AS column_name,
        obj_description(class.oid, 'pg_class') AS about_table,
        col_description(class.oid, attribute.attnum) AS about_column
    FROM pg_class AS class
    JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind = 'r'
        AND attribute.attnum > 0 AND NOT attribute.attisdropped
    ORDER BY class.relname = 'recomamp_migrations', class.oid, attribute.attnum
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column with what its comment and that of its table say."""

    table: str
    name: str
    about_table: str
    meaning: str
    writers: Sequence[str]

    @property
    def is_of_the_document(self) -> bool:
        """Whether the application's schema document has the column."""
        return ADDED not in self.meaning and OUR_TABLE not in self.about_table


def read_columns(database: Database) -> list[Column]:
    """Read all columns with their comments, table by table in the order of the migrations.

    :raises ValueError: a table or a column has no comment, or it names no writer.
    """
    return [_column(row) for row in database.query(_COMMENTS)]


def _column(row: Mapping[str, Any]) -> Column:
    name = f"{row['table_name']}.{row['column_name']}"
    meaning, found, writers = (row["about_column"] or "").rpartition(WRITERS)
    if not found or not row["about_table"]:
        raise ValueError(f"{name}: the comment of the column or of its table is missing")
    return Column(
        table=row["table_name"],
        name=row["column_name"],
        about_table=row["about_table"],
        meaning=meaning,
        writers=writers.removesuffix(".").split("; "),
    )


def render(columns: Sequence[Column]) -> str:
    """Return the page as Markdown."""
    tables = {one.table for one in columns}
    parts = [
        HEAD.read_text(encoding="utf-8").format(
            tables=len(tables),
            columns=len(columns),
            document=sum(one.is_of_the_document for one in columns),
        )
    ]
    for table, of_table in groupby(columns, key=lambda one: one.table):
        rows = list(of_table)
        lines = "\n".join(_row(one) for one in rows)
        parts.append(
            f"## {table}\n\n{rows[0].about_table}\n\n"
            f"| column | written by | meaning |\n|---|---|---|\n{lines}\n"
        )
    return "\n".join(parts)


def _row(column: Column) -> str:
    written_by = "; ".join(_code(writer) for writer in column.writers)
    return f"| `{column.name}` | {written_by} | {column.meaning} |"


def _code(writer: str) -> str:
    """Mark the names in a writer as code."""
    if writer in PEOPLE:
        return writer
    by_statement = re.fullmatch(r"(.+) \((.+)\)", writer)
    if by_statement is None:
        return f"`{writer}`"
    steps, statements = (
        ", ".join(one if one in PEOPLE else f"`{one}`" for one in names.split(", "))
        for names in by_statement.groups()
    )
    return f"{steps} ({statements})"


def write_page(database: Database) -> None:
    """Write the page anew."""
    PAGE.write_text(render(read_columns(database)), encoding="utf-8")
