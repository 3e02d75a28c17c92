"""A load stores what its result changed against the version before. It never fails by that."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import Run
from recomamp.domain.limits import Limits
from recomamp.domain.result_difference import ResultDifference
from recomamp.pipeline.executions import versions
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.record import RecordRun
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.versions import compare_with_previous
from recomamp.pipeline.hooks import DatabaseHook
from recomamp.store.result_differences import store_difference

SQL = (
    "SELECT campaign, SUM(total_purchases) AS purchases, SUM(total_product_sales) AS sales"
    " FROM amazon_attributed_events_by_traffic_time GROUP BY campaign"
)


@pytest.fixture
def workflow(rows: Rows, instance: Row) -> Row:
    return rows.workflow(instance=instance, sql_query=SQL)


@pytest.fixture
def schedule(rows: Rows, workflow: Row) -> Row:
    window = {"restate_days": [3, 14, 28]}
    return rows.schedule(workflow, parameters={"window": window})


def version(run: Run, emulator: RunningEmulator, number: int, day: str) -> Row:
    """Read the window of the run again, as AMC knows it on a day."""
    emulator.clock(now=f"{day}T00:00:00+00:00")
    again = Run(run.database, run_id=f"restate__{number}", **run.source)
    assert again.run_all()
    (execution,) = again.executions
    return execution


@pytest.fixture
def restating(emulator: RunningEmulator) -> RunningEmulator:
    """Let AMC know more as its clock goes on."""
    emulator.progression("at_once")
    emulator.settings(restates=True)
    return emulator


def differences(database: Database) -> list[Row]:
    return database.query("SELECT * FROM result_differences ORDER BY compared_at")


def test_each_version_says_what_it_changed(
    database: Database, run: Run, restating: RunningEmulator
) -> None:
    first = version(run, restating, 1, "2026-01-14")
    assert differences(database) == []
    second = version(run, restating, 2, "2026-01-20")
    third = version(run, restating, 3, "2026-03-01")
    final = version(run, restating, 4, "2026-04-01")
    found = differences(database)
    assert [(one["execution_id"], one["previous_execution_id"]) for one in found] == [
        (second["id"], first["id"]), (third["id"], second["id"]), (final["id"], third["id"]),
    ]  # fmt: skip
    assert {one["note"] for one in found} == {None}
    assert found[0]["key_columns"] == ["campaign"]
    assert found[0]["change_ratio"] > Decimal("0.001")
    assert found[0]["rows_changed"] > 0
    assert (found[2]["change_ratio"], found[2]["rows_changed"]) == (0, 0)
    columns = database.query(
        "SELECT * FROM result_difference_columns WHERE execution_id = %s ORDER BY column_name",
        [second["id"]],
    )
    assert [one["column_name"] for one in columns] == ["purchases", "sales"]
    assert max(one["change_ratio"] for one in columns) == found[0]["change_ratio"]
    for name in ("purchases", "sales"):
        (sums,) = (one for one in columns if one["column_name"] == name)
        for side, execution in (("sum_before", first), ("sum_after", second)):
            total = sum(Decimal(str(row[name] or 0)) for row in execution["result_data"]["data"])
            assert abs(sums[side] - total) < Decimal("0.000001")
    shown = database.query(
        "SELECT * FROM result_difference_rows WHERE execution_id = %s ORDER BY number",
        [second["id"]],
    )
    assert [row["number"] for row in shown] == list(range(1, len(shown) + 1))
    assert len(shown) == sum(found[0][f"rows_{kind}"] for kind in ("new", "gone", "changed"))
    assert {row["kind"] for row in shown} <= {"NEW", "GONE", "CHANGED"}
    assert all(set(row["key"]) == {"campaign"} for row in shown)


def test_loading_again_replaces_the_difference(
    database: Database, run: Run, restating: RunningEmulator
) -> None:
    version(run, restating, 1, "2026-01-14")
    version(run, restating, 2, "2026-01-20")
    (before,) = differences(database)
    again = Run(run.database, run_id="restate__2", **run.source)
    again.states = {"submit": "success", "wait": "success"}
    again.step(LoadResults)
    (after,) = differences(database)
    assert {**after, "compared_at": None} == {**before, "compared_at": None}
    assert after["compared_at"] > before["compared_at"]


def test_of_two_loads_at_once_the_later_one_stores_the_difference(
    database: Database, run: Run, restating: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier one compares while the later one loads the same results again."""
    version(run, restating, 1, "2026-01-14")
    second = version(run, restating, 2, "2026-01-20")
    later: list[Row] = []
    compared = versions._compared

    def load_meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(versions, "_compared", compared)
        again = Run(run.database, run_id="restate__2", **run.source)
        again.states = {"submit": "success", "wait": "success"}
        again.step(LoadResults)
        later.extend(differences(database))
        return compared(*arguments)

    monkeypatch.setattr(versions, "_compared", load_meanwhile)
    compare(second)
    assert len(later) == 1
    assert differences(database) == later


