"""Post to the address of a user's webhook: once, without redirects, within bounded time.

The answer is the user's server's to write. At most one kilobyte of it is read, and of that only
the status is kept.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from threading import Timer

from recomamp.domain.webhook_messages import Post
from recomamp.errors import WebhookDeferred, WebhookRefused
from recomamp.pipeline.notifications.webhook_address import HTTPS_PORT, Target

TIMEOUT_SECONDS = 10.0  # from the first byte to the last; a server may send one byte at a time
MAX_ANSWER_BYTES = 1024
_MAY_PASS = frozenset({408, 409, 425, 429})


class _PinnedConnection(HTTPSConnection):
    """A connection to a checked address, with the host's name in the certificate."""

    def __init__(self, target: Target, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout, context=context)
        self._target = target
        self._tls = context
        self._is_over = False

    def connect(self) -> None:
        """Connect to the checked address, without another look-up."""
        # Set before the handshake, which a server may draw out too
        self.sock = self._connected()
        self.require_time()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._target.host)

    def _connected(self) -> socket.socket:
        *others, last = self._target.addresses
        for address in others:
            with suppress(OSError):
                return socket.create_connection(
                    (address, self._target.port), timeout=TIMEOUT_SECONDS / 3
                )
            self.require_time()
        return socket.create_connection((last, self._target.port), timeout=self.timeout)

    def require_time(self) -> None:
        """Raise TimeoutError after ``interrupt``."""
        if self._is_over:
            raise TimeoutError

    def interrupt(self) -> None:
        """End whatever the connection waits for."""
        self._is_over = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


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
    watch = Timer(timeout_seconds, connection.interrupt)
    watch.daemon = True
    watch.start()
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
        connection.require_time()  # an interrupted answer looks like a whole one
    except ssl.SSLCertVerificationError as err:
        raise WebhookDeferred(f"the certificate is not valid: {err.verify_message}") from err
    except (OSError, HTTPException, ValueError) as err:
        raise WebhookDeferred(f"no answer: {type(err).__name__}") from err
    finally:
        watch.cancel()
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
