"""What a component says of its settings when it starts."""

from __future__ import annotations

import logging

import pytest
from airflow.jobs.job import Job
from airflow.listeners.listener import get_listener_manager

import recomamp_plugin
from recomamp.pipeline import startup

WRONG = [
    ("RECOMAMP_POLL_SECONDS", "abc"),
    ("RECOMAMP_ANSWER_LIMIT_BYTES", "many"),
    ("RECOMAMP_FERNET_KEY", "abc"),
    ("RECOMAMP_RESULT_FILES_KEPT_DAYS", "-1"),
    ("AIRFLOW_CONN_AMAZON_ADS", None),
    ("AIRFLOW_CONN_RECOMAMP_DB", None),
]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, fernet_key: str) -> None:
    """Give a component all that it needs."""
    monkeypatch.setenv("RECOMAMP_FERNET_KEY", fernet_key)
    monkeypatch.setenv("AIRFLOW_CONN_AMAZON_ADS", "http://id:secret@127.0.0.1:1")
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/none")


def test_nothing_is_wrong_with_what_the_stack_sets() -> None:
    assert list(startup.problems()) == []


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_component_names_a_wrong_setting_when_it_starts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    listeners = get_listener_manager()
    for listener in recomamp_plugin.RecomampPlugin.listeners:
        listeners.add_listener(listener)
    with caplog.at_level(logging.ERROR):
        Job()  # as scheduler, triggerer and DAG processor begin
    assert [one for one in caplog.messages if name in one]


def test_a_task_checks_nothing_before_its_own_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class TaskRunnerMarker:
        """As Airflow calls it."""

    monkeypatch.setenv("RECOMAMP_POLL_SECONDS", "abc")
    startup.on_starting(TaskRunnerMarker())
    assert caplog.messages == []
