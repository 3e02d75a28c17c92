"""A RESTATE of the pipeline starts one run of exactly its window."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.postgres import Row
from fixtures.run_requests import (
    FAULTS,
    MINUTE,
    Crash,
    Faults,
    World,
)
from recomamp.domain.scheduling.typed_times import TypedTimes
from recomamp.follower.request_worker import LEASE


def restatement(world: World, start: datetime, end: datetime) -> Row:
    """Insert a request of the pipeline."""
    return world.request(
        "RESTATE", schedule_id=world.schedule["id"], window_start=start, window_end=end,
        restate_age_days=3,
    )  # fmt: skip


def test_a_restatement_runs_exactly_its_window(world: World) -> None:
    start, end = datetime(2026, 5, 3, 22, tzinfo=UTC), datetime(2026, 5, 4, 22, tzinfo=UTC)
    request = restatement(world, start, end)
    world.work()
    row = world.read(request)
    assert (row["status"], row["dag_run_id"]) == ("DONE", f"restate__{row['id']}")
    run = world.server.dags[world.dag_id].runs[row["dag_run_id"]]
    assert run.conf == {
        "window_start": "2026-05-04T00:00:00+02:00",
        "window_end": "2026-05-05T00:00:00+02:00",
    }


@pytest.mark.parametrize(("cron", "zone"), [
    ("0 */6 * * *", "Europe/Berlin"), ("0 6 * * *", "America/Los_Angeles"), ("0 6 * * *", "UTC"),
    ("0 */6 * * *", "Europe/London"),
])  # fmt: skip
@pytest.mark.parametrize("hours", [0, 7, 8, 22, 23])
def test_the_run_reads_the_very_window(world: World, cron: str, zone: str, hours: int) -> None:
    """Two midnights in UTC would be taken for days of the row's zone."""
    world.rows.update("workflow_schedules", world.schedule, cron_expression=cron, timezone=zone)
    start = datetime(2026, 5, 4, hours, tzinfo=UTC)
    request = restatement(world, start, start + timedelta(days=1))
    world.work()
    row = world.read(request)
    conf = world.server.dags[world.dag_id].runs[row["dag_run_id"]].conf
    typed = TypedTimes(time_zone=zone, is_whole_days=cron == "0 6 * * *")
    found = typed.window(conf["window_start"], conf["window_end"])
    if zone != "UTC" or not typed.is_whole_days or hours == 0:
        assert found == (start, start + timedelta(days=1))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_restatement_starts_one_run_whatever_breaks(world: World, fault: str) -> None:
    start = datetime(2026, 5, 3, 22, tzinfo=UTC)
    request = restatement(world, start, start + timedelta(days=1))
    faults = Faults([fault] * 2)
    faults.break_calls_of(world.server)
    for _ in range(8):
        with suppress(Crash):
            world.worker(faults.at_edge).work()
        world.clock.move(LEASE + MINUTE)
    row = world.read(request)
    assert row["status"] == "DONE", row["reason"]
    runs = [one for one in world.server.dags[world.dag_id].runs if one.startswith("restate__")]
    assert runs == [row["dag_run_id"]]

    assert runs == [row["dag_run_id"]]


def test_a_restatement_of_a_collection_runs_exactly_its_week(world: World) -> None:
    world.rows.update(
        "report_data_collections", world.collection, parameters={"timezone": "Europe/Berlin"}
    )
    start = datetime(2026, 1, 7, 23, tzinfo=UTC)
    week = {"window_start": start, "window_end": start + timedelta(days=7), "restate_age_days": 31}
    row = world.done("RESTATE", collection_id=world.collection["id"], **week)
    run = world.server.dags[world.collection_dag_id].runs[row["dag_run_id"]]
    assert row["dag_run_id"] == f"restate__{row['id']}"
    assert run.conf == {
        "window_start": "2026-01-08T00:00:00+01:00",
        "window_end": "2026-01-15T00:00:00+01:00",
    }


def test_a_restatement_of_what_is_no_week_of_the_collection_is_refused(world: World) -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    week = {"window_start": start, "window_end": start + timedelta(days=7), "restate_age_days": 31}
    reason = world.refusal("RESTATE", collection_id=world.collection["id"], **week)
    assert "week of the collection" in reason