def test_two_comparisons_that_store_at_once_leave_one_whole_difference(
    database: Database, run: Run, restating: RunningEmulator
) -> None:
    first = version(run, restating, 1, "2026-01-14")
    second = version(run, restating, 2, "2026-01-20")
    (before,) = differences(database)
    database.query("DELETE FROM result_differences")
    with database.connect("recomamp_pipeline") as other, ThreadPoolExecutor(1) as pool:
        assert store_difference(
            other,
            second["id"],
            ResultDifference(note="the other one"),
            previous_execution_id=first["id"],
            loaded_at=second["results_loaded_at"],
            now=datetime.now(UTC),
        )
        waiting = pool.submit(compare, second)
        while not database.query("SELECT pid FROM pg_locks WHERE NOT granted"):
            assert not waiting.done(), waiting.result()
        other.commit()
        waiting.result(timeout=30)
    (after,) = differences(database)
    assert {**after, "compared_at": None} == {**before, "compared_at": None}


def test_another_query_is_noted_and_not_compared(
    database: Database, rows: Rows, workflow: Row, run: Run, restating: RunningEmulator
) -> None:
    first = version(run, restating, 1, "2026-01-14")
    other = SQL.replace("campaign,", "campaign, ad_product_type,")
    other = other.replace("BY campaign", "BY campaign, ad_product_type")
    rows.update("workflows", workflow, sql_query=other)
    version(run, restating, 2, "2026-01-20")
    (found,) = differences(database)
    assert found["note"].startswith("the query, its values or its instance have changed")
    assert found["change_ratio"] is None
    rows.update("workflows", workflow, sql_query=SQL)
    version(run, restating, 3, "2026-01-25")  # the first asked the same
    assert differences(database)[-1]["previous_execution_id"] == first["id"]
    assert differences(database)[-1]["note"] is None


def compare(execution: Row, **limits: Any) -> None:
    compare_with_previous(
        execution["id"],
        database=DatabaseHook(),
        results_url=os.environ["RECOMAMP_RESULTS_URL"],
        limits=Limits(**limits),
    )


def test_large_results_are_compared_by_sums(
    database: Database, run: Run, restating: RunningEmulator
) -> None:
    version(run, restating, 1, "2026-01-14")
    second = version(run, restating, 2, "2026-01-20")
    (whole,) = differences(database)
    compare(second, compare_limit_rows=1)
    (found,) = differences(database)
    assert "only sums were compared" in found["note"]
    assert (found["rows_changed"], found["rows_after"]) == (None, whole["rows_after"])
    assert 0 < found["change_ratio"] <= whole["change_ratio"]


