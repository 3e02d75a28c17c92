"""How `make compose-test` measures for how long runs stood still."""

from __future__ import annotations

from containers.watch import AT_AMC_SECONDS, Sample, longest_stall


def samples(*states: tuple[float, str], at_amc: bool = False) -> list[Sample]:
    return [Sample(at=at, runs={"run": (tasks, at_amc)}) for at, tasks in states]


def test_a_run_stands_still_between_two_changes() -> None:
    seen = samples((0, "queued"), (10, "queued"), (40, "queued"), (43, "running"), (50, "running"))

    assert longest_stall(seen, since=0) == 43


def test_only_the_time_after_the_fault_counts() -> None:
    seen = samples((0, "queued"), (100, "queued"), (130, "running"))

    assert longest_stall(seen, since=90) == 40


def test_a_run_that_is_over_stands_still_no_longer() -> None:
    seen = [*samples((0, "running"), (20, "running")), Sample(at=500, runs={})]

    assert longest_stall(seen, since=0) == 20


def test_a_look_that_saw_nothing_does_not_end_a_stall() -> None:
    seen = samples((0, "running"), (200, "running"))  # the database was away in between

    assert longest_stall(seen, since=0) == 200


def test_a_run_may_wait_at_amc_for_its_time() -> None:
    seen = samples((0, "deferred"), (AT_AMC_SECONDS + 20, "deferred"), at_amc=True)

    assert longest_stall(seen, since=0) == 20
