"""The time in which Airflow's DAG processor stores a DAG that has not changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.dag_fixtures import use_airflow
from bench.databases import ROOT, Databases, application_database
from bench.definition_rows import insert_collections, insert_owners, insert_schedules
from bench.measurements import (
    BenchSettings,
    Result,
    alternate,
    at_most,
    ratios,
    seconds_of,
    without_limit,
)

MAX_RATIO = 2.0
DAGS = 200
RUNS = 30  # of each DAG
FILE = "amc_schedules.py"


def run(settings: BenchSettings) -> Iterator[Result]:
    """Store our DAGs, and the same DAGs without a schedule or with a plain cron one."""
    count = 10 if settings.quick else DAGS
    with application_database() as databases:
        _prepare(databases, settings.data / "airflow", count)
        kinds = _serialized()
        for name, dags in kinds.items():
            _store(dags)
            if name != "none":
                _add_runs(dags)
        for name in ("schedules", "collections", "cron"):
            ours, none = alternate(
                partial(_seconds, kinds[name]), partial(_seconds, kinds["none"]), settings.rounds
            )
            judge = without_limit if name == "cron" else partial(at_most, MAX_RATIO)
            title = f"storing {name} / the same DAGs with schedule=None"
            yield judge(id=4, name=title, unit="ratio", samples=ratios(ours, none))
            per_dag = [1000 * seconds / count for seconds in ours]
            yield without_limit(id=4, name=f"storing one of {name}", unit="ms", samples=per_dag)


def _seconds(dags: list[Any]) -> float:
    return seconds_of(lambda: _store(dags))


def _prepare(databases: Databases, home: Path, count: int) -> None:
    """Set up Airflow's database, and the rows of which DAGs are made."""
    databases.create_database("airflow", migrated=False)
    with databases.connect() as connection:
        insert_owners(connection)
        insert_schedules(connection, count)
        insert_collections(connection, count)
    use_airflow(home)
    uri = databases.uri(database="airflow").replace("postgresql://", "postgresql+psycopg2://")
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = uri
    os.environ["AIRFLOW_CONN_RECOMAMP_DB"] = databases.pipeline_uri
    airflow = str(Path(sys.executable).with_name("airflow"))
    subprocess.run([airflow, "db", "migrate"], check=True, capture_output=True)
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(DagBundleModel(name="bench"))


def _serialized() -> dict[str, list[Any]]:
    """Return DAGs of each kind as the parser hands them over."""
    from recomamp.domain.definition_ref import DefinitionKind
    from recomamp.pipeline.generator.definitions import load_definitions

    schedules, collections = (
        load_definitions(DefinitionKind.SCHEDULE),
        load_definitions(DefinitionKind.COLLECTION),
    )
    return {
        "schedules": [_serialize(one) for one in schedules],
        "collections": [_serialize(one) for one in collections],
        "none": [_serialize(one, prefix="none", schedule=None) for one in schedules],
        "cron": [_serialize(one, prefix="cron", schedule="0 6 * * *") for one in schedules],
    }


def _serialize(definition: Any, *, prefix: str = "", **changes: Any) -> dict[str, Any]:
    from unittest import mock

    from airflow import sdk
    from airflow.serialization.serialized_objects import DagSerialization

    from recomamp.pipeline.generator import factory

    def make(**arguments: Any) -> Any:
        arguments |= {**changes, "dag_id": f"{prefix}{arguments['dag_id']}"}
        arguments["start_date"] = datetime(2026, 1, 1, tzinfo=UTC)
        return sdk.DAG(**arguments)  # noqa: AIR002  it is among them

    with mock.patch.object(factory, "DAG", make if prefix else sdk.DAG):
        built = factory.build_dag(definition)
    built.fileloc = str(ROOT / "dags" / FILE)
    built.relative_fileloc = f"{prefix}{FILE}"
    return dict(DagSerialization.to_dict(built))


def _store(dags: list[Any]) -> None:
    """Store them as the DAG processor's manager does."""
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    errors: dict[tuple[str, str], str] = {}
    with create_session() as session:
        update_dag_parsing_results_in_db(
            bundle_name="bench",
            bundle_version=None,
            dags=[LazyDeserializedDAG(data=data) for data in dags],
            import_errors=errors,
            parse_duration=1.0,
            warnings=set(),
            session=session,
            files_parsed={("bench", FILE)},
        )
    assert not errors, next(iter(errors.values()))


def _add_runs(dags: list[Any]) -> None:
    """Insert the first runs of every DAG by its timetable."""
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState

    with create_session() as session:
        for data in dags:
            dag, info = LazyDeserializedDAG(data=data), None
            for _ in range(RUNS):
                info = _next(dag, info)
                if info is None:
                    break
                session.add(
                    DagRun(
                        dag_id=dag.dag_id,
                        run_id=f"scheduled__{info.data_interval.start.isoformat()}",
                        run_type="scheduled",
                        run_after=info.run_after,
                        logical_date=info.logical_date,
                        data_interval=tuple(info.data_interval),
                        state=DagRunState.SUCCESS,
                    )
                )
        assert session.get(DagModel, dag.dag_id) is not None


def _next(dag: Any, last: Any) -> Any:
    from airflow.timetables.base import TimeRestriction

    first = datetime(2026, 1, 1, tzinfo=UTC)
    earliest = TimeRestriction(earliest=_pendulum(first), latest=None, catchup=True)
    timetable = dag.timetable
    if hasattr(timetable, "catchup"):  # ours: all ticks since the beginning
        timetable = type(timetable)(**{**timetable.serialize(), "catchup": True})
    return timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=earliest)


def _pendulum(moment: datetime) -> Any:
    import pendulum

    return pendulum.instance(moment)
