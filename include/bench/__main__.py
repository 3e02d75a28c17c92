"""Run benchmarks: `python -m bench [ids…]`; 0 only if every figure is what it must be."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from bench.measuring import LEAST_SAMPLES, BenchSettings, Curve, Result
from bench.places import ROOT
from bench.plotting import draw_curve
from bench.results import figure, results_table, write_results
from bench.running import DIRECTORY, Benchmark, Failure, find_benchmarks, run_benchmark

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, *, directory: Path = DIRECTORY) -> int:
    """Run the chosen benchmarks and give the exit code: 1 if a figure is not what it must be."""
    chosen = _parse(arguments)
    settings = BenchSettings(data=chosen.data.resolve(), rounds=chosen.rounds, quick=chosen.quick)
    benchmarks = find_benchmarks(directory)
    if unknown := sorted(set(chosen.ids) - {benchmark.id for benchmark in benchmarks}):
        print(f"bench: there is no benchmark {unknown[0]}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 200, soft_wrap=False)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(
            [each for each in benchmarks if not chosen.ids or each.id in chosen.ids],
            settings,
            console,
        )
    except KeyboardInterrupt:
        console.print("bench: interrupted; nothing is left running")
        return INTERRUPTED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("ids", nargs="*", type=int, help="numbers of benchmarks; default: all")
    parser.add_argument("--data", type=Path, default=ROOT / "data" / "bench", help="what is kept")
    parser.add_argument("--rounds", type=int, default=LEAST_SAMPLES, help="samples of each figure")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: proves nothing, but runs"
    )
    return parser.parse_args(arguments)


def _run(benchmarks: Sequence[Benchmark], settings: BenchSettings, console: Console) -> int:
    settings.data.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    broken: list[str] = []
    for benchmark in benchmarks:
        began = time.monotonic()
        console.print(f"[bold]{benchmark.id} {benchmark.name}[/bold]")
        for outcome in run_benchmark(benchmark, settings):
            _tell(outcome, settings, console)
            if isinstance(outcome, Result):
                results.append(outcome)
                write_results(settings.data / "results.json", results)
            elif isinstance(outcome, Failure):
                broken.append(f"{benchmark.id} {benchmark.name}")
        console.print(f"  {time.monotonic() - began:.0f} s", style="dim", highlight=False)
    write_results(settings.data / "results.json", results)
    console.print(results_table(results))
    for name in broken:
        console.print(f"[red]broke off:[/red] {escape(name)}")
    return 0 if results and not broken and all(result.ok for result in results) else 1


def _tell(outcome: Result | Curve | Failure, settings: BenchSettings, console: Console) -> None:
    if isinstance(outcome, Curve):
        path = draw_curve(settings.data, outcome)
        points = ", ".join(f"{figure(x)}: {figure(y)}" for x, y in sorted(outcome.points))
        console.print(f"  drawn: {path} ({points})", highlight=False, soft_wrap=True)
    elif isinstance(outcome, Failure):
        console.print(f"[red]{escape(outcome.text)}[/red]", highlight=False, soft_wrap=True)
    else:
        verdict = "" if outcome.ok else "  [red]not so[/red]"
        told = f"{figure(outcome.value)} {outcome.unit} (must be {outcome.must_be})"
        console.print(f"  {escape(outcome.name)}: {escape(told)}{verdict}", highlight=False)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
