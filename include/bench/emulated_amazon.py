"""An emulated Amazon with as many instances as a benchmark needs, and executions on them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from bench.databases import ROOT
from bench.definition_rows import INSTANCES
from recomamp.amazon.amc.account import AmcAccount
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import NewExecution
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.regions import Endpoint, marketplace_of
from recomamp.domain.credentials import ClientCredentials, Tokens
from recomamp.domain.scheduling.windows import Window
from stack.environment import EMULATOR_CLIENT_ID, EMULATOR_CLIENT_SECRET
from stack.ports import HOST, choose_ports

REFRESH_TOKEN = "Atzr|bench"  # noqa: S105  of the emulator, opens nothing else
ACCOUNTS = 5
MAX_PARALLEL_CALLS = 16
ENDLESS_PROGRESSION = {"mode": "per_poll", "polls": 10**9}

_SQL = "SELECT campaign, SUM(impressions) AS impressions FROM dsp_impressions GROUP BY campaign"


def instance_id(number: int) -> str:
    """Return the id of an instance by its number from 1, as in the application's database."""
    return f"amcbench{number}"


def account_id(number: int) -> str:
    """Return the id of the account that an instance belongs to."""
    return f"ENTITY{number % ACCOUNTS + 1}"


def write_tenants(path: Path) -> Path:
    """Write the emulator's file of accounts and instances."""
    accounts = sorted({account_id(number) for number in range(1, INSTANCES + 1)})
    lines = [
        f'[[clients]]\nclient_id = "{EMULATOR_CLIENT_ID}"\n'
        f'client_secret = "{EMULATOR_CLIENT_SECRET}"',
        f'[[consents]]\nrefresh_token = "{REFRESH_TOKEN}"\naccounts = {accounts}',
    ]
    for account in accounts:
        own = [n for n in range(1, INSTANCES + 1) if account_id(n) == account]
        instances = ", ".join(
            f'{{ instance_id = "{instance_id(n)}", name = "Bench {n}" }}' for n in own
        )
        lines.append(
            f'[[accounts]]\naccount_id = "{account}"\nname = "{account}"\nregion = "NA"\n'
            f'marketplace_id = "{marketplace_of("US")}"\ninstances = [{instances}]'
        )
    path.write_text("\n\n".join(lines), encoding="utf-8")
    return path


class _Tokens:
    """One user's tokens, kept in memory."""

    def __init__(self) -> None:
        self._tokens = Tokens(access_token=None, refresh_token=REFRESH_TOKEN, expires_at=None)

    async def read(self) -> Tokens:
        """Return them."""
        return self._tokens

    async def refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        """Renew them."""
        self._tokens = await renew(self._tokens)
        return self._tokens


@dataclass(frozen=True, slots=True)
class EmulatedAmazon:
    """A running emulator and its control plane."""

    url: str

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control plane."""
        with httpx.Client(trust_env=False, timeout=60) as http:
            answer = http.request(method, f"{self.url}/_emulator{path}", json=body)
        return answer.raise_for_status().json()

    def client(self, number: int) -> AmcClient:
        """Make a client of an instance."""
        account = AmcAccount(
            instance_id=instance_id(number),
            entity_id=account_id(number),
            marketplace_id=marketplace_of("US"),
            endpoint=Endpoint(api_url=self.url, token_url=f"{self.url}/auth/o2/token"),
            client_id=EMULATOR_CLIENT_ID,
        )
        credentials = ClientCredentials(
            client_id=EMULATOR_CLIENT_ID, client_secret=EMULATOR_CLIENT_SECRET
        )
        return AmcClient(account, LwaAuth(credentials, account.endpoint.token_url, _Tokens()))

    def submit(self, number: int, executions: int) -> list[str]:
        """Submit this number of queries to an instance. Return their ids, oldest first."""

        async def submit_all() -> list[str]:
            turn = asyncio.Semaphore(MAX_PARALLEL_CALLS)
            async with self.client(number) as amc:

                async def submit_one() -> str:
                    async with turn:
                        return (await amc.create_execution(_query())).amc_execution_id

                first = await submit_one()  # signs in, for all
                rest = await asyncio.gather(*(submit_one() for _ in range(executions - 1)))
            return [first, *rest]

        return asyncio.run(submit_all())


def _query() -> NewExecution:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=20)
    window = Window(start=end - timedelta(days=7), end=end, time_zone="UTC")
    return NewExecution(workflow_id=f"recomamp-{uuid4()}", sql=_SQL, window=window)


@contextlib.contextmanager
def emulated_amazon(directory: Path) -> Iterator[EmulatedAmazon]:
    """Run an emulator whose executions end only on request. End it afterwards."""
    port = choose_ports(os.environ, free_ports=True).emulator
    tenants = write_tenants(directory / "tenants.toml")
    process = subprocess.Popen(
        [sys.executable, "-m", "amc_emulator", "--host", HOST, "--port", str(port),
         "--tenants", str(tenants)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "include"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it says when it listens
        amazon = EmulatedAmazon(f"http://{HOST}:{port}")
        amazon.control("PUT", "/progression", ENDLESS_PROGRESSION)
        yield amazon
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()  # type: ignore[union-attr]
