"""What the database says about the demo's rows, and what it should say in the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from demo.rows import (
    BACKFILL_DAYS,
    COLLECTION,
    COSTS_SCHEDULE,
    DAYS_OF_LAST_WEEK,
    REACH_SCHEDULE,
    REFUSED_SCHEDULE,
    USERS,
    WEEKS,
    read_sql,
)

Row = dict[str, Any]

EXPECTED_RUNS = {REACH_SCHEDULE: 1 + BACKFILL_DAYS, COSTS_SCHEDULE: 1, REFUSED_SCHEDULE: 1}
EXPECTED_SUCCESSES = WEEKS + 1 + BACKFILL_DAYS + 1
EXPECTED_EXECUTIONS = EXPECTED_SUCCESSES + 1
MESSAGES = ["COLLECTION_COMPLETED", "SCHEDULE_RUN_FAILED"]
ENDED = frozenset({"SUCCESS", "FAILED", "CANCELLED", "TIMEOUT", "SKIPPED"})


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The demo's executions, weeks, schedules and instances at one moment."""

    executions: list[Row]
    weeks: list[Row]
    schedules: list[Row]
    instances: list[Row]

    def executions_by_status(self) -> Counter[str]:
        """Count the executions by status."""
        return Counter(row["status"] for row in self.executions)

    def weeks_ended(self) -> int:
        """Count the weeks that need no more work."""
        return sum(row["status"] in ENDED for row in self.weeks)

    def executions_of(self, source: object) -> list[Row]:
        """Give the executions of a schedule or a collection."""
        return [
            row
            for row in self.executions
            if str(source) in (str(row["schedule_id"]), str(row["collection_id"]))
        ]

    def runs_recorded(self) -> int:
        """Count the schedules' runs that are in the books."""
        return sum(row["total_runs"] for row in self.schedules)

    def is_synced(self) -> bool:
        """Return whether all is known that Amazon says of instances, campaigns and products."""
        return all(
            row["health_status"] != "UNKNOWN"
            and row["schema_last_sync"]
            and row["campaigns_last_sync"]
            and _all_asked_about(row)
            for row in self.instances
        )

    def is_settled(self) -> bool:
        """Return whether nothing more is to come."""
        return (
            self.runs_recorded() >= sum(EXPECTED_RUNS.values())
            and len(self.weeks) == self.weeks_ended()
            and all(row["status"] in ENDED for row in self.executions)
            and self.is_synced()
        )


def read_state(connection: Connection) -> State:
    """Read the present state."""
    with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:

        def rows(name: str) -> list[Row]:
            cursor.execute(read_sql(name), {"user_ids": USERS})
            return [dict(row) for row in cursor.fetchall()]

        return State(
            executions=rows("select_executions"),
            weeks=rows("select_weeks"),
            schedules=rows("select_schedules"),
            instances=rows("select_instances"),
        )


def disappointments(state: State) -> list[str]:
    """Name every expectation that the final state does not meet."""
    return [expected for expected, is_met in EXPECTATIONS.items() if not is_met(state)]


def _all(rows: Iterable[Row], **values: Any) -> bool:
    return all(row[name] == value for row in rows for name, value in values.items())


def _counted(state: State, schedule: object, *, successful: int, failed: int) -> bool:
    (row,) = (row for row in state.schedules if str(row["id"]) == str(schedule))
    total = successful + failed
    return (row["total_runs"], row["successful_runs"], row["failed_runs"]) == (
        total,
        successful,
        failed,
    )


def _all_asked_about(row: Row) -> bool:
    return bool(row["products"] == row["products_found"] + row["products_missing"])


def _lasts(row: Row) -> int:
    return int((row["week_end_date"] - row["week_start_date"]).days) + 1


def _windows_tile(state: State) -> bool:
    """Whether the collection's windows touch each other without gap or overlap."""
    windows = [(row["window_start"], row["window_end"]) for row in state.executions_of(COLLECTION)]
    return all(one[1] == next_one[0] for one, next_one in itertools.pairwise(windows))


def _windows_differ(state: State) -> bool:
    windows = {row["window_start"] for row in state.executions_of(REACH_SCHEDULE)}
    return len(windows) == EXPECTED_RUNS[REACH_SCHEDULE]


def _refusal(state: State) -> bool:
    told = [
        row["error_message"] or ""
        for row in state.executions_of(REFUSED_SCHEDULE)
        if row["status"] == "FAILED"
    ]
    return len(told) == 1 and "unable to compile" in told[0]


EXPECTATIONS: dict[str, Callable[[State], bool]] = {
    f"{EXPECTED_EXECUTIONS} executions, none of them twice": lambda state: (
        len(state.executions) == EXPECTED_EXECUTIONS
    ),
    f"{EXPECTED_SUCCESSES} of them SUCCESS": lambda state: (
        state.executions_by_status()["SUCCESS"] == EXPECTED_SUCCESSES
    ),
    "every success has AMC's id, rows and a Parquet file": lambda state: all(
        row["amc_execution_id"] and row["result_rows"] and row["files"]
        for row in state.executions
        if row["status"] == "SUCCESS"
    ),
    "the refused query FAILED once, with AMC's own words": _refusal,
    f"the Los Angeles schedule ran once and for {BACKFILL_DAYS} backfilled days": lambda state: (
        _counted(state, REACH_SCHEDULE, successful=EXPECTED_RUNS[REACH_SCHEDULE], failed=0)
        and _windows_differ(state)
    ),
    "the Berlin schedule ran once": lambda state: _counted(
        state, COSTS_SCHEDULE, successful=1, failed=0
    ),
    "the refused schedule counts one failed run": lambda state: _counted(
        state, REFUSED_SCHEDULE, successful=0, failed=1
    ),
    "every schedule knows its next run": lambda state: all(
        row["next_run_at"] is not None for row in state.schedules
    ),
    f"{WEEKS} weeks, the last of {DAYS_OF_LAST_WEEK} days, all SUCCESS": lambda state: (
        [_lasts(row) for row in state.weeks] == [7] * (WEEKS - 1) + [DAYS_OF_LAST_WEEK]
        and _all(state.weeks, status="SUCCESS")
    ),
    "the weeks' windows touch without gap or overlap": _windows_tile,
    "the collection is COMPLETED at 100 percent": lambda state: _all(
        state.weeks,
        collection_status="COMPLETED",
        total_weeks=WEEKS,
        completed_weeks=WEEKS,
        failed_weeks=0,
        progress_percentage=100,
    ),
    "both instances are HEALTHY and tell their tables": lambda state: (
        _all(state.instances, health_status="HEALTHY")
        and all(row["data_sources"] and row["schema_last_sync"] for row in state.instances)
    ),
    "every instance has campaigns with spend, sales, ACOS and ROAS": lambda state: all(
        row["campaigns_last_sync"] and row["acos"] and row["roas"] for row in state.instances
    ),
    "Amazon was asked about every product and knows all but one": lambda state: (
        all(_all_asked_about(row) for row in state.instances)
        and sum(row["products_missing"] for row in state.instances) == 1
    ),
    "a message waits about the failed run, and one about the collection": lambda state: (
        sorted(kind for row in state.instances for kind in row["messages"] or []) == MESSAGES
    ),
}
