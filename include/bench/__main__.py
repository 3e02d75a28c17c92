"""Run benchmarks: `python -m bench [ids…]`. The exit code is 0 if every figure is in its limit."""

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

from bench.charts import draw_curve
from bench.databases import ROOT
from bench.measurements import MIN_SAMPLES, BenchSettings, Curve, Result
from bench.results import figure, results_table, write_results
from bench.runner import DIRECTORY, Benchmark, Failure, find_benchmarks, run_benchmark

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, *, directory: Path = DIRECTORY) -> int:
    """Run the chosen benchmarks. Return 0, or 1 if a figure is beyond its limit."""
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
    parser.add_argument("--rounds", type=int, default=MIN_SAMPLES, help="samples of each figure")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: proves nothing, but runs"
    )
    return parser.parse_args(arguments)


def _run(benchmarks: Sequence[Benchmark], settings: BenchSettings, console: Console) -> int:
    settings.data.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    failed: list[str] = []
    for benchmark in benchmarks:
        began = time.monotonic()
        console.print(f"[bold]{benchmark.id} {benchmark.name}[/bold]")
        for outcome in run_benchmark(benchmark, settings):
            _print_outcome(outcome, settings, console)
            if isinstance(outcome, Result):
                results.append(outcome)
                write_results(settings.data / "results.json", results)
            elif isinstance(outcome, Failure):
                failed.append(f"{benchmark.id} {benchmark.name}")
        console.print(f"  {time.monotonic() - began:.0f} s", style="dim", highlight=False)
    write_results(settings.data / "results.json", results)
    console.print(results_table(results))
    for name in failed:
        console.print(f"[red]broke off:[/red] {escape(name)}")
    return 0 if results and not failed and all(result.ok for result in results) else 1


def _print_outcome(
    outcome: Result | Curve | Failure, settings: BenchSettings, console: Console
) -> None:
    if isinstance(outcome, Curve):
        path = draw_curve(settings.data, outcome)
        points = ", ".join(f"{figure(x)}: {figure(y)}" for x, y in sorted(outcome.points))
        console.print(f"  drawn: {path} ({points})", highlight=False, soft_wrap=True)
    elif isinstance(outcome, Failure):
        console.print(f"[red]{escape(outcome.text)}[/red]", highlight=False, soft_wrap=True)
    else:
        verdict = "" if outcome.ok else "  [red]not so[/red]"
        text = f"{figure(outcome.value)} {outcome.unit} (must be {outcome.must_be})"
        console.print(f"  {escape(outcome.name)}: {escape(text)}{verdict}", highlight=False)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
