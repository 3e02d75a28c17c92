"""A few downloads at a time, and a place that is free again whatever ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import HTTPException

from recomamp.console import open_downloads
from recomamp.console.open_downloads import (
    MAX_OPEN,
    MAX_OPEN_OF_USER,
    Download,
    OpenDownloads,
)


def refusal(downloads: OpenDownloads, user: str) -> int:
    with pytest.raises(HTTPException) as refused:
        downloads.take(user)
    return refused.value.status_code


def test_a_user_has_a_few_and_all_users_have_some_more() -> None:
    downloads = OpenDownloads()
    own = [downloads.take("ann") for _ in range(MAX_OPEN_OF_USER)]
    assert refusal(downloads, "ann") == 429
    others = [downloads.take(f"user {one}") for one in range(MAX_OPEN - MAX_OPEN_OF_USER)]
    assert refusal(downloads, "bob") == 503
    own.pop()
    assert downloads.take("bob")
    assert len(others) == MAX_OPEN - MAX_OPEN_OF_USER


def test_a_download_that_takes_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_downloads, "MAX_SECONDS", 0)

    def chunks() -> Iterator[bytes]:
        yield b"a"

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(_message: dict[str, Any]) -> None:
        await asyncio.Event().wait()  # a reader that does not read

    place = OpenDownloads().take("ann")
    download = Download(chunks(), media_type="text/csv", name="a.csv", place=place)
    with pytest.raises(TimeoutError):
        asyncio.run(download({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send))
