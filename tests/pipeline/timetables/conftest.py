"""One moment for all timetables: how far missed ticks go back depends on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.timetables import NOW
from recomamp.pipeline.timetables import base, schedule


@pytest.fixture(autouse=True, scope="module")
def _fixed_clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (schedule, base):
            patch.setattr(module, "utc_now", lambda: NOW)
        yield
