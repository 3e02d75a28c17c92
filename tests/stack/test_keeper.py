"""A component that ends comes back, once the stack has been healthy, and only then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

KEEPER = Path(__file__).resolve().parents[2] / "include" / "stack" / "keeper.py"
# Says that it runs, then does what the next line on its standard input says.
COMPONENT = "import os,sys; print(os.getpid(), flush=True); sys.exit(int(sys.stdin.readline()))"

Start = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(marker: Path) -> subprocess.Popen[str]:
        keeper = subprocess.Popen(
            [sys.executable, str(KEEPER), str(marker), sys.executable, "-c", COMPONENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(keeper)
        return keeper

    yield start
    for keeper in started:
        keeper.kill()
        keeper.communicate()


def line(keeper: subprocess.Popen[str]) -> str:
    assert keeper.stdout is not None
    return keeper.stdout.readline().strip()


def end_component(keeper: subprocess.Popen[str], code: int) -> None:
    assert keeper.stdin is not None
    keeper.stdin.write(f"{code}\n")
    keeper.stdin.flush()


def test_before_the_stack_was_healthy_the_components_end_is_final(
    start: Start, tmp_path: Path
) -> None:
    keeper = start(tmp_path / "healthy")
    line(keeper)
    end_component(keeper, 3)
    assert keeper.wait(timeout=10) == 3


def test_afterwards_it_is_started_again(start: Start, tmp_path: Path) -> None:
    marker = tmp_path / "healthy"
    marker.touch()
    keeper = start(marker)
    first = line(keeper)
    end_component(keeper, 3)
    assert "ended (rc=3)" in line(keeper)
    assert line(keeper) not in (first, "")


def test_a_signal_ends_the_component_and_the_keeper(start: Start, tmp_path: Path) -> None:
    marker = tmp_path / "healthy"
    marker.touch()
    keeper = start(marker)
    component = int(line(keeper))
    os.killpg(keeper.pid, signal.SIGTERM)
    assert keeper.wait(timeout=10) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(component, 0)
