"""The environments of all processes of the stack."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from recomamp.domain import airflow_settings
from stack.ports import HOST
from stack.settings import (
    AMAZON_SETTING,
    CONSOLE_SETTING,
    DATABASE_SETTING,
    EXECUTOR_SETTING,
    MIGRATE_SETTING,
    ROOT,
    Settings,
)

# The client that the emulator's default tenants know.
EMULATOR_CLIENT_ID = "amzn1.application-oa2-client.demo"
EMULATOR_CLIENT_SECRET = "demo-client-secret"  # noqa: S105  of the emulator, opens nothing else

FOLLOWER_SETTING = "AIRFLOW_CONN_AIRFLOW_API"
UI_USER = "admin"
FOLLOWER = "follower"  # may have files parsed, and no more than a user may

_PIPELINE_SECRETS = (
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API__SECRET_KEY",
    "RECOMAMP_FERNET_KEY",
)

# Variables that would lead a process of the stack to another Airflow or Postgres.
_NOT_INHERITED = re.compile(
    r"PYTHONPATH|PYTHONHOME|AIRFLOW_HOME|AIRFLOW_CONFIG|_AIRFLOW_.*|PG[A-Z]+"
    r"|AIRFLOW__DATABASE__.*|AIRFLOW__CORE__UNIT_TEST_MODE|HONCHO_.*"
    r"|AIRFLOW__CELERY__(BROKER_URL|RESULT_BACKEND)(_CMD|_SECRET)?|CELERY_.*"
    r"|RECOMAMP_MIGRATE_URI|RECOMAMP_[A-Z]+_PASSWORD"
)


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Return Airflow's environment.

    Defaults come first, the caller's variables replace them, and the stack's own replace those.
    """
    environment = (
        _defaults(settings) | inherited_environment(settings.environ) | _enforced(settings)
    )
    if settings.uses_embedded_database:
        environment[DATABASE_SETTING] = settings.pipeline_uri
    if settings.uses_emulator:
        environment[AMAZON_SETTING] = _emulator_connection(settings)
    return environment


def api_server_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of Airflow's API server: Airflow's, with the console's connection."""
    own = {CONSOLE_SETTING: settings.console_uri} if settings.uses_embedded_database else {}
    return airflow_environment(settings) | own


def follower_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of `python -m recomamp.follower`: Airflow's, with its API."""
    password = quote(settings.credentials["RECOMAMP_FOLLOWER_PASSWORD"], safe="")
    own = {FOLLOWER_SETTING: f"http://{FOLLOWER}:{password}@{HOST}:{settings.ports.api}"}
    return own | airflow_environment(settings) | {"PYTHONPATH": str(ROOT / "plugins")}


def redis_environment(settings: Settings) -> dict[str, str]:
    """Return Redis' environment: its folder and none of the pipeline's secrets."""
    return _without_secrets(settings) | {"REDIS_DIRECTORY": str(settings.redis_directory)}


def emulator_environment(settings: Settings) -> dict[str, str]:
    """Return the emulator's environment: its port and none of the pipeline's secrets."""
    return _without_secrets(settings) | {
        "PYTHONPATH": str(ROOT / "include"),
        "PYTHONUNBUFFERED": "1",
        "RECOMAMP_EMULATOR_PORT": str(settings.ports.emulator),
    }


def _without_secrets(settings: Settings) -> dict[str, str]:
    inherited = inherited_environment(settings.environ).items()
    allowed = {
        name: value for name, value in inherited if not name.startswith(("AIRFLOW", "RECOMAMP_"))
    }
    return allowed | {"PATH": _path(settings.environ)}


def migrate_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of `python -m recomamp.store.migrate`."""
    return inherited_environment(settings.environ) | {
        "PYTHONPATH": str(ROOT / "plugins"),
        "PATH": _path(settings.environ),
        MIGRATE_SETTING: settings.migrate_uri,
    }


def supervisor_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of `python -m stack.supervisor`. The stack imports the pipeline."""
    return inherited_environment(environ) | {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT / "plugins")])
    }


def inherited_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that processes of the stack inherit from the caller."""
    return {name: value for name, value in environ.items() if not _NOT_INHERITED.fullmatch(name)}


def _defaults(settings: Settings) -> dict[str, str]:
    """Return the variables that the caller's environment may replace."""
    data = settings.data
    settings_of_airflow = airflow_settings.stack_environment()
    if settings.uses_celery:
        settings_of_airflow |= airflow_settings.celery_environment()
    return settings_of_airflow | {
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://localhost:{settings.ports.api}",
        # A new row must show as a DAG within a minute.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "RECOMAMP_RESULTS_URL": (data / "results").as_uri(),
        "RECOMAMP_POLL_SECONDS": "5",
        "RECOMAMP_SNAPSHOT_DIR": str(data / "snapshots"),
        "RECOMAMP_DAG_SHARDS": "1",
        "RECOMAMP_DRY_RUNS": "on",
        "RECOMAMP_PARSE_SECONDS": "10",
        "NO_PROXY": f"{HOST},localhost",
    }


def _enforced(settings: Settings) -> dict[str, str]:
    """Return the variables that the caller's environment cannot replace."""
    home, ports = settings.data / "airflow", settings.ports
    own = {name: settings.credentials[name] for name in _PIPELINE_SECRETS} | {
        "AIRFLOW_HOME": str(home),
        EXECUTOR_SETTING: settings.executor,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(settings.data / "bundles"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{UI_USER}:admin,{FOLLOWER}:user",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(settings)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.api_url}/execution/",
        "AIRFLOW__API__PORT": str(ports.api),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": settings.airflow_uri.replace(
            "postgresql://", "postgresql+psycopg2://", 1
        ),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_logs),
        "PATH": _path(settings.environ),
        "PYTHONUNBUFFERED": "1",
    }
    if settings.uses_celery:
        own["AIRFLOW__CELERY__BROKER_URL"] = settings.broker_url
    return own


def password_file(settings: Settings) -> Path:
    """Return the file in which Airflow looks up the users' passwords."""
    return settings.data / "airflow" / "passwords.json"


def _emulator_connection(settings: Settings) -> str:
    return json.dumps(
        {
            "conn_type": "http",
            "host": settings.emulator_url,
            "login": EMULATOR_CLIENT_ID,
            "password": EMULATOR_CLIENT_SECRET,
            "extra": {
                "token_url": f"{settings.emulator_url}/auth/o2/token",
                "execution_url": f"{settings.emulator_url}/_emulator/executions/"
                "{amc_execution_id}",
            },
        }
    )


def _path(environ: Mapping[str, str]) -> str:
    """Put this interpreter's directory first: Airflow's parts find each other through PATH."""
    here = str(Path(sys.executable).parent)
    return f"{here}:{environ.get('PATH', '/usr/bin:/bin')}"
