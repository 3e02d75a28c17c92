"""From where Arrow takes memory."""

from __future__ import annotations

import os

import pyarrow as pa

_CHOICE_OF_OPERATOR = "ARROW_DEFAULT_MEMORY_POOL"
_COMPACT = "jemalloc"


def use_compact_pool() -> None:
    """Let Arrow's allocator in this process return what it no longer needs.

    Arrow prefers mimalloc, which keeps more free memory when threads parse blocks ahead. Where
    pyarrow has no jemalloc, or the environment names an allocator, nothing changes.
    """
    if _CHOICE_OF_OPERATOR not in os.environ and _COMPACT in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
