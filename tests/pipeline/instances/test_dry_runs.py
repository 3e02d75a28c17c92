"""AMC compiles new and changed queries once, and a refusal is a finding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.tenants import NoPauseHook, PipelineDatabase, europe_instance, hooks
from recomamp.domain.amc_names import dry_run_workflow_id
from recomamp.errors import PartialFailure
from recomamp.pipeline.instances import dry_runs
from recomamp.pipeline.instances.dry_runs import MOST_PER_USER, make_dry_runs
from recomamp.pipeline.instances.operators import DryRunWorkflows
from recomamp.pipeline.instances.query_findings import check_queries
from recomamp.pipeline.instances.schema import sync_schema
from recomamp.store.dry_runs import MOST_PER_HOUR

DAGS = Path(__file__).resolve().parents[3] / "dags"
BAD = "SELECT campaing, SUM(impressions) AS n FROM dsp_impressions GROUP BY campaing"
GOOD = "SELECT campaign, SUM(impressions) AS n FROM dsp_impressions GROUP BY campaign"


def check(**other: Any) -> None:
    make_dry_runs(**{**hooks(), "now": datetime.now(UTC), **other})


def answers(database: Database) -> dict[str, tuple[str, str | None]]:
    found = database.query(
        "SELECT name, status, message FROM workflow_dry_runs"
        " JOIN workflows ON workflows.id = workflow_id"
    )
    return {row["name"]: (row["status"], row["message"]) for row in found}


def findings(database: Database) -> list[str]:
    found = database.query(
        "SELECT message FROM workflow_findings WHERE kind = 'REFUSED_BY_AMC' ORDER BY message"
    )
    return [row["message"] for row in found]


def test_a_query_is_asked_about_once_until_it_changes(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    workflow = rows.workflow(instance=instance, name="w", sql_query=GOOD)
    check()
    check()
    (at_amc,) = emulator.executions()
    assert at_amc["request"]["dryRun"] is True
    assert at_amc["workflowId"] == dry_run_workflow_id(workflow["id"])
    assert answers(database) == {"w": ("ACCEPTED", None)}
    rows.update("workflows", workflow, counts_hidden_rows=True)
    check()
    assert len(emulator.executions()) == 2
    assert "filteredReasonColumn" in emulator.executions()[-1]["request"]["workflow"]


def test_a_refusal_is_a_finding_in_amcs_words_until_the_query_is_corrected(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    workflow = rows.workflow(instance=instance, name="w", sql_query=BAD)
    check()
    status, message = answers(database)["w"]
    assert status == "REFUSED"
    assert message is not None
    assert "campaing" in message
    assert "HTTP" not in message
    assert findings(database) == [f"AMC refuses the query: {message}"]
    check()
    rows.update("workflows", workflow, sql_query=GOOD)
    check()
    assert answers(database) == {"w": ("ACCEPTED", None)}
    assert findings(database) == []


def test_a_query_that_amc_rejects_after_accepting_it_is_refused(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=instance, name="w", sql_query=GOOD)
    emulator.fault("create_execution", "reject_execution", reason="Unsupported operation ||")
    check()
    assert answers(database) == {"w": ("REFUSED", "Unsupported operation ||")}


@pytest.mark.parametrize("fault", ["forbidden", "server_error", "reject_execution"])
def test_what_may_pass_is_no_finding_and_is_tried_again(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator, fault: str
) -> None:
    rows.workflow(instance=instance, name="w", sql_query=GOOD)
    emulator.fault("create_execution", fault, times=None)  # rejected: too many workflows
    now = datetime.now(UTC)
    check(now=now)
    assert answers(database)["w"][0] == "UNKNOWN"
    assert findings(database) == []
    emulator.clear_faults()
    check(now=now + timedelta(minutes=9))
    assert answers(database)["w"][0] == "UNKNOWN"
    check(now=now + timedelta(minutes=11))
    assert answers(database)["w"][0] == "ACCEPTED"


def test_findings_of_the_schema_check_and_of_dry_runs_leave_each_other_alone(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=instance, sql_query=BAD)
    now = datetime.now(UTC)
    check()
    sync_schema(**hooks(), now=now)
    check_queries(database=hooks()["database"], now=now)
    check_queries(database=hooks()["database"], now=now)
    check()
    kinds = database.query("SELECT kind FROM workflow_findings ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["REFUSED_BY_AMC", "UNKNOWN_COLUMN"]


def test_a_query_that_cannot_be_bound_is_not_sent(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=instance, name="w", sql_query=f"{GOOD} HAVING SUM(n) > {{{{least}}}}")
    check()
    status, message = answers(database)["w"]
    assert status == "INVALID"
    assert "least" in str(message)
    assert emulator.executions() == []
    assert findings(database) == []


def test_a_parameter_without_a_value_gets_a_sample(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(
        instance=instance,
        name="w",
        sql_query=f"{GOOD} HAVING SUM(impressions) > {{{{least}}}}",
        parameters={"least": {"type": "LONG"}},
    )
    check()
    assert answers(database) == {"w": ("ACCEPTED", None)}
    assert emulator.executions()[0]["request"]["parameterValues"] == {"least": "1"}


def test_a_person_who_locks_rows_keeps_no_other_away(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    """An analyst deletes workflows, of which one has an unused answer, in an open transaction."""
    unused = rows.workflow(name="locked")
    owner = rows.get("users", {"id": unused["user_id"]})
    other = rows.instance(owner)
    rows.insert(
        "workflow_dry_runs",
        workflow_id=unused["id"],
        instance_id=other["id"],
        definition_md5="0",
        status="ACCEPTED",
        checked_at=datetime.now(UTC),
    )
    rows.workflow(instance=instance, name="w", sql_query=GOOD)
    analyst = database.connect("recomamp_analyst", str(owner["id"]))
    with analyst.cursor() as cursor:
        cursor.execute("SELECT delete_own_row('workflows', %s)", [str(unused["id"])])
    begin = monotonic()
    check()
    assert monotonic() - begin < 30
    assert answers(database)["w"] == ("ACCEPTED", None)
    analyst.rollback()
    check()
    assert not database.query("SELECT FROM workflow_dry_runs WHERE instance_id = %s", [other["id"]])


def test_a_dry_run_counts_though_its_answer_cannot_be_recorded(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a person with an open transaction could have AMC asked without end."""
    monkeypatch.setattr(dry_runs, "LOCK_WAIT", timedelta(milliseconds=50))
    workflow = rows.workflow(instance=instance, name="w", sql_query=GOOD)
    analyst = database.connect("recomamp_analyst", str(workflow["user_id"]))
    with analyst.cursor() as cursor:
        cursor.execute("SELECT delete_own_row('workflows', %s)", [str(workflow["id"])])
    for _ in range(2):
        check()
    assert len(emulator.executions()) == 2
    assert rows.get("amc_instances", instance)["dry_runs"] == 2
    analyst.rollback()
    assert answers(database) == {}


