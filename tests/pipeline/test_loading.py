"""Bringing results home leaves nothing on the worker's disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.steps import Run
from recomamp.pipeline.loading import LoadResults
from recomamp.pipeline.operators import SubmitExecution
from recomamp.pipeline.sensor import WaitForExecution


def test_what_a_killed_try_has_downloaded_is_removed_by_the_next(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    run = Run(database, schedule_id=str(schedule["id"]))
    emulator.progression("at_once")
    run.step(SubmitExecution)
    run.step(WaitForExecution)
    left = tmp_path / f"recomamp-{run.executions[0]['id']}-killed"
    left.mkdir()
    (left / "part-00000.csv").write_text("half a file")
    others = tmp_path / "recomamp-somebody-elses"
    others.mkdir()

    run.step(LoadResults)

    assert run.executions[0]["status"] == "SUCCESS"
    assert [one for one in tmp_path.iterdir() if one.name.startswith("recomamp-")] == [others]
