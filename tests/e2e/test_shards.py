"""DAG files of shards and real dag-processors: no DAG is lost, hidden or built twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from fixtures.running_stack import Pipeline
from recomamp.pipeline.generator.shards import bucket_of, file_of_shard
from recomamp.pipeline.settings import MAX_SHARDS
from stack.environment import airflow_environment

pytestmark = [pytest.mark.stack, pytest.mark.long]

AIRFLOW = str(Path(sys.executable).with_name("airflow"))
PATIENCE_SECONDS = 240
# A row of `changes` for each time that Airflow hides or shows a DAG, or finds it in another file
WATCH = """
    CREATE TABLE changes (dag_id TEXT, is_hidden BOOLEAN);
    CREATE FUNCTION watch() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO changes VALUES (NEW.dag_id, NEW.is_stale);
        RETURN NULL;
    END $$;
    CREATE TRIGGER watch AFTER UPDATE ON dag FOR EACH ROW WHEN (
        (OLD.bundle_name, OLD.relative_fileloc, OLD.is_stale)
        IS DISTINCT FROM (NEW.bundle_name, NEW.relative_fileloc, NEW.is_stale)
    ) EXECUTE FUNCTION watch();
"""


@dataclass
class Airflow:
    """An Airflow of its own, of which nothing runs but dag-processors."""

    environment: dict[str, str]
    database: Connection
    logs: Path

    @contextmanager
    def parsing(self, shards: int, *bundles: str) -> Iterator[None]:
        """Run a dag-processor with so many shards, for these bundles or for all."""
        arguments = [argument for bundle in bundles for argument in ("--bundle-name", bundle)]
        log = self.logs / f"dag-processor-{shards}{''.join(bundles)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [AIRFLOW, "dag-processor", *arguments],
                env=self.environment | {"RECOMAMP_DAG_SHARDS": str(shards)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            # Not SIGTERM, which Airflow may miss while it stores DAGs
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def places(self) -> dict[str, tuple[str, str]]:
        """Return the bundle and the file of each DAG of a schedule that can be seen."""
        found = self.ask(
            "SELECT dag_id, bundle_name, relative_fileloc FROM dag"
            " WHERE dag_id LIKE 'amc_schedule_%' AND NOT is_stale"
        )
        return {dag_id: (bundle, file) for dag_id, bundle, file in found}

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, self.places()
            time.sleep(0.2)

    def until_all_are_in(self, places: dict[str, tuple[str, str]]) -> None:
        """Wait until all DAGs come from these files, and until each was then stored twice more."""
        self.until(lambda: self.places() == places)
        for _ in range(2):
            before = self._stored()
            self.until(partial(self._is_stored_after, before))

    def _is_stored_after(self, before: dict[str, datetime]) -> bool:
        return all(at > before[dag_id] for dag_id, at in self._stored().items())

    def _stored(self) -> dict[str, datetime]:
        return dict(
            self.ask("SELECT dag_id, last_parsed_time FROM dag WHERE dag_id LIKE 'amc_schedule_%'")
        )

    def changes(self) -> list[tuple[str, bool]]:
        """Return each DAG that was hidden or has another file, since the last time."""
        found = self.ask("DELETE FROM changes RETURNING dag_id, is_hidden")
        return [change for change in found if change[0].startswith("amc_schedule_")]


@pytest.fixture
def airflow(pipeline: Pipeline, tmp_path: Path) -> Iterator[Airflow]:
    """Make the database of another Airflow on the stack's server; the rows are the stack's."""
    settings = pipeline.stack.settings
    name = "airflow_of_shards"
    with closing(psycopg2.connect(settings.superuser_uri)) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {name} OWNER airflow")
    uri = f"{settings.airflow_uri.rpartition('/')[0]}/{name}"
    environment = airflow_environment(settings) | {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": uri.replace("postgresql:", "postgresql+psycopg2:"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(tmp_path / "bundles"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
        # So that it looks again which files there are
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "RECOMAMP_SNAPSHOT_DIR": str(tmp_path / "snapshots"),
    }
    subprocess.run([AIRFLOW, "db", "migrate"], check=True, env=environment, capture_output=True)
    with closing(psycopg2.connect(uri)) as database:
        database.autocommit = True
        one = Airflow(environment=environment, database=database, logs=tmp_path)
        one.ask(WATCH)
        yield one


def test_another_number_of_shards_or_processors_moves_each_dag_once_and_hides_none(
    pipeline: Pipeline, airflow: Airflow
) -> None:
    workflow = pipeline.rows.workflow(instance=pipeline.instance)
    for last in range(MAX_SHARDS):  # so that each shard has a DAG
        key = f"aaaaaaaa-0000-4000-8000-0000000000{last:02x}"
        pipeline.rows.schedule(workflow=workflow, is_active=False, id=key)
    ids = [row["id"] for row in pipeline.database.query("SELECT id FROM workflow_schedules")]
    keys = [UUID(str(key)) for key in ids]

    def places(shards: int) -> dict[str, tuple[str, str]]:
        return {f"amc_schedule_{key}": place(bucket_of(key) % shards) for key in keys}

    with airflow.parsing(4):
        airflow.until_all_are_in(places(4))
    assert airflow.changes() == []

    with airflow.parsing(2):
        airflow.until_all_are_in(places(2))
    assert sorted(airflow.changes()) == moved(places(4), places(2))

    with (
        airflow.parsing(6, "dags-folder", "amc-shards-0"),
        airflow.parsing(6, "amc-shards-1"),
    ):
        airflow.until_all_are_in(places(6))
    assert sorted(airflow.changes()) == moved(places(2), places(6))

    with airflow.parsing(1):
        airflow.until_all_are_in(places(1))
    assert sorted(airflow.changes()) == moved(places(6), places(1))


def place(shard: int) -> tuple[str, str]:
    file = file_of_shard("schedule", shard)
    return ("dags-folder" if shard == 0 else f"amc-shards-{shard % 2}"), file


def moved(
    before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]
) -> list[tuple[str, bool]]:
    """Return the DAGs that have another file, none of them hidden."""
    return sorted((dag_id, False) for dag_id in before if before[dag_id] != after[dag_id])
