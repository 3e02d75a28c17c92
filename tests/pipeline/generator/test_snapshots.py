"""The generator's last good rows: who may read them, and what a killed parse leaves behind."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recomamp.pipeline.generator.snapshots import KeptRow, read_snapshot, write_snapshot

KEY = "0f000000-0000-4000-8000-000000000000"
BUCKETS = range(16)
ROW = KeptRow(definition="{}", verdicts={"digest": ["window_start"]})
VERDICT = {"window_names": [], "findings": ["x"], "east_findings": [], "west_findings": []}


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

    write_snapshot("schedule", BUCKETS, {KEY: ROW})

    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {mode}
    assert read_snapshot("schedule", BUCKETS) == {KEY: ROW}


def test_files_of_killed_parses_are_deleted_but_not_those_of_running_ones(directory: Path) -> None:
    write_snapshot("schedule", BUCKETS, {})
    written_at = max(path.stat().st_mtime for path in directory.iterdir())
    killed, running = directory / "tmpabcdef.tmp", directory / "schedules-0.json.1.tmp"
    for path, age_seconds in ((killed, 3600), (running, 5)):
        path.write_text("[", encoding="utf-8")
        os.utime(path, (written_at - age_seconds, written_at - age_seconds))

    write_snapshot("schedule", BUCKETS, {KEY: ROW})

    assert not killed.exists()
    assert running.exists()
    assert read_snapshot("schedule", BUCKETS) == {KEY: ROW}


NOT_WRITTEN_BY_US: dict[str, Any] = {
    "no verdicts": {KEY: {"definition": "{}", "verdicts": None}},
    "a list of verdicts": {KEY: {"definition": "{}", "verdicts": [["window_start"]]}},
    "a verdict that is a number": {KEY: {"definition": "{}", "verdicts": {"digest": 1}}},
    "a name that is a number": {KEY: {"definition": "{}", "verdicts": {"digest": [1]}}},
    "two verdicts on one query": {KEY: {"definition": "{}", "verdicts": {"a": [], "b": []}}},
    "a verdict without findings": {
        KEY: {"definition": "{}", "verdicts": {"digest": {"window_names": []}}}
    },
    "a finding that is a number": {
        KEY: {"definition": "{}", "verdicts": {"digest": {**VERDICT, "findings": [1]}}}
    },
    "a definition that is a list": {KEY: {"definition": [], "verdicts": {}}},
    "a row that is a list": {KEY: []},
    "a key that is not a UUID": {"key": {"definition": "{}", "verdicts": {}}},
    "a list": [{}],
}


@pytest.mark.parametrize("content", NOT_WRITTEN_BY_US.values(), ids=NOT_WRITTEN_BY_US)
def test_a_file_of_another_form_is_read_as_none_and_logged(
    directory: Path, caplog: pytest.LogCaptureFixture, content: Any
) -> None:
    directory.mkdir()
    path = directory / "schedules-0.json"
    path.write_text(json.dumps(content), encoding="utf-8")

    assert read_snapshot("schedule", BUCKETS) == {}

    (complaint,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert str(path) in complaint.getMessage()


def test_a_file_nested_too_deeply_is_read_as_none(directory: Path) -> None:
    directory.mkdir()
    (directory / "schedules-0.json").write_text("[" * 100_000, encoding="utf-8")

    assert read_snapshot("schedule", BUCKETS) == {}


def test_rows_of_other_buckets_stay_as_they_were_kept(directory: Path) -> None:
    other = "0f000000-0000-4000-8000-000000000001"
    write_snapshot("schedule", BUCKETS, {KEY: ROW, other: ROW})
    changed = KeptRow(definition='{"name": "changed"}')

    write_snapshot("schedule", [1], {KEY: changed, other: changed})

    assert read_snapshot("schedule", BUCKETS) == {KEY: ROW, other: changed}


def test_a_verdict_is_read_as_it_was_kept(directory: Path) -> None:
    row = KeptRow(definition="{}", verdicts={"digest": VERDICT})
    write_snapshot("schedule", BUCKETS, {KEY: row})
    assert read_snapshot("schedule", BUCKETS) == {KEY: row}
