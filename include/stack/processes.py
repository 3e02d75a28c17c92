"""Record, find and end the processes of a stack, including those that outlived their parents.

Every component is started as the leader of its own session. `run/<name>.pid` holds its id and its
start time, because the system reuses ids. All that a component forks stays in that session. This
also holds for process groups, and after the component or the supervisor was killed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

KILL_TIMEOUT_SECONDS = 5.0
POLL_SECONDS = 0.05


def find_processes(run: Path) -> list[psutil.Process]:
    """Return every process that belongs to a session recorded in `run`."""
    recorded = [_read(path) for path in run.glob("*.pid")]
    return _processes_in({pid for pid, start_time in recorded if _is_own_session(pid, start_time)})


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
    _wait_while(is_alive, remaining, KILL_TIMEOUT_SECONDS)


def wait_until_reaped(processes: list[psutil.Process]) -> None:
    """Wait until ended processes are gone from the process table as well.

    The init process reaps those that outlived their parent. In some containers it is slow.
    """
    _wait_while(psutil.Process.is_running, processes, KILL_TIMEOUT_SECONDS)


def _wait_while(
    holds: Callable[[psutil.Process], bool], processes: list[psutil.Process], seconds: float
) -> None:
    until = time.monotonic() + seconds
    while any(map(holds, processes)) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def process_tree(pid: int | None) -> list[psutil.Process]:
    """Return a process and all its descendants, nothing if it does not live."""
    if pid is None:
        return []
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def is_alive(process: psutil.Process) -> bool:
    """Return whether the process still runs. A zombie does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def record_and_exec(command: str, path: Path) -> str:
    """Return a shell line that records its process in a file and becomes the command."""
    start_time = "$(cut -d ' ' -f 22 /proc/$$/stat 2>/dev/null)"
    return f"echo $$ {start_time} > {shlex.quote(str(path))} && exec {command}"


def record_pid(pid: int, path: Path) -> None:
    """Record a process in a file."""
    path.write_text(f"{pid} {_start_time(pid)}", encoding="ascii")


def read_pid(path: Path) -> int | None:
    """Return the recorded process id, None if that process has ended or another has its id."""
    pid, start_time = _read(path)
    return pid if _is_recorded_process(pid, start_time) else None


def find_orphans(path: Path) -> list[psutil.Process]:
    """Return the processes that a recorded process left when it ended, nothing while it lives."""
    # Read once: a component that is restarted is recorded in the same file.
    pid, start_time = _read(path)
    if _is_recorded_process(pid, start_time) or not _is_own_session(pid, start_time):
        return []
    return [process for process in _processes_in({pid}) if is_alive(process)]


def _is_recorded_process(pid: int, start_time: str | None) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(pid and _start_time(pid) == start_time and is_alive(psutil.Process(pid)))
    return False


def _is_own_session(session: int, start_time: str | None) -> bool:
    """Return whether a session is the recorded one.

    The system gives the id of a session to no process while the session has members.
    """
    return bool(session) and _start_time(session) in (start_time, None)


def _read(path: Path) -> tuple[int, str | None]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid, _, start_time = path.read_text(encoding="ascii").strip().partition(" ")
        return int(pid), start_time
    return 0, None


def _start_time(pid: int) -> str | None:
    """Return when a process began, in ticks since the machine started: no clock change matters."""
    if not psutil.pid_exists(pid):
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # without /proc the id alone is compared
    return fields.rpartition(")")[2].split()[19]


def _processes_in(sessions: set[int]) -> list[psutil.Process]:
    if not sessions:
        return []
    return [process for process in psutil.process_iter() if _session_of(process) in sessions]


def _session_of(process: psutil.Process) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(process.pid)
    return None
