"""The demo's rows suit any day, its failures are named, and its output is whole and works."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pandas
import psycopg2
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extras import Json
from rich.console import Console

from demo.demo import print_next_steps
from demo.picture import take_picture
from demo.progress import open_progress
from demo.rows import (
    COLLECTION,
    COSTS_SCHEDULE,
    EUROPE_TOKEN,
    NORTH_TOKEN,
    REFUSED_SCHEDULE,
    SALES_SCHEDULE,
    Dates,
    retry_sales,
    seed,
)
from demo.state import State, failures, read_state
from demo.summary import closing_tables
from fixtures.running_stack import stack_directory
from recomamp.domain.scheduling.cron import Cron
from stack.credentials import SUPERUSER_PASSWORD
from stack.postgres import Postgres, find_psql
from stack.private_files import write_private
from stack.settings import ROOT, Settings
from stack.stack import Stack

UUID = "657e8413-ca3b-46cb-8d23-35fd31297bd9"
KEY = Fernet.generate_key().decode()
NOW = datetime(2026, 11, 22, 14, 20, tzinfo=UTC)

any_moment = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@pytest.fixture
def seeded(database: Any) -> Any:
    connection = database.connect()
    seed(connection, fernet_key=KEY, now=NOW)
    return connection


def test_the_rows_are_accepted_and_stand_for_nothing_done_yet(seeded: Any) -> None:
    state = read_state(seeded)

    assert len(state.schedules) == 4
    assert len(state.weeks) == 6
    assert state.executions == []
    assert [row["products"] for row in state.instances] == [2, 2]
    assert [(row["name"], row["answer"]) for row in state.answers] == [("BACKFILL", "PENDING")]
    assert state.versions == []
    assert [row["local_due_at"].time().minute for row in state.preview] == [0, 0, 0]
    assert not state.is_synced()
    assert not state.is_settled()


def test_a_browser_that_does_not_start_leaves_the_demo_without_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    class NotStarted:
        settings = SimpleNamespace(data=tmp_path, api_url="http://127.0.0.1")

        def api(self) -> Any:
            return SimpleNamespace(headers={"Authorization": "Bearer one"})

    assert take_picture(cast("Stack", NotStarted())) is None
    assert not (tmp_path / "console.png").exists()


def test_the_sales_are_asked_for_again_once_their_run_has_ended(seeded: Any) -> None:
    assert not retry_sales(seeded)
    with seeded, seeded.cursor() as cursor:
        cursor.execute(
            "WITH execution AS ("
            " INSERT INTO workflow_executions (workflow_id, instance_id, user_id, schedule_id)"
            " SELECT workflow.id, instance_id, workflow.user_id, schedule.id"
            " FROM workflow_schedules AS schedule JOIN workflows AS workflow"
            " ON workflow.id = workflow_id WHERE schedule.id = %s RETURNING id, schedule_id)"
            " INSERT INTO schedule_runs (schedule_id, execution_id, status)"
            " SELECT schedule_id, id, 'SUCCESS' FROM execution",
            [str(SALES_SCHEDULE)],
        )
    assert [retry_sales(seeded), retry_sales(seeded)] == [True, False]


def test_seeding_again_starts_afresh(seeded: Any) -> None:
    with seeded, seeded.cursor() as cursor:
        cursor.execute("UPDATE report_data_weeks SET status = 'FAILED'")

    seed(seeded, fernet_key=KEY, now=NOW)

    assert {row["status"] for row in read_state(seeded).weeks} == {"PENDING"}


def test_the_last_week_is_shorter_and_all_data_is_settled(seeded: Any) -> None:
    weeks = read_state(seeded).weeks

    days = [(week["week_end_date"] - week["week_start_date"]).days + 1 for week in weeks]
    assert days == [7, 7, 7, 7, 7, 4]
    assert NOW.date() - weeks[-1]["week_end_date"] > timedelta(days=14)


def test_the_tokens_are_sealed_with_the_newest_key(database: Any) -> None:
    connection = database.connect()
    older = Fernet.generate_key().decode()

    seed(connection, fernet_key=f"{KEY},{older}", now=NOW)

    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT encrypted_refresh_token FROM users ORDER BY email")
        tokens = [Fernet(KEY).decrypt(sealed.encode()).decode() for (sealed,) in cursor]
    assert tokens == [EUROPE_TOKEN, NORTH_TOKEN]


@given(now=any_moment)
def test_the_backfilled_days_are_settled_and_not_those_of_the_schedule(now: datetime) -> None:
    dates = Dates.before(now)

    assert (dates.backfill_to - dates.backfill_from).days == 2
    assert dates.collection_end < dates.backfill_from
    assert dates.backfill_to < now.date() - timedelta(days=5)


@given(now=any_moment, zone=st.sampled_from(["America/Los_Angeles", "Europe/Berlin", "UTC"]))
def test_no_tick_falls_into_the_demo(now: datetime, zone: str) -> None:
    ticked = (now - timedelta(hours=3)).astimezone(ZoneInfo(zone))

    cron = Cron(f"0 {ticked.hour} * * *", zone)

    assert now - cron.last_tick(now) < timedelta(hours=6)
    assert cron.next_tick(now) - now > timedelta(hours=12)


def execution(source: object, start: date, days: int, **changes: Any) -> dict[str, Any]:
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    row = {
        "source": "Costs of six weeks",
        "schedule_id": source,
        "collection_id": source,
        "window_start": begin,
        "window_end": begin + timedelta(days=days),
        "window_time_zone": "UTC",
        "amc_execution_id": UUID,
        "status": "SUCCESS",
        "error_message": None,
        "result_rows": 3,
        "files": 1,
        "first_file": "file:///results/recomamp_workflow=1/recomamp_window_start=2026/a.parquet",
    }
    return row | changes


@pytest.fixture
def as_expected(seeded: Any) -> State:
    state = read_state(seeded)
    done = {"completed_weeks": 6, "progress_percentage": 100, "collection_status": "COMPLETED"}
    weeks = [row | done | {"status": "SUCCESS"} for row in state.weeks]
    schedules, executions = [], []
    for row in state.schedules:
        failed = row["id"] == str(REFUSED_SCHEDULE)
        runs = 4 if row["name"] == "Reach every day" else 1
        counted = {"successful_runs": 0 if failed else runs, "failed_runs": int(failed)}
        schedules.append(row | {"total_runs": runs} | counted)
        executions += [execution(row["id"], date(2026, 11, 1 + day), 1) for day in range(runs)]
        if failed:
            words = "Was unable to compile workflow x because it was found to be invalid"
            executions[-1] |= {"status": "FAILED", "error_message": words, "result_rows": None}
    executions.append(execution(str(SALES_SCHEDULE), date(2026, 11, 1), 1))
    for week in weeks:
        days = (week["week_end_date"] - week["week_start_date"]).days + 1
        executions.append(execution(str(COLLECTION), week["week_start_date"], days))
    synced = {
        "health_status": "HEALTHY",
        "schema_last_sync": NOW,
        "campaigns_last_sync": NOW,
        "data_sources": 12,
        "campaigns": 31,
        "currencies": "USD",
        "spend": Decimal("1200.50"),
        "sales": Decimal("4802.00"),
        "acos": Decimal("25.0"),
        "roas": Decimal("4.00"),
    }
    europe, north = (row | synced for row in state.instances)
    europe |= {
        "products_found": 1,
        "products_missing": 1,
        "messages": ["COLLECTION_COMPLETED", "RESULT_CHECK_FAILED"],
    }
    north |= {"products_found": 2, "messages": ["SCHEDULE_RUN_FAILED"]}
    result_rows = [
        {
            "event_date_utc": date(2026, 11, 20),
            "campaign": "Trail Season | Search",
            "clicks": 12,
            "spend": Decimal("3.25"),
        }
    ]
    answers = [
        {"kind": "condition", "name": "a million rows", "answer": "FAILED", "words": "rows: 42"},
        {
            "kind": "dry run",
            "name": "All columns",
            "answer": "REFUSED",
            "words": "unable to compile",
        },
        {"kind": "dry run", "name": "Costs by campaign", "answer": "ACCEPTED", "words": None},
        {"kind": "dry run", "name": "Reach and frequency", "answer": "ACCEPTED", "words": None},
        {"kind": "dry run", "name": "Sales by campaign", "answer": "ACCEPTED", "words": None},
        {"kind": "request", "name": "BACKFILL", "answer": "DONE", "words": None},
        {"kind": "request", "name": "RETRY", "answer": "DONE", "words": None},
    ]
    first = {
        "window_start": NOW,
        "window_time_zone": "Europe/Berlin",
        "version": 1,
        "result_rows": 12,
        "rows_changed": None,
        "rows_new": None,
        "change_ratio": None,
        "note": None,
    }
    compared = {"version": 2, "rows_changed": 10, "rows_new": 1, "change_ratio": Decimal("0.217")}
    return State(
        executions=executions,
        weeks=weeks,
        schedules=schedules,
        instances=[europe, north],
        result_rows=result_rows,
        answers=answers,
        versions=[first, first | compared],
        preview=[
            {
                "local_due_at": datetime(2026, 11, 23, 3),
                "local_window_start": datetime(2026, 11, 20),
                "local_window_end": datetime(2026, 11, 21),
            }
        ],
    )


def test_a_demo_that_went_well_has_no_failures(as_expected: State) -> None:
    assert failures(as_expected) == []
    assert as_expected.is_settled()


@pytest.mark.parametrize(
    ("part", "changes", "missed"),
    [
        ("executions", {"status": "CANCELLED"}, "of them SUCCESS"),
        ("executions", {"result_rows": None}, "rows and a Parquet file"),
        ("executions", {"amc_execution_id": None}, "AMC's id"),
        ("executions", {"files": 0}, "rows and a Parquet file"),
        ("executions", {"window_end": NOW}, "without gap or overlap"),
        ("executions", {"error_message": "something went wrong"}, "AMC's error message"),
        ("executions", {"window_start": NOW}, "backfilled days"),
        ("weeks", {"status": "FAILED"}, "weeks, the last of"),
        ("weeks", {"week_end_date": date(2026, 1, 1)}, "weeks, the last of"),
        ("weeks", {"collection_status": "ACTIVE"}, "COMPLETED at 100 percent"),
        ("weeks", {"progress_percentage": 99}, "COMPLETED at 100 percent"),
        ("schedules", {"successful_runs": 2}, "Berlin schedule ran once"),
        ("schedules", {"total_runs": 2}, "read twice in one run"),
        ("schedules", {"failed_runs": 0}, "counts one failed run"),
        ("schedules", {"next_run_at": None}, "has a next run"),
        ("instances", {"health_status": "UNHEALTHY"}, "HEALTHY"),
        ("instances", {"data_sources": 0}, "have tables"),
        ("instances", {"schema_last_sync": None}, "have tables"),
        ("instances", {"campaigns_last_sync": None}, "spend, sales"),
        ("instances", {"acos": None}, "spend, sales"),
        ("instances", {"products_found": 0, "products_missing": 2}, "all but one"),
        ("instances", {"products_found": 0}, "all but one"),
        ("instances", {"messages": None}, "are to be sent"),
        ("answers", {"answer": "REFUSED"}, "are DONE"),
        ("versions", {"change_ratio": Decimal(0)}, "says what it changed"),
        ("versions", {"change_ratio": None}, "says what it changed"),
        ("answers", {"answer": "PASSED"}, "not meet its condition"),
        ("answers", {"answer": "ACCEPTED"}, "that AMC refuses"),
    ],
)
def test_whatever_went_wrong_is_named(
    as_expected: State, part: str, changes: dict[str, Any], missed: str
) -> None:
    rows = [row | changes for row in getattr(as_expected, part)]

    told = failures(dataclasses.replace(as_expected, **{part: rows}))

    assert any(missed in line for line in told)


def test_a_missing_and_a_doubled_execution_are_noticed(as_expected: State) -> None:
    for executions in (as_expected.executions[1:], as_expected.executions * 2):
        told = failures(dataclasses.replace(as_expected, executions=executions))

        assert any("none of them twice" in line for line in told)


def test_a_demo_is_not_over_before_all_is_synced(as_expected: State) -> None:
    assert not dataclasses.replace(as_expected, answers=[]).is_settled()
    assert not dataclasses.replace(as_expected, versions=as_expected.versions[:1]).is_settled()
    europe, north = as_expected.instances
    late = [europe, north | {"campaigns_last_sync": None}]

    assert not dataclasses.replace(as_expected, instances=late).is_settled()


def test_a_demo_of_which_nothing_ran_is_judged_without_stumbling(seeded: Any) -> None:
    assert len(failures(read_state(seeded))) > 5


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("columns", [80, 120])
def test_every_state_can_be_shown(
    seeded: Any, as_expected: State, is_terminal: bool, columns: int
) -> None:
    console = Console(force_terminal=is_terminal, width=columns, record=True, file=StringIO())
    with open_progress(console) as progress:
        progress.show(read_state(seeded), "waiting")
        progress.show(as_expected, f"request for a backfill of amc_schedule_{UUID}")
    console.print(closing_tables(as_expected))

    shown = console.export_text()
    assert all(len(line) <= columns for line in shown.splitlines())
    assert f"amc_schedule_{UUID}" in shown
    assert "unable to compile" in shown
    assert "100 % COMPLETED" in shown
    assert "1,200.50 / 4,802.00 USD" in shown
    assert "SCHEDULE_RUN_FAILED" in shown
    assert "21.7" in shown
    assert "…" not in shown


changes = st.fixed_dictionaries(
    {
        "window_start": any_moment,
        "window_end": any_moment,
        "window_time_zone": st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo"]),
        "status": st.sampled_from(["SUCCESS", "FAILED", "CANCELLED", "TIMEOUT", "PENDING"]),
        "result_rows": st.integers(0, 9_999_999),
    }
)


@given(changes=changes)
def test_no_date_id_or_number_of_an_execution_is_cut(changes: dict[str, Any]) -> None:
    row = execution("1", date(2026, 11, 1), 1) | changes
    empty: dict[str, Any] = {field.name: [] for field in dataclasses.fields(State)}
    state = State(**empty | {"executions": [row]})
    console = Console(width=80, file=StringIO(), record=True)

    console.print(closing_tables(state))

    shown = console.export_text()
    words = shown.split()
    zone = ZoneInfo(row["window_time_zone"])
    days = [f"{row[name].astimezone(zone):%Y-%m-%d}" for name in ("window_start", "window_end")]
    assert {UUID, row["status"], str(row["result_rows"]), *days} <= set(words)
    assert all(len(line) <= 80 for line in shown.splitlines())


@dataclasses.dataclass
class Folder:
    """A folder in which a demo has ended and its database runs again."""

    path: Path
    settings: Settings
    state: State

    def printed(self, psql: str) -> str:
        """Return what the demo prints at its end, on a terminal of 80 columns."""
        console = Console(width=80, file=StringIO(), record=True)
        print_next_steps(self.settings, self.state, console, psql=psql)
        return console.export_text()

    def run(self, command: str) -> str:
        """Run a command as a reader pastes it into a shell."""
        ended = subprocess.run(
            ["sh", "-c", command], check=False, capture_output=True, text=True, cwd=self.path
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


def commands(printed: str) -> list[str]:
    """Return the commands: paragraphs of lines that are all indented."""
    return [
        paragraph
        for paragraph in printed.split("\n\n")
        if all(line.startswith("  ") for line in paragraph.splitlines())
    ]


@pytest.fixture(scope="module")
def folder() -> Iterator[Folder]:
    with stack_directory() as path, contextlib.chdir(path):
        settings = Settings.load(data=Path("data/demo"), environ={}, free_ports=True)
        Stack(settings).migrate()
        write_private(settings.pgpass_file, settings.pgpass)
        (path / ".venv").symlink_to(sys.prefix)
        postgres = Postgres(
            directory=settings.data / "postgres",
            port=settings.ports.postgres,
            password=settings.credentials[SUPERUSER_PASSWORD],
            log_file=settings.data / "logs" / "postgres.log",
            disposable=True,
        )
        postgres.start()
        try:
            yield Folder(path, settings, _finished(settings))
        finally:
            postgres.stop()


def _finished(settings: Settings) -> State:
    """Seed the demo and store the results of a run of the costs, in the row and as a file."""
    results = settings.data / "results" / f"recomamp_workflow={UUID}" / "recomamp_window_start=x"
    results.mkdir(parents=True)
    rows = [
        {"event_date_utc": "2026-11-20", "campaign": "Search", "clicks": 12, "spend": 3.25},
        {"event_date_utc": "2026-11-21", "campaign": "Search", "clicks": 30, "spend": 1.5},
    ]
    pandas.DataFrame(rows).to_parquet(results / "part-00001.parquet")
    document = {"data": rows, "files": [{"uri": (results / "part-00001.parquet").as_uri()}]}
    with contextlib.closing(psycopg2.connect(settings.owner_uri)) as connection:
        seed(connection, fernet_key=KEY, now=NOW)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO workflow_executions (workflow_id, instance_id, user_id, schedule_id)"
                " SELECT workflows.id, instance_id, workflows.user_id, workflow_schedules.id"
                " FROM workflow_schedules JOIN workflows ON workflows.id = workflow_id"
                " WHERE workflow_schedules.id = %s",
                [str(COSTS_SCHEDULE)],
            )
            cursor.execute("UPDATE workflow_executions SET result_data = %s", [Json(document)])
        return read_state(connection)


@pytest.mark.parametrize("psql", ["psql", str(find_psql(path=""))])
def test_every_printed_command_works_as_written(
    folder: Folder, psql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(find_psql(path="").parent), os.environ["PATH"]])
    )
    up, show_rows, read_files, insert, down = commands(folder.printed(psql))

    assert "Search" in folder.run(show_rows)
    assert re.search(r"Search +42 +4\.75", folder.run(read_files))
    assert re.search(rf"amc_schedule_[0-9a-f-]{{{len(UUID)}}}", folder.run(insert))
    for command in (up, down):
        make = f"make --dry-run --directory {ROOT}" + command.strip().removeprefix("make")
        assert "-m stack --data data/demo" in folder.run(make)


def test_no_printed_line_is_wider_than_80_columns(folder: Folder) -> None:
    printed = folder.printed("psql")

    assert [line for line in printed.splitlines() if len(line) > 80] == []
    assert len(commands(printed)) == 5
    assert folder.settings.api_url in printed
    assert "data/demo/airflow/passwords.json" in printed
    assert "data/demo/results" in printed


def test_statements_for_a_database_elsewhere_are_printed_without_an_address(
    folder: Folder,
) -> None:
    environ = {"AIRFLOW_CONN_RECOMAMP_DB": "postgresql://pipeline:sesame@db.example.com/recomamp"}
    settings = dataclasses.replace(folder.settings, environ=environ)

    printed = dataclasses.replace(folder, settings=settings).printed("psql")

    assert "sesame" not in printed
    assert "psql" not in printed
    _, show_rows, _, insert, _ = commands(printed)
    with contextlib.closing(psycopg2.connect(folder.settings.owner_uri)) as connection:
        for statement in (show_rows, insert):
            with connection.cursor() as cursor:
                cursor.execute(statement)
                assert cursor.fetchone()


def test_the_directory_of_the_stack_is_not_taken_from_the_environment() -> None:
    ended = subprocess.run(
        ["make", "--dry-run", "up"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"DATA": "elsewhere"},
    )

    assert "elsewhere" not in ended.stdout
