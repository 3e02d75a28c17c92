"""The follower: the database tells what changed, Airflow is asked to parse, until it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg2
import pytest

from fixtures.airflow_api import DagServer
from fixtures.postgres import Database, Row, Rows
from fixtures.shards import use_shards
from recomamp.follower.airflow_api import AirflowApi, ParsedFile
from recomamp.follower.follower import ASK_AGAIN, GIVE_UP, STORING, Follower, files_of
from recomamp.follower.listener import (
    MAX_NOTIFICATIONS,
    DefinitionChange,
    changed_definitions,
    listen,
    read_change,
)
from recomamp.pipeline.generator.shards import file_of_row

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROW = UUID("11111111-1111-1111-1111-111111111110")


class Airflow:
    """Airflow as the follower sees it: files it knows, requests it gets."""

    def __init__(self, **files: datetime | None) -> None:
        self.known = {
            f"{name}.py": ParsedFile(token=name, parsed_from=parsed_from)
            for name, parsed_from in files.items()
        }
        self.asked: list[str] = []
        self.is_away = False
        self.is_away_for_requests = False  # and answers what files it has

    def files(self, dag_prefix: str) -> dict[str, ParsedFile]:
        if self.is_away:
            raise httpx.ConnectError("away")
        return self.known

    def parse(self, file: ParsedFile) -> None:
        self.asked.append(file.token)
        if self.is_away_for_requests:
            raise httpx.ReadTimeout("away")

    def parsed(self, name: str, parsed_from: datetime) -> None:
        self.known[f"{name}.py"] = replace(self.known[f"{name}.py"], parsed_from=parsed_from)


@pytest.fixture
def listening(rows: Rows, database: Database) -> Iterator[Iterator[set[DefinitionChange] | None]]:
    """Listen as the pipeline's role."""
    connection = database.connect(role="recomamp_pipeline")
    changes = listen(connection, lambda: 0.2)
    assert next(changes) is None
    yield changes
    connection.close()


def told(listening: Iterator[set[DefinitionChange] | None]) -> set[DefinitionChange]:
    """Return all that is told until nothing is any more."""
    changes: set[DefinitionChange] = set()
    while new := next(listening):
        changes |= new
    return changes


def test_a_row_that_becomes_a_dag_is_told_by_table_and_id_alone(
    listening: Iterator[set[DefinitionChange] | None], rows: Rows, database: Database
) -> None:
    workflow = rows.workflow()  # it becomes no DAG; its dry run is due
    new = DefinitionChange("workflows", UUID(str(workflow["id"])))
    assert told(listening) == {new}
    assert changed_definitions(database.connect(), {new}) == set()
    schedule, collection = rows.schedule(workflow=workflow), rows.collection(workflow=workflow)
    assert told(listening) == {
        DefinitionChange("workflow_schedules", UUID(str(schedule["id"]))),
        DefinitionChange("report_data_collections", UUID(str(collection["id"]))),
    }
    database.query("DELETE FROM workflow_schedules")
    assert told(listening) == {DefinitionChange("workflow_schedules", UUID(str(schedule["id"])))}


