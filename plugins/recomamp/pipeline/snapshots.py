"""The rows of the last good read, kept for while the database is away.

A file per bucket of rows: it stays the same whatever the number of shards. With each row stands
what the check of its query found, so that an unchanged query is not checked at every parse.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import UUID

from recomamp.pipeline import settings
from recomamp.pipeline.checked_queries import Verdict
from recomamp.pipeline.shards import bucket_of

log = logging.getLogger(__name__)

_TEMPORARY = ".tmp"
_OLDEST_TEMPORARY_SECONDS = 3600.0


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
        _prepare(path.parent)
        with NamedTemporaryFile(  # readable for its owner alone: it holds all tenants' queries
            "w", dir=path.parent, encoding="utf-8", suffix=_TEMPORARY, delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be written: %s", path, err)


def _prepare(directory: Path) -> None:
    """Make the directory, for its owner alone, and delete what killed parses left in it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(OSError):  # it may belong to somebody else
        directory.chmod(0o700)
    oldest = time.time() - _OLDEST_TEMPORARY_SECONDS
    for left in directory.glob(f"*{_TEMPORARY}"):
        with suppress(OSError):  # another parse may be quicker
            if left.stat().st_mtime < oldest:
                left.unlink()


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
