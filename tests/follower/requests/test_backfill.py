"""A BACKFILL is one of Airflow's own, of a bounded number of windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.run_requests import (
    MAY,
    MINUTE,
    World,
)
from recomamp.domain.scheduling.backfills import MAX_BACKFILL_WINDOWS
from recomamp.domain.scheduling.cron import Cron
from recomamp.follower import run_requests
from recomamp.follower.run_requests import (
    ACTIVE_BACKFILL,
    LATER,
)


@pytest.mark.parametrize(
    ("columns", "sent"),
    [
        ({}, {"reprocess_behavior": "none", "dag_run_conf": None}),
        ({"reprocess_behavior": "completed"}, {"reprocess_behavior": "completed"}),
        ({"parameters": {"minimum": 9}}, {"dag_run_conf": {"minimum": 9}}),
    ],
)
def test_a_backfill_names_days_as_the_command_line_does(
    world: World, columns: dict[str, Any], sent: dict[str, Any]
) -> None:
    row = world.done("BACKFILL", schedule_id=world.schedule["id"], **MAY, **columns)
    (backfill,) = world.server.backfills
    assert row["backfill_id"] == backfill["id"]
    assert (backfill["from_date"], backfill["to_date"]) == (
        "2026-05-01T00:00:00Z",
        "2026-05-03T00:00:00Z",
    )
    assert sent.items() <= backfill.items()


def test_a_backfill_waits_for_another_one_of_its_dag(world: World) -> None:
    earlier = {"dag_id": world.dag_id, "id": 1, "completed_at": None}
    same = {"from_date": "2026-05-01T00:00:00Z", "to_date": "2026-05-03T00:00:00Z"}
    values = {"reprocess_behavior": "none", "dag_run_conf": None}
    world.server.backfills.append({**earlier, **same, **values})
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **MAY)
    world.work()
    row = world.read(request)
    assert (row["status"], row["backfill_id"]) == ("ACCEPTED", None)
    assert row["reason"] == "another backfill of the DAG is active; this one follows"
    world.clock.move(LATER)
    world.server.backfills[0]["completed_at"] = "2026-06-01T00:00:00Z"
    world.work()
    assert (world.read(request)["status"], world.read(request)["backfill_id"]) == ("DONE", 2)


def test_a_backfill_does_not_wait_for_ever(world: World) -> None:
    world.server.backfills.append({"dag_id": world.dag_id, "id": 1, "completed_at": None})
    world.server.backfills[0] |= {"from_date": "2026-01-01T00:00Z", "to_date": "2026-01-01T00:00Z"}
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **MAY)
    world.work()
    world.clock.move(ACTIVE_BACKFILL + MINUTE)
    world.work()
    assert world.read(request)["status"] == "REFUSED"


def test_a_backfill_without_windows_or_with_too_many_is_refused(world: World) -> None:
    own = {"schedule_id": world.schedule["id"]}
    future = {"from_date": "2099-01-01", "to_date": "2099-02-01"}
    assert "no window that has ended" in world.refusal("BACKFILL", **own, **future)
    first = datetime(2024, 1, 1, tzinfo=UTC).date()
    most = {"from_date": first, "to_date": first + timedelta(days=MAX_BACKFILL_WINDOWS - 1)}
    world.done("BACKFILL", **own, **most)
    world.server.backfills[0]["completed_at"] = "now"
    more = {**most, "to_date": first + timedelta(days=MAX_BACKFILL_WINDOWS)}
    assert "split the range" in world.refusal("BACKFILL", **own, **more)


@pytest.mark.parametrize("cron", ["0 5 * * *", "0 0 13 * 5", "0 * * * *", "0 0 31 * *"])
def test_counting_the_windows_of_many_years_takes_no_long_time(
    world: World, cron: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rows.update("workflow_schedules", world.schedule, cron_expression=cron)
    ticks: list[datetime] = []
    next_tick = Cron.next_tick

    def count(self: Cron, after: datetime) -> datetime:
        ticks.append(after)
        return next_tick(self, after)

    monkeypatch.setattr(Cron, "next_tick", count)
    years = {"from_date": "2000-01-01", "to_date": "2100-01-01"}
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **years)
    world.work()
    assert world.read(request)["status"] in ("DONE", "REFUSED")
    assert len(ticks) <= (3 if cron == "0 5 * * *" else MAX_BACKFILL_WINDOWS + 10)


def test_while_another_backfill_is_active_windows_are_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.backfills.append({"dag_id": world.dag_id, "id": 1, "completed_at": None})
    world.server.backfills[0] |= {"from_date": "2026-01-01T00:00Z", "to_date": "2026-01-01T00:00Z"}
    request = world.request("BACKFILL", schedule_id=world.schedule["id"], **MAY)
    world.work()
    counts: list[bool] = []
    monkeypatch.setattr(run_requests, "count_windows", lambda *_: counts.append(True) or 3)
    for _ in range(5):
        world.clock.move(LATER)
        world.work()
    assert world.read(request)["reason"].startswith("another backfill")
    assert counts == []
