"""Airflow goes on while the console cannot reach the application's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from fixtures.postgres import Database
from fixtures.running_stack import Pipeline

pytestmark = pytest.mark.stack


@pytest.fixture
def away(pipeline: Pipeline) -> Iterator[None]:
    """Refuse the console's sign-in, and end its connections."""
    server = Database(uri=pipeline.stack.settings.superuser_uri)
    server.query("ALTER ROLE recomamp_console NOLOGIN")
    server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'recomamp_console'"
    )
    yield
    server.query("ALTER ROLE recomamp_console LOGIN")
    server.close()


@pytest.mark.usefixtures("away")
def test_the_page_says_that_the_database_does_not_answer(visit: Callable[..., Any]) -> None:
    with visit("viewer") as one:
        page = one.open("plugin/amc")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The application's database does not answer")
        expect(alert.get_by_role("button", name="Try again")).to_be_visible()
        one.picture("database-away")
        assert one.serious_violations() == []
        page = one.open("dags")
        expect(page.get_by_role("heading", name="Dags").first).to_be_visible()
        assert one.errors == []
