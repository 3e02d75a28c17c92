"""The follower that does requests of people, in a database with the pipeline's rights."""

from __future__ import annotations

import pytest

from fixtures.postgres import Database, Rows
from fixtures.run_requests import World, build_world


@pytest.fixture
def world(pipeline_connection: None, database: Database, rows: Rows) -> World:
    """Provide a user with a schedule and a collection that Airflow knows."""
    return build_world(database, rows)
