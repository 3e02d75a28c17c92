"""Which definitions a user may see, and for how long that is remembered."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

from recomamp.console import access
from recomamp.console.visible import (
    NOTHING,
    REMEMBER_SECONDS,
    RecentlyVisible,
    VisibleDefinitions,
)
from recomamp.errors import AuthManagerBusy

A, B = UUID(int=1), UUID(int=2)
SCHEDULE, COLLECTION = f"amc_schedule_{A}", f"amc_collection_{B}"
BOTH = VisibleDefinitions(f"{{{A}}}", f"{{{B}}}")
ONLY_SCHEDULE = VisibleDefinitions(f"{{{A}}}", "{}")


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_dags_of_other_origin_are_left_out() -> None:
    dag_ids = [SCHEDULE, "recomamp_reconcile", COLLECTION, "amc_schedule_", "amc_schedule_1"]
    dag_ids += [f"my_{SCHEDULE}", f"{SCHEDULE}}},x"]

    assert VisibleDefinitions.of(dag_ids) == BOTH


def test_a_right_that_ends_ends_on_lists_in_a_few_seconds() -> None:
    clock = Clock()
    recent = RecentlyVisible(clock)
    may_read = [SCHEDULE, COLLECTION]

    def see(user: str = "ann") -> VisibleDefinitions:
        return recent.get(user, lambda: list(may_read))

    assert see() == BOTH
    may_read.remove(SCHEDULE)
    clock.now += REMEMBER_SECONDS - 0.1
    assert see() == BOTH
    clock.now += 0.1
    assert see() == VisibleDefinitions("{}", f"{{{B}}}")
    assert REMEMBER_SECONDS <= 5


def test_no_user_sees_what_another_may() -> None:
    recent = RecentlyVisible(Clock())

    assert recent.get("ann", lambda: [SCHEDULE]) == ONLY_SCHEDULE
    assert recent.get("bob", list) == NOTHING
    assert recent.get("ann", list) == ONLY_SCHEDULE


class OnlyForAdmins(SimpleAuthManager):
    """Airflow's own auth manager, with an answer that needs no database of Airflow's."""

    def get_authorized_dag_ids(self, *, user: SimpleAuthManagerUser, **_more: Any) -> set[str]:
        return {SCHEDULE} if user.role == "ADMIN" else set()


def test_one_name_sees_what_the_role_of_each_sign_in_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "get_auth_manager", OnlyForAdmins)
    seen = {
        role: access.Visitor(SimpleAuthManagerUser(username="ann", role=role)).visible()
        for role in ("ADMIN", "VIEWER")
    }

    assert seen == {"ADMIN": ONLY_SCHEDULE, "VIEWER": NOTHING}


def test_lists_of_runs_are_empty_for_a_user_who_may_read_no_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Airflow's own lists ask: for the part of DAGs in general, and for the DAGs."""
    asked: list[Any] = []

    class WithoutRuns(OnlyForAdmins):
        def is_authorized_dag(self, *, access_entity: Any = None, **more: Any) -> bool:
            asked.append((more["method"], access_entity, more["details"].id))
            return access_entity is not access.RUNS

    monkeypatch.setattr(access, "get_auth_manager", WithoutRuns)
    visitor = access.Visitor(SimpleAuthManagerUser(username="ann", role="ADMIN"))

    assert visitor.visible(access.RUNS) == NOTHING
    assert visitor.visible(access.QUERY) == visitor.visible() == ONLY_SCHEDULE
    assert asked == [("GET", access.RUNS, None), ("GET", access.QUERY, None)]


def test_an_error_is_not_remembered() -> None:
    recent = RecentlyVisible(Clock())

    def fails() -> list[str]:
        raise OSError("Airflow's database is away")

    with pytest.raises(OSError, match="is away"):
        recent.get("ann", fails)
    assert recent.get("ann", lambda: [SCHEDULE]) == ONLY_SCHEDULE


TABS = 100


def test_a_hundred_pages_of_one_user_ask_once() -> None:
    """Also where all come before Airflow answers, and where some come while it does."""
    come = threading.Barrier(TABS)
    late = threading.Event()
    asked: list[str] = []
    recent = RecentlyVisible(Clock(), wait_seconds=60)

    def read() -> list[str]:
        asked.append("ann")
        late.wait()
        return [SCHEDULE]

    def open_page(number: int) -> VisibleDefinitions:
        come.wait()
        if number == 0:
            # Another user does not wait for this one
            assert recent.get("bob", lambda: [COLLECTION]).schedule_ids == "{}"
            late.set()
        return recent.get("ann", read)

    with ThreadPoolExecutor(TABS) as tabs:
        seen = list(tabs.map(open_page, range(TABS)))

    assert seen == [ONLY_SCHEDULE] * TABS
    assert asked == ["ann"]
    assert recent._asked == {}


def test_a_page_does_not_wait_for_long() -> None:
    recent = RecentlyVisible(Clock(), wait_seconds=0.01)

    def read() -> list[str]:
        with ThreadPoolExecutor(1) as tabs, pytest.raises(AuthManagerBusy, match="try again"):
            tabs.submit(recent.get, "ann", lambda: [COLLECTION]).result()
        return [SCHEDULE]

    assert recent.get("ann", read) == ONLY_SCHEDULE
    assert recent.get("ann", list) == ONLY_SCHEDULE


def test_users_who_have_left_take_no_memory() -> None:
    clock = Clock()
    recent = RecentlyVisible(clock)
    for number in range(100):
        recent.get(f"user {number}", lambda: [SCHEDULE])
    clock.now += REMEMBER_SECONDS
    recent.get("ann", lambda: [SCHEDULE])

    assert list(recent._known) == ["ann"]
