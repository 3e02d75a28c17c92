"""What is installed works together, and is what was locked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fixtures.locks import locked

ROOT = Path(__file__).resolve().parents[1]
LOCK, DOCS_LOCK = ROOT / "constraints.txt", ROOT / "docs" / "constraints.txt"
SETS = [ROOT / "requirements" / "run.lock", ROOT / "requirements" / "emulator.lock"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-c", "import airflow.providers.celery.executors.celery_executor"),
        (str(Path(sys.executable).parent / "airflow"), "celery", "worker", "--help"),
    ],
    ids=["executor", "worker"],
)
def test_celery_is_one_that_airflow_can_use(command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("lock", "least"), [(LOCK, 150), (DOCS_LOCK, 20)], ids=["product", "docs"])
def test_every_locked_package_has_a_version_and_hashes(lock: Path, least: int) -> None:
    packages = locked(lock)

    assert len(packages) > least
    for requirement, hashes in packages.values():
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), requirement


@pytest.mark.parametrize("folder", [ROOT, ROOT / "docs"], ids=["product", "docs"])
def test_what_is_required_is_locked_at_the_same_version(folder: Path) -> None:
    text = re.sub(r"\s*#.*", "", (folder / "requirements.txt").read_text(encoding="utf-8"))
    packages = locked(folder / "constraints.txt")

    for line in filter(None, text.splitlines()):
        required = Requirement(line)
        requirement, _ = packages[required.name]
        assert requirement.specifier == required.specifier
        assert required.extras <= requirement.extras


@pytest.mark.parametrize("lock", [LOCK, DOCS_LOCK, *SETS], ids=lambda path: path.stem)
def test_the_lock_names_no_place_to_download_from(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"index-url|find-links|trusted-host", text)
