"""The smoke run finds no difference at the emulator, and reports an answer that is changed."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import httpx
import pytest

from fixtures.emulator import RunningEmulator
from live import __main__ as command
from live.differences import differences
from live.emulated import emulated_settings, run_emulated
from live.exchanges import shape_of
from live.settings import MissingSettingsError, read_settings
from live.steps import SmokeRun, run_steps

NOW = datetime(2026, 5, 10, tzinfo=UTC)
ENVIRONMENT = {
    "RECOMAMP_LIVE_CLIENT_ID": "amzn1.application-oa2-client.demo",
    "RECOMAMP_LIVE_CLIENT_SECRET": "demo-client-secret",
    "RECOMAMP_LIVE_REFRESH_TOKEN": "Atzr|demo-north",
    "RECOMAMP_LIVE_INSTANCE_ID": "amcdemonorth",
    "RECOMAMP_LIVE_ENTITY_ID": "ENTITYDEMONORTH",
}
SECRETS = ("demo-client-secret", "Atzr|", "Atza|", "X-Amz-", "Signature")


async def no_pause(seconds: float) -> None:
    await asyncio.sleep(0)


def run_real(emulator: RunningEmulator, *, may_cost: bool = True) -> SmokeRun:
    async def run() -> SmokeRun:
        transport = httpx.AsyncHTTPTransport()
        settings = emulated_settings(emulator.url)
        return await run_steps(settings, transport, may_cost=may_cost, now=NOW, sleep=no_pause)

    emulator.progression("per_poll", polls=1)
    return asyncio.run(run())


def compare(real: SmokeRun, *, may_cost: bool = True) -> list[str]:
    run = run_emulated(instance_type=real.instance_type, may_cost=may_cost, now=NOW)
    return differences(real, asyncio.run(run))


@pytest.mark.parametrize("kind", ["STANDARD", "SANDBOX"])
def test_against_the_emulator_there_is_no_difference(emulator: RunningEmulator, kind: str) -> None:
    emulator.settings(instance_type=kind)
    real = run_real(emulator)
    assert real.failed == []
    assert list(real.outcomes) == [
        "instance", "data sources", "dry run", "bad query", "execution", "list by name",
        "download", "cancel",
    ]  # fmt: skip
    assert real.outcomes["dry run"] == "SUCCEEDED"
    assert real.outcomes["cancel"] == "CANCELLED"
    assert compare(real) == []


def test_without_leave_no_query_runs(emulator: RunningEmulator) -> None:
    real = run_real(emulator, may_cost=False)
    assert {one["request"].get("dryRun") for one in emulator.executions()} == {True}
    assert compare(real, may_cost=False) == []


def test_a_changed_answer_is_reported(emulator: RunningEmulator) -> None:
    emulator.settings(links_as_objects=True, keep_workflow_id=False)
    found = compare(run_real(emulator))
    assert any("downloadUrls" in line and "download: GET" in line for line in found)
    assert any("name not kept" in line for line in found)


def test_another_error_text_is_reported(emulator: RunningEmulator) -> None:
    emulator.settings(undeclared_parameter="reject")
    emulator.fault("create_execution", "forbidden", times=None)
    real = run_real(emulator)
    assert any("bad query" in line and "HTTP 403" in line for line in compare(real))
    assert any(line.startswith("dry run: ") for line in real.failed)


def test_the_command_prints_a_report_without_secrets(
    emulator: RunningEmulator,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    environment = {
        **ENVIRONMENT,
        "RECOMAMP_LIVE_API_URL": emulator.url,
        "RECOMAMP_LIVE_TOKEN_URL": f"{emulator.url}/auth/o2/token",
    }
    emulator.progression("at_once")
    with caplog.at_level(logging.INFO):
        code = command.main([], environment)
    said = capsys.readouterr()
    assert code == 0, said.out
    assert "Differences to the emulator: none" in said.out
    assert "No query was run" in said.out
    assert not [one for one in SECRETS if one in said.out + said.err + caplog.text]


def test_settings_that_are_missing_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MissingSettingsError, match="RECOMAMP_LIVE_ENTITY_ID"):
        read_settings({**ENVIRONMENT, "RECOMAMP_LIVE_ENTITY_ID": ""})
    assert command.main([], {}) == 2
    assert "RECOMAMP_LIVE_CLIENT_ID" in capsys.readouterr().err


def test_no_text_of_the_settings_shows_a_secret() -> None:
    assert not [one for one in SECRETS if one in repr(read_settings(ENVIRONMENT))]


def test_a_shape_has_types_and_no_values() -> None:
    said = {"a": [{"b": "secret"}, {"b": None}], "t": "2026-01-01T00:00:00Z", "n": 1.5, "l": []}
    assert shape_of(said) == {"a[].b": "null|text", "l": "list", "n": "number", "t": "timeZ"}
