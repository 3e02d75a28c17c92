"""Instances are checked one by one, and runs keep off those on which nothing works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from airflow.dag_processing.dagbag import DagBag
from psycopg2.extensions import connection as Connection

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows, dag_id_of
from fixtures.tenants import NoPauseHook, PipelineDatabase, europe_instance, hooks
from recomamp.domain.instance_health import HealthStatus
from recomamp.errors import InstanceUnusable, PipelineError
from recomamp.pipeline.executions.step_time import StepTime
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.instances import health as health_checks
from recomamp.pipeline.instances.health import check_instances, ensure_instance_healthy
from recomamp.store.executions import select_execution

FILE = Path(__file__).resolve().parents[3] / "dags" / "recomamp_instance_health.py"
WEEK = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))


@pytest.fixture
def europe(rows: Rows, instance: Row, fernet_key: str) -> Row:
    return europe_instance(rows, fernet_key)


@pytest.fixture
def health(rows: Rows) -> Callable[[Row], tuple[str, str | None]]:
    def health(instance: Row) -> tuple[str, str | None]:
        row = rows.get("amc_instances", instance)
        return row["health_status"], row["health_error"]

    return health


def check(**other: Any) -> None:
    check_instances(**{**hooks(), "now": datetime.now(UTC), **other})


def test_a_working_instance_is_healthy(
    rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    before = datetime.now(UTC)
    check()
    row = rows.get("amc_instances", instance)
    assert (row["health_status"], row["health_error"]) == ("HEALTHY", None)
    assert before <= row["last_health_check"] <= datetime.now(UTC)
    (asked,) = emulator.calls("list_data_sources")
    assert asked["query"] == {"limit": "1"}
    assert len(emulator.calls("get_instance")) == 1


def test_a_check_keeps_the_type_that_amazon_says(
    rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.settings(instance_type="SANDBOX")
    check()
    assert rows.get("amc_instances", instance)["instance_type"] == "SANDBOX"
    emulator.fault("get_instance", "forbidden")
    check()
    assert rows.get("amc_instances", instance)["instance_type"] == "SANDBOX"


def test_a_second_check_with_nothing_new_changes_only_its_date(rows: Rows, instance: Row) -> None:
    check()
    first = rows.get("amc_instances", instance)
    check()
    second = rows.get("amc_instances", instance)
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"last_health_check", "updated_at"}


@pytest.mark.parametrize(
    ("fault", "options", "words"),
    [
        ("server_error", {"status": 503}, "HTTP 503"),
        ("throttle", {"retry_after": 1}, "HTTP 429"),
        ("throttle", {"retry_after": 3600}, "HTTP 429"),
        ("unauthorized", {}, "HTTP 401"),
        ("reset_before", {}, "no answer"),
        ("html_body", {}, "JSON was expected"),
    ],
    ids=str,
)
def test_what_may_pass_by_itself_makes_an_instance_unhealthy(
    instance: Row,
    emulator: RunningEmulator,
    health: Callable[[Row], tuple[str, str]],
    fault: str,
    options: dict[str, Any],
    words: str,
) -> None:
    emulator.fault("list_data_sources", fault, times=None, **options)
    check()
    status, error = health(instance)
    assert (status, words in error) == ("UNHEALTHY", True), error
    emulator.clear_faults()
    check()
    assert health(instance) == ("HEALTHY", None)


def test_who_asks_for_an_hour_of_patience_is_not_asked_a_second_time(
    instance: Row, emulator: RunningEmulator
) -> None:
    emulator.fault("list_data_sources", "throttle", times=None, retry_after=3600)
    check()
    assert len(emulator.calls("list_data_sources")) == 1


@pytest.mark.parametrize("fault", ["forbidden", "not_found"])
def test_a_refusal_is_an_error_in_amazons_words_and_reads_the_same_each_time(
    instance: Row,
    emulator: RunningEmulator,
    health: Callable[[Row], tuple[str, str]],
    fault: str,
) -> None:
    emulator.fault("*", fault, times=None, matching="/amc/", reason="Terms must be accepted")
    check()
    status, error = health(instance)
    assert status == "ERROR"
    assert "Terms must be accepted" in error
    assert "request id" not in error
    check()
    assert health(instance) == (status, error)


def test_an_administration_api_that_alone_refuses_stops_no_run(
    instance: Row, emulator: RunningEmulator, health: Callable[[Row], tuple[str, str]]
) -> None:
    emulator.fault("get_instance", "forbidden", times=None)
    check()
    status, error = health(instance)
    assert status == "UNHEALTHY"
    assert error.startswith("reporting works, but ")


@pytest.mark.parametrize(
    ("creation_status", "expected"),
    [("IN_PROGRESS", "UNHEALTHY"), ("FAILED", "ERROR"), ("SUCCEEDED", "HEALTHY")],
)
def test_amazons_creation_status_counts(
    instance: Row,
    emulator: RunningEmulator,
    health: Callable[[Row], tuple[str, str | None]],
    creation_status: str,
    expected: str,
) -> None:
    emulator.settings(creation_status=creation_status)
    check()
    status, error = health(instance)
    assert status == expected
    assert expected == "HEALTHY" or creation_status in (error or "")


def test_an_unknown_region_is_an_error_without_a_call(
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    health: Callable[[Row], tuple[str, str]],
) -> None:
    rows.update("amc_instances", instance, region="moon-1")
    check()
    status, error = health(instance)
    assert (status, "amc_instances.region" in error) == ("ERROR", True)
    assert emulator.calls() == []


def test_a_withdrawn_consent_is_asked_for_once_and_harms_no_other(
    rows: Rows,
    instance: Row,
    europe: Row,
    emulator: RunningEmulator,
    health: Callable[[Row], tuple[str, str | None]],
) -> None:
    emulator.revoke("ENTITYDEMONORTH")
    check()
    status, error = health(instance)
    assert (status, health(europe)) == ("ERROR", ("HEALTHY", None))
    assert "sign in with Amazon again" in (error or "")
    assert "Atz" not in (error or "")
    asked = len(emulator.calls("token"))
    for _ in range(3):
        check()
    assert len(emulator.calls("token")) == asked
    assert {call["path"] for call in emulator.calls("get_instance")} == {
        "/amc/instances/amcdemoeurope"
    }
    assert health(instance) == (status, error)


def test_instances_that_are_not_active_are_left_alone(
    rows: Rows, instance: Row, europe: Row, emulator: RunningEmulator
) -> None:
    rows.update("amc_instances", instance, is_active=False)
    rows.update("users", str(europe["user_id"]), is_active=False)
    check()
    assert emulator.calls() == []
    for one in (instance, europe):
        assert rows.get("amc_instances", one)["health_status"] == "UNKNOWN"


class FailingOnce(PipelineDatabase):
    """Loses the connection when the health of one instance is to be written."""

    victim = ""

    def get_conn(self) -> Connection:
        connection = super().get_conn()
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT set_config('test.victim', %s, false)", [self.victim])
        return connection


@pytest.mark.own_sessions
def test_a_result_that_cannot_be_kept_costs_no_other_and_the_next_try_makes_it_good(
    database: Database,
    fresh_trigger: Callable[[str], None],
    instance: Row,
    europe: Row,
    health: Callable[[Row], tuple[str, str | None]],
) -> None:
    fresh_trigger("amcdemoeurope")
    hook = FailingOnce()
    hook.victim = "amcdemoeurope"
    with pytest.raises(PipelineError, match="1 not checked: amcdemoeurope"):
        check(database=hook)
    assert (health(instance)[0], health(europe)[0]) == ("HEALTHY", "UNKNOWN")
    check()
    assert (health(instance)[0], health(europe)[0]) == ("HEALTHY", "HEALTHY")


@pytest.fixture
def fresh_trigger(database: Database) -> Any:
    """Have the database refuse writes to one instance in sessions that name it."""

    def make(instance_id: str) -> None:
        database.query(
            """
            CREATE FUNCTION refuse_victim() RETURNS TRIGGER LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('test.victim', true) = NEW.instance_id THEN
                    RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER refuse_victim BEFORE UPDATE ON amc_instances
                FOR EACH ROW EXECUTE FUNCTION refuse_victim();
            """
        )

    yield make
    database.query("DROP FUNCTION IF EXISTS refuse_victim() CASCADE")


def test_an_error_that_nobody_knows_stands_in_its_row_and_stops_no_other(
    rows: Rows,
    instance: Row,
    europe: Row,
    health: Callable[[Row], tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask = health_checks._ask

    async def stumble(one: Any, amazon: AmcHook) -> Any:
        if one.instance_id == "amcdemonorth":
            raise RuntimeError("odd\r\n2026-01-01 INFO all is well\x1b[2J")
        return await ask(one, amazon)

    monkeypatch.setattr(health_checks, "_ask", stumble)
    with pytest.raises(PipelineError, match=r"1 not checked: amcdemonorth .*RuntimeError: odd"):
        check()
    status, error = health(instance)
    assert (status, "RuntimeError: odd" in error) == ("UNHEALTHY", True)
    assert rows.get("amc_instances", instance)["last_health_check"] is not None
    assert health(europe) == ("HEALTHY", None)
    assert "in stumble" in caplog.text  # the traceback
    assert "\n2026-01-01 INFO" not in caplog.text
    assert "\x1b" not in caplog.text


def test_an_instance_whose_name_makes_no_address_stops_no_other(
    database: Database,
    rows: Rows,
    instance: Row,
    europe: Row,
    health: Callable[[Row], tuple[str, str]],
) -> None:
    broken = rows.instance(
        name="long", user_id=instance["user_id"], account_id=instance["account_id"]
    )
    database.write_beyond_bounds(
        "amc_instances",
        "UPDATE amc_instances SET instance_id = repeat('a', 70000) WHERE id = %s",
        [broken["id"]],
    )
    with suppress(PipelineError):
        check()
    assert health(instance) == health(europe) == ("HEALTHY", None)


def test_silence_is_waited_for_no_longer_than_a_minute(
    instance: Row,
    europe: Row,
    emulator: RunningEmulator,
    health: Callable[[Row], tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert health_checks.MAX_CHECK_SECONDS == 60
    monkeypatch.setattr(health_checks, "MAX_CHECK_SECONDS", 2.0)
    emulator.fault("*", "timeout_before", times=None, matching="amcdemonorth")
    check()
    status, error = health(instance)
    assert (status, error) == ("UNHEALTHY", "Amazon has not answered within 2 seconds")
    assert health(europe)[0] == "HEALTHY"


def test_those_come_first_that_nobody_looked_at_for_longest(
    rows: Rows,
    instance: Row,
    europe: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health_checks, "CHECKS_AT_ONCE", 1)

    def order() -> list[str]:
        check()
        asked = [call["path"].removeprefix("/amc/instances/") for call in emulator.calls()]
        return [name for name in asked if name in ("amcdemonorth", "amcdemoeurope")][-2:]

    now = datetime.now(UTC)
    rows.update("amc_instances", europe, last_health_check=now - timedelta(hours=1))
    assert order() == ["amcdemonorth", "amcdemoeurope"]
    rows.update("amc_instances", europe, last_health_check=now - timedelta(hours=1))
    assert order() == ["amcdemoeurope", "amcdemonorth"]


def test_an_older_check_that_ends_later_does_not_win(
    rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    check()
    emulator.fault("list_data_sources", "forbidden", times=None)
    check(now=datetime.now(UTC) - timedelta(minutes=5))
    assert rows.get("amc_instances", instance)["health_status"] == "HEALTHY"


# --- Runs on an instance in ERROR ----------------------------------------------------------------


class HastySubmit(SubmitExecution):
    """The step, in the pipeline's own role and without pauses."""

    @property
    def database(self) -> PipelineDatabase:
        return PipelineDatabase()

    @property
    def amazon(self) -> NoPauseHook:
        return NoPauseHook(database=self.database)


