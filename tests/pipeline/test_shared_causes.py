"""A fault of the deployment fails the pipeline's own DAGs: it only looks like each tenant's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from fixtures.emulator import RunningEmulator
from fixtures.postgres import Row, Rows
from fixtures.tenants import europe_instance, hooks
from recomamp.domain.reconciliation import RunState
from recomamp.errors import PartialFailure
from recomamp.pipeline.asins.sync import sync_asins
from recomamp.pipeline.instances.health import check_instances
from recomamp.pipeline.instances.schema import sync_schema
from recomamp.pipeline.reconciliation.operator import reconcile

NOW = datetime.now(UTC)


def check() -> None:
    check_instances(**hooks(), now=NOW)


def sync() -> None:
    sync_schema(**hooks(), now=NOW)


def ask_about_products() -> None:
    sync_asins(**hooks(), now=NOW)


def compare() -> None:
    reconcile(**hooks(), run_state_of=lambda dag_id, run_id: RunState.GONE, clock=lambda: NOW)


WORK = [check, sync, ask_about_products, compare]


@pytest.fixture
def tenants(rows: Rows, instance: Row, fernet_key: str) -> list[Row]:
    """Insert two users with all that the DAGs ask Amazon about."""
    tenants = [instance, europe_instance(rows, fernet_key)]
    for number, one in enumerate(tenants):
        rows.insert("asins", asin=f"B{number:09}", user_id=one["user_id"])
        rows.schedule(workflow=rows.workflow(instance=one))
    return tenants


def use_another_key(emulator: RunningEmulator, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("RECOMAMP_FERNET_KEY", Fernet.generate_key().decode())


def refuse_everybody(emulator: RunningEmulator, patch: pytest.MonkeyPatch) -> None:
    for operation in ("list_data_sources", "list_profiles", "list_executions"):
        emulator.fault(operation, "forbidden", times=None)


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("break_all", [use_another_key, refuse_everybody])
def test_what_every_user_meets_fails_the_run(
    tenants: list[Row],
    emulator: RunningEmulator,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[], None],
    break_all: Callable[[RunningEmulator, pytest.MonkeyPatch], None],
) -> None:
    break_all(emulator, monkeypatch)
    with pytest.raises(PartialFailure, match="nothing succeeded for any user") as failed:
        work()
    assert failed.value.is_final


@pytest.mark.parametrize("work", WORK)
def test_what_one_of_two_users_meets_fails_nothing(
    tenants: list[Row], rows: Rows, work: Callable[[], None]
) -> None:
    sealed = Fernet(Fernet.generate_key()).encrypt(b"Atzr|demo-north").decode()
    rows.update("users", tenants[0]["user_id"], encrypted_refresh_token=sealed)
    work()


def test_what_an_earlier_try_has_synced_counts(
    tenants: list[Row], rows: Rows, instance: Row, fernet_key: str
) -> None:
    """Those that are left are no sample: the try before has left them because they fail."""
    third = rows.instance(region="us-east-1")
    rows.update("amc_instances", instance, schema_last_sync=NOW)
    rows.update("users", tenants[1]["user_id"], encrypted_refresh_token="not a token")
    rows.update("users", third["user_id"], encrypted_refresh_token="not a token")
    sync_schema(**hooks(), now=NOW, since=NOW - timedelta(minutes=1))
