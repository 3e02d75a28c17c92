"""Reconciling with a real database, in the pipeline's own role, and the emulator."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.api.datamodels._generated import DagRunState
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from cryptography.fernet import Fernet

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import SQL, EmulatorClient
from fixtures.postgres import Database, Row, Rows
from fixtures.tenants import PipelineDatabase, europe_instance, hooks
from recomamp.domain.reconciliation import RunState
from recomamp.errors import PipelineError
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.instances.dry_runs import make_dry_runs
from recomamp.pipeline.reconciliation import instance as instance_reconciliation
from recomamp.pipeline.reconciliation import operator
from recomamp.pipeline.reconciliation.dag_run_state import airflow_run_state
from recomamp.pipeline.reconciliation.instance import InstanceReconciliation
from recomamp.pipeline.reconciliation.operator import reconcile
from recomamp.store.slots import grant_slots

ROOT = Path(__file__).resolve().parents[3]
WEEK = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))


@dataclass
class Reconciler:
    """Reconciles at a moment after the start of the test; runs it was not told of are gone."""

    database: Database
    runs: dict[str, RunState] = field(default_factory=dict)
    start: datetime = field(default_factory=lambda: datetime.now(UTC))

    def at(self, minutes: float, state_of: Callable[[str], RunState] | None = None) -> None:
        hook = PipelineDatabase()
        reconcile(
            database=hook,
            amazon=AmcHook(database=hook),
            run_state_of=lambda dag_id, run_id: (
                state_of(run_id) if state_of else self.runs.get(run_id, RunState.GONE)
            ),
            clock=lambda: self.start + timedelta(minutes=minutes),
        )

    @property
    def actions(self) -> list[tuple[str, str, str | None]]:
        """What was done, in order."""
        done = self.database.query("SELECT * FROM reconciliations ORDER BY at, action")
        return [(one["action"], one["execution_id"], one["amc_execution_id"]) for one in done]


@pytest.fixture
def reconciler(database: Database, emulator: RunningEmulator) -> Reconciler:
    emulator.progression("per_poll", polls=1000)
    return Reconciler(database)


@pytest.fixture
def put(rows: Rows, schedule: Row) -> Callable[..., Row]:
    """Insert an open execution of the schedule, or of what the columns say."""

    def put(**columns: Any) -> Row:
        key = str(uuid4())
        workflow = rows.get("workflows", columns.pop("workflow_id", schedule["workflow_id"]))
        is_of_another = workflow["id"] != schedule["workflow_id"]
        of = rows.schedule(workflow) if is_of_another else schedule
        own = {
            "id": key,
            "status": "RUNNING" if columns.get("amc_execution_id") else "PENDING",
            "instance_id": workflow["instance_id"],
            "schedule_id": None if "collection_id" in columns else of["id"],
            "dag_run_id": "run 1",
            "amc_workflow_id": f"recomamp-{key}",
            "window_start": WEEK[0],
            "window_end": WEEK[1],
            "window_time_zone": "UTC",
            "deadline_at": datetime.now(UTC) + timedelta(hours=24),
        }
        return rows.execution(workflow, **{**own, **columns})

    return put


def order(caller: EmulatorClient, row: Row) -> str:
    """Have AMC run a row's query under its name."""
    return caller.create_execution(workflow={"workflowId": row["amc_workflow_id"], "sqlQuery": SQL})


def statuses(emulator: RunningEmulator) -> dict[str, str]:
    return {one["workflowExecutionId"]: one["status"] for one in emulator.executions()}


def accept(rows: Rows, row: Row, amc_id: str) -> Row:
    return rows.update("workflow_executions", row, status="RUNNING", amc_execution_id=amc_id)


def same_instance_of_another_user(
    rows: Rows, instance: Row, fernet_key: str, refresh_token: str
) -> Row:
    """Insert a second row of one instance of AMC."""
    token = Fernet(fernet_key).encrypt(refresh_token.encode()).decode()
    return rows.instance(
        user=rows.user(encrypted_refresh_token=token),
        account=rows.get("amc_accounts", instance["account_id"]),
        instance_id=instance["instance_id"],
        region=instance["region"],
    )


def test_a_pending_row_without_a_run_takes_the_id_that_amc_has_for_its_name(
    reconciler: Reconciler, rows: Rows, put: Callable[..., Row], north: EmulatorClient
) -> None:
    row = put()
    amc_id = order(north, row)
    reconciler.at(0)
    after = rows.get("workflow_executions", row)
    assert (after["status"], after["amc_execution_id"]) == ("RUNNING", amc_id)
    assert after["deadline_at"] > after["submitted_at"]
    assert reconciler.actions == [("ADOPT", row["id"], amc_id)]
    reconciler.at(5)
    assert len(reconciler.actions) == 1


