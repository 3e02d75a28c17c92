"""Executions and their results in the console: its answers, on a real database."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from psycopg2.extras import Json

from fixtures.console import Console
from fixtures.postgres import Row, Rows
from fixtures.results import EXECUTION, HEADER, NULLS, ROW, WORKFLOW, store, write
from recomamp.console.access import QUERY, RESULTS, RUNS
from recomamp.console.open_downloads import MAX_OPEN_OF_USER

FORMULA = '1,"=1+1",0.5,-0.5,2025-01-07,,false\n'
LINES = HEADER + ROW + NULLS + FORMULA


@pytest.fixture
def loaded(
    monkeypatch: pytest.MonkeyPatch, rows: Rows, console: Console, tmp_path: Path
) -> Callable[..., Row]:
    """Give a function that stores a result and its execution."""
    monkeypatch.setenv("RECOMAMP_RESULTS_URL", f"file://{tmp_path}/results")

    def load(max_rows: int = 10_000, **columns: Any) -> Row:
        monkeypatch.setattr("recomamp.store.results.document.MAX_ROWS", max_rows)
        results = store(tmp_path, write(tmp_path, LINES))
        schedule = rows.schedule(rows.workflow(id=str(WORKFLOW)))
        console.guest.seen.append(f"amc_schedule_{schedule['id']}")
        own = {
            "id": str(EXECUTION),
            "workflow_id": str(WORKFLOW),
            "schedule_id": schedule["id"],
            "dag_run_id": "scheduled__1",
            "status": "SUCCESS",
            "result_rows": 3,
            "window_start": "2025-01-06",
            "window_end": "2025-01-07",
            "completed_at": "2025-01-08",
            "result_data": results.document,
        }
        return rows.execution(**{**own, **columns})

    return load


def get(console: Console, path: str, **query: Any) -> Any:
    answer = console.client.get(f"/api/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_rows_are_exact_and_have_their_types(console: Console, loaded: Callable[..., Row]) -> None:
    loaded()
    result = get(console, f"executions/{EXECUTION}/result")
    assert [column["type"] for column in result["columns"]][:3] == [
        "LONG",
        "STRING",
        "DECIMAL(38,17)",
    ]
    assert result["rows"][0][:3] == ["576460752303423489", "Acme", "0.12345678901234567"]
    assert result["rows"][1] == [None] * 7
    assert result["files"][0]["name"] == "part-00001.parquet"
    assert "uri" not in result["files"][0]
    assert not result["is_truncated"]
    assert get(console, f"executions/{EXECUTION}/result", page=1)["rows"] == []


def test_a_chart_adds_up_a_measure(console: Console, loaded: Callable[..., Row]) -> None:
    loaded()
    path = f"executions/{EXECUTION}/chart"
    assert get(console, path, x="day", y="share") == {
        "points": [["2025-01-07", None, -0.5], ["2025-01-06", None, 0.1], [None, None, None]],
        "left_out": 0,
    }
    assert ["2025-01-06", "true", 1.0] in get(console, path, x="day", colour="is_new")["points"]
    answer = console.client.get(f"/api/{path}", params={"x": "day", "y": "campaign"})
    assert answer.status_code == 422


@pytest.mark.parametrize("max_rows", [10_000, 1], ids=["of the document", "of the files"])
def test_a_csv_has_all_rows_and_no_formula(
    console: Console, loaded: Callable[..., Row], max_rows: int
) -> None:
    loaded(max_rows)
    answer = console.client.get(f"/api/executions/{EXECUTION}/result.csv")
    assert answer.content.decode("utf-8-sig").splitlines() == [
        "campaign_id,campaign,rate,share,day,at,is_new",
        "576460752303423489,Acme,0.12345678901234567,0.1,2025-01-06,"
        + ("2025-01-06T10:00:00.123000,true"),
        ",,,,,,",
        "1,'=1+1,0.50000000000000000,-0.5,2025-01-07,,false",
    ]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="amc-{EXECUTION}.csv"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_comes_as_it_is_stored(console: Console, loaded: Callable[..., Row]) -> None:
    loaded()
    answer = console.client.get(f"/api/executions/{EXECUTION}/files/1")
    assert pq.read_table(io.BytesIO(answer.content)).num_rows == 3
    assert console.client.get(f"/api/executions/{EXECUTION}/files/2").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"), [("result.csv", 200), ("files/1", 200), ("files/2", 404)]
)
def test_each_download_gives_its_place_back(
    console: Console, loaded: Callable[..., Row], path: str, status: int
) -> None:
    loaded()
    answers = [
        console.client.get(f"/api/executions/{EXECUTION}/{path}").status_code
        for _ in range(MAX_OPEN_OF_USER + 1)
    ]
    assert set(answers) == {status}


@pytest.mark.parametrize("path", ["result.csv", "files/1"])
def test_a_file_outside_of_the_place_of_results_is_refused(
    console: Console, loaded: Callable[..., Row], rows: Rows, tmp_path: Path, path: str
) -> None:
    row = loaded(1)
    moved = tmp_path / "elsewhere"
    (tmp_path / "results").rename(moved)
    changed = row["result_data"]
    changed["files"][0]["uri"] = changed["files"][0]["uri"].replace("/results/", "/elsewhere/")
    rows.update("workflow_executions", row, result_data=changed)
    answer = console.client.get(f"/api/executions/{EXECUTION}/{path}")
    assert answer.status_code == 409
    assert "outside of RECOMAMP_RESULTS_URL" in answer.json()["detail"]
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize("path", ["result.csv", "files/1"])
def test_files_that_are_gone_are_no_broken_download(
    console: Console, loaded: Callable[..., Row], tmp_path: Path, path: str
) -> None:
    loaded(1)
    (tmp_path / "results").rename(tmp_path / "gone")
    answer = console.client.get(f"/api/executions/{EXECUTION}/{path}")
    assert answer.status_code == 404
    assert str(tmp_path) not in answer.text


def test_a_download_holds_no_connection_while_it_streams(
    console: Console, loaded: Callable[..., Row], database: Any
) -> None:
    loaded(1)
    held: list[int] = []

    def count(_rows: Any, names: Any) -> Any:
        held.append(console.client.app.state.database._free._value)  # type: ignore[attr-defined]
        return iter(())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recomamp.console.downloads.rows_of_files", count)
        console.client.get(f"/api/executions/{EXECUTION}/result.csv")
    assert held == [4]


def test_versions_say_what_changed(
    console: Console, loaded: Callable[..., Row], rows: Rows
) -> None:
    row = loaded()
    earlier = rows.execution(
        workflow_id=str(WORKFLOW),
        schedule_id=row["schedule_id"],
        dag_run_id="scheduled__0",
        status="SUCCESS",
        window_start="2025-01-06",
        window_end="2025-01-07",
        completed_at="2025-01-07",
    )
    rows.insert(
        "result_differences",
        execution_id=row["id"],
        previous_execution_id=earlier["id"],
        compared_at="2025-01-08",
        key_columns=["campaign"],
        rows_before=3,
        rows_after=3,
        rows_new=0,
        rows_gone=0,
        rows_changed=1,
        change_ratio="0.02",
    )
    rows.insert(
        "result_difference_columns",
        execution_id=row["id"],
        column_name="spend",
        sum_before="0.12345678901234567890",
        sum_after="1",
    )
    rows.insert(
        "result_difference_rows",
        execution_id=row["id"],
        number=1,
        kind="CHANGED",
        key={"campaign": "Acme"},
        before={"spend": 1},
        after={"spend": 2},
    )
    answer = get(console, f"executions/{row['id']}/versions")
    assert [one["id"] for one in answer["versions"]] == [str(row["id"]), str(earlier["id"])]
    assert answer["difference"]["rows_changed"] == 1
    assert answer["columns"][0]["sum_before"] == "0.12345678901234567890"
    assert answer["rows"][0]["after"] == {"spend": "2"}
    assert get(console, f"executions/{row['id']}/versions", after=1)["rows"] == []


@pytest.mark.parametrize("path", ["result", "chart?x=day", "versions", "result.csv", "files/1"])
def test_results_need_the_right_to_read_xcoms(
    console: Console, loaded: Callable[..., Row], path: str
) -> None:
    loaded()
    console.guest.forbidden.add(RESULTS)
    assert console.client.get(f"/api/executions/{EXECUTION}/{path}").status_code == 404
    seen = get(console, f"executions/{EXECUTION}")
    assert seen["checks"] is None
    assert not seen["may_read_results"]


def test_the_query_needs_the_right_to_read_code(
    console: Console, loaded: Callable[..., Row]
) -> None:
    loaded(submitted_sql="SELECT secret FROM t")
    path = f"executions/{EXECUTION}"
    assert get(console, path)["query"]["submitted_sql"] == "SELECT secret FROM t"
    console.guest.forbidden.add(QUERY)
    assert "secret" not in str(get(console, path))
    console.guest.forbidden.add(RUNS)
    hidden, missing = (console.client.get(f"/api/executions/{one}") for one in (EXECUTION, uuid4()))
    assert (hidden.status_code, hidden.json()) == (missing.status_code, missing.json())


def test_lists_have_visible_executions_in_pages(
    console: Console, loaded: Callable[..., Row], rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recomamp.console.executions.PAGE_SIZE", 2)
    row = loaded()
    own = {"workflow_id": str(WORKFLOW), "schedule_id": row["schedule_id"]}
    ids = [
        rows.execution(**own, dag_run_id=f"r{number}", status=status)["id"]
        for number, status in enumerate(["FAILED", "FAILED", "PENDING"])
    ]
    hidden = rows.schedule()
    rows.execution(
        workflow_id=hidden["workflow_id"], schedule_id=hidden["id"], dag_run_id="of another"
    )
    first = get(console, "executions")
    assert [one["id"] for one in first["executions"]] == [str(one) for one in ids[:0:-1]]
    assert first["has_more"]
    last = first["executions"][-1]
    second = get(console, "executions", before_at=last["created_at"], before_id=last["id"])
    assert [one["id"] for one in second["executions"]] == [str(ids[0]), str(row["id"])]
    assert not second["has_more"]
    failed = get(console, "executions", state="FAILED")
    assert {one["id"] for one in failed["executions"]} == {str(ids[0]), str(ids[1])}
    assert get(console, "executions", dag_id=f"amc_schedule_{hidden['id']}")["executions"] == []


def test_a_run_has_its_attempts_the_latest_first(
    console: Console, loaded: Callable[..., Row], rows: Rows
) -> None:
    row = loaded()
    later = rows.execution(
        workflow_id=str(WORKFLOW),
        schedule_id=row["schedule_id"],
        dag_run_id=row["dag_run_id"],
        attempt=2,
    )
    run = {"dag_id": row["dag_id"], "run_id": row["dag_run_id"]}
    ids = [one["id"] for one in get(console, "runs", **run)["attempts"]]
    assert ids == [str(later["id"]), str(row["id"])]
    assert get(console, "runs", **run | {"run_id": "of-nothing"}) == {"attempts": []}
    assert get(console, f"executions/{row['id']}")["actions"] == []
    console.guest.forbidden.add(RUNS)
    assert console.client.get("/api/runs", params=run).status_code == 404


def test_a_request_is_its_owners_row(
    console: Console, loaded: Callable[..., Row], rows: Rows, database: Any
) -> None:
    row = loaded()
    path = f"/api/executions/{EXECUTION}/requests"
    answer = console.client.post(path, json={"action": "LOAD"})
    assert answer.status_code == 201, answer.text
    asked = rows.get("run_requests", answer.json()["id"])
    assert (asked["action"], asked["user_id"]) == ("LOAD", row["user_id"])
    seen = get(console, f"executions/{EXECUTION}")
    assert seen["requests"][0]["status"] == "PENDING"
    assert seen["actions"] == ["RETRY", "LOAD"]
    rows.quotas(str(row["user_id"]), max_open_requests=1)
    refused = console.client.post(path, json={"action": "RETRY"})
    assert refused.status_code == 422
    assert "max_open_requests" in refused.json()["detail"]
    console.guest.forbidden.add("PUT")
    assert console.client.post(path, json={"action": "RETRY"}).status_code == 403
    assert get(console, f"executions/{EXECUTION}")["actions"] == []
    assert console.client.post(path, json={"action": "BACKFILL"}).status_code == 422


def test_a_document_of_the_application_breaks_nothing(
    console: Console, loaded: Callable[..., Row], rows: Rows
) -> None:
    row = loaded()
    for content in (
        [1, 2],
        {"data": [3, [4], None], "files": "none", "schema": {"fields": [5]}},
        6,
    ):
        rows.update("workflow_executions", row, result_data=Json(content))
        assert get(console, f"executions/{EXECUTION}/result")["columns"] == []
        assert console.client.get(f"/api/executions/{EXECUTION}/result.csv").status_code in (
            200,
            409,
        )
        assert console.client.get(f"/api/executions/{EXECUTION}/files/1").status_code == 404
