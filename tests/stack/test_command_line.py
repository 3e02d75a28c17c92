"""The commands say in one line why they refuse, and start nothing then."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import Settings, Stack
from stack.postgres import Postgres

ROOT = Path(__file__).resolve().parents[2]
FREE = {
    "AIRFLOW__API__PORT": "0",
    "RECOMAMP_POSTGRES_PORT": "0",
    "RECOMAMP_EMULATOR_PORT": "0",
}


def run_stack(command: str, data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return subprocess.run(
        [sys.executable, "-m", "stack", command, "--data", str(data)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=own | {"PYTHONPATH": "include:plugins"} | environ,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("setting", sorted(FREE))
def test_a_taken_port_is_said_in_one_line_before_anything_starts(
    tmp_path: Path, taken_port: int, setting: str
) -> None:
    ended = run_stack("up", tmp_path, **(FREE | {setting: str(taken_port)}))

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert str(taken_port) in ended.stderr
    assert setting in ended.stderr
    assert not (tmp_path / "postgres").exists()


def test_celery_needs_a_free_port_and_a_redis_server(tmp_path: Path, taken_port: int) -> None:
    celery = FREE | {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}

    taken = run_stack("up", tmp_path, **celery, RECOMAMP_REDIS_PORT=str(taken_port))
    missing = run_stack("up", tmp_path, **celery, PATH=str(tmp_path))

    assert (taken.returncode, missing.returncode) == (2, 2)
    assert "RECOMAMP_REDIS_PORT" in taken.stderr
    assert "make redis" in missing.stderr
    assert not (tmp_path / "postgres").exists()


def test_an_executor_that_the_stack_does_not_know_is_refused(tmp_path: Path) -> None:
    command = ["make", "up", f"DATA={tmp_path}", "EXECUTOR=seqential"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)

    assert ended.returncode == 2
    assert "choose from" in ended.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_missing_key_is_said_in_one_line_before_anything_starts(tmp_path: Path) -> None:
    database = "postgresql://pipeline:sesame@db.example.com/recomamp"

    ended = run_stack("up", tmp_path, **FREE, AIRFLOW_CONN_RECOMAMP_DB=database)

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "RECOMAMP_FERNET_KEY" in ended.stderr
    assert "sesame" not in ended.stderr
    assert not (tmp_path / "postgres").exists()


def test_a_taken_port_does_not_cost_the_demo_its_line(tmp_path: Path, taken_port: int) -> None:
    ended = run_stack("demo", tmp_path, **(FREE | {"AIRFLOW__API__PORT": str(taken_port)}))

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert str(taken_port) in ended.stderr


def test_down_without_anything_running_says_so(tmp_path: Path) -> None:
    ended = run_stack("down", tmp_path, **FREE)

    assert (ended.returncode, ended.stdout) == (0, "Nothing was running.\n")


def test_status_of_a_stack_that_is_down_fails(tmp_path: Path) -> None:
    assert run_stack("status", tmp_path, **FREE).returncode == 1


def test_migrate_brings_up_the_database_alone_and_leaves_nothing_running(tmp_path: Path) -> None:
    ended = run_stack("migrate", tmp_path, **FREE)

    assert ended.returncode == 0, ended.stderr
    stack = Stack(Settings.load(data=tmp_path, environ={}, free_ports=True))
    assert not stack.is_running
    assert server_pid(tmp_path) is None


def test_two_commands_do_not_work_on_one_stack_at_a_time(tmp_path: Path) -> None:
    settings = Settings.load(data=tmp_path, environ={}, free_ports=True)
    with Stack(settings).exclusive_access():
        ended = run_stack("down", tmp_path, **FREE)

    assert ended.returncode == 2
    assert "another command" in ended.stderr


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = (line for line in makefile.splitlines() if line.startswith(".PHONY:"))

    # Called by another make, it would also say which directories it enters
    command = ["make", "--no-print-directory", "help"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)

    listed = {line.split()[1] for line in told.stdout.splitlines()}
    assert listed == set(phony.split()[1:])


def server_pid(data: Path) -> int | None:
    postgres = Postgres(
        directory=data / "postgres", port=0, password="", log_file=data / "logs" / "postgres.log"
    )
    return postgres.pid