def test_where_a_dry_run_cannot_be_counted_amc_is_not_asked(
    database: Database,
    rows: Rows,
    instance: Row,
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dry_runs, "LOCK_WAIT", timedelta(milliseconds=50))
    rows.workflow(instance=instance, name="w", sql_query=GOOD)
    analyst = database.connect("recomamp_analyst", str(instance["user_id"]))
    with analyst.cursor() as cursor:
        cursor.execute("UPDATE amc_instances SET name = 'x'")
        assert cursor.rowcount == 1
    check()
    assert emulator.executions() == []
    analyst.rollback()
    check()
    assert answers(database) == {"w": ("ACCEPTED", None)}


def test_an_instance_is_asked_no_more_often_than_an_hour_allows(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        rows.workflow(instance=instance, name=f"w{number}", sql_query=GOOD)
    begun = now - timedelta(minutes=59)
    rows.update("amc_instances", instance, dry_runs=MOST_PER_HOUR - 1, dry_runs_since=begun)
    check(now=now)
    check(now=now)
    assert len(emulator.executions()) == 1
    check(now=now + timedelta(minutes=2))
    assert len(emulator.executions()) == 3
    assert rows.get("amc_instances", instance)["dry_runs"] == 2


def test_a_query_that_does_not_reach_amc_does_not_count(
    rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=instance, sql_query=f"{GOOD} HAVING SUM(n) > {{{{least}}}}")
    check()
    assert emulator.executions() == []
    assert rows.get("amc_instances", instance)["dry_runs"] == 0


def test_amcs_id_of_a_dry_run_is_stored_while_amc_works_on_it(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.progression("per_second", pending_seconds=3600, running_seconds=1)
    workflow = rows.workflow(instance=instance, sql_query=GOOD)
    seen: list[Row] = []

    class WatchingHook(NoPauseHook):
        def client_at(self, *arguments: Any, **options: Any) -> Any:
            client = super().client_at(*arguments, **options)
            client.sleep = look
            return client

    async def look(_seconds: float) -> None:
        seen.extend(
            database.query("SELECT workflow_id, status, amc_execution_id FROM workflow_dry_runs")
        )
        emulator.progression("at_once")

    pipeline = PipelineDatabase()
    check(database=pipeline, amazon=WatchingHook(database=pipeline))
    (at_amc,) = emulator.executions()
    stored = {
        "workflow_id": workflow["id"],
        "status": "UNKNOWN",
        "amc_execution_id": at_amc["workflowExecutionId"],
    }
    assert seen[0] == stored
    assert database.query("SELECT status, amc_execution_id FROM workflow_dry_runs") == [
        {"status": "ACCEPTED", "amc_execution_id": at_amc["workflowExecutionId"]}
    ]


def test_a_sandbox_is_asked_with_made_up_data(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    emulator.settings(instance_type="SANDBOX")
    rows.update("amc_instances", instance, instance_type=None)
    rows.workflow(instance=instance, name="w", sql_query=GOOD)
    check()
    assert answers(database) == {"w": ("ACCEPTED", None)}


def test_an_instance_in_error_is_not_asked(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=instance, sql_query=GOOD)
    rows.update("amc_instances", instance, health_status="ERROR")
    check()
    assert emulator.calls("create_execution") == []
    assert answers(database) == {}


def test_one_user_with_many_workflows_and_a_broken_login_keeps_nobody_waiting(
    database: Database, rows: Rows, instance: Row, fernet_key: str, emulator: RunningEmulator
) -> None:
    europe = europe_instance(rows, fernet_key)
    for number in range(MOST_PER_USER + 2):
        rows.workflow(instance=instance, name=f"north {number}", sql_query=GOOD)
    rows.workflow(instance=europe, name="europe", sql_query=GOOD)
    emulator.revoke("ENTITYDEMONORTH")
    check()
    found = answers(database)
    assert found["europe"] == ("ACCEPTED", None)
    assert len(found) <= MOST_PER_USER + 1


def test_where_nobody_has_an_answer_the_run_fails(
    database: Database, rows: Rows, instance: Row, fernet_key: str, emulator: RunningEmulator
) -> None:
    rows.workflow(instance=instance, sql_query=GOOD)
    rows.workflow(instance=europe_instance(rows, fernet_key), sql_query=GOOD)
    emulator.fault("create_execution", "forbidden", times=None)
    with pytest.raises(PartialFailure, match="without a dry run"):
        check()


def test_a_workflow_that_moves_takes_its_answers_along(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    workflow = rows.workflow(instance=instance, sql_query=BAD)
    check()
    owner = rows.get("users", instance["user_id"])
    account = rows.get("amc_accounts", instance["account_id"])
    other = rows.instance(user=owner, account=account, is_active=False)
    rows.update("workflows", workflow, instance_id=other["id"])
    check()
    assert answers(database) == {}
    assert findings(database) == []


def test_dry_runs_can_be_turned_off(
    rows: Rows, instance: Row, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.workflow(instance=instance, sql_query=GOOD)
    monkeypatch.setenv("RECOMAMP_DRY_RUNS", "off")
    with pytest.raises(AirflowSkipException):
        DryRunWorkflows(task_id="dry_run").execute({})
    assert emulator.executions() == []


def test_a_refusal_is_shown_on_the_dag_and_announced(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance, sql_query=BAD))
    connection = database.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("LISTEN recomamp_definitions")
        check()
        cursor.execute("SELECT 1")
    connection.poll()
    payloads = [one.payload for one in connection.notifies]
    assert any(
        "workflow_findings" in one and str(schedule["workflow_id"]) in one for one in payloads
    )
    bag = DagBag(collect_dags=False, bundle_path=DAGS, bundle_name="dags")
    bag.process_file(str(DAGS / "amc_schedules.py"), only_if_updated=False)
    dag = bag.dags[f"amc_schedule_{schedule['id']}"]
    assert "finding" in dag.tags
    assert "AMC refuses the query" in str(dag.doc_md)


def test_the_dag_runs_each_hour(connections: None) -> None:
    bag = DagBag(collect_dags=False, bundle_path=DAGS, bundle_name="dags")
    bag.process_file(str(DAGS / "recomamp_dry_runs.py"), only_if_updated=False)
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.max_active_runs == 1
    assert [task.task_id for task in dag.tasks] == ["dry_run"]
