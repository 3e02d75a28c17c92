"""A load takes memory from an allocator that returns it, unless the operator names another."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import pyarrow as pa
from recomamp.store.results.arrow_memory import use_compact_pool

use_compact_pool()
print(pa.default_memory_pool().backend_name)
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "jemalloc"), ({"ARROW_DEFAULT_MEMORY_POOL": "system"}, "system")],
)
def test_the_allocator_is_the_compact_one_or_the_one_that_the_environment_names(
    environment: dict[str, str], expected: str
) -> None:
    # In a process of its own: the choice is one for a process
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == expected
