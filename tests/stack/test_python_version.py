"""`make setup` takes the Pythons that are known to be good, and says why not another."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from stack.python_version import MINIMUM, problem, warning

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("version", [(3, 11, 5), (3, 11, 7), (3, 12, 1), (3, 13, 0)])
def test_a_python_that_is_new_enough_has_no_problem(version: tuple[int, ...]) -> None:
    assert problem(version) == ""


@pytest.mark.parametrize("version", [(3, 11, 4), (3, 10, 99), (2, 7, 18)])
def test_an_older_one_is_refused_with_the_version_that_is_needed(version: tuple[int, ...]) -> None:
    assert "3.11.5 or newer is needed" in problem(version)


@pytest.mark.parametrize(
    ("version", "fixed"),
    [((3, 11, 9), "3.11.10"), ((3, 11, 10), None), ((3, 12, 4), "3.12.5"), ((3, 12, 5), None)],
)
def test_what_a_python_does_not_protect_from_is_one_line(
    version: tuple[int, ...], fixed: str | None
) -> None:
    said = warning(version)

    assert (f"fixed in {fixed}" in said) if fixed else said == ""
    assert "\n" not in said


def test_the_project_file_requires_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["requires-python"] == f">={'.'.join(map(str, MINIMUM))}"


def make_setup(tmp_path: Path, said: str) -> subprocess.CompletedProcess[str]:
    """Run `make setup` with a Python that answers so, in a copy without an environment."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements.txt", "constraints.txt"):
        (tmp_path / name).touch()
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{said}\n", encoding="utf-8")
    python.chmod(0o755)
    return subprocess.run(
        ["make", "--no-print-directory", "setup", f"PYTHON={python}"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ,
    )


def test_setup_refuses_a_python_that_is_too_old(tmp_path: Path) -> None:
    done = make_setup(tmp_path, "echo 'Python 3.11.4 is too old: 3.11.5 or newer' >&2; exit 1")

    assert done.returncode == 2
    assert re.search(r"setup: .*3\.11\.4 is too old", done.stderr)
    assert not (tmp_path / ".venv").exists()
