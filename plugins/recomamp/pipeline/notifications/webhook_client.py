"""Post to the address of a user's webhook: once, without redirects, within bounded time.

The answer is the user's server's to write. At most one kilobyte of it is read, and of that only
the status is kept.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from typing import Any

from recomamp.domain.webhook_messages import Post
from recomamp.errors import WebhookDeferred, WebhookRefused
from recomamp.pipeline.notifications.webhook_address import HTTPS_PORT, RESOLVE_SECONDS, Target

TIMEOUT_SECONDS = 7.0  # from the first byte to the last; a server may send one byte at a time
TRY_SECONDS = RESOLVE_SECONDS + TIMEOUT_SECONDS
MAX_ANSWER_BYTES = 1024
# With its status, its headers and all answers 100 Continue before it, which have no other end
MAX_READ_BYTES = 64 * 1024
_MAY_PASS = frozenset({408, 409, 425, 429})


class _BoundedSocket(ssl.SSLSocket):
    """A TLS connection of which all reads and writes together are bounded."""

    deadline: float  # as time.monotonic()
    unread: int = MAX_READ_BYTES

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Read within the time and the bytes that are left."""
        self.settimeout(_seconds_until(self.deadline))
        count = super().recv_into(*args, **options)
        self.unread -= count
        if self.unread < 0:
            raise HTTPException("the answer is too long")
        return count

    def send(self, *args: Any, **options: Any) -> int:
        """Write within the time that is left."""
        self.settimeout(_seconds_until(self.deadline))
        return super().send(*args, **options)


def _seconds_until(deadline: float) -> float:
    """Return the time that is left, which is more than none.

    :raises TimeoutError: when none is.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _PinnedConnection(HTTPSConnection):
    """A connection to a checked address, with the host's name in the certificate."""

    def __init__(self, target: Target, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(target.host, target.port, context=context)
        self._target = target
        self._tls = context
        self._tls.sslsocket_class = _BoundedSocket
        self._deadline = time.monotonic() + timeout

    def connect(self) -> None:
        """Connect to the checked address, without another look-up."""
        self.sock = self._connected()
        # Wrapped before the handshake, which a server may draw out too
        tls = self._tls.wrap_socket(
            self.sock, server_hostname=self._target.host, do_handshake_on_connect=False
        )
        self.sock = tls
        tls.deadline = self._deadline  # type: ignore[attr-defined]
        tls.settimeout(_seconds_until(self._deadline))
        tls.do_handshake()

    def _connected(self) -> socket.socket:
        *others, last = self._target.addresses
        for address in others:
            with suppress(OSError):
                return self._connected_to(address, TIMEOUT_SECONDS / 3)
        return self._connected_to(last, TIMEOUT_SECONDS)

    def _connected_to(self, address: str, seconds: float) -> socket.socket:
        left = min(seconds, _seconds_until(self._deadline))
        return socket.create_connection((address, self._target.port), timeout=left)


def post(
    target: Target,
    message: Post,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    context: ssl.SSLContext | None = None,
) -> None:
    """Send a request and return when the server has taken it.

    :raises WebhookRefused: when the server will never take it.
    :raises WebhookDeferred: when it may take it later, or when nobody knows whether it has.
    """
    connection = _PinnedConnection(target, context or ssl.create_default_context(), timeout_seconds)
    try:
        host = target.host if target.port == HTTPS_PORT else f"{target.host}:{target.port}"
        connection.request(
            "POST",
            target.path,
            body=message.body,
            headers={**message.headers, "Host": host, "Connection": "close"},
        )
        response = connection.getresponse()
        response.read(MAX_ANSWER_BYTES)
        status = response.status
    except ssl.SSLCertVerificationError as err:
        raise WebhookDeferred(f"the certificate is not valid: {err.verify_message}") from err
    except (OSError, HTTPException, ValueError) as err:
        raise WebhookDeferred(f"no answer: {type(err).__name__}") from err
    finally:
        connection.close()
    _require_taken(status)


def _require_taken(status: int) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise WebhookRefused(f"the server answers {status}: redirects are not followed")
    if status in _MAY_PASS or status >= 500:
        raise WebhookDeferred(f"the server answers {status}")
    raise WebhookRefused(f"the server answers {status}")
