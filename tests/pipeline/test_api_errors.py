"""Failed calls reach the database, whatever they are, and nothing secret with them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from fixtures.amazon import listed, make_execution
from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.download import download_parts
from recomamp.domain.executions import Execution
from recomamp.errors import AmazonError, ConsentRevoked, InvalidResults
from recomamp.pipeline.hooks import AmcHook, DatabaseHook
from recomamp.store.executions import select_execution

SECRETS = ("Atza", "Atzr", "X-Amz-Signature", "demo-client-secret")


def read_execution(rows: Rows, instance: Row) -> Execution:
    row = rows.execution(
        workflow=rows.workflow(instance=instance),
        instance_id=instance["id"],
        amc_workflow_id="recomamp-1",
        window_start="2026-01-05T00:00:00Z",
        window_end="2026-01-12T00:00:00Z",
        window_time_zone="UTC",
        deadline_at="2036-01-01T00:00:00Z",
        dag_run_id=str(row_number(rows)),
    )
    with DatabaseHook().transaction() as connection:
        execution = select_execution(connection, UUID(row["id"]))
    assert execution is not None
    return execution


def row_number(rows: Rows) -> int:
    return next(rows._numbers)


@pytest.fixture
def execution(rows: Rows, instance: Row) -> Execution:
    return read_execution(rows, instance)


def client_for(execution: Execution) -> AmcClient:
    client = AmcHook().client_for(execution)
    client.sleep = no_pause
    return client


async def no_pause(seconds: float) -> None:
    await asyncio.sleep(0)


async def look(execution: Execution) -> None:
    async with client_for(execution) as client:
        await listed(client, workflow_id="x")


def errors(database: Database) -> list[Row]:
    return database.query("SELECT * FROM amc_api_errors ORDER BY id")


def test_a_call_throttled_twice_leaves_two_rows(
    database: Database, emulator: RunningEmulator, execution: Execution, instance: Row
) -> None:
    emulator.fault("list_executions", "throttle", times=2)

    asyncio.run(look(execution))

    rows = errors(database)
    assert [(row["status"], row["attempt"]) for row in rows] == [(429, 1), (429, 2)]
    assert len({row["request_id"] for row in rows} - {None}) == 2
    (row, _) = rows
    assert (row["instance_id"], row["user_id"]) == (instance["id"], instance["user_id"])
    assert row["execution_id"] == str(execution.id)
    assert (row["method"], row["operation"]) == ("GET", "list_executions")
    assert row["path"] == "/amc/reporting/amcdemonorth/workflowExecutions"


def test_nothing_secret_is_in_any_row(
    database: Database, emulator: RunningEmulator, execution: Execution, tmp_path: Path
) -> None:
    async def run() -> None:
        async with client_for(execution) as client:
            created = await client.create_execution(make_execution())
            await client.get_execution(created.amc_execution_id)
            for fault in ("expired_link", "server_error", "reset_before"):
                emulator.fault("download", fault)
            await download_parts(client, created.amc_execution_id, tmp_path)
            emulator.fault("download", "truncated_csv", short=True)
            with pytest.raises(InvalidResults):
                await download_parts(client, created.amc_execution_id, tmp_path)
            for sql in ("SELECT nonsense FROM dsp_impressions", "SELECT 'Atza|hush' FRM x"):
                with pytest.raises(AmazonError):
                    await client.create_execution(make_execution(sql=sql))
            emulator.fault("get_execution", "html_body")
            emulator.fault("get_execution", "server_error", status=503, html=True)
            emulator.fault("get_execution", "unauthorized")
            await client.get_execution(created.amc_execution_id)
            emulator.revoke("ENTITYDEMONORTH")
            with pytest.raises(ConsentRevoked):
                await client.get_execution(created.amc_execution_id)

    emulator.fault("token", "throttle", retry_after=0)
    asyncio.run(run())

    rows = errors(database)
    assert [row["operation"] for row in rows] == [
        "token",
        *["download"] * 4,
        *["create_execution"] * 2,
        *["get_execution"] * 4,
        "token",
    ]
    text = str(rows)
    assert [secret for secret in SECRETS if secret in text] == []
    assert "nonsense" in text  # Amazon's complaint stays


def test_a_revoked_consent_costs_one_token_call_for_many_schedules(
    database: Database, emulator: RunningEmulator, rows: Rows, instance: Row
) -> None:
    emulator.revoke("ENTITYDEMONORTH")
    executions = [read_execution(rows, instance) for _ in range(8)]

    async def run() -> list[BaseException | None]:
        first = await asyncio.gather(*map(look, executions), return_exceptions=True)
        later = await asyncio.gather(*map(look, executions), return_exceptions=True)
        return first + later

    outcomes = asyncio.run(run())

    assert [type(outcome) for outcome in outcomes] == [ConsentRevoked] * 16
    assert "sign in with Amazon again" in str(outcomes[-1])
    assert len(emulator.calls("token")) == 1
    assert emulator.calls("list_executions") == []
    assert [(row["operation"], row["code"]) for row in errors(database)] == [
        ("token", "invalid_grant")
    ]
    user = rows.get("users", instance["user_id"])
    assert "HTTP 400 invalid_grant" in user["consent_error"]
    assert "Atzr" not in user["consent_error"]


def test_a_user_who_has_signed_in_again_is_served_at_once(
    emulator: RunningEmulator, rows: Rows, instance: Row, execution: Execution, fernet_key: str
) -> None:
    emulator.revoke("ENTITYDEMONORTH")
    with pytest.raises(ConsentRevoked):
        asyncio.run(look(execution))
    emulator.reset()

    with pytest.raises(ConsentRevoked):
        asyncio.run(look(execution))
    token = Fernet(fernet_key).encrypt(b"Atzr|demo-north").decode()
    rows.update("users", instance["user_id"], encrypted_refresh_token=token)
    asyncio.run(look(execution))

    assert len(emulator.calls("token")) == 1
    assert rows.get("users", instance["user_id"])["consent_revoked_at"] is None


@pytest.mark.parametrize(
    "breaks",
    ["DROP TABLE amc_api_errors", "ALTER TABLE amc_api_errors ADD CHECK (message = 'never')"],
)
def test_a_failed_call_that_cannot_be_kept_disturbs_nobody(
    fresh_database: Database,
    emulator: RunningEmulator,
    fernet_key: str,
    connections: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    breaks: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RECOMAMP_DB", fresh_database.uri)
    rows = Rows(fresh_database)
    token = Fernet(fernet_key).encrypt(b"Atzr|demo-north").decode()
    instance = rows.instance(
        user=rows.user(encrypted_refresh_token=token),
        account=rows.account(account_id="ENTITYDEMONORTH"),
        instance_id="amcdemonorth",
    )
    execution = read_execution(rows, instance)
    fresh_database.query(breaks)
    emulator.fault("list_executions", "server_error", status=503)
    caplog.set_level(logging.WARNING)

    asyncio.run(look(execution))

    assert "is not in amc_api_errors" in caplog.text


def test_calls_about_several_executions_are_recorded_for_the_instance(
    database: Database, emulator: RunningEmulator, execution: Execution, instance: Row
) -> None:
    emulator.fault("list_executions", "forbidden")

    async def run() -> None:
        async with AmcHook().client_at(execution) as client:
            with pytest.raises(AmazonError):
                await listed(client, workflow_id="x")

    asyncio.run(run())

    (row,) = errors(database)
    assert (row["instance_id"], row["execution_id"]) == (instance["id"], None)
