"""How many readings a plan of restatement saves, and how much of the change it misses.

A year of windows is read from the emulator's engine as AMC would know it at each age. The
pipeline's own comparison says what changed between two ages, and its rule says when a plan stops.
Nothing is timed: the figures are ratios of counts and sums, equal on every machine.

The windows of a month have an engine of their own: a query takes longer with each month that its
engine holds.

    make restatement
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import groupby, pairwise
from typing import Any

from amc_emulator.engine import Engine, Query
from recomamp.domain.result_difference import Measure, compare

FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
INSTANCE = "amcdemonorth"
FIRST_AGE, FINAL_AGE = 2, 31  # of the first reading, and from when nothing changes any more
FIXED = (3, 7, 14, 21, 28)
AGES = (*FIXED, FINAL_AGE)
PLANS = (FIXED, (28,), (7, 28), (7, 31), (14, 31), (7, 14, 31))
THRESHOLDS = ("0", "0.001", "0.01", "0.05")

QUERIES = {
    "conversions by day of traffic": (
        "SELECT campaign, SUM(total_purchases) AS a, SUM(total_product_sales) AS b"
        " FROM amazon_attributed_events_by_traffic_time GROUP BY campaign"
    ),
    "conversions by day of conversion": (
        "SELECT campaign, SUM(total_purchases) AS a, SUM(total_product_sales) AS b"
        " FROM amazon_attributed_events_by_conversion_time GROUP BY campaign"
    ),
    "traffic": (
        "SELECT campaign, SUM(impressions) AS a, SUM(clicks) AS b"
        " FROM sponsored_ads_traffic GROUP BY campaign"
    ),
}
_MEASURES = tuple(Measure(name=name, is_number=True) for name in "ab")

Version = list[tuple[Any, ...]]
Window = dict[int, Version]  # the version at each age


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a plan has cost and missed, over all windows."""

    readings: int
    missed: float  # share of the change between the first version and the last


def main() -> None:
    """Print a line for each query, plan and threshold."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=364)
    arguments.add_argument("--window-days", type=int, default=7)
    arguments.add_argument("--processes", type=int, default=2)
    options = arguments.parse_args()
    length = timedelta(days=options.window_days)
    starts = [FIRST_DAY + number * length for number in range(options.days // options.window_days)]
    months = [list(one) for _, one in groupby(starts, lambda start: (start.year, start.month))]
    with ProcessPoolExecutor(options.processes) as pool:
        read = list(pool.map(partial(read_windows, length), months))
    totals: dict[tuple[Any, ...], list[Outcome]] = {}
    for name in QUERIES:
        windows = [window for month in read for window in month[name]]
        for plan, threshold in _settings():
            outcome = apply(windows, plan, Decimal(threshold))
            totals.setdefault((plan, threshold), []).append(outcome)
            _print(name, plan, threshold, outcome, len(starts))
    for (plan, threshold), outcomes in totals.items():
        mean = Outcome(
            readings=sum(one.readings for one in outcomes),
            missed=max(one.missed for one in outcomes),
        )
        _print("all three, worst miss", plan, threshold, mean, len(starts) * len(QUERIES))


def read_windows(length: timedelta, starts: Sequence[datetime]) -> dict[str, list[Window]]:
    """Read the windows that start at these times, at all ages, by each query."""
    engine = Engine()
    return {
        name: [_read_window(engine, sql, start, start + length) for start in starts]
        for name, sql in QUERIES.items()
    }


def _read_window(engine: Engine, sql: str, start: datetime, end: datetime) -> Window:
    def read(age: int) -> Version:
        query = Query(
            sql=sql,
            time_window_start=start,
            time_window_end=end,
            known_at=end + timedelta(days=age),
        )
        return engine.run(INSTANCE, query).rows

    return {age: read(age) for age in (FIRST_AGE, *AGES)}


def apply(windows: Sequence[Window], plan: Sequence[int], threshold: Decimal) -> Outcome:
    """Follow a plan through all windows; the worse measure says what is missed."""
    readings = 0
    changed, missed = [Decimal(0), Decimal(0)], [Decimal(0), Decimal(0)]
    for window in windows:
        last = FIRST_AGE
        for earlier, age in pairwise((FIRST_AGE, *plan)):
            readings += 1
            last = age
            if (_difference(window, earlier, age).change_ratio or 0) < threshold:
                break
        for place in (0, 1):
            changed[place] += _moved(window, FIRST_AGE, FINAL_AGE, place)
            missed[place] += _moved(window, last, FINAL_AGE, place)
    shares = [float(lost / all_) for lost, all_ in zip(missed, changed, strict=True) if all_]
    return Outcome(readings=readings, missed=max(shares, default=0.0))


def _difference(window: Window, earlier: int, later: int) -> Any:
    return compare(
        lambda: iter(window[earlier]),
        lambda: iter(window[later]),
        keys=("campaign",),
        measures=_MEASURES,
        most_rows=0,
    )


def _moved(window: Window, earlier: int, later: int, place: int) -> Decimal:
    """Return the sum of the rows' absolute differences of a measure."""
    old, new = (
        {row[0]: Decimal(row[place + 1] or 0) for row in window[age]} for age in (earlier, later)
    )
    nothing = Decimal(0)
    moves = (abs(new.get(key, nothing) - old.get(key, nothing)) for key in old.keys() | new.keys())
    return sum(moves, nothing)


def _settings() -> Iterator[tuple[tuple[int, ...], str]]:
    for plan in PLANS:
        for threshold in THRESHOLDS:
            yield plan, threshold


def _print(name: str, plan: Sequence[int], threshold: str, outcome: Outcome, windows: int) -> None:
    share = outcome.readings / (len(FIXED) * windows)
    print(
        f"{name:34} {list(plan)!s:22} {threshold:6}"
        f" readings {share:6.1%} of the fixed plan, missed {outcome.missed:6.2%}",
        flush=True,
    )


if __name__ == "__main__":
    main()
