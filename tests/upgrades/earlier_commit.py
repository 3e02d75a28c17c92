"""A stack of an earlier commit of this repository, whose components are replaced one by one.

The earlier commit's own command line starts the stack. Its supervisor starts a component again that
ends, as a container engine does. A launcher in its Procfile then takes the command and environment
of the new code, once a file holds them. The packages are those of this checkout's ``.venv``.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from recomamp.store.migrate import MIGRATIONS_DIRECTORY
from stack.ports import SETTING_NAMES, choose_ports
from stack.private_files import write_private
from stack.processes import read_pid
from stack.settings import ROOT, Settings
from stack.stack import Stack
from stack.supervisor import read_procfile
from upgrades.environment import plain_environment

COMMIT_SETTING = "UPGRADE_FROM"
# As a container engine: a component that does not end in this time is killed
GRACE_SECONDS = 60
TIMEOUT_SECONDS = 240
NOT_REPLACED = ("emulator", "redis", "worker-1", "worker-2")

LAUNCHER = """
import json, os, sys
path, *command = sys.argv[1:]
environment = dict(os.environ)
if os.path.exists(path):
    with open(path, encoding="utf-8") as file:
        command, environment = json.load(file)
    with open(path + ".pid", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
os.execvpe(command[0], command, environment)
"""


def earlier_commit() -> str:
    """Return the commit that UPGRADE_FROM names, or else the last one of which there are databases.

    That lacks the newest migration. A migration may have changed until it was published, so a
    commit with another one than today's is passed over: nobody has a database of it.
    """
    if given := os.environ.get(COMMIT_SETTING):
        return _git("rev-parse", "--verify", f"{given}^{{commit}}")
    migrations = str(MIGRATIONS_DIRECTORY.relative_to(ROOT))
    newest = max(MIGRATIONS_DIRECTORY.glob("*.sql")).relative_to(ROOT)
    added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest))
    if not added:
        return _git("rev-parse", "--verify", "HEAD")
    for commit in _git("rev-list", f"{added}^").splitlines():
        if not _git("diff", "--name-only", "--diff-filter=MD", commit, "--", migrations):
            return commit
    pytest.fail("each earlier commit has other migrations than today: name one with FROM=commit")


def _git(*arguments: str) -> str:
    completed = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if completed.returncode:
        pytest.fail(
            f"no earlier commit to upgrade from: {completed.stderr.strip()}. Fetch the whole"
            f" history (git fetch --unshallow), or name a commit that is here: make upgrade-test"
            f" FROM=commit"
        )
    return completed.stdout.strip()


def extract(commit: str, directory: Path) -> None:
    """Write the files of a commit, with a launcher before the command of each component."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(directory, filter="data")
    launcher = directory / "launcher.py"
    launcher.write_text(LAUNCHER, encoding="utf-8")
    lines = []
    for line in (directory / "Procfile").read_text(encoding="utf-8").splitlines():
        name, command = line.split(":", 1)
        if name not in NOT_REPLACED:
            command = f" {sys.executable} {launcher} {_launch_file(directory, name)} {command}"
        lines.append(f"{name}:{command}\n")
    (directory / "Procfile").write_text("".join(lines), encoding="utf-8")


def _launch_file(directory: Path, name: str) -> Path:
    return directory / f"launch-{name}.json"


@dataclass
class EarlierStack:
    """The running stack of an earlier commit.

    :param checkout: the folder of that commit.
    :param stack: the same stack as the new code sees it.
    """

    checkout: Path
    stack: Stack

    def replace(self, name: str) -> str:
        """Replace a component by that of the new code. Return how the earlier one ended."""
        launch = read_procfile()[name].split(), dict(self.stack._environments()[name])
        write_private(_launch_file(self.checkout, name), json.dumps(launch))
        pid = read_pid(self._pid_file(name))
        assert pid is not None, f"{name} does not run"
        earlier = psutil.Process(pid)
        earlier.send_signal(signal.SIGTERM)
        how = "ended"
        try:
            earlier.wait(GRACE_SECONDS)
        except psutil.TimeoutExpired:
            earlier.kill()
            how = f"killed after {GRACE_SECONDS} s"
        _until(lambda: self.is_new(name), f"{name} to start from the new code")
        _until(lambda: name in self.stack.healthy(), f"{name} to be healthy")
        return how

    def is_new(self, name: str) -> bool:
        """Return whether a component runs the new code."""
        marker = Path(f"{_launch_file(self.checkout, name)}.pid")
        running = read_pid(self._pid_file(name))
        return marker.exists() and marker.read_text(encoding="ascii") == str(running)

    def _pid_file(self, name: str) -> Path:
        return self.stack.settings.data / "run" / f"{name}.pid"


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not within {TIMEOUT_SECONDS} s: {what}")
        time.sleep(0.2)


@contextmanager
def running_earlier_stack(
    commit: str, directory: Path, settings: Mapping[str, str]
) -> Iterator[EarlierStack]:
    """Run the stack of a commit in a directory, and end it afterwards."""
    checkout, data = directory / "checkout", directory / "data"
    checkout.mkdir()
    extract(commit, checkout)
    ports = choose_ports({}, free_ports=True).as_dict()
    own = {SETTING_NAMES[name]: str(port) for name, port in ports.items()}
    environ = {**plain_environment(), **settings, **own}
    command = [sys.executable, "-m", "stack", "--data", str(data), "up"]
    paths = os.pathsep.join([str(checkout / "include"), str(checkout / "plugins")])
    try:
        started = subprocess.run(
            command,
            cwd=checkout,
            env=environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert started.returncode == 0, started.stdout + started.stderr
        yield EarlierStack(checkout, Stack(Settings.load(data=data, environ=environ)))
    finally:
        Stack(Settings.load(data=data, environ=environ)).down()
