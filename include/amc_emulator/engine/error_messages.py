"""DuckDB's errors as AMC's compiler words them."""

from __future__ import annotations

import re

import duckdb

from amc_emulator.engine.query import QueryRejected

NOT_GROUPED = re.compile(r'column "([^"]+)" must appear in the GROUP BY clause')
WRONG_ARGUMENTS = re.compile(r"No function matches the given name and argument types '([^']+)'")


def translate_error(err: duckdb.Error) -> QueryRejected:
    """Return AMC's rejection for an error of DuckDB."""
    text = str(err).split("\n", maxsplit=1)[0]
    not_grouped = NOT_GROUPED.search(text)
    if not_grouped:
        return QueryRejected(f"Expression '{not_grouped[1]}' is not being grouped")
    arguments = WRONG_ARGUMENTS.search(text)
    if arguments:
        return QueryRejected(f"Cannot apply function to arguments of type '{arguments[1]}'")
    return QueryRejected(text.split(": ", maxsplit=1)[-1])
