"""The rule that a connection to a database on another machine is encrypted and verified.

libpq's own default (`prefer`) sends everything in clear text if anything on the way asks it to.
Every connection of the pipeline is opened here.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection

from recomamp.errors import ConfigurationError

ALLOW_SETTING = "RECOMAMP_ALLOW_INSECURE_DATABASE"

_VERIFIED = "verify-full"  # the only mode that also compares the certificate with the host's name


def connect(arguments: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Connection:
    """Open a connection, encrypted and verified unless it stays on this machine.

    :param arguments: libpq's keyword arguments.
    :raises ConfigurationError: when they ask for less than the rule demands, or for what libpq
        does not know.
    :raises psycopg2.OperationalError: when the server cannot be reached, or is not who it should
        be.
    """
    protected = protected_arguments(arguments, environ)
    try:
        opened: Connection = psycopg2.connect(**protected)
    except psycopg2.ProgrammingError as err:  # says the name of the option, and no value
        raise ConfigurationError(str(err).strip()) from err
    except psycopg2.OperationalError as err:
        if remedy := _remedy(str(err)):
            raise psycopg2.OperationalError(f"{str(err).strip()}; {remedy}") from err
        raise
    return opened


def protected_arguments(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments with what the rule adds to them.

    On this machine (loopback addresses, ``localhost``, Unix sockets) nothing is added. Any other
    host gets ``sslmode=verify-full`` and an authority's certificate, explicitly, so that neither
    ``PGSSLMODE`` nor libpq's defaults weaken it. For a host that ``ALLOW_SETTING`` names,
    ``PGSSLMODE`` counts as it does for libpq.

    :param environ: what libpq reads its own defaults from, and where ``ALLOW_SETTING`` stands.
    :raises ConfigurationError: when they ask for less, and ``ALLOW_SETTING`` does not name the
        host.
    """
    if arguments.get("service") or environ.get("PGSERVICE"):
        raise ConfigurationError(
            "a service file may name another host than the connection: unset PGSERVICE and put"
            " host and sslmode into the connection"
        )
    remote = [host for host in _hosts(arguments, environ) if not is_on_this_machine(host)]
    if not remote:
        return dict(arguments)
    is_allowed = {host.lower() for host in remote} <= _allowed(environ)
    default = (environ.get("PGSSLMODE") or "prefer") if is_allowed else _VERIFIED
    mode = arguments.get("sslmode") or default
    if mode != _VERIFIED:
        if not is_allowed:
            raise ConfigurationError(
                f"sslmode={mode} lets others read or change what is sent to {remote[0]}: use"
                f" sslmode={_VERIFIED}, with sslrootcert for an authority of your own (or set"
                f" {ALLOW_SETTING}={','.join(remote)} to accept the risk)"
            )
        return {**arguments, "sslmode": mode}
    return {
        "gssencmode": "disable",
        **arguments,
        "sslmode": _VERIFIED,
        "sslrootcert": _authorities(arguments, environ),
    }


def is_on_this_machine(host: str) -> bool:
    """Return whether a connection to what libpq takes for a host stays on this machine."""
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True  # nothing, a path or an abstract name: a Unix socket
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, or a way to write an address that resolvers read differently


def _hosts(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Return all hosts that libpq may try; each of its two lists has a variable as its default."""
    lists = (
        arguments.get("host") or environ.get("PGHOST"),
        arguments.get("hostaddr") or environ.get("PGHOSTADDR"),
    )
    return [host.strip() for hosts in lists if hosts for host in str(hosts).split(",")]


def _allowed(environ: Mapping[str, str]) -> set[str]:
    names = environ.get(ALLOW_SETTING, "").split(",")
    return {name.strip().lower() for name in names if name.strip()}


def _authorities(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Return the file of trusted certificates.

    The driver has an OpenSSL of its own. That one looks for the system's certificates in a folder
    that exists only where the driver was built, so ``system`` would find none. Python's OpenSSL
    names the right file.
    """
    named = arguments.get("sslrootcert") or environ.get("PGSSLROOTCERT") or "system"
    if named != "system":
        return str(named)
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None:
        raise ConfigurationError(
            "this machine has no file of trusted certificates: install ca-certificates, or name"
            " the authority's certificate as sslrootcert in the connection"
        )
    return bundle


def _remedy(problem: str) -> str:
    """Return what to do about a server that does not pass, nothing where that is not the matter."""
    if "certificate" in problem:
        return "sslrootcert of the connection must name the certificate of the server's authority"
    if "does not support SSL" in problem:
        return "have the server offer TLS"
    return ""
