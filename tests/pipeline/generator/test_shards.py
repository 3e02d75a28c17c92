"""DAGs spread over several files: each in one of them, whatever their number."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag
from hypothesis import given
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows
from fixtures.shards import BUNDLES, use_shards
from recomamp.pipeline.generator.shards import Shard, bucket_of, file_of_row
from recomamp.pipeline.settings import MAX_SHARDS

Parse = Callable[[], dict[str, tuple[str, str]]]
Choose = Callable[[int | str], None]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Choose:
    """Choose another number of shards."""
    return lambda number: use_shards(monkeypatch, number, directory=tmp_path / "bundles")


@pytest.fixture
def parse(connections: None) -> Parse:
    """Parse all files of all bundles, and return the bundle and the file of each DAG."""

    def parse() -> dict[str, tuple[str, str]]:
        found: Counter[str] = Counter()
        places: dict[str, tuple[str, str]] = {}
        for bundle in DagBundlesManager().get_all_dag_bundles():
            bundle.initialize()
            for file in sorted(bundle.path.glob("amc_schedules*.py")):
                dags = dags_of(bundle.path, file)
                found.update(dags)
                places |= dict.fromkeys(dags, (bundle.name, file.name))
        assert set(found.values()) <= {1}, "a DAG of two files"
        return places

    return parse


def dags_of(bundle: Path, file: Path) -> list[str]:
    bag = DagBag(collect_dags=False, bundle_path=bundle, bundle_name="bundle")
    bag.process_file(str(file), only_if_updated=False)
    assert bag.import_errors == {}
    return list(bag.dags)


@given(st.integers(1, MAX_SHARDS))
def test_every_bucket_belongs_to_exactly_one_shard(shards: int) -> None:
    buckets = Counter(bucket for k in range(MAX_SHARDS) for bucket in Shard(k, shards).buckets)
    assert buckets == Counter(range(MAX_SHARDS))


@pytest.mark.parametrize("shards", [1, 2, 5, 16])
def test_the_same_dags_whatever_the_number_of_shards(
    parse: Parse, choose: Choose, rows: Rows, instance: Row, shards: int
) -> None:
    workflow = rows.workflow(instance=instance)
    made = [rows.schedule(workflow=workflow)["id"] for _ in range(24)]
    choose(shards)
    places = parse()
    files = {dag_id: file for dag_id, (_, file) in places.items()}
    assert files == {f"amc_schedule_{key}": file_of_row("schedule", UUID(str(key))) for key in made}
    for bundle, file in places.values():
        number = int(file[-5:-3]) if file[-5:-3].isdigit() else 0
        assert bundle == (BUNDLES[number % 2] if number else "dags-folder")


def test_another_number_of_shards_loses_no_dag_while_the_database_is_away(
    parse: Parse,
    choose: Choose,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow = rows.workflow(instance=instance)
    for _ in range(12):
        rows.schedule(workflow=workflow)
    choose(3)
    before = parse()
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/nothing")
    choose(4)
    assert set(parse()) == set(before)


@pytest.mark.own_sessions
def test_one_shards_trouble_is_no_other_shards(
    parse: Parse,
    choose: Choose,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(2)
    workflow = rows.workflow(instance=instance)
    made = [UUID(str(rows.schedule(workflow=workflow)["id"])) for _ in range(12)]
    before = parse()
    broken = next(key for key in made if bucket_of(key) % 2)
    snapshot = Path(os.environ["RECOMAMP_SNAPSHOT_DIR"], f"schedules-{bucket_of(broken):x}.json")
    snapshot.write_text("{", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/nothing")
    lost = {dag_id for dag_id in before if dag_id not in parse()}
    same = {f"amc_schedule_{key}" for key in made if bucket_of(key) == bucket_of(broken)}
    assert lost == same


@pytest.mark.parametrize("shards", [1, 2, 16])
def test_a_step_finds_its_dag_in_every_file_whatever_the_number_of_shards(
    connections: None,
    choose: Choose,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
    shards: int,
) -> None:
    """A step that was queued before another number of shards starts with its DAG's former file."""
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    dag_id = f"amc_schedule_{schedule['id']}"
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    choose(shards)
    found = 0
    for bundle in DagBundlesManager().get_all_dag_bundles():
        bundle.initialize()
        for file in bundle.path.glob("amc_schedules*.py"):
            assert dags_of(bundle.path, file) == [dag_id]
            found += 1
    assert found == 1 + len(BUNDLES) * (MAX_SHARDS - 1)


def test_the_database_and_python_put_a_row_into_the_same_bucket(database: Database) -> None:
    keys = database.query("SELECT gen_random_uuid() AS id FROM generate_series(1, 200)")
    for key in keys:
        (row,) = database.query(
            "SELECT get_byte(uuid_send(%(id)s::UUID), 15) %% 16 AS bucket", {"id": str(key["id"])}
        )
        assert row["bucket"] == bucket_of(UUID(str(key["id"])))


@pytest.mark.parametrize("shards", ["0", "17", "many", "-1"])
def test_a_number_that_is_none_hides_no_dag(
    parse: Parse, choose: Choose, rows: Rows, instance: Row, shards: str
) -> None:
    rows.schedule(workflow=rows.workflow(instance=instance))
    choose(shards)
    assert set(parse().values()) == {("dags-folder", "amc_schedules.py")}


def test_without_a_bundle_for_further_files_the_first_builds_all_dags(
    parse: Parse,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody else's Airflow has the folder `dags` and no bundle of ours."""
    workflow = rows.workflow(instance=instance)
    made = {f"amc_schedule_{rows.schedule(workflow=workflow)['id']}" for _ in range(12)}
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", "4")
    assert parse() == dict.fromkeys(made, ("dags-folder", "amc_schedules.py"))
    assert "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST lists no bundle" in caplog.text
