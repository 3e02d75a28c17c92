"""Run the demo: start the stack, insert the rows, watch them to their end, judge, stop."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from psycopg2.extensions import connection as Connection
from rich.console import Console

from demo.display import closing_tables, open_display
from demo.rows import REACH_SCHEDULE, Dates, seed
from demo.state import State, disappointments, read_state
from recomamp.store.connection_strings import connection_arguments
from recomamp.store.tls import connect
from stack.commands import Command
from stack.errors import FailedError
from stack.settings import Settings
from stack.stack import Stack

# The whole demo takes at most four minutes, of which the start takes up to one.
WATCH_SECONDS = 180
LOOK_AGAIN_SECONDS = 1.0
POLL_SECONDS = "2"
SYNCS = (
    "recomamp_campaigns_sync",  # takes longest
    "recomamp_schema_sync",
    "recomamp_asins_sync",
    "recomamp_instance_health",
)
MAIL_SETTING = "AIRFLOW_CONN_SMTP_DEFAULT"  # left empty: nobody is written to
PACE = {"mode": "per_second", "pending_seconds": 1, "running_seconds": 4}


def run_demo(data: Path) -> int:
    """Run the demo in a directory of its own; 0 if all ended as expected, else 1."""
    console = Console()
    began = time.monotonic()
    stack = _fresh_stack(data, os.environ, console)
    console.print("Starting the stack")
    with stack.running():
        state = _run(stack, console)
    console.print(closing_tables(state))
    return _judge(state, console, seconds=time.monotonic() - began)


def _fresh_stack(data: Path, environ: Mapping[str, str], console: Console) -> Stack:
    """Forget an earlier demo; end it first if it was cut short."""
    environ = {"RECOMAMP_POLL_SECONDS": POLL_SECONDS, **environ, MAIL_SETTING: ""}
    settings = Settings.load(data=data, environ=environ, disposable=True)
    Stack(settings).down()
    shutil.rmtree(data)
    settings = Settings.load(data=data, environ=environ, disposable=True)
    return Stack(settings, report=lambda line: console.print(f"  {line}", highlight=False))


def _run(stack: Stack, console: Console) -> State:
    if stack.settings.has_own_amazon:
        pace = httpx.put(
            f"{stack.settings.emulator_url}/_emulator/progression", json=PACE, trust_env=False
        )
        pace.raise_for_status()
    if not stack.settings.has_own_database:
        stack.migrate()
    now = datetime.now(UTC)
    with _connected(stack.settings) as connection:
        key = stack.settings.credentials["RECOMAMP_FERNET_KEY"]
        seed(connection, fernet_key=key, now=now)
        console.print("Rows inserted; each becomes a DAG and runs")
        return _watch(stack, connection, console, Dates.before(now))


@contextmanager
def _connected(settings: Settings) -> Iterator[Connection]:
    arguments: dict[str, Any] = dict(connection_arguments(settings.migrate_uri))
    with closing(connect(arguments)) as connection:
        yield connection


def _watch(stack: Stack, connection: Connection, console: Console, dates: Dates) -> State:
    backfill = Backfill(stack, f"amc_schedule_{REACH_SCHEDULE}", dates)
    syncs = Syncs(stack)
    until = time.monotonic() + WATCH_SECONDS
    with open_display(console) as display:
        while True:
            state = read_state(connection)
            backfill.advance()
            syncs.advance()
            display.show(state, backfill.doing)
            if state.is_settled() or time.monotonic() > until:
                return state
            if not stack.is_running:
                message = f"a component ended early (logs: {stack.settings.data / 'logs'})"
                raise FailedError(message)
            time.sleep(LOOK_AGAIN_SECONDS)


class Backfill:
    """A backfill by Airflow's command line, begun as soon as the DAG is there."""

    def __init__(self, stack: Stack, dag_id: str, dates: Dates) -> None:
        self.doing = "waiting for the DAGs"
        self._stack = stack
        self._api = stack.api()
        self._dag_id = dag_id
        self._days = (dates.backfill_from.isoformat(), dates.backfill_to.isoformat())
        self._command: Command | None = None

    def advance(self) -> None:
        """Do what can be done without waiting.

        :raises FailedError: if the command fails.
        """
        first, last = self._days
        if self._command is not None:
            if self._command.is_over():
                self._command.result()
                self.doing = f"backfill of {first} to {last} created"
        elif self._api.get(f"/api/v2/dags/{self._dag_id}").is_success:
            days = ("--from-date", first, "--to-date", last)
            self._command = self._stack.commands.begin_airflow(
                "backfill", "create", "--dag-id", self._dag_id, *days
            )
            self.doing = f"airflow backfill create --from-date {first} --to-date {last} …"


class Syncs:
    """What runs by day and night, triggered now: the demo's rows are newer than its first runs."""

    def __init__(self, stack: Stack) -> None:
        self._api = stack.api()
        self._left = list(SYNCS)

    def advance(self) -> None:
        """Trigger the DAGs that are there by now."""
        for dag_id in list(self._left):
            path = f"/api/v2/dags/{dag_id}"
            if self._api.get(path).is_success:
                run = {"logical_date": None}
                self._api.post(f"{path}/dagRuns", json=run).raise_for_status()
                self._left.remove(dag_id)


def _judge(state: State, console: Console, *, seconds: float) -> int:
    missed = disappointments(state)
    for expectation in missed:
        console.print(f"[red]not so:[/red] {expectation}")
    if missed:
        return 1
    console.print(f"[green]All ended as expected[/green] after {seconds:.0f} s; nothing runs now.")
    return 0
