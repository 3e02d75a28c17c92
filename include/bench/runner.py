"""Find benchmarks and run each in its own process.

So no benchmark is affected by the settings, imports or peak memory of another.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, ModuleType

from bench.measurements import BenchSettings, Curve, Result

DIRECTORY = Path(__file__).parent
END_SECONDS = 60

_FILE_NAME = re.compile(r"b(\d+)_\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """A module `bNN_<name>.py` with `run(settings) -> Iterator[Result | Curve]`."""

    id: int
    path: Path

    @property
    def name(self) -> str:
        """The subject in words."""
        return self.path.stem.partition("_")[2].replace("_", " ")


@dataclass(frozen=True, slots=True)
class Failure:
    """A benchmark that failed, and where."""

    text: str


def find_benchmarks(directory: Path = DIRECTORY) -> list[Benchmark]:
    """Return the benchmarks of a directory by their numbers."""
    found = [
        Benchmark(id=int(matched[1]), path=path)
        for path in directory.glob("b*.py")
        if (matched := _FILE_NAME.fullmatch(path.stem))
    ]
    return sorted(found, key=lambda benchmark: (benchmark.id, benchmark.path.name))


def run_benchmark(
    benchmark: Benchmark, settings: BenchSettings
) -> Iterator[Result | Curve | Failure]:
    """Run a benchmark and yield its outcomes at once."""
    # Spawned, not forked: a process that begins as `python` does.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run_in_process, args=(benchmark.path, settings, theirs))
    process.start()
    theirs.close()
    try:
        while (message := _receive(ours)) is not None:
            yield message
        process.join()
        if process.exitcode != 0:
            yield Failure(f"{benchmark.path.name} ended with exit code {process.exitcode}")
    finally:
        _end(process)


def _receive(channel: Connection) -> Result | Curve | Failure | None:
    try:
        message: Result | Curve | Failure = channel.recv()
    except EOFError:
        return None
    return message


def _run_in_process(path: Path, settings: BenchSettings, channel: Connection) -> None:
    """Run one benchmark, in its own process."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        for outcome in _load(path).run(settings):
            channel.send(outcome)
    except KeyboardInterrupt:
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the other benchmarks go on after any error
        channel.send(Failure(traceback.format_exc()))
    finally:
        channel.close()


def _load(path: Path) -> ModuleType:
    name = f"bench.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _end(process: multiprocessing.process.BaseProcess) -> None:
    """Ask the process to end what it started. Kill it if it does not."""
    if process.is_alive():
        process.terminate()
        process.join(END_SECONDS)
    if process.is_alive():
        process.kill()
    process.join()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
