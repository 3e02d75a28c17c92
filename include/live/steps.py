"""The steps of the smoke run. Each says in a few words how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx

from live.exchanges import Exchange, Recorder
from live.settings import LiveSettings
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.amc.requests import NewExecution
from recomamp.amazon.amc.result_columns import describe_result
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.download import download_parts
from recomamp.amazon.error_text import sanitize
from recomamp.amazon.retry import Sleep
from recomamp.domain.amc_options import SANDBOX
from recomamp.domain.credentials import Tokens
from recomamp.domain.dry_runs import sample_window
from recomamp.domain.executions import AmcExecution
from recomamp.errors import PipelineError, RequestRejected

POLL_SECONDS = 15.0
MAX_POLLS = 240  # an hour
# Not every instance has data of the first
_QUERIES = {
    "dsp_impressions": (
        "SELECT campaign, SUM(impressions) AS n FROM dsp_impressions GROUP BY campaign"
    ),
    "sponsored_ads_traffic": (
        "SELECT campaign, SUM(impressions) AS n FROM sponsored_ads_traffic GROUP BY campaign"
    ),
}
_BAD_QUERY = "SELECT no_such_column FROM no_such_table"
MAX_SHOWN = 500


@dataclass(kw_only=True, slots=True)
class SmokeRun:
    """What the steps have shown: outcome by step, and every exchange."""

    outcomes: dict[str, str] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    instance_type: str | None = None


class _OneLogin:
    """Tokens of one login, in memory."""

    def __init__(self, refresh_token: str) -> None:
        self._tokens = Tokens(access_token=None, refresh_token=refresh_token, expires_at=None)

    async def read(self) -> Tokens:
        return self._tokens

    async def refresh(
        self, renew: Callable[[Tokens], Awaitable[Tokens]], stale: str | None
    ) -> Tokens:
        self._tokens = await renew(self._tokens)
        return self._tokens


async def run_steps(
    settings: LiveSettings,
    transport: httpx.AsyncBaseTransport,
    *,
    may_cost: bool,
    now: datetime,
    sleep: Sleep,
) -> SmokeRun:
    """Make all steps, or those that cost nothing; a step that fails ends none of the others.

    :param may_cost: whether two executions may run on the instance.
    """
    recorder = Recorder(transport, settings.account.instance_id)
    auth = LwaAuth(
        settings.credentials,
        settings.account.endpoint.token_url,
        _OneLogin(settings.refresh_token),
        transport=recorder,
    )
    async with AmcClient(settings.account, auth, transport=recorder, sleep=sleep) as amc:
        steps = _Steps(amc, now)
        done = SmokeRun(exchanges=recorder.exchanges)
        for name, step in steps.free() + (steps.costly() if may_cost else []):
            recorder.step = name
            try:
                done.outcomes[name] = await step()
            except PipelineError as err:
                done.outcomes[name] = f"failed: {type(err).__name__}"
                done.failed.append(f"{name}: {sanitize(str(err), MAX_SHOWN)}")
        done.instance_type = steps.instance_type
    await recorder.close()
    return done


Step = Callable[[], Awaitable[str]]


class _Steps:
    def __init__(self, amc: AmcClient, now: datetime) -> None:
        self._amc = amc
        self._now = now
        self._query = _QUERIES["dsp_impressions"]
        self._name = f"recomamp-live-{uuid4()}"
        self._amc_execution_id = ""
        self.instance_type: str | None = None

    def free(self) -> list[tuple[str, Step]]:
        """Return the steps that run no query."""
        return [
            ("instance", self._instance),
            ("data sources", self._data_sources),
            ("dry run", self._dry_run),
            ("bad query", self._bad_query),
        ]

    def costly(self) -> list[tuple[str, Step]]:
        """Return the steps that run two queries."""
        return [
            ("execution", self._execution),
            ("list by name", self._list),
            ("download", self._download),
            ("cancel", self._cancel),
        ]

    async def _instance(self) -> str:
        found = await self._amc.get_instance()
        self.instance_type = found.instance_type
        return f"creationStatus {found.creation_status}"

    async def _data_sources(self) -> str:
        names = {str(one.get("dataSourceId")) async for one in self._amc.list_data_sources()}
        offered = (query for table, query in _QUERIES.items() if table in names)
        self._query = next(offered, self._query)
        return "some tables" if names else "no tables"

    async def _dry_run(self) -> str:
        created = await self._amc.create_execution(self._new(dry_run=True))
        return (await self._until_ended(created)).amc_status

    async def _bad_query(self) -> str:
        try:
            created = await self._amc.create_execution(self._new(dry_run=True, sql=_BAD_QUERY))
        except RequestRejected as err:
            return f"HTTP {err.status}"
        return (await self._until_ended(created)).amc_status

    async def _execution(self) -> str:
        created = await self._amc.create_execution(self._new(name=self._name))
        self._amc_execution_id = created.amc_execution_id
        name = "kept" if created.workflow_id == self._name else "not kept"
        ended = await self._until_ended(created)
        return f"{ended.amc_status}, name {name}"

    async def _list(self) -> str:
        found = [one async for one in self._amc.list_executions(workflow_id=self._name)]
        return f"{len(found)} found"

    async def _download(self) -> str:
        described = await describe_result(self._amc, self._amc_execution_id)
        with TemporaryDirectory() as directory:
            parts = await download_parts(self._amc, described.amc_execution_id, Path(directory))
            with parts[0].open(encoding="utf-8-sig") as file:
                header = file.readline().strip().replace('"', "")
        return f"header {header}"

    async def _cancel(self) -> str:
        created = await self._amc.create_execution(self._new())
        cancelled = await self._amc.cancel_execution(created.amc_execution_id)
        return cancelled.amc_status

    def _new(
        self, *, name: str | None = None, sql: str | None = None, dry_run: bool = False
    ) -> NewExecution:
        return NewExecution(
            workflow_id=name or f"recomamp-live-{uuid4()}",
            sql=sql or self._query,
            window=sample_window(self._now),
            requires_synthetic_data=self.instance_type == SANDBOX,
            dry_run=dry_run,
        )

    async def _until_ended(self, execution: AmcExecution) -> AmcExecution:
        for _ in range(MAX_POLLS):
            if execution.status.is_terminal:
                break
            await self._amc.sleep(POLL_SECONDS)
            execution = await self._amc.get_execution(execution.amc_execution_id)
        return execution
