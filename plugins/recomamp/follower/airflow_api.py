"""Airflow's REST API, as far as it concerns the parsing of DAG files and runs of system DAGs."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20
_PAGE = 100  # Airflow gives no more at once
_ID_LENGTH = len(str(UUID(int=0)))
_LAST_DIGITS = "0123456789abcdef"  # of a row's id: they say which file builds its DAG


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedFile:
    """A DAG file as Airflow last parsed it."""

    token: str  # by which Airflow wants it named
    parsed_from: datetime | None  # when that parse began, or a little later; None before the first


class AirflowApi:
    """Signs in, lists DAG files, requests their parsing and starts runs.

    :param url: where Airflow's API server answers, without a path.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._who = {"username": username, "password": password}
        # A proxy of the environment is for the way to Amazon
        self._client = httpx.Client(
            base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def files(self, dag_prefix: str) -> dict[str, ParsedFile]:
        """Return the files, by path, that the DAGs of a prefix come from.

        Bundles may have files of the same path. The one with the latest parse builds the DAGs.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses.
        """
        dags: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for dag in self._dags(dag_prefix):
            if dag["relative_fileloc"]:
                dags[dag["relative_fileloc"]].append(dag)
        return {
            path: ParsedFile(
                token=_latest(of_file)["file_token"], parsed_from=_parsed_from(of_file)
            )
            for path, of_file in dags.items()
        }

    def parse(self, file: ParsedFile) -> None:
        """Have a file parsed before all others.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses.
        """
        response = self.ask("PUT", f"/api/v2/parseDagFile/{file.token}")
        if response.status_code != httpx.codes.CONFLICT:  # asked for already, and not yet begun
            response.raise_for_status()

    def trigger(self, dag_id: str, run_id: str) -> bool:
        """Start a run of a DAG; False where it has a run of that id.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses.
        """
        body = {"dag_run_id": run_id, "logical_date": None}
        response = self.ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        if response.status_code == httpx.codes.CONFLICT:
            return False
        response.raise_for_status()
        return True

    def has_open_run(self, dag_id: str) -> bool:
        """Return whether a run of a DAG is queued or running.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses.
        """
        query = {"state": ["queued", "running"], "limit": 1}
        response = self.ask("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=query)
        return bool(response.raise_for_status().json()["dag_runs"])

    def _dags(self, dag_prefix: str) -> Iterator[dict[str, Any]]:
        dags = self._page(dag_prefix)
        yield from dags
        if len(dags) < _PAGE:
            return
        # There are more, in the order of ids, which people choose: it may hide every other file.
        # In a pattern an underscore is any character
        before_last = dag_prefix + "_" * (_ID_LENGTH - 1)
        for digit in _LAST_DIGITS:
            yield from self._page(dag_prefix, dag_id_pattern=before_last + digit)

    def _page(self, dag_prefix: str, **query: str) -> list[dict[str, Any]]:
        query |= {"dag_id_prefix_pattern": dag_prefix, "order_by": "dag_id", "limit": str(_PAGE)}
        answer = self.ask("GET", "/api/v2/dags", params=query).raise_for_status().json()
        return list(answer["dags"])

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API, signing in first where that is needed, and return its answer.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses the sign-in.
        """
        if "Authorization" not in self._client.headers:
            self._sign_in()
        response = self._client.request(method, path, **options)
        if response.status_code == httpx.codes.UNAUTHORIZED:  # the token's day is over
            self._sign_in()
            response = self._client.request(method, path, **options)
        return response

    def _sign_in(self) -> None:
        self._client.headers.pop("Authorization", None)
        answer = self._client.post("/auth/token", json=self._who).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _latest(dags: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return max(dags, key=lambda dag: dag.get("last_parsed_time") or "")


def _parsed_from(dags: Sequence[dict[str, Any]]) -> datetime | None:
    """Return when the latest parse of a file began.

    Its DAGs are stored one after the other, each with the time of that and the duration of the
    parse. A DAG whose row is deleted keeps the times of its last parse until Airflow drops it.
    """
    stored = [
        (datetime.fromisoformat(dag["last_parsed_time"]), dag.get("last_parse_duration") or 0.0)
        for dag in dags
        if dag.get("last_parsed_time")
    ]
    if not stored:
        return None
    _, latest = max(stored)
    return min(at for at, seconds in stored if seconds == latest) - timedelta(seconds=latest)
