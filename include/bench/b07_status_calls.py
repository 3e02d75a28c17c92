"""The number of calls to AMC in one poll cycle of an instance."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.emulated_amazon import EmulatedAmazon, emulated_amazon
from bench.measurements import BenchSettings, Curve, Result
from recomamp.pipeline.triggers.status_fetcher import StatusFetcher, calls_allowed

CYCLES = 6
WAITING = (1, 50, 100, 101, 250, 500)


def run(settings: BenchSettings) -> Iterator[Result | Curve]:
    """Count the calls of each cycle, without and with executions of others in between."""
    logging.getLogger("recomamp").setLevel(logging.ERROR)  # one execution is missing on purpose
    waiting = WAITING[:3] if settings.quick else WAITING
    for name, others in (("", 0.0), (", as many of others between", 1.0)):
        with tempfile.TemporaryDirectory() as directory, emulated_amazon(Path(directory)) as amazon:
            calls = {n: _calls_of_cycles(amazon, k, n, others) for k, n in enumerate(waiting, 1)}
        shares = [most / calls_allowed(n) for n, cycles in calls.items() for most in cycles]
        yield Result(
            id=7,
            name=f"calls of a poll cycle / (⌈n/100⌉ + 1){name}",
            value=max(shares),
            must_be="≤ 1",
            unit="ratio",
            samples=shares,
            ok=max(shares) <= 1,
            note="the worst of all cycles",
        )
        yield Curve(
            f"Calls of a poll cycle{name}",
            "executions that wait",
            "calls",
            [(n, max(cycles)) for n, cycles in calls.items()],
        )


def _calls_of_cycles(
    amazon: EmulatedAmazon, instance: int, waiting: int, others: float
) -> list[int]:
    """Return the calls of each cycle. One waiting execution is missing from the list."""
    submitted_at = datetime.now(UTC)
    ours = amazon.submit(instance, waiting)
    if others:
        amazon.submit(instance, round(waiting * others))
    wanted = dict.fromkeys([*ours[1:], "missing"], submitted_at)

    async def poll() -> list[int]:
        counted = []
        async with amazon.client(instance) as amc:
            sweeper = StatusFetcher(amc)
            for _ in range(CYCLES):
                amazon.control("DELETE", "/calls")
                async for _execution in sweeper.fetch(wanted):
                    pass
                calls = amazon.control("GET", "/calls")["calls"]
                status = ("list_executions", "get_execution")
                counted.append(sum(call["operation"] in status for call in calls))
        return counted

    return asyncio.run(poll())
