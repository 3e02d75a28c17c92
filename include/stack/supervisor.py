"""Run the Procfile's processes under honcho: `python -m stack.supervisor DATA_DIRECTORY`.

Until the stack has been healthy the end of one is the end of all; later it is started again. The
processes' environments come as JSON on standard input, so that no secret stands on a command line
or in a file.
"""

from __future__ import annotations

import json
import shlex
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

import honcho.manager
from honcho.environ import parse_procfile

from stack.leftovers import end_processes, orphans_of, recording
from stack.settings import ROOT

# Airflow's scheduler waits for its executor, whose processes must not be killed meanwhile.
GRACE_SECONDS = 10
# Written below `run/` when the stack has been healthy: from then on components are kept running.
HEALTHY_MARKER = "healthy"

LOOK_AGAIN_SECONDS = 1.0


class LogFiles:
    """Write each process's lines to a file of its own (what honcho calls a printer)."""

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


def read_procfile() -> dict[str, str]:
    """Give the commands of the Procfile by process name."""
    processes = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8")).processes
    return dict(processes)


def keeping(command: str, marker: Path) -> str:
    """Give a shell line that runs the command again when it ends, once the marker exists."""
    keeper = shlex.join([sys.executable, str(ROOT / "include" / "stack" / "keeper.py")])
    return f"{keeper} {shlex.quote(str(marker))} {command}"


def _end_orphans(pid_files: list[Path]) -> None:
    """End what a killed process left behind.

    It holds the pipe that honcho reads, and honcho takes the process for alive until that closes.
    """
    while True:
        time.sleep(LOOK_AGAIN_SECONDS)
        for path in pid_files:
            end_processes(orphans_of(path), grace_seconds=1.0)


def main(data: Path) -> int:
    """Run until a signal ends it or until a process ends by itself."""
    environments: dict[str, dict[str, str]] = json.load(sys.stdin)
    honcho.manager.KILL_WAIT = GRACE_SECONDS
    manager = honcho.manager.Manager(printer=LogFiles(data / "logs"))
    commands = read_procfile()
    for name, environment in environments.items():
        kept = keeping(commands[name], data / "run" / HEALTHY_MARKER)
        command = recording(kept, data / "run" / f"{name}.pid")
        manager.add_process(name, command, env=environment, cwd=str(ROOT))
    pid_files = [data / "run" / f"{name}.pid" for name in environments]
    threading.Thread(target=_end_orphans, args=(pid_files,), daemon=True).start()
    manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
