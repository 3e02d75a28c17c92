"""The embedded Redis opens to its password alone, and says who among the workers answers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from kombu.connection import Connection

from stack import RefusedError, Settings, broker
from stack.environment import redis_environment
from stack.processes import end_processes
from stack.supervisor import read_procfile

CELERY = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
ODD_PASSWORD = 'p"a\\s\ns é'


def load(data: Path, **environ: str) -> Settings:
    return Settings.load(data=data, environ=CELERY | environ, free_ports=True)


@contextmanager
def running_redis(settings: Settings) -> Iterator[psutil.Process]:
    """Run Redis as the stack does, and wait until it writes that it accepts connections."""
    broker.prepare(settings)
    server = subprocess.Popen(  # noqa: S602  a shell reads the variables, as in the stack
        f"exec {read_procfile()['redis']}",
        shell=True,
        env=redis_environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    with server, server.stdout as lines:
        process = psutil.Process(server.pid)
        try:
            assert any("Ready to accept" in line for line in lines), "Redis has ended"
            yield process
        finally:
            end_processes([process])


@contextmanager
def client_of(broker_url: str) -> Iterator[Any]:
    """Open a client of Redis, as Celery does."""
    with Connection(broker_url) as connection:
        yield connection.channel().client


def test_redis_opens_to_its_password_on_this_machine_alone(tmp_path: Path) -> None:
    settings = load(tmp_path / 'da "ta', RECOMAMP_REDIS_PASSWORD=ODD_PASSWORD)

    with running_redis(settings) as server:
        with client_of(settings.broker_url) as client:
            assert client.ping()
        for sign_in in ("", ":wrong@"):
            url = f"redis://{sign_in}127.0.0.1:{settings.ports.redis}/0"
            with pytest.raises(Exception, match=r"Authentication required|invalid"), client_of(url):
                pass
        listening = {one.laddr for one in server.net_connections() if one.status == "LISTEN"}
        assert listening == {("127.0.0.1", settings.ports.redis)}
        assert ODD_PASSWORD not in " ".join(server.cmdline())


def test_messages_and_the_password_are_readable_to_their_owner_alone(tmp_path: Path) -> None:
    settings = load(tmp_path)

    with running_redis(settings), client_of(settings.broker_url) as client:
        client.lpush("default", "a task's token")

    found = list(settings.redis_directory.iterdir())
    assert {"redis.conf", "appendonlydir"} <= {path.name for path in found}
    assert settings.redis_directory.stat().st_mode & 0o077 == 0
    assert (settings.redis_directory / "redis.conf").stat().st_mode & 0o077 == 0
    with running_redis(settings), client_of(settings.broker_url) as client:
        assert client.lrange("default", 0, -1) == [b"a task's token"]


def test_redis_without_workers_is_healthy_and_nobody_is_without_redis(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert set(broker.healthy(settings)) == set()
    with running_redis(settings):
        assert set(broker.healthy(settings)) == {"redis"}


def test_another_redis_at_the_port_is_not_healthy(tmp_path: Path) -> None:
    settings = load(tmp_path / "one")
    other = load(tmp_path / "other").as_running(settings.ports.as_dict(), settings.executor)

    with running_redis(settings):
        assert set(broker.healthy(other)) == set()


def test_debians_name_of_the_program_is_enough(tmp_path: Path) -> None:
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    assert program, "these tests need a Redis server; run `make redis`"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-check-rdb").symlink_to(Path(program).resolve())
    settings = load(tmp_path / "data", PATH=str(tmp_path / "bin"))

    with running_redis(settings), client_of(settings.broker_url) as client:
        assert client.ping()


def test_a_machine_without_redis_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="make redis"):
        broker.prepare(load(tmp_path / "data", PATH=str(tmp_path)))
