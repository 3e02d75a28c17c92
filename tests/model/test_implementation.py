"""The tasks, the statements and the reconciliation take the same steps as the model of them.

Hypothesis chooses what happens. Each step is done twice: in the model, and by the pipeline with a
real database and the emulator. Afterwards rows, slots and executions at AMC have to be the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from cryptography.fernet import Fernet
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fixtures.amazon import Pauses
from fixtures.connections import one_connection, set_connections
from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient
from fixtures.postgres import Database, Row, Rows, Server
from fixtures.run_steps import RETRIES, Run
from model.side_by_side import (
    DEATHS,
    POSTS,
    Crash,
    OldestFirst,
    abstract,
    dying,
    in_short,
    pick,
    statements_of,
)
from model.state import (
    RESULTS,
    Budget,
    Phase,
    State,
    is_final,
    latest,
    with_execution,
    with_row,
    with_run,
)
from model.state import Run as ModelRun
from model.steps import Who
from model.world import World
from recomamp.domain.execution_states import AmcStatus, ExecutionStatus
from recomamp.domain.reconciliation import RunState
from recomamp.errors import PipelineError
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.pipeline.triggers import base
from recomamp.pipeline.triggers.execution import ExecutionTrigger
from recomamp.store.slots import grant_slots

TASKS = {
    Phase.SUBMIT: SubmitExecution,
    Phase.WAIT: WaitForExecution,
    Phase.LOAD: LoadResults,
    Phase.RECORD: RecordRun,
}
METHODS = {None: "execute", "slot": "execute_again", "amc": "resume"}


@dataclass(frozen=True)
class Stage:
    """The resources that all examples share."""

    database: Database
    emulator: RunningEmulator
    north: EmulatorClient
    schedule_id: str
    instance_key: Any
    token: str


@pytest.fixture
def stage(
    postgres_server: Server,
    template_database: str,
    emulator: RunningEmulator,
    north: EmulatorClient,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    """Provide a schedule on an instance with one slot."""

    async def failed(dag_id: str, run_id: str, task_id: str) -> str:
        return "failed"

    monkeypatch.setattr(AmcHook, "sleep", Pauses())
    monkeypatch.setattr(base, "state_of_task", failed)
    key = Fernet.generate_key()
    name = postgres_server.create_database(template_database)
    database = Database(uri=postgres_server.uri(name))
    rows = Rows(database)
    instance = rows.instance(
        user=rows.user(),
        account=rows.account(account_id="ENTITYDEMONORTH"),
        instance_id="amcdemonorth",
        max_concurrent_executions=1,
    )
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    token = Fernet(key).encrypt(b"Atzr|demo-north").decode()
    with TemporaryDirectory() as results:
        set_connections(monkeypatch, database, emulator, Path(results), key.decode())
        with one_connection(monkeypatch, DatabaseHook()):
            yield Stage(database, emulator, north, str(schedule["id"]), instance["id"], token)
    database.close()
    postgres_server.drop_database(name)


class Both(RuleBasedStateMachine):
    """The model and the pipeline, side by side."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        stage = self.stage
        stage.database.query(
            "DELETE FROM schedule_runs; DELETE FROM reconciliations;"
            "UPDATE workflow_executions SET status = 'FAILED'"
            " WHERE status IN ('PENDING', 'RUNNING');"
            "DELETE FROM workflow_executions;"
            "UPDATE amc_instances SET external_executions = 0, external_counted_at = NULL;"
            "UPDATE users SET encrypted_access_token = NULL, token_expires_at = NULL,"
            " encrypted_refresh_token = %s",
            [stage.token],
        )
        stage.emulator.reset()
        stage.north.login()
        self.pause_amc()
        self.protocol = OldestFirst()
        self.world = World(self.protocol)
        self.state = State((ModelRun(), ModelRun()), Budget(99, 99, 3, 99, 0, 99))
        self.runs = [
            Run(stage.database, run_id=f"run {number}", schedule_id=stage.schedule_id)
            for number in range(2)
        ]

    def pause_amc(self) -> None:
        self.stage.emulator.progression("per_poll", polls=10_000)

    # --- Steps ----------------------------------------------------------------------------------

    # One rule, for Hypothesis leaves out half of the rules in each example. Most steps of an
    # example are tries, and no step does nothing
    @rule(data=st.data())
    def do(self, data: st.DataObject) -> None:  # noqa: C901  (a case for each step)
        """Do one of the steps that are possible."""
        step = data.draw(st.sampled_from(list(self.possible())), label="step")
        is_lost = data.draw(st.sampled_from([False, False, True]), label="is lost")
        match step:
            case ("try", run):
                post = data.draw(st.sampled_from(["accepted", "accepted", *POSTS]))
                dies_at = data.draw(st.sampled_from([*[None] * 6, *DEATHS]))
                is_unreadable = data.draw(st.sampled_from([False, False, False, True]))
                self.try_task(run, post, is_lost, dies_at, is_unreadable)
            case ("mark failed", run):
                self.mark_failed(run, is_lost)
            case ("delete", run):
                self.state = with_run(self.state, run, phase=Phase.GONE, waits=None)
            case (Phase() as phase, run):
                self.state = self.world.clear(self.state, run, phase)
                self.runs[run].clear()
            case ("deadline", run):
                self.deadline(run)
            case ("fails", amc):
                self.amc_fails(amc)
            case ("succeed", _):
                self.amc_succeeds()
            case ("reconcile", _):
                self.reconcile(is_lost)
            case ("later", _):
                self.later()
            case ("grant", _):
                self.grant()

    def possible(self) -> Iterator[tuple[Any, int]]:  # noqa: C901  (an if for each step)
        """Yield the steps that change something, the usual ones several times."""
        for number, run in enumerate(self.state.runs):
            if run.phase.is_alive and self.world.is_awake(self.state, run):
                yield from [("try", number)] * 8
            if run.phase in (Phase.SUBMIT, Phase.WAIT, Phase.LOAD) and run.rows:
                yield from [("mark failed", number), ("delete", number)]
            if run.phase is Phase.DONE and run.rows:
                yield from [(Phase.SUBMIT, number), (Phase.WAIT, number)]
            row = run.rows[-1] if run.rows else None
            if row and row.status is ExecutionStatus.RUNNING and not row.is_late:
                yield "deadline", number
            if run.waits == "slot":
                yield "grant", number
        for amc, one in enumerate(self.state.executions):
            if not is_final(one.status):
                yield from [("succeed", amc)] * 2
                if self.state.budget.failures:
                    yield "fails", amc
        yield "reconcile", 0
        if self.world.later(self.state) != self.state:
            yield "later", 0

    def try_task(
        self, run: int, post: str, is_lost: bool, dies_at: str | None, is_unreadable: bool
    ) -> None:
        """Let the next try of a run's task begin, and end or die."""
        one = self.state.runs[run]
        is_unreadable = is_unreadable and self.state.budget.failures > 0
        wanted = {
            "post": post,
            "begin_load": "unreadable" if is_unreadable else "",
            "lost": "lost" if is_lost else "",
        }
        self.state = pick(self.protocol.start(self.state, run), wanted)
        while (process := self.state.runs[run].task) is not None:
            row = latest(self.state.runs[run])
            if dies_at and dies_at in (process.at, *statements_of(process, row)):
                self.state = self.protocol.end_try(self.state, run, is_last=False)
                break
            self.state = pick(self.protocol.take(self.state, Who(run, "task")), wanted)
        with self.faults(POSTS.get(post), is_lost=is_lost, is_unreadable=is_unreadable):
            self.really_try(run, one, dies_at)

    def really_try(self, run: int, one: ModelRun, dies_at: str | None) -> None:
        real = self.runs[run]
        real.try_number = real.max_tries + (1 if one.tries > 1 else 1 - RETRIES)
        method = METHODS[one.waits]
        arguments = {} if method == "execute" else {"event": {}}
        expected = (TaskDeferred, AirflowFailException, PipelineError, Crash)
        with dying(dies_at), suppress(*expected):
            real.step(TASKS[one.phase], method, **arguments)

    def mark_failed(self, run: int, is_lost: bool) -> None:
        """Mark the run's task failed; a trigger's on_kill runs at once."""
        one = self.state.runs[run]
        self.state = self.world.mark_failed(self.state, run)
        while self.state.runs[run].killer is not None:
            wanted = {"lost": "lost" if is_lost else ""}
            self.state = pick(self.protocol.take(self.state, Who(run, "killer")), wanted)
        if one.waits:
            trigger = ExecutionTrigger(execution_id=str(self.runs[run].executions[-1]["id"]))
            with self.faults(is_lost=is_lost), suppress(PipelineError):
                asyncio.run(trigger.on_kill())

    def deadline(self, run: int) -> None:
        """Let the deadline of a running execution pass."""
        attempt = len(self.state.runs[run].rows) - 1
        self.state = with_row(self.state, run, attempt, is_late=True)
        self.stage.database.query(
            "UPDATE workflow_executions SET deadline_at = now() WHERE id = %s",
            [self.runs[run].executions[-1]["id"]],
        )

    def grant(self) -> None:
        """Do what the trigger of a task without a slot does."""
        self.state = self.protocol.grant(self.state)
        with DatabaseHook().transaction() as connection:
            grant_slots(connection, self.stage.instance_key, now=datetime.now(UTC))

    def amc_succeeds(self) -> None:
        """Let AMC finish all that it runs."""
        for amc, one in enumerate(self.state.executions):
            if not is_final(one.status):
                self.state = with_execution(self.state, amc, status=RESULTS)
        self.stage.emulator.progression("at_once")
        self.stage.north.list_executions()  # waits for the SQL
        self.pause_amc()

    def amc_fails(self, number: int) -> None:
        left = self.state.budget._replace(failures=self.state.budget.failures - 1)
        self.state = with_execution(self.state, number, status=AmcStatus.FAILED)
        self.state = self.state._replace(budget=left)
        self.stage.emulator.end(self.at_amc()[number]["workflowExecutionId"], "FAILED")

    def reconcile(self, is_lost: bool) -> None:
        """Run a whole pass."""
        wanted = {"lost": "lost" if is_lost else ""}
        self.state = self.world.list_amc(self.state)
        while self.state.comparison is not None:
            self.state = pick(self.world.of_reconciliation(self.state), wanted)
        states = {real.dag_run.run_id: number for number, real in enumerate(self.runs)}

        def run_state(dag_id: str, run_id: str) -> RunState:
            phase = self.state.runs[states[run_id]].phase
            return RunState.RUNNING if phase.is_alive else RunState.ENDED

        with self.faults(is_lost=is_lost), suppress(PipelineError):
            reconcile(
                database=DatabaseHook(),
                amazon=AmcHook(),
                run_state_of=run_state,
                clock=lambda: datetime.now(UTC),
            )

    def later(self) -> None:
        """Let a quarter of an hour pass: all times move into the past."""
        self.state = self.world.later(self.state)
        self.stage.database.query(
            "UPDATE workflow_executions SET orphaned_at = orphaned_at - INTERVAL '16 minutes',"
            " completed_at = completed_at - INTERVAL '16 minutes';"
            "UPDATE amc_instances SET"
            " external_counted_at = external_counted_at - INTERVAL '16 minutes'"
        )

    @contextmanager
    def faults(
        self, post: str | None = None, *, is_lost: bool = False, is_unreadable: bool = False
    ) -> Iterator[None]:
        """Have the emulator produce faults of one step."""
        emulator = self.stage.emulator
        if post:
            emulator.fault("create_execution", post)
        if is_lost:
            emulator.fault("cancel_execution", "server_error", times=None, status=503)
        if is_unreadable:
            emulator.fault("download_urls", "forbidden", times=None)
        yield
        emulator.clear_faults()

    # --- The comparison -------------------------------------------------------------------------

    @invariant()
    def amc_is_the_same(self) -> None:
        real = [abstract(one["internalStatus"]) for one in self.at_amc()]
        assert real == [one.status for one in self.state.executions]

    @invariant()
    def rows_are_the_same(self) -> None:
        ids = {one["workflowExecutionId"]: n for n, one in enumerate(self.at_amc())}
        for real, model in zip(self.runs, self.state.runs, strict=True):
            found = [in_short(row, ids) for row in real.executions]
            assert found == [
                (
                    row.status.value,
                    row.has_slot,
                    row.is_sending,
                    row.amc,
                    row.amc_status,
                    row.error,
                )
                for row in model.rows
            ]

    @invariant()
    def counts_are_the_same(self) -> None:
        (instance,) = self.stage.database.query("SELECT * FROM amc_instances")
        assert instance["external_executions"] == self.state.external

    def at_amc(self) -> list[Row]:
        """Return AMC's executions, oldest first."""
        return self.stage.emulator.executions()


@pytest.mark.hypothesis
def test_the_pipeline_does_what_the_model_says(stage: Stage) -> None:
    is_thorough = settings.get_current_profile_name() == "thorough"
    Both.stage = stage
    run_state_machine_as_test(
        Both,
        settings=settings(
            max_examples=500 if is_thorough else 25,
            stateful_step_count=30 if is_thorough else 20,
            deadline=None,
        ),
    )
