"""Every fault of Amazon's API, at every call that the pipeline makes.

A case is a run of a schedule, whose steps are tried again as Airflow does. Most faults last longer
than the tries of one call, so Airflow's retries are needed too. In every case the query runs once
for the window, the row ends or waits with its slot, and results are complete.
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

from amc_emulator.faults import OPERATIONS, Fault, FaultKind
from faults.result_files import listed_files, wrong_files
from fixtures.amazon import Pauses
from fixtures.connections import one_connection, set_connections
from fixtures.emulator import RunningEmulator
from fixtures.outcome_matrix import Record
from fixtures.postgres import Database, Row, Rows, Server
from fixtures.run_steps import RETRIES, Run
from recomamp.domain.reconciliation import RunState
from recomamp.errors import AmazonError, retry_after_seconds
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
ALWAYS = None
ENDED = ("SUCCESS", "FAILED", "CANCELLED", "TIMEOUT")


@dataclass(frozen=True)
class InjectedFault:
    """An order for the emulator."""

    kind: FaultKind
    times: int | None = LONGER
    options: dict[str, Any] = field(default_factory=dict)
    in_ledger: bool = True  # whether a call fails that can be seen to fail


FAULTS = {
    "429, seconds": InjectedFault(FaultKind.THROTTLE, options={"retry_after": 47}),
    "429, date": InjectedFault(
        FaultKind.THROTTLE, options={"retry_after": "http-date", "retry_after_seconds": 47}
    ),
    "429, ten minutes": InjectedFault(FaultKind.THROTTLE, options={"retry_after": 600}),
    "429, no Retry-After": InjectedFault(FaultKind.THROTTLE),
    "429, HTML": InjectedFault(FaultKind.THROTTLE, options={"html": True}),
    **{
        f"{code}": InjectedFault(FaultKind.SERVER_ERROR, options={"status": code})
        for code in (500, 502)
    },
    **{
        f"{code}": InjectedFault(FaultKind.SERVER_ERROR, options={"status": code})
        for code in (503, 504)
    },
    "503, HTML": InjectedFault(FaultKind.SERVER_ERROR, options={"status": 503, "html": True}),
    "200, HTML": InjectedFault(FaultKind.HTML_BODY),
    "gateway 504 before": InjectedFault(
        FaultKind.TIMEOUT_BEFORE, options={"gateway_timeout": True}
    ),
    "gateway 504 after": InjectedFault(FaultKind.TIMEOUT_AFTER, options={"gateway_timeout": True}),
    "time-out before": InjectedFault(FaultKind.TIMEOUT_BEFORE, times=1),
    "time-out after": InjectedFault(FaultKind.TIMEOUT_AFTER, times=1),
    "reset before": InjectedFault(FaultKind.RESET_BEFORE),
    "reset after": InjectedFault(FaultKind.RESET_AFTER),
    "401": InjectedFault(FaultKind.UNAUTHORIZED),
    "401 after": InjectedFault(FaultKind.UNAUTHORIZED, options={"after": True}),
    "429 after": InjectedFault(FaultKind.THROTTLE, options={"after": True}),
    "403": InjectedFault(FaultKind.FORBIDDEN, times=ALWAYS),
    "404": InjectedFault(FaultKind.NOT_FOUND, times=ALWAYS),
    "404 for a while": InjectedFault(FaultKind.NOT_FOUND),
    "token revoked": InjectedFault(FaultKind.TOKEN_REVOKED, times=1),
    "wrapped": InjectedFault(FaultKind.WRAPPED, in_ledger=False),
    "not ready": InjectedFault(FaultKind.NOT_READY, options={"reason": "Come back later"}),
    "not ready, 404": InjectedFault(FaultKind.NOT_READY, options={"status": 404}),
    "not ready, ever": InjectedFault(
        FaultKind.NOT_READY, times=ALWAYS, options={"reason": "Come back"}
    ),
    "no columns": InjectedFault(FaultKind.NO_OUTPUT_COLUMNS, in_ledger=False),
    "unknown status": InjectedFault(FaultKind.UNKNOWN_STATUS, times=2, in_ledger=False),
    "ends FAILED": InjectedFault(
        FaultKind.FAIL_EXECUTION, times=1, options={"reason": "Internal 17"}, in_ledger=False
    ),
    "ends FAILED always": InjectedFault(
        FaultKind.FAIL_EXECUTION, times=ALWAYS, options={"reason": "Internal 17"}, in_ledger=False
    ),
    "ends REJECTED": InjectedFault(
        FaultKind.REJECT_EXECUTION, times=1, options={"reason": "Not this one"}, in_ledger=False
    ),
    "expired link": InjectedFault(FaultKind.EXPIRED_LINK),
    "missing part": InjectedFault(FaultKind.MISSING_PART, times=2),
    "unlisted part": InjectedFault(FaultKind.MISSING_PART, 1, {"unlisted": True}, in_ledger=False),
    "truncated, short": InjectedFault(FaultKind.TRUNCATED_CSV, 2, {"short": True}),
    "truncated in a row": InjectedFault(FaultKind.TRUNCATED_CSV, 2),
}
# Faults that hold a request are for kills. A report is not an execution
TESTED_ELSEWHERE = {FaultKind.HOLD_BEFORE, FaultKind.HOLD_AFTER, FaultKind.FAIL_REPORT}


@dataclass
class FaultCase:
    """A run of a schedule, and the fault that is injected into it."""

    run: Run
    emulator: RunningEmulator
    operation: str
    fault: InjectedFault
    retries: int = 0  # of submit, wait and load
    errors_seen: int = 0

    def inject_fault(self) -> None:
        """Add the fault to the emulator."""
        fault = self.fault
        self.emulator.fault(self.operation, fault.kind, times=fault.times, **fault.options)

    def finish(self, operator: type[Any], **watched: Callable[[], None]) -> bool:
        """Try a step as often as Airflow does, and check the rows after each try."""

        def check_after_try() -> None:
            self.check_rows()
            if operator is not RecordRun:  # it keeps the retry fields that the failed step has set
                self.check_retry()

        self.errors_seen = len(self.run.errors)
        return self.run.try_until_done(operator, after_each_try=check_after_try, **watched)

    def finish_all(self, **before: Callable[[], None]) -> None:
        """Run all steps. Before a step of that name, call the given function."""
        for step in (SubmitExecution, WaitForExecution, LoadResults):
            before.get(step.__name__, lambda: None)()
            if not self.finish(
                step, when_deferred=before.get("deferred", self.pass_deadline_if_stuck)
            ):
                break
        self.finish(RecordRun)

    def pass_deadline_if_stuck(self) -> None:
        """Reach the deadline where AMC would never report an end."""
        if any(one["status"] == "HIBERNATING" for one in self.emulator.executions()):
            self.pass_deadline()

    def pass_deadline(self) -> None:
        """Set the deadline to now."""
        self.run.database.query("UPDATE workflow_executions SET deadline_at = now()")

    def forget_tokens(self) -> None:
        """Set the expiry of the access token to now."""
        self.run.database.query("UPDATE users SET token_expires_at = now()")

    def check_rows(self) -> None:
        """Check that nothing was sent twice and that no open row lacks a slot."""
        assert len(self.not_failed) <= 1
        for row in self.run.executions:
            assert row["status"] in ENDED or row["slot_granted_at"] is not None

    def check_retry(self) -> None:
        """Check that each retry is counted and that the next one has its time."""
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
            delay = 30 * 2 ** (self.run.try_number - 1)
            asked = retry_after_seconds(failed[0])
            assert max(min(delay, 600), asked) - 10 < seconds <= max(min(2 * delay, 600), asked)

    @property
    def not_failed(self) -> list[Row]:
        """AMC's executions for the window that AMC did not fail itself."""
        return [one for one in self.emulator.executions() if one["internalStatus"] != "FAILED"]

    @property
    def in_flight(self) -> list[Row]:
        """The executions that AMC still works on."""
        running = ("PENDING", "RUNNING")
        return [one for one in self.emulator.executions() if one["internalStatus"] in running]


