"""What the pipeline asks of its connections."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from airflow.providers.postgres.hooks.postgres import PostgresHook
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn, parse_dsn

from fixtures.postgres import Database
from recomamp.errors import ConfigurationError
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.connection_strings import OPTIONS_OF_THE_PROVIDER, open_named

SETTING = "AIRFLOW_CONN_RECOMAMP_DB"
EXTRAS = {
    "application_name": "of the operator",
    "channel_binding": "disable",
    "gssencmode": "disable",
    "keepalives_idle": "7",
    "krbsrvname": "other",
    "target_session_attrs": "read-write",
    "tcp_user_timeout": "9000",
}


def defined(database: Database, extra: dict[str, Any]) -> str:
    """Write an Airflow connection to the database, as JSON."""
    parts = parse_dsn(database.uri)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": parts["host"],
            "port": int(parts["port"]),
            "login": parts["user"],
            "schema": parts["dbname"],
            "extra": extra,
        }
    )


def option(connection: Connection, name: str) -> str | None:
    return connection.get_dsn_parameters().get(name)


def test_a_commit_waits_for_the_log_though_the_server_would_not(
    database: Database, connections: None
) -> None:
    assert database.query("SHOW synchronous_commit")[0]["synchronous_commit"] == "off"
    with DatabaseHook().transaction() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)


def test_the_server_notices_in_half_a_minute_that_a_worker_is_gone(
    database: Database, connections: None
) -> None:
    # Until it does, it keeps the locks of the worker's transaction
    with DatabaseHook().transaction() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting::INT FROM pg_settings WHERE name LIKE 'tcp_keepalives_%'"
            " OR name = 'tcp_user_timeout'"
        )
        seconds = dict(cursor.fetchall())
    probing = seconds["tcp_keepalives_interval"] * seconds["tcp_keepalives_count"]

    assert 0 < seconds["tcp_keepalives_idle"] + probing <= 30
    assert 0 < seconds["tcp_user_timeout"] <= 30_000  # milliseconds


@pytest.mark.parametrize("name", EXTRAS)
def test_an_option_of_libpq_counts_in_the_pipeline_and_in_its_commands(
    database: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = defined(database, {name: EXTRAS[name], "cursor": "dictcursor", "iam": False})
    monkeypatch.setenv(SETTING, text)
    with (
        closing(DatabaseHook().get_conn()) as pipelines,
        closing(open_named([SETTING], {SETTING: text})) as commands,
    ):
        assert option(pipelines, name) == option(commands, name) == EXTRAS[name]


def test_an_option_that_libpq_does_not_know_is_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = defined(database, {"keepalive_idle": "secret"})
    monkeypatch.setenv(SETTING, text)
    for connect in (DatabaseHook().get_conn, lambda: open_named([SETTING], {SETTING: text})):
        with pytest.raises(ConfigurationError, match=f'{SETTING}.*"keepalive_idle"') as caught:
            connect()
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("theirs", "expected"), [("3", "3"), ("60", "5"), (None, "5"), ("0", "5"), ("-1", "5")]
)
def test_the_shorter_time_to_connect_counts(
    database: Database, monkeypatch: pytest.MonkeyPatch, theirs: str | None, expected: str
) -> None:
    monkeypatch.setenv(SETTING, defined(database, {"connect_timeout": theirs} if theirs else {}))
    with closing(DatabaseHook(connect_timeout_seconds=5).get_conn()) as connection:
        assert option(connection, "connect_timeout") == expected


def test_a_hook_that_lives_long_reads_a_changed_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = DatabaseHook()
    for name in ("first", "second"):
        monkeypatch.setenv(SETTING, defined(database, {"application_name": name}))
        with closing(hook.get_conn()) as connection:
            assert option(connection, "application_name") == name


def test_a_time_to_connect_that_is_no_number_is_named(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, defined(database, {"connect_timeout": "soon"}))
    with pytest.raises(ConfigurationError, match=f"{SETTING}.*connect_timeout"):
        DatabaseHook().get_conn()


def test_options_of_the_session_are_added_to_the_pipelines(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, defined(database, {"options": "-c search_path=other"}))
    with DatabaseHook().transaction() as connection, connection.cursor() as cursor:
        for name, value in (("search_path", "other"), ("TimeZone", "UTC")):
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone() == (value,)


def test_iam_signs_in_with_a_token_and_a_command_says_that_it_cannot(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = parse_dsn(database.uri)
    text = defined(database, {"iam": True}).replace(parts["user"], "nobody")
    monkeypatch.setenv(SETTING, text)
    asked = []

    def token(_hook: PostgresHook, connection: Any) -> tuple[str, str, int]:
        asked.append(connection.login)
        return parts["user"], "a token", int(parts["port"])

    monkeypatch.setattr(PostgresHook, "get_iam_token", token)
    with closing(DatabaseHook().get_conn()) as connection:
        assert option(connection, "user") == parts["user"]
    assert asked == ["nobody"]
    with pytest.raises(ConfigurationError, match="name a user and a password"):
        open_named([SETTING], {SETTING: text})


def test_the_commands_know_what_the_provider_keeps_for_itself() -> None:
    assert PostgresHook.ignored_extra_options == OPTIONS_OF_THE_PROVIDER
    make_dsn(**EXTRAS)  # all of them are libpq's


def test_a_connection_that_is_not_defined_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    with pytest.raises(ConfigurationError, match=f"'recomamp_db' is not defined: set {SETTING}"):
        DatabaseHook().get_conn()
