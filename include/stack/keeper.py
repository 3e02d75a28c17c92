"""Run a component and start it again when it ends: `python keeper.py MARKER COMMAND…`.

Airflow's components end when they lose their database for long. Once the stack has been healthy
(the marker file exists) the component comes back by itself, as it would under systemd or Compose;
before that, its end is the stack's end and is reported. Imports nothing of the stack, because the
component's environment does not lead there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import psutil

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
STEADY_SECONDS = 60.0  # a component that lived so long starts over with the first pause


class Keeper:
    """Keeps one command running until a signal ends it."""

    def __init__(self, command: list[str], marker: Path) -> None:
        self._command = command
        self._marker = marker
        self._ending = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def end(self, signum: int, frame: FrameType | None) -> None:
        """Pass a signal on to the component and start it no more."""
        self._ending.set()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signum)

    def run(self) -> int:
        """Return the component's last exit code."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            # A group of its own: who signals ours reaches the component once, through us
            self._child = subprocess.Popen(self._command, process_group=0)
            code = self._child.wait()
            if self._ending.is_set() or not self._marker.exists():
                return code
            if time.monotonic() - began > STEADY_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            now = datetime.now(UTC)
            print(
                f"{now:%F %T} {self._command[0]} ended (rc={code}); again in {pause_seconds:.0f} s",
                flush=True,
            )
            _end_leftovers()
            if self._ending.wait(pause_seconds):
                return code
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def _end_leftovers() -> None:
    """End what the component forked and left behind: it would hold ports and work on."""
    session = os.getsid(0)
    left = [one for one in psutil.process_iter() if one.pid != os.getpid() and _is_in(one, session)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=5)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _is_in(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session
    except ProcessLookupError:
        return False


def main(arguments: list[str]) -> int:
    """Keep the command of the arguments running."""
    marker, *command = arguments
    keeper = Keeper(command, Path(marker))
    signal.signal(signal.SIGTERM, keeper.end)
    signal.signal(signal.SIGINT, keeper.end)
    code = keeper.run()
    return code if code >= 0 else 128 - code  # ended by a signal, said as a shell says it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