@pytest.mark.parametrize(
    ("extra", "is_known"), [(0, True), (1, False), (MAX_NOTIFICATIONS * 5, False)]
)
def test_more_notifications_than_are_kept_mean_that_anything_may_have_changed(
    listening: Iterator[set[DefinitionChange] | None],
    rows: Rows,
    database: Database,
    extra: int,
    is_known: bool,
) -> None:
    """An analyst forges them: no statement reads every schedule for each of many ids."""
    user = rows.schedule()["user_id"]
    told(listening)
    analyst = database.connect("recomamp_analyst", str(user))
    with analyst, analyst.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('recomamp_definitions', json_build_object('table', 'users', 'id',"
            " gen_random_uuid())::TEXT) FROM generate_series(1, %s)",
            [MAX_NOTIFICATIONS + extra],
        )
    changes = next(listening)
    assert (changes is not None) is is_known
    while changes is None or changes:  # the network may have cut the bunch
        changes = next(listening)
    assert told(listening) == set()


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("workflow_schedules", {"cron_expression": "0 7 * * *"}),
        ("workflow_schedules", {"is_active": False}),
        ("workflows", {"sql_query": "SELECT campaign FROM dsp_impressions"}),
        ("workflows", {"counts_hidden_rows": True}),
        ("workflows", {"privacy_filtering": "REMOVE_VALUES"}),
        ("workflows", {"disable_aggregation_controls": True}),
        ("amc_instances", {"is_active": False}),
        ("amc_instances", {"instance_type": "SANDBOX"}),
        ("amc_accounts", {"country_code": "DE"}),
        ("amc_accounts", {"marketplace_id": "A0NEWMARKET"}),
        ("users", {"full_name": "Somebody else"}),
    ],
)
def test_a_change_that_dags_show_is_told_once(
    listening: Iterator[set[DefinitionChange] | None],
    rows: Rows,
    database: Database,
    table: str,
    columns: dict[str, Any],
) -> None:
    rows.schedule()
    told(listening)
    (row,) = database.query(f"SELECT * FROM {table}")
    rows.update(table, row, **columns)
    assert told(listening) == {DefinitionChange(table, UUID(str(row["id"])))}
    rows.update(table, row, **columns)
    assert told(listening) == set()


def test_counters_tokens_and_times_are_not_told(
    listening: Iterator[set[DefinitionChange] | None], rows: Rows, database: Database
) -> None:
    schedule = rows.schedule()
    told(listening)
    rows.update("workflow_schedules", schedule, total_runs=7, last_run_status="SUCCESS")
    database.query("UPDATE users SET encrypted_refresh_token = 'x'")
    database.query("UPDATE workflows SET updated_at = NOW()")
    assert told(listening) == set()


def test_a_lost_connection_is_an_error_and_not_silence(
    listening: Iterator[set[DefinitionChange] | None], database: Database
) -> None:
    database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with pytest.raises(psycopg2.Error):
        told(listening)


@pytest.mark.parametrize("payload", ["", "{", "[]", "7", '{"table": "x"}', '{"table": 1, "id": 2}'])
def test_a_notification_that_makes_no_sense_is_passed_over(payload: str) -> None:
    assert read_change(payload) is None


def test_a_change_has_its_own_file_parsed_and_no_other() -> None:
    airflow = Airflow(amc_schedules=NOW - timedelta(minutes=1), amc_collections=None)
    follower = Follower(airflow)
    follower.note([DefinitionChange("workflow_schedules", ROW)], NOW)
    follower.follow(NOW)
    assert airflow.asked == ["amc_schedules"]


@pytest.mark.parametrize("table", ["workflows", "amc_instances", "amc_accounts", "users"])
def test_of_a_row_that_several_dags_show_those_are_changed_and_no_others(
    rows: Rows, database: Database, table: str
) -> None:
    schedule = rows.schedule()
    collection = rows.collection(workflow=rows.get("workflows", schedule["workflow_id"]))
    rows.schedule(workflow=rows.workflow(instance=rows.instance(user=rows.user())))
    row = shared_row(rows, schedule, table)
    connection = database.connect(role="recomamp_pipeline")
    assert changed_definitions(connection, {DefinitionChange(table, UUID(str(row["id"])))}) == {
        DefinitionChange("workflow_schedules", UUID(str(schedule["id"]))),
        DefinitionChange("report_data_collections", UUID(str(collection["id"]))),
    }
    connection.close()


def test_of_schedules_and_collections_alone_the_database_is_not_asked(database: Database) -> None:
    connection = database.connect(role="recomamp_pipeline")
    connection.close()
    told = {DefinitionChange("workflow_schedules", ROW)}
    assert changed_definitions(connection, told) == told


def shared_row(rows: Rows, schedule: Row, table: str) -> Row:
    workflow = rows.get("workflows", schedule["workflow_id"])
    instance = rows.get("amc_instances", workflow["instance_id"])
    return {
        "workflows": workflow,
        "amc_instances": instance,
        "amc_accounts": rows.get("amc_accounts", instance["account_id"]),
        "users": rows.get("users", schedule["user_id"]),
    }[table]


