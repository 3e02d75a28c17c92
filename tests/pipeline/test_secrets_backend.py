"""Secrets that stand in files: connections of Airflow and the key of the users' tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.sdk.configuration import clear_secrets_backends_cache
from cryptography.fernet import Fernet

from fixtures.postgres import Database
from recomamp.errors import ConfigurationError
from recomamp.pipeline import settings
from recomamp.pipeline.hooks import AmcHook, DatabaseHook, airflow_api_login
from recomamp.pipeline.secrets_backend import SecretFilesBackend


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have Airflow read connections from a folder, as docker-compose.yaml does."""
    for name in ("AIRFLOW_CONN_AMAZON_ADS", "AIRFLOW_CONN_AIRFLOW_API", "RECOMAMP_FERNET_KEY"):
        monkeypatch.delenv(name, raising=False)
    backend = "recomamp.pipeline.secrets_backend.SecretFilesBackend"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"directory": str(tmp_path)}))
    clear_secrets_backends_cache()
    yield tmp_path
    clear_secrets_backends_cache()


def test_a_connection_comes_from_its_file(secrets: Path) -> None:
    amazon = {"conn_type": "http", "login": "an id", "password": "a secret"}
    (secrets / "AIRFLOW_CONN_AMAZON_ADS").write_text(json.dumps(amazon) + "\n")
    (secrets / "AIRFLOW_CONN_AIRFLOW_API").write_text("http://follower:p%40ss@api-server:8080\n")

    connection = AmcHook().get_conn()
    assert (connection.login, connection.password) == ("an id", "a secret")
    assert airflow_api_login() == ("http://api-server:8080", "follower", "p@ss")


def test_a_changed_file_counts_at_once(secrets: Path) -> None:
    for password in ("first", "second"):
        uri = f"http://follower:{password}@api-server:8080"
        (secrets / "AIRFLOW_CONN_AIRFLOW_API").write_text(uri)

        assert airflow_api_login()[2] == password


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_without_a_value_the_environment_counts(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (secrets / "AIRFLOW_CONN_AIRFLOW_API").write_text(content)
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_AIRFLOW_API"):
        airflow_api_login()

    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_API", "http://follower:pass@elsewhere:8080")
    assert airflow_api_login()[0] == "http://elsewhere:8080"


def test_a_file_that_cannot_be_read_is_logged_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "AIRFLOW_CONN_FOLDER").mkdir()
    (tmp_path / "AIRFLOW_CONN_BYTES").write_bytes(b"http://s3cret\xff@a.example")
    backend = SecretFilesBackend(str(tmp_path))

    assert [backend.get_conn_value(one) for one in ("folder", "bytes", "absent")] == [None] * 3

    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
    assert f"{tmp_path}/AIRFLOW_CONN_FOLDER cannot be read" in caplog.text
    assert f"{tmp_path}/AIRFLOW_CONN_BYTES cannot be read" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_database_connection_of_a_file_opens(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RECOMAMP_DB", raising=False)
    (secrets / "AIRFLOW_CONN_RECOMAMP_DB").write_text(database.uri)

    with DatabaseHook().transaction() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("conn_id", ["../outside", "a/b", "", "x\0"])
def test_no_connection_id_leads_out_of_the_folder(tmp_path: Path, conn_id: str) -> None:
    (tmp_path / "AIRFLOW_CONN_").write_text("http://a.example")

    assert SecretFilesBackend(str(tmp_path / "secrets")).get_conn_value(conn_id) is None
    assert SecretFilesBackend(str(tmp_path)).get_conn_value(conn_id) is None


def test_the_key_of_the_tokens_comes_from_its_file(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = Fernet.generate_key(), Fernet.generate_key()
    (secrets / "keys").write_bytes(new + b", " + old + b"\n")
    monkeypatch.setenv("RECOMAMP_FERNET_KEY_FILE", str(secrets / "keys"))

    fernet = settings.fernet()
    assert fernet.decrypt(Fernet(old).encrypt(b"token")) == b"token"
    assert Fernet(new).decrypt(fernet.encrypt(b"token")) == b"token"


def test_a_key_in_the_environment_counts_before_the_file(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Fernet.generate_key()
    (secrets / "keys").write_bytes(Fernet.generate_key())
    monkeypatch.setenv("RECOMAMP_FERNET_KEY_FILE", str(secrets / "keys"))
    monkeypatch.setenv("RECOMAMP_FERNET_KEY", key.decode())

    assert settings.fernet().decrypt(Fernet(key).encrypt(b"token")) == b"token"


@pytest.mark.parametrize("content", [None, b"", b"no key", b"\xff"])
def test_a_wrong_key_file_is_refused_by_name_without_its_content(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (secrets / "keys").write_bytes(content)
    monkeypatch.setenv("RECOMAMP_FERNET_KEY_FILE", str(secrets / "keys"))

    with pytest.raises(ConfigurationError, match="RECOMAMP_FERNET_KEY") as caught:
        settings.fernet()
    assert "no key" not in str(caught.value)
