"""Conditions on results: what may be asked, what is compared, and when a user hears of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from fixtures.postgres import Database, Row, Rows
from fixtures.two_users import TwoUsers
from recomamp.domain.result_checks import CheckOutcome, ResultCheck, judge
from recomamp.store.result_checks import (
    insert_check_outcomes,
    select_result_checks,
    select_result_contract,
)
from recomamp.store.statements import load_sql

DAY = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def schedule(rows: Rows) -> Row:
    return rows.schedule(name="Every morning")


def check(rows: Rows, schedule: Row, **columns: Any) -> Row:
    own = {
        "user_id": schedule["user_id"],
        "schedule_id": schedule["id"],
        "name": "some rows",
        "measure": "ROWS",
        "comparison": ">",
        "threshold": 0,
    }
    return rows.insert("result_checks", **{**own, **columns})


def loaded(rows: Rows, schedule: Row, day: datetime = DAY, **columns: Any) -> Row:
    """Insert an execution whose results are loaded."""
    own = {
        "schedule_id": schedule["id"],
        "dag_run_id": f"run {day} {columns}",
        "status": "SUCCESS",
        "amc_status": "SUCCEEDED",
        "window_start": day,
        "window_end": day + timedelta(days=1),
        "window_time_zone": "UTC",
        "completed_at": day,
        "results_loaded_at": day,
        "result_rows": 10,
    }
    return rows.execution(rows.get("workflows", schedule["workflow_id"]), **{**own, **columns})


def checks_of(database: Database, execution: Row) -> list[ResultCheck]:
    with database.connect("recomamp_pipeline") as connection:
        return select_result_checks(connection, UUID(execution["id"]))


def store(database: Database, execution: Row, *outcomes: CheckOutcome) -> None:
    with database.connect("recomamp_pipeline") as connection:
        insert_check_outcomes(
            connection, UUID(execution["id"]), outcomes, evaluated_at=datetime.now(UTC)
        )


def evaluate(database: Database, execution: Row, value: int | str) -> CheckOutcome:
    """Judge the one condition of an execution and store the outcome."""
    (one,) = checks_of(database, execution)
    outcome = judge(one, Decimal(value))
    store(database, execution, outcome)
    return outcome


def events(database: Database) -> list[tuple[str, str]]:
    rows = database.query("SELECT * FROM notifications ORDER BY created_at, id")
    return [(row["kind"], row["status"]) for row in rows]


# --- What may be asked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"schedule_id": None}, "result_checks.workflow_id: name either"),
        ({"measure": "SUM"}, "result_checks.column_name: SUM needs the name of a column"),
        ({"measure": "DUPLICATES"}, "result_checks.key_columns: DUPLICATES needs the columns"),
        ({"comparison": "WITHIN"}, "result_checks.comparison: WITHIN needs a threshold"),
        (
            {"comparison": "WITHIN", "compared_with": "PREVIOUS_WINDOW", "threshold": -1},
            "result_checks.comparison: WITHIN needs a threshold",
        ),
        ({"rearm_after": "1 month"}, "result_checks.rearm_after: must be from"),
        ({"rearm_after": "91 days"}, "result_checks.rearm_after: must be from"),
        ({"measure": "MEDIAN", "column_name": "c"}, "chk_result_check_measure"),
        ({"comparison": "=="}, "chk_result_check_comparison"),
        ({"threshold": "NaN"}, "chk_result_checks_threshold_range"),
        ({"threshold": "1e31"}, "chk_result_checks_threshold_range"),
        ({"threshold": "1e-21"}, "chk_result_checks_threshold_range"),
        ({"column_name": "clicks"}, "chk_result_check_columns"),
        ({"name": "x" * 201}, "chk_result_checks_name_length"),
        (
            {"measure": "SUM", "column_name": "x" * 201},
            "chk_result_checks_column_name_length",
        ),
        (
            {"measure": "DUPLICATES", "key_columns": ["x"] * 21},
            "chk_result_checks_key_columns_elements",
        ),
        (
            {"measure": "DUPLICATES", "key_columns": []},
            "chk_result_checks_key_columns_elements",
        ),
    ],
)
def test_a_condition_that_says_nothing_is_refused(
    rows: Rows, schedule: Row, columns: dict[str, Any], words: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match=words):
        check(rows, schedule, **columns)


def test_a_condition_follows_its_schedule(database: Database, rows: Rows, schedule: Row) -> None:
    check(rows, schedule)
    execution = loaded(rows, schedule)
    evaluate(database, execution, 0)
    database.query("DELETE FROM workflow_schedules WHERE id = %s", [schedule["id"]])
    assert database.query("SELECT * FROM result_checks") == []
    assert database.query("SELECT * FROM result_check_outcomes") == []


def test_a_condition_changes_hands_with_its_workflow(
    database: Database, rows: Rows, schedule: Row
) -> None:
    workflow = rows.get("workflows", schedule["workflow_id"])
    check(rows, schedule)
    check(rows, schedule, schedule_id=None, workflow_id=workflow["id"])
    other = rows.user()
    rows.update("amc_instances", workflow["instance_id"], user_id=other["id"])
    owners = database.query("SELECT DISTINCT user_id FROM result_checks")
    assert [str(row["user_id"]) for row in owners] == [other["id"]]


def test_conditions_of_the_workflow_and_of_the_schedule_are_evaluated(
    database: Database, rows: Rows, schedule: Row
) -> None:
    workflow = rows.get("workflows", schedule["workflow_id"])
    of_schedule = check(rows, schedule)
    of_workflow = check(rows, schedule, schedule_id=None, workflow_id=workflow["id"])
    check(rows, schedule, is_active=False)
    check(rows, rows.schedule(workflow))
    check(rows, rows.schedule())
    found = checks_of(database, loaded(rows, schedule))
    assert {str(one.id) for one in found} == {of_schedule["id"], of_workflow["id"]}


# --- What is compared with ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compared_with", "expected"), [("PREVIOUS_WINDOW", 6), ("SAME_WEEKDAY", 7), ("CONSTANT", None)]
)
def test_rows_are_compared_with_those_of_another_window(
    database: Database, rows: Rows, schedule: Row, compared_with: str, expected: int | None
) -> None:
    check(rows, schedule, compared_with=compared_with)
    for days in (1, 7, 14):
        loaded(rows, schedule, DAY - timedelta(days=days), result_rows=days if days != 1 else 6)
    loaded(rows, schedule, DAY + timedelta(days=1))
    loaded(rows, rows.schedule(rows.get("workflows", schedule["workflow_id"])))
    loaded(rows, schedule, DAY - timedelta(hours=12), status="FAILED")
    (one,) = checks_of(database, loaded(rows, schedule))
    assert one.reference_value == expected
    assert one.has_reference is (expected is not None)


@pytest.mark.parametrize("compared_with", ["PREVIOUS_WINDOW", "SAME_WEEKDAY"])
@pytest.mark.parametrize(
    "columns",
    [
        {"error_type": "CONTRACT_BROKEN"},
        {"error_type": "CHECK_FAILED"},
        {"window_type": "MOST_RECENT_DAY"},
        {"window_end": DAY},
    ],
)
def test_refused_results_and_other_kinds_of_windows_are_not_compared_with(
    database: Database, rows: Rows, schedule: Row, compared_with: str, columns: dict[str, Any]
) -> None:
    check(rows, schedule, compared_with=compared_with)
    before = loaded(rows, schedule, DAY - timedelta(days=7))
    current = loaded(rows, schedule)
    assert checks_of(database, current)[0].has_reference
    rows.update("workflow_executions", before, **columns)
    assert not checks_of(database, current)[0].has_reference


def test_months_are_compared_though_their_lengths_differ(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule, compared_with="PREVIOUS_WINDOW")
    zone = "America/Los_Angeles"
    months = [datetime(2026, month, 1, tzinfo=ZoneInfo(zone)) for month in (2, 3, 4)]
    months = [month.astimezone(UTC) for month in months]
    loaded(rows, schedule, months[0], window_end=months[1], window_time_zone=zone)
    current = loaded(rows, schedule, months[1], window_end=months[2], window_time_zone=zone)
    assert checks_of(database, current)[0].has_reference


def test_an_index_finds_the_window_that_is_compared_with(
    database: Database, rows: Rows, schedule: Row
) -> None:
    made = check(rows, schedule, compared_with="SAME_WEEKDAY")
    for days in range(40):
        loaded(rows, schedule, DAY - timedelta(days=days), dag_run_id=f"day {days}")
    current = loaded(rows, schedule)
    database.query("ANALYZE workflow_executions")

    def rows_read() -> int:
        """Return how many executions the statement reads, without sequential scans."""
        with database.connect("recomamp_pipeline") as connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {load_sql('select_result_checks')}",
                {"execution_id": current["id"], "limit": 100},
            )
            return _executions_read(cursor.fetchone()[0][0]["Plan"])

    assert rows_read() == 2  # its own, and that of the week before
    rows.update("result_checks", made, compared_with="CONSTANT")
    assert rows_read() == 1


def _executions_read(plan: dict[str, Any]) -> int:
    own = 0
    if plan.get("Relation Name") == "workflow_executions":
        removed = plan.get("Rows Removed by Filter", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return int(own) + sum(_executions_read(child) for child in plan.get("Plans", ()))


def test_the_same_weekday_is_a_week_before_by_the_clock_of_the_zone(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule, compared_with="SAME_WEEKDAY")
    zone = "Europe/Berlin"  # summer time begins on 2026-03-29
    before, after = datetime(2026, 3, 26, 23, tzinfo=UTC), datetime(2026, 4, 2, 22, tzinfo=UTC)
    loaded(rows, schedule, before, result_rows=3, window_time_zone=zone)
    (one,) = checks_of(database, loaded(rows, schedule, after, window_time_zone=zone))
    assert one.reference_value == 3


def test_other_measures_are_compared_with_their_own_outcomes(
    database: Database, rows: Rows, schedule: Row
) -> None:
    made = check(
        rows, schedule, measure="SUM", column_name="clicks", compared_with="PREVIOUS_WINDOW"
    )
    first = loaded(rows, schedule, DAY - timedelta(days=1))
    assert evaluate(database, first, 40).passed is None
    second = loaded(rows, schedule)
    (one,) = checks_of(database, second)
    assert (one.has_reference, one.reference_value) == (True, 40)
    rows.update("result_checks", made, column_name="views")
    (edited,) = checks_of(database, second)
    assert (edited.has_reference, edited.reference_value) == (True, None)


# --- When a user hears of it -------------------------------------------------------------------


def test_a_failure_is_one_event_and_is_stored_with_its_words(
    database: Database, rows: Rows, schedule: Row
) -> None:
    made = check(rows, schedule)
    execution = loaded(rows, schedule)
    evaluate(database, execution, 0)
    evaluate(database, execution, 0)  # a load that runs again

    (event,) = database.query("SELECT * FROM notifications")
    assert (event["kind"], event["user_id"]) == ("RESULT_CHECK_FAILED", schedule["user_id"])
    details = event["details"]
    assert (details["name"], details["check"]) == ("Every morning", "some rows")
    assert details["error"] == "ROWS is 0; wanted: > 0"
    (outcome,) = database.query("SELECT * FROM result_check_outcomes")
    assert (str(outcome["check_id"]), outcome["passed"], outcome["value"]) == (made["id"], False, 0)


def test_what_stays_failed_is_sent_again_after_its_time(
    database: Database, rows: Rows, schedule: Row
) -> None:
    made = check(rows, schedule, rearm_after="1 day")
    for days in range(3):
        evaluate(database, loaded(rows, schedule, DAY + timedelta(days=days)), 0)
    assert len(events(database)) == 1
    rows.update("result_checks", made, notified_at=datetime.now(UTC) - timedelta(days=1))
    evaluate(database, loaded(rows, schedule, DAY + timedelta(days=3)), 0)
    assert len(events(database)) == 2


def test_a_condition_that_was_met_in_between_is_sent_at_once(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule)
    for days, value in enumerate((0, 1, 0)):
        evaluate(database, loaded(rows, schedule, DAY + timedelta(days=days)), value)
    assert len(events(database)) == 2


def test_a_window_of_the_past_that_is_met_sends_nothing_again(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule)
    evaluate(database, loaded(rows, schedule), 0)
    evaluate(database, loaded(rows, schedule, DAY - timedelta(days=30)), 1)
    evaluate(database, loaded(rows, schedule, DAY + timedelta(days=1)), 0)
    assert len(events(database)) == 1


def test_a_result_that_is_good_when_it_is_loaded_again_withdraws_the_event(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule)
    execution = loaded(rows, schedule)
    evaluate(database, execution, 0)
    evaluate(database, execution, 1)
    assert events(database) == [("RESULT_CHECK_FAILED", "WITHDRAWN")]


def test_what_could_not_be_evaluated_is_stored_and_not_sent(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule)
    execution = loaded(rows, schedule)
    assert evaluate(database, execution, "NaN").passed is None
    (outcome,) = database.query("SELECT * FROM result_check_outcomes")
    assert (outcome["passed"], outcome["value"]) == (None, None)
    assert events(database) == []


def test_a_failed_run_is_the_schedules_own_event_and_a_week_has_none(
    database: Database, rows: Rows, schedule: Row
) -> None:
    workflow = rows.get("workflows", schedule["workflow_id"])
    check(rows, schedule, severity="FAIL", schedule_id=None, workflow_id=workflow["id"])
    evaluate(database, loaded(rows, schedule), 0)
    assert events(database) == []
    collection = rows.collection(workflow)
    of_week = loaded(rows, schedule, schedule_id=None, collection_id=collection["id"])
    evaluate(database, of_week, 0)
    assert events(database) == [("RESULT_CHECK_FAILED", "PENDING")]


def test_a_condition_that_is_deleted_meanwhile_stores_nothing(
    database: Database, rows: Rows, schedule: Row
) -> None:
    check(rows, schedule)
    execution = loaded(rows, schedule)
    (one,) = checks_of(database, execution)
    gone = replace(one, id=UUID(int=1))
    store(database, execution, judge(gone, Decimal(1)), judge(one, Decimal(1)))
    assert len(database.query("SELECT * FROM result_check_outcomes")) == 1


# --- Contracts of columns ----------------------------------------------------------------------


def contract_of(database: Database, execution: Row) -> tuple[str, list[str]]:
    with database.connect("recomamp_pipeline") as connection:
        found = select_result_contract(connection, UUID(execution["id"]))
    return found.contract.value, [column.name for column in found.columns]


def document(*names: str) -> dict[str, Any]:
    fields = [{"name": name, "type": "integer", "dataType": "LONG"} for name in names]
    return {"schema": {"fields": fields}, "data": [], "files": []}


def test_a_result_is_compared_with_the_latest_one_that_kept_the_contract(
    database: Database, rows: Rows, schedule: Row
) -> None:
    workflow = rows.update("workflows", schedule["workflow_id"], result_contract="FREEZE")
    loaded(rows, schedule, DAY, result_data=document("old"))
    loaded(rows, schedule, DAY + timedelta(days=1), result_data=document("a"))
    loaded(
        rows,
        schedule,
        DAY + timedelta(days=2),
        result_data=document("broken"),
        error_type="CONTRACT_BROKEN",
    )
    current = loaded(rows, schedule, DAY + timedelta(days=3), results_loaded_at=None)
    assert contract_of(database, current) == ("FREEZE", ["a"])

    rows.update("workflows", workflow, result_contract_accepted_at=DAY + timedelta(days=2))
    assert contract_of(database, current) == ("FREEZE", [])


def test_an_old_result_that_is_loaded_again_is_compared_with_those_before_it(
    database: Database, rows: Rows, schedule: Row
) -> None:
    rows.update("workflows", schedule["workflow_id"], result_contract="FREEZE")
    loaded(rows, schedule, DAY, result_data=document("first"))
    old = loaded(rows, schedule, DAY + timedelta(days=1), result_data=document("old"))
    loaded(rows, schedule, DAY + timedelta(days=2), result_data=document("new"))
    rows.update("workflow_executions", old, results_loaded_at=DAY + timedelta(days=3))
    assert contract_of(database, old) == ("FREEZE", ["first"])
    current = loaded(
        rows, schedule, DAY + timedelta(days=4), status="RUNNING", completed_at=None,
        results_loaded_at=None,
    )  # fmt: skip
    assert contract_of(database, current) == ("FREEZE", ["new"])


def test_a_schedules_contract_comes_first_and_is_about_its_own_results(
    database: Database, rows: Rows, schedule: Row
) -> None:
    workflow = rows.update("workflows", schedule["workflow_id"], result_contract="REPORT")
    other = rows.schedule(workflow)
    loaded(rows, other, DAY, result_data=document("of_other"))
    current = loaded(rows, schedule, DAY + timedelta(days=1), results_loaded_at=None)
    assert contract_of(database, current) == ("REPORT", ["of_other"])
    rows.update("workflow_schedules", schedule, result_contract="FREEZE")
    assert contract_of(database, current) == ("FREEZE", [])
    rows.update("workflow_schedules", schedule, result_contract="EVOLVE")
    assert contract_of(database, current) == ("EVOLVE", [])


@pytest.mark.parametrize(
    ("contract", "error_type", "expected"),
    [
        ("EVOLVE", None, []),
        ("REPORT", None, [("CONTRACT_CHANGED", "PENDING")]),
        ("FREEZE", "CONTRACT_BROKEN", []),  # the failed run is an event
    ],
)
def test_a_change_of_columns_is_sent_where_the_contract_says_so(
    database: Database,
    rows: Rows,
    schedule: Row,
    contract: str,
    error_type: str | None,
    expected: list[tuple[str, str]],
) -> None:
    rows.update("workflows", schedule["workflow_id"], result_contract=contract)
    execution = loaded(rows, schedule, status="RUNNING")
    for _ in range(2):
        rows.update(
            "workflow_executions",
            execution,
            status="SUCCESS",
            column_changes="column a is gone (LONG)",
            error_type=error_type,
        )
    assert events(database) == expected


# --- Results that are there --------------------------------------------------------------------


def test_a_run_with_results_is_sent_where_the_schedule_says_so(
    database: Database, rows: Rows, schedule: Row
) -> None:
    execution = loaded(rows, schedule)
    run = {"schedule_id": schedule["id"], "status": "SUCCESS", "execution_id": execution["id"]}
    rows.insert("schedule_runs", **run)
    assert events(database) == []
    rows.update("workflow_schedules", schedule, notify_on_success=True)
    recorded = rows.insert("schedule_runs", **run)
    rows.update("schedule_runs", recorded, status="SUCCESS")
    (event,) = database.query("SELECT * FROM notifications")
    assert (event["kind"], event["details"]["rows"]) == ("RESULTS_LOADED", 10)
    rows.update("schedule_runs", recorded, status="FAILED")
    assert ("RESULTS_LOADED", "WITHDRAWN") in events(database)


@pytest.mark.parametrize("column", ["workflow_id", "schedule_id"])
def test_a_row_of_somebody_else_looks_like_one_that_is_not_there(
    database: Database, two_users: TwoUsers, column: str
) -> None:
    ann, bob = two_users.ann, two_users.bob
    table = "workflows" if column == "workflow_id" else "workflow_schedules"
    session = database.connect("recomamp_analyst", str(bob["users"]["id"]), autocommit=True)

    def refusal(owner: str, target: str) -> str:
        with pytest.raises(psycopg2.Error) as refused, session.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO result_checks (user_id, {column}, name, measure, comparison,"
                " threshold) VALUES (%s, %s, 'x', 'ROWS', '>', 0)",
                [str(owner), str(target)],
            )
        return str(refused.value).splitlines()[0].replace(str(target), "ID")

    for owner in (ann["users"]["id"], bob["users"]["id"]):
        assert refusal(owner, ann[table]["id"]) == refusal(owner, str(uuid4()))
