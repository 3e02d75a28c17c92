"""Run the components of the Procfile: `python -m stack.supervisor DATA_DIRECTORY`.

honcho starts the components, collects their output and passes signals on. This module adds three
rules. Until the stack has been healthy, the end of one component ends all. Afterwards a component
that ends is started again. Processes that a component leaves behind are ended first.

The environments of the components come as JSON on standard input, so that no secret stands on a
command line or in a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Message
from honcho.process import Process

from stack.processes import end_processes, find_orphans, read_pid, record_and_exec
from stack.settings import ROOT

# Airflow's scheduler waits for its executor. Its processes must not be killed in that time.
GRACE_SECONDS = 10
# Celery's workers end before all others: their tasks need these to end. As in docker-compose.yaml
WORKERS = ("worker-1", "worker-2")
WORKER_GRACE_SECONDS = 120
# Written below `run/` when the stack has been healthy: from then on components are restarted.
HEALTHY_MARKER = "healthy"

ORPHAN_POLL_SECONDS = 1.0
POLL_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 60.0  # after so long a life, the next pause is the first one again


class LogFiles:
    """Write the lines of each process to its own file. honcho calls such an object a printer."""

    width = 0

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, TextIO] = {}

    def write(self, message: Any) -> None:
        """Append a line to the log of the process that wrote it."""
        name = message.name
        if name not in self._files:
            path = self._directory / f"{name}.log"
            self._files[name] = path.open("a", encoding="utf-8", buffering=1)
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        self._files[name].write(text if text.endswith("\n") else text + "\n")


class Component(Process):  # type: ignore[misc]
    """A command that is started again when it ends, while the marker of a healthy stack exists.

    honcho calls `run` in a process of its own for each component. That process ignores SIGTERM.
    """

    pid_file: Path
    healthy_marker: Path

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run the command until its end is final, and report that end to the manager."""
        threading.Thread(target=_end_orphans, args=(self.pid_file,), daemon=True).start()
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            output = _EventsBeforeEnd(events)
            super().run(output, ignore_signals)
            # A descendant that has closed its output is not seen by honcho, and may hold a port.
            end_processes(find_orphans(self.pid_file))
            if time.monotonic() - began > STEADY_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            if self.healthy_marker.exists():
                code = output.end.data["returncode"]
                now = datetime.now(UTC)
                self._send_message(
                    f"{now:%F %T} {self.name} ended (rc={code}); again in {pause_seconds:.0f} s"
                )
                self._pause(pause_seconds)
            if not self.healthy_marker.exists():
                break
            pause_seconds = min(2 * pause_seconds, MAX_PAUSE_SECONDS)
        events.put(output.end)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.healthy_marker.exists() and time.monotonic() < until:
            time.sleep(POLL_SECONDS)


class _EventsBeforeEnd:
    """Passes honcho's messages on and keeps the last, which reports the end of the process."""

    end: Message

    def __init__(self, events: Any) -> None:
        self._events = events

    def put(self, message: Message) -> None:
        if message.type == "stop":
            self.end = message
        else:
            self._events.put(message)


class Supervisor(honcho.manager.Manager):  # type: ignore[misc]
    """honcho's manager, with components that are restarted."""

    def __init__(self, data: Path) -> None:
        super().__init__(printer=LogFiles(data / "logs"))
        self._run_directory = data / "run"
        self._healthy_marker = self._run_directory / HEALTHY_MARKER
        self._process_ctor = Component
        self._procmgr = _ComponentSignals(self._run_directory)
        self._are_workers_asked = False

    def add_component(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        """Add a command that starts with the others, as the leader of a recorded session."""
        pid_file = self._run_directory / f"{name}.pid"
        recorded = record_and_exec(command, pid_file)
        component = self.add_process(name, recorded, env=dict(environment), cwd=str(ROOT))
        component.pid_file = pid_file
        component.healthy_marker = self._healthy_marker

    def terminate(self) -> None:
        """Ask all components to end, and others only when the workers have. None starts again."""
        self._healthy_marker.unlink(missing_ok=True)
        # A second signal does not wait
        if not self._are_workers_asked:
            self._are_workers_asked = True
            self._end_workers()
        super().terminate()

    def _end_workers(self) -> None:
        """Let Celery's workers end their running tasks."""
        files = [self._run_directory / f"{name}.pid" for name in WORKERS]
        for pid in filter(None, map(read_pid, files)):
            self._procmgr.terminate(pid)
        until = time.monotonic() + WORKER_GRACE_SECONDS
        while any(map(read_pid, files)) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)


class _ComponentSignals:
    """Sends signals to components that are recorded: another process may have got an old id."""

    def __init__(self, run_directory: Path) -> None:
        self._run_directory = run_directory

    def terminate(self, pid: int) -> None:
        """Ask the component alone. Airflow's components end their own children in order."""
        if self._is_component(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        """Kill the component. Its orphans are ended afterwards."""
        if self._is_component(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _is_component(self, pid: int) -> bool:
        return any(read_pid(path) == pid for path in self._run_directory.glob("*.pid"))


def _end_orphans(pid_file: Path) -> None:
    """End the processes that a killed component left.

    An orphan holds the pipe that honcho reads. Until the pipe closes, honcho treats the component
    as alive.
    """
    while True:
        time.sleep(ORPHAN_POLL_SECONDS)
        end_processes(find_orphans(pid_file))


def read_procfile() -> dict[str, str]:
    """Return the commands of the Procfile by process name."""
    processes = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8")).processes
    return dict(processes)


def supervise(
    commands: Mapping[str, str], environments: Mapping[str, Mapping[str, str]], data: Path
) -> int:
    """Run components until a signal ends them or one ends for good. Return the exit code.

    :param commands: by process name.
    :param environments: of the processes to run, by name.
    :param data: the directory that holds `run` and `logs`.
    """
    honcho.manager.KILL_WAIT = GRACE_SECONDS
    supervisor = Supervisor(data)
    for name, environment in environments.items():
        supervisor.add_component(name, commands[name], environment)
    supervisor.loop()
    return int(supervisor.returncode or 0)


if __name__ == "__main__":
    sys.exit(supervise(read_procfile(), json.load(sys.stdin), Path(sys.argv[1])))
