"""Rules of the domain give the same answers in whatever time zone the machine is set to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _machine_far_from_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        assert time.timezone == -14 * 3600  # without the system's zones it would be UTC
        yield
    time.tzset()
