"""Points at which a run can be stopped: requests at the emulator, statements at a lock.

The pipeline is not changed for it. A statement stops because a trigger or function of the test
waits for a lock that the test holds. A request stops because the emulator holds it.
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

# A lock's first key is the point, its second the schedule.
CREATE_HOLDS = """
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


class CrashPoint(Enum):
    """A point at which a run may die, in the order in which a run passes them."""

    BEFORE_ROW = "before the row is inserted"
    AFTER_ROW = "row inserted, nothing sent"
    POST_NOT_ACCEPTED = "during the POST, not accepted"
    POST_ACCEPTED = "during the POST, accepted"
    ID_NOT_STORED = "POST answered, id not stored"
    DEFERRED = "deferred"
    AT_RESUME = "at resume"
    DOWNLOADING = "during the download"
    BETWEEN_RENAMES = "one file of two renamed"
    FILES_WITHOUT_ROW = "Parquet written, row not"
    BEFORE_RECORD = "before the run is recorded"
    DURING_RECORD = "run half recorded"


_LOCKS = {
    CrashPoint.BEFORE_ROW: 1,
    CrashPoint.AFTER_ROW: 2,
    CrashPoint.ID_NOT_STORED: 3,
    CrashPoint.FILES_WITHOUT_ROW: 4,
    CrashPoint.BEFORE_RECORD: 5,
    CrashPoint.DURING_RECORD: 6,
    CrashPoint.BETWEEN_RENAMES: 7,
}
STEP_OF_POINT = {
    CrashPoint.BEFORE_ROW: "submit",
    CrashPoint.AFTER_ROW: "submit",
    CrashPoint.POST_NOT_ACCEPTED: "submit",
    CrashPoint.POST_ACCEPTED: "submit",
    CrashPoint.ID_NOT_STORED: "submit",
    CrashPoint.DEFERRED: "wait",
    CrashPoint.AT_RESUME: "wait",
    CrashPoint.DOWNLOADING: "load",
    CrashPoint.BETWEEN_RENAMES: "load",
    CrashPoint.FILES_WITHOUT_ROW: "load",
    CrashPoint.BEFORE_RECORD: "record",
    CrashPoint.DURING_RECORD: "record",
}
# Those that a run reaches some half a minute after it began
LATE_POINTS = frozenset(
    {
        CrashPoint.AT_RESUME,
        CrashPoint.DOWNLOADING,
        CrashPoint.BETWEEN_RENAMES,
        CrashPoint.FILES_WITHOUT_ROW,
        CrashPoint.BEFORE_RECORD,
        CrashPoint.DURING_RECORD,
    }
)


class EmulatorControl:
    """The emulator's control plane, for holding requests."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/_emulator", trust_env=False, timeout=30)

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Call the control plane."""
        return dict(self._http.request(method, path, json=body or None).raise_for_status().json())

    def hold(self, operation: str, kind: str, matching: str, *, times: int | None = 1) -> None:
        """Hold requests of an operation that contain the text."""
        fault = {"operation": operation, "fault": kind, "matching": matching, "times": times}
        self.ask("POST", "/faults", **fault)

    def is_holding(self, matching: str) -> bool:
        """Return whether a request is held for that text."""
        return any(one["matching"] == matching for one in self.ask("GET", "/faults")["held"])

    def executions(self, marker: str) -> list[dict[str, Any]]:
        """Return the executions whose query contains the text."""
        return [
            one
            for one in self.ask("GET", "/executions")["executions"]
            if marker in one["request"]["workflow"]["sqlQuery"]
        ]

    def close(self) -> None:
        """Release held requests and close the connection."""
        self.ask("DELETE", "/faults")
        self._http.close()


@dataclass
class CrashCase:
    """One run that is stopped at one point."""

    point: CrashPoint
    pipeline: Pipeline
    emulator: EmulatorControl
    schedule: Row
    marker: str
    _lock: Any = None
    _held_text: str = ""
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
        """Hold the requests or statements that can be held before the run begins."""
        if self.point in _LOCKS:
            self._lock = psycopg2.connect(self.pipeline.database.uri)
            self._lock.autocommit = True
            self._query(
                "SELECT pg_advisory_lock(%s, hashtext(%s))",
                [_LOCKS[self.point], str(self.schedule["id"])],
            )
        elif self.point is CrashPoint.POST_NOT_ACCEPTED:
            self._hold("create_execution", "hold_before", self.marker)
        elif self.point is CrashPoint.POST_ACCEPTED:
            self._hold("create_execution", "hold_after", self.marker)
        elif self.point is CrashPoint.DEFERRED:
            self.emulator.hold("list_executions", "hold_before", self._instance_id, times=None)
        self.pipeline.rows.update("workflow_schedules", self.schedule, is_active=True)

    def hold_when_named(self) -> None:
        """Hold the requests that contain AMC's execution id, once it is known."""
        if self._held_text or self.point not in (CrashPoint.AT_RESUME, CrashPoint.DOWNLOADING):
            return
        rows = self.executions
        amc_execution_id = rows[0]["amc_execution_id"] if rows else None
        if amc_execution_id is None:
            return
        if self.point is CrashPoint.DOWNLOADING:
            self._hold("download", "hold_before", f"{amc_execution_id}/part-00001")
        elif self.state("wait") == "deferred":
            self._hold("get_execution", "hold_before", amc_execution_id)

    def is_reached(self) -> bool:
        """Return whether the run is held at its point at this moment."""
        if self._lock is not None:
            held = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            is_held = bool(self._query(held, [self._lock.info.backend_pid])[0][0])
            return is_held and (
                self.point is not CrashPoint.BETWEEN_RENAMES or self._is_half_renamed()
            )
        if self.point is CrashPoint.DEFERRED:
            return self.state("wait") == "deferred" and self.emulator.is_holding(self._instance_id)
        return bool(self._held_text) and self.emulator.is_holding(self._held_text)

    def release(self) -> None:
        """Release the run where a lock holds it."""
        if self._lock is not None:
            with suppress(psycopg2.Error):
                self._lock.close()
            self._lock = None

    def state(self, step: str) -> str | None:
        """Return the state of a step of the run, None before there is a run."""
        return self.task(step).get("state")

    def states(self) -> str:
        """Return the states of the run's steps in words."""
        steps = ("submit", "wait", "load", "record")
        return ", ".join(f"{step} {self.state(step)}" for step in steps)

    def task(self, step: str) -> dict[str, Any]:
        """Return Airflow's task instance of a step, nothing before there is a run."""
        if not self._run_ids:
            answer = self.pipeline.api.get(f"/api/v2/dags/{self.dag_id}/dagRuns")
            runs = answer.json()["dag_runs"] if answer.is_success else []
            self._run_ids = [run["dag_run_id"] for run in runs]
        if not self._run_ids:
            return {}
        path = f"/dags/{self.dag_id}/dagRuns/{self._run_ids[0]}/taskInstances/{step}"
        return self.pipeline.get(path)

    def _hold(self, operation: str, kind: str, matching: str) -> None:
        self.emulator.hold(operation, kind, matching)
        self._held_text = matching

    def _is_half_renamed(self) -> bool:
        """Return whether only the first file of two has its final name."""
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
