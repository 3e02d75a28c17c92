"""Limits on downloads: how many are open at once, and for how long.

An open download holds up to 4 MiB of a document, and a reader may stop to read.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Depends, HTTPException, Request, status
from fastapi.responses import StreamingResponse

from recomamp.console.access import CurrentVisitor

MAX_OPEN = 8
MAX_OPEN_OF_USER = 2
MAX_SECONDS = 30 * 60


class OpenDownloads:
    """Counts the open downloads of each user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_users: Counter[str] = Counter()

    @contextmanager
    def place(self, user: str) -> Iterator[None]:
        """Take a place for a download, and give it back at its end.

        :raises HTTPException: 429 where the user, 503 where all users have too many open.
        """
        with self._lock:
            if self._of_users[user] >= MAX_OPEN_OF_USER:
                raise HTTPException(
                    status.HTTP_429_TOO_MANY_REQUESTS,
                    f"You have {MAX_OPEN_OF_USER} downloads open; wait for the end of one",
                )
            if self._of_users.total() >= MAX_OPEN:
                raise HTTPException(
                    status.HTTP_503_SERVICE_UNAVAILABLE,
                    f"{MAX_OPEN} downloads are open; try again when one has ended",
                )
            self._of_users[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._of_users[user] -= 1
                self._of_users += Counter()  # forgets users with none


# Asynchronous, because FastAPI ends others in a thread, which a cancelled request never starts
async def _place(request: Request, visitor: CurrentVisitor) -> AsyncIterator[None]:
    open_downloads: OpenDownloads = request.app.state.open_downloads
    with open_downloads.place(visitor.id):
        yield


# Of a route that is a download. It lasts until the answer is sent
DOWNLOAD_PLACE = Depends(_place)


class Download(StreamingResponse):
    """A file that is sent piece by piece. One that takes too long is cut off."""

    def __init__(self, chunks: Iterator[bytes], *, media_type: str, name: str) -> None:
        super().__init__(
            chunks,
            media_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        async with asyncio.timeout(MAX_SECONDS):
            await super().__call__(scope, receive, send)
