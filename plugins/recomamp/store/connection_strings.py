"""Reads a connection as an operator writes it: a URI, or Airflow's URI or JSON. And opens it.

For commands that run without Airflow. Inside of Airflow its own ``Connection`` reads the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg2
from psycopg2.extensions import connection as Connection

from recomamp.errors import ConfigurationError
from recomamp.store.tls import ENCODING, connect

# Extras that the Postgres provider's hook reads itself; it gives all others to libpq
OPTIONS_OF_THE_PROVIDER = frozenset(
    {
        "aws_conn_id", "azure_conn_id", "cluster-identifier", "cursor", "iam", "redshift",
        "redshift-serverless", "sqlalchemy_query", "sqlalchemy_scheme", "workgroup-name",
    }
)  # fmt: skip


def open_named(settings: Sequence[str], environ: Mapping[str, str]) -> Connection:
    """Open the application's database, which the first of these settings that is set names.

    :raises ConfigurationError: when none is set, or what it says cannot be opened. The message
        names the setting and quotes no password.
    """
    name = next((name for name in settings if environ.get(name)), None)
    if name is None:
        raise ConfigurationError(f"set {' or '.join(settings)} to the application's database")
    try:
        return connect(connection_arguments(environ[name]), environ)
    except ConfigurationError as err:
        raise ConfigurationError(f"{name}: {err}") from err
    except psycopg2.Error as err:
        raise ConfigurationError(f"{name}: cannot connect: {' '.join(str(err).split())}") from err


def connection_arguments(value: str) -> dict[str, str]:
    """Turn a URI or an Airflow connection (URI or JSON) into keyword arguments for libpq.

    :raises ConfigurationError: the text is neither.
    """
    if value.lstrip().startswith("{"):
        arguments = _arguments_of_json(value)
    else:
        arguments = _arguments_of_uri(value)
    return {name: text for name, text in arguments.items() if text}


def _arguments_of_json(value: str) -> dict[str, str]:
    try:
        fields = json.loads(value)
        extra = fields.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
    except ValueError:
        # The parser's own message quotes the text, password included.
        raise ConfigurationError("the database connection is not valid JSON") from None
    names = {"host": "host", "port": "port", "login": "user", "password": "password"}
    arguments = {ours: _text(fields.get(theirs)) for theirs, ours in names.items()}
    return arguments | {"dbname": _text(fields.get("schema"))} | _libpq_options(extra)


def _arguments_of_uri(value: str) -> dict[str, str]:
    try:
        parts = urlsplit(value.strip())
        # Behind the host it is the rest of a password that has ended too early
        if "@" in parts.path + parts.query + parts.fragment:
            raise ConfigurationError(f"the connection has an @ after its host: {ENCODING}")
        port = _text(parts.port)
    except ValueError:
        raise ConfigurationError("the database connection is not a valid URI") from None
    if parts.scheme.partition("+")[0] not in ("postgres", "postgresql"):
        raise ConfigurationError("the database connection does not start with postgresql://")
    query = dict(parse_qsl(parts.query))
    try:
        extra = json.loads(query.pop("__extra__", "{}"))
    except ValueError:
        raise ConfigurationError("__extra__ of the database connection is not valid JSON") from None
    return {
        "host": unquote(parts.hostname or ""),
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": unquote(parts.path.lstrip("/")),
    } | _libpq_options(extra | query)


def _libpq_options(extra: Mapping[str, Any]) -> dict[str, str]:
    if extra.get("iam"):
        raise ConfigurationError(
            "iam needs Airflow, and this command runs without it: name a user and a password"
        )
    return {
        name: _text(value) for name, value in extra.items() if name not in OPTIONS_OF_THE_PROVIDER
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)
