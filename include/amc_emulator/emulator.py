"""All the state of a running emulator, in memory, in one object."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Protocol

from amc_emulator.ads.campaigns import CampaignStore
from amc_emulator.ads.product_catalog import ProductCatalog
from amc_emulator.ads.report import Report
from amc_emulator.call_log import CallLog
from amc_emulator.clock import Clock
from amc_emulator.engine import Engine, OutputColumn, Query, RememberingEngine, ResultSet
from amc_emulator.execution_machine import Execution, ExecutionMachine, Output
from amc_emulator.faults import FaultQueue
from amc_emulator.lwa import Login
from amc_emulator.result_files import CsvFormat, LinkSigner, write_parts
from amc_emulator.settings import Progression, Settings
from amc_emulator.tenants import Tenants

log = logging.getLogger(__name__)


class SqlEngine(Protocol):
    """The methods that the emulator needs of an engine."""

    def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Check a query."""

    def run(self, instance_id: str, query: Query) -> ResultSet:
        """Run a query."""

    def data_sources(self, datasets: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """Describe the tables of an instance that subscribes to `datasets`."""


class Emulator:
    """Tenants, tokens, workflows, executions, files, faults and calls."""

    def __init__(self, tenants: Tenants, engine: SqlEngine | None = None) -> None:
        self.tenants = tenants
        self.engine: SqlEngine = engine or RememberingEngine(Engine())
        self.clock = Clock()
        self.login = Login(tenants, self.clock)
        self.calls = CallLog()
        self.faults = FaultQueue()
        self.links = LinkSigner()
        # One thread, so that the engine's database connection is never used twice at a time.
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._reset_state()

    def _reset_state(self) -> None:
        self.machine = ExecutionMachine(self.clock, self._run, self._account_of)
        self.workflows: dict[str, dict[str, dict[str, Any]]] = {}
        self.schedules: dict[str, dict[str, dict[str, Any]]] = {}
        self.sequence = 0
        self.campaign_store = CampaignStore()
        self.product_catalog = ProductCatalog()
        self.reports: dict[str, Report] = {}

    def _account_of(self, instance_id: str) -> str:
        account = self.tenants.owner_of(instance_id)
        return account.account_id if account else ""

    @property
    def settings(self) -> Settings:
        """Return the behaviour in force."""
        return self.machine.settings

    def reset(self) -> None:
        """Reset everything but access tokens, which stay valid."""
        self.clock.release()
        self.login.reset_consents()
        self.calls.received.clear()
        self.faults.clear()
        self._reset_state()

    def set_progression(self, progression: Progression) -> None:
        """Set the pace of executions."""
        self.machine.progression = progression

    def next_sequence(self) -> int:
        """Return a number above all earlier ones."""
        self.sequence += 1
        return self.sequence

    async def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Check a query.

        :raises QueryRejected: AMC would refuse it.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.engine.compile, instance_id, query)

    async def _run(self, execution: Execution) -> Output:
        loop = asyncio.get_running_loop()
        parts = self.settings.result_parts
        csv = csv_format(execution.request, self.settings)
        return await loop.run_in_executor(self._threads, self._run_query, execution, parts, csv)

    def _run_query(self, execution: Execution, parts: int, csv: CsvFormat) -> Output:
        query = execution.query
        if self.settings.restates:
            query = replace(query, known_at=self.settings.known_at or execution.started_at)
        result = self.engine.run(execution.instance_id, query)
        log.info("ran execution %s: %d rows", execution.execution_id, len(result.rows))
        names = [column.name for column in result.columns]
        files = write_parts(names, result.rows, parts, csv) if execution.has_output else []
        return Output(columns=result.columns, row_count=len(result.rows), parts=files)


def csv_format(workflow: dict[str, Any], settings: Settings) -> CsvFormat:
    """Return the format of a workflow's files.

    The workflow's own `outputFormat` applies unless the settings ignore it.
    """
    asked = workflow.get("outputFormat") or {}
    csv = {} if settings.ignore_output_format else asked
    quote = str(csv.get("quoteCharacter") or '"')
    default_escape = "\\" if settings.csv_escape == "backslash" else quote
    return CsvFormat(
        separator=str(csv.get("separatorCharacter") or ","),
        quote=quote,
        escape=str(csv.get("escapeCharacter") or default_escape),
        line_end="\r\n" if settings.csv_line_end == "crlf" else "\n",
        ends_last_line=settings.last_line_end,
    )
