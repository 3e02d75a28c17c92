"""Settings that bound what comes from outside."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from recomamp.domain.limits import Limits
from recomamp.errors import ConfigurationError
from recomamp.pipeline import settings

NAMES = [f"RECOMAMP_{field.upper()}" for field in asdict(Limits())]


def test_without_settings_the_limits_are_the_defaults() -> None:
    assert settings.limits() == Limits()


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_has_a_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, " 77 ")
    assert asdict(settings.limits())[name.removeprefix("RECOMAMP_").lower()] == 77


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "1" * 5000, "٣", "1e3"])
def test_a_limit_that_is_no_number_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for name in NAMES:
        with monkeypatch.context() as patch:
            patch.setenv(name, text)
            with pytest.raises(ConfigurationError, match=name):
                settings.limits()


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("_SECONDS")])
def test_a_limit_of_time_is_thirty_days_at_most(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    field = name.removeprefix("RECOMAMP_").lower()
    monkeypatch.setenv(name, str(30 * 24 * 60 * 60))
    assert asdict(settings.limits())[field] == 30 * 24 * 60 * 60
    monkeypatch.setenv(name, str(30 * 24 * 60 * 60 + 1))
    with pytest.raises(ConfigurationError, match=f"{name}.* from 1 to 2592000"):
        settings.limits()


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 10), ("0.5", 0.5), ("15", 15), ("15.1", 10), ("25", 10)]
)
def test_a_parse_leaves_half_of_airflows_time_to_the_last_check_and_the_dags(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("RECOMAMP_PARSE_SECONDS", text)
    assert settings.parse_seconds() == seconds


def test_a_try_of_load_may_take_an_hour_more_than_the_download(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOMAMP_RESULT_LIMIT_SECONDS", "60")
    assert settings.load_timeout() == timedelta(hours=1, minutes=1)


@pytest.mark.parametrize("text", ["soon", "1000000000000000", "2592001"])
def test_a_wrong_limit_hides_no_dag(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RECOMAMP_RESULT_LIMIT_SECONDS", text)
    assert settings.load_timeout() == timedelta(hours=7)
