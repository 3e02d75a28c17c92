"""Airflow's REST API, as far as it concerns runs: create, clear, end, backfill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from json import dumps
from typing import Any
from urllib.parse import quote

import httpx

from recomamp.domain.text import one_line
from recomamp.follower.airflow_api import AirflowApi

_MAX_WORDS = 500  # of an answer
_PAGE = 100
_JSON = {"Content-Type": "application/json"}
_REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class AirflowUnavailable(Exception):
    """Airflow did not answer, or not as Airflow. Whether it has acted is not known: try again.

    :param is_away: whether nothing else can be asked either.
    """

    def __init__(self, problem: str, *, is_away: bool = False) -> None:
        super().__init__(problem)
        self.is_away = is_away


class AirflowRefused(Exception):
    """Airflow says that it does not do it, and why. It has done nothing."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.is_conflict = status == HTTPStatus.CONFLICT


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskState:
    """A task of a run."""

    state: str | None
    note: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillRange:
    """What identifies a backfill of a DAG among others."""

    first_day: date
    last_day: date
    reprocess_behavior: str
    conf: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        """Return the fields as Airflow's command line sends them: a day is its midnight in UTC."""
        return {
            "from_date": f"{self.first_day}T00:00:00Z",
            "to_date": f"{self.last_day}T00:00:00Z",
            "reprocess_behavior": self.reprocess_behavior,
            "dag_run_conf": dict(self.conf) or None,
        }

    def is_of(self, backfill: Mapping[str, Any]) -> bool:
        """Return whether a backfill of Airflow's list has the same range and values."""
        ours = self.body()
        return all(
            datetime.fromisoformat(backfill[name]) == datetime.fromisoformat(ours[name])
            for name in ("from_date", "to_date")
        ) and (backfill["reprocess_behavior"], backfill["dag_run_conf"] or None) == (
            ours["reprocess_behavior"],
            ours["dag_run_conf"],
        )


