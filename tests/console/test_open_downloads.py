"""A few downloads at a time, and a place that is free again whatever ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException

from recomamp.console import open_downloads
from recomamp.console.access import current_visitor
from recomamp.console.open_downloads import (
    DOWNLOAD_PLACE,
    MAX_OPEN,
    MAX_OPEN_OF_USER,
    Download,
    OpenDownloads,
)


def refusal(downloads: OpenDownloads, user: str) -> int:
    with pytest.raises(HTTPException) as refused, downloads.place(user):
        pass
    return refused.value.status_code


def test_a_user_has_a_few_and_all_users_have_some_more() -> None:
    downloads = OpenDownloads()
    with ExitStack() as opened:
        for one in range(MAX_OPEN - MAX_OPEN_OF_USER):
            opened.enter_context(downloads.place(f"user {one}"))
        with ExitStack() as own:
            for _ in range(MAX_OPEN_OF_USER):
                own.enter_context(downloads.place("ann"))
            assert refusal(downloads, "ann") == 429
            assert refusal(downloads, "bob") == 503
        opened.enter_context(downloads.place("bob"))


def test_a_download_that_takes_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_downloads, "MAX_SECONDS", 0)

    def chunks() -> Iterator[bytes]:
        yield b"a"

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(_message: dict[str, Any]) -> None:
        await asyncio.Event().wait()  # a reader that does not read

    download = Download(chunks(), media_type="text/csv", name="a.csv")
    with pytest.raises(TimeoutError):
        asyncio.run(download({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send))


def test_a_reader_who_goes_away_gives_the_place_back() -> None:
    app = FastAPI()
    downloads = app.state.open_downloads = OpenDownloads()
    app.dependency_overrides[current_visitor] = lambda: SimpleNamespace(id="ann")

    @app.get("/", dependencies=[DOWNLOAD_PLACE])
    def download() -> Download:
        return Download(iter([b"a"]), media_type="text/csv", name="a.csv")

    def fits(count: int) -> bool:
        with ExitStack() as opened:
            try:
                for _ in range(count):
                    opened.enter_context(downloads.place("ann"))
            except HTTPException:
                return False
            return True

    async def begin_and_cancel() -> None:
        begun = asyncio.Event()

        async def send(_message: dict[str, Any]) -> None:
            begun.set()
            await asyncio.Event().wait()

        path = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        request = asyncio.create_task(app(path, asyncio.Event().wait, send))  # type: ignore[arg-type]
        await begun.wait()
        assert not fits(MAX_OPEN_OF_USER)
        request.cancel()
        await asyncio.wait([request])

    asyncio.run(begin_and_cancel())
    assert fits(MAX_OPEN_OF_USER)
