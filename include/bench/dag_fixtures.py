"""A process that builds DAGs as Airflow's parser does, outside of Airflow."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from bench.databases import ROOT, Databases, application_database
from bench.definition_rows import insert_collections, insert_owners, insert_schedules
from bench.measurements import BenchSettings

SCHEDULES = 1_000
COLLECTIONS = 200


@contextlib.contextmanager
def definitions_in_database(settings: BenchSettings) -> Iterator[Databases]:
    """Provide a database with a thousand schedules and two hundred collections."""
    share = 20 if settings.quick else 1
    with application_database() as databases:
        with databases.connect() as connection:
            insert_owners(connection)
            insert_schedules(connection, SCHEDULES // share)
            insert_collections(connection, COLLECTIONS // share)
        use_airflow(settings.data / "airflow")
        os.environ["AIRFLOW_CONN_RECOMAMP_DB"] = databases.pipeline_uri
        os.environ["RECOMAMP_SNAPSHOT_DIR"] = str(settings.data / "snapshots")
        yield databases


def use_airflow(home: Path) -> None:
    """Set the variables that Airflow reads when it is first imported."""
    os.environ["AIRFLOW_HOME"] = str(home)
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(ROOT / "dags")
    os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(ROOT / "plugins")
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
    logging.disable(logging.CRITICAL)


def clear_caches() -> None:
    """Reset the process to the state of one that was just forked to parse a file."""
    from recomamp.domain.sql.template import forget_templates
    from recomamp.pipeline.generator import trigger_params

    forget_templates()
    trigger_params.check_once.cache_clear()
    gc.unfreeze()
    gc.collect()
