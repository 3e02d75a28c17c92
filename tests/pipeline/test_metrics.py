"""What Airflow's StatsD client sends of the pipeline's metrics, over a real socket."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.observability import stats

from fixtures.amazon import Pauses
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Rows
from fixtures.run_steps import Run
from fixtures.statsd import StatsdServer
from recomamp.domain import metrics as names
from recomamp.domain.execution_states import ExecutionStatus
from recomamp.domain.metrics import METRICS, PREFIX, Gauge
from recomamp.errors import ConfigurationError
from recomamp.pipeline import metrics, settings
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.pipeline.notifications.late_windows import record_late_windows
from recomamp.pipeline.queue_gauges import send_queue_gauges

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AmcHook, "sleep", Pauses())


def test_a_run_that_succeeds_is_counted_and_timed_step_by_step(
    run: Run, emulator: RunningEmulator, statsd: StatsdServer
) -> None:
    emulator.progression("at_once")

    run.step(SubmitExecution)
    submitted = statsd.values()
    run.step(WaitForExecution)
    waited = statsd.values()
    run.step(LoadResults)
    loaded = statsd.values()
    run.step(RecordRun)
    recorded = statsd.values()

    (row,) = run.executions
    assert submitted["executions.submitted"] == [1]
    assert len(submitted["slot_wait"]) == len(submitted["submit_latency"]) == 1
    assert submitted["amazon.calls{operation=create_execution,status=2xx}"] == [1]
    assert submitted["amazon.calls{operation=token,status=2xx}"] == [1]
    assert len(submitted["amazon.call_duration{operation=create_execution}"]) == 1
    assert len(waited["amc_duration{status=SUCCEEDED}"]) == 1
    assert loaded["load.rows"] == [row["result_rows"]]
    assert loaded["load.bytes"] == [row["result_size_bytes"]]
    assert len(loaded["load.duration"]) == 1
    assert loaded["executions.ended{status=SUCCESS}"] == [1]
    assert "amazon.calls{operation=download,status=2xx}" in loaded
    assert recorded == {"runs.ended{status=SUCCESS}": [1]}


def test_results_that_are_loaded_again_end_no_second_execution(
    run: Run, emulator: RunningEmulator, statsd: StatsdServer
) -> None:
    emulator.progression("at_once")
    for step in (SubmitExecution, WaitForExecution, LoadResults):
        run.step(step)
    statsd.received()
    run.clear_task(LoadResults)

    run.step(LoadResults)

    sent = statsd.values()
    assert "load.rows" in sent
    assert "executions.ended{status=SUCCESS}" not in sent


def test_an_execution_that_amc_rejects_ends_as_failed(
    run: Run, emulator: RunningEmulator, statsd: StatsdServer
) -> None:
    emulator.progression("per_poll", polls=1000)
    run.step(SubmitExecution)
    (row,) = run.executions
    emulator.end(row["amc_execution_id"], "REJECTED", "because")

    with pytest.raises(AirflowFailException):
        run.step(WaitForExecution)
    run.step(RecordRun)

    sent = statsd.values()
    assert sent["executions.ended{status=FAILED}"] == [1]
    assert sent["runs.ended{status=FAILED}"] == [1]


def test_each_call_that_amazon_throttles_is_counted(
    run: Run, emulator: RunningEmulator, statsd: StatsdServer
) -> None:
    emulator.progression("at_once")
    run.step(SubmitExecution)
    emulator.fault("get_execution", "throttle", times=2, retry_after=1)
    statsd.received()

    run.step(WaitForExecution)

    sent = statsd.values()
    assert sent["amazon.throttled"] == [1, 1]
    assert sent["amazon.calls{operation=get_execution,status=429}"] == [1, 1]
    assert sent["amazon.calls{operation=get_execution,status=2xx}"] == [1]
    assert len(sent["amazon.call_duration{operation=get_execution}"]) == 3


def test_a_call_without_an_answer_has_the_status_none(
    run: Run, emulator: RunningEmulator, statsd: StatsdServer
) -> None:
    emulator.fault("create_execution", "reset_after")

    run.step(SubmitExecution)

    sent = statsd.values()
    assert sent["amazon.calls{operation=create_execution,status=none}"] == [1]
    assert sent["executions.submitted"] == [1]


def test_a_late_window_is_counted_once(
    rows: Rows, pipeline_connection: None, statsd: StatsdServer
) -> None:
    schedule = rows.schedule(cron_expression="0 * * * *", late_after="2 hours")
    tick = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    rows.update("workflow_schedules", schedule, late_tick_at=tick)

    record_late_windows(DatabaseHook())
    record_late_windows(DatabaseHook())

    assert statsd.values() == {"windows.late{kind=schedule}": [1]}


# --- The queue -----------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def queue(rows: Rows, pipeline_connection: None) -> dict[str, Any]:
    """Insert an AMC instance of two users with five open executions, and another without any."""
    first = rows.instance(instance_id="amcshared")
    second = rows.instance(instance_id="amcshared")
    rows.instance(instance_id="amcidle")
    for instance, open_rows in (
        (first, [{"status": "RUNNING"}, {"status": "PENDING", "slot_granted_at": NOW}]),
        (second, [{"status": "PENDING"}, {"status": "PENDING"}, {"status": "RUNNING"}]),
    ):
        workflow = rows.workflow(instance=instance)
        for columns in open_rows:
            rows.execution(
                workflow=workflow,
                instance_id=instance["id"],
                dag_run_id=f"run {uuid4()}",
                created_at=NOW - timedelta(minutes=5),
                **columns,
            )
    # Of the application: it has no DAG, and waits for no slot of ours
    rows.execution(
        workflow=rows.workflow(instance=first), instance_id=first["id"], status="PENDING"
    )
    return {"first": first["user_id"], "second": second["user_id"]}


def test_the_gauges_of_the_queue_are_totals_without_tags(
    queue: dict[str, Any], statsd: StatsdServer
) -> None:
    send_queue_gauges(DatabaseHook(), now=NOW)

    sent = statsd.values()
    assert {name: values for name, values in sent.items() if name.startswith("queue.")} == {
        "queue.waiting": [2],
        "queue.submitting": [1],
        "queue.running": [2],
        "queue.longest_wait_seconds": [300],
    }


def test_a_setting_adds_gauges_by_instance_and_user(
    queue: dict[str, Any], statsd: StatsdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOMAMP_METRICS_TAGS", "amc_instance")
    send_queue_gauges(DatabaseHook(), now=NOW)
    by_instance = statsd.values()
    monkeypatch.setenv("RECOMAMP_METRICS_TAGS", "user, amc_instance")
    send_queue_gauges(DatabaseHook(), now=NOW)
    by_both = statsd.values()

    assert by_instance["instance_queue.waiting{amc_instance=amcshared}"] == [2]
    assert by_instance["instance_queue.running{amc_instance=amcshared}"] == [3]
    assert by_instance["instance_queue.waiting{amc_instance=amcidle}"] == [0]
    first, second = queue["first"], queue["second"]
    assert by_both[f"instance_queue.waiting{{amc_instance=amcshared,user={first}}}"] == [0]
    assert by_both[f"instance_queue.waiting{{amc_instance=amcshared,user={second}}}"] == [2]
    assert by_both[f"instance_queue.running{{amc_instance=amcshared,user={first}}}"] == [2]


def test_counters_exist_before_their_first_event(
    pipeline_connection: None, statsd: StatsdServer
) -> None:
    send_queue_gauges(DatabaseHook(), now=NOW)

    zeros = {name for name, values in statsd.values().items() if values == [0]}
    assert {"load.rows", "windows.late{kind=collection}", "polls{outcome=failed}"} <= zeros
    for status in ExecutionStatus:
        assert (f"executions.ended{{status={status}}}" in zeros) is not status.is_open


@pytest.mark.parametrize("text", ["run", "amc_instance,workflow", "amc_instance user"])
def test_other_tags_are_refused_with_the_name_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RECOMAMP_METRICS_TAGS", text)
    with pytest.raises(ConfigurationError, match="RECOMAMP_METRICS_TAGS"):
        settings.metrics_tags()


def test_where_no_metrics_are_sent_the_queue_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/none")

    send_queue_gauges(DatabaseHook(), now=NOW)


# --- What cannot be sent ---------------------------------------------------------------------


def test_a_row_cannot_smuggle_in_a_metric(statsd: StatsdServer) -> None:
    forged = "amc:1|c\nairflow.recomamp.executions.ended,status=SUCCESS:9|c" + "x" * 1000

    metrics.set_gauge(names.INSTANCE_WAITING, 3, amc_instance=forged)

    (sent,) = statsd.received()
    assert sent.value == 3
    assert len(sent.tags["amc_instance"]) == metrics.MAX_TAG_CHARS


def test_a_backend_that_fails_fails_no_step(
    run: Run, emulator: RunningEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("token-in-the-text")

    stats.initialize(factory=Broken, export_legacy_names=False)  # type: ignore[arg-type]
    try:
        emulator.progression("at_once")
        assert run.run_all()
    finally:
        metrics.initialize()
    assert "The metric recomamp.executions.submitted is not sent: RuntimeError" in caplog.text
    assert "token-in-the-text" not in caplog.text


def test_a_wrong_setting_of_metrics_stops_no_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__LEGACY_NAMES_ON", "perhaps")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "perhaps")

    metrics.initialize()

    assert not metrics.is_on()
    assert "no metric is sent; correct Airflow's settings of metrics" in caplog.text


def test_a_metric_with_other_tags_than_its_own_is_not_sent(
    statsd: StatsdServer, caplog: pytest.LogCaptureFixture
) -> None:
    metrics.count(names.ENDED)
    metrics.count(names.SUBMITTED, run="1")
    metrics.set_gauge(names.WAITING, 1, user="1")

    assert statsd.received() == []
    assert caplog.text.count("is not sent: ValueError") == 3


def test_clocks_that_differ_give_no_negative_duration(statsd: StatsdServer) -> None:
    metrics.observe(names.SLOT_WAIT, timedelta(seconds=-3))
    metrics.observe(names.SLOT_WAIT, timedelta(seconds=1.5))

    assert statsd.values() == {"slot_wait": [0, 1500]}


# --- The list ------------------------------------------------------------------------------------


def test_the_code_sends_every_metric_of_the_list() -> None:
    sources = (ROOT / "plugins" / "recomamp" / "pipeline").rglob("*.py")
    used = {
        name
        for path in sources
        for name in re.findall(r"\bmetrics\.([A-Z_]+)\b", path.read_text(encoding="utf-8"))
    }
    assert {getattr(names, name) for name in used - {"METRICS"}} == set(METRICS)


def test_names_and_tags_are_such_that_no_server_loses_a_value() -> None:
    assert len({one.name for one in METRICS}) == len(METRICS)
    assert len({one.prometheus_name for one in METRICS}) == len(METRICS)
    for one in METRICS:
        assert re.fullmatch(rf"{PREFIX}(\.[a-z_]+)+", one.name), one
        assert not {"execution", "run", "dag", "workflow", "query"} & set(one.tags), one
        assert not (isinstance(one, Gauge) and one.tags), "plain StatsD would keep one value"
