"""A component that starts warns of settings with which the pipeline does not work as described."""

from __future__ import annotations

import logging

import pytest
from airflow.jobs.job import Job
from airflow.sdk.execution_time.task_runner import TaskRunnerMarker
from airflow.sdk.listener import get_listener_manager

from recomamp.domain.airflow_settings import stack_environment

LOOKED_AT = "AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE"


@pytest.fixture(autouse=True)
def our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack_environment().items():
        monkeypatch.setenv(name, value)


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
