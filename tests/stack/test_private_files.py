"""All that a running stack writes is its owner's alone, and what it prints opens its databases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from stack import Stack

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]


def open_to_others(directory: Path) -> dict[str, str]:
    """Return what others than the owner may read, write or enter, with its mode.

    Airflow gives some logs of tasks a mode of its own, in folders that are closed.
    """
    logs = directory / "airflow" / "logs"
    found = {}
    for path in (directory, *directory.rglob("*")):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if path.is_symlink() or (path.is_file() and path.is_relative_to(logs)):
            continue
        if status.st_mode & 0o077:
            found[str(path.relative_to(directory))] = oct(status.st_mode)
    return found


def test_nothing_that_a_stack_writes_is_open_to_others(running_stack: Stack) -> None:
    assert open_to_others(running_stack.settings.data) == {}


def test_status_prints_no_password_and_uris_that_work(running_stack: Stack) -> None:
    settings = running_stack.settings
    own = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    done = subprocess.run(
        [sys.executable, "-m", "stack", "status", "--data", str(settings.data)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=own | {"PYTHONPATH": "include:plugins"},
    )

    said = done.stdout + done.stderr
    assert [name for name, secret in settings.credentials.items() if secret in said] == []
    uris = re.findall(r"psql '([^']+)'", said)
    for uri, database in zip(uris, ("recomamp", "airflow"), strict=True):
        with closing(psycopg2.connect(uri)) as connection:
            assert connection.info.dbname == database
    password_file = re.search(r"password +in (\S+)", said)
    assert password_file
    passwords = Path(password_file[1]).read_text(encoding="utf-8")
    assert settings.credentials["RECOMAMP_UI_PASSWORD"] in passwords
