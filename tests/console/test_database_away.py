"""Without the application's database the console says so, and serves its modules."""

from __future__ import annotations

import httpx
import pytest

from bench.console_app import app_for, get
from fixtures.postgres import Server, migrate_database

SETTING = "AIRFLOW_CONN_RECOMAMP_CONSOLE_DB"


OVERVIEW = "/api/overview"


def test_a_connection_that_is_not_defined_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    answer = get(app_for(), OVERVIEW)

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json()["detail"] == (
        f"connection 'recomamp_console_db' is not defined: set {SETTING}"
    )


def test_a_database_that_goes_away_is_said_and_modules_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server()
    server.start()
    try:
        name = server.create_database()
        migrate_database(server, name)
        monkeypatch.setenv(SETTING, server.uri(name))
        app = app_for()
        assert get(app, OVERVIEW).status_code == httpx.codes.OK
    finally:
        server.stop()

    for _ in range(2):  # on the connection that was open, and on a new one
        answer = get(app, OVERVIEW)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert answer.json()["detail"] == (
            "The application's database does not answer. Runs go on; try again later."
        )
    module = get(app, "/static/console.js")
    assert module.status_code == httpx.codes.OK
    assert module.headers["Content-Type"].startswith("text/javascript")


def test_a_zone_that_does_not_exist_is_refused_before_the_database_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    answer = get(app_for(), f"{OVERVIEW}?time_zone=Mars/Olympus")

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "Mars/Olympus" in answer.json()["detail"]
