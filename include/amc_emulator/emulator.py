"""All the state of a running emulator, in memory, in one object."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from amc_emulator.ads.portfolio import Portfolio
from amc_emulator.ads.report import Report
from amc_emulator.ads.shelf import Shelf
from amc_emulator.calls import Calls
from amc_emulator.clock import Clock
from amc_emulator.engine import Engine, OutputColumn, Query, ResultSet
from amc_emulator.faults import Faults
from amc_emulator.files import CsvFormat, Links, write_parts
from amc_emulator.lwa import Login
from amc_emulator.settings import Progression, Settings
from amc_emulator.state import Execution, Machine, Output
from amc_emulator.tenants import Tenants

log = logging.getLogger(__name__)


class RunsSql(Protocol):
    """What the emulator needs of an engine."""

    def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Check a query."""

    def run(self, instance_id: str, query: Query) -> ResultSet:
        """Run a query."""

    def data_sources(self) -> list[dict[str, Any]]:
        """Describe the tables."""


class Emulator:
    """Tenants, tokens, workflows, executions, files, faults and calls."""

    def __init__(self, tenants: Tenants, engine: RunsSql | None = None) -> None:
        self.tenants = tenants
        self.engine: RunsSql = engine or Engine()
        self.clock = Clock()
        self.login = Login(tenants, self.clock)
        self.calls = Calls()
        self.faults = Faults()
        self.links = Links()
        # One thread, so that the engine's database connection is never used twice at a time.
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._start_over()

    def _start_over(self) -> None:
        self.machine = Machine(self.clock, self._run, self._account_of)
        self.workflows: dict[str, dict[str, dict[str, Any]]] = {}
        self.schedules: dict[str, dict[str, dict[str, Any]]] = {}
        self.sequence = 0
        self.portfolio = Portfolio()
        self.shelf = Shelf()
        self.reports: dict[str, Report] = {}

    def _account_of(self, instance_id: str) -> str:
        account = self.tenants.owner_of(instance_id)
        return account.account_id if account else ""

    @property
    def settings(self) -> Settings:
        """Return the behaviour in force."""
        return self.machine.settings

    def reset(self) -> None:
        """Forget everything that was asked for and ordered; tokens given out stay good."""
        self.clock.release()
        self.login.restore()
        self.calls.kept.clear()
        self.faults.clear()
        self._start_over()

    def set_pace(self, progression: Progression) -> None:
        """Change how executions get on."""
        self.machine.progression = progression

    def next_sequence(self) -> int:
        """Return a number above all given out before."""
        self.sequence += 1
        return self.sequence

    async def compile(self, instance_id: str, query: Query) -> tuple[OutputColumn, ...]:
        """Check a query.

        :raises QueryRefused: AMC would refuse it.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.engine.compile, instance_id, query)

    async def _run(self, execution: Execution) -> Output:
        loop = asyncio.get_running_loop()
        parts = self.settings.result_parts
        form = csv_format(execution.request, self.settings)
        return await loop.run_in_executor(self._threads, self._produce, execution, parts, form)

    def _produce(self, execution: Execution, parts: int, form: CsvFormat) -> Output:
        result = self.engine.run(execution.instance_id, execution.query)
        log.info("ran execution %s: %d rows", execution.execution_id, len(result.rows))
        names = [column.name for column in result.columns]
        files = write_parts(names, result.rows, parts, form) if execution.leaves_output else []
        return Output(columns=result.columns, row_count=len(result.rows), parts=files)


def csv_format(workflow: dict[str, Any], settings: Settings) -> CsvFormat:
    """Return how a workflow's files are written: as it wants, unless the settings say otherwise."""
    asked = workflow.get("outputFormat") or {}
    form = {} if settings.ignore_output_format else asked
    quote = str(form.get("quoteCharacter") or '"')
    default_escape = "\\" if settings.csv_escape == "backslash" else quote
    return CsvFormat(
        separator=str(form.get("separatorCharacter") or ","),
        quote=quote,
        escape=str(form.get("escapeCharacter") or default_escape),
        line_end="\r\n" if settings.csv_line_end == "crlf" else "\n",
        ends_last_line=settings.last_line_end,
    )
