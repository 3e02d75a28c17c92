"""Every trouble that Amazon's API can make, at every call that the pipeline makes.

A cell is a run of a schedule, its steps tried again as Airflow does. Most troubles last longer
than a client tries a call, so that Airflow's retries have their part too. Whatever happens, the
query runs once for the window, the row ends or waits with its slot, and results are whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from cryptography.fernet import Fernet

from amc_emulator.faults import OPERATIONS, Fault, Kind
from faults.result_files import listed_files, wrong_files
from fixtures.amazon import Pauses
from fixtures.connections import set_connections
from fixtures.emulator import RunningEmulator
from fixtures.matrix import Record
from fixtures.postgres import Database, Row, Rows, Server
from fixtures.steps import RETRIES, Run
from recomamp.domain.reconciliation import RunState
from recomamp.errors import AmazonError
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.pipeline.triggers import base
from recomamp.pipeline.triggers.execution import ExecutionTrigger
from recomamp.pipeline.triggers.slot import SlotTrigger

TABLE = "API faults (2x: tries that failed, a2: attempts, R: cancelled at AMC by reconciliation)"
LONGER = 6  # than the five tries of a call
FOR_EVER = None
ENDED = ("SUCCESS", "FAILED", "CANCELLED", "TIMEOUT")


@dataclass(frozen=True)
class Trouble:
    """An order for the emulator."""

    kind: Kind
    times: int | None = LONGER
    options: dict[str, Any] = field(default_factory=dict)
    in_ledger: bool = True  # whether a call fails that can be seen to fail


TROUBLES = {
    "429, seconds": Trouble(Kind.THROTTLE, options={"retry_after": 47}),
    "429, date": Trouble(
        Kind.THROTTLE, options={"retry_after": "http-date", "retry_after_seconds": 47}
    ),
    "429, ten minutes": Trouble(Kind.THROTTLE, options={"retry_after": 600}),
    "429, no Retry-After": Trouble(Kind.THROTTLE),
    "429, HTML": Trouble(Kind.THROTTLE, options={"html": True}),
    **{f"{code}": Trouble(Kind.SERVER_ERROR, options={"status": code}) for code in (500, 502)},
    **{f"{code}": Trouble(Kind.SERVER_ERROR, options={"status": code}) for code in (503, 504)},
    "503, HTML": Trouble(Kind.SERVER_ERROR, options={"status": 503, "html": True}),
    "200, HTML": Trouble(Kind.HTML_BODY),
    "gateway 504 before": Trouble(Kind.TIMEOUT_BEFORE, options={"gateway_timeout": True}),
    "gateway 504 after": Trouble(Kind.TIMEOUT_AFTER, options={"gateway_timeout": True}),
    "time-out before": Trouble(Kind.TIMEOUT_BEFORE, times=1),
    "time-out after": Trouble(Kind.TIMEOUT_AFTER, times=1),
    "reset before": Trouble(Kind.RESET_BEFORE),
    "reset after": Trouble(Kind.RESET_AFTER),
    "401": Trouble(Kind.UNAUTHORIZED),
    "401 after": Trouble(Kind.UNAUTHORIZED, options={"after": True}),
    "429 after": Trouble(Kind.THROTTLE, options={"after": True}),
    "403": Trouble(Kind.FORBIDDEN, times=FOR_EVER),
    "404": Trouble(Kind.NOT_FOUND, times=FOR_EVER),
    "404 for a while": Trouble(Kind.NOT_FOUND),
    "token revoked": Trouble(Kind.TOKEN_REVOKED, times=1),
    "wrapped": Trouble(Kind.WRAPPED, in_ledger=False),
    "not ready": Trouble(Kind.NOT_READY, options={"reason": "Come back later"}),
    "not ready, 404": Trouble(Kind.NOT_READY, options={"status": 404}),
    "not ready, ever": Trouble(Kind.NOT_READY, times=FOR_EVER, options={"reason": "Come back"}),
    "no columns": Trouble(Kind.NO_OUTPUT_COLUMNS, in_ledger=False),
    "unknown status": Trouble(Kind.UNKNOWN_STATUS, times=2, in_ledger=False),
    "ends FAILED": Trouble(
        Kind.FAIL_EXECUTION, times=1, options={"reason": "Internal 17"}, in_ledger=False
    ),
    "ends FAILED always": Trouble(
        Kind.FAIL_EXECUTION, times=FOR_EVER, options={"reason": "Internal 17"}, in_ledger=False
    ),
    "ends REJECTED": Trouble(
        Kind.REJECT_EXECUTION, times=1, options={"reason": "Not this one"}, in_ledger=False
    ),
    "expired link": Trouble(Kind.EXPIRED_LINK),
    "missing part": Trouble(Kind.MISSING_PART, times=2),
    "unlisted part": Trouble(Kind.MISSING_PART, 1, {"unlisted": True}, in_ledger=False),
    "truncated, short": Trouble(Kind.TRUNCATED_CSV, 2, {"short": True}),
    "truncated in a row": Trouble(Kind.TRUNCATED_CSV, 2),
}
# Those that hold a request are for killing whoever waits; a report is no execution
NOT_HERE = {Kind.HOLD_BEFORE, Kind.HOLD_AFTER, Kind.FAIL_REPORT}


@dataclass
class Cell:
    """A run of a schedule, and the trouble it is to meet."""

    run: Run
    emulator: RunningEmulator
    operation: str
    trouble: Trouble
    retries: int = 0  # of submit, wait and load
    errors_seen: int = 0

    def befall(self) -> None:
        """Order the trouble."""
        fault = self.trouble
        self.emulator.fault(self.operation, fault.kind, times=fault.times, **fault.options)

    def finish(self, operator: type[Any], **watched: Callable[[], None]) -> bool:
        """Try a step as often as Airflow does, and look after each try that nothing is wrong."""

        def look() -> None:
            self.look()
            if operator is not RecordRun:  # which keeps what the step that failed has left
                self.look_at_retry()

        self.errors_seen = len(self.run.errors)
        return self.run.finishes(operator, after_each_try=look, **watched)

    def finish_all(self, **before: Callable[[], None]) -> None:
        """Do all steps; before a step of that name do what is given."""
        for step in (SubmitExecution, WaitForExecution, LoadResults):
            before.get(step.__name__, lambda: None)()
            if not self.finish(step, when_deferred=before.get("deferred", self.give_up)):
                break
        self.finish(RecordRun)

    def give_up(self) -> None:
        """Let the deadline pass where AMC would never say how the execution ended."""
        if any(one["status"] == "HIBERNATING" for one in self.emulator.executions()):
            self.pass_deadline()

    def pass_deadline(self) -> None:
        """Let the deadline pass."""
        self.run.database.query("UPDATE workflow_executions SET deadline_at = now()")

    def forget_tokens(self) -> None:
        """Let the access token run out."""
        self.run.database.query("UPDATE users SET token_expires_at = now()")

    def look(self) -> None:
        """Find nothing sent twice, and no row that is open without a slot."""
        assert len(self.not_failed) <= 1
        for row in self.run.executions:
            assert row["status"] in ENDED or row["slot_granted_at"] is not None

    def look_at_retry(self) -> None:
        """Find each retry counted, and the next one announced where one comes."""
        self.retries += self.run.try_number > 1
        *former, latest = self.run.executions
        assert latest["retry_count"] == self.retries
        assert [row["next_retry_at"] for row in former] == [None] * len(former)
        failed, self.errors_seen = self.run.errors[self.errors_seen :], len(self.run.errors)
        is_last = self.run.try_number > RETRIES
        if not failed or is_last or isinstance(failed[0], AirflowFailException):
            assert latest["next_retry_at"] is None
        else:
            assert latest["next_retry_at"] is not None
            seconds = (latest["next_retry_at"] - datetime.now(UTC)).total_seconds()
            delay = min(30 * 2 ** (self.run.try_number - 1), 600)
            assert delay - 10 < seconds <= delay

    @property
    def not_failed(self) -> list[Row]:
        """What AMC has for the window and did not fail itself."""
        return [one for one in self.emulator.executions() if one["internalStatus"] != "FAILED"]

    @property
    def in_flight(self) -> list[Row]:
        """What AMC still works on."""
        running = ("PENDING", "RUNNING")
        return [one for one in self.emulator.executions() if one["internalStatus"] in running]


# What a run does, and when the trouble comes. The last line of each is how far it is to get.


def from_the_start(cell: Cell) -> str:
    cell.befall()
    cell.finish_all()
    return "SUCCESS"


def before(step: str, cell: Cell) -> str:
    cell.finish_all(**{step: cell.befall})
    return "SUCCESS"


def with_a_new_token(step: str, cell: Cell) -> str:
    def begin() -> None:
        cell.forget_tokens()
        cell.befall()

    cell.finish_all(**{step: begin})
    return "SUCCESS"


def in_doubt(cell: Cell) -> str:
    cell.emulator.fault("create_execution", Kind.RESET_AFTER)
    cell.befall()
    cell.finish_all()
    return "SUCCESS"


def given_up(cell: Cell) -> str:
    cell.emulator.progression("per_poll", polls=10_000)
    cell.finish(SubmitExecution)
    cell.befall()
    cell.finish(RecordRun)
    return "CANCELLED"


def killed(cell: Cell) -> str:
    cell.emulator.progression("per_poll", polls=10_000)
    cell.finish(SubmitExecution)
    with pytest.raises(TaskDeferred) as deferred:
        cell.run.step(WaitForExecution)
    cell.befall()
    try:
        asyncio.run(deferred.value.trigger.on_kill())  # type: ignore[attr-defined]
    except AmazonError as err:
        cell.run.errors.append(err)
    cell.look()
    cell.finish(RecordRun)
    return "CANCELLED"


def too_late(cell: Cell) -> str:
    cell.emulator.progression("per_poll", polls=10_000)
    cell.finish(SubmitExecution)
    cell.pass_deadline()
    cell.befall()
    cell.finish(WaitForExecution)
    cell.finish(RecordRun)
    return "TIMEOUT"


CALLS: dict[str, tuple[str, Callable[[Cell], str]]] = {
    "token submit": ("token", from_the_start),
    "token wait": ("token", partial(with_a_new_token, "WaitForExecution")),
    "token load": ("token", partial(with_a_new_token, "LoadResults")),
    "create submit": ("create_execution", from_the_start),
    "create nameless": ("create_execution", from_the_start),
    "list look-up": ("list_executions", in_doubt),
    "get wait": ("get_execution", partial(before, "WaitForExecution")),
    "list poller": ("list_executions", partial(before, "deferred")),
    "get load": ("get_execution", partial(before, "LoadResults")),
    "urls load": ("download_urls", partial(before, "LoadResults")),
    "download load": ("download", partial(before, "LoadResults")),
    "cancel record": ("cancel_execution", given_up),
    "cancel on_kill": ("cancel_execution", killed),
    "cancel deadline": ("cancel_execution", too_late),
}

# What cannot be got over, and Amazon's words for it. All else ends as if nothing had been.
REFUSED = "Unauthorized request (request id "
NOT_FOUND = "The requested resource does not exist. (request id "
REVOKED = "HTTP 400 invalid_grant (request id "


def _words(call: str, status: int) -> str:
    """Return what is kept of a refusal. The token endpoint's text is not, but the setting is named.

    Airflow tries such a run again, because the refusal may pass.
    """
    if CALLS[call][0] == "token":
        return "token_url of AIRFLOW_CONN_AMAZON_ADS"
    return REFUSED if status == 403 else NOT_FOUND


def _status(call: str) -> str:
    """Return how an execution ends whose step failed, or whose run somebody ended before that."""
    return "CANCELLED" if call == "cancel record" else "FAILED"


FINAL = {
    **{
        (call, str(status)): (_status(call), _words(call, status))
        for status in (403, 404)
        for call in CALLS
        if call not in ("list poller", "download load", "cancel on_kill")
    },
    **{
        (call, "404 for a while"): (_status(call), _words(call, 404))
        for call, (operation, _) in CALLS.items()
        if operation in ("create_execution", "cancel_execution") and call != "cancel on_kill"
    },
    ("urls load", "not ready, ever"): ("FAILED", "Come back (request id "),
    **{
        (f"token {step}", "token revoked"): ("FAILED", REVOKED)
        for step in ("submit", "wait", "load")
    },
    ("download load", "403"): ("FAILED", "HTTP 403 (request id "),
    ("download load", "404"): ("FAILED", "HTTP 404 (request id "),
    **{
        (f"create {name}", trouble): end
        for name in ("submit", "nameless")
        for trouble, end in {
            "ends FAILED always": ("FAILED", "Internal 17 (request id "),
            "ends REJECTED": ("FAILED", "Not this one (request id "),
            "unknown status": ("TIMEOUT", "had not ended by its deadline"),
        }.items()
    },
}
LEFT_OUT = {
    ("get wait", "404"),  # would wait on for five minutes
    ("download load", "unlisted part"),  # the same as a missing one
}


# Ways of saying the same: every run of the tests tries them at two calls, `make faults` at all.
VARIANTS = {
    "429, date", "429, ten minutes", "429, no Retry-After", "429, HTML", "500", "502", "504",
    "503, HTML", "gateway 504 before", "time-out before",
}  # fmt: skip
OF_VARIANTS = {"create submit", "get load"}
OF_LATE_TOKENS = {"503", "403", "token revoked"}
OF_NAMELESS = {"gateway 504 after", "time-out after", "reset before", "reset after", "200, HTML"}


def is_long(call: str, name: str) -> bool:
    """Tell whether a cell is left to ``make faults``."""
    if name in VARIANTS:
        return call not in OF_VARIANTS
    if call in ("token wait", "token load"):
        return name not in OF_LATE_TOKENS
    return call == "create nameless" and name not in OF_NAMELESS


def cells() -> list[Any]:
    return [
        pytest.param(
            call,
            name,
            id=f"{call} {name}".replace(" ", "-"),
            marks=[pytest.mark.long] if is_long(call, name) else [],
        )
        for name, trouble in TROUBLES.items()
        for call, (operation, _) in CALLS.items()
        if Fault(fault=trouble.kind).concerns(operation) and (call, name) not in LEFT_OUT
    ]


@dataclass(frozen=True)
class Stage:
    """What the cells have in common."""

    database: Database
    schedule_id: str
    token: str


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Let everybody wait without waiting."""
    pauses = Pauses()
    for who in (AmcHook, ExecutionTrigger, SlotTrigger):
        monkeypatch.setattr(who, "sleep", pauses)
    return pauses