@pytest.fixture
def submit(rows: Rows, instance: Row) -> Callable[[], str]:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))

    def submit(run_id: str = "run 1") -> str:
        run = SimpleNamespace(
            dag_id=dag_id_of({"schedule_id": schedule["id"]}),
            run_id=run_id,
            clear_number=0,
            run_type="backfill",
            logical_date=WEEK[0],
            data_interval_start=WEEK[0],
            data_interval_end=WEEK[1],
            run_after=WEEK[1],
            conf={},
        )
        ti = SimpleNamespace(try_number=1, max_tries=8, task=SimpleNamespace(retries=8))
        task = HastySubmit(
            task_id="submit", definition_kind="schedule", definition_id=str(schedule["id"])
        )
        return task.execute({"dag_run": run, "params": {}, "ti": ti})  # type: ignore[typeddict-item]

    return submit


class NoDatabase(DatabaseHook):
    """Answers nothing."""

    def get_conn(self) -> Connection:
        raise AssertionError("the database is asked")


@pytest.mark.own_sessions
@pytest.mark.parametrize("status", HealthStatus)
def test_only_an_instance_in_error_costs_a_run_a_further_question(
    database: Database, submit: Callable[[], str], status: HealthStatus
) -> None:
    key = UUID(submit())
    database.query("UPDATE amc_instances SET health_status = %s", [status])
    with hooks()["database"].transaction() as connection:
        execution = select_execution(connection, key)
    assert execution is not None
    assert execution.instance_health is status
    asked = pytest.raises(AssertionError, match="asked")
    with asked if status is HealthStatus.ERROR else nullcontext():
        ensure_instance_healthy(
            execution,
            database=NoDatabase(),
            amazon=AmcHook(),
            step_time=StepTime("submit", timeout=None),
        )


