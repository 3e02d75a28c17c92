"""Which file of ``dags/`` builds the DAG of which row.

Rows fall into sixteen buckets by the last byte of their id, whatever the number of shards, and
shard *k* of *n* has the buckets *k*, *k + n*, … So the assignment is stable, and another number of
shards moves DAGs between files without losing any. Shard 0 is ``dags/amc_<kind>s.py``; the others
are the files of ``dags/shards``, which count only as far as RECOMAMP_DAG_SHARDS goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

from recomamp.pipeline.settings import MAX_SHARDS, dag_shards

BUCKETS = MAX_SHARDS
_NUMBER = re.compile(r"amc_(?:schedules|collections)_(\d\d)")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of the files that the DAGs of a kind are spread over."""

    number: int
    of: int

    @property
    def buckets(self) -> range:
        """The buckets whose rows it builds; none where there are fewer shards than its number."""
        return range(self.number, BUCKETS, self.of) if self.number < self.of else range(0)


ALL = Shard(0, 1)


def bucket_of(row_id: UUID) -> int:
    """Return the bucket of a row; the statements that select rows count the same way."""
    return row_id.bytes[-1] % BUCKETS


def shard_of_file(path: str) -> Shard:
    """Return the shard that a DAG file builds, by its name."""
    named = _NUMBER.fullmatch(Path(path).stem)
    return Shard(int(named[1]) if named else 0, dag_shards())


def file_of_row(kind: str, row_id: UUID) -> str:
    """Return the file that builds a row's DAG, relative to ``dags/``."""
    return file_of_shard(kind, bucket_of(row_id) % dag_shards())


def file_of_shard(kind: str, number: int) -> str:
    """Return the file of a shard, relative to ``dags/``."""
    return f"shards/amc_{kind}s_{number:02d}.py" if number else f"amc_{kind}s.py"


def might_contain_dag(file_path: str, zip_file: ZipFile | None = None) -> bool:
    """Tell Airflow whether to parse a file: not those of shards that there are not.

    For the setting AIRFLOW__CORE__MIGHT_CONTAIN_DAG_CALLABLE. Without it the superfluous files are
    parsed, for nothing.
    """
    from airflow.utils.file import might_contain_dag_via_default_heuristic

    if not shard_of_file(file_path).buckets:
        return False
    return might_contain_dag_via_default_heuristic(file_path, zip_file)
