"""Bounds on what comes from outside."""

from __future__ import annotations

from dataclasses import dataclass

MIB, GIB = 1024**2, 1024**3

MAX_COLUMN_NAME_BYTES = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much Amazon may send. Each field has a setting of its name: ``RECOMAMP_<FIELD>``.

    - ``answer_limit_bytes``: the body of one answer. A page of 5 executions, each with the longest
      query, has up to 15 MiB. The triggerer holds one answer for each instance in memory.
    - ``answer_limit_seconds``: one call, signing in included, until its answer is read.
    - ``result_limit_bytes``: all parts of one result, which lie on the worker's disk at one time.
    - ``result_limit_seconds``: the download of one result. 20 GiB in 6 hours are 1 MB a second.
    - ``result_limit_parts``: the files of one result.
    - ``result_limit_columns``: the columns of one result; AMC's widest table has 217.
    - ``compare_limit_rows``: the rows of a version that is compared row by row with the one before.
    """

    answer_limit_bytes: int = 16 * MIB
    answer_limit_seconds: int = 120
    result_limit_bytes: int = 20 * GIB
    result_limit_seconds: int = 6 * 60 * 60
    result_limit_parts: int = 10_000
    result_limit_columns: int = 2_000
    compare_limit_rows: int = 500_000

    @property
    def header_bytes(self) -> int:
        """How long the header of a part may be."""
        return self.result_limit_columns * MAX_COLUMN_NAME_BYTES