def test_what_nobody_shows_and_what_is_no_table_of_ours_changes_nothing(
    rows: Rows, database: Database
) -> None:
    workflow, schedule = rows.workflow(), rows.schedule()
    connection = database.connect(role="recomamp_pipeline")
    told = {
        DefinitionChange("workflows", UUID(str(workflow["id"]))),
        DefinitionChange("anything", UUID(str(schedule["workflow_id"]))),
    }
    assert changed_definitions(connection, told) == set()
    connection.close()


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        ("HEALTHY", "UNHEALTHY", False),
        ("UNKNOWN", "HEALTHY", False),
        ("HEALTHY", "ERROR", True),
        ("ERROR", "HEALTHY", True),
    ],
)
def test_of_an_instances_health_only_error_is_told(
    listening: Iterator[set[DefinitionChange] | None],
    rows: Rows,
    database: Database,
    before: str,
    after: str,
    is_told: bool,
) -> None:
    rows.schedule()
    database.query("UPDATE amc_instances SET health_status = %s", [before])
    told(listening)
    database.query("UPDATE amc_instances SET health_status = %s", [after])
    assert bool(told(listening)) is is_told


def test_a_shard_has_its_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    use_shards(monkeypatch, 4)
    row = UUID("11111111-1111-1111-1111-111111111117")
    assert files_of(DefinitionChange("workflow_schedules", row)) == ["amc_schedules_03.py"]
    assert files_of(DefinitionChange("workflow_schedules", ROW)) == ["amc_schedules.py"]


def test_airflow_is_asked_again_until_a_parse_began_after_the_change() -> None:
    """Airflow passes over a request for a file that it is parsing at that moment."""
    airflow = Airflow(amc_schedules=NOW - timedelta(minutes=1))
    follower = Follower(airflow)
    follower.note([DefinitionChange("workflow_schedules", ROW)], NOW)
    follower.follow(NOW)
    follower.follow(NOW + ASK_AGAIN / 2)
    assert len(airflow.asked) == 1
    airflow.parsed("amc_schedules", NOW - timedelta(seconds=1))  # it had begun before
    follower.follow(NOW + ASK_AGAIN)
    assert len(airflow.asked) == 2
    airflow.parsed("amc_schedules", NOW + STORING / 2)  # it may have begun before, unseen
    follower.follow(NOW + 2 * ASK_AGAIN)
    assert len(airflow.asked) == 3
    airflow.parsed("amc_schedules", NOW + ASK_AGAIN)
    follower.follow(NOW + 3 * ASK_AGAIN)
    assert len(airflow.asked) == 3
    assert not follower.is_waiting


@pytest.mark.parametrize(
    "payload", ["[" * 7000, "null", "1", '{"table": {}, "id": []}', '"\\ud800"']
)
def test_a_notification_of_anybody_ends_nothing(payload: str) -> None:
    assert read_change(payload) is None


def test_a_hundred_changes_are_one_request() -> None:
    airflow = Airflow(amc_schedules=None)
    follower = Follower(airflow)
    follower.note([DefinitionChange("workflow_schedules", uuid4()) for _ in range(100)], NOW)
    follower.follow(NOW)
    assert airflow.asked == ["amc_schedules"]


def test_while_airflow_is_away_nothing_is_forgotten_and_nothing_raised() -> None:
    airflow = Airflow(amc_schedules=NOW - timedelta(minutes=1))
    airflow.is_away = True
    follower = Follower(airflow)
    follower.note([DefinitionChange("workflow_schedules", ROW)], NOW)
    follower.follow(NOW)
    airflow.is_away = False
    follower.follow(NOW + timedelta(seconds=1))
    assert airflow.asked == ["amc_schedules"]


def test_a_request_without_an_answer_is_repeated_at_once() -> None:
    airflow = Airflow(amc_schedules=NOW - timedelta(minutes=1))
    airflow.is_away_for_requests = True
    follower = Follower(airflow)
    follower.note([DefinitionChange("workflow_schedules", ROW)], NOW)
    follower.follow(NOW)
    airflow.is_away_for_requests = False
    follower.follow(NOW + ASK_AGAIN / 2)
    assert airflow.asked == ["amc_schedules"] * 2


