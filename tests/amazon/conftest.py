"""Fixtures of the tests of the Amazon client."""

from __future__ import annotations

import pytest

from fixtures.amazon import Amazon


@pytest.fixture
def amazon(emulator) -> Amazon:
    """The emulator, with a user whose consent was not used yet."""
    return Amazon(url=emulator.url)