# The course of a run, and the moment of the fault. The return value is the expected status.


def from_the_start(cell: FaultCase) -> str:
    cell.inject_fault()
    cell.finish_all()
    return "SUCCESS"


def before(step: str, cell: FaultCase) -> str:
    cell.finish_all(**{step: cell.inject_fault})
    return "SUCCESS"


def with_a_new_token(step: str, cell: FaultCase) -> str:
    def begin() -> None:
        cell.forget_tokens()
        cell.inject_fault()

    cell.finish_all(**{step: begin})
    return "SUCCESS"


def in_doubt(cell: FaultCase) -> str:
    cell.emulator.fault("create_execution", FaultKind.RESET_AFTER)
    cell.inject_fault()
    cell.finish_all()
    return "SUCCESS"


def given_up(cell: FaultCase) -> str:
    cell.emulator.progression("per_poll", polls=10_000)
    cell.finish(SubmitExecution)
    cell.inject_fault()
    cell.finish(RecordRun)
    return "CANCELLED"


def killed(cell: FaultCase) -> str:
    cell.emulator.progression("per_poll", polls=10_000)
    cell.finish(SubmitExecution)
    with pytest.raises(TaskDeferred) as deferred:
        cell.run.step(WaitForExecution)
    cell.inject_fault()
    try:
        asyncio.run(deferred.value.trigger.on_kill())  # type: ignore[attr-defined]
    except AmazonError as err:
        cell.run.errors.append(err)
    cell.check_rows()
    cell.finish(RecordRun)
    return "CANCELLED"


