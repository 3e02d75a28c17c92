"""Airflow's REST API, as far as it concerns the parsing of DAG files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20
_PAGE = 100  # Airflow gives no more at once
_PAGES = 3  # DAGs are in no order of files: three hundred of them tell of every file


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedFile:
    """A DAG file as Airflow last parsed it."""

    path: str  # relative to the bundle
    token: str  # by which Airflow wants it named
    parsed_from: datetime | None  # when that parse began, None before the first


class AirflowApi:
    """Signs in, tells of DAG files and has them parsed.

    :param url: where Airflow's API server answers, without a path.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self._who = {"username": username, "password": password}
        # A proxy of the environment is for the way to Amazon
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def files(self, dag_prefix: str) -> dict[str, ParsedFile]:
        """Return the files, by path, that the DAGs of a prefix come from.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses.
        """
        files: dict[str, ParsedFile] = {}
        for dag in self._dags(dag_prefix):
            path = dag["relative_fileloc"]
            if path and path not in files:  # the first of a file is stored first
                files[path] = ParsedFile(
                    path=path, token=dag["file_token"], parsed_from=_parsed_from(dag)
                )
        return files

    def parse(self, file: ParsedFile) -> None:
        """Have a file parsed before all others.

        :raises httpx.HTTPError: when Airflow does not answer, or refuses.
        """
        response = self._ask("PUT", f"/api/v2/parseDagFile/{file.token}")
        if response.status_code != httpx.codes.CONFLICT:  # asked for already, and not yet begun
            response.raise_for_status()

    def _dags(self, dag_prefix: str) -> Iterator[dict[str, Any]]:
        for page in range(_PAGES):
            query = {
                "dag_id_prefix_pattern": dag_prefix,
                "order_by": "dag_id",
                "limit": _PAGE,
                "offset": page * _PAGE,
            }
            answer = self._ask("GET", "/api/v2/dags", params=query).raise_for_status().json()
            yield from answer["dags"]
            if len(answer["dags"]) < _PAGE:
                return

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
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


def _parsed_from(dag: dict[str, Any]) -> datetime | None:
    if not dag.get("last_parsed_time"):
        return None
    parsed = datetime.fromisoformat(dag["last_parsed_time"])
    return parsed - timedelta(seconds=dag.get("last_parse_duration") or 0.0)
