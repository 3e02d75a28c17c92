"""The demo's rows as they are in the database, and the expectations of their final state."""

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
    SALES_SCHEDULE,
    USERS,
    WEEKS,
    read_sql,
)

Row = dict[str, Any]

EXPECTED_RUNS = {
    REACH_SCHEDULE: 1 + BACKFILL_DAYS,
    COSTS_SCHEDULE: 1,
    SALES_SCHEDULE: 1,
    REFUSED_SCHEDULE: 1,
}
VERSIONS = 2  # of the sales of one day
EXPECTED_SUCCESSES = WEEKS + 1 + BACKFILL_DAYS + 1 + VERSIONS
EXPECTED_EXECUTIONS = EXPECTED_SUCCESSES + 1
NOTIFICATIONS = ["COLLECTION_COMPLETED", "RESULT_CHECK_FAILED", "SCHEDULE_RUN_FAILED"]
ANSWERS = {("request", "DONE"): 2, ("condition", "FAILED"): 1, ("dry run", "REFUSED"): 1}
DRY_RUNS = 4
ENDED = frozenset({"SUCCESS", "FAILED", "CANCELLED", "TIMEOUT", "SKIPPED"})


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The demo's rows at one time, each list from the SQL file of its name."""

    executions: list[Row]
    weeks: list[Row]
    schedules: list[Row]
    instances: list[Row]
    result_rows: list[Row]
    answers: list[Row]
    versions: list[Row]
    preview: list[Row]

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
        """Count the recorded runs of the schedules."""
        return sum(row["total_runs"] for row in self.schedules)

    def answers_of(self, kind: str) -> list[Row]:
        """Give what became of the request, the condition or the dry runs."""
        return [row for row in self.answers if row["kind"] == kind]

    def is_synced(self) -> bool:
        """Return whether health, tables, campaigns and products of all instances were read."""
        return all(
            row["health_status"] != "UNKNOWN"
            and row["schema_last_sync"]
            and row["campaigns_last_sync"]
            and _all_products_read(row)
            for row in self.instances
        )

    def is_settled(self) -> bool:
        """Return whether all expected work has ended."""
        return (
            self.runs_recorded() >= sum(EXPECTED_RUNS.values())
            and len(self.weeks) == self.weeks_ended()
            and all(row["status"] in ENDED for row in self.executions)
            and self.is_synced()
            and len(self.answers_of("dry run")) >= DRY_RUNS
            and len(self.answers_of("condition")) > 0
            and _are_compared(self.versions)
        )


def read_state(connection: Connection) -> State:
    """Read the current state."""
    with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:

        def rows(name: str) -> list[Row]:
            parameters = {
                "user_ids": USERS,
                "schedule_id": str(COSTS_SCHEDULE),
                "sales_schedule_id": str(SALES_SCHEDULE),
                "reach_schedule_id": str(REACH_SCHEDULE),
            }
            cursor.execute(read_sql(name), parameters)
            return [dict(row) for row in cursor.fetchall()]

        return State(
            executions=rows("select_executions"),
            weeks=rows("select_weeks"),
            schedules=rows("select_schedules"),
            instances=rows("select_instances"),
            result_rows=rows("select_result_rows"),
            answers=rows("select_answers"),
            versions=rows("select_versions"),
            preview=rows("select_preview"),
        )


def failures(state: State) -> list[str]:
    """Return the expectations that the final state does not meet."""
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


def _all_products_read(row: Row) -> bool:
    return bool(row["products"] == row["products_found"] + row["products_missing"])


def _days(row: Row) -> int:
    return int((row["week_end_date"] - row["week_start_date"]).days) + 1


def _windows_adjoin(state: State) -> bool:
    """Return whether the collection's windows follow each other without gap or overlap."""
    windows = [(row["window_start"], row["window_end"]) for row in state.executions_of(COLLECTION)]
    return all(one[1] == next_one[0] for one, next_one in itertools.pairwise(windows))