class AirflowRuns:
    """Asks about runs and changes them.

    Every method raises ``AirflowUnavailable``. Those that change something also raise
    ``AirflowRefused``.
    """

    def __init__(self, api: AirflowApi) -> None:
        self._api = api

    def is_paused(self, dag_id: str) -> bool | None:
        """Return whether a DAG is paused in Airflow, None where Airflow has no such DAG now."""
        dag = self._ask("GET", _dag(dag_id))
        return None if dag is None or dag["is_stale"] else bool(dag["is_paused"])

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """Return the state of a run, None where Airflow has no such run."""
        run = self._ask("GET", _run(dag_id, run_id))
        return None if run is None else str(run["state"])

    def task(self, dag_id: str, run_id: str, task_id: str) -> TaskState | None:
        """Return a task of a run, None where Airflow has none."""
        task = self._ask("GET", f"{_run(dag_id, run_id)}/taskInstances/{_part(task_id)}")
        return None if task is None else TaskState(state=task["state"], note=task["note"])

    def run_of_date(self, dag_id: str, window_start: datetime) -> str | None:
        """Return the latest run whose date is the start of a window, None where there is none.

        Airflow's dates of runs are unique, so that of a second run is later by microseconds.
        """
        runs = self._ask(
            "GET",
            f"{_dag(dag_id)}/dagRuns",
            params={
                "logical_date_gte": window_start.isoformat(),
                "logical_date_lte": (window_start + timedelta(seconds=1)).isoformat(),
                "order_by": "-logical_date",
                "limit": 1,
            },
        )
        found = runs["dag_runs"] if runs is not None else []
        return str(found[0]["dag_run_id"]) if found else None

    def create_run(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
        """Create a manual run, once for each run id; False where Airflow has no such DAG now."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        try:
            return self._ask("POST", f"{_dag(dag_id)}/dagRuns", json=body) is not None
        except AirflowRefused as err:
            if err.is_conflict and self.run_state(dag_id, run_id) is not None:
                return True  # an earlier try has created it
            raise

    def clear(self, dag_id: str, run_id: str, *, task_ids: Sequence[str] | None, note: str) -> bool:
        """Clear tasks of a run and leave a note on them, in one transaction of Airflow.

        :param task_ids: None for all tasks.
        :return: False where Airflow has no such run.
        """
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": task_ids,
            "only_failed": False,
            "reset_dag_runs": True,
            "prevent_running_task": True,
            "note": note,
        }
        return self._ask("POST", f"{_dag(dag_id)}/clearTaskInstances", json=body) is not None

    def fail_run(self, dag_id: str, run_id: str) -> bool:
        """Mark a run failed, which ends its tasks; False where Airflow has no such run."""
        return self._ask("PATCH", _run(dag_id, run_id), json={"state": "failed"}) is not None

    def last_backfill_id(self, dag_id: str) -> int:
        """Return the number of the latest backfill of a DAG, 0 where it has none."""
        found = self._backfills(dag_id, limit=1)
        return int(found[0]["id"]) if found else 0

    def has_active_backfill(self, dag_id: str) -> bool:
        """Return whether a backfill of a DAG has not ended; Airflow has one at a time."""
        return any(one["completed_at"] is None for one in self._backfills(dag_id, limit=1))

    def find_backfill(self, dag_id: str, wanted: BackfillRange, *, after_id: int) -> int | None:
        """Return the backfill of a DAG that is equal and newer than another, None without one."""
        for backfill in self._backfills(dag_id, limit=_PAGE):
            if backfill["id"] > after_id and wanted.is_of(backfill):
                return int(backfill["id"])
        return None

    def create_backfill(self, dag_id: str, wanted: BackfillRange) -> int | None:
        """Create a backfill and return its number, None where Airflow has no such DAG now."""
        created = self._ask("POST", "/api/v2/backfills", json={"dag_id": dag_id, **wanted.body()})
        return None if created is None else int(created["id"])

    def _backfills(self, dag_id: str, limit: int) -> list[dict[str, Any]]:
        query = {"dag_id": dag_id, "order_by": "-id", "limit": limit}
        answer = self._ask("GET", "/api/v2/backfills", params=query)
        return [] if answer is None else list(answer["backfills"])

    def _ask(
        self, method: str, path: str, *, json: Mapping[str, Any] | None = None, **options: Any
    ) -> dict[str, Any] | None:
        """Return Airflow's answer, None where it says that there is no such DAG, run or task."""
        if json is not None:
            options |= {"content": _encode(json), "headers": _JSON}
        try:
            response = self._api.ask(method, path, **options)
            answer = _json(response)
        except httpx.TransportError as err:
            raise AirflowUnavailable("Airflow does not answer", is_away=True) from err
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as err:
            raise AirflowUnavailable(
                "Airflow does not accept the sign-in of the pipeline", is_away=True
            ) from err
        if response.is_success and answer is not None:
            return answer
        words = _words(answer)
        if words and response.status_code in _REFUSALS:
            raise AirflowRefused(response.status_code, words)
        # A server that knows no such address says just "Not Found"
        if response.status_code == HTTPStatus.NOT_FOUND and words not in ("", "Not Found"):
            return None
        if response.status_code == HTTPStatus.FORBIDDEN:
            raise AirflowUnavailable("Airflow does not permit this to the pipeline's user (403)")
        raise AirflowUnavailable(f"Airflow's answer cannot be used ({response.status_code})")


def _encode(body: Mapping[str, Any]) -> str:
    """Write a body, whose values may be a person's: an error of one is not Airflow's.

    :raises AirflowRefused: when it holds a number that JSON does not have.
    """
    try:
        return dumps(body, allow_nan=False)
    except ValueError as err:
        raise AirflowRefused(
            HTTPStatus.BAD_REQUEST, "a value of parameters is infinite or not a number"
        ) from err


def _json(response: httpx.Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _words(answer: Mapping[str, Any] | None) -> str:
    """Return what an answer says of an error. Airflow's errors of its database are not repeated."""
    detail = (answer or {}).get("detail")
    if isinstance(detail, list):  # of FastAPI: one entry for each wrong field
        detail = "; ".join(
            str(one["msg"]) for one in detail if isinstance(one, dict) and "msg" in one
        )
    if isinstance(detail, dict):
        detail = detail.get("reason")
    return one_line(detail or "", _MAX_WORDS)


def _dag(dag_id: str) -> str:
    return f"/api/v2/dags/{_part(dag_id)}"


def _run(dag_id: str, run_id: str) -> str:
    return f"{_dag(dag_id)}/dagRuns/{_part(run_id)}"


def _part(text: str) -> str:
    return quote(text, safe="")
