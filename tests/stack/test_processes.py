"""Processes are found and ended even when those above them were killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.processes import (
    end_processes,
    find_orphans,
    find_processes,
    is_alive,
    read_pid,
    record_and_exec,
)

# Like a component of Airflow: a child in a process group of its own, that ignores SIGTERM.
PARENT = """
import os, signal, sys, time
ready, say = os.pipe()
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(say, b"x")
    time.sleep(60)
os.read(ready, 1)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def component(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = record_and_exec(f"{sys.executable} -c '{PARENT}'", tmp_path / "component.pid")
    process = subprocess.Popen(  # noqa: S602  as the stack starts its components
        command, shell=True, start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        end_processes(find_processes(tmp_path), grace_seconds=0)


def test_a_child_is_found_after_its_parent_was_killed(
    component: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert len(find_processes(tmp_path)) == 2

    component.kill()
    component.wait()

    (orphan,) = find_processes(tmp_path)
    assert orphan.pid != component.pid


def test_orphans_are_those_of_a_process_that_has_ended(
    component: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert find_orphans(tmp_path / "component.pid") == []

    # Not waited for: an ended process that nobody has reaped counts as ended.
    component.kill()
    until = time.monotonic() + 5
    while read_pid(tmp_path / "component.pid") and time.monotonic() < until:
        os.sched_yield()

    assert len(find_orphans(tmp_path / "component.pid")) == 1


def test_a_process_that_ignores_the_request_is_killed(
    component: subprocess.Popen[str], tmp_path: Path
) -> None:
    processes = find_processes(tmp_path)

    end_processes(processes, grace_seconds=0.2)

    assert not any(is_alive(process) for process in processes)


def test_a_number_that_now_belongs_to_another_process_is_not_ours(tmp_path: Path) -> None:
    # This test's own session stands for one that was given a number of ours.
    path = tmp_path / "component.pid"
    path.write_text(f"{os.getsid(0)} 1")

    assert read_pid(path) is None
    assert find_processes(tmp_path) == []
    assert find_orphans(path) == []


@pytest.mark.parametrize("text", ["", "nonsense", "-"])
def test_a_file_that_is_not_written_yet_stands_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "component.pid").write_text(text)

    assert read_pid(tmp_path / "component.pid") is None
    assert find_processes(tmp_path) == []


def test_a_recorded_process_is_known_until_it_ends(
    component: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert read_pid(tmp_path / "component.pid") == component.pid

    component.send_signal(signal.SIGKILL)
    component.wait()

    assert read_pid(tmp_path / "component.pid") is None
