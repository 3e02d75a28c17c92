"""The results of a benchmark, and the alternating measurement of two things."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MIN_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One figure and its limit. `value` is the median of `samples`."""

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
    """Growth as points of x and y, drawn into a picture."""

    name: str
    x_label: str
    y_label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchSettings:
    """The settings that every benchmark gets."""

    data: Path  # for results, pictures and environments that are kept
    rounds: int = MIN_SAMPLES
    quick: bool = False  # small sizes: shows that a benchmark runs, its figures say nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """The distribution of samples."""

    median: float
    minimum: float
    maximum: float
    lower_quartile: float
    upper_quartile: float


def spread(samples: Sequence[float]) -> Spread:
    """Return the median, the quartiles and the extremes."""
    lower, median, upper = (
        statistics.quantiles(samples, n=4, method="inclusive")
        if len(samples) > 1
        else [samples[0]] * 3
    )
    return Spread(
        median=median,
        minimum=min(samples),
        maximum=max(samples),
        lower_quartile=lower,
        upper_quartile=upper,
    )


def seconds_of(action: Callable[[], object]) -> float:
    """Return the wall time of one call in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def alternate(
    first: Callable[[], float], second: Callable[[], float], rounds: int
) -> tuple[list[float], list[float]]:
    """Return the samples of two measurements in alternating order (AB, BA, AB, …).

    The load of the machine then affects both alike. Each is measured once before, uncounted.

    :param first: measures once and returns the figure; so does `second`.
    """
    first(), second()
    samples: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        turns = ((samples[0], first), (samples[1], second))
        for kept, measure in turns if number % 2 == 0 else reversed(turns):
            kept.append(measure())
    return samples


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Return the ratios of figures from the same round."""
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def at_most(
    limit: float, *, id: int, name: str, unit: str, samples: Sequence[float], note: str = ""
) -> Result:
    """Return the median of the samples, judged by a limit that it may reach."""
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


def without_limit(
    *, id: int, name: str, unit: str, samples: Sequence[float], note: str = ""
) -> Result:
    """Return a figure without a limit."""
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
