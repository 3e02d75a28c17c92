"""Where a run can be stopped in its tracks: requests held at the emulator, statements at a lock.

Nothing of the pipeline is changed for it. A statement stops because a trigger or a function of the
test's own waits for a lock that the test holds; a request because the emulator keeps it waiting.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import psycopg2

from fixtures.postgres import Row
from fixtures.running_stack import Pipeline

# A lock's first key says where, its second whose schedule is meant.
HOLDS = """
CREATE FUNCTION hold_here() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    owner TEXT := COALESCE(to_jsonb(NEW) ->> 'schedule_id', to_jsonb(NEW) ->> 'id');
BEGIN
    PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::INTEGER, hashtext(owner));
    RETURN NEW;
END $$;
CREATE TRIGGER hold_1 BEFORE INSERT ON workflow_executions
    FOR EACH ROW EXECUTE FUNCTION hold_here(1);
CREATE TRIGGER hold_2 BEFORE UPDATE ON workflow_executions FOR EACH ROW
    WHEN (OLD.submission_started_at IS NULL AND NEW.submission_started_at IS NOT NULL)
    EXECUTE FUNCTION hold_here(2);
CREATE TRIGGER hold_3 BEFORE UPDATE ON workflow_executions FOR EACH ROW
    WHEN (OLD.amc_execution_id IS NULL AND NEW.amc_execution_id IS NOT NULL)
    EXECUTE FUNCTION hold_here(3);
CREATE TRIGGER hold_4 BEFORE UPDATE ON workflow_executions FOR EACH ROW
    WHEN (OLD.status <> 'SUCCESS' AND NEW.status = 'SUCCESS')
    EXECUTE FUNCTION hold_here(4);
CREATE TRIGGER hold_5 BEFORE INSERT ON schedule_runs
    FOR EACH ROW EXECUTE FUNCTION hold_here(5);
CREATE TRIGGER hold_6 BEFORE UPDATE OF last_run_at ON workflow_schedules
    FOR EACH ROW EXECUTE FUNCTION hold_here(6);

-- Between the renames of two files a load asks of the database only whether it still has its lock:
-- for the third time then. The table that it asks for is found in this schema first.
CREATE SCHEMA holds;
GRANT USAGE ON SCHEMA holds TO recomamp_pipeline;
CREATE FUNCTION holds.is_asked(execution UUID, purpose TEXT) RETURNS BOOLEAN
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    asked INTEGER := COALESCE(NULLIF(current_setting('holds.asked', TRUE), ''), '0')::INTEGER + 1;
BEGIN
    IF purpose = 'LOAD' THEN
        PERFORM set_config('holds.asked', asked::TEXT, FALSE);
        IF asked = 3 THEN
            PERFORM pg_advisory_xact_lock_shared(7, hashtext(schedule_id::TEXT))
            FROM public.workflow_executions WHERE id = execution;
        END IF;
    END IF;
    RETURN TRUE;
END $$;
-- What the owner makes is closed until a grant opens it.
GRANT EXECUTE ON FUNCTION holds.is_asked(UUID, TEXT) TO recomamp_pipeline;
CREATE VIEW holds.execution_locks AS
    SELECT execution_id, purpose FROM public.execution_locks
    WHERE holds.is_asked(execution_id, purpose);
