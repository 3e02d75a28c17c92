"""Which file builds the DAG of which row, and which DAG bundle has that file.

The last byte of a row's id puts it into one of sixteen buckets. Shard *k* of *n* has the buckets
*k*, *k + n*, … Another number of shards moves DAGs between files and loses none. Shard 0 is
``dags/amc_<kind>s.py``. The files of the others are written by ``ShardBundle``, a class of DAG
bundles: where Airflow's configuration lists *m* bundles of that class, shard *k* belongs to the
bundle *k* modulo *m* of them.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from airflow.configuration import conf
from airflow.dag_processing.bundles.base import get_bundle_base_folder

from recomamp.domain.airflow_settings import SHARD_BUNDLE_CLASS
from recomamp.errors import ConfigurationError
from recomamp.pipeline.settings import MAX_SHARDS, dag_shards

log = logging.getLogger(__name__)

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
NONE = Shard(0, 0)


def shards_in_use() -> int:
    """Return over how many files the DAGs of each kind are spread.

    It is 1 where Airflow has no bundle for the files of more. That is logged and not raised: an
    error here would hide every DAG.
    """
    shards = dag_shards()
    if shards == 1 or shard_bundles():
        return shards
    log.error("%s", _no_bundle(shards))
    return 1


def check_shards() -> None:
    """Check that Airflow has a bundle for the files of further shards, where there are to be some.

    :raises ConfigurationError: when it has none.
    """
    shards = dag_shards()
    if shards > 1 and not shard_bundles():
        raise ConfigurationError(_no_bundle(shards))


def shard_bundles() -> list[str]:
    """Return the names of the bundles with files of shards, in the order of the configuration."""
    bundles: Any = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
    return [one["name"] for one in bundles if one.get("classpath") == SHARD_BUNDLE_CLASS]


def shards_of_bundle(bundle: str) -> list[int]:
    """Return the numbers of the shards that a bundle has Airflow build."""
    bundles = shard_bundles()
    return [k for k in range(1, shards_in_use()) if bundles[k % len(bundles)] == bundle]


def shard_of_file(path: str) -> Shard:
    """Return the shard that a DAG file builds, by its name and its folder.

    Each bundle has the files of all shards, because a task may start with its DAG's earlier file.
    """
    file = Path(path)
    named = _NUMBER.fullmatch(file.stem)
    if named is None:
        return Shard(0, shards_in_use())
    number = int(named[1])
    for bundle in shard_bundles():
        if get_bundle_base_folder(bundle) == file.parent and number in shards_of_bundle(bundle):
            return Shard(number, shards_in_use())
    return NONE


def file_of_row(kind: str, row_id: UUID) -> str:
    """Return the file that builds a row's DAG, relative to its bundle."""
    return file_of_shard(kind, bucket_of(row_id) % shards_in_use())


def file_of_shard(kind: str, number: int) -> str:
    """Return the file of a shard, relative to its bundle."""
    return f"amc_{kind}s_{number:02d}.py" if number else f"amc_{kind}s.py"


def bucket_of(row_id: UUID) -> int:
    """Return the bucket of a row; the statements that select rows count the same way."""
    return row_id.bytes[-1] % BUCKETS


def _no_bundle(shards: int) -> str:
    return (
        f"RECOMAMP_DAG_SHARDS is {shards}, and AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST lists"
        f" no bundle of the class {SHARD_BUNDLE_CLASS} for the files; 1 is used"
    )