@pytest.fixture(scope="module")
def stage(
    postgres_server: Server, template_database: str, emulator_server: RunningEmulator
) -> Iterator[Stage]:
    """Give a schedule that all cells run, in a database of their own: making both takes longer."""
    key = Fernet.generate_key()
    name = postgres_server.create_database(template_database)
    database = Database(uri=postgres_server.uri(name))
    rows = Rows(database)
    instance = rows.instance(
        user=rows.user(),
        account=rows.account(account_id="ENTITYDEMONORTH"),
        instance_id="amcdemonorth",
    )
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    token = Fernet(key).encrypt(b"Atzr|demo-north").decode()
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as results:
        set_connections(patch, database, emulator_server, Path(results), key.decode())
        yield Stage(database, str(schedule["id"]), token)
    database.close()
    postgres_server.drop_database(name)


@pytest.fixture
def run(stage: Stage, emulator: RunningEmulator) -> Run:
    """Give a run of the schedule that nothing has happened to, of a user who has just signed in."""
    stage.database.query(
        "DELETE FROM amc_api_errors; DELETE FROM schedule_runs;"
        "UPDATE workflow_executions SET status = 'FAILED' WHERE status IN ('PENDING', 'RUNNING');"
        "DELETE FROM workflow_executions;"
        "UPDATE users SET encrypted_access_token = NULL, token_expires_at = NULL,"
        " encrypted_refresh_token = NULL; UPDATE users SET encrypted_refresh_token = %s",
        [stage.token],
    )
    return Run(stage.database, schedule_id=stage.schedule_id)


