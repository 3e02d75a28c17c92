"""The same steps on an emulator in this process."""

from __future__ import annotations

import asyncio
from datetime import datetime

import httpx

from amc_emulator.app import create_app
from amc_emulator.emulator import Emulator
from amc_emulator.tenants import read_tenants
from live.settings import LiveSettings, read_settings
from live.steps import SmokeRun, run_steps
from recomamp.domain.amc_options import SANDBOX

_URL = "http://emulator"
_DEMO = {
    "RECOMAMP_LIVE_CLIENT_ID": "amzn1.application-oa2-client.demo",
    "RECOMAMP_LIVE_CLIENT_SECRET": "demo-client-secret",
    "RECOMAMP_LIVE_REFRESH_TOKEN": "Atzr|demo-north",
    "RECOMAMP_LIVE_INSTANCE_ID": "amcdemonorth",
    "RECOMAMP_LIVE_ENTITY_ID": "ENTITYDEMONORTH",
}


async def run_emulated(*, instance_type: str | None, may_cost: bool, now: datetime) -> SmokeRun:
    """Make the steps on an instance of the same type, whose executions end at once."""
    transport = httpx.ASGITransport(create_app(Emulator(read_tenants())))
    kind = SANDBOX if instance_type == SANDBOX else "STANDARD"
    async with httpx.AsyncClient(transport=transport, base_url=f"{_URL}/_emulator") as control:
        for path, wanted in (
            ("/progression", {"mode": "per_poll", "polls": 1}),
            ("/settings", {"instance_type": kind}),
        ):
            (await control.put(path, json=wanted)).raise_for_status()
    return await run_steps(
        emulated_settings(_URL), transport, may_cost=may_cost, now=now, sleep=_no_pause
    )


def emulated_settings(url: str) -> LiveSettings:
    """Return the settings that reach an emulator's first instance."""
    return read_settings(
        {
            **_DEMO,
            "RECOMAMP_LIVE_API_URL": url,
            "RECOMAMP_LIVE_TOKEN_URL": f"{url}/auth/o2/token",
        }
    )


async def _no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)
