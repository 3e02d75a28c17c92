"""The bundle of shards: whole files whoever writes them, and none hidden that still has DAGs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow import settings
from airflow.models import import_all_models
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.file import list_py_file_paths
from airflow.utils.session import create_session
from sqlalchemy import delete

from fixtures.shards import BUNDLES, use_shards
from recomamp.pipeline.generator.shard_bundle import ShardBundle
from recomamp.pipeline.settings import MAX_SHARDS

Choose = Callable[[int], None]
EVERY_FILE = {
    f"amc_{kind}_{number:02d}.py"
    for kind in ("schedules", "collections")
    for number in range(1, MAX_SHARDS)
}


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Choose:
    """Choose another number of shards; all files are in the one bundle."""
    return lambda number: use_shards(
        monkeypatch, number, bundles=BUNDLES[:1], directory=tmp_path / "bundles"
    )


@pytest.fixture
def bundle(choose: Choose) -> ShardBundle:
    choose(4)
    return ShardBundle(name=BUNDLES[0])


@pytest.fixture
def airflow_database() -> Iterator[None]:
    """Have Airflow's tables, without a DAG."""
    import_all_models()
    DagModel.metadata.create_all(settings.engine)
    yield
    with create_session() as session:
        session.execute(delete(DagModel))
        session.execute(delete(DagBundleModel))


def found(bundle: ShardBundle) -> set[str]:
    """Return the files that Airflow finds."""
    paths = {Path(path) for path in list_py_file_paths(bundle.path, safe_mode=True)}
    assert {path.parent for path in paths} <= {bundle.path}
    return {path.name for path in paths}


def files_of(*numbers: int) -> set[str]:
    return {file for file in EVERY_FILE if int(file[-5:-3]) in numbers}


def store_dag(file: str, *, bundle: str = BUNDLES[0], is_stale: bool = False) -> None:
    with create_session() as session:
        session.merge(DagBundleModel(name=bundle))
        session.flush()
        dag_id = f"of {file} in {bundle}"
        session.merge(
            DagModel(dag_id=dag_id, bundle_name=bundle, relative_fileloc=file, is_stale=is_stale)
        )


def test_the_folder_has_the_files_of_all_shards_which_differ_in_their_names(
    bundle: ShardBundle,
) -> None:
    bundle.initialize()
    assert {path.name for path in bundle.path.iterdir()} == EVERY_FILE
    for kind in ("schedules", "collections"):
        assert len({path.read_bytes() for path in bundle.path.glob(f"amc_{kind}_*.py")}) == 1


def test_the_folder_is_the_same_wherever_the_bundle_is_made(
    bundle: ShardBundle, tmp_path: Path
) -> None:
    assert bundle.path == tmp_path / "bundles" / BUNDLES[0]
    assert bundle.get_current_version() is None


def test_where_all_files_are_right_nothing_is_written(
    bundle: ShardBundle, airflow_database: None
) -> None:
    """So each step may initialize the bundle, and the folder of a worker may be read-only."""

    def written() -> dict[Path, int]:
        return {path: path.stat().st_ctime_ns for path in [bundle.path, *bundle.path.iterdir()]}

    bundle.initialize()
    bundle.refresh()
    before = written()
    again = ShardBundle(name=BUNDLES[0])
    again.initialize()
    again.refresh()
    assert written() == before


def test_a_file_of_another_release_is_replaced_and_a_lost_one_comes_back(
    bundle: ShardBundle,
) -> None:
    bundle.initialize()
    first, second, *_ = sorted(bundle.path.iterdir())
    right = first.read_bytes()
    first.write_text("raise RuntimeError", encoding="utf-8")
    second.unlink()
    ShardBundle(name=BUNDLES[0]).initialize()
    assert first.read_bytes() == right
    assert {path.name for path in bundle.path.iterdir()} == EVERY_FILE


def test_what_a_killed_process_left_half_written_is_no_dag_file_and_no_obstacle(
    bundle: ShardBundle, airflow_database: None
) -> None:
    bundle.path.mkdir(parents=True)
    (bundle.path / "amc_schedules_01.py.tmp").write_text("from airf", encoding="utf-8")
    bundle.initialize()
    bundle.refresh()
    assert found(bundle) == files_of(1, 2, 3)


def test_processes_that_write_at_once_leave_whole_files(bundle: ShardBundle) -> None:
    bundle.initialize()
    right = {path: path.read_bytes() for path in bundle.path.iterdir()}
    # Forked as Airflow forks: each begins with the same folder and damages a file of its own
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_damage_and_mend, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * len(writers)
    bundle.initialize()
    assert {path: path.read_bytes() for path in bundle.path.iterdir()} == right


def _damage_and_mend(number: int) -> None:
    for _ in range(20):
        bundle = ShardBundle(name=BUNDLES[0])
        (bundle.path / f"amc_schedules_{number + 1:02d}.py").unlink()
        bundle.initialize()
        # Nobody ever sees a file without its end
        for path in bundle.path.glob("*.py"):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:  # another one's file, at this moment
                continue
            assert text.endswith("globals()[dag.dag_id] = dag\n")


@pytest.mark.parametrize("shards", [1, 2, 16])
def test_airflow_finds_the_files_of_shards_that_there_are(
    bundle: ShardBundle, choose: Choose, airflow_database: None, shards: int
) -> None:
    choose(shards)
    bundle.initialize()
    bundle.refresh()
    assert found(bundle) == files_of(*range(1, shards))


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_airflow_may_read_the_list_of_hidden_files_in_either_way(
    bundle: ShardBundle,
    airflow_database: None,
    monkeypatch: pytest.MonkeyPatch,
    syntax: str,
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", syntax)
    bundle.initialize()
    bundle.refresh()
    assert found(bundle) == files_of(1, 2, 3)


def test_a_file_stays_until_another_one_builds_its_dags(
    bundle: ShardBundle, choose: Choose, airflow_database: None
) -> None:
    bundle.initialize()
    store_dag("amc_schedules_03.py")
    store_dag("amc_collections_02.py", is_stale=True)
    store_dag("amc_collections_03.py", bundle="another-bundle")
    choose(2)
    bundle.refresh()
    assert found(bundle) == {*files_of(1), "amc_schedules_03.py"}
    with create_session() as session:
        session.execute(delete(DagModel))
    bundle.refresh()
    assert found(bundle) == files_of(1)


def test_bundles_share_the_shards_between_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, airflow_database: None
) -> None:
    use_shards(monkeypatch, 6, directory=tmp_path)
    shares = {}
    for name in BUNDLES:
        bundle = ShardBundle(name=name)
        bundle.initialize()
        bundle.refresh()
        shares[name] = found(bundle)
    assert shares == {BUNDLES[0]: files_of(2, 4), BUNDLES[1]: files_of(1, 3, 5)}
