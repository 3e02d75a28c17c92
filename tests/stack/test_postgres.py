"""The embedded server: made once, started and stopped at will, closed to strangers."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from stack import FailedError, RefusedError, Settings, postgres
from stack.credentials import SUPERUSER_PASSWORD
from stack.postgres import Postgres


def server_of(settings: Settings, password: str | None = None) -> Postgres:
    return Postgres(
        directory=settings.data / "postgres",
        port=settings.ports.postgres,
        password=password or settings.credentials[SUPERUSER_PASSWORD],
        log_file=settings.data / "logs" / "postgres.log",
        disposable=True,
    )


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.load(data=tmp_path_factory.mktemp("data"), environ={}, free_ports=True)


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Postgres]:
    running = server_of(settings)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_it_is_postgres_18_on_the_loopback_address_alone(
    server: Postgres, settings: Settings
) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        assert cursor.fetchone()[0].startswith("18.")
    listening = {
        (at.laddr.ip, at.laddr.port)
        for at in psutil.Process(server.pid).net_connections()
        if at.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.0.1", settings.ports.postgres)}


def test_a_role_logs_in_with_its_password_and_with_no_other(
    server: Postgres, settings: Settings
) -> None:
    server.ensure_role("airflow", settings.credentials["RECOMAMP_AIRFLOW_PASSWORD"])
    server.ensure_database("airflow", "airflow")

    psycopg2.connect(settings.airflow_uri).close()
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(settings.airflow_uri, password="guess")


def test_a_role_that_exists_takes_the_new_password(server: Postgres, settings: Settings) -> None:
    server.ensure_role("airflow", "before")
    server.ensure_role("airflow", settings.credentials["RECOMAMP_AIRFLOW_PASSWORD"])
    server.ensure_database("airflow", "airflow")

    psycopg2.connect(settings.airflow_uri).close()


def test_secrets_of_another_cluster_are_told_apart_from_a_dead_server(
    server: Postgres, settings: Settings
) -> None:
    stranger = server_of(settings, password="of another cluster")

    with pytest.raises(FailedError, match="password authentication failed"), stranger.connect():
        pass


def test_starting_a_running_server_changes_nothing(server: Postgres) -> None:
    before = server.pid

    server.start()

    assert server.pid == before


def test_what_was_stored_is_there_after_a_restart(server: Postgres) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (value INTEGER)")
    server.stop()
    assert server.pid is None

    server.start()

    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept")
        assert cursor.fetchone() == (0,)


def test_a_cluster_left_half_made_is_made_anew(tmp_path: Path) -> None:
    settings = Settings.load(data=tmp_path, environ={}, free_ports=True)
    half_made = tmp_path / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    server = server_of(settings)

    server.start()
    server.stop()

    assert not half_made.exists()


def test_a_server_that_cannot_start_says_where_its_log_is(
    server: Postgres, settings: Settings, tmp_path: Path
) -> None:
    # The port is taken by the running server.
    taken = dataclasses.replace(settings, data=tmp_path)

    with pytest.raises(FailedError, match=r"logs/postgres\.log"):
        server_of(taken).start()


def modes_above(path: Path) -> dict[Path, int]:
    return {folder: folder.stat().st_mode for folder in path.parents}


def test_folders_above_the_data_keep_their_modes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    settings = Settings.load(data=home / "data", environ={}, free_ports=True)
    before = modes_above(settings.data)
    server = server_of(settings)

    server.start()
    with server.connect():
        pass
    server.stop()

    assert modes_above(settings.data) == before
    for made in (settings.data, settings.data / "logs", settings.data / "postgres"):
        assert made.stat().st_mode & 0o777 == 0o700
    assert server.log_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
def test_programs_that_others_do_not_reach_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, home, cache = (
        postgres._program_directory().parents[1],
        tmp_path / "home",
        passable_directory(),
    )
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), home / name, symlinks=True)
    home.chmod(0o700)
    programs = home / postgres._program_directory().relative_to(package.parent)
    before = modes_above(programs / "postgres")
    monkeypatch.setattr(postgres, "_program_directory", lambda: programs)
    monkeypatch.setattr(postgres, "PROGRAMS_CACHE", cache)
    postgres._accessible_program_directory.cache_clear()
    server = server_of(Settings.load(data=tmp_path / "data", environ={}, free_ports=True))
    try:
        server.start()
        assert psutil.Process(server.pid).exe().startswith(str(cache))
        server.stop()
    finally:
        postgres._accessible_program_directory.cache_clear()
        shutil.rmtree(cache)

    assert modes_above(programs / "postgres") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
def test_programs_that_cannot_be_copied_are_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(postgres, "_system_user_can_run", lambda _programs: False)
    monkeypatch.setattr(postgres, "PROGRAMS_CACHE", tmp_path / "file" / "cache")
    postgres._accessible_program_directory.cache_clear()
    server = server_of(Settings.load(data=tmp_path / "data", environ={}, free_ports=True))

    with pytest.raises(RefusedError, match="run it as a user who is not root"):
        server.start()


def passable_directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="recomamp-programs-", dir="/tmp"))
    directory.chmod(0o755)
    return directory
