"""What the environment overrides, what is generated, and what is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import parse_dsn

from stack import RefusedError, Settings
from stack.environment import (
    airflow_environment,
    emulator_environment,
    migrate_environment,
    redis_environment,
)
from stack.settings import require_token_key

DATABASE = "postgresql://pipeline:sesame@db.example.com/recomamp"
KEY = urlsafe_b64encode(bytes(32)).decode()  # the same wherever tests are collected
AMAZON = '{"conn_type": "http", "login": "id"}'


def load(data: Path, **environ: str) -> Settings:
    return Settings.load(data=data, environ=environ)


def test_the_defaults_are_the_documented_ports(tmp_path: Path) -> None:
    ports = load(tmp_path).ports

    assert (ports.api, ports.postgres, ports.emulator) == (8080, 5433, 8099)


def test_the_log_servers_take_any_free_ports(tmp_path: Path) -> None:
    ports = load(tmp_path).ports

    assert len({ports.worker_logs, ports.trigger_logs, 8793, 8794}) == 4


def test_the_environment_moves_the_ports(tmp_path: Path) -> None:
    settings = load(tmp_path, AIRFLOW__API__PORT="18080", RECOMAMP_EMULATOR_PORT="18099")

    environment = airflow_environment(settings)
    assert environment["AIRFLOW__API__PORT"] == "18080"
    assert environment["AIRFLOW__API__BASE_URL"] == "http://localhost:18080"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].startswith(
        "http://127.0.0.1:18080/"
    )
    assert ":18099" in environment["AIRFLOW_CONN_AMAZON_ADS"]


@pytest.mark.parametrize("value", ["http", "-1", "65536", "80.5"])
def test_a_port_that_is_none_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(RefusedError, match="AIRFLOW__API__PORT"):
        load(tmp_path, AIRFLOW__API__PORT=value)


def test_secrets_are_generated_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    first, second = load(tmp_path), load(tmp_path)

    assert first.credentials == second.credentials
    assert len(set(first.credentials.values())) == len(first.credentials)
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_another_directory_has_other_secrets(tmp_path: Path) -> None:
    one, other = load(tmp_path / "one"), load(tmp_path / "other")

    assert not set(one.credentials.values()) & set(other.credentials.values())


def test_a_given_secret_wins_and_is_not_written_down(tmp_path: Path) -> None:
    settings = load(tmp_path, RECOMAMP_UI_PASSWORD="open sesame")

    assert settings.credentials["RECOMAMP_UI_PASSWORD"] == "open sesame"
    assert "open sesame" not in (tmp_path / "secrets.env").read_text()


def test_the_generated_keys_are_fernet_keys(tmp_path: Path) -> None:
    environment = airflow_environment(load(tmp_path))

    for name in ("AIRFLOW__CORE__FERNET_KEY", "RECOMAMP_FERNET_KEY"):
        Fernet(environment[name])


def test_without_settings_the_pipeline_meets_the_embedded_parts(tmp_path: Path) -> None:
    settings = load(tmp_path)

    environment = airflow_environment(settings)
    assert environment["AIRFLOW_CONN_RECOMAMP_DB"] == settings.pipeline_uri
    amazon = json.loads(environment["AIRFLOW_CONN_AMAZON_ADS"])
    assert amazon["host"] == settings.emulator_url
    assert amazon["extra"]["token_url"] == f"{settings.emulator_url}/auth/o2/token"


def test_a_given_database_replaces_the_embedded_one(tmp_path: Path) -> None:
    settings = load(tmp_path, AIRFLOW_CONN_RECOMAMP_DB=DATABASE)

    assert not settings.uses_embedded_database
    assert airflow_environment(settings)["AIRFLOW_CONN_RECOMAMP_DB"] == DATABASE
    assert settings.migrate_uri == DATABASE


def test_a_given_amazon_replaces_the_emulator(tmp_path: Path) -> None:
    settings = load(tmp_path, AIRFLOW_CONN_AMAZON_ADS=AMAZON)

    assert not settings.uses_emulator
    assert airflow_environment(settings)["AIRFLOW_CONN_AMAZON_ADS"] == AMAZON
    assert "emulator" not in settings.open_ports


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECOMAMP_RESULTS_URL", "s3://bucket/results"),
        ("RECOMAMP_POLL_SECONDS", "30"),
        ("RECOMAMP_SNAPSHOT_DIR", "/var/lib/snapshots"),
        ("RECOMAMP_FERNET_KEY", KEY),
        ("AIRFLOW__CORE__PARALLELISM", "8"),
    ],
)
def test_a_given_setting_wins(tmp_path: Path, name: str, value: str) -> None:
    assert airflow_environment(load(tmp_path, **{name: value}))[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://somebody/elses"),
        ("AIRFLOW_HOME", "/somebody/elses"),
        ("AIRFLOW__CORE__DAGS_FOLDER", "/somebody/elses"),
        ("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", "/somebody/elses"),
        ("PGHOST", "somebody.example.com"),
        ("AIRFLOW__CELERY__BROKER_URL", "redis://somebody.example.com"),
        ("AIRFLOW__CELERY__BROKER_URL_CMD", "cat /somebody/elses"),
        ("AIRFLOW__CELERY__RESULT_BACKEND", "db+postgresql://somebody/elses"),
        ("CELERY_BROKER_URL", "redis://somebody.example.com"),
        ("PYTHONPATH", "/somebody/elses"),
    ],
)
def test_another_airflow_of_this_machine_is_left_alone(
    tmp_path: Path, name: str, value: str
) -> None:
    environment = airflow_environment(load(tmp_path, **{name: value}))

    assert value not in environment.values()


def test_without_a_setting_tasks_need_no_broker(tmp_path: Path) -> None:
    settings = load(tmp_path)

    environment = airflow_environment(settings)
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW__CELERY__BROKER_URL" not in environment
    assert "redis" not in settings.open_ports


def test_celery_gets_the_address_and_the_password_of_the_embedded_redis(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        AIRFLOW__CORE__EXECUTOR="CeleryExecutor",
        RECOMAMP_REDIS_PORT="16379",
        RECOMAMP_REDIS_PASSWORD="p@s/s",
    )

    environment = airflow_environment(settings)
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert environment["AIRFLOW__CELERY__BROKER_URL"] == "redis://:p%40s%2Fs@127.0.0.1:16379/0"
    assert settings.open_ports["redis"] == 16379
    assert "p@s/s" not in redis_environment(settings).values()


def test_a_stack_that_an_older_version_started_has_its_ports_and_others(tmp_path: Path) -> None:
    settings = load(tmp_path, AIRFLOW__CORE__EXECUTOR="CeleryExecutor")

    running = settings.as_running({"api": 18080, "removed": 1}, "LocalExecutor")

    assert running.ports.api == 18080
    assert running.ports.redis == settings.ports.redis
    assert not running.uses_celery


def test_the_pipeline_does_not_get_the_owners_password(tmp_path: Path) -> None:
    settings = load(
        tmp_path, RECOMAMP_MIGRATE_URI="postgresql://o:w@h/d", RECOMAMP_OWNER_PASSWORD="owner"
    )

    environment = airflow_environment(settings)
    assert not {"RECOMAMP_MIGRATE_URI", "RECOMAMP_OWNER_PASSWORD"} & set(environment)
    assert settings.credentials["RECOMAMP_OWNER_PASSWORD"] == "owner"


def test_migrations_run_as_the_owner(tmp_path: Path) -> None:
    settings = load(tmp_path, AIRFLOW_CONN_RECOMAMP_DB=DATABASE, RECOMAMP_MIGRATE_URI="owner://")

    assert migrate_environment(settings)["RECOMAMP_MIGRATE_URI"] == "owner://"


def test_the_emulator_gets_no_secret(tmp_path: Path) -> None:
    settings = load(tmp_path, AIRFLOW_CONN_RECOMAMP_DB=DATABASE, RECOMAMP_UI_PASSWORD="sesame")

    told = set(emulator_environment(settings).values())
    assert not told & (set(settings.credentials.values()) | {DATABASE})


@pytest.mark.parametrize("value", ["db.example.com", '["postgres"]', "{broken"])
@pytest.mark.parametrize("name", ["AIRFLOW_CONN_RECOMAMP_DB", "AIRFLOW_CONN_AMAZON_ADS"])
def test_a_malformed_connection_is_refused_by_name_without_its_value(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(RefusedError, match=name) as refusal:
        load(tmp_path, **{name: value})

    assert value not in str(refusal.value)


@pytest.mark.parametrize("value", ["short", "====", f"{KEY},x"])
def test_a_malformed_key_is_refused_without_its_value(tmp_path: Path, value: str) -> None:
    with pytest.raises(RefusedError, match="RECOMAMP_FERNET_KEY") as refusal:
        load(tmp_path, RECOMAMP_FERNET_KEY=value)

    assert value not in str(refusal.value)


def test_several_keys_are_accepted(tmp_path: Path) -> None:
    keys = f"{Fernet.generate_key().decode()}, {Fernet.generate_key().decode()}"

    assert load(tmp_path, RECOMAMP_FERNET_KEY=keys).credentials["RECOMAMP_FERNET_KEY"] == keys


def test_a_database_of_somebody_elses_needs_the_key_to_its_tokens() -> None:
    with pytest.raises(RefusedError, match="RECOMAMP_FERNET_KEY"):
        require_token_key({"AIRFLOW_CONN_RECOMAMP_DB": DATABASE})


@given(password=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1))
def test_any_password_survives_in_a_uri(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    settings = load(tmp_path_factory.mktemp("data"), RECOMAMP_OWNER_PASSWORD=password)

    parts = urlsplit(settings.owner_uri)
    assert unquote(parts.password or "") == password
    assert (parts.username, parts.path) == ("recomamp", "/recomamp")


def test_uris_that_are_shown_open_the_database_and_hold_no_password(tmp_path: Path) -> None:
    settings = load(tmp_path / "da ta", RECOMAMP_OWNER_PASSWORD="se:s\\ame/")

    shown = settings.display_uri(settings.owner_uri)

    arguments = parse_dsn(shown)
    assert arguments == {
        "user": "recomamp",
        "host": "127.0.0.1",
        "port": str(settings.ports.postgres),
        "dbname": "recomamp",
        "passfile": str(tmp_path / "da ta" / "pgpass"),
    }
    line = f"127.0.0.1:{settings.ports.postgres}:recomamp:recomamp:se\\:s\\\\ame/"
    assert line in settings.pgpass.splitlines()


def test_a_stacks_own_directory_is_its_owners_alone(tmp_path: Path) -> None:
    made = tmp_path / "made"
    load(made)
    assert made.stat().st_mode & 0o777 == 0o700

    made.chmod(0o755)  # as before it was closed
    load(made)
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_directory_of_somebody_else_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    load(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == 0o755
