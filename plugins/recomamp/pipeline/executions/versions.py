"""Compares a result that was loaded with the version of its window before."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg2

from recomamp.domain.limits import Limits
from recomamp.domain.result_columns import DIMENSION, METRIC
from recomamp.domain.result_difference import Measure, ResultDifference, compare, compare_sums
from recomamp.domain.text import one_line
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.partial_failures import log_failure
from recomamp.store.result_differences import (
    PreviousVersion,
    select_previous_version,
    store_difference,
)
from recomamp.store.stored_results import StoredResult, select_stored_result

log = logging.getLogger(__name__)

MAX_CELLS = 5_000_000  # of both versions together; one takes 100 to 300 bytes
MAX_FILE_BYTES = 64 * 1024 * 1024  # of both versions together; beyond it only numbers are read
MAX_SECONDS = 600.0  # of a comparison: the load that waits for it has a time limit
_ROWS_BETWEEN_LOOKS = 1_000
_NUMBERS = ("LONG", "INTEGER", "SHORT", "BYTE", "DOUBLE", "FLOAT")


class _NotComparable(Exception):
    """Nothing is compared; the argument says why."""


def compare_with_previous(
    execution_id: UUID, *, database: DatabaseHook, results_url: str, limits: Limits
) -> None:
    """Store what a version changed. It never fails: what goes wrong becomes the note.

    It holds no lock while it reads files. Where the results are loaded again meanwhile, it stores
    nothing: the later load makes its own comparison.
    """
    try:
        with database.transaction() as connection:
            previous = select_previous_version(connection, execution_id)
            if previous is None:
                return
            before = select_stored_result(connection, previous.execution_id)
            after = select_stored_result(connection, execution_id)
        if after is None:
            log.info("Execution %s was deleted, so nothing is compared", execution_id)
            return
        difference = _difference(previous, before, after, results_url, limits)
        _store(database, after, previous, difference)
    except Exception as err:  # noqa: BLE001 - the results are loaded, and that is what counts
        log_failure(f"comparison of execution {execution_id} with the version before", err)


def _store(
    database: DatabaseHook, after: StoredResult, previous: PreviousVersion, found: ResultDifference
) -> None:
    now = datetime.now(UTC)
    for difference in (found, ResultDifference(note="the difference could not be stored")):
        try:
            with database.transaction() as connection:
                is_stored = store_difference(
                    connection,
                    after.execution_id,
                    difference,
                    previous_execution_id=previous.execution_id,
                    loaded_at=after.loaded_at,
                    now=now,
                )
        except psycopg2.Error as err:
            log_failure(f"difference of execution {after.execution_id}", err)
        else:
            break
    else:
        return
    if not is_stored:
        log.info("Execution %s was loaded again or deleted meanwhile", after.execution_id)
        return
    log.info(
        "Compared with execution %s: change ratio %s%s",
        previous.execution_id,
        found.change_ratio,
        f"; {one_line(found.note)}" if found.note else "",
    )


def _difference(
    previous: PreviousVersion,
    before: StoredResult | None,
    after: StoredResult,
    results_url: str,
    limits: Limits,
) -> ResultDifference:
    try:
        return _compared(previous, before, after, results_url, limits)
    except _NotComparable as err:
        return ResultDifference(note=str(err))
    except FileNotFoundError:
        return ResultDifference(note="a file of a version is missing, so nothing was compared")
    except Exception as err:  # noqa: BLE001 - what goes wrong is a note
        log_failure("comparison with the version before", err)
        return ResultDifference(
            note=f"nothing was compared: {type(err).__name__}; the log of the task load says more"
        )


def _compared(
    previous: PreviousVersion,
    before: StoredResult | None,
    after: StoredResult,
    results_url: str,
    limits: Limits,
) -> ResultDifference:
    if before is None:
        raise _NotComparable("the version before was deleted meanwhile")
    if not previous.asks_the_same:
        raise _NotComparable(
            "the query, its values or its instance have changed since the version before, so "
            "nothing was compared"
        )
    for version in (before, after):
        _require_files(version, results_url)
    _require_same_columns(before, after)
    keys, measures = _roles(after)
    ends_at = monotonic() + MAX_SECONDS
    too_many = _too_many(before, after, measures, limits)
    if too_many:
        numbers = [one for one in measures if one.is_number]
        if not numbers:
            raise _NotComparable(
                f"{too_many}, and no column holds numbers, so nothing was compared"
            )
        names = [one.name for one in numbers]
        return compare_sums(
            partial(_rows, before, names, results_url, ends_at),
            partial(_rows, after, names, results_url, ends_at),
            measures=numbers,
            note=f"{too_many}; only sums were compared",
        )
    names = [*keys, *(one.name for one in measures)]
    return compare(
        partial(_rows, before, names, results_url, ends_at),
        partial(_rows, after, names, results_url, ends_at),
        keys=keys,
        measures=measures,
    )


def _too_many(
    before: StoredResult, after: StoredResult, measures: Sequence[Measure], limits: Limits
) -> str | None:
    """Return why rows are not compared one by one, None where they are."""
    rows = max(before.rows or 0, after.rows or 0)
    if rows > limits.compare_limit_rows or rows * 2 * max(1, len(measures)) > MAX_CELLS:
        return f"a version has {rows} rows, too many to compare"
    size_bytes = sum(one.bytes or 0 for one in (before, after))
    if size_bytes > MAX_FILE_BYTES:
        return f"the files of both versions have {size_bytes} bytes, too many to compare"
    return None


def _require_files(version: StoredResult, results_url: str) -> None:
    """Refuse a version without files, or with files that are not below our own place."""
    from recomamp.store.results.stored_files import StoredFiles

    if version.files_deleted_at is not None or not version.files:
        raise _NotComparable(
            f"the files of execution {version.execution_id} are deleted, so nothing was compared"
        )
    stored = StoredFiles(results_url)
    for file in version.files:
        if not stored.path_of(str(file.get("uri")), version.workflow_id, version.execution_id):
            raise _NotComparable(
                f"the files of execution {version.execution_id} are not below "
                "RECOMAMP_RESULTS_URL, so nothing was compared"
            )


def _require_same_columns(before: StoredResult, after: StoredResult) -> None:
    old, new = (
        {str(one.get("name")): one.get("dataType") for one in version.columns}
        for version in (before, after)
    )
    for name in (*new, *old):
        if old.get(name) != new.get(name):
            was, now = (kinds.get(name) or "missing" for kinds in (old, new))
            raise _NotComparable(
                f"column {name!r} was {was} in the version before and is {now}, so nothing was "
                "compared"
            )


def _roles(version: StoredResult) -> tuple[list[str], list[Measure]]:
    """Return the key columns and the measures, as AMC described them."""
    keys, measures = list[str](), list[Measure]()
    for column in version.columns:
        name, kind = str(column.get("name")), str(column.get("dataType"))
        if column.get("columnType") == METRIC:
            # A DECIMAL without its digits is text
            is_number = kind in _NUMBERS or kind.startswith("DECIMAL(")
            measures.append(Measure(name=name, is_number=is_number))
        elif column.get("columnType") == DIMENSION:
            keys.append(name)
        else:
            raise _NotComparable(
                f"AMC does not say whether column {name!r} is a dimension or a metric, so nothing "
                "was compared"
            )
    return keys, measures


def _rows(
    version: StoredResult, names: Sequence[str], results_url: str, ends_at: float
) -> Iterator[tuple[Any, ...]]:
    from recomamp.store.results.reader import read_rows

    for number, row in enumerate(read_rows(version, names, results_url=results_url)):
        if number % _ROWS_BETWEEN_LOOKS == 0 and monotonic() > ends_at:
            raise _NotComparable(
                f"the comparison took more than {MAX_SECONDS:g} s, so nothing was compared"
            )
        yield row
