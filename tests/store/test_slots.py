"""Slots: never too many in flight, schedules first, and everybody's turn comes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows
from recomamp.store.slots import COLLECTION_HANDICAP, grant_slots

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

Grant = Callable[..., list[str]]


@pytest.fixture
def grant(database: Database) -> Grant:
    """Grant slots for an instance and return the ids of those who got one, as text."""

    def grant(instance: Row, now: datetime = NOW) -> list[str]:
        connection = psycopg2.connect(database.uri)
        try:
            with connection:
                granted = grant_slots(connection, instance["id"], now=now)
        finally:
            connection.close()
        return sorted(map(str, granted))

    return grant


def queue(rows: Rows, instance: Row, count: int, **columns: Any) -> list[str]:
    """Insert executions that wait for a slot, a minute apart, and return their ids."""
    workflow = rows.workflow(instance=instance)
    waiting = [
        rows.execution(
            workflow=workflow,
            instance_id=instance["id"],
            **{
                "created_at": NOW - timedelta(hours=1) + timedelta(minutes=n),
                "dag_id": "amc_dag",
                "dag_run_id": f"run {uuid4()}",
                **columns,
            },
        )
        for n in range(count)
    ]
    return [str(row["id"]) for row in waiting]


def test_the_first_in_line_get_the_free_slots(rows: Rows, grant: Grant) -> None:
    instance = rows.instance(max_concurrent_executions=3)
    waiting = queue(rows, instance, 5)
    assert grant(instance) == sorted(waiting[:3])
    assert grant(instance) == []


def test_a_slot_is_free_again_when_its_execution_ends(rows: Rows, grant: Grant) -> None:
    instance = rows.instance(max_concurrent_executions=1)
    first, second = queue(rows, instance, 2)
    assert grant(instance) == [first]
    rows.update("workflow_executions", first, status="RUNNING")
    assert grant(instance) == []
    rows.update("workflow_executions", first, status="FAILED")
    assert grant(instance) == [second]


def test_schedules_go_before_collections_until_these_have_waited_long(
    rows: Rows, grant: Grant
) -> None:
    instance = rows.instance(max_concurrent_executions=1)
    collection = rows.collection(workflow=rows.workflow(instance=instance))
    columns = {"collection_id": collection["id"], "created_at": NOW}
    (week,) = queue(rows, instance, 1, **columns)
    (schedule,) = queue(rows, instance, 1, created_at=NOW + timedelta(minutes=20))
    late = NOW + COLLECTION_HANDICAP + timedelta(minutes=1)
    (later_schedule,) = queue(rows, instance, 1, created_at=late)
    for expected in (schedule, week, later_schedule):
        assert grant(instance) == [expected]
        rows.update("workflow_executions", expected, status="SUCCESS")


def test_the_account_is_a_limit_over_all_its_instances(rows: Rows, grant: Grant) -> None:
    account = rows.account(max_concurrent_executions=3)
    instances = [rows.instance(account=account) for _ in range(2)]
    waiting = [one for instance in instances for one in queue(rows, instance, 2)]
    assert len(grant(instances[0])) == 3
    rows.update("workflow_executions", waiting[0], status="SUCCESS")
    assert len(grant(instances[1])) == 1


def test_users_of_one_amc_instance_share_its_slots(rows: Rows, grant: Grant) -> None:
    account = rows.account()
    shared = {"account": account, "instance_id": "amcshared", "max_concurrent_executions": 2}
    first, second = (rows.instance(**shared) for _ in range(2))
    for instance in (first, second):
        queue(rows, instance, 2)
    assert len(grant(first)) == 2
    assert grant(second) == []


def test_other_accounts_are_not_concerned(rows: Rows, grant: Grant) -> None:
    mine, other = rows.instance(), rows.instance()
    queue(rows, other, 1)
    assert grant(mine) == []


def test_executions_that_others_started_take_slots_while_their_count_is_fresh(
    rows: Rows, grant: Grant
) -> None:
    instance = rows.instance(
        max_concurrent_executions=3, foreign_executions=2, foreign_counted_at=NOW
    )
    queue(rows, instance, 5)
    assert len(grant(instance)) == 1
    assert len(grant(instance, NOW + timedelta(hours=1))) == 2


def test_executions_of_others_take_slots_of_the_account_once_for_each_amc_instance(
    rows: Rows, grant: Grant
) -> None:
    account = rows.account(max_concurrent_executions=8)
    seen = {"account": account, "foreign_counted_at": NOW}
    first = rows.instance(foreign_executions=4, instance_id="amcshared", **seen)
    rows.instance(foreign_executions=3, instance_id="amcshared", **seen)
    other = rows.instance(foreign_executions=2, **seen)
    queue(rows, first, 5)
    queue(rows, other, 5)
    assert len(grant(first)) == 2


def test_what_the_application_runs_itself_gets_no_slot_and_holds_none(
    rows: Rows, grant: Grant
) -> None:
    instance = rows.instance(max_concurrent_executions=1)
    its_own = {"dag_id": None, "dag_run_id": None}
    queue(rows, instance, 1, **its_own)
    queue(rows, instance, 1, status="RUNNING", **its_own)
    queue(rows, instance, 1, slot_granted_at=NOW, **its_own)
    (ours,) = queue(rows, instance, 1)
    assert grant(instance) == [ours]


def test_what_runs_at_amc_takes_a_slot_that_was_never_granted(rows: Rows, grant: Grant) -> None:
    instance = rows.instance(max_concurrent_executions=2)
    queue(rows, instance, 1, status="RUNNING", created_at=NOW)
    first, _ = queue(rows, instance, 2)
    assert grant(instance) == [first]


def test_many_who_ask_at_once_never_get_too_many(
    rows: Rows, grant: Grant, database: Database
) -> None:
    instance = rows.instance(max_concurrent_executions=4)
    queue(rows, instance, 12)
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: grant(instance), range(16)))
    assert sum(map(len, granted)) == 4
    held = database.query(
        "SELECT count(*) AS n FROM workflow_executions WHERE slot_granted_at IS NOT NULL"
    )
    assert held[0]["n"] == 4


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limits=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    foreign=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    account_limit=st.integers(1, 9),
    ends=st.lists(st.integers(0, 30), max_size=12),
)
def test_whatever_happens_no_limit_is_exceeded_and_no_slot_stays_empty(
    rows: Rows,
    grant: Grant,
    database: Database,
    limits: list[int],
    foreign: list[int],
    account_limit: int,
    ends: list[int],
) -> None:
    account = rows.account(max_concurrent_executions=account_limit)
    seen = {"account": account, "foreign_counted_at": NOW}
    instances = [
        rows.instance(max_concurrent_executions=limit, foreign_executions=others, **seen)
        for limit, others in zip(limits, foreign, strict=False)
    ]
    # Another user's row of the same AMC instance, whose others are the same
    same = {name: instances[0][name] for name in ("instance_id", "foreign_executions")}
    rows.instance(max_concurrent_executions=limits[0], **same, **seen)
    left = {  # for us
        str(one["id"]): max(one["max_concurrent_executions"] - one["foreign_executions"], 0)
        for one in instances
    }
    left_of_account = max(account_limit - sum(one["foreign_executions"] for one in instances), 0)
    waiting = {str(one["id"]): len(queue(rows, one, 5)) for one in instances}
    flying: list[tuple[str, str]] = []
    for end in [None, *ends]:
        if end is not None and flying:
            key, ended = flying.pop(end % len(flying))
            rows.update("workflow_executions", ended, status="SUCCESS")
        for granted in grant(instances[0]):
            key = str(rows.get("workflow_executions", granted)["instance_id"])
            waiting[key] -= 1
            flying.append((key, granted))
        assert len(flying) <= left_of_account
        for key, free in left.items():
            in_use = sum(one == key for one, _ in flying)
            assert in_use <= free
            is_full = in_use == free or len(flying) == left_of_account
            assert is_full or waiting[key] == 0