GRANT SELECT, INSERT, UPDATE ON holds.execution_locks TO recomamp_pipeline;
ALTER ROLE recomamp_pipeline SET search_path = holds, pg_catalog, public;
"""
DROP_HOLDS = """
ALTER ROLE recomamp_pipeline RESET search_path;
DROP SCHEMA IF EXISTS holds CASCADE;
DROP FUNCTION IF EXISTS hold_here() CASCADE;
"""


class Point(Enum):
    """A point at which a run may die, in the order in which a run passes them."""

    BEFORE_INTENTION = "before the intention is written"
    AFTER_INTENTION = "intention written, nothing sent"
    POST_NOT_ACCEPTED = "during the POST, not accepted"
    POST_ACCEPTED = "during the POST, accepted"
    ID_NOT_STORED = "POST answered, id not stored"
    DEFERRED = "deferred"
    AT_RESUME = "at resume"
    DOWNLOADING = "during the download"
    BETWEEN_RENAMES = "one file of two renamed"
    FILES_WITHOUT_ROW = "Parquet written, row not"
    BEFORE_RECORD = "before the books are written"
    DURING_RECORD = "books half written"


_LOCKS = {
    Point.BEFORE_INTENTION: 1,
    Point.AFTER_INTENTION: 2,
    Point.ID_NOT_STORED: 3,
    Point.FILES_WITHOUT_ROW: 4,
    Point.BEFORE_RECORD: 5,
    Point.DURING_RECORD: 6,
    Point.BETWEEN_RENAMES: 7,
}
STEP = {
    Point.BEFORE_INTENTION: "submit",
    Point.AFTER_INTENTION: "submit",
    Point.POST_NOT_ACCEPTED: "submit",
    Point.POST_ACCEPTED: "submit",
    Point.ID_NOT_STORED: "submit",
    Point.DEFERRED: "wait",
    Point.AT_RESUME: "wait",
    Point.DOWNLOADING: "load",
    Point.BETWEEN_RENAMES: "load",
    Point.FILES_WITHOUT_ROW: "load",
    Point.BEFORE_RECORD: "record",
    Point.DURING_RECORD: "record",
}
# Those that a run reaches some half a minute after it began
LATE = frozenset(
    {
        Point.AT_RESUME,
        Point.DOWNLOADING,
        Point.BETWEEN_RENAMES,
        Point.FILES_WITHOUT_ROW,
        Point.BEFORE_RECORD,
        Point.DURING_RECORD,
    }
)


class Emulator:
    """The emulator's control plane, as far as holding goes."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_emulator", trust_env=False, timeout=30)

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call the control plane."""
        return dict(self._http.request(method, path, json=body or None).raise_for_status().json())

    def hold(self, operation: str, kind: str, matching: str, *, times: int | None = 1) -> None:
        """Hold requests of an operation that contain the text."""
        order = {"operation": operation, "fault": kind, "matching": matching, "times": times}
        self.ask("POST", "/faults", **order)

    def is_holding(self, matching: str) -> bool:
        """Tell whether a request is held for that text."""
        return any(one["matching"] == matching for one in self.ask("GET", "/faults")["holding"])

    def executions(self, marker: str) -> list[dict[str, Any]]:
        """Return the executions whose query contains the text."""
        return [
            one
            for one in self.ask("GET", "/executions")["executions"]
            if marker in one["request"]["workflow"]["sqlQuery"]
        ]

    def close(self) -> None:
        """Let go what is held and close the connection."""
        self.ask("DELETE", "/faults")
        self._http.close()


@dataclass
class Cell:
    """One run that is led to one point."""

    point: Point
    pipeline: Pipeline
    emulator: Emulator
    schedule: Row
    marker: str
    _lock: Any = None
    _ordered: str = ""
    _run_ids: list[str] = field(default_factory=list)

    @property
    def dag_id(self) -> str:
        """The DAG of the cell's schedule."""
        return f"amc_schedule_{self.schedule['id']}"

    @property
    def results(self) -> Path:
        """Where the files of the run's results belong."""
        root = self.pipeline.stack.settings.data / "results"
        return root / f"recomamp_workflow={self.schedule['workflow_id']}"

    @property
    def executions(self) -> list[Row]:
        """The rows of the run's attempts."""
        return self.pipeline.executions(self.dag_id)

    def prepare(self) -> None:
        """Hold what can be held before the run begins."""
        if self.point in _LOCKS:
            self._lock = psycopg2.connect(self.pipeline.database.uri)
            self._lock.autocommit = True
            self._query(
                "SELECT pg_advisory_lock(%s, hashtext(%s))",
                [_LOCKS[self.point], str(self.schedule["id"])],
            )
        elif self.point is Point.POST_NOT_ACCEPTED:
            self._order("create_execution", "hold_before", self.marker)
        elif self.point is Point.POST_ACCEPTED:
            self._order("create_execution", "hold_after", self.marker)
        elif self.point is Point.DEFERRED:
            self.emulator.hold("list_executions", "hold_before", self._instance_id, times=None)
        self.pipeline.rows.update("workflow_schedules", self.schedule, is_active=True)

    def follow(self) -> None:
        """Hold what can only be held once AMC has named the execution."""
        if self._ordered or self.point not in (Point.AT_RESUME, Point.DOWNLOADING):
            return
        rows = self.executions
        amc_execution_id = rows[0]["amc_execution_id"] if rows else None
        if amc_execution_id is None:
            return
        if self.point is Point.DOWNLOADING:
            self._order("download", "hold_before", f"{amc_execution_id}/part-00001")
        elif self.state("wait") == "deferred":
            self._order("get_execution", "hold_before", amc_execution_id)

    def is_reached(self) -> bool:
        """Tell whether the run is held at its point just now."""
        if self._lock is not None:
            held = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            is_held = bool(self._query(held, [self._lock.info.backend_pid])[0][0])
            return is_held and (self.point is not Point.BETWEEN_RENAMES or self._is_half_renamed())
        if self.point is Point.DEFERRED:
            return self.state("wait") == "deferred" and self.emulator.is_holding(self._instance_id)
        return bool(self._ordered) and self.emulator.is_holding(self._ordered)

    def release(self) -> None:
        """Let the run go on, where it is held by a lock."""
        if self._lock is not None:
            with suppress(psycopg2.Error):
                self._lock.close()
            self._lock = None

    def state(self, step: str) -> str | None:
        """Return the state of a step of the run, None before there is a run."""
        return self.task(step).get("state")

    def states(self) -> str:
        """Return how far the run has come, in words."""
        steps = ("submit", "wait", "load", "record")
        return ", ".join(f"{step} {self.state(step)}" for step in steps)

    def task(self, step: str) -> dict[str, Any]:
        """Return Airflow's words on a step of the run, nothing before there is a run."""
        if not self._run_ids:
            answer = self.pipeline.api.get(f"/api/v2/dags/{self.dag_id}/dagRuns")
            runs = answer.json()["dag_runs"] if answer.is_success else []
            self._run_ids = [run["dag_run_id"] for run in runs]
        if not self._run_ids:
            return {}
        path = f"/dags/{self.dag_id}/dagRuns/{self._run_ids[0]}/taskInstances/{step}"
        return self.pipeline.get(path)

    def _order(self, operation: str, kind: str, matching: str) -> None:
        self.emulator.hold(operation, kind, matching)
        self._ordered = matching

    def _is_half_renamed(self) -> bool:
        """Tell whether the first file of two has its name and the second has not."""
        return [path.name for path in self.results.rglob("part-*")] == ["part-00001.parquet"]

    @property
    def _instance_id(self) -> str:
        query = (
            "SELECT i.instance_id FROM amc_instances i JOIN workflows w ON w.instance_id = i.id"
            " WHERE w.id = %s"
        )
        return str(
            self.pipeline.database.query(query, [self.schedule["workflow_id"]])[0]["instance_id"]
        )

    def _query(self, statement: str, parameters: list[Any]) -> list[Any]:
        with self._lock.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
