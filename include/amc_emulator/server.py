"""The network side: a bound socket, uvicorn, and connections that can be closed early."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from amc_emulator.middleware import CLOSE_CONNECTION


class ClosableProtocol(H11Protocol):
    """HTTP/1.1 whose requests carry a function that closes their connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Pass that function to the application."""
        super().connection_made(transport)
        inner: ASGIApp = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {
                **scope.get("extensions", {}),
                CLOSE_CONNECTION: _close_connection(transport),
            }
            await inner({**scope, "extensions": extensions}, receive, send)

        self.app = app


def _close_connection(transport: asyncio.Transport) -> Callable[[bool], None]:
    def close(gracefully: bool) -> None:
        if gracefully:
            transport.close()
            return
        raw = transport.get_extra_info("socket")
        # Lingering for zero seconds makes the close a reset (RST) instead of an end (FIN).
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    return close


class Server(uvicorn.Server):
    """uvicorn with a callback when it listens."""

    def __init__(self, app: ASGIApp, *, on_listening: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=ClosableProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then call the callback."""
        await super().startup(sockets)
        self._on_listening()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address. Port 0 takes a free one.

    :raises OSError: the address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches off Nagle's delay (40 ms an answer) only where TCP is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
