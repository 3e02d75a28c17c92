"""Slots: never too many in flight, equal shares for users, schedules first, all get their turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.execution_states import AmcStatus
from recomamp.store.slots import COLLECTION_HANDICAP, EXTERNAL_COUNT_LIFETIME, grant_slots

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
        max_concurrent_executions=3, external_executions=2, external_counted_at=NOW
    )
    queue(rows, instance, 5)
    assert len(grant(instance)) == 1
    assert len(grant(instance, NOW + timedelta(hours=1))) == 2


def test_executions_of_others_take_slots_of_the_account_once_for_each_amc_instance(
    rows: Rows, grant: Grant
) -> None:
    account = rows.account(max_concurrent_executions=8)
    seen = {"account": account, "external_counted_at": NOW}
    first = rows.instance(external_executions=4, instance_id="amcshared", **seen)
    rows.instance(external_executions=3, instance_id="amcshared", **seen)
    other = rows.instance(external_executions=2, **seen)
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


def test_a_count_from_the_future_is_none(rows: Rows, grant: Grant) -> None:
    instance = rows.instance(
        max_concurrent_executions=3, external_executions=2, external_counted_at="9998-01-01"
    )
    queue(rows, instance, 5)
    assert len(grant(instance)) == 3


def test_a_clock_that_is_a_little_ahead_counts(rows: Rows, grant: Grant) -> None:
    instance = rows.instance(
        max_concurrent_executions=3,
        external_executions=2,
        external_counted_at=NOW + timedelta(seconds=30),
    )
    queue(rows, instance, 5)
    assert len(grant(instance)) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"max_concurrent_executions": 0},
        {"max_concurrent_executions": 10_001},
        {"external_executions": -1},
        {"external_executions": 10_001},
    ],
)
def test_numbers_that_slots_are_counted_with_are_bounded(rows: Rows, columns: Row) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match="chk_instance_"):
        rows.instance(**columns)
    if "max_concurrent_executions" in columns:
        with pytest.raises(psycopg2.errors.CheckViolation, match="chk_account_"):
            rows.account(**columns)


# --- What was closed here and may run on at AMC ---------------------------------------------------

IN_FLIGHT = {"amc_execution_id": "amc-1", "amc_status": "RUNNING", "completed_at": NOW}


def close_one(rows: Rows, instance: Row, **columns: Any) -> str:
    (closed,) = queue(rows, instance, 1, **{"status": "CANCELLED", **IN_FLIGHT, **columns})
    return closed


@pytest.mark.parametrize("status", ["CANCELLED", "FAILED", "TIMEOUT"])
def test_what_amc_may_still_run_keeps_its_slot(rows: Rows, grant: Grant, status: str) -> None:
    instance = rows.instance(max_concurrent_executions=2)
    close_one(rows, instance, status=status)
    queue(rows, instance, 3)
    assert len(grant(instance)) == 1


def test_starting_and_deleting_over_and_over_starts_no_more_than_the_limit(
    rows: Rows, grant: Grant
) -> None:
    instance = rows.instance(max_concurrent_executions=2)
    started = 0
    for _ in range(4):
        queue(rows, instance, 2)
        for key in grant(instance):
            started += 1
            in_flight = {**IN_FLIGHT, "amc_execution_id": f"amc-{started}"}
            rows.update("workflow_executions", key, status="CANCELLED", **in_flight)
    assert started == 2


@pytest.mark.parametrize(
    "columns",
    [
        *({"amc_status": word} for word in AmcStatus if word.is_terminal),
        {"amc_execution_id": None},  # AMC never had it
        {"completed_at": NOW - EXTERNAL_COUNT_LIFETIME - timedelta(seconds=1)},
        {"status": "SUCCESS", "amc_status": "SUCCEEDED"},
    ],
)
def test_what_amc_does_not_run_keeps_none(rows: Rows, grant: Grant, columns: Row) -> None:
    instance = rows.instance(max_concurrent_executions=1)
    close_one(rows, instance, **columns)
    assert queue(rows, instance, 1) == grant(instance)


def test_once_amc_is_listed_the_list_decides(rows: Rows, grant: Grant) -> None:
    instance = rows.instance(max_concurrent_executions=2)
    close_one(rows, instance)
    queue(rows, instance, 3)
    before, after = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    rows.update("amc_instances", instance, external_counted_at=before)
    assert len(grant(instance)) == 1
    rows.update("amc_instances", instance, external_executions=1, external_counted_at=after)
    assert grant(instance) == []  # it is among those counted, and not counted twice
    rows.update("amc_instances", instance, external_executions=0)
    assert len(grant(instance)) == 1


# --- Shares ---------------------------------------------------------------------------------------


def sharing(rows: Rows, users: int, **columns: Any) -> list[Row]:
    """Insert rows of one AMC instance, one for each of so many users."""
    shared = {"account": rows.account(), "instance_id": "amcshared", **columns}
    return [rows.instance(**shared) for _ in range(users)]


def test_a_long_line_of_one_user_does_not_stand_before_another(rows: Rows, grant: Grant) -> None:
    ann, bob = sharing(rows, 2, max_concurrent_executions=10)
    queue(rows, ann, 40)
    (late,) = queue(rows, bob, 1, created_at=NOW)
    assert late in grant(ann)


def test_free_slots_go_to_who_holds_fewer(rows: Rows, grant: Grant) -> None:
    ann, bob = sharing(rows, 2, max_concurrent_executions=4)
    first = queue(rows, ann, 4)
    assert sorted(first) == grant(ann)  # nobody else wants them
    of_bob = queue(rows, bob, 4, created_at=NOW)
    queue(rows, ann, 4)
    for turn, key in enumerate(first[:2], start=1):
        rows.update("workflow_executions", key, status="SUCCESS")
        assert len(set(grant(bob)) & set(of_bob)) == 1, turn
    rows.update("workflow_executions", first[2], status="SUCCESS")
    assert not set(grant(bob)) & set(of_bob)  # now both hold two


def test_the_accounts_slots_are_shared_between_users_too(rows: Rows, grant: Grant) -> None:
    account = rows.account(max_concurrent_executions=4)
    ann = rows.user()
    hers = [rows.instance(user=ann, account=account) for _ in range(3)]
    his = rows.instance(account=account)
    for instance in hers:
        queue(rows, instance, 5)
    of_bob = queue(rows, his, 5, created_at=NOW)
    assert len(set(grant(his)) & set(of_bob)) == 2


@dataclass(frozen=True)
class Waiting:
    """An execution in the model of a line."""

    id: str
    user: int
    turn: datetime


def shares(waiting: list[Waiting], held: Counter[int], slots: int) -> set[str]:
    """Give slots one by one to the user who holds fewest; of several, to the oldest turn."""
    left, given = list(waiting), set()
    held = held.copy()
    while left and len(given) < slots:
        heads = [min((w for w in left if w.user == user), key=by_turn) for user in users_of(left)]
        chosen = min(heads, key=lambda head: (held[head.user], by_turn(head)))
        held[chosen.user] += 1
        left.remove(chosen)
        given.add(chosen.id)
    return given


def by_turn(one: Waiting) -> tuple[datetime, str]:
    return one.turn, one.id


def users_of(waiting: list[Waiting]) -> set[int]:
    return {one.user for one in waiting}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.lists(st.tuples(st.integers(0, 90), st.booleans()), max_size=5), min_size=1, max_size=3
    ),
    held=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    limit=st.integers(1, 8),
)
def test_slots_are_granted_as_in_the_model(
    rows: Rows, grant: Grant, lines: list[list[tuple[int, bool]]], held: list[int], limit: int
) -> None:
    shared = {"instance_id": f"amc{uuid4()}", "max_concurrent_executions": limit}
    instances = sharing(rows, len(lines), **shared)
    waiting = []
    for user, (line, instance) in enumerate(zip(lines, instances, strict=True)):
        workflow = rows.workflow(instance)
        collection = rows.collection(workflow)
        own = {"workflow": workflow, "instance_id": instance["id"]}
        for _ in range(held[user]):
            rows.execution(**own, dag_run_id=f"run {uuid4()}", status="RUNNING")
        for minutes, is_week in line:
            made_at = NOW + timedelta(minutes=minutes)
            of = {"collection_id": collection["id"]} if is_week else {}
            row = rows.execution(**own, **of, dag_run_id=f"run {uuid4()}", created_at=made_at)
            turn = made_at + (COLLECTION_HANDICAP if is_week else timedelta())
            waiting.append(Waiting(str(row["id"]), user, turn))
    in_use = Counter({user: held[user] for user in range(len(lines))})
    expected = shares(waiting, in_use, limit - sum(in_use.values()))
    assert set(grant(instances[0])) == expected


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
    seen = {"account": account, "external_counted_at": NOW}
    instances = [
        rows.instance(max_concurrent_executions=limit, external_executions=others, **seen)
        for limit, others in zip(limits, foreign, strict=False)
    ]
    # Another user's row of the same AMC instance, whose others are the same
    same = {name: instances[0][name] for name in ("instance_id", "external_executions")}
    rows.instance(max_concurrent_executions=limits[0], **same, **seen)
    left = {  # for us
        str(one["id"]): max(one["max_concurrent_executions"] - one["external_executions"], 0)
        for one in instances
    }
    left_of_account = max(account_limit - sum(one["external_executions"] for one in instances), 0)
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
