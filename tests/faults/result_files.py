"""The files of results, as rows list them and as they are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from fixtures.postgres import Row


def listed_files(rows: Iterable[Row]) -> dict[Path, str]:
    """Return the files that executions list, with the SHA-256 they ought to have."""
    return {
        Path(urlsplit(file["uri"]).path): file["sha256"]
        for row in rows
        for file in (row["result_data"] or {}).get("files", [])
    }


def wrong_files(listed: dict[Path, str], directory: Path) -> list[str]:
    """Return the files that differ between the list and the directory or are missing."""
    found = {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }
    return [
        f"{path} is not what its row says"
        for path in sorted(listed.keys() | found.keys())
        if listed.get(path) != found.get(path)
    ]
