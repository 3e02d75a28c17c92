"""A component that ends is started again, once the stack has been healthy, and only then."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stack.processes import end_processes, find_processes, is_alive, record_pid
from stack.supervisor import HEALTHY_MARKER, WORKERS

# Reports its id, and ends with the code it is then given. Both are pipes that block.
COMPONENT = """
import os, sys
with open(sys.argv[1], "w") as pids:
    pids.write(f"{os.getpid()} {CHILD}")
with open(sys.argv[2]) as codes:
    sys.exit(int(codes.read()))
"""
# Forks a child that holds no pipe of its parent's
FORK = """
import os, subprocess, sys
CHILD = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid
"""
SUPERVISE = """
import os, sys
from pathlib import Path
from stack.supervisor import supervise
data, command = sys.argv[1:]
sys.exit(supervise({"component": command}, {"component": dict(os.environ)}, Path(data)))
"""
# Asked to end, it says so and waits until it is allowed to
ENDING_COMPONENT = """
import os, signal, sys
place = sys.argv[1]

def say(word):
    with open(f"{place}.said", "w") as said:
        said.write(word)

def end(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("asked")
    with open(f"{place}.allowed") as allowed:
        allowed.read()
    with open(os.path.join(os.path.dirname(place), "ended"), "a") as ended:
        ended.write(os.path.basename(place) + "\\n")
    os._exit(0)

signal.signal(signal.SIGTERM, end)
say("started")
while True:
    signal.pause()
"""
SUPERVISE_ALL = """
import json, os, sys
from pathlib import Path
from stack.supervisor import supervise
commands = json.loads(sys.argv[2])
sys.exit(supervise(commands, dict.fromkeys(commands, dict(os.environ)), Path(sys.argv[1])))
"""


class Supervised:
    """A supervisor with one component that a test drives."""

    def __init__(self, data: Path, prologue: str = "CHILD = 0") -> None:
        self.run = data / "run"
        self._pids, self._codes = data / "pids", data / "codes"
        for directory in (self.run, data / "logs"):
            directory.mkdir()
        for pipe in (self._pids, self._codes):
            os.mkfifo(pipe)
        (data / "component.py").write_text(prologue + COMPONENT)
        command = f"{sys.executable} {data}/component.py {self._pids} {self._codes}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(data), command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )
        record_pid(self.process.pid, self.run / "supervisor.pid")

    def started(self) -> tuple[int, int]:
        """Wait for a start of the component. Return its id and its child's."""
        pid, child = self._pids.read_text().split()
        return int(pid), int(child)

    def end_component(self, code: int) -> None:
        self._codes.write_text(f"{code}")

    def become_healthy(self) -> None:
        (self.run / HEALTHY_MARKER).touch()


Start = Callable[..., Supervised]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Supervised] = []

    def start(prologue: str = "CHILD = 0") -> Supervised:
        started.append(Supervised(tmp_path, prologue))
        return started[-1]

    yield start
    for supervised in started:
        end_processes(find_processes(supervised.run), grace_seconds=0)
        supervised.process.wait()


def test_before_the_stack_was_healthy_the_components_end_is_final(start: Start) -> None:
    supervised = start()
    supervised.started()

    supervised.end_component(3)

    assert supervised.process.wait(timeout=20) == 3


def test_afterwards_it_is_started_again(start: Start, tmp_path: Path) -> None:
    supervised = start()
    supervised.become_healthy()
    first = supervised.started()

    supervised.end_component(3)

    assert supervised.started() != first
    assert "ended (rc=3)" in (tmp_path / "logs" / "component.log").read_text()


def test_what_a_killed_component_leaves_behind_is_ended_before_it_starts_again(
    start: Start,
) -> None:
    supervised = start(FORK)
    supervised.become_healthy()
    pid, child = supervised.started()
    orphan = psutil.Process(child)

    os.kill(pid, signal.SIGKILL)
    supervised.started()

    assert not is_alive(orphan)


def test_a_signal_ends_the_component_and_the_supervisor(start: Start) -> None:
    supervised = start()
    supervised.become_healthy()
    pid, _ = supervised.started()

    supervised.process.terminate()

    assert supervised.process.wait(timeout=20) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_nothing_is_restarted_and_all_is_found_after_the_supervisor_was_killed(
    start: Start,
) -> None:
    supervised = start()
    supervised.become_healthy()
    supervised.started()
    supervised.process.kill()
    supervised.process.wait()

    (supervised.run / HEALTHY_MARKER).unlink()
    end_processes(found := find_processes(supervised.run))

    assert len(found) == 2  # the component, and the process of honcho's that reads its output
    assert not [one for one in find_processes(supervised.run) if is_alive(one)]


@pytest.fixture
def start_with_workers(tmp_path: Path) -> Iterator[Callable[[], Ending]]:
    started: list[Ending] = []

    def start() -> Ending:
        started.append(Ending(tmp_path))
        return started[-1]

    yield start
    for ending in started:
        end_processes(find_processes(ending.run), grace_seconds=0)
        ending.process.wait()


class Ending:
    """A supervisor of workers and a server, each of which says when it is asked to end."""

    def __init__(self, data: Path) -> None:
        self.run, self._data = data / "run", data
        for directory in (self.run, data / "logs"):
            directory.mkdir()
        (data / "component.py").write_text(ENDING_COMPONENT)
        commands = {}
        for name in (*WORKERS, "server"):
            for pipe in ("said", "allowed"):
                os.mkfifo(data / f"{name}.{pipe}")
            commands[name] = f"{sys.executable} {data}/component.py {data}/{name}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE_ALL, str(data), json.dumps(commands)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )
        record_pid(self.process.pid, self.run / "supervisor.pid")
        for name in commands:
            assert self.heard(name) == "started"
        (self.run / HEALTHY_MARKER).touch()

    def heard(self, name: str) -> str:
        """Wait for what a component says."""
        return (self._data / f"{name}.said").read_text()

    def allow(self, name: str) -> None:
        """Let a component end, once it is asked to."""
        (self._data / f"{name}.allowed").write_text("")

    @property
    def ended(self) -> list[str]:
        """The components in the order in which they were allowed to end."""
        return (self._data / "ended").read_text().split()


def test_the_server_is_asked_to_end_only_when_both_workers_have(
    start_with_workers: Callable[[], Ending],
) -> None:
    ending = start_with_workers()

    ending.process.terminate()
    for worker in WORKERS:
        assert ending.heard(worker) == "asked"
    for worker in WORKERS:
        ending.allow(worker)
    assert ending.heard("server") == "asked"
    ended_before = ending.ended
    ending.allow("server")

    assert ending.process.wait(timeout=20) == 128 + signal.SIGTERM
    assert sorted(ended_before) == sorted(WORKERS)


def test_a_second_signal_does_not_wait_for_the_workers(
    start_with_workers: Callable[[], Ending],
) -> None:
    ending = start_with_workers()
    ending.process.terminate()
    for worker in WORKERS:
        assert ending.heard(worker) == "asked"

    ending.process.terminate()

    assert ending.heard("server") == "asked"
    for name in ("server", *WORKERS):
        ending.allow(name)
    ending.process.wait(timeout=20)
