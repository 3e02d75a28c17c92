"""The rows of the last good read, kept for while the database is away.

A file per bucket of rows: it stays the same whatever the number of shards. With each row stands
what the check of its query found, so that an unchanged query is not checked at every parse.
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
from recomamp.pipeline.checked_queries import Verdict
from recomamp.pipeline.shards import bucket_of

log = logging.getLogger(__name__)

_ASIDE = ".tmp"
_LEFTOVER_SECONDS = 600  # far longer than a parse may take
# The worker reads what the dag-processor wrote, as another user of its group where they are two.
# The umask takes away what it does not want
_MODE = 0o640


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRow:
    """A row as it was last read, and the verdicts on its query by digest."""

    definition: str  # JSON
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)


def write_snapshot(kind: str, buckets: Iterable[int], rows: Mapping[str, KeptRow]) -> None:
    """Keep the rows of these buckets; a file changes as a whole, and only when its rows do."""
    directory = settings.snapshot_dir()
    if directory is None:
        return
    parts: dict[int, dict[str, Any]] = {bucket: {} for bucket in buckets}
    for key, row in sorted(rows.items()):
        parts[bucket_of(UUID(key))][key] = {
            "definition": row.definition,
            "verdicts": dict(row.verdicts),
        }
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
    """Tell whether rows of any of these buckets were ever kept."""
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
    """Delete what parses left behind that Airflow ended while they wrote.

    :param written_at: now, by the clock of the file system.
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
        return {key: _kept_row(row) for key, row in rows.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be read: %s", path, err)
        return {}


def _kept_row(row: Any) -> KeptRow:
    if isinstance(row, str):  # kept by a version that had no verdicts
        return KeptRow(definition=row)
    return KeptRow(definition=row["definition"], verdicts=row["verdicts"])
