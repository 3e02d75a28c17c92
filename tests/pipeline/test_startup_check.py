"""A component that starts warns of settings with which the pipeline does not work as described."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from airflow.jobs.job import Job
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
from airflow.sdk.listener import get_listener_manager
from airflow.sdk.observability import stats

from fixtures.statsd import StatsdServer
from recomamp.domain.airflow_settings import stack_environment
from recomamp.domain.metrics import POLLS
from recomamp.pipeline import metrics

LOOKED_AT = "AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE"


WRONG = [
    ("RECOMAMP_POLL_SECONDS", "abc"),
    ("RECOMAMP_ANSWER_LIMIT_BYTES", "many"),
    ("RECOMAMP_FERNET_KEY", "abc"),
    ("RECOMAMP_RESULT_FILES_RETENTION_DAYS", "-1"),
    ("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", "[]"),
    ("AIRFLOW_CONN_AMAZON_ADS", None),
    ("AIRFLOW_CONN_RECOMAMP_DB", None),
]


@pytest.fixture(autouse=True)
def our_settings(monkeypatch: pytest.MonkeyPatch, fernet_key: str) -> None:
    for name, value in stack_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", "2")
    monkeypatch.setenv("RECOMAMP_FERNET_KEY", fernet_key)
    monkeypatch.setenv("AIRFLOW_CONN_AMAZON_ADS", "http://id:secret@127.0.0.1:1")
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/none")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_component_with_our_settings_starts_silently(caplog: pytest.LogCaptureFixture) -> None:
    Job()

    assert warnings(caplog) == []


def test_a_component_with_airflows_default_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(LOOKED_AT)
    Job()

    (warning,) = warnings(caplog)
    assert f"is 20; set {LOOKED_AT} to 500 (at least)" in warning


def test_a_task_warns_of_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(LOOKED_AT)
    get_listener_manager().hook.on_starting(component=TaskRunnerMarker())

    assert warnings(caplog) == []


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_component_names_a_wrong_setting_of_the_pipeline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    Job()

    (warning,) = warnings(caplog)
    assert warning.startswith("Wrong setting in this component: ")
    assert name in warning


COMPOSE = Path(__file__).parents[2] / "docker-compose.yaml"
SECRETS = ("AIRFLOW_CONN_AMAZON_ADS", "AIRFLOW_CONN_RECOMAMP_DB", "RECOMAMP_FERNET_KEY")


@pytest.mark.parametrize("component", ["scheduler", "dag-processor", "triggerer"])
def test_a_component_of_compose_does_not_miss_a_secret_that_it_does_not_need(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, component: str
) -> None:
    service = yaml.safe_load(COMPOSE.read_text())["services"][component]
    monkeypatch.setattr("sys.argv", service["command"])
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    for name in set(SECRETS) - set(service["secrets"]):
        monkeypatch.delenv(name)
    Job()

    assert warnings(caplog) == []


@pytest.mark.parametrize(
    ("component", "executor", "missed"),
    [
        ("scheduler", "CeleryExecutor", set()),
        ("scheduler", "LocalExecutor", set(SECRETS)),
        ("scheduler", "KubernetesExecutor,LocalExecutor", set(SECRETS)),
        ("dag-processor", "CeleryExecutor", {"AIRFLOW_CONN_RECOMAMP_DB"}),
        ("triggerer", "CeleryExecutor", set(SECRETS)),
    ],
)
def test_a_component_without_a_secret_that_it_needs_names_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    component: str,
    executor: str,
    missed: set[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["airflow", component])
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    for name in SECRETS:
        monkeypatch.delenv(name)
    Job()

    said = warnings(caplog)
    assert {name for name in SECRETS if any(name in one for one in said)} == missed
    assert len(said) == len(missed)


def test_a_component_that_starts_lets_its_triggers_send_metrics(statsd: StatsdServer) -> None:
    def refuse() -> NoReturn:
        raise ImportError("as where Airflow has not initialized this module")

    stats.initialize(factory=refuse, export_legacy_names=False)
    metrics.count(POLLS, outcome="ok")
    assert statsd.values() == {}

    get_listener_manager().hook.on_starting(component=Job())
    metrics.count(POLLS, outcome="ok")

    assert statsd.values() == {"polls{outcome=ok}": [1]}
