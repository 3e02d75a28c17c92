from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.provider import ProviderTask, amc_connection, amc_pauses

__all__ = ["amc_connection", "amc_pauses"]


@pytest.fixture
def task(amc_connection: str, emulator: RunningEmulator, tmp_path: Path) -> ProviderTask:
    """A task whose executions end only when a test says so."""
    emulator.progression("per_second", pending_seconds=3600, running_seconds=3600)
    return ProviderTask(output_url=f"file://{tmp_path}/results")