def too_late(cell: FaultCase) -> str:
    cell.emulator.progression("per_poll", polls=10_000)
    cell.finish(SubmitExecution)
    cell.pass_deadline()
    cell.inject_fault()
    cell.finish(WaitForExecution)
    cell.finish(RecordRun)
    return "TIMEOUT"


CALLS: dict[str, tuple[str, Callable[[FaultCase], str]]] = {
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

# Faults that end a run, and Amazon's text for them. All other runs end as without a fault.
REFUSED = "Unauthorized request (request id "
NOT_FOUND = "The requested resource does not exist. (request id "
REVOKED = "HTTP 400 invalid_grant (request id "


def _words(call: str, status: int) -> str:
    """Return the part of the error that is stored. For the token endpoint, the setting is named.

    Airflow tries such a run again, because the rejection may pass.
    """
    if CALLS[call][0] == "token":
        return "token_url of AIRFLOW_CONN_AMAZON_ADS"
    return REFUSED if status == 403 else NOT_FOUND


def _status(call: str) -> str:
    """Return the final status of an execution whose step failed or whose run was ended before."""
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
        (f"create {name}", fault): end
        for name in ("submit", "nameless")
        for fault, end in {
            "ends FAILED always": ("FAILED", "Internal 17 (request id "),
            "ends REJECTED": ("FAILED", "Not this one (request id "),
            "unknown status": ("TIMEOUT", "had not ended by its deadline"),
        }.items()
    },
}
SKIPPED = {
    ("get wait", "404"),  # would wait on for five minutes
    ("download load", "unlisted part"),  # the same as a missing one
}


# Ways of saying the same: every run of the tests tries them at two calls, `make faults` at all.
VARIANTS = {
    "429, date", "429, ten minutes", "429, no Retry-After", "429, HTML", "500", "502", "504",
    "503, HTML", "gateway 504 before", "time-out before",
}  # fmt: skip
OF_VARIANTS = {"create submit", "get load"}
# A call that changes nothing is none the worse for having been answered: tried at one of them
AFTER = {"429 after", "401 after", "gateway 504 after", "time-out after", "reset after"}
READING = {"list look-up", "get wait", "list poller", "urls load"}
OF_LATE_TOKENS = {"503", "403", "token revoked"}
OF_NAMELESS = {"gateway 504 after", "time-out after", "reset before", "reset after", "200, HTML"}


