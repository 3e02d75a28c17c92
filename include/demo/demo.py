"""Run the demo: start the stack, insert the rows, wait for their end, check it, stop the stack."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from psycopg2.extensions import connection as Connection
from rich.console import Console
from rich.text import Text

from demo.next_steps import next_steps, shown_path
from demo.picture import page_url, take_picture
from demo.progress import open_console, open_progress
from demo.rows import Dates, retry_sales, seed
from demo.state import State, failures, read_state
from demo.summary import closing_tables
from recomamp.store.connection_strings import connection_arguments
from recomamp.store.tls import connect
from stack.environment import UI_USER, password_file
from stack.errors import FailedError
from stack.postgres import find_psql
from stack.settings import Settings
from stack.stack import Stack

# The whole demo takes at most four minutes, of which the start takes up to one.
MAX_WAIT_SECONDS = 180
STATE_INTERVAL_SECONDS = 1.0
POLL_SECONDS = "2"
SYNC_DAGS = (
    "recomamp_campaigns_sync",  # takes longest
    "recomamp_schema_sync",
    "recomamp_asins_sync",
    "recomamp_instance_health",
)
MAIL_SETTING = "AIRFLOW_CONN_SMTP_DEFAULT"  # left empty: the demo sends no mail
# All traffic of the windows, which end two days ago, and not yet all of its sales
KNOWN_SINCE = timedelta(days=1)
PROGRESSION = {"mode": "per_second", "pending_seconds": 1, "running_seconds": 4}


def run_demo(data: Path) -> int:
    """Run the demo in a directory of its own; 0 if all ended as expected, else 1."""
    console = open_console()
    began = time.monotonic()
    stack = _new_stack(data, os.environ, console)
    console.print("Starting PostgreSQL, Airflow and an emulator of Amazon")
    with stack.running():
        state = _run(stack, console)
        picture = take_picture(stack)
    console.print(closing_tables(state))
    console.print()
    if picture:
        console.print(f"A picture of the page that showed all this: {shown_path(picture)}")
    exit_code = _print_outcome(state, console, seconds=time.monotonic() - began)
    print_next_steps(stack.settings, state, console, psql=shown_path(find_psql()))
    return exit_code


def print_next_steps(settings: Settings, state: State, console: Console, *, psql: str) -> None:
    """Print what runs now and the commands that a reader can go on with."""
    data = shown_path(settings.data)
    console.print(
        f"Nothing runs now. The rows and files stay in {data} until the next demo.",
        highlight=False,
        markup=False,
    )
    console.print("Next, from this folder:")
    for step in next_steps(settings, state, psql=psql):
        console.print()
        console.print(Text(step.text))
        console.print()
        # Not wrapped: a command must work as printed
        for line in step.command.splitlines():
            console.print(Text(f"  {line}", "cyan"), soft_wrap=True)
    console.print()
    console.print(
        "More: README.md (Register a schedule), docs/how-to/analyst-guide.md", highlight=False
    )


def _new_stack(data: Path, environ: Mapping[str, str], console: Console) -> Stack:
    """End an earlier demo that was interrupted, and remove its files."""
    environ = {"RECOMAMP_POLL_SECONDS": POLL_SECONDS, **environ, MAIL_SETTING: ""}
    settings = Settings.load(data=data, environ=environ, disposable=True)
    Stack(settings).down()
    shutil.rmtree(data)
    settings = Settings.load(data=data, environ=environ, disposable=True)
    return Stack(settings, report=lambda line: console.print(f"  {line}", highlight=False))


def _run(stack: Stack, console: Console) -> State:
    settings = stack.settings
    now = datetime.now(UTC)
    if settings.uses_emulator:
        _control(settings, "progression", PROGRESSION)
        known_at = (now - KNOWN_SINCE).isoformat()
        _control(settings, "settings", {"restates": True, "known_at": known_at})
    if not settings.uses_embedded_database:
        stack.migrate()
    console.print(
        f"Airflow UI while the demo runs: {settings.api_url}\n"
        f"  user {UI_USER}, password in {shown_path(password_file(settings))}\n"
        f"  its page with all instances, runs and results: {page_url(stack)}",
        highlight=False,
    )
    with _connected(settings) as connection:
        seed(connection, fernet_key=settings.credentials["RECOMAMP_FERNET_KEY"], now=now)
        console.print("Inserted 4 schedules and a collection of 6 weeks; each becomes a DAG")
        return _wait(stack, connection, console, Dates.before(now))


def _control(settings: Settings, what: str, values: dict[str, Any]) -> None:
    """Change how the emulator behaves."""
    url = f"{settings.emulator_url}/_emulator/{what}"
    httpx.put(url, json=values, trust_env=False).raise_for_status()


@contextmanager
def _connected(settings: Settings) -> Iterator[Connection]:
    arguments: dict[str, Any] = dict(connection_arguments(settings.migrate_uri))
    with closing(connect(arguments)) as connection:
        yield connection


def _activity(state: State, dates: Dates) -> str:
    status = {row["name"]: row["answer"] for row in state.answers_of("request")}
    backfill = f"{dates.backfill_from} to {dates.backfill_to}: {status.get('BACKFILL', '')}"
    retry = f"; retry of the sales: {status['RETRY']}" if "RETRY" in status else ""
    return f"request for a backfill of {backfill}{retry}"


def _wait(stack: Stack, connection: Connection, console: Console, dates: Dates) -> State:
    triggers = SyncTriggers(stack)
    until = time.monotonic() + MAX_WAIT_SECONDS
    with open_progress(console) as progress:
        while True:
            state = read_state(connection)
            triggers.advance()
            if retry_sales(connection):
                _let_amc_know_all(stack.settings)
            progress.show(state, _activity(state, dates))
            if state.is_settled() or time.monotonic() > until:
                return state
            if not stack.is_running:
                message = f"a component ended early (logs: {stack.settings.data / 'logs'})"
                raise FailedError(message)
            time.sleep(STATE_INTERVAL_SECONDS)


def _let_amc_know_all(settings: Settings) -> None:
    """Let the emulator know of all sales, as weeks later, before the follower starts the run."""
    if settings.uses_emulator:
        _control(settings, "settings", {"restates": False, "known_at": None})


class SyncTriggers:
    """Manual runs of the sync DAGs: their first scheduled runs are older than the demo's rows."""

    def __init__(self, stack: Stack) -> None:
        self._api = stack.api()
        self._remaining = list(SYNC_DAGS)

    def advance(self) -> None:
        """Trigger the DAGs that Airflow has by now."""
        for dag_id in list(self._remaining):
            path = f"/api/v2/dags/{dag_id}"
            if self._api.get(path).is_success:
                run = {"logical_date": None}
                self._api.post(f"{path}/dagRuns", json=run).raise_for_status()
                self._remaining.remove(dag_id)


def _print_outcome(state: State, console: Console, *, seconds: float) -> int:
    failed = failures(state)
    for expectation in failed:
        console.print(Text.assemble(("expected, but not so: ", "red"), expectation))
    if not failed:
        console.print(f"[green]All ended as expected[/green] after {seconds:.0f} s.")
    return 1 if failed else 0