def test_an_id_that_amc_gives_a_time_of_the_future_is_adopted_as_of_now(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    """Its deadline would come years late, and no column holds how long it has run."""
    row = put()
    emulator.clock(now="2099-01-01T00:00:00+00:00")
    order(north, row)
    emulator.clock(now=reconciler.start.isoformat())
    reconciler.at(0)
    assert rows.get("workflow_executions", row)["submitted_at"] == reconciler.start


def test_an_orphan_is_cancelled_and_its_books_closed_after_a_quarter_of_an_hour(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    schedule: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put()
    amc_id = order(north, row)
    accept(rows, row, amc_id)
    reconciler.at(0)
    reconciler.at(14)
    assert (reconciler.actions, statuses(emulator)[amc_id]) == ([], "RUNNING")
    reconciler.at(15)
    after = rows.get("workflow_executions", row)
    assert (after["status"], after["error_type"]) == ("CANCELLED", "KILLED")
    assert "its DAG run is gone" in after["error_message"]
    assert statuses(emulator)[amc_id] == after["amc_status"] == "CANCELLED"
    (book,) = reconciler.database.query("SELECT * FROM schedule_runs")
    assert (book["status"], book["execution_id"]) == ("FAILED", row["id"])
    assert book["dag_run_id"] == "run 1"
    last = rows.get("workflow_schedules", schedule)
    assert (last["failed_runs"], last["last_run_status"]) == (1, "FAILED")
    assert last["last_run_at"] == reconciler.start
    reconciler.at(20)
    assert reconciler.actions == [("CLOSE", row["id"], amc_id)]
    assert rows.get("workflow_executions", row) == after


def test_an_orphan_that_amc_has_ended_by_itself_is_given_up_and_says_how_amc_ended_it(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    emulator.progression("per_poll", polls=100)
    row = put()
    amc_id = order(north, row)
    accept(rows, row, amc_id)
    emulator.end(amc_id, "REJECTED", "no such column")
    reconciler.runs["run 1"] = RunState.ENDED
    reconciler.at(0)
    reconciler.at(15)
    after = rows.get("workflow_executions", row)
    assert (after["status"], after["error_type"]) == ("CANCELLED", "KILLED")
    assert after["amc_status"] == "REJECTED"
    assert emulator.calls("cancel_execution") == []


def test_an_intention_that_amc_never_heard_of_is_closed(
    reconciler: Reconciler, rows: Rows, put: Callable[..., Row]
) -> None:
    row = put()
    reconciler.at(0)
    reconciler.at(15)
    assert rows.get("workflow_executions", row)["status"] == "CANCELLED"
    assert reconciler.actions == [("CLOSE", row["id"], None)]


def test_an_id_that_amc_does_not_know_does_not_keep_a_row_open(
    reconciler: Reconciler, rows: Rows, put: Callable[..., Row]
) -> None:
    row = put(amc_execution_id=str(uuid4()))
    reconciler.at(0)
    reconciler.at(15)
    assert rows.get("workflow_executions", row)["status"] == "CANCELLED"


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING])
def test_a_row_whose_run_is_alive_is_left_to_its_own_tasks(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
    state: RunState,
) -> None:
    pending, running = put(), put(dag_run_id="run 2")
    running = accept(rows, running, order(north, running))
    order(north, pending)
    reconciler.runs = {"run 1": state, "run 2": state}
    for minutes in (0, 20, 60):
        reconciler.at(minutes)
    assert rows.get("workflow_executions", pending) == pending
    assert rows.get("workflow_executions", running) == running
    assert reconciler.actions == []
    assert set(statuses(emulator).values()) == {"RUNNING"}


def encrypt_with_another_key(rows: Rows, instance: Row) -> None:
    token = Fernet(Fernet.generate_key()).encrypt(b"Atzr|demo-north").decode()
    rows.update(
        "users",
        rows.get("users", instance["user_id"]),
        encrypted_access_token=None,
        encrypted_refresh_token=token,
    )


# Why AMC does not list an instance until a person acts
LASTING: dict[str, Callable[[RunningEmulator, Rows, Row], object]] = {
    "the consent is withdrawn": lambda emulator, rows, instance: emulator.revoke("ENTITYDEMONORTH"),
    "AMC refuses": lambda emulator, rows, instance: emulator.fault(
        "list_executions", "forbidden", times=None
    ),
    "the country is unknown": lambda emulator, rows, instance: rows.update(
        "amc_accounts",
        rows.get("amc_accounts", instance["account_id"]),
        country_code="ZZ",
        marketplace_id=None,
    ),
    "the tokens are unreadable": lambda emulator, rows, instance: encrypt_with_another_key(
        rows, instance
    ),
}


@pytest.mark.parametrize("reason", LASTING)
def test_an_orphan_is_closed_though_amc_lists_nothing_until_a_person_acts(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
    reason: str,
) -> None:
    """As long as it is open, the user's rows cannot be deleted, and it takes a slot."""
    orphan, alive = put(), put(dag_run_id="run 2")
    orphan = accept(rows, orphan, order(north, orphan))
    reconciler.runs = {"run 1": RunState.ENDED, "run 2": RunState.RUNNING}
    LASTING[reason](emulator, rows, instance)
    reconciler.at(0)
    reconciler.at(14)
    assert rows.get("workflow_executions", orphan)["status"] == "RUNNING"
    reconciler.at(15)
    after = rows.get("workflow_executions", orphan)
    assert (after["status"], after["error_type"]) == ("CANCELLED", "KILLED")
    assert (after["amc_status"], "AMC cannot be asked" in after["error_message"]) == (
        "UNKNOWN",
        True,
    )
    assert rows.get("workflow_executions", alive)["status"] == "PENDING"
    assert reconciler.actions == [("CLOSE", orphan["id"], orphan["amc_execution_id"])]


def test_an_orphan_is_left_alone_while_the_list_fails_for_an_error_that_may_pass(
    reconciler: Reconciler, rows: Rows, put: Callable[..., Row], emulator: RunningEmulator
) -> None:
    row = put()
    emulator.fault("list_executions", "server_error", times=None, status=503)
    for minutes in (0, 15, 60):
        with suppress(PipelineError):
            reconciler.at(minutes)
    assert rows.get("workflow_executions", row)["status"] == "PENDING"


def test_a_run_that_comes_back_to_life_starts_its_grace_anew(
    reconciler: Reconciler, rows: Rows, put: Callable[..., Row]
) -> None:
    row = put()
    reconciler.at(0)
    reconciler.runs["run 1"] = RunState.RUNNING
    reconciler.at(10)
    assert rows.get("workflow_executions", row)["orphaned_at"] is None
    reconciler.runs["run 1"] = RunState.ENDED
    reconciler.at(12)
    reconciler.at(20)
    assert rows.get("workflow_executions", row)["status"] == "PENDING"
    reconciler.at(27)
    assert rows.get("workflow_executions", row)["status"] == "CANCELLED"


def test_a_run_that_comes_back_at_the_last_moment_keeps_its_execution(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put()
    accept(rows, row, order(north, row))
    reconciler.at(0)
    answers = iter([RunState.ENDED, RunState.QUEUED])
    reconciler.at(15, lambda run_id: next(answers))
    assert rows.get("workflow_executions", row)["status"] == "RUNNING"
    assert (reconciler.actions, emulator.calls("cancel_execution")) == ([], [])


def test_a_row_that_changes_meanwhile_is_left_alone(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put()
    accept(rows, row, order(north, row))
    reconciler.at(0)

    def change(run_id: str) -> RunState:
        rows.update("workflow_executions", row, amc_status="PUBLISHING")
        return RunState.ENDED

    reconciler.at(15, change)
    assert rows.get("workflow_executions", row)["status"] == "RUNNING"
    assert (reconciler.actions, emulator.calls("cancel_execution")) == ([], [])


def test_a_run_whose_schedule_was_deleted_counts_as_gone(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    schedule: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put()
    amc_id = order(north, row)
    accept(rows, row, amc_id)
    reconciler.database.query("DELETE FROM workflow_schedules")
    reconciler.runs["run 1"] = RunState.RUNNING
    reconciler.at(0)
    reconciler.at(15)
    assert rows.get("workflow_executions", row)["status"] == "CANCELLED"
    assert statuses(emulator)[amc_id] == "CANCELLED"


def test_the_week_of_an_orphan_is_failed_unless_another_run_sees_to_it(
    reconciler: Reconciler, rows: Rows, put: Callable[..., Row], schedule: Row
) -> None:
    collection = rows.collection(
        rows.get("workflows", schedule["workflow_id"]),
        start_date="2026-01-05",
        end_date="2026-01-18",
    )
    first, second = rows.weeks(collection)
    orphan = put(collection_id=collection["id"])
    late = put(
        collection_id=collection["id"],
        dag_run_id="run 2",
        window_start=WEEK[1],
        window_end=WEEK[1] + timedelta(days=7),
    )
    other = put(collection_id=collection["id"], dag_run_id="run 3", status="SUCCESS")
    rows.update("report_data_weeks", first, status="RUNNING", execution_id=orphan["id"])
    rows.update("report_data_weeks", second, status="RUNNING", execution_id=other["id"])
    reconciler.at(0)
    reconciler.at(15)
    assert rows.get("workflow_executions", late)["status"] == "CANCELLED"
    first, second = rows.weeks(collection)
    assert (first["status"], second["status"]) == ("FAILED", "RUNNING")
    assert "its DAG run is gone" in first["error_message"]
    assert rows.get("report_data_collections", collection)["failed_weeks"] == 1


def test_what_an_ended_row_left_running_is_cancelled_at_amc(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put(status="FAILED")
    amc_id = order(north, row)
    before = rows.get("workflow_executions", row)
    reconciler.at(0)
    reconciler.at(5)
    assert statuses(emulator)[amc_id] == "CANCELLED"
    assert reconciler.actions == [("CANCEL_AT_AMC", row["id"], amc_id)]
    assert rows.get("workflow_executions", row) == before


def test_of_a_query_sent_twice_the_one_is_cancelled_that_its_living_row_does_not_hold(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    reconciler.runs["run 1"] = RunState.RUNNING
    row = put()
    held, twin = order(north, row), order(north, row)
    reconciler.at(0)
    assert (reconciler.actions, set(statuses(emulator).values())) == ([], {"RUNNING"})
    row = accept(rows, row, held)
    emulator.fault("cancel_execution", "forbidden")
    reconciler.at(5)
    assert rows.get("amc_instances", instance)["external_executions"] == 1
    reconciler.at(10)
    reconciler.at(15)
    assert statuses(emulator) == {held: "RUNNING", twin: "CANCELLED"}
    assert rows.get("amc_instances", instance)["external_executions"] == 0
    assert reconciler.actions == [("CANCEL_AT_AMC", row["id"], twin)]
    (done,) = reconciler.database.query("SELECT detail FROM reconciliations")
    assert done["detail"] == f"the query was sent more than once, and its row waits for {held}"
    assert rows.get("workflow_executions", row) == row


def test_what_another_deployment_runs_on_the_instance_is_left_alone(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    put(status="SUCCESS")  # brings the instance into the comparison
    amc_id = order(north, {"amc_workflow_id": f"recomamp-{uuid4()}"})
    reconciler.at(60)
    assert statuses(emulator)[amc_id] == "RUNNING"
    assert reconciler.actions == []
    assert rows.get("amc_instances", instance)["external_executions"] == 1


def test_a_dry_run_takes_no_slot_where_amc_keeps_no_names(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    emulator: RunningEmulator,
) -> None:
    put(status="SUCCESS")  # brings the instance into the comparison
    emulator.settings(keep_workflow_id=False)
    emulator.progression("per_second", pending_seconds=3600, running_seconds=1)
    make_dry_runs(**hooks(), now=reconciler.start)
    reconciler.at(1)
    (at_amc,) = emulator.executions()
    assert at_amc["request"]["dryRun"] is True
    assert at_amc["workflowId"].startswith("transient_")
    assert at_amc["status"] == "PENDING"
    counted = rows.get("amc_instances", instance)
    assert counted["external_counted_at"] == reconciler.start + timedelta(minutes=1)
    assert counted["external_executions"] == 0


def test_executions_of_others_are_counted_and_never_cancelled(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    names = ("nightly_report", "recomamp-by-hand")
    foreign = [
        north.create_execution(workflow={"workflowId": name, "sqlQuery": SQL}) for name in names
    ]
    foreign.append(north.create_execution())
    emulator.end(north.create_execution(), "FAILED")
    live, ended = put(), put(dag_run_id="run 2", status="CANCELLED")
    order(north, live)
    order(north, ended)
    reconciler.runs["run 1"] = RunState.RUNNING
    for minutes in (0, 30, 300):
        reconciler.at(minutes)
    assert {statuses(emulator)[one] for one in foreign} == {"RUNNING"}
    after = rows.get("amc_instances", instance)
    assert after["external_executions"] == 3
    assert after["external_counted_at"] == reconciler.start + timedelta(minutes=300)


def test_where_amc_keeps_no_names_the_id_of_a_row_tells_what_is_ours(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    emulator.settings(keep_workflow_id=False)
    row = put()
    amc_id = order(north, row)
    accept(rows, row, amc_id)
    theirs = north.create_execution()
    reconciler.at(0)
    assert rows.get("amc_instances", instance)["external_executions"] == 1
    reconciler.at(15)
    assert (statuses(emulator)[amc_id], statuses(emulator)[theirs]) == ("CANCELLED", "RUNNING")


def test_an_execution_of_another_users_row_of_the_same_instance_is_not_foreign(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
    fernet_key: str,
) -> None:
    bobs = same_instance_of_another_user(rows, instance, fernet_key, "Atzr|demo-north")
    mine, bobs_row = put(), put(workflow_id=rows.workflow(bobs)["id"], dag_run_id="run 2")
    reconciler.runs = {"run 1": RunState.RUNNING, "run 2": RunState.RUNNING}
    for row in (mine, bobs_row):
        accept(rows, row, order(north, row))
    reconciler.at(0)
    for one in (instance, bobs):
        assert rows.get("amc_instances", one)["external_executions"] == 0
    rows.update("workflow_executions", bobs_row, status="FAILED")
    reconciler.at(5)
    (done,) = reconciler.database.query("SELECT * FROM reconciliations")
    assert (done["execution_id"], done["instance_id"]) == (bobs_row["id"], bobs["id"])


def test_a_withdrawn_consent_is_logged_and_stops_no_other_instance(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    fernet_key: str,
    north: EmulatorClient,
    europe: EmulatorClient,
    emulator: RunningEmulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    second = europe_instance(rows, fernet_key)
    ours = put(status="FAILED")
    theirs = put(workflow_id=rows.workflow(second)["id"], dag_run_id="run 2")
    amc_id = order(north, ours)
    order(europe, theirs)
    emulator.revoke("ENTITYDEMOEUROPE")
    reconciler.at(0)
    assert re.search(r"amcdemoeurope \(.*\): .*sign in", caplog.text)
    assert statuses(emulator)[amc_id] == "CANCELLED"
    after = rows.get("workflow_executions", theirs)
    assert (after["status"], after["orphaned_at"]) == ("PENDING", reconciler.start)


def test_each_user_of_an_instance_that_could_not_be_compared_is_named(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    emulator: RunningEmulator,
    fernet_key: str,
) -> None:
    bobs = same_instance_of_another_user(rows, instance, fernet_key, "Atzr|demo-north")
    put()
    put(workflow_id=rows.workflow(bobs)["id"], dag_run_id="run 2")
    emulator.fault("list_executions", "throttle", times=None, retry_after=600)
    with pytest.raises(PipelineError, match="2 not reconciled") as failed:
        reconciler.at(0)
    for one in (instance, bobs):
        assert f"amcdemonorth ({one['id']}): " in str(failed.value)


def test_each_action_on_one_row_that_failed_is_named(
    reconciler: Reconciler,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put(status="FAILED")
    amc_ids = [order(north, row), order(north, row)]
    emulator.fault("cancel_execution", "throttle", times=None, retry_after=600)
    with pytest.raises(PipelineError, match="2 not reconciled") as failed:
        reconciler.at(0)
    assert all(amc_id in str(failed.value) for amc_id in amc_ids)


@pytest.fixture
def europe_first(rows: Rows, instance: Row, put: Callable[..., Row], fernet_key: str) -> Row:
    """Give an instance of another region that is compared before the demo instance.

    Both wait for their first comparison.
    """
    europe = europe_instance(rows, fernet_key)
    put()
    put(workflow_id=rows.workflow(europe)["id"], dag_run_id="run 2")
    return europe


def asked(emulator: RunningEmulator) -> list[str]:
    """Return the instances whose executions were listed, in order."""
    return [call["path"].split("/")[3] for call in emulator.calls("list_executions")]


def test_an_instance_that_asks_for_patience_is_not_waited_for(
    reconciler: Reconciler,
    rows: Rows,
    instance: Row,
    europe_first: Row,
    emulator: RunningEmulator,
) -> None:
    emulator.fault(
        "list_executions", "throttle", times=None, matching="amcdemoeurope", retry_after=600
    )
    with pytest.raises(PipelineError, match=r"1 not reconciled: amcdemoeurope .*HTTP 429"):
        reconciler.at(0)
    assert asked(emulator) == ["amcdemoeurope", "amcdemonorth"]
    assert rows.get("amc_instances", instance)["external_counted_at"] == reconciler.start


def test_each_instance_is_counted_as_of_its_own_turn(
    reconciler: Reconciler, rows: Rows, instance: Row, europe_first: Row
) -> None:
    """A count is believed for so long: one that was stamped too early lapses too early."""
    turns = count()
    hook = PipelineDatabase()
    reconcile(
        database=hook,
        amazon=AmcHook(database=hook),
        run_state_of=lambda dag_id, run_id: RunState.GONE,
        clock=lambda: reconciler.start + timedelta(minutes=next(turns)),
    )
    first, second = (
        rows.get("amc_instances", one)["external_counted_at"] for one in (europe_first, instance)
    )
    assert first < second


def test_a_silent_region_is_waited_for_once_before_all_others_are_compared(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    europe_first: Row,
    emulator: RunningEmulator,
    fernet_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert instance_reconciliation.MAX_ASKING_SECONDS == 60
    monkeypatch.setattr(instance_reconciliation, "MAX_ASKING_SECONDS", 1.0)
    carols = same_instance_of_another_user(rows, europe_first, fernet_key, "Atzr|demo-europe")
    put(workflow_id=rows.workflow(carols)["id"], dag_run_id="run 3")
    emulator.fault("list_executions", "timeout_before", times=None, matching="amcdemoeurope")
    with pytest.raises(PipelineError, match="2 not reconciled") as failed:
        reconciler.at(0)
    for one in (europe_first, carols):
        silence = f"amcdemoeurope ({one['id']}): Amazon has not answered everything within 1 second"
        assert silence in str(failed.value)
    assert asked(emulator) == ["amcdemoeurope", "amcdemonorth", "amcdemoeurope"]
    assert rows.get("amc_instances", instance)["external_counted_at"] == reconciler.start


def test_a_run_without_time_names_those_it_did_not_come_to_and_ends(
    reconciler: Reconciler,
    instance: Row,
    europe_first: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert operator.MAX_RUN_SECONDS == 600
    monkeypatch.setattr(operator, "MAX_RUN_SECONDS", 0.4)
    monkeypatch.setattr(instance_reconciliation, "MAX_ASKING_SECONDS", 0.5)
    emulator.fault("list_executions", "timeout_before", times=None, matching="amcdemoeurope")
    with pytest.raises(PipelineError, match="2 not reconciled") as failed:
        reconciler.at(0)
    assert f"amcdemonorth ({instance['id']}): not asked" in str(failed.value)
    assert asked(emulator) == ["amcdemoeurope"]


def test_all_that_is_cancelled_at_a_silent_instance_takes_no_longer_than_its_list_may(
    reconciler: Reconciler,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(instance_reconciliation, "MAX_ASKING_SECONDS", 1.0)
    for number in range(5):
        order(north, put(status="FAILED", dag_run_id=f"run {number}"))
    emulator.fault("cancel_execution", "timeout_before", times=None)
    with pytest.raises(PipelineError, match="5 not reconciled"):
        reconciler.at(0)
    assert len(emulator.calls("cancel_execution")) == 1
    assert set(statuses(emulator).values()) == {"RUNNING"}
    emulator.clear_faults()
    reconciler.at(5)
    assert set(statuses(emulator).values()) == {"CANCELLED"}


def test_instances_come_first_that_were_not_compared_for_longest(
    reconciler: Reconciler,
    rows: Rows,
    instance: Row,
    europe_first: Row,
    emulator: RunningEmulator,
) -> None:
    reconciler.runs = {"run 1": RunState.RUNNING, "run 2": RunState.RUNNING}
    hour_ago = reconciler.start - timedelta(hours=1)
    rows.update("amc_instances", europe_first, reconcile_attempted_at=hour_ago)
    reconciler.at(0)
    rows.update("amc_instances", europe_first, reconcile_attempted_at=hour_ago)
    reconciler.at(5)
    names = ["amcdemonorth", "amcdemoeurope"]
    assert asked(emulator) == [*names, *reversed(names)]


def test_an_instance_that_can_never_be_compared_is_not_first_each_time(
    reconciler: Reconciler, rows: Rows, europe_first: Row, emulator: RunningEmulator
) -> None:
    reconciler.runs = {"run 1": RunState.RUNNING, "run 2": RunState.RUNNING}
    emulator.fault("list_executions", "forbidden", times=None, matching="amcdemoeurope")
    for minutes in (0, 5):
        reconciler.at(minutes)
    assert asked(emulator) == ["amcdemoeurope", "amcdemonorth"] * 2
    assert rows.get("amc_instances", europe_first)["external_counted_at"] is None
    rows.update("amc_instances", europe_first, reconcile_attempted_at=reconciler.start)
    reconciler.at(10)
    assert asked(emulator)[-2:] == ["amcdemoeurope", "amcdemonorth"]


def test_many_instances_of_one_user_take_no_time_from_the_first_of_another(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    fernet_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(5):
        many = rows.instance(
            user=rows.get("users", instance["user_id"]), instance_id=f"amcaaa{number}"
        )
        put(workflow_id=rows.workflow(many)["id"], dag_run_id=f"many {number}")
    europe = europe_instance(rows, fernet_key)
    put(workflow_id=rows.workflow(europe)["id"], dag_run_id="run 2")
    turns: list[str] = []
    monkeypatch.setattr(
        InstanceReconciliation,
        "run",
        lambda job, troubles: turns.append(job.instance.instance_id),
    )
    reconciler.at(0)
    later = ["amcaaa1", "amcaaa2", "amcaaa3", "amcaaa4", "amcdemonorth"]
    assert turns == ["amcaaa0", "amcdemoeurope", *later]


def test_one_action_that_fails_stops_no_other_and_is_done_by_the_next_comparison(
    reconciler: Reconciler,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = [put(status="FAILED", dag_run_id=f"run {number}") for number in range(3)]
    amc_ids = [order(north, row) for row in ended]
    emulator.fault("cancel_execution", "forbidden")
    reconciler.at(0)
    assert re.search(r"amcdemonorth \(.*\): CANCEL_AT_AMC .* answered HTTP 403", caplog.text)
    assert sorted(statuses(emulator).values()) == ["CANCELLED", "CANCELLED", "RUNNING"]
    reconciler.at(5)
    assert {statuses(emulator)[amc_id] for amc_id in amc_ids} == {"CANCELLED"}
    assert len(reconciler.actions) == 3


def test_amc_is_listed_from_the_oldest_open_row_on(
    reconciler: Reconciler, put: Callable[..., Row], emulator: RunningEmulator
) -> None:
    put(created_at=reconciler.start - timedelta(hours=40))
    reconciler.runs["run 1"] = RunState.RUNNING
    reconciler.at(0)
    (call,) = emulator.calls("list_executions")
    listed_from = datetime.fromisoformat(str(call["query"]["minCreationTime"]))
    assert reconciler.start - listed_from.replace(tzinfo=UTC) >= timedelta(hours=40)


def test_an_instance_where_nothing_runs_and_nothing_will_is_not_asked(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    schedule: Row,
    instance: Row,
    emulator: RunningEmulator,
) -> None:
    put(status="SUCCESS", created_at=reconciler.start - timedelta(hours=25))
    rows.collection(rows.get("workflows", schedule["workflow_id"]), status="PAUSED")
    rows.update("workflow_schedules", schedule, is_active=False)
    reconciler.at(0)
    rows.update("workflow_schedules", schedule, is_active=True)
    revoked = {"consent_revoked_at": reconciler.start}
    for table, stops in (("amc_instances", {"is_active": False}), ("users", revoked)):
        key = instance["id" if table == "amc_instances" else "user_id"]
        before = rows.get(table, key)
        rows.update(table, key, **stops)
        reconciler.at(5)
        rows.update(table, key, **{name: before[name] for name in stops})
    assert emulator.calls() == []
    reconciler.at(10)
    assert emulator.calls("list_executions") != []


@pytest.mark.parametrize("definition", ["schedule", "collection"])
def test_what_others_run_is_counted_before_an_idle_instance_has_its_first_execution(
    reconciler: Reconciler,
    rows: Rows,
    schedule: Row,
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
    definition: str,
) -> None:
    if definition == "collection":
        rows.collection(rows.get("workflows", schedule["workflow_id"]))
        rows.update("workflow_schedules", schedule, is_active=False)
    north.create_execution()
    reconciler.at(0)
    assert rows.get("amc_instances", instance)["external_executions"] == 1
    assert len(emulator.calls("list_executions")) == 1


def test_what_was_given_up_takes_a_slot_until_amc_has_ended_it(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    order(north, put(status="CANCELLED"))
    emulator.fault("cancel_execution", "forbidden")
    reconciler.at(0)
    assert rows.get("amc_instances", instance)["external_executions"] == 1
    reconciler.at(5)
    assert set(statuses(emulator).values()) == {"CANCELLED"}
    assert rows.get("amc_instances", instance)["external_executions"] == 0


def test_amcs_last_word_of_an_ended_row_is_kept(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    ended = {"amc_status": "RUNNING", "completed_at": reconciler.start}
    cancelled = accept(rows, row := put(), order(north, row))
    rows.update("workflow_executions", cancelled, status="TIMEOUT", **ended)
    reconciler.at(1)
    assert rows.get("workflow_executions", cancelled)["amc_status"] == "CANCELLED"
    emulator.progression("at_once")
    succeeded = accept(rows, row := put(dag_run_id="run 2"), order(north, row))
    rows.update("workflow_executions", succeeded, status="FAILED", **ended)
    reconciler.at(5)
    assert rows.get("workflow_executions", succeeded)["amc_status"] == "SUCCEEDED"


def test_the_slot_of_a_closed_row_is_counted_once_before_and_after_amc_is_listed(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    rows.update("amc_instances", instance, max_concurrent_executions=2)

    def free_slots(minutes: int) -> int:
        """Grant what is free and take it back."""
        now = reconciler.start + timedelta(minutes=minutes)
        with DatabaseHook().transaction() as connection:
            granted = grant_slots(connection, UUID(str(instance["id"])), now=now)
        for key in granted:
            rows.update("workflow_executions", str(key), slot_granted_at=None)
        return len(granted)

    closed = accept(rows, row := put(), order(north, row))
    for number in (2, 3, 4):
        put(dag_run_id=f"run {number}")
    closed_at = reconciler.start + timedelta(minutes=1)
    rows.update(
        "workflow_executions", closed,
        status="CANCELLED", amc_status="RUNNING", completed_at=closed_at,
    )  # fmt: skip
    reconciler.runs = {f"run {number}": RunState.RUNNING for number in (2, 3, 4)}
    assert free_slots(2) == 1
    emulator.fault("cancel_execution", "forbidden")
    reconciler.at(5)  # a refused cancel is one tenant's own
    assert rows.get("amc_instances", instance)["external_executions"] == 1
    assert free_slots(6) == 1
    reconciler.at(10)
    assert free_slots(11) == 2


def test_what_the_application_runs_itself_is_counted_and_left_alone(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    row = put(dag_id=None, dag_run_id=None)
    row = accept(rows, row, order(north, row))
    waiting = put(dag_id=None, dag_run_id=None)
    for minutes in (0, 60):
        reconciler.at(minutes)
    assert rows.get("amc_instances", instance)["external_executions"] == 1
    assert (reconciler.actions, set(statuses(emulator).values())) == ([], {"RUNNING"})
    assert [rows.get("workflow_executions", one) for one in (row, waiting)] == [row, waiting]


def test_what_was_done_is_seen_by_the_owner_only(
    rows: Rows, instance: Row, database: Database
) -> None:
    rows.insert("reconciliations", instance_id=instance["id"], action="ADOPT", detail="done")
    for user, seen in ((instance["user_id"], ["done"]), (rows.user()["id"], [])):
        analyst = database.connect("recomamp_analyst", user)
        with analyst, analyst.cursor() as cursor:
            cursor.execute("SELECT detail FROM reconciliations")
            assert [detail for (detail,) in cursor.fetchall()] == seen


def test_a_run_is_alive_ended_or_gone_as_airflow_says() -> None:
    def ask(answer: object) -> RunState:
        def get_dagrun_state(dag_id: str, run_id: str) -> object:
            if isinstance(answer, Exception):
                raise answer
            return answer

        state_of = airflow_run_state(SimpleNamespace(get_dagrun_state=get_dagrun_state))
        return state_of("dag", "run")

    assert {state: ask(state) for state in DagRunState} == {
        DagRunState.QUEUED: RunState.QUEUED,
        DagRunState.RUNNING: RunState.RUNNING,
        DagRunState.SUCCESS: RunState.ENDED,
        DagRunState.FAILED: RunState.ENDED,
    }
    no_such_run = {"detail": {"reason": "not_found", "message": "Dag run … was not found"}}
    assert ask(_refusal(404, no_such_run)) is RunState.GONE
    for other in (
        _refusal(404, {"detail": "Not Found"}),
        _refusal(404, None),
        _refusal(500, no_such_run),
    ):
        with pytest.raises(AirflowRuntimeError):
            ask(other)


def _refusal(status_code: int, detail: object) -> AirflowRuntimeError:
    answer = {"status_code": status_code, "message": "Server returned error", "detail": detail}
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=answer))


def test_the_dag_runs_every_five_minutes_one_at_a_time_from_the_start() -> None:
    bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags")
    bag.process_file(str(ROOT / "dags" / "recomamp_reconcile.py"), only_if_updated=False)
    assert bag.import_errors == {}
    dag = bag.dags["recomamp_reconcile"]
    assert (dag.max_active_runs, dag.catchup, dag.tags) == (1, False, {"recomamp"})
    assert dag.is_paused_upon_creation is False
    assert dag.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert [task.task_id for task in dag.tasks] == ["reconcile"]


def test_a_slot_is_not_free_while_amc_cancels_though_the_comparison_dies(
    reconciler: Reconciler,
    rows: Rows,
    put: Callable[..., Row],
    instance: Row,
    north: EmulatorClient,
    emulator: RunningEmulator,
) -> None:
    emulator.settings(cancel_seconds=3600)
    rows.update("amc_instances", instance, max_concurrent_executions=2)
    for run_id in ("run 1", "run 2"):
        row = put(dag_run_id=run_id)
        accept(rows, row, order(north, row))
    waiting = put(dag_run_id="run 3")
    reconciler.runs["run 3"] = RunState.RUNNING
    reconciler.at(0)
    asked = []

    def die_at_the_second(run_id: str) -> RunState:
        asked.append(run_id)
        if asked.count("run 2") > 1:
            raise SystemExit
        return RunState.RUNNING if run_id == "run 3" else RunState.GONE

    with pytest.raises(SystemExit):
        reconciler.at(15, die_at_the_second)
    assert [action for action, *_ in reconciler.actions] == ["CLOSE"]
    with DatabaseHook().transaction() as connection:
        later = reconciler.start + timedelta(minutes=16)
        assert grant_slots(connection, instance["id"], now=later) == set()
    assert rows.get("workflow_executions", waiting)["slot_granted_at"] is None