def test_an_instance_of_which_no_health_was_ever_written_may_be_tried(
    database: Database, submit: Callable[[], str], emulator: RunningEmulator
) -> None:
    database.query("UPDATE amc_instances SET health_status = NULL")
    submit()
    assert len(emulator.executions()) == 1


def in_error(rows: Rows, instance: Row, *, minutes_ago: float) -> None:
    rows.update(
        "amc_instances",
        instance,
        health_status="ERROR",
        health_error="Terms must be accepted",
        last_health_check=datetime.now(UTC) - timedelta(minutes=minutes_ago),
    )


def test_a_run_on_an_instance_in_error_fails_once_for_good_and_asks_amazon_nothing(
    rows: Rows,
    instance: Row,
    database: Database,
    submit: Callable[[], str],
    emulator: RunningEmulator,
) -> None:
    in_error(rows, instance, minutes_ago=0)
    with pytest.raises(InstanceUnusable, match="Terms must be accepted"):
        submit()
    assert emulator.calls() == []
    (execution,) = database.query("SELECT * FROM workflow_executions")
    assert (execution["status"], execution["error_type"]) == ("FAILED", "INSTANCE_UNUSABLE")
    assert "Terms must be accepted" in execution["error_message"]


def test_an_error_of_a_while_ago_is_looked_at_again_before_it_stops_a_run(
    rows: Rows, instance: Row, submit: Callable[[], str], emulator: RunningEmulator
) -> None:
    in_error(rows, instance, minutes_ago=10)
    assert submit()
    assert rows.get("amc_instances", instance)["health_status"] == "HEALTHY"
    assert len(emulator.executions()) == 1


