"""Old results make room, and nothing goes that is the only copy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg2.extras import Json

from fixtures.postgres import Database, Row, Rows
from recomamp.errors import ConfigurationError, InvalidResults
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.pipeline.maintenance import retention
from recomamp.pipeline.maintenance.operators import ApplyRetention
from recomamp.pipeline.maintenance.retention import Retention, delete_files, trim_documents
from recomamp.store.executions import mark_succeeded
from recomamp.store.locks import Purpose, locked
from recomamp.store.results.files import ResultDirectory, StoredFile
from recomamp.store.results.stored_files import StoredFiles

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WEEK = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))

pytestmark = pytest.mark.usefixtures("pipeline_connection")


@dataclass
class Results:
    """Results in the database and on disk, and the upkeep that looks after them."""

    database: Database
    rows: Rows
    root: Path
    schedule: Row
    prefix_of_keys: str = "recomamp_"

    def store(self, *, days: int, parts: int = 1, **columns: Any) -> Row:
        """Store a result that is so many days old."""
        key, at = str(uuid4()), NOW - timedelta(days=days)
        own: dict[str, Any] = {
            "id": key,
            "status": "SUCCESS",
            "amc_status": "SUCCEEDED",
            "schedule_id": self.schedule["id"],
            "instance_id": self.rows.get("workflows", self.schedule["workflow_id"])["instance_id"],
            "window_start": WEEK[0],
            "window_end": WEEK[1],
            "window_time_zone": "UTC",
            "submitted_sql": "SELECT 1",
            "completed_at": at,
            "result_rows": 3,
            "result_data": {
                "schema": {"fields": [{"name": "x", "type": "integer"}]},
                "data": [{"x": 1}, {"x": 2}],
                "truncated": False,
                "files": self._write(key, parts),
            },
        }
        workflow = self.rows.get("workflows", self.schedule["workflow_id"])
        return self.rows.execution(workflow, **{**own, **columns})

    def _write(self, key: str, parts: int) -> list[dict[str, Any]]:
        keys = {
            "workflow": self.schedule["workflow_id"],
            "window_start": "2026-01-05",
            "execution": key,
        }
        place = "/".join(f"{self.prefix_of_keys}{name}={value}" for name, value in keys.items())
        target, files = ResultDirectory(self.root.as_uri(), place, lambda: None), []
        for number in range(1, parts + 1):
            name = f"part-{number:05d}.parquet"
            with target.open_temporary(name) as file:
                file.write(f"{key} {number}".encode() * 1000)
                stored = StoredFile(
                    uri=target.uri(name), rows=3, bytes=file.size_bytes, sha256=file.sha256
                )
            files.append(stored.as_json())
        target.publish([f"part-{number:05d}.parquet" for number in range(1, parts + 1)])
        return files

    def paths(self, row: Row) -> list[Path]:
        """Where the files of a result lie, or lay."""
        return [Path(file["uri"].removeprefix("file://")) for file in row["result_data"]["files"]]

    def get(self, row: Row) -> Row:
        return self.rows.get("workflow_executions", row)

    def trim(self, days: int = 30) -> Retention:
        return self._retain(trim_documents, days)

    def delete(self, days: int = 30) -> Retention:
        return self._retain(delete_files, days)

    def _retain(self, retain: Callable[..., Retention], days: int) -> Retention:
        before = NOW - timedelta(days=days)
        return retain(DatabaseHook(), StoredFiles(self.root.as_uri()), before=before, now=NOW)


@contextmanager
def locked_by_its_user(results: Results, row: Row) -> Iterator[None]:
    """Have the user delete the row's schedule, and leave the transaction open."""
    session = results.database.connect("recomamp_analyst", str(row["user_id"]))
    session.cursor().execute(
        "SELECT delete_own_row('workflow_schedules', %s)", [str(row["schedule_id"])]
    )
    yield
    session.rollback()


@pytest.fixture
def results(database: Database, rows: Rows, tmp_path: Path) -> Results:
    return Results(database, rows, tmp_path / "results", rows.schedule())


# --- Documents ---------------------------------------------------------------------------------


def test_an_old_document_keeps_all_but_its_rows(results: Results) -> None:
    old, young = results.store(days=31, parts=2), results.store(days=29)

    assert [results.trim().done, results.trim().done] == [1, 0]

    document = results.get(old)["result_data"]
    assert document == {**old["result_data"], "data": [], "truncated": True}
    assert results.get(old)["result_data_trimmed_at"] == NOW
    assert results.get(old)["result_rows"] == 3
    assert results.get(young) == young
    assert all(path.exists() for path in results.paths(old))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "has 0 bytes"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, not"),
    ],
)
def test_a_document_whose_files_are_not_whole_is_the_only_copy_and_stays(
    results: Results, harm: Callable[[Path], Any], reason: str
) -> None:
    broken, whole = results.store(days=40, parts=2), results.store(days=35)
    harm(results.paths(broken)[1])

    retained = results.trim()

    assert results.get(broken) == broken
    assert results.get(whole)["result_data"]["data"] == []
    (finding,) = retained.findings
    assert finding.subject == f"execution {broken['id']}"
    assert reason in finding.detail
    assert (retained.done, retained.failures) == (1, [])


