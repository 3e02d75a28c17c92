"""Rules that a whole run seldom meets: a new execution, relative windows, links, inactive rows."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.sdk.execution_time.context import OutletEventAccessor

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Database, Row, Rows
from fixtures.run_steps import WEEK, Run
from recomamp.amazon.regions import endpoint_of
from recomamp.domain.definition_ref import DefinitionKind, DefinitionRef
from recomamp.pipeline.assets import workflow_assets
from recomamp.pipeline.connections import endpoint_at
from recomamp.pipeline.executions.links import AmcExecutionLink
from recomamp.pipeline.executions.load import LoadResults
from recomamp.pipeline.executions.submit import SubmitExecution
from recomamp.pipeline.executions.wait import WaitForExecution
from recomamp.pipeline.generator.definitions import load_definition
from recomamp.pipeline.hooks import AmcHook, DatabaseHook


def test_a_new_execution_may_be_unknown_for_five_minutes_and_no_longer(
    run: Run, emulator: RunningEmulator
) -> None:
    run.step(SubmitExecution)
    emulator.fault("get_execution", "not_found", times=None)

    with pytest.raises(TaskDeferred):
        run.step(WaitForExecution)
    run.database.query(
        "UPDATE workflow_executions SET submitted_at = submitted_at - INTERVAL '5 minutes'"
    )
    with pytest.raises(AirflowFailException, match="does not exist"):
        run.step(WaitForExecution)


@pytest.mark.parametrize("kind", ["MOST_RECENT_DAY", "PREVIOUS_MONTH"])
def test_a_relative_window_is_left_to_amc(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator, kind: str
) -> None:
    schedule = rows.schedule(
        workflow=rows.workflow(instance=instance),
        timezone="Europe/Berlin",
        parameters={"window": {"type": kind}},
    )

    Run(database, schedule_id=str(schedule["id"])).step(SubmitExecution)

    (at_amc,) = emulator.executions()
    asked = {name: value for name, value in at_amc["request"].items() if "timeWindow" in name}
    assert asked == {"timeWindowType": kind, "timeWindowTimeZone": "Europe/Berlin"}


def test_a_relative_window_offers_no_dates_to_the_query(
    database: Database, rows: Rows, instance: Row, emulator: RunningEmulator
) -> None:
    sql = "SELECT campaign FROM dsp_impressions WHERE '{{start_date}}' < 'x' GROUP BY campaign"
    schedule = rows.schedule(
        workflow=rows.workflow(instance=instance, sql_query=sql),
        parameters={"window": {"type": "MOST_RECENT_DAY"}},
    )

    with pytest.raises(AirflowFailException, match="start_date"):
        Run(database, schedule_id=str(schedule["id"])).step(SubmitExecution)

    assert emulator.executions() == []


def test_the_assets_get_the_rows_and_the_window_and_one_of_them_the_key(run: Run) -> None:
    plain, keyed = workflow_assets(UUID(int=1), "")
    run.outlets = {plain: OutletEventAccessor(key=plain), keyed: OutletEventAccessor(key=keyed)}
    run.try_until_done(SubmitExecution)
    run.try_until_done(WaitForExecution)

    execution_id = run.step(LoadResults)

    (row,) = run.executions
    for asset in (plain, keyed):
        assert run.outlets[asset].extra == {
            "execution_id": execution_id,
            "rows": row["result_rows"],
            "window_start": WEEK[0].isoformat(),
            "window_end": WEEK[1].isoformat(),
        }
    assert run.outlets[plain].partition_keys == set()
    assert run.outlets[keyed].partition_keys == {"2026-01-05/2026-01-12"}


@pytest.mark.parametrize("table", ["amc_instances", "users"])
@pytest.mark.parametrize("kind", ["schedule", "collection"])
def test_nothing_starts_by_itself_where_instance_or_owner_is_not_active(
    rows: Rows, instance: Row, kind: str, table: str
) -> None:
    row = getattr(rows, kind)(workflow=rows.workflow(instance=instance))
    ref = DefinitionRef(DefinitionKind(kind), UUID(row["id"]))
    key = {"amc_instances": instance["id"], "users": instance["user_id"]}[table]

    assert load_definition(ref, DatabaseHook()).is_active
    rows.update(table, key, is_active=False)
    assert not load_definition(ref, DatabaseHook()).is_active


EUROPE = {"api_url": "https://eu.example.com", "token_url": "https://login.example.com/token"}


@pytest.mark.parametrize(
    ("region", "host", "api_url", "token_url"),
    [
        ("EU", None, EUROPE["api_url"], EUROPE["token_url"]),
        ("EU", "https://one.example.com", EUROPE["api_url"], EUROPE["token_url"]),
        ("NA", "https://one.example.com", "https://one.example.com", "https://all.example.com"),
        ("FE", None, endpoint_of("FE").api_url, "https://all.example.com"),
    ],
)
def test_an_address_for_one_region_comes_before_one_for_all_and_that_before_amazons(
    region: str, host: str | None, api_url: str, token_url: str
) -> None:
    extra = {"regions": {"EU": EUROPE}, "token_url": "https://all.example.com"}
    connection = Connection(
        conn_id="amazon_ads", conn_type="http", host=host, extra=json.dumps(extra)
    )

    endpoint = endpoint_at(connection, region)

    assert (endpoint.api_url, endpoint.token_url) == (api_url, token_url)


@pytest.mark.parametrize(
    ("written", "api_url"),
    [
        ("http://an%20id:s%2Fcret@/", endpoint_of("EU").api_url),
        ("http://an%20id:s%2Fcret@127.0.0.1:8099/", "http://127.0.0.1:8099"),
        ("http://an%20id:s%2Fcret@proxy.example.com/https", "https://proxy.example.com"),
        ("http://https://an%20id:s%2Fcret@proxy.example.com:99/", "https://proxy.example.com:99"),
        ({}, endpoint_of("EU").api_url),
        ({"host": "127.0.0.1", "port": 8099}, "http://127.0.0.1:8099"),
        ({"host": "proxy.example.com", "schema": "https"}, "https://proxy.example.com"),
        ({"host": "https://proxy.example.com", "schema": "http"}, "https://proxy.example.com"),
    ],
)
def test_the_fields_of_the_http_form_count_as_a_uri_and_as_json(
    monkeypatch: pytest.MonkeyPatch, written: str | dict[str, Any], api_url: str
) -> None:
    fields = {"conn_type": "http", "login": "an id", "password": "s/cret"}
    if not isinstance(written, str):
        written = json.dumps({**fields, **written})
    monkeypatch.setenv("AIRFLOW_CONN_AMAZON_ADS", written)

    connection = AmcHook().get_conn()

    assert connection.conn_type == HttpHook.conn_type
    assert (connection.login, connection.password) == ("an id", "s/cret")
    assert endpoint_at(connection, "EU").api_url == api_url


def link_of(run: Run) -> str:
    key: Any = SimpleNamespace(dag_id=run.dag_run.dag_id, run_id=run.dag_run.run_id)
    operator = WaitForExecution(task_id="wait", **run.row)
    return AmcExecutionLink().get_link(operator, ti_key=key)


def test_the_link_leads_to_the_latest_execution_once_there_is_one(
    run: Run, emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert link_of(run) == ""
    run.step(SubmitExecution)
    amc_execution_id = run.executions[0]["amc_execution_id"]
    assert link_of(run) == f"{emulator.url}/_emulator/executions/{amc_execution_id}"

    amazon = json.loads(os.environ["AIRFLOW_CONN_AMAZON_ADS"])
    monkeypatch.setenv("AIRFLOW_CONN_AMAZON_ADS", json.dumps({**amazon, "extra": {}}))
    assert AmcHook().get_conn().extra_dejson == {}
    assert link_of(run) == ""
    monkeypatch.delenv("AIRFLOW_CONN_AMAZON_ADS")
    assert link_of(run) == ""