@pytest.mark.parametrize(("call", "name"), cells())
def test_no_trouble_loses_doubles_or_spoils_a_run(
    call: str,
    name: str,
    run: Run,
    emulator: RunningEmulator,
    pauses: Pauses,
    record_cell: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation, scenario = CALLS[call]
    cell = Cell(run, emulator, operation, TROUBLES[name])
    emulator.progression("per_poll", polls=2)
    emulator.settings(keep_workflow_id=call != "create nameless", result_parts=2)
    if name.startswith("time-out"):
        monkeypatch.setattr(AmcHook, "timeout", httpx.Timeout(5.0, read=0.3))
    monkeypatch.setattr(base, "state_of_task", state_of_a_killed_task)

    wanted = scenario(cell)

    end, words = FINAL.get((call, name), (wanted, ""))
    *failed, last = run.executions
    assert {row["status"] for row in failed} <= {"FAILED"}
    assert last["status"] == end
    assert words in (last["error_message"] or "")
    assert last["retry_count"] == cell.retries
    assert {row["next_retry_at"] for row in run.executions} == {None}
    check_results(last)
    check_books(cell, last)
    check_ledger(cell)
    if name in ("429, seconds", "429, date"):
        assert any(45 <= seconds <= 49 for seconds in pauses.seconds)  # no other wait is as long
    if name == "429, ten minutes" and call != "list poller":
        assert max(pauses.seconds, default=0) <= 60  # a worker is not held for longer
    tidied = tidy_up(cell)
    record_cell(table=TABLE, row=name, column=call, outcome=outcome(end, run, tidied))


async def state_of_a_killed_task(dag_id: str, run_id: str, task_id: str) -> str:
    return "failed"


def check_results(last: Row) -> None:
    """Find every file that the row names, whole, and no other."""
    listed = listed_files([last])
    if last["status"] != "SUCCESS":
        assert listed == {}
        return
    (directory,) = {path.parent for path in listed}
    assert len(listed) == 2
    assert wrong_files(listed, directory) == []
    rows = sum(one["rows"] for one in last["result_data"]["files"])
    assert rows == last["result_rows"] == len(last["result_data"]["data"])


def check_books(cell: Cell, last: Row) -> None:
    """Find the run booked once, as it ended, and no slot held."""
    (book,) = cell.run.database.query("SELECT * FROM schedule_runs")
    assert book["status"] == ("SUCCESS" if last["status"] == "SUCCESS" else "FAILED")
    assert book["error_message"] == last["error_message"]
    open_rows = cell.run.database.query(
        "SELECT * FROM workflow_executions WHERE status IN ('PENDING', 'RUNNING')"
    )
    assert open_rows == []


def check_ledger(cell: Cell) -> None:
    """Find the failed call among the failed calls."""
    ledger = cell.run.database.query("SELECT * FROM amc_api_errors")
    links = cell.trouble.kind in (Kind.EXPIRED_LINK, Kind.MISSING_PART)
    failing = "download" if links else cell.operation
    befell = [row for row in ledger if row["operation"] == failing]
    assert bool(befell) == cell.trouble.in_ledger, ledger


def tidy_up(cell: Cell) -> bool:
    """Let the reconciliation cancel what runs on when trouble is over; tell whether it had to."""
    cell.emulator.clear_faults()
    had_to = bool(cell.in_flight)
    is_revoked = cell.operation == "token" and cell.trouble.kind is Kind.TOKEN_REVOKED
    if had_to and not is_revoked:
        reconcile(
            database=DatabaseHook(),
            amazon=AmcHook(),
            run_state_of=lambda dag_id, run_id: RunState.ENDED,
            clock=lambda: datetime.now(UTC),
        )
        assert cell.in_flight == []
    return had_to


def outcome(end: str, run: Run, tidied: bool) -> str:
    """Put a cell into a few signs."""
    again = f" {len(run.errors)}x" if run.errors else ""
    attempts = f" a{len(run.executions)}" if len(run.executions) > 1 else ""
    return f"{end}{again}{attempts}{' R' if tidied else ''}"


def test_every_kind_of_trouble_is_here() -> None:
    assert {trouble.kind for trouble in TROUBLES.values()} | NOT_HERE == set(Kind)
    assert {operation for operation, _ in CALLS.values()} <= OPERATIONS