def test_large_files_are_compared_by_sums(
    database: Database, run: Run, restating: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    version(run, restating, 1, "2026-01-14")
    monkeypatch.setattr(versions, "MAX_FILE_BYTES", 100)
    version(run, restating, 2, "2026-01-20")
    (found,) = differences(database)
    assert found["note"].startswith("the files of both versions have ")
    assert (found["rows_changed"], found["rows_new"]) == (None, None)
    assert found["change_ratio"] > 0


@pytest.mark.parametrize(
    ("statement", "note"),
    [
        ("SET result_files_deleted_at = NOW()", "are deleted"),
        (
            "SET result_data = jsonb_set(result_data, '{files,0,uri}', '\"file:///etc/passwd\"')",
            "not below RECOMAMP_RESULTS_URL",
        ),
        (
            "SET result_data = replace(result_data::TEXT, 'part-00001', 'part-00099')::JSONB",
            "missing",
        ),
        (
            "SET result_data = jsonb_set(result_data, '{schema,fields,1,dataType}', '\"DATE\"')",
            "so nothing was compared",
        ),
        ("SET result_data = jsonb_set(result_data, '{schema}', '7')", "was missing"),
    ],
)
def test_what_cannot_be_compared_is_a_note(
    database: Database, run: Run, restating: RunningEmulator, statement: str, note: str
) -> None:
    first = version(run, restating, 1, "2026-01-14")
    database.query(
        f"UPDATE workflow_executions {statement} WHERE id = %s RETURNING id", [first["id"]]
    )
    second = version(run, restating, 2, "2026-01-20")
    assert second["status"] == "SUCCESS"
    (found,) = differences(database)
    assert note in found["note"]
    assert found["change_ratio"] is None


def test_an_unexpected_error_fails_no_load(
    database: Database, run: Run, restating: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MemoryError("secret detail")

    version(run, restating, 1, "2026-01-14")
    monkeypatch.setattr(versions, "compare", broken)
    assert version(run, restating, 2, "2026-01-20")["status"] == "SUCCESS"
    (found,) = differences(database)
    assert found["note"] == "nothing was compared: MemoryError; the log of the task load says more"


def test_a_comparison_that_takes_too_long_is_given_up(
    database: Database, run: Run, restating: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    version(run, restating, 1, "2026-01-14")
    monkeypatch.setattr(versions, "MAX_SECONDS", -1.0)
    version(run, restating, 2, "2026-01-20")
    assert "took more than" in differences(database)[0]["note"]


def test_the_difference_goes_with_its_execution(
    database: Database, run: Run, restating: RunningEmulator
) -> None:
    first, second = (
        version(run, restating, 1, "2026-01-14"), version(run, restating, 2, "2026-01-20"),
    )  # fmt: skip
    database.query("DELETE FROM workflow_executions WHERE id = %s RETURNING id", [first["id"]])
    assert [one["previous_execution_id"] for one in differences(database)] == [None]
    database.query("DELETE FROM workflow_executions WHERE id = %s RETURNING id", [second["id"]])
    assert database.query("SELECT FROM result_difference_rows") == []


# What a restatement does to the schedule


def test_a_restatement_that_fails_leaves_the_schedules_last_run(
    database: Database, rows: Rows, schedule: Row, run: Run, emulator: RunningEmulator
) -> None:
    emulator.progression("at_once")
    run.dag_run.run_type = "scheduled"
    assert run.run_all()
    before = rows.get("workflow_schedules", schedule)
    assert before["last_run_status"] == "SUCCESS"
    again = Run(database, run_id="restate__x", **run.source)
    again.dag_run.run_type = "manual"
    again.dag_run.run_after += timedelta(days=3)
    again.step(SubmitExecution)
    again.step(RecordRun)  # the other tasks were marked failed
    after = rows.get("workflow_schedules", schedule)
    last = ("last_run_at", "last_run_status", "last_run_due_at", "successful_runs")
    assert {name: after[name] for name in last} == {name: before[name] for name in last}
    assert (after["total_runs"], after["failed_runs"]) == (2, 1)
