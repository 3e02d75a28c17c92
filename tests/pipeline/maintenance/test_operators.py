"""The daily upkeep, in the pipeline's own role: what it finds, and what it deletes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from fixtures.postgres import Database, Row, Rows, record_statements, requires_postgres
from recomamp.errors import PipelineError
from recomamp.pipeline.maintenance import operators
from recomamp.pipeline.maintenance.operators import (
    AnalyzeTables,
    FindSlowQueries,
    FindUnusedIndexes,
    PurgeRows,
    ReportFindings,
)

FILE = Path(__file__).resolve().parents[3] / "dags" / "recomamp_maintenance.py"
KEPT = timedelta(days=90)

pytestmark = pytest.mark.usefixtures("pipeline_connection")


def run(operator: type[Any], run_id: str = "daily", **arguments: Any) -> Any:
    """Run a step as the worker does."""
    task = operator(task_id=operator.__name__, **arguments)
    return task.execute({"dag_run": SimpleNamespace(run_id=run_id)})


def findings(database: Database) -> list[Row]:
    return database.query("SELECT * FROM maintenance_findings ORDER BY id")


# --- Rows that have had their time ------------------------------------------------------------

OLD_ROWS = {
    "amc_api_errors": (
        "delete_api_errors",
        "INSERT INTO amc_api_errors (at, instance_id, user_id, method, path, operation, message)"
        " SELECT %s, id, user_id, 'GET', '/', 'token', 'x' FROM amc_instances,"
        " generate_series(1, %s)",
    ),
    "reconciliations": (
        "delete_reconciliations",
        "INSERT INTO reconciliations (at, instance_id, action, detail)"
        " SELECT %s, id, 'CLOSE', 'x' FROM amc_instances, generate_series(1, %s)",
    ),
    "maintenance_findings": (
        "delete_findings",
        "INSERT INTO maintenance_findings (at, dag_run_id, task_id, kind, subject, detail)"
        " SELECT %s, 'r', 't', 'SLOW_QUERY', 's', 'd' FROM generate_series(1, %s)",
    ),
}


@pytest.mark.parametrize("batch_rows", [10, 5, 3])
@pytest.mark.parametrize("table", OLD_ROWS)
def test_rows_older_than_90_days_go_in_batches(
    database: Database,
    rows: Rows,
    capsys: pytest.CaptureFixture[str],
    table: str,
    batch_rows: int,
) -> None:
    rows.instance()
    statement, insert = OLD_ROWS[table]
    for days, times in ((91, 10), (89, 4)):
        database.query(insert, [datetime.now(UTC) - timedelta(days=days), times])
    task = PurgeRows(task_id="trim", statement=statement, kept=KEPT)
    task.batch_rows = batch_rows

    assert task.execute({}) == 10
    assert task.execute({}) == 0

    assert database.query(f"SELECT count(*) AS n FROM {table}") == [{"n": 4}]
    assert "10 in all" in capsys.readouterr().out


# --- What the server knows --------------------------------------------------------------------

# Before, another process counts changes, and nothing tells when it has
counts_at_once = requires_postgres(15)


def count_changes(database: Database) -> None:
    """Let the server count the changes of this session now, not a second later."""
    database.query("SELECT pg_stat_force_next_flush()")


@counts_at_once
def test_tables_that_have_changed_are_analyzed_and_then_none(
    database: Database, rows: Rows
) -> None:
    database.query("ANALYZE")
    rows.workflow()
    count_changes(database)

    analyzed = run(AnalyzeTables)
    again = run(AnalyzeTables, run_id="a retry")

    assert {"users", "amc_accounts", "amc_instances", "workflows"} <= set(analyzed)
    assert "campaigns" not in analyzed
    assert again == []
    assert database.query("SELECT reltuples FROM pg_class WHERE relname = 'workflows'") == [
        {"reltuples": 1}
    ]


@counts_at_once
def test_a_table_that_is_locked_holds_up_no_other(
    database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.workflow()
    count_changes(database)
    database.query("ALTER FUNCTION analyze_table SET lock_timeout = '50ms'")
    holder = database.connect()
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE workflows IN SHARE UPDATE EXCLUSIVE MODE")

    try:
        analyzed = run(AnalyzeTables)
    finally:
        holder.close()
        database.query("ALTER FUNCTION analyze_table SET lock_timeout = '5s'")

    assert "workflows" not in analyzed
    assert "users" in analyzed
    (finding,) = findings(database)
    assert (finding["kind"], finding["subject"]) == ("TABLE_LOCKED", "workflows")


@counts_at_once
@pytest.mark.own_sessions
def test_a_table_that_takes_too_long_fails_the_step_after_all_others(
    database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.workflow()
    count_changes(database)
    monkeypatch.setattr(operators, "ANALYZE_TIMEOUT_SECONDS", 1)
    holder = database.connect()
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE workflows IN SHARE UPDATE EXCLUSIVE MODE")

    try:
        with pytest.raises(PipelineError, match="workflows: ANALYZE took more than 1 s"):
            run(AnalyzeTables)
    finally:
        holder.close()

    assert run(AnalyzeTables) == ["workflows"]  # the others were done


def test_unused_indexes_are_found_and_a_retry_finds_them_once(
    database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.workflow()
    monkeypatch.setattr(operators, "UNUSED_FROM_BYTES", 0)
    monkeypatch.setattr(operators, "MOST_FINDINGS", 1_000)  # more than there are indexes

    assert run(FindUnusedIndexes) > 0
    again = run(FindUnusedIndexes)  # the first may have used an index

    found = findings(database)
    assert len(found) == again
    names = {row["subject"] for row in found}
    assert "workflows.idx_workflows_tags" in names
    assert "workflows.workflows_pkey" not in names
    assert all("not used by any query since" in row["detail"] for row in found)


@pytest.fixture
def recorded(fresh_database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Provide a database that has counted queries."""
    record_statements(
        fresh_database,
        """
        ('-- Why. Parameters: x.' || chr(10) || 'SELECT * FROM big WHERE x = $1',
         5000, 3, 15000),
        ('(SELECT 1) UNION SELECT 2', 1500, 1, 1500),
        ('ALTER ROLE ann PASSWORD ''sesame''', 9000, 1, 9000),
        ('/* x */ CREATE USER bob PASSWORD ''sesame''', 9000, 1, 9000),
        ('SELECT quick', 5, 1000, 5000)
        """,
    )
    uri = fresh_database.uri.replace("//postgres@", "//airflow_of_tests@")
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", uri)
    return fresh_database


