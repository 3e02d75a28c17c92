"""The tasks write the same times in whatever time zone the machine is set to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.time_zones import machine_far_from_utc


@pytest.fixture(scope="module", autouse=True)
def _far_from_utc() -> Iterator[None]:
    with machine_far_from_utc():
        yield
