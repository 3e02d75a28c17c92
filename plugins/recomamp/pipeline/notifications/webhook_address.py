"""Which addresses a user's webhook may have: public ones, over https.

The host is resolved once, all its addresses are checked, and the connection goes to the checked
one. A second look-up could give an address inside the network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from recomamp.errors import WebhookDeferred, WebhookRefused

HTTPS_PORT = 443
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # leads to any IPv4 address, private ones too
# Older versions of Python take these for global. The first has the metadata of a cloud
_LOCAL = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "fec0::/10"))
)

Resolve = Callable[[str, int], Iterable[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a request goes: the checked addresses, and the names that the request says."""

    host: str
    port: int
    addresses: tuple[str, ...]
    path: str = field(repr=False)  # with the query; it may hold a secret


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    :raises OSError: when it has none, or nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def target_of(url: str, *, allowed_hosts: Collection[str], resolve: Resolve = resolve) -> Target:
    """Resolve and check the address of a webhook.

    :param allowed_hosts: ``host`` or ``host:port`` that the operator allows wherever they lie.
    :raises WebhookRefused: when no request may go there.
    :raises WebhookDeferred: when the host cannot be resolved now.
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
        raise WebhookDeferred(f"the host cannot be resolved: {type(err).__name__}") from err
    if not addresses:
        raise WebhookDeferred("the host has no address")
    # All of them: which one would be taken is the host's to say
    if not is_allowed and not all(map(is_public, addresses)):
        raise WebhookRefused("the host has an address that is not public")
    path = parts.path or "/"
    return Target(
        host=host,
        port=port,
        addresses=tuple(addresses),
        path=f"{path}?{parts.query}" if parts.query else path,
    )


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