def test_slow_queries_are_found_and_no_statement_with_a_secret(recorded: Database) -> None:
    assert run(FindSlowQueries) == 2

    first, second = findings(recorded)
    assert first["subject"] == "-- Why. Parameters: x. SELECT * FROM big WHERE x = $1"
    assert first["detail"] == "5.0 s on average, 3 calls, 15 s in all"
    assert second["subject"] == "(SELECT 1) UNION SELECT 2"
    assert "sesame" not in str(findings(recorded))


def test_without_the_extension_there_are_no_slow_queries(database: Database) -> None:
    assert run(FindSlowQueries) == 0
    assert findings(database) == []


def test_the_report_is_a_table_of_this_run(
    recorded: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    run(FindSlowQueries, run_id="yesterday")
    run(FindSlowQueries)

    reported = run(ReportFindings)

    assert [row["kind"] for row in reported] == ["SLOW_QUERY"] * 2
    out = capsys.readouterr().out
    assert re.search(r"^kind +subject +detail$", out, re.MULTILINE)
    assert re.search(
        r"^SLOW_QUERY +\(SELECT 1\) UNION SELECT 2 +1\.5 s on average", out, re.MULTILINE
    )


def test_a_report_of_nothing_says_so(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ReportFindings) == []
    assert "Nothing was found that a person should look at" in capsys.readouterr().out


def test_no_step_writes_more_findings_than_people_read(
    recorded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "MOST_FINDINGS", 1)

    run(FindSlowQueries)

    assert [(row["subject"][:2], row["detail"][:6]) for row in findings(recorded)] == [
        ("--", "5.0 s "),
        ("mo", "1 more"),
    ]


def test_the_dag_runs_daily_one_run_at_a_time() -> None:
    bag = DagBag(collect_dags=False, bundle_path=FILE.parent, bundle_name="dags")
    bag.process_file(str(FILE), only_if_updated=False)

    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    assert dag.dag_id == "recomamp_maintenance"
    assert dag.schedule == "@daily"
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert {task.task_id for task in dag.tasks} == {
        "analyze_tables", "find_unused_indexes", "find_slow_queries", "trim_documents",
        "delete_files", "trim_api_errors", "trim_reconciliations", "trim_notifications",
        "trim_run_requests", "trim_findings", "trim_check_outcomes", "report",
    }  # fmt: skip
    assert all(task.retries >= 2 for task in dag.tasks)
    report = dag.get_task("report")
    assert report.is_teardown
    assert len(report.upstream_task_ids) == len(dag.tasks) - 1
