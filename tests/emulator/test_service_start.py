"""The program: how it starts, says so, stops and fails."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from amc_emulator.faults import OPERATIONS, FaultKind
from amc_emulator.settings import ProgressionMode, Settings
from amc_emulator.start_checks import CONNECTION_SETTING as SETTING
from amc_emulator.start_checks import start_error
from fixtures.amazon_connections import EMULATOR, LOOPBACK, REAL
from fixtures.emulator_client import EmulatorClient

INCLUDE = Path(__file__).parents[2] / "include"
EVERYWHERE = "0.0.0.0"  # noqa: S104  what is refused


def arguments(*flags: str) -> list[str]:
    return [sys.executable, "-m", "amc_emulator", *flags]


def environment(**settings: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(INCLUDE), **settings}


@contextmanager
def running(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        arguments(*flags),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_it_says_in_one_line_where_it_listens_and_stops_when_told() -> None:
    with running("--port", "0") as (process, line):
        found = re.fullmatch(r"AMC emulator listening on (http://127\.0\.0\.1:\d+)", line)
        assert found
        health = httpx.get(f"{found[1]}/_emulator/health")
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=10)

    assert health.json() == {"status": "ok"}
    assert (rest, errors) == ("", "")


def test_a_taken_port_is_one_clear_line_and_exit_2() -> None:
    with running("--port", "0") as (_, line):
        port = line.rsplit(":", 1)[1]
        second = subprocess.run(
            arguments("--port", port),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    assert second.returncode == 2
    assert second.stdout == ""
    assert second.stderr == (
        f"amc_emulator: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    )


def test_other_tenants_come_from_a_file(tmp_path: Path) -> None:
    shipped = (INCLUDE / "amc_emulator" / "tenants.toml").read_text(encoding="utf-8")
    mine = tmp_path / "tenants.toml"
    mine.write_text(shipped.replace("demo-client-secret", "another"), encoding="utf-8")

    with running("--port", "0", "--tenants", str(mine)) as (_, line):
        rejection = httpx.post(
            line.removeprefix("AMC emulator listening on ") + "/auth/o2/token",
            data={
                "grant_type": "refresh_token",
                "refresh_token": "Atzr|demo-north",
                "client_id": "amzn1.application-oa2-client.demo",
                "client_secret": "demo-client-secret",
            },
        )

    assert rejection.json()["error"] == "invalid_client"


def test_a_sandbox_rejects_what_does_not_ask_for_synthetic_data(tmp_path: Path) -> None:
    shipped = (INCLUDE / "amc_emulator" / "tenants.toml").read_text(encoding="utf-8")
    mine = tmp_path / "tenants.toml"
    sandbox = shipped.replace('"Demo North"\ndatasets', '"Sand"\ntype = "SANDBOX"\ndatasets')
    mine.write_text(sandbox, encoding="utf-8")

    with running("--port", "0", "--tenants", str(mine)) as (_, line), httpx.Client() as http:
        north = EmulatorClient(
            url=line.removeprefix("AMC emulator listening on "),
            http=http,
            refresh_token="Atzr|demo-north",
            entity="ENTITYDEMONORTH",
            marketplace="ATVPDKIKX0DER",
            instance="amcdemonorth",
        )
        real = north.get(north.create_execution())
        synthetic = north.get(north.create_execution(requireSyntheticData=True))

    assert real["status"] == "REJECTED"
    assert "requireSyntheticData" in real["statusReason"]
    assert synthetic["status"] == "SUCCEEDED"
    assert synthetic["requireSyntheticData"] is True


@pytest.mark.parametrize("text", [None, "clients = 3", "[[clients"])
def test_an_unreadable_tenants_file_is_named_in_one_line(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "tenants.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    failed = subprocess.run(
        arguments("--port", "0", "--tenants", str(path)),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
    assert str(path) in failed.stderr


def start(*flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments("--port", "0", *flags),
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "emulator"])
def test_an_address_that_others_reach_needs_a_flag(host: str) -> None:
    assert "--allow-remote" in start_error(host, allow_remote=False, environ={})
    assert start_error(host, allow_remote=True, environ={}) == ""


def test_without_the_flag_it_is_one_line_and_exit_2() -> None:
    rejection = start("--host", EVERYWHERE)

    assert (rejection.returncode, rejection.stdout) == (2, "")
    assert rejection.stderr.count("\n") == 1


def test_with_the_flag_it_listens_for_others() -> None:
    with running("--host", EVERYWHERE, "--port", "0", "--allow-remote") as (_, line):
        assert line.startswith("AMC emulator listening on http://0.0.0.0:")


@pytest.mark.parametrize("connection", REAL)
def test_it_does_not_start_next_to_the_real_amazon(connection: str) -> None:
    said = start_error("127.0.0.1", allow_remote=True, environ={SETTING: connection})

    assert said.startswith(SETTING)
    assert "s3cret" not in said


def test_next_to_the_real_amazon_it_is_one_line_and_exit_2() -> None:
    rejection = start(AIRFLOW_CONN_AMAZON_ADS=REAL[0])

    assert (rejection.returncode, rejection.stdout) == (2, "")
    assert rejection.stderr.count("\n") == 1


@pytest.mark.parametrize("connection", ["", *EMULATOR, *LOOPBACK])
def test_a_connection_to_an_emulator_does_not_keep_it_from_starting(connection: str) -> None:
    assert start_error("127.0.0.1", allow_remote=False, environ={SETTING: connection}) == ""


def test_the_readme_names_every_lever() -> None:
    readme = (INCLUDE / "amc_emulator" / "README.md").read_text(encoding="utf-8")
    words = [*OPERATIONS, *FaultKind, *ProgressionMode, *Settings.model_fields]

    assert [word for word in words if f"`{word}`" not in readme] == []
