"""DAGs spread over several files: each in one of them, whatever their number."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.file import list_py_file_paths
from hypothesis import given
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows
from recomamp.pipeline.generator.shards import Shard, bucket_of, file_of_row
from recomamp.pipeline.settings import MAX_SHARDS

DAGS = Path(__file__).resolve().parents[3] / "dags"
FILES = sorted(DAGS.rglob("amc_schedules*.py"))


@pytest.fixture
def parse(connections: None) -> Callable[..., dict[str, str]]:
    """Parse the files of all shards and return the DAGs, with the file that each comes from."""

    def parse(*files: Path) -> dict[str, str]:
        found: Counter[str] = Counter()
        places: dict[str, str] = {}
        for file in files or FILES:
            bag = DagBag(collect_dags=False, bundle_path=DAGS, bundle_name="dags")
            bag.process_file(str(file), only_if_updated=False)
            assert bag.import_errors == {}
            found.update(bag.dags.keys())
            places |= dict.fromkeys(bag.dags, str(file.relative_to(DAGS)))
        assert set(found.values()) <= {1}, "a DAG of two files"
        return places

    return parse


@given(st.integers(1, MAX_SHARDS))
def test_every_bucket_belongs_to_exactly_one_shard(shards: int) -> None:
    buckets = Counter(bucket for k in range(MAX_SHARDS) for bucket in Shard(k, shards).buckets)
    assert buckets == Counter(range(MAX_SHARDS))


@pytest.mark.parametrize("shards", ["1", "2", "5", "16"])
def test_the_same_dags_whatever_the_number_of_shards(
    parse: Callable[..., dict[str, str]],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
    shards: str,
) -> None:
    workflow = rows.workflow(instance=instance)
    made = [rows.schedule(workflow=workflow)["id"] for _ in range(24)]
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", shards)
    places = parse()
    assert places == {
        f"amc_schedule_{key}": file_of_row("schedule", UUID(str(key))) for key in made
    }


def test_another_number_of_shards_loses_no_dag_while_the_database_is_away(
    parse: Callable[..., dict[str, str]],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workflow = rows.workflow(instance=instance)
    for _ in range(12):
        rows.schedule(workflow=workflow)
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", "3")
    before = parse()
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", "4")
    assert set(parse()) == set(before)


def test_one_shards_trouble_is_no_other_shards(
    parse: Callable[..., dict[str, str]],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", "2")
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


def test_a_run_under_way_finds_its_dag_in_the_file_that_built_it_before(
    parse: Callable[..., dict[str, str]],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule = rows.schedule(workflow=rows.workflow(instance=instance))
    dag_id = f"amc_schedule_{schedule['id']}"
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
    for file in (FILES[0], FILES[-1]):
        assert list(parse(file)) == [dag_id]


def test_the_database_and_python_put_a_row_into_the_same_bucket(database: Database) -> None:
    keys = database.query("SELECT gen_random_uuid() AS id FROM generate_series(1, 200)")
    for key in keys:
        (row,) = database.query(
            "SELECT get_byte(uuid_send(%(id)s::UUID), 15) %% 16 AS bucket", {"id": str(key["id"])}
        )
        assert row["bucket"] == bucket_of(UUID(str(key["id"])))


@pytest.mark.parametrize("shards", ["0", "17", "many", "-1"])
def test_a_number_that_is_none_hides_no_dag(
    parse: Callable[..., dict[str, str]],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
    shards: str,
) -> None:
    rows.schedule(workflow=rows.workflow(instance=instance))
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", shards)
    assert set(parse().values()) == {"amc_schedules.py"}


@pytest.mark.parametrize(("shards", "files"), [("1", 2), ("4", 8), ("16", 32)])
def test_airflow_finds_no_more_files_than_there_are_shards(
    monkeypatch: pytest.MonkeyPatch, shards: str, files: int
) -> None:
    monkeypatch.setenv("RECOMAMP_DAG_SHARDS", shards)
    monkeypatch.setenv(
        "AIRFLOW__CORE__MIGHT_CONTAIN_DAG_CALLABLE",
        "recomamp.pipeline.generator.shards.might_contain_dag",
    )
    found = [Path(path) for path in list_py_file_paths(DAGS, safe_mode=True)]
    assert len([path for path in found if path.name.startswith("amc_")]) == files


def test_the_files_of_a_kind_differ_in_their_names_alone() -> None:
    for kind in ("schedules", "collections"):
        shares = sorted((DAGS / "shards").glob(f"amc_{kind}_*.py"))
        assert [path.stem[-2:] for path in shares] == [f"{n:02d}" for n in range(1, MAX_SHARDS)]
        assert len({path.read_text(encoding="utf-8") for path in shares}) == 1
