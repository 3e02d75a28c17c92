"""Airflow's settings on which the pipeline depends, each with its value and the reason.

The embedded stack and docker-compose.yaml set these values.
docs/reference/airflow-settings.md is generated from them.
Scheduler, triggerer and dag-processor compare their own with them when they start.
They set DAG bundles too. Another list of bundles is not a difference: one shard needs none of ours.
Facts: Airflow 3.3.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

SHARD_BUNDLE_CLASS = "recomamp.pipeline.generator.shard_bundle.ShardBundle"
# The folder `dags`, and two bundles with the files of further shards, for two dag-processors
_BUNDLES = {
    "dags-folder": "airflow.dag_processing.bundles.local.LocalDagBundle",
    "amc-shards-0": SHARD_BUNDLE_CLASS,
    "amc-shards-1": SHARD_BUNDLE_CLASS,
}


_BROKER_OPTION = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__"
_CELERY = {
    # Longer than any task: Redis delivers a message again that was not acknowledged for so long
    f"{_BROKER_OPTION}VISIBILITY_TIMEOUT": "86400",
    # A broker or a database that vanishes without a word is noticed within half a minute
    f"{_BROKER_OPTION}SOCKET_KEEPALIVE": "True",
    f"{_BROKER_OPTION}SOCKET_CONNECT_TIMEOUT": "10",
    f"{_BROKER_OPTION}SOCKET_TIMEOUT": "30",
    "AIRFLOW__CELERY__RESULT_BACKEND_SQLALCHEMY_ENGINE_OPTIONS": json.dumps(
        {
            "pool_pre_ping": True,
            "connect_args": {"connect_timeout": 10, "tcp_user_timeout": 25000},
        }
    ),
}


class Rule(StrEnum):
    """How a deployment's value may differ from ours."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class AirflowSetting:
    """One setting of Airflow's, in Airflow's own unit.

    ``reason`` completes "otherwise": it says what goes wrong with another value.
    """

    section: str
    key: str
    value: str
    rule: Rule
    reason: str

    @property
    def environment_name(self) -> str:
        """The environment variable that sets it."""
        return f"AIRFLOW__{self.section.upper()}__{self.key.upper()}"

    def allows(self, value: str | None) -> bool:
        """Return whether a deployment may have that value; None is a setting without one."""
        try:
            number, bound = float(value or ""), float(self.value)
        except ValueError:
            return False
        return number >= bound if self.rule is Rule.AT_LEAST else number <= bound


AIRFLOW_SETTINGS = (
    AirflowSetting(
        "scheduler", "max_dagruns_per_loop_to_schedule", "500", Rule.AT_LEAST,
        "runs that wait at AMC use up the runs that the scheduler examines in one loop. Backfills"
        " come last and do not start. The value must exceed the number of runs under way",
    ),
    AirflowSetting(
        "scheduler", "task_queued_timeout", "120", Rule.AT_MOST,
        "a task whose message was lost by the broker stays queued for that long",
    ),
    AirflowSetting(
        "scheduler", "task_queued_timeout_check_interval", "15", Rule.AT_MOST,
        "tasks whose message was lost are found later by that much",
    ),
    AirflowSetting(
        "scheduler", "num_stuck_in_queued_retries", "720", Rule.AT_LEAST,
        "a task fails for good, without its retries, after it has stayed queued once more than"
        " that. With Airflow's default of 2, that is after 7 minutes without workers",
    ),
    AirflowSetting(
        "scheduler", "task_instance_heartbeat_timeout", "90", Rule.AT_MOST,
        "a task whose worker died is tried again only after that time",
    ),
    AirflowSetting(
        "triggerer", "capacity", "1000", Rule.AT_LEAST,
        "executions beyond that number are not watched until others end",
    ),
    AirflowSetting(
        "triggerer", "triggerer_health_check_threshold", "30", Rule.AT_LEAST,
        "a triggerer that is busy for some seconds loses its executions to another one",
    ),
    AirflowSetting(
        "core", "dagbag_import_timeout", "30", Rule.AT_LEAST,
        "a parse may take 15 s for queries (RECOMAMP_PARSE_SECONDS) and some more for DAGs. If it"
        " is interrupted, the DAGs of the file disappear",
    ),
    AirflowSetting(
        "dag_processor", "dag_file_processor_timeout", "50", Rule.AT_LEAST,
        "a file that is still being stored is killed, and its DAGs disappear",
    ),
    AirflowSetting(
        "workers", "execution_api_retries", "20", Rule.AT_LEAST,
        "a restart of the API server fails the tasks that run meanwhile",
    ),
    AirflowSetting(
        "workers", "execution_api_retry_wait_max", "5", Rule.AT_MOST,
        "a task continues late after the API server is available again",
    ),
    AirflowSetting(
        "workers", "execution_api_timeout", "20", Rule.AT_LEAST,
        "a busy API server fails the tasks that call it",
    ),
)  # fmt: skip


def differences(value_of: Callable[[str, str], str | None]) -> Iterator[str]:
    """Describe each setting that has a value with which the pipeline does not work as described.

    :param value_of: returns a deployment's value of section and key, None where it has none.
    """
    for setting in AIRFLOW_SETTINGS:
        value = value_of(setting.section, setting.key)
        if not setting.allows(value):
            yield (
                f"[{setting.section}] {setting.key} is {value}; set {setting.environment_name} to"
                f" {setting.value} ({setting.rule}). Otherwise {setting.reason}."
            )


def stack_environment() -> dict[str, str]:
    """Return the environment variables that set all of them, and the DAG bundles."""
    bundles = [{"name": name, "classpath": path, "kwargs": {}} for name, path in _BUNDLES.items()]
    return {setting.environment_name: setting.value for setting in AIRFLOW_SETTINGS} | {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)
    }


def celery_environment() -> dict[str, str]:
    """Return the environment variables for Celery's connections, where it runs the tasks."""
    return dict(_CELERY)
