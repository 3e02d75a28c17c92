"""The rows of the last good read, kept for while the database is away.

A file per bucket of rows: it stays the same whatever the number of shards.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

from recomamp.pipeline import settings
from recomamp.pipeline.shards import bucket_of

log = logging.getLogger(__name__)


def write_snapshot(kind: str, buckets: Iterable[int], rows: Mapping[str, str]) -> None:
    """Keep the rows of these buckets; a file changes as a whole, and only when its rows do."""
    directory = settings.snapshot_dir()
    if directory is None:
        return
    parts: dict[int, dict[str, str]] = {bucket: {} for bucket in buckets}
    for key, text in rows.items():
        parts[bucket_of(UUID(key))][key] = text
    for bucket, part in parts.items():
        _write(_path(directory, kind, bucket), part)


def read_snapshot(kind: str, buckets: Iterable[int], row_id: UUID | None) -> dict[str, str]:
    """Return the rows of these buckets as they were last kept, or one row of them."""
    directory = settings.snapshot_dir()
    paths = [_path(directory, kind, bucket) for bucket in buckets] if directory else []
    if not any(path.exists() for path in paths):
        log.error("There is no snapshot of %ss: set RECOMAMP_SNAPSHOT_DIR to keep one", kind)
    rows: dict[str, str] = {}
    for path in paths:
        rows |= _read(path)
    kept = sorted(rows) if row_id is None else [str(row_id)]
    return {key: rows[key] for key in kept if key in rows}


def _path(directory: Path, kind: str, bucket: int) -> Path:
    return directory / f"{kind}s-{bucket:x}.json"


def _write(path: Path, rows: Mapping[str, str]) -> None:
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w", dir=path.parent, encoding="utf-8", suffix=".tmp", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(path)
    except OSError as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be written: %s", path, err)


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        rows: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be read: %s", path, err)
        return {}
    return rows
