"""Run all tests several times and list those whose outcomes differ: `make flakes`.

A test that fails sometimes says nothing. The same tests run each time, in the same order.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "data" / "flakes"
SUITE = ("-m", "pytest", "-n", "4", "--no-loadscope-reorder", "-q")


def outcomes(report: Path) -> dict[str, str]:
    """Return the outcome of each test in a JUnit report: passed, skipped, failure or error."""
    found = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  written by pytest
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = min(kinds, default="passed")  # an error in the teardown is the worse one
    return found


def unsteady(runs: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the tests whose outcomes differ, with the outcome of each run.

    A test that a run has lost, because its process died, counts as missing.
    """
    names = sorted({name for run in runs for name in run})
    by_name = {name: [run.get(name, "missing") for run in runs] for name in names}
    return {name: found for name, found in by_name.items() if len(set(found)) > 1}


def main(times: int) -> int:
    """Return 0 if all tests passed each time."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    # A build that gates others tries the same examples each time, which would hide some
    environ = {name: value for name, value in os.environ.items() if name != "CI"}
    runs, has_failed = [], False
    for number in range(1, times + 1):
        report = REPORTS / f"{number}.xml"
        report.unlink(missing_ok=True)
        ended = subprocess.run(
            [sys.executable, *SUITE, f"--junitxml={report}"], cwd=ROOT, env=environ
        )
        has_failed |= ended.returncode != 0
        runs.append(outcomes(report) if report.exists() else {})
        print(f"flakes: run {number} of {times} ended with {ended.returncode}", flush=True)
    for name, found in unsteady(runs).items():
        print(f"flakes: {name}: {' '.join(found)}")
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
