"""What the plugin mounts in Airflow's API server.

Airflow loads plugins in every process, and only the API server serves requests. So the first
request imports FastAPI and the routes, not the plugin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any

PREFIX = "/recomamp"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ConsoleApp:
    """An ASGI application that imports the console when it is first asked."""

    @cached_property
    def _app(self) -> Callable[[Message, Receive, Send], Awaitable[None]]:
        from recomamp.console.app import build_app

        return build_app()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)