def test_a_file_that_airflow_does_not_parse_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_shards(monkeypatch, 2)
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if request.method == "PUT":
            asked.append(name)
            return httpx.Response(500 if name == "amc_schedules.py" else 200, json={})
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "x"})
        names = ["amc_schedules.py", "amc_collections.py", "amc_schedules_01.py"]
        dags = [parsed_dag(name, NOW - timedelta(hours=1), 1.0) for name in names]
        return httpx.Response(200, json={"dags": dags})

    api = AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(answer))
    follower = Follower(api)
    follower.note_everything(NOW)
    follower.follow(NOW)
    assert asked == ["amc_schedules.py", "amc_schedules_01.py", "amc_collections.py"]


def test_a_file_without_a_dag_is_left_to_airflows_own_round() -> None:
    follower = Follower(Airflow())
    follower.note([DefinitionChange("workflow_schedules", ROW)], NOW)
    follower.follow(NOW)
    assert follower.is_waiting
    follower.follow(NOW + GIVE_UP + timedelta(seconds=1))
    assert not follower.is_waiting


def parsed_dag(file: str, stored_at: datetime, seconds: float) -> dict[str, Any]:
    return {
        "relative_fileloc": file,
        "file_token": file,
        "last_parsed_time": stored_at.isoformat(),
        "last_parse_duration": seconds,
    }


def api_with(*dags: dict[str, Any]) -> AirflowApi:
    """Return the client of an API that knows these DAGs."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "x"})
        return httpx.Response(200, json={"dags": list(dags)})

    return AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(answer))


def test_a_parse_began_before_its_first_dag_was_stored_whatever_a_deleted_rows_dag_says() -> None:
    deleted = parsed_dag("amc_schedules.py", NOW - timedelta(hours=1), 5.0)
    first = parsed_dag("amc_schedules.py", NOW, 2.0)
    second = parsed_dag("amc_schedules.py", NOW + timedelta(seconds=4), 2.0)
    files = api_with(deleted, second, first).files("amc_schedule_")
    assert files["amc_schedules.py"].parsed_from == NOW - timedelta(seconds=2)


def test_of_two_bundles_with_the_same_file_the_one_that_builds_its_dags_is_parsed() -> None:
    former = parsed_dag("amc_schedules_01.py", NOW - timedelta(hours=1), 2.0)
    file = parsed_dag("amc_schedules_01.py", NOW, 2.0) | {"file_token": "of the other bundle"}
    for dags in ((former, file), (file, former)):
        (found,) = api_with(*dags).files("amc_schedule_").values()
        assert found.token == "of the other bundle"


@pytest.mark.parametrize("shards", ["1", "2", "16"])
def test_many_dags_whose_ids_come_first_hide_no_other_file(
    monkeypatch: pytest.MonkeyPatch, shards: str
) -> None:
    """Users choose the ids of their rows, and with them their place among all DAGs."""
    use_shards(monkeypatch, shards)
    others = [UUID(int=16 * number) for number in range(1000)]  # all in the first file
    mine = UUID("ffffffff-ffff-4fff-bfff-ffffffffffff")
    server = DagServer(
        {f"amc_schedule_{one}": file_of_row("schedule", one) for one in [*others, mine]}
    )
    follower = Follower(server.client())
    follower.note([DefinitionChange("workflow_schedules", mine)], NOW)
    follower.follow(NOW)
    assert server.asked == [file_of_row("schedule", mine)]
    assert server.calls < 20


@pytest.mark.parametrize("body", ["<html>welcome</html>", "{}", "[]"])
def test_what_is_no_airflow_ends_nothing(body: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=body)

    airflow = AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(answer))
    follower = Follower(airflow)
    follower.note([DefinitionChange("workflow_schedules", ROW)], NOW)
    follower.follow(NOW)
    assert follower.is_waiting
