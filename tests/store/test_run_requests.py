"""What a request may name, whose it is, how many there may be, and who has it in hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from psycopg2.errors import CheckViolation, InsufficientPrivilege
from psycopg2.extensions import connection as Connection

from fixtures.postgres import Database, Row, Rows
from fixtures.supabase import Supabase
from recomamp.domain.run_actions import RequestStatus, RunAction
from recomamp.follower.listener import DefinitionChange, listen
from recomamp.store.run_requests import (
    ClaimedRequest,
    accept_run_request,
    claim_run_request,
    end_run_request,
    postpone_run_request,
)
from recomamp.store.statements import delete_oldest

LEASE = timedelta(minutes=2)
SOON = timedelta(seconds=1)


@pytest.fixture
def mine(rows: Rows) -> Row:
    """Insert what a user can name in a request."""
    return everything(rows)


def everything(rows: Rows) -> Row:
    workflow = rows.workflow()
    schedule = rows.schedule(workflow)
    return {
        "user_id": workflow["user_id"],
        "schedule_id": schedule["id"],
        "collection_id": rows.collection(workflow)["id"],
        "execution_id": rows.execution(
            workflow, schedule_id=schedule["id"], dag_run_id="run_1", status="FAILED"
        )["id"],
        "dag_run_id": "run_1",
        "from_date": "2026-05-01",
        "to_date": "2026-05-31",
        "window_start": "2026-05-01T00:00Z",
        "window_end": "2026-05-02T00:00Z",
        "reprocess_behavior": "failed",
        "parameters": {"minimum": 5},
    }


def insert(database: Database, row: Row, **columns: Any) -> Row:
    """Insert a request as an analyst who is signed in."""
    values = {name: value for name, value in columns.items() if value is not None}
    names, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    connection = database.connect("recomamp_analyst", row["user_id"])
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO run_requests ({names}) VALUES ({marks}) RETURNING id",
            {
                name: psycopg2.extras.Json(v) if isinstance(v, dict) else v
                for name, v in values.items()
            },
        )
        (key,) = cursor.fetchone() or (None,)
    connection.close()
    return database.query("SELECT * FROM run_requests WHERE id = %s", [key])[0]


def given(row: Row, names: str) -> dict[str, Any]:
    return {name: row[name] for name in names.split()}


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("RUN", "schedule_id"),
        ("RUN", "collection_id"),
        ("RUN", "schedule_id window_start window_end parameters"),
        ("RUN", "collection_id from_date to_date"),
        ("RETRY", "execution_id"),
        ("RETRY", "collection_id"),
        ("CANCEL", "execution_id"),
        ("CANCEL", "schedule_id dag_run_id"),
        ("CANCEL", "collection_id dag_run_id"),
        ("BACKFILL", "schedule_id from_date to_date"),
        ("BACKFILL", "collection_id from_date to_date reprocess_behavior parameters"),
        ("LOAD", "execution_id"),
    ],
)
def test_a_request_names_what_its_action_needs(
    database: Database, mine: Row, action: str, names: str
) -> None:
    row = insert(database, mine, action=action, **given(mine, names))
    assert row["user_id"] == mine["user_id"]
    assert (row["status"], row["attempts"], row["accepted_at"]) == ("PENDING", 0, None)


@pytest.mark.parametrize(
    ("action", "names", "column", "words"),
    [
        ("RUN", "", "schedule_id", "a RUN needs one schedule_id or a collection_id"),
        ("RUN", "schedule_id collection_id", "schedule_id", "this row names several"),
        ("RUN", "execution_id", "execution_id", "a RUN takes no execution_id; leave it out"),
        ("RUN", "schedule_id dag_run_id", "dag_run_id", "a RUN takes no dag_run_id"),
        ("RUN", "schedule_id window_start", "window_end", "name window_start and window_end"),
        ("RUN", "schedule_id window_end", "window_start", "name window_start and window_end"),
        ("RUN", "schedule_id from_date", "to_date", "name from_date and to_date"),
        (
            "RUN",
            "schedule_id from_date to_date window_start window_end",
            "from_date",
            "name days or times, not both",
        ),
        ("RUN", "schedule_id reprocess_behavior", "reprocess_behavior", "takes no"),
        ("RETRY", "schedule_id", "schedule_id", "a RETRY takes no schedule_id"),
        ("RETRY", "", "execution_id", "this row names none"),
        ("RETRY", "execution_id parameters", "parameters", "a RETRY takes no parameters"),
        ("CANCEL", "schedule_id", "dag_run_id", "with a dag_run_id"),
        ("CANCEL", "execution_id dag_run_id", "dag_run_id", "with a dag_run_id"),
        ("BACKFILL", "schedule_id", "from_date", "name from_date and to_date"),
        ("BACKFILL", "schedule_id window_start", "window_start", "takes no window_start"),
        ("LOAD", "collection_id", "collection_id", "a LOAD takes no collection_id"),
    ],
)
def test_any_other_is_refused_with_the_column_and_what_to_do(
    database: Database, mine: Row, action: str, names: str, column: str, words: str
) -> None:
    with pytest.raises(CheckViolation) as refused:
        insert(database, mine, action=action, **given(mine, names))
    assert str(refused.value).startswith(f"run_requests.{column}: ")
    assert words in str(refused.value)
    assert refused.value.diag.column_name == column


@pytest.mark.parametrize(
    ("columns", "place"),
    [
        ({"from_date": "2026-05-02", "to_date": "2026-05-01"}, "run_requests.to_date"),
        (
            {"window_start": "2026-05-02T00:00Z", "window_end": "2026-05-02T00:00Z"},
            "run_requests.window_end",
        ),
        ({"parameters": {"window_start": "2026-05-01"}}, "run_requests.parameters"),
        ({"parameters": "[1]"}, "run_requests.parameters"),
        ({"parameters": "null"}, "run_requests.parameters"),
        ({"from_date": "1999-01-01", "to_date": "2000-01-01"}, "chk_run_requests_from_date_date"),
        ({"from_date": "2000-01-01", "to_date": "infinity"}, "chk_run_requests_to_date_date"),
        ({"parameters": {"a": "x" * 300_000}}, "chk_run_requests_parameters_size"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    database: Database, mine: Row, columns: dict[str, Any], place: str
) -> None:
    with pytest.raises(CheckViolation, match=place):
        insert(database, mine, action="RUN", schedule_id=mine["schedule_id"], **columns)


@pytest.mark.parametrize("run_id", ["", "a/b", "..", ".", "~", "a?b", "a\nb", "x" * 251, "%2e%2e"])
def test_a_run_id_is_one_part_of_an_address(database: Database, mine: Row, run_id: str) -> None:
    with pytest.raises(CheckViolation, match="chk_run_requests_dag_run_id_form"):
        insert(database, mine, action="CANCEL", schedule_id=mine["schedule_id"], dag_run_id=run_id)


def test_an_action_that_nobody_knows_is_refused(database: Database, mine: Row) -> None:
    with pytest.raises(CheckViolation, match="chk_run_request_action"):
        insert(database, mine, action="REPEAT", schedule_id=mine["schedule_id"])


def test_the_words_are_those_of_the_constraints(database: Database) -> None:
    constraints = {
        row["conname"]: row["text"]
        for row in database.query(
            "SELECT conname, pg_get_constraintdef(oid) AS text FROM pg_constraint"
            " WHERE conrelid = 'run_requests'::regclass"
        )
    }
    for name, words in (("action", RunAction), ("status", RequestStatus)):
        text = constraints[f"chk_run_request_{name}"]
        assert {part for part in text.split("'") if part.isupper()} == {str(one) for one in words}


# Whose it is


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("RUN", "schedule_id"),
        ("RUN", "collection_id"),
        ("RETRY", "execution_id"),
        ("CANCEL", "schedule_id dag_run_id"),
    ],
)
def test_another_users_row_is_refused_as_one_that_is_not_there(
    database: Database, rows: Rows, mine: Row, action: str, names: str
) -> None:
    theirs = everything(rows)
    column = names.split()[0]
    texts = []
    for key in (theirs[column], str(uuid4())):
        columns = {**given(mine, names), column: key}
        for extra in ({}, {"user_id": theirs["user_id"]}):
            with pytest.raises(psycopg2.Error) as refused:
                insert(database, mine, action=action, **columns, **extra)
            first_line = str(refused.value).splitlines()[0]
            texts.append(first_line.replace(key, "KEY"))
    assert texts[:2] == texts[2:]
    assert database.query("SELECT * FROM run_requests") == []


def test_nobody_asks_in_another_users_name(database: Database, rows: Rows, mine: Row) -> None:
    theirs = everything(rows)
    with pytest.raises((CheckViolation, InsufficientPrivilege)):
        insert(
            database,
            mine,
            action="RUN",
            user_id=theirs["user_id"],
            schedule_id=theirs["schedule_id"],
        )


def test_a_person_sees_own_requests_and_changes_none(
    database: Database, rows: Rows, mine: Row
) -> None:
    theirs = everything(rows)
    own = insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
    insert(database, theirs, action="RUN", schedule_id=theirs["schedule_id"])
    connection = database.connect("recomamp_analyst", mine["user_id"], autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM run_requests")
        assert cursor.fetchall() == [(own["id"],)]
        for statement in (
            "UPDATE run_requests SET status = 'DONE'",
            "UPDATE run_requests SET schedule_id = NULL",
            "DELETE FROM run_requests",
            "INSERT INTO run_requests (action, status) VALUES ('RUN', 'DONE')",
            "INSERT INTO run_requests (action, created_at) VALUES ('RUN', '2026-01-01')",
        ):
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(statement)


def test_the_pipeline_asks_for_no_run_and_changes_none_of_what_is_asked(
    database: Database, mine: Row
) -> None:
    insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
    connection = database.connect("recomamp_pipeline", autocommit=True)
    with connection.cursor() as cursor:
        for statement in (
            "INSERT INTO run_requests (user_id, action, schedule_id)"
            " SELECT user_id, action, schedule_id FROM run_requests",
            "UPDATE run_requests SET user_id = gen_random_uuid()",
            "UPDATE run_requests SET schedule_id = NULL",
            "UPDATE run_requests SET action = 'CANCEL'",
            "UPDATE run_requests SET parameters = '{}'",
        ):
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(statement)


@pytest.mark.parametrize(
    ("names", "table"),
    [
        ("schedule_id", "workflow_schedules"),
        ("collection_id", "report_data_collections"),
        ("execution_id", "workflow_executions"),
    ],
)
def test_a_deleted_row_leaves_its_requests(
    database: Database, mine: Row, names: str, table: str
) -> None:
    """Otherwise a person could make and delete rows to ask more often than the quota allows."""
    action = "RETRY" if names == "execution_id" else "RUN"
    row = insert(database, mine, action=action, **given(mine, names))
    database.query(f"DELETE FROM {table} WHERE id = %s", [mine[names]])
    assert database.query("SELECT id, user_id FROM run_requests") == [
        {"id": row["id"], "user_id": mine["user_id"]}
    ]


def test_requests_follow_an_instance_that_changes_hands(
    database: Database, rows: Rows, mine: Row
) -> None:
    for names in ("schedule_id", "collection_id"):
        insert(database, mine, action="RUN", **given(mine, names))
    insert(database, mine, action="LOAD", execution_id=mine["execution_id"])
    heir = rows.user()
    database.query("UPDATE amc_instances SET user_id = %s", [heir["id"]])
    owners = database.query("SELECT user_id FROM run_requests")
    assert [row["user_id"] for row in owners] == [heir["id"]] * 3


# How many


def test_open_requests_have_a_limit(database: Database, rows: Rows, mine: Row) -> None:
    rows.quotas(mine["user_id"], max_open_requests=2)
    own = {"action": "RUN", "schedule_id": mine["schedule_id"]}
    first = insert(database, mine, **own)
    insert(database, mine, **own)
    with pytest.raises(CheckViolation) as refused:
        insert(database, mine, **own)
    assert str(refused.value).startswith(
        "run_requests.user_id: your limit is 2 open requests (user_quotas.max_open_requests); wait"
    )
    theirs = everything(rows)
    insert(database, theirs, action="RUN", schedule_id=theirs["schedule_id"])
    rows.update("run_requests", first, status="DONE")
    insert(database, mine, **own)


def test_requests_of_an_hour_have_a_limit_that_an_open_transaction_does_not_pass(
    database: Database, rows: Rows, mine: Row
) -> None:
    rows.quotas(mine["user_id"], max_requests_per_hour=2)
    own = {"action": "RUN", "schedule_id": mine["schedule_id"]}
    early = database.connect("recomamp_analyst", mine["user_id"])
    with early.cursor() as cursor:
        cursor.execute("SELECT NOW()")
        (begun,) = cursor.fetchone() or (None,)
    first = insert(database, mine, **own)
    rows.update("run_requests", first, status="REFUSED")
    with early, early.cursor() as cursor:
        cursor.execute(
            "INSERT INTO run_requests (action, schedule_id) VALUES ('RUN', %s)"
            " RETURNING created_at",
            [mine["schedule_id"]],
        )
        (created,) = cursor.fetchone() or (None,)
        assert created > begun
    with pytest.raises(CheckViolation, match=r"2 requests an hour \(user_quotas\.max_requests"):
        insert(database, mine, **own)
    rows.update("run_requests", first, created_at=datetime.now(UTC) - timedelta(hours=2))
    insert(database, mine, **own)


def test_rows_of_one_statement_count_together(database: Database, mine: Row) -> None:
    many = (
        "INSERT INTO run_requests (user_id, action, schedule_id)"
        " SELECT %s, 'RUN', %s FROM generate_series(1, %s)"
    )
    with pytest.raises(CheckViolation, match="max_open_requests"):
        database.query(many, [mine["user_id"], mine["schedule_id"], 51])
    database.query(many, [mine["user_id"], mine["schedule_id"], 50])


# In whose hands


@pytest.fixture
def pipeline(database: Database) -> Iterator[Connection]:
    connection = database.connect("recomamp_pipeline")
    yield connection
    connection.close()


def claim(connection: Connection, now: datetime) -> ClaimedRequest | None:
    with connection:
        return claim_run_request(connection, claim_id=uuid4(), now=now, lease=LEASE)


def later(seconds: float = 60) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_request_is_in_one_followers_hands(
    database: Database, mine: Row, pipeline: Connection
) -> None:
    row = insert(database, mine, action="RETRY", execution_id=mine["execution_id"])
    now = later()
    first = claim(pipeline, now)
    assert first is not None
    assert (str(first.id), first.attempts, first.dag_run_id) == (row["id"], 1, "run_1")
    assert first.definition is not None
    assert first.definition.id == UUID(mine["schedule_id"])
    assert claim(pipeline, now) is None
    second = claim(pipeline, now + LEASE)
    assert second is not None
    assert (second.id, second.attempts) == (first.id, 2)
    with pipeline:
        assert accept_run_request(pipeline, first, now=now, last_backfill_id=None) is None
        assert not end_run_request(pipeline, first, status=RequestStatus.DONE, now=now)
        assert not postpone_run_request(pipeline, first, now=now, delay=SOON, reason=None)
        assert end_run_request(pipeline, second, status=RequestStatus.DONE, now=now)
        assert not end_run_request(pipeline, second, status=RequestStatus.REFUSED, now=now)
    assert claim(pipeline, now + 2 * LEASE) is None


def test_two_followers_do_not_wait_for_each_other(
    database: Database, rows: Rows, mine: Row
) -> None:
    for _ in range(2):
        insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
    connections = [database.connect("recomamp_pipeline") for _ in range(2)]
    claims = [
        claim_run_request(one, claim_id=uuid4(), now=later(), lease=LEASE) for one in connections
    ]
    assert len({one.id for one in claims if one is not None}) == 2


def test_the_first_acceptance_stays(database: Database, mine: Row, pipeline: Connection) -> None:
    insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
    first = now = later()
    for number in (7, 8):
        request = claim(pipeline, now)
        assert request is not None
        with pipeline:
            accepted = accept_run_request(pipeline, request, now=now, last_backfill_id=number)
            assert accepted is not None
            assert (accepted.last_backfill_id, accepted.accepted_at) == (7, first)
            postpone_run_request(pipeline, request, now=now, delay=SOON, reason="waits")
        assert claim(pipeline, now) is None
        now += SOON


def test_users_have_their_turns(
    database: Database, rows: Rows, mine: Row, pipeline: Connection
) -> None:
    """A user with many requests, ended or postponed, waits for one with few."""
    theirs = everything(rows)
    for _ in range(6):
        insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
    for _ in range(3):
        insert(database, theirs, action="RUN", schedule_id=theirs["schedule_id"])
    now, served = later(), []
    for number in range(6):
        request = claim(pipeline, now)
        assert request is not None
        served.append(str(request.user_id) == mine["user_id"])
        with pipeline:
            if number % 2:
                end_run_request(pipeline, request, status=RequestStatus.DONE, now=now)
            else:
                postpone_run_request(pipeline, request, now=now, delay=timedelta(0), reason=None)
        now += SOON
    assert served in ([True, False] * 3, [False, True] * 3)


def test_an_insert_is_told_to_the_follower(database: Database, mine: Row) -> None:
    connection = database.connect("recomamp_pipeline")
    listening = listen(connection, lambda: 0.2)
    next(listening)
    row = insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
    assert next(listening) == {DefinitionChange("run_requests", UUID(row["id"]))}


def test_old_requests_that_have_ended_are_deleted(
    database: Database, rows: Rows, mine: Row, pipeline: Connection
) -> None:
    old, now = datetime.now(UTC) - timedelta(days=100), datetime.now(UTC)
    kept = []
    for status, created_at in (
        ("DONE", old), ("REFUSED", old), ("PENDING", old), ("ACCEPTED", old), ("DONE", now),
    ):  # fmt: skip
        row = insert(database, mine, action="RUN", schedule_id=mine["schedule_id"])
        rows.update("run_requests", row, status=status, created_at=created_at)
        kept.append(row["id"])
    with pipeline:
        before = now - timedelta(days=90)
        assert delete_oldest(pipeline, "delete_run_requests", before=before, limit=10) == 2
    left = database.query("SELECT id FROM run_requests")
    assert {row["id"] for row in left} == set(kept[2:])


@pytest.mark.parametrize("supabase", [18], indirect=True)
@pytest.mark.parametrize("role", ["authenticated", "service_role"])
def test_people_and_the_application_ask_through_supabase(supabase: Supabase, role: str) -> None:
    owner = supabase.database()
    owner.delete_rows()
    mine = everything(Rows(owner))
    with supabase.request(role, mine["user_id"]) as cursor:
        cursor.execute(
            "INSERT INTO run_requests (user_id, action, schedule_id) VALUES (%s, 'RUN', %s)"
            " RETURNING status",
            [mine["user_id"], mine["schedule_id"]],
        )
        assert cursor.fetchone() == ("PENDING",)
    owner.delete_rows()
    owner.close()


def test_old_requests_that_a_person_has_locked_are_passed_over(
    database: Database, rows: Rows
) -> None:
    mine, other = everything(rows), everything(rows)
    for row in (mine, other):
        request = rows.insert(
            "run_requests",
            user_id=row["user_id"],
            action="RUN",
            schedule_id=row["schedule_id"],
        )
        rows.update("run_requests", request, status="REFUSED")
    analyst = database.connect("recomamp_analyst", str(mine["user_id"]))
    with analyst.cursor() as cursor:
        cursor.execute(
            "SELECT delete_own_row('workflow_schedules', %s)", [str(mine["schedule_id"])]
        )
    pipeline = database.connect("recomamp_pipeline")
    with pipeline, pipeline.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5s'")
        before = datetime.now(UTC) + timedelta(minutes=1)
        assert delete_oldest(pipeline, "delete_run_requests", before=before, limit=10) == 1
    assert [row["user_id"] for row in database.query("SELECT * FROM run_requests")] == [
        mine["user_id"]
    ]
