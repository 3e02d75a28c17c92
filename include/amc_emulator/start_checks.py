"""Checks before the start: the client secret is public, and every caller controls it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

CONNECTION_SETTING = "AIRFLOW_CONN_AMAZON_ADS"
COMPOSE_NAME = "emulator"  # of its service in docker-compose.yaml


def start_error(host: str, *, allow_remote: bool, environ: Mapping[str, str]) -> str:
    """Return in one line why the emulator must not start, nothing if it may.

    :param host: the address that it is to listen on.
    :param allow_remote: whether the operator protects that address.
    """
    if not (_is_loopback(host) or allow_remote):
        return (
            f"{host} is open to other machines, and so would be the control plane: listen on"
            " 127.0.0.1, or pass --allow-remote in a network of its own"
        )
    connection = environ.get(CONNECTION_SETTING, "").strip()
    if connection and not all(_is_emulator(host) for host in hosts_of(connection)):
        return (
            f"{CONNECTION_SETTING} leads to the real Amazon, and an emulator does not run next to"
            " it: unset it, or do not start the emulator"
        )
    return ""


def hosts_of(connection: str) -> set[str]:
    """Return the host of each address that the pipeline may call with an Airflow connection.

    The empty text means Amazon's own address. The pipeline calls it where the connection names no
    API or no token_url. The empty text also means an address that cannot be read.
    """
    try:
        host, extra = _read(connection)
        return {_host(address) for address in (host, *_addresses(extra))}
    except (ValueError, AttributeError, TypeError):
        return {""}


def _read(connection: str) -> tuple[str, Mapping[str, Any]]:
    if connection.startswith("{"):
        fields = json.loads(connection)
        return str(fields.get("host") or ""), _object(fields.get("extra") or {})
    parts = urlsplit(connection)
    query = dict(parse_qsl(parts.query))
    return unquote(parts.hostname or ""), _object(query.pop("__extra__", "{}")) | query


def _object(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)


def _addresses(extra: Mapping[str, Any]) -> Iterator[str]:
    yield str(extra.get("token_url") or "")
    for region in _object(extra.get("regions") or {}).values():
        yield from (str(region[name]) for name in ("api_url", "token_url") if region.get(name))


def _host(address: str) -> str:
    return urlsplit(address if "://" in address else f"//{address}").hostname or ""


def _is_emulator(host: str) -> bool:
    return host == COMPOSE_NAME or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
