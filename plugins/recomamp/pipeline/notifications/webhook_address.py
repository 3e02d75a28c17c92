"""Which addresses a user's webhook may have: public ones, over https.

The host is resolved once, all its addresses are checked, and the connection goes to the checked
one. A second look-up could give an address inside the network.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from recomamp.errors import WebhookDeferred, WebhookRefused

HTTPS_PORT = 443
RESOLVE_SECONDS = 3.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # leads to any IPv4 address, private ones too
# Python takes these for global, or its older versions do. The first two have metadata of clouds
_LOCAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "64:ff9b:1::/48",
            "3fff::/20",
            "fec0::/10",
        ),
    )
)
# One text for both: which names the network inside knows is not the user's to learn
_NOT_PUBLIC = "the host has no public address"

Resolve = Callable[[str, int], Iterable[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a request goes: the checked addresses, and the names that the request says."""

    host: str
    port: int
    addresses: tuple[str, ...]
    path: str = field(repr=False)  # with the query; it may hold a secret


def resolve(host: str, port: int, *, timeout_seconds: float = RESOLVE_SECONDS) -> list[str]:
    """Return the addresses of a host.

    The system's look-up has no limit of its own: a thread that is left does it.

    :raises OSError: when it has none, or nobody answers in time.
    """
    found: list[str] = []
    errors: list[Exception] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as err:  # noqa: BLE001 - raised below, on the thread that asks
            errors.append(err)
        else:
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    thread = threading.Thread(target=look_up, name="webhook-address", daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    if errors:
        raise errors[0]
    if thread.is_alive():
        raise TimeoutError
    return found


def target_of(url: str, *, allowed_hosts: Collection[str], resolve: Resolve = resolve) -> Target:
    """Resolve and check the address of a webhook.

    :param allowed_hosts: ``host`` or ``host:port`` that the operator allows wherever they lie.
    :raises WebhookRefused: when no request may go there.
    :raises WebhookDeferred: when the host has no public address now.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or HTTPS_PORT
    except ValueError as err:
        raise WebhookRefused("the address is no URL") from err
    if parts.scheme != "https" or not host or parts.username or parts.password:
        raise WebhookRefused("the address must begin with https:// and name a host and no user")
    is_allowed = bool({host, f"{host}:{port}"}.intersection(allowed_hosts))
    if port != HTTPS_PORT and not is_allowed:
        raise WebhookRefused(f"port {port} is not {HTTPS_PORT}")
    try:
        addresses = list(resolve(host, port))
    except (OSError, UnicodeError) as err:
        raise WebhookDeferred(_NOT_PUBLIC) from err
    # All of them: which one would be taken is the host's to say
    if not addresses or not (is_allowed or all(map(is_public, addresses))):
        raise (WebhookRefused if _is_address(host) else WebhookDeferred)(_NOT_PUBLIC)
    path = parts.path or "/"
    return Target(
        host=host,
        port=port,
        addresses=tuple(addresses),
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def _is_address(host: str) -> bool:
    """Return whether a host is written as an address, so that no look-up tells of another."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Return whether an address belongs to the public internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if wrapped := [one for one in inner if one is not None]:
            return all(is_public(str(one)) for one in wrapped)
    is_local = any(ip in network for network in _LOCAL)
    return ip.is_global and not (is_local or ip.is_multicast or ip.is_reserved)
