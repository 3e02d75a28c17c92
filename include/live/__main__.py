"""Try the real AMC with the pipeline's clients: `python -m live [--yes]`.

Exit code 0: all steps worked and no answer differs from the emulator's. 1: otherwise. 2: settings
are missing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx

from live.differences import differences
from live.emulated import run_emulated
from live.settings import LiveSettings, MissingSettingsError, read_settings
from live.steps import run_steps
from recomamp.amazon.http import certificates
from recomamp.errors import InvalidDefinition


def main(arguments: list[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Make the smoke run and print its report."""
    parser = argparse.ArgumentParser(prog="live", description=__doc__)
    parser.add_argument(
        "--yes", action="store_true", help="run two executions on the instance without asking"
    )
    flags = parser.parse_args(arguments)
    try:
        settings = read_settings(environment)
    except (MissingSettingsError, InvalidDefinition) as err:
        sys.stderr.write(f"live: {err}\n")
        return 2
    may_cost = flags.yes or _is_allowed(settings)
    return asyncio.run(_report(settings, may_cost=may_cost))


async def _report(settings: LiveSettings, *, may_cost: bool) -> int:
    now = datetime.now(UTC)
    transport = httpx.AsyncHTTPTransport(verify=certificates())
    real = await run_steps(settings, transport, may_cost=may_cost, now=now, sleep=asyncio.sleep)
    emulated = await run_emulated(instance_type=real.instance_type, may_cost=may_cost, now=now)
    found = differences(real, emulated)
    _print(f"Instance type: {real.instance_type or 'not said'}")
    for step, outcome in real.outcomes.items():
        _print(f"  {step}: {outcome}")
    if not may_cost:
        _print("  No query was run: execution, list by name, download and cancel are not tried")
    for failure in real.failed:
        _print(f"Failed: {failure}")
    _print(f"Differences to the emulator: {len(found) or 'none'}")
    for line in found:
        _print(f"  {line}")
    return 1 if real.failed or found else 0


def _is_allowed(settings: LiveSettings) -> bool:
    if not sys.stdin.isatty():
        return False
    _print(f"Two queries will run on instance {settings.account.instance_id}; one is cancelled.")
    return input("Run them? [y/N] ").strip().lower() in ("y", "yes")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
