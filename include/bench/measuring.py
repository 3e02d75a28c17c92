"""What a benchmark hands back, and how two things are timed side by side."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LEAST_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One figure and what it must be; `samples` are what `value` is the median of."""

    id: int
    name: str
    value: float
    must_be: str
    unit: str
    samples: list[float]
    ok: bool
    note: str = ""

    def __post_init__(self) -> None:
        if not self.samples or not all(map(math.isfinite, (self.value, *self.samples))):
            message = f"{self.name}: no finite figure in {self.value}, {self.samples}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Curve:
    """How something grows: points of x and y, drawn into a picture."""

    name: str
    x_label: str
    y_label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchSettings:
    """What every benchmark is told."""

    data: Path  # for what is kept: results, pictures, environments built once
    rounds: int = LEAST_SAMPLES
    quick: bool = False  # small sizes: shows that a benchmark runs, its figures say nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Where samples lie."""

    median: float
    least: float
    most: float
    lower_quartile: float
    upper_quartile: float


def spread(samples: Sequence[float]) -> Spread:
    """Give the median, the quartiles and the extremes."""
    lower, median, upper = (
        statistics.quantiles(samples, n=4, method="inclusive")
        if len(samples) > 1
        else [samples[0]] * 3
    )
    return Spread(
        median=median,
        least=min(samples),
        most=max(samples),
        lower_quartile=lower,
        upper_quartile=upper,
    )


def seconds_of(action: Callable[[], object]) -> float:
    """Run an action once and give its wall time in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def alternate(
    first: Callable[[], float], second: Callable[[], float], rounds: int
) -> tuple[list[float], list[float]]:
    """Measure two things by turns (AB, BA, AB, …), so that a machine's moods meet both alike.

    Both are measured once before, which is not counted.
    :param first: measures once and gives the figure; so does `second`.
    """
    first(), second()
    samples: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        turns = ((samples[0], first), (samples[1], second))
        for kept, measure in turns if number % 2 == 0 else reversed(turns):
            kept.append(measure())
    return samples


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Divide what was measured in the same round."""
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def at_most(
    limit: float, *, id: int, name: str, unit: str, samples: Sequence[float], note: str = ""
) -> Result:
    """Judge the median of the samples by a limit that it may reach."""
    value = statistics.median(samples)
    return Result(
        id=id,
        name=name,
        value=value,
        must_be=f"≤ {limit:g}",
        unit=unit,
        samples=list(samples),
        ok=value <= limit,
        note=note,
    )


def stated(*, id: int, name: str, unit: str, samples: Sequence[float], note: str = "") -> Result:
    """Give a figure that nothing is demanded of."""
    return Result(
        id=id,
        name=name,
        value=statistics.median(samples),
        must_be="stated",
        unit=unit,
        samples=list(samples),
        ok=True,
        note=note,
    )
