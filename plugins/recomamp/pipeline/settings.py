"""The pipeline's own settings, read from the environment when they are needed."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from cryptography.fernet import MultiFernet

from recomamp.domain.limits import Limits
from recomamp.domain.metrics import INSTANCE_WAITING
from recomamp.errors import ConfigurationError
from recomamp.store.token_encryption import read_keys

log = logging.getLogger(__name__)

DATABASE_CONN_ID = "recomamp_db"
CONSOLE_CONN_ID = "recomamp_console_db"
AMAZON_CONN_ID = "amazon_ads"
MAIL_CONN_ID = "smtp_default"
API_CONN_ID = "airflow_api"

MAX_SHARDS = 16

_DEFAULT_POLL_SECONDS = 15.0
_DEFAULT_PARSE_SECONDS = 10.0
# Airflow gives a file 30 s. The last check may overrun, and building DAGs needs some seconds
_MAX_PARSE_SECONDS = 15.0
_MAX_RETENTION_DAYS = 36_500
_MAX_LIMIT = 10**15
_MAX_LIMIT_SECONDS = 30 * 24 * 60 * 60
# The last parts are converted and uploaded after the download
_LOAD_AFTER_DOWNLOAD = timedelta(hours=1)


def fernet() -> MultiFernet:
    """Return what decrypts the users' tokens; RECOMAMP_FERNET_KEY lists keys, newest first.

    RECOMAMP_FERNET_KEY_FILE may name a file that holds the list instead.

    :raises ConfigurationError: when neither is set, or holds something else than Fernet keys.
    """
    return MultiFernet(read_keys(os.environ))


def results_url() -> str:
    """Return the fsspec URL under which results are written.

    :raises ConfigurationError: when RECOMAMP_RESULTS_URL is unset.
    """
    url = os.environ.get("RECOMAMP_RESULTS_URL", "")
    if not url:
        raise ConfigurationError(
            "RECOMAMP_RESULTS_URL is not set: name a folder for results such as "
            "file:///var/lib/recomamp/results or s3://bucket/results"
        )
    return url


def poll_seconds() -> float:
    """Return the shortest time between two polls of an instance, in seconds.

    :raises ConfigurationError: when RECOMAMP_POLL_SECONDS is not a positive number.
    """
    text = os.environ.get("RECOMAMP_POLL_SECONDS", "")
    try:
        seconds = float(text) if text else _DEFAULT_POLL_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise ConfigurationError(
            f"RECOMAMP_POLL_SECONDS: {text!r} is not a number of seconds above 0"
        )
    return seconds


def parse_seconds() -> float:
    """Return how long the generator checks queries at one parse, in seconds.

    A wrong value is logged and the default taken: an error here would hide every DAG.
    """
    text = os.environ.get("RECOMAMP_PARSE_SECONDS", "")
    try:
        seconds = float(text) if text else _DEFAULT_PARSE_SECONDS
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= _MAX_PARSE_SECONDS:
        return seconds
    log.error(
        "RECOMAMP_PARSE_SECONDS: %r is not a number of seconds from 0 to %g; %g is used",
        text,
        _MAX_PARSE_SECONDS,
        _DEFAULT_PARSE_SECONDS,
    )
    return _DEFAULT_PARSE_SECONDS


def dag_shards() -> int:
    """Return over how many files the DAGs of each kind are spread, 1 where nothing is said.

    A wrong value is logged and taken for 1: an error here would hide every DAG.
    """
    text = os.environ.get("RECOMAMP_DAG_SHARDS", "") or "1"
    if text.isdecimal() and 1 <= int(text) <= MAX_SHARDS:
        return int(text)
    log.error("RECOMAMP_DAG_SHARDS: %r is not a number from 1 to %s; 1 is used", text, MAX_SHARDS)
    return 1


def webhook_allowed_hosts() -> tuple[str, ...]:
    """Return the hosts, as ``host`` or ``host:port``, that webhooks may have wherever they lie.

    RECOMAMP_WEBHOOK_ALLOW_HOSTS lists them, separated by commas. It opens the operator's network to
    every user: it is for tests and for receivers of the operator's own.
    """
    text = os.environ.get("RECOMAMP_WEBHOOK_ALLOW_HOSTS", "")
    return tuple(host.strip().lower() for host in text.split(",") if host.strip())


def are_dry_runs_on() -> bool:
    """Return whether AMC is asked to compile new and changed queries before they are due.

    :raises ConfigurationError: when RECOMAMP_DRY_RUNS is neither "on" nor "off".
    """
    text = os.environ.get("RECOMAMP_DRY_RUNS", "").strip().lower()
    if text not in ("", "on", "off"):
        raise ConfigurationError(f"RECOMAMP_DRY_RUNS: {text[:40]!r} is neither on nor off")
    return text != "off"


def metrics_tags() -> tuple[str, ...]:
    """Return the tags of the queue's gauges by instance, none where these gauges are not sent.

    :raises ConfigurationError: when RECOMAMP_METRICS_TAGS lists anything else than amc_instance and
        user.
    """
    text = os.environ.get("RECOMAMP_METRICS_TAGS", "")
    asked = {word.strip().lower() for word in text.split(",") if word.strip()}
    known = INSTANCE_WAITING.optional_tags
    if not asked <= set(known):
        raise ConfigurationError(
            f"RECOMAMP_METRICS_TAGS: {text[:40]!r} is not a list of {' and '.join(known)}"
        )
    return tuple(tag for tag in known if tag in asked)


def heartbeat_file() -> Path | None:
    """Return the file that the follower touches while it works, None without a folder."""
    directory = snapshot_dir()
    return directory / "follower_heartbeat" if directory else None


def snapshot_dir() -> Path | None:
    """Return where the generator keeps its last good rows, None where it keeps none."""
    path = os.environ.get("RECOMAMP_SNAPSHOT_DIR", "")
    return Path(path) if path else None


def limits() -> Limits:
    """Return how much Amazon may send.

    :raises ConfigurationError: when one of the settings is not a whole number above 0, or is too
        large.
    """
    defaults = asdict(Limits())
    return Limits(**{field: _limit(field, default) for field, default in defaults.items()})


def load_timeout() -> timedelta:
    """Return how long one try of the task load may take: the longest download, and an hour.

    A wrong value is logged and the default is used: an error here would hide every DAG. The task
    itself fails with the setting's name.
    """
    try:
        seconds = limits().result_limit_seconds
    except ConfigurationError as err:
        log.error("%s; the default is used", err)
        seconds = Limits().result_limit_seconds
    return timedelta(seconds=seconds) + _LOAD_AFTER_DOWNLOAD


def result_data_retention() -> timedelta | None:
    """Return how long the rows of result documents are kept, None for always.

    :raises ConfigurationError: when RECOMAMP_RESULT_DATA_RETENTION_DAYS is not a number of days.
    """
    return _retention("RECOMAMP_RESULT_DATA_RETENTION_DAYS")


def result_files_retention() -> timedelta | None:
    """Return how long files of superseded results are kept, None for always.

    :raises ConfigurationError: when RECOMAMP_RESULT_FILES_RETENTION_DAYS is not a number of days.
    """
    return _retention("RECOMAMP_RESULT_FILES_RETENTION_DAYS")


def _retention(name: str) -> timedelta | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MAX_RETENTION_DAYS):
        raise ConfigurationError(
            f"{name}: {text!r} is not a number of days from 1 to {_MAX_RETENTION_DAYS}; "
            "leave it unset to keep everything"
        )
    return timedelta(days=int(text))


def _limit(field: str, default: int) -> int:
    name = f"RECOMAMP_{field.upper()}"
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    largest = _MAX_LIMIT_SECONDS if field.endswith("_seconds") else _MAX_LIMIT
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= largest):
        raise ConfigurationError(f"{name}: {text[:40]!r} is not a whole number from 1 to {largest}")
    return int(text)
