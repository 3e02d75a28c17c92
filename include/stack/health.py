"""The health of the components."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import httpx

from stack import broker
from stack.environment import airflow_environment
from stack.settings import Settings

FOLLOWING_SECONDS = 60

# Names of the Procfile's processes by their names in Airflow's health report.
_REPORTED = {
    "scheduler": "scheduler",
    "dag_processor": "dag-processor",
    "triggerer": "triggerer",
}


def healthy_components(settings: Settings) -> set[str]:
    """Return the processes that answer and report that they are healthy."""
    healthy = set(_airflow_components(settings))
    if settings.uses_emulator and _answers(f"{settings.emulator_url}/_emulator/health"):
        healthy.add("emulator")
    if settings.uses_celery:
        healthy.update(broker.healthy(settings))
    if _is_following(settings):
        healthy.add("follower")
    return healthy


def _airflow_components(settings: Settings) -> Iterable[str]:
    try:
        answer = _get(f"{settings.api_url}/api/v2/monitor/health")
        report = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        return
    if report["metadatabase"]["status"] == "healthy":
        yield "api-server"
    for reported, name in _REPORTED.items():
        if report.get(reported, {}).get("status") == "healthy":
            yield name


def _is_following(settings: Settings) -> bool:
    """Return whether the file that the follower touches is young, or no folder is set."""
    directory = airflow_environment(settings)["RECOMAMP_SNAPSHOT_DIR"]
    if not directory:
        return True
    try:
        age_seconds = time.time() - Path(directory, "follower_heartbeat").stat().st_mtime
    except OSError:
        return False
    return age_seconds < FOLLOWING_SECONDS


def _answers(url: str) -> bool:
    try:
        return _get(url).is_success
    except httpx.HTTPError:
        return False


def _get(url: str) -> httpx.Response:
    # The environment may name a proxy, which has nothing to do with this machine's own ports.
    return httpx.get(url, trust_env=False, timeout=5)