def test_a_result_that_its_user_keeps_locked_waits_for_the_next_time(results: Results) -> None:
    old, _ = results.store(days=90), results.store(days=80)
    with locked_by_its_user(results, old):
        assert [results.trim(), results.delete()] == [Retention(), Retention()]
    assert [results.trim().done, results.delete().done] == [2, 1]


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "FAILED"},
        {"result_data": {"data": [{"x": 1}]}},
        {"result_data": {"data": [{"x": 1}], "files": []}},
        {"result_data": {"data": [{"x": 1}], "files": "none"}},
        {"result_data": None},
    ],
)
def test_what_has_no_files_is_left_alone(results: Results, columns: dict[str, Any]) -> None:
    kept = results.store(days=400, **columns)

    retained = results.trim()

    assert (retained.done, retained.findings) == (0, [])
    assert results.get(kept) == kept


def test_a_file_whose_load_recorded_no_checksum_does_not_count(results: Results) -> None:
    old = results.store(days=40)
    files = [{**old["result_data"]["files"][0], "sha256": None}]
    results.rows.update(
        "workflow_executions", old, result_data={**old["result_data"], "files": files}
    )

    (finding,) = results.trim().findings

    assert "has no SHA-256" in finding.detail
    assert results.get(old)["result_data"]["data"] == old["result_data"]["data"]


def test_files_that_lie_elsewhere_do_not_count(results: Results, tmp_path: Path) -> None:
    old = results.store(days=40)
    results.root = tmp_path / "another"
    results.root.mkdir()

    (finding,) = results.trim().findings

    assert "is not below RECOMAMP_RESULTS_URL" in finding.detail
    assert results.get(old) == old