def is_long(call: str, name: str) -> bool:
    """Return whether a case runs only with ``make faults``."""
    if name in VARIANTS:
        return call not in OF_VARIANTS
    if name in AFTER and call in READING:
        return True
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
        for name, fault in FAULTS.items()
        for call, (operation, _) in CALLS.items()
        if Fault(fault=fault.kind).matches_operation(operation) and (call, name) not in SKIPPED
    ]


@dataclass(frozen=True)
class Stage:
    """The resources that the cases share."""

    database: Database
    schedule_id: str
    token: str


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Replace pauses by none."""
    pauses = Pauses()
    for module in (AmcHook, ExecutionTrigger, SlotTrigger):
        monkeypatch.setattr(module, "sleep", pauses)
    return pauses


@pytest.fixture(scope="module")
def stage(
    postgres_server: Server, template_database: str, emulator_server: RunningEmulator
) -> Iterator[Stage]:
    """Provide a schedule that all cases run, in its own database. Making both takes longer."""
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
        with one_connection(patch, DatabaseHook()):
            yield Stage(database, str(schedule["id"]), token)
    database.close()
    postgres_server.drop_database(name)


@pytest.fixture
def run(stage: Stage, emulator: RunningEmulator) -> Run:
    """Provide a new run of the schedule, of a user who has just signed in."""
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
def test_no_fault_loses_repeats_or_spoils_a_run(
    call: str,
    name: str,
    run: Run,
    emulator: RunningEmulator,
    pauses: Pauses,
    record_cell: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation, scenario = CALLS[call]
    cell = FaultCase(run, emulator, operation, FAULTS[name])
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
    check_record(cell, last)
    check_ledger(cell)
    if name in ("429, seconds", "429, date"):
        assert any(45 <= seconds <= 49 for seconds in pauses.seconds)  # no other wait is as long
    if name == "429, ten minutes" and call != "list poller":
        assert max(pauses.seconds, default=0) <= 60  # a worker is not held for longer
    tidied = reconcile_rest(cell)
    record_cell(table=TABLE, row=name, column=call, outcome=outcome(end, run, tidied))


async def state_of_a_killed_task(dag_id: str, run_id: str, task_id: str) -> str:
    return "failed"


def check_results(last: Row) -> None:
    """Check that exactly the files of the row exist, complete."""
    listed = listed_files([last])
    if last["status"] != "SUCCESS":
        assert listed == {}
        return
    (directory,) = {path.parent for path in listed}
    assert len(listed) == 2
    assert wrong_files(listed, directory) == []
    rows = sum(one["rows"] for one in last["result_data"]["files"])
    assert rows == last["result_rows"] == len(last["result_data"]["data"])


def check_record(cell: FaultCase, last: Row) -> None:
    """Check that the run is recorded once with its status, and that no slot is held."""
    (book,) = cell.run.database.query("SELECT * FROM schedule_runs")
    assert book["status"] == ("SUCCESS" if last["status"] == "SUCCESS" else "FAILED")
    assert book["error_message"] == last["error_message"]
    open_rows = cell.run.database.query(
        "SELECT * FROM workflow_executions WHERE status IN ('PENDING', 'RUNNING')"
    )
    assert open_rows == []


def check_ledger(cell: FaultCase) -> None:
    """Check that the failed call is among the failed calls."""
    ledger = cell.run.database.query("SELECT * FROM amc_api_errors")
    links = cell.fault.kind in (FaultKind.EXPIRED_LINK, FaultKind.MISSING_PART)
    failing = "download" if links else cell.operation
    befell = [row for row in ledger if row["operation"] == failing]
    assert bool(befell) == cell.fault.in_ledger, ledger


def reconcile_rest(cell: FaultCase) -> bool:
    """Reconcile once the fault is over. Return whether it cancelled an execution."""
    cell.emulator.clear_faults()
    had_to = bool(cell.in_flight)
    is_revoked = cell.operation == "token" and cell.fault.kind is FaultKind.TOKEN_REVOKED
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


def test_every_kind_of_fault_is_here() -> None:
    assert {fault.kind for fault in FAULTS.values()} | TESTED_ELSEWHERE == set(FaultKind)
    assert {operation for operation, _ in CALLS.values()} <= OPERATIONS
