"""Fixtures of the long runs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def print_line(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Write a line to the terminal at once."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}")
            sys.stdout.flush()

    return write
