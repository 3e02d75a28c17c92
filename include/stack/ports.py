"""The TCP ports of the stack, and the check that they are free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields

from stack.errors import RefusedError

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """A port for every listening part."""

    api: int
    postgres: int
    emulator: int
    worker_logs: int
    trigger_logs: int
    redis: int

    def as_dict(self) -> dict[str, int]:
        """Return the ports by the names of their fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# Field of Ports, the setting that overrides it, and the default. 0 means any free port.
_SETTINGS: tuple[tuple[str, str, int], ...] = (
    ("api", "AIRFLOW__API__PORT", 8080),
    ("postgres", "RECOMAMP_POSTGRES_PORT", 5433),
    ("emulator", "RECOMAMP_EMULATOR_PORT", 8099),
    ("worker_logs", "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT", 0),
    ("trigger_logs", "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT", 0),
    ("redis", "RECOMAMP_REDIS_PORT", 0),
)
SETTING_NAMES: dict[str, str] = {field: setting for field, setting, _ in _SETTINGS}


def choose_ports(environ: Mapping[str, str], *, free_ports: bool = False) -> Ports:
    """Return the ports that the environment sets, or free ones for all.

    :raises RefusedError: if a setting is not a port number.
    """
    chosen: dict[str, int] = {}
    reserved: list[socket.socket] = []
    try:
        for field, setting, default in _SETTINGS:
            port = 0 if free_ports else _port_of(setting, environ.get(setting), default)
            if port == 0:
                reserved.append(_reserve())
                port = reserved[-1].getsockname()[1]
            chosen[field] = port
    finally:
        for reserved_socket in reserved:
            reserved_socket.close()
    return Ports(**chosen)


def check_ports_free(ports: Mapping[str, int]) -> None:
    """Check that every port is free.

    :raises RefusedError: names the first that is not, and the setting that moves it.
    """
    for field, port in ports.items():
        if not is_free(port):
            setting = SETTING_NAMES[field]
            message = f"port {port} ({field}) is already in use; free it or set {setting}"
            raise RefusedError(message)


def is_free(port: int) -> bool:
    """Return whether the port is free at the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as err:
            if err.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def _reserve() -> socket.socket:
    reserved_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved_socket.bind((HOST, 0))
    return reserved_socket


def _port_of(setting: str, text: str | None, default: int) -> int:
    if not text:
        return default
    if not text.isdecimal() or int(text) > 65535:
        message = f"{setting} must be a port number between 0 and 65535, not {text!r}"
        raise RefusedError(message)
    return int(text)
