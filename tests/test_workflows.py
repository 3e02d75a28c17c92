"""Workflows run targets of the Makefile alone, with few rights and with pinned actions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def jobs(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values())


def targets(job: dict[str, Any]) -> set[str]:
    """Return the targets that a job runs, of its matrix too."""
    matrix = job.get("strategy", {}).get("matrix", {})
    found = {*matrix.get("target", ()), *(one["target"] for one in matrix.get("include", ()))}
    for step in job["steps"]:
        if command := step.get("run"):
            ran = re.fullmatch(r'make ("\$TARGET"|[\w-]+)(?: \w+="\$\w+")?', command)
            assert ran, f"{command!r} is no target of the Makefile"
            found |= {ran[1]} - {'"$TARGET"'}
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_runs_targets_of_the_makefile_alone(path: Path) -> None:
    for job in jobs(path):
        assert targets(job)
        assert targets(job) <= TARGETS


def test_what_gates_a_change_anywhere_gates_it_here() -> None:
    gated = set().union(*map(targets, jobs(ROOT / ".github" / "workflows" / "gate.yml")))
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert set(re.findall(r"^make (\w+)", script, re.M)) - {"setup"} <= gated


def test_an_audit_that_looks_nothing_up_fails() -> None:
    """pip-audit says so and ends with 0 unless it is strict."""
    done = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "pip-audit --strict" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_may_read_alone_and_ends(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    for job in jobs(path):
        assert job["permissions"] == {"contents": "read"}
        assert "timeout-minutes" in job
        for step in job["steps"]:
            assert re.fullmatch(
                r"make .+|actions/[\w-]+@[0-9a-f]{40}", step.get("run", step.get("uses"))
            )
