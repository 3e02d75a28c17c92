"""The rows of the last good read, kept for while the database is away.

A file per bucket of rows: it stays the same whatever the number of shards.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from recomamp.pipeline import settings
from recomamp.pipeline.shards import bucket_of

log = logging.getLogger(__name__)

_ASIDE = ".tmp"
_LEFTOVER_SECONDS = 600  # far longer than a parse may take
# The worker reads what the dag-processor wrote, as another user of its group where they are two.
# The umask takes away what it does not want
_MODE = 0o640


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


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        rows: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        log.error("RECOMAMP_SNAPSHOT_DIR: the snapshot %s cannot be read: %s", path, err)
        return {}
    return rows