def test_many_runs_on_an_instance_in_error_look_once_a_minute_at_most(
    rows: Rows,
    instance: Row,
    submit: Callable[..., str],
    emulator: RunningEmulator,
) -> None:
    emulator.fault("*", "forbidden", times=None, matching="/amc/")
    in_error(rows, instance, minutes_ago=10)
    for number in range(5):
        with pytest.raises(InstanceUnusable):
            submit(f"run {number}")
    assert len(emulator.calls("list_data_sources")) == 1
    assert emulator.calls("create_execution") == []


def test_an_instance_that_is_merely_unhealthy_is_tried(
    rows: Rows, instance: Row, submit: Callable[[], str], emulator: RunningEmulator
) -> None:
    rows.update("amc_instances", instance, health_status="UNHEALTHY", health_error="slow")
    assert submit()
    assert len(emulator.executions()) == 1


def test_what_is_at_amc_already_goes_on_though_its_instance_is_in_error(
    rows: Rows, instance: Row, submit: Callable[[], str], emulator: RunningEmulator
) -> None:
    execution_id = submit()
    in_error(rows, instance, minutes_ago=0)
    assert submit() == execution_id
    assert len(emulator.executions()) == 1


def test_the_dag_checks_every_quarter_of_an_hour_one_run_at_a_time(connections: None) -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert (dag.dag_id, dag.schedule) == ("recomamp_instance_health", timedelta(minutes=15))
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    (task,) = dag.tasks
    assert (task.task_id, task.retries) == ("check_instances", 2)
