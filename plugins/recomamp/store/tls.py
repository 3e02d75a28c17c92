"""The rule that a connection to a database on another machine is encrypted and verified.

libpq's own default (`prefer`) sends everything in clear text if anything on the way asks it to.
Every connection of the pipeline is opened here.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn

from recomamp.errors import ConfigurationError

ALLOW_SETTING = "RECOMAMP_ALLOW_INSECURE_DATABASE"

_VERIFIED = "verify-full"  # the only mode that also compares the certificate with the host's name
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", _VERIFIED)

ENCODING = "percent-encode user and password (/ as %2F, ? as %3F, # as %23, @ as %40)"

_BEFORE_OPTIONS = ("host", "user", "password")
_OPTION = re.compile(r"[a-z_]+")
# As libpq quotes a value that it does not take
_VALUE = re.compile(r'( value:?) (?:".*"(?= for connection option)|".*"$)', re.DOTALL)


def connect(arguments: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Connection:
    """Open a connection, encrypted and verified unless it stays on this machine.

    :param arguments: libpq's keyword arguments.
    :raises ConfigurationError: when they ask for less than the rule demands, or for what libpq
        does not know.
    :raises psycopg2.OperationalError: when the server cannot be reached, or is not who it should
        be. No message quotes what may be a piece of a password.
    """
    if _is_cut_short(arguments):
        raise ConfigurationError(f"the connection has an @ after its host: {ENCODING}")
    protected = protected_arguments(arguments, environ)
    try:
        opened: Connection = psycopg2.connect(**protected)
    except psycopg2.ProgrammingError:  # from None: a traceback would show the driver's text too
        raise ConfigurationError(_unknown_options(arguments)) from None
    except psycopg2.OperationalError as err:
        said = _VALUE.sub(r"\1", str(err).strip())
        remedy = _remedy(said)
        if said == str(err).strip() and not remedy:
            raise
        raise psycopg2.OperationalError(f"{said}; {remedy}" if remedy else said) from None
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
    if mode not in _MODES:
        raise ConfigurationError(f"sslmode must be one of {', '.join(_MODES)}")
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


def _has_late_at(arguments: Mapping[str, Any]) -> bool:
    """Return whether an ``@`` is in the database's name or an option.

    A password in a URI with a character that is not percent-encoded ends too early. Its rest, and
    the ``@`` after it, are then read as database and options.
    """
    read = {name: text for name, text in arguments.items() if name not in _BEFORE_OPTIONS}
    return any("@" in f"{name}{text}" for name, text in read.items())


def _is_cut_short(arguments: Mapping[str, Any]) -> bool:
    """Return whether a password surely ended too early, so that host and port may be pieces of it.

    Alone, an ``@`` is no sign: an option may have one, and so may a database's name.
    """
    database = str(arguments.get("dbname") or "")
    is_sure = not arguments.get("user") or ("@" in database and "/" in database)
    return is_sure and _has_late_at(arguments)


def _unknown_options(arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with options that libpq does not know.

    It names them only if no piece of a password can be among them.
    """
    unknown = [name for name in arguments if not _is_known(name)]
    is_whole = bool(arguments.get("user")) and not _has_late_at(arguments)
    if unknown and is_whole and all(_OPTION.fullmatch(name) for name in unknown):
        return "invalid connection option " + ", ".join(f'"{name}"' for name in unknown)
    return f"invalid connection option; in a URI, {ENCODING}"


def _is_known(name: str) -> bool:
    try:
        make_dsn(**{name: ""})
    except psycopg2.ProgrammingError:
        return False
    return True


def _remedy(problem: str) -> str:
    """Return what to do about a server that does not pass, nothing where that is not the matter."""
    if "certificate" in problem:
        return "sslrootcert of the connection must name the certificate of the server's authority"
    if "does not support SSL" in problem:
        return "have the server offer TLS"
    return ""
