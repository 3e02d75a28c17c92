"""Limits on downloads: how many are open at once, and for how long.

An open download holds up to 4 MiB of a document, and a reader may stop to read.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, status
from fastapi.responses import StreamingResponse

from recomamp.console.access import CurrentVisitor

MAX_OPEN = 8
MAX_OPEN_OF_USER = 2
MAX_SECONDS = 30 * 60


class Place:
    """One open download. Its place is free again when nothing holds it any more."""

    def __init__(self, free: Callable[[], None]) -> None:
        weakref.finalize(self, free)


class OpenDownloads:
    """Counts the open downloads of each user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_users: Counter[str] = Counter()

    def take(self, user: str) -> Place:
        """Take a place for a download, which lasts as long as the object that is returned.

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
        return Place(partial(self._free, user))

    def _free(self, user: str) -> None:
        with self._lock:
            self._of_users[user] -= 1
            self._of_users += Counter()  # forgets users with none


def _place(request: Request, visitor: CurrentVisitor) -> Place:
    open_downloads: OpenDownloads = request.app.state.open_downloads
    return open_downloads.take(visitor.id)


# A route with this parameter is a download
DownloadPlace = Annotated[Place, Depends(_place)]


class Download(StreamingResponse):
    """A file that is sent piece by piece. One that takes too long is cut off."""

    def __init__(
        self, chunks: Iterator[bytes], *, media_type: str, name: str, place: Place
    ) -> None:
        super().__init__(
            chunks,
            media_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
        self._place = place

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        async with asyncio.timeout(MAX_SECONDS):
            await super().__call__(scope, receive, send)
