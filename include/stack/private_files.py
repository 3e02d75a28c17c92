"""Files of the stack that only their owner may read: they hold secrets and all tenants' data."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

UMASK = 0o077


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Close files that the block creates to other users, also those of programs it starts."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step."""
    with private_files():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + ".new")
        aside.unlink(missing_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