def _windows_differ(state: State) -> bool:
    windows = {row["window_start"] for row in state.executions_of(REACH_SCHEDULE)}
    return len(windows) == EXPECTED_RUNS[REACH_SCHEDULE]


def _answered(state: State, kind: str) -> bool:
    """Return whether as many answers of a kind are there as expected."""
    counts = Counter((row["kind"], row["answer"]) for row in state.answers)
    return all(counts[key] == number for key, number in ANSWERS.items() if key[0] == kind)


def _are_compared(versions: list[Row]) -> bool:
    """Return whether all versions are there, and the pipeline has compared the last."""
    return len(versions) == VERSIONS and (
        versions[-1]["change_ratio"] is not None or versions[-1]["note"] is not None
    )


def _restated(state: State) -> bool:
    return _are_compared(state.versions) and bool(state.versions[-1]["change_ratio"])


def _refusal(state: State) -> bool:
    messages = [
        row["error_message"] or ""
        for row in state.executions_of(REFUSED_SCHEDULE)
        if row["status"] == "FAILED"
    ]
    return len(messages) == 1 and "unable to compile" in messages[0]


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
    "the refused query FAILED once, with AMC's error message": _refusal,
    f"the Los Angeles schedule ran once and for {BACKFILL_DAYS} backfilled days": lambda state: (
        _counted(state, REACH_SCHEDULE, successful=EXPECTED_RUNS[REACH_SCHEDULE], failed=0)
        and _windows_differ(state)
    ),
    "the Berlin schedule ran once": lambda state: _counted(
        state, COSTS_SCHEDULE, successful=1, failed=0
    ),
    "the sales were read twice in one run": lambda state: (
        _counted(state, SALES_SCHEDULE, successful=1, failed=0)
        and len(state.executions_of(SALES_SCHEDULE)) == VERSIONS
    ),
    "the second version says what it changed": _restated,
    "the refused schedule counts one failed run": lambda state: _counted(
        state, REFUSED_SCHEDULE, successful=0, failed=1
    ),
    "every schedule has a next run": lambda state: all(
        row["next_run_at"] is not None for row in state.schedules
    ),
    f"{WEEKS} weeks, the last of {DAYS_OF_LAST_WEEK} days, all SUCCESS": lambda state: (
        [_days(row) for row in state.weeks] == [7] * (WEEKS - 1) + [DAYS_OF_LAST_WEEK]
        and _all(state.weeks, status="SUCCESS")
    ),
    "the weeks' windows follow each other without gap or overlap": _windows_adjoin,
    "the collection is COMPLETED at 100 percent": lambda state: _all(
        state.weeks,
        collection_status="COMPLETED",
        total_weeks=WEEKS,
        completed_weeks=WEEKS,
        failed_weeks=0,
        progress_percentage=100,
    ),
    "both instances are HEALTHY and have tables": lambda state: (
        _all(state.instances, health_status="HEALTHY")
        and all(row["data_sources"] and row["schema_last_sync"] for row in state.instances)
    ),
    "every instance has campaigns with spend, sales, ACOS and ROAS": lambda state: all(
        row["campaigns_last_sync"] and row["acos"] and row["roas"] for row in state.instances
    ),
    "every product was looked up, and Amazon found all but one": lambda state: (
        all(_all_products_read(row) for row in state.instances)
        and sum(row["products_missing"] for row in state.instances) == 1
    ),
    "the backfill and the retry are DONE": lambda state: _answered(state, "request"),
    "the result did not meet its condition": lambda state: _answered(state, "condition"),
    "a dry run found the query that AMC refuses": lambda state: _answered(state, "dry run"),
    "mails about the failed run, the condition and the collection are to be sent": lambda state: (
        sorted(kind for row in state.instances for kind in row["messages"] or []) == NOTIFICATIONS
    ),
}