def test_page_after_page_is_done_and_what_stays_holds_up_nothing(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAGE_RESULTS", 2)
    stored = [results.store(days=60 - number) for number in range(7)]
    for row in stored[:3]:
        results.paths(row)[0].unlink()

    retained = results.trim()

    assert (retained.done, len(retained.findings)) == (4, 3)


def reload_results(results: Results, row: Row, at: datetime) -> None:
    """Load results again as the pipeline does."""
    with results.database.connect("recomamp_pipeline") as connection:
        mark_succeeded(
            connection,
            UUID(row["id"]),
            result_data=json.dumps(row["result_data"]),
            result_rows=3,
            result_size_bytes=1,
            execution_duration_seconds=None,
            completed_at=at,
        )


def test_results_that_are_loaded_again_are_young_again(results: Results) -> None:
    old = results.store(days=400)
    results.trim()
    reload_results(results, old, NOW - timedelta(days=1))

    assert results.trim().done == 0

    again = results.get(old)
    assert (again["result_data"], again["result_data_trimmed_at"]) == (old["result_data"], None)


def test_results_that_are_loaded_again_meanwhile_are_left_alone(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = results.store(days=400)

    class Reloading(StoredFiles):
        def find_difference(self, *args: Any, **kwargs: Any) -> str:
            reload_results(results, old, NOW)
            return super().find_difference(*args, **kwargs)

    files = Reloading(results.root.as_uri())
    before = NOW - timedelta(days=30)

    assert trim_documents(DatabaseHook(), files, before=before, now=NOW).done == 0
    assert results.get(old)["result_data"] == old["result_data"]


# --- Files -------------------------------------------------------------------------------------


def test_files_of_a_superseded_result_go_and_the_row_says_who_has_them(results: Results) -> None:
    first, second = results.store(days=90, parts=2), results.store(days=60)
    last = results.store(days=40)

    assert [results.delete().done, results.delete().done] == [2, 0]

    assert not any(path.exists() for row in (first, second) for path in results.paths(row))
    assert not results.paths(first)[0].parent.exists()
    assert all(path.exists() for path in results.paths(last))
    assert results.get(last) == last
    for row in (first, second):
        after = results.get(row)
        assert (after["superseded_by"], after["result_files_deleted_at"]) == (last["id"], NOW)
        assert after["result_data"] == {**row["result_data"], "files": []}


def test_the_latest_result_of_a_question_is_never_deleted(results: Results) -> None:
    only = results.store(days=4000)

    assert results.delete().done == 0
    assert all(path.exists() for path in results.paths(only))


@pytest.mark.parametrize("result_rows", [0, 2, None])
def test_a_later_answer_with_fewer_rows_supersedes_nothing(
    results: Results, result_rows: int | None
) -> None:
    full, poorer = results.store(days=400), results.store(days=40, result_rows=result_rows)

    retained = results.delete()

    (finding,) = retained.findings
    assert finding.subject == f"execution {full['id']}"
    assert f"execution {poorer['id']} answered the same question later" in finding.detail
    assert (retained.done, results.get(full), results.get(poorer)) == (0, full, poorer)
    assert all(path.exists() for row in (full, poorer) for path in results.paths(row))


def test_a_poorer_answer_does_not_hide_a_full_one(results: Results) -> None:
    first, second = results.store(days=400), results.store(days=60)
    results.store(days=40, result_rows=0)

    retained = results.delete()

    assert results.get(first)["superseded_by"] == second["id"]
    assert [one.subject for one in retained.findings] == [f"execution {second['id']}"]
    assert all(path.exists() for path in results.paths(second))


@pytest.mark.parametrize(
    "other",
    [
        {"status": "FAILED"},
        {"window_end": WEEK[1] + timedelta(days=1)},
        {"window_time_zone": "Europe/Berlin"},
        {"submitted_sql": "SELECT 2"},
        {"parameters": {"minimum": 2}},
        {"amc_options": Json({"privacyFilteringBehavior": "REMOVE_VALUES"})},
        {"input_parameters": Json([{"name": "minimum"}])},
        {"schedule_id": None},
        {"window_type": "PREVIOUS_MONTH"},
        {"result_data": {"data": [], "files": []}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_answer_to_another_question_supersedes_nothing(
    results: Results, other: dict[str, Any]
) -> None:
    old = results.store(days=90)
    results.store(days=10, **other)

    assert results.delete().done == 0
    assert all(path.exists() for path in results.paths(old))


def test_windows_that_amc_chooses_are_never_the_same(results: Results) -> None:
    old = results.store(days=90, window_type="MOST_RECENT_DAY")
    results.store(days=10, window_type="MOST_RECENT_DAY")

    assert results.delete().done == 0
    assert all(path.exists() for path in results.paths(old))


def test_while_the_later_files_are_not_whole_the_older_stay(results: Results) -> None:
    old, last = results.store(days=90), results.store(days=40)
    results.paths(last)[0].write_bytes(b"half")

    retained = results.delete()

    (finding,) = retained.findings
    assert finding.subject == f"execution {last['id']}"
    assert retained.done == 0
    assert all(path.exists() for path in results.paths(old))


def test_files_stay_while_a_load_is_replacing_them(results: Results) -> None:
    old = results.store(days=90)
    results.store(days=40)
    with locked(DatabaseHook().get_conn, UUID(old["id"]), Purpose.LOAD):
        assert results.delete().done == 0
    assert [path.exists() for path in results.paths(old)] == [True]
    assert results.delete().done == 1


def test_what_a_week_shows_is_kept(results: Results) -> None:
    collection = results.rows.collection(
        results.rows.get("workflows", results.schedule["workflow_id"])
    )
    source = {"schedule_id": None, "collection_id": collection["id"]}
    old = results.store(days=90, **source)
    results.store(days=40, **source)
    results.rows.update(
        "report_data_weeks", results.rows.weeks(collection)[0], execution_id=old["id"]
    )

    assert results.delete().done == 0
    assert all(path.exists() for path in results.paths(old))


def test_a_run_that_died_between_files_and_row_is_finished_by_the_next(results: Results) -> None:
    old, last = results.store(days=90, parts=2), results.store(days=40)
    results.paths(old)[0].unlink()

    assert results.delete().done == 1

    assert not results.paths(old)[1].exists()
    assert results.get(old)["superseded_by"] == last["id"]


@pytest.mark.parametrize(
    "uri",
    [
        "{root}/../precious.txt",
        "{root}/workflow={workflow}/window_start=2026-01-05/execution={other}/part-00001.parquet",
        "{root}/workflow={workflow}/window_start=2026-01-05/execution={own}/../../precious.txt",
        "{root}/recomamp_workflow={workflow}/window_start=2026-01-05/execution={own}/part-00001.parquet",
        "{root}/recomamp_workflow={workflow}/recomamp_window_start=2026-01-05"
        "/recomamp_execution={other}/part-00001.parquet",
        "file:///etc/hostname",
    ],
)
def test_no_file_of_anybody_else_is_deleted_whatever_a_row_says(
    results: Results, tmp_path: Path, uri: str
) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("dear")
    old, last = results.store(days=90), results.store(days=40)
    places = {"root": results.root.as_uri(), "workflow": results.schedule["workflow_id"]}
    lie = uri.format(**places, other=last["id"], own=old["id"])
    document = {**old["result_data"], "files": [{**old["result_data"]["files"][0], "uri": lie}]}
    results.rows.update("workflow_executions", old, result_data=document)

    retained = results.delete()

    assert retained.done == 0
    assert "not below its own" in retained.failures[0]
    assert precious.exists()
    assert all(path.exists() for row in (old, last) for path in results.paths(row))


def test_files_whose_directory_keys_have_no_prefix_are_found_too(results: Results) -> None:
    results.prefix_of_keys = ""
    old, last = results.store(days=90), results.store(days=40)

    assert results.trim().done == 2
    assert results.delete().done == 1

    assert not any(path.exists() for path in results.paths(old))
    assert all(path.exists() for path in results.paths(last))


def test_rows_of_a_superseded_document_go_when_the_later_files_are_whole(results: Results) -> None:
    old, last = results.store(days=90), results.store(days=40)
    results.delete()
    results.paths(last)[0].rename(results.paths(last)[0].with_suffix(".away"))
    assert results.trim(days=60).done == 0
    results.paths(last)[0].with_suffix(".away").rename(results.paths(last)[0])

    assert results.trim(days=60).done == 1

    assert results.get(old)["result_data"]["data"] == []
    assert results.get(last) == last


def test_a_document_is_not_trimmed_in_favour_of_an_answer_with_fewer_rows(
    results: Results,
) -> None:
    old, last = results.store(days=90), results.store(days=40)
    results.delete()
    results.rows.update("workflow_executions", last, result_rows=0)  # loaded again since

    retained = results.trim(days=60)

    (finding,) = retained.findings
    assert finding.subject == f"execution {old['id']}"
    assert "is not known to have as many rows" in finding.detail
    assert results.get(old)["result_data"]["data"] == old["result_data"]["data"]


def test_who_was_superseded_by_one_that_was_superseded_is_led_on(results: Results) -> None:
    first, second = results.store(days=90), results.store(days=60)
    results.delete(days=80)
    assert results.get(first)["superseded_by"] == second["id"]
    third = results.store(days=40)

    results.delete(days=50)

    assert results.get(second)["superseded_by"] == third["id"]
    assert results.get(first)["superseded_by"] == third["id"]


# --- The step ----------------------------------------------------------------------------------

SETTINGS = {
    "documents": "RECOMAMP_RESULT_DATA_RETENTION_DAYS",
    "files": "RECOMAMP_RESULT_FILES_RETENTION_DAYS",
}


def run(what: str) -> Any:
    task = ApplyRetention(task_id="retain", what=what)
    return task.execute({"dag_run": SimpleNamespace(run_id="daily")})


@pytest.mark.parametrize("what", SETTINGS)
def test_without_a_setting_everything_is_kept(results: Results, what: str) -> None:
    stored = [results.store(days=days) for days in (4000, 3000)]

    assert run(what) == 0
    assert [results.get(row) for row in stored] == stored


@pytest.mark.parametrize("what", SETTINGS)
def test_the_setting_says_how_old(
    results: Results, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv(SETTINGS[what], "30")
    results.store(days=4000)
    results.store(days=3000)

    assert run(what) == {"documents": 2, "files": 1}[what]
    assert run(what) == 0


@pytest.mark.parametrize("what", SETTINGS)
@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5", "99999999"])
def test_a_setting_that_is_no_number_of_days_is_refused(
    results: Results, monkeypatch: pytest.MonkeyPatch, what: str, value: str
) -> None:
    monkeypatch.setenv(SETTINGS[what], value)
    results.store(days=4000)
    results.store(days=3000)

    with pytest.raises(ConfigurationError, match=SETTINGS[what]):
        run(what)


def test_storage_that_does_not_answer_fails_the_step_after_all_others(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS["documents"], "30")
    broken, whole = results.store(days=4000), results.store(days=3000)
    path = results.paths(broken)[0]
    path.rename(path.with_suffix(".away"))
    path.symlink_to(path)  # a file that no one can read, root neither

    with pytest.raises(InvalidResults, match=broken["id"]):
        run("documents")

    assert results.get(broken) == broken
    assert results.get(whole)["result_data"]["data"] == []


def test_what_was_found_is_kept_for_people(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS["documents"], "30")
    broken = results.store(days=4000)
    results.paths(broken)[0].unlink()

    run("documents")
    run("documents")

    (finding,) = results.database.query("SELECT * FROM maintenance_findings")
    assert (finding["kind"], finding["dag_run_id"]) == ("RESULT_FILES", "daily")
    assert "is missing" in finding["detail"]
