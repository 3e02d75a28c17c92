"""What the pipeline asks of its connections."""

from __future__ import annotations

from fixtures.postgres import Database
from recomamp.pipeline.hooks import DatabaseHook


def test_a_commit_waits_for_the_log_though_the_server_would_not(
    database: Database, connections: None
) -> None:
    assert database.query("SHOW synchronous_commit")[0]["synchronous_commit"] == "off"
    with DatabaseHook().transaction() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("on",)
