"""DuckDB's complaints in the words of AMC's compiler."""

from __future__ import annotations

import re

import duckdb

from amc_emulator.engine.query import QueryRefused

NOT_GROUPED = re.compile(r'column "([^"]+)" must appear in the GROUP BY clause')
WRONG_ARGUMENTS = re.compile(r"No function matches the given name and argument types '([^']+)'")


def complaint_of(err: duckdb.Error) -> QueryRefused:
    """Return the refusal that stands for an error of the database underneath."""
    text = str(err).split("\n", maxsplit=1)[0]
    not_grouped = NOT_GROUPED.search(text)
    if not_grouped:
        return QueryRefused(f"Expression '{not_grouped[1]}' is not being grouped")
    arguments = WRONG_ARGUMENTS.search(text)
    if arguments:
        return QueryRefused(f"Cannot apply function to arguments of type '{arguments[1]}'")
    return QueryRefused(text.split(": ", maxsplit=1)[-1])
