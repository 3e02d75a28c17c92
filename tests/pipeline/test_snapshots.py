"""The generator's last good rows: who may read them, and what a killed parse leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recomamp.pipeline.snapshots import KeptRow, read_snapshot, write_snapshot

KEY = "0f000000-0000-4000-8000-000000000000"
BUCKETS = range(16)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECOMAMP_SNAPSHOT_DIR", str(tmp_path / "snapshots"))
    return tmp_path / "snapshots"


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o640), (0o027, 0o640), (0o077, 0o600)])
@pytest.mark.usefixtures("umask")
def test_the_group_may_read_them_unless_the_umask_says_no(
    directory: Path, mask: int, mode: int
) -> None:
    os.umask(mask)

    write_snapshot("schedule", BUCKETS, {KEY: KeptRow(definition="{}")})

    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {mode}
    assert read_snapshot("schedule", BUCKETS) == {KEY: KeptRow(definition="{}")}


def test_files_of_killed_parses_are_deleted_but_not_those_of_running_ones(directory: Path) -> None:
    write_snapshot("schedule", BUCKETS, {})
    written_at = max(path.stat().st_mtime for path in directory.iterdir())
    killed, running = directory / "tmpabcdef.tmp", directory / "schedules-0.json.1.tmp"
    for path, age_seconds in ((killed, 3600), (running, 5)):
        path.write_text("[", encoding="utf-8")
        os.utime(path, (written_at - age_seconds, written_at - age_seconds))

    write_snapshot("schedule", BUCKETS, {KEY: KeptRow(definition="{}")})

    assert not killed.exists()
    assert running.exists()
    assert read_snapshot("schedule", BUCKETS) == {KEY: KeptRow(definition="{}")}
