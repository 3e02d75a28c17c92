"""A component that starts warns of settings with which the pipeline does not work as described."""

from __future__ import annotations

import logging

import pytest
from airflow.jobs.job import Job
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
from airflow.sdk.listener import get_listener_manager

from recomamp.domain.airflow_settings import stack_environment

LOOKED_AT = "AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE"


WRONG = [
    ("RECOMAMP_POLL_SECONDS", "abc"),
    ("RECOMAMP_ANSWER_LIMIT_BYTES", "many"),
    ("RECOMAMP_FERNET_KEY", "abc"),
    ("RECOMAMP_RESULT_FILES_KEPT_DAYS", "-1"),
    ("AIRFLOW_CONN_AMAZON_ADS", None),
    ("AIRFLOW_CONN_RECOMAMP_DB", None),
]


@pytest.fixture(autouse=True)
def our_settings(monkeypatch: pytest.MonkeyPatch, fernet_key: str) -> None:
    for name, value in stack_environment().items():
        monkeypatch.setenv(name, value)
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
