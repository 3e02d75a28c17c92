"""The rows of the last good read, for parses while the database is away.

Each bucket of rows has a file, so that another number of shards changes no file. Each row is kept
with the verdict on its query, so that an unchanged query is not checked at every parse.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from recomamp.pipeline import settings
from recomamp.pipeline.generator.query_checks import VERDICT_FIELDS, Verdict
from recomamp.pipeline.generator.shards import bucket_of

log = logging.getLogger(__name__)

_ASIDE = ".tmp"
_LEFTOVER_SECONDS = 600  # far longer than a parse may take
# The dag-processor writes the file and the worker reads it. They may be two users of one group.
# The umask may withdraw the group's permission
_MODE = 0o640


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRow:
    """A row as it was last read, and the verdict on its query by digest; none before a check."""

    definition: str  # JSON
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


def write_snapshot(kind: str, buckets: Iterable[int], rows: Mapping[str, KeptRow]) -> None:
    """Keep those rows that are of these buckets.

    A file is replaced as a whole, only when its rows change.
    """
    directory = settings.snapshot_dir()
    if directory is None:
        return
    parts: dict[int, dict[str, Any]] = {bucket: {} for bucket in buckets}
    for key, row in sorted(rows.items()):
        if (part := parts.get(bucket_of(UUID(key)))) is not None:
            part[key] = {"definition": row.definition, "verdicts": dict(row.verdicts)}
    for bucket, part in parts.items():
        _write(_path(directory, kind, bucket), part)


def read_snapshot(kind: str, buckets: Iterable[int]) -> dict[str, KeptRow]:
    """Return the rows of these buckets as they were last kept; none where nothing is kept."""
    directory = settings.snapshot_dir()
    rows: dict[str, KeptRow] = {}
    if directory is not None:
        for bucket in buckets:
            rows |= _read(_path(directory, kind, bucket))
    return rows


def has_snapshot(kind: str, buckets: Iterable[int]) -> bool:
    """Return whether rows of any of these buckets were ever kept."""
    directory = settings.snapshot_dir()
    return directory is not None and any(
        _path(directory, kind, bucket).exists() for bucket in buckets
    )


def _path(directory: Path, kind: str, bucket: int) -> Path:
    return directory / f"{kind}s-{bucket:x}.json"


def _write(path: Path, rows: Mapping[str, Any]) -> None:
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{uuid4().hex}{_ASIDE}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        aside.replace(path)
        _delete_leftovers(path.parent, written_at=path.stat().st_mtime)
    except OSError as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be written: %s", path, err)


def _delete_leftovers(directory: Path, *, written_at: float) -> None:
    """Delete the temporary files of parses that Airflow ended.

    :param written_at: the present time of the file system, seconds since 1970.
    """
    for path in directory.glob(f"*{_ASIDE}"):
        with suppress(OSError):  # another parse was faster, or it is another user's
            if written_at - path.stat().st_mtime > _LEFTOVER_SECONDS:
                path.unlink()


def _read(path: Path) -> dict[str, KeptRow]:
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(UUID(key)): _kept_row(row) for key, row in rows.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be read: %s", path, err)
        return {}


def _kept_row(row: Any) -> KeptRow:
    if isinstance(row, str):  # kept by a version that had no verdicts
        return KeptRow(definition=row)
    kept = KeptRow(definition=row["definition"], verdicts=row["verdicts"])
    if not (isinstance(kept.definition, str) and isinstance(kept.verdicts, dict)):
        raise ValueError("a row is not as it was written")
    if len(kept.verdicts) > 1 or not all(map(_is_verdict, kept.verdicts.values())):
        raise ValueError("a verdict is not as it was written")
    return kept


def _is_verdict(verdict: Any) -> bool:
    if isinstance(verdict, dict):
        return verdict.keys() == VERDICT_FIELDS and all(map(_is_texts, verdict.values()))
    return isinstance(verdict, str) or _is_texts(verdict)


def _is_texts(texts: Any) -> bool:
    return isinstance(texts, list) and all(isinstance(one, str) for one in texts)
