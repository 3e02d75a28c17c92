"""Find and end the processes of a stack, those that outlived their parents too.

Every component is started as the leader of a session of its own. Its id is written to
`run/<name>.pid`, with its start time, for the system gives an id to others later. All that
a component forks stays in that session, also in a process group of its own, and after the component
or the supervisor was killed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

KILL_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.05


def find_processes(run: Path) -> list[psutil.Process]:
    """Find every process that belongs to a session recorded in `run`."""
    return _members({session for path in run.glob("*.pid") for session in _session_in(path)})


def end_processes(processes: Iterable[psutil.Process], *, grace_seconds: float = 5.0) -> None:
    """Ask the processes to end, and kill those that have not after the grace period."""
    remaining = list(processes)
    for process in remaining:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _wait_while(is_alive, remaining, grace_seconds)
    for process in filter(is_alive, remaining):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait_while(is_alive, remaining, KILL_SECONDS)


def wait_until_reaped(processes: list[psutil.Process]) -> None:
    """Wait until ended processes are gone from the process table as well.

    Those that outlived their parent are init's to reap, and not every container's is quick.
    """
    _wait_while(psutil.Process.is_running, processes, KILL_SECONDS)


def _wait_while(
    holds: Callable[[psutil.Process], bool], processes: list[psutil.Process], seconds: float
) -> None:
    until = time.monotonic() + seconds
    while any(map(holds, processes)) and time.monotonic() < until:
        time.sleep(LOOK_AGAIN_SECONDS)


def family_of(pid: int | None) -> list[psutil.Process]:
    """Give a process and all its descendants; none if it does not live."""
    if pid is None:
        return []
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def is_alive(process: psutil.Process) -> bool:
    """Return whether the process still runs; a zombie does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def recording(command: str, path: Path) -> str:
    """Give a shell line that records its process in a file and becomes the command."""
    start_time = "$(cut -d ' ' -f 22 /proc/$$/stat 2>/dev/null)"
    return f"echo $$ {start_time} > {shlex.quote(str(path))} && exec {command}"


def record(pid: int, path: Path) -> None:
    """Record a process in a file."""
    path.write_text(f"{pid} {_start_time(pid)}", encoding="ascii")


def recorded_pid(path: Path) -> int | None:
    """Read a process id, unless that process has ended or its number was taken by another."""
    pid, start_time = _read(path)
    with contextlib.suppress(psutil.NoSuchProcess):
        if pid and _start_time(pid) == start_time and is_alive(psutil.Process(pid)):
            return pid
    return None


def orphans_of(path: Path) -> list[psutil.Process]:
    """Find what a recorded process left behind when it ended; nothing while it lives."""
    if not path.exists() or recorded_pid(path) is not None:
        return []
    return [process for process in _members({*_session_in(path)}) if is_alive(process)]


def _session_in(path: Path) -> Iterator[int]:
    """Give the recorded session, unless its number was given to another one since.

    The system gives the number of a session to no process while the session has members.
    """
    session, start_time = _read(path)
    if session and _start_time(session) in (start_time, None):
        yield session


def _read(path: Path) -> tuple[int, str | None]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid, _, start_time = path.read_text(encoding="ascii").strip().partition(" ")
        return int(pid), start_time
    return 0, None


def _start_time(pid: int) -> str | None:
    """Give when a process began, in ticks since the machine did: no clock can be set between."""
    if not psutil.pid_exists(pid):
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # no such file system here: the id has to do
    return fields.rpartition(")")[2].split()[19]


def _members(sessions: set[int]) -> list[psutil.Process]:
    if not sessions:
        return []
    return [process for process in psutil.process_iter() if _session_of(process) in sessions]


def _session_of(process: psutil.Process) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(process.pid)
    return None
