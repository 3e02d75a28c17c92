"""What the emulator cannot do: answers that only a strange server, proxy or network gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from fixtures.amazon import Pauses, make_account
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.download import download_parts
from recomamp.errors import AmazonError, InvalidResults, UnexpectedResponse

T = TypeVar("T")
API = "https://advertising-api.amazon.com"
STORAGE = "https://amc-output.s3.us-east-1.amazonaws.com"


class Body(httpx.AsyncByteStream):
    """A body as it comes from a network, which may break in the middle."""

    def __init__(self, content: bytes, *, breaks: bool = False) -> None:
        self.content = content
        self.breaks = breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content
        if self.breaks:
            raise httpx.ReadError("connection lost")


def file(content: bytes, *, promised: int | None = None, breaks: bool = False) -> httpx.Response:
    length = str(len(content) if promised is None else promised)
    return httpx.Response(
        200, headers={"Content-Length": length}, stream=Body(content, breaks=breaks)
    )


def ask(
    server: Callable[[httpx.Request], httpx.Response], do: Callable[[AmcClient], Awaitable[T]]
) -> T:
    async def run() -> T:
        client = AmcClient(
            make_account(API),
            httpx.Auth(),
            transport=httpx.MockTransport(server),
            sleep=Pauses(),
        )
        async with client:
            return await do(client)

    return asyncio.run(run())


class Storage:
    """Offers one file and answers for it as told."""

    def __init__(self, *answers: httpx.Response, link: str = f"{STORAGE}/a.csv?sign=s") -> None:
        self.answers = list(answers)
        self.link = link
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/downloadUrls"):
            return httpx.Response(200, json={"downloadUrls": [self.link]})
        self.seen.append(request)
        return self.answers.pop(0)


def load(storage: Storage, directory: Path) -> list[Path]:
    return ask(storage, lambda client: download_parts(client, "e-1", directory))


def test_fewer_bytes_than_promised_are_truncated_results(tmp_path):
    storage = Storage(file(b"campaign,n\n", promised=99))

    with pytest.raises(InvalidResults, match="11 of 99 bytes arrived"):
        load(storage, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_download_that_the_network_breaks_is_started_again(tmp_path):
    whole = b"campaign,n\nA,1\n"
    storage = Storage(file(whole[:11], promised=len(whole), breaks=True), file(whole))

    (path,) = load(storage, tmp_path)

    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_redirect_to_elsewhere_is_not_followed(tmp_path):
    storage = Storage(httpx.Response(302, headers={"Location": "https://evil.example/"}))

    with pytest.raises(UnexpectedResponse, match="302"):
        load(storage, tmp_path)

    assert [request.url.host for request in storage.seen] == [httpx.URL(STORAGE).host]


def test_a_link_to_elsewhere_is_not_followed(tmp_path):
    storage = Storage(link="https://evil.example/a.csv?sign=s")

    with pytest.raises(UnexpectedResponse, match=r"evil\.example"):
        load(storage, tmp_path)

    assert storage.seen == []


def test_links_that_changed_meanwhile_start_the_download_over(tmp_path):
    lists = [["a1", "b1"], ["a2", "b2"], ["a2", "b2"]]

    def server(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if name == "downloadUrls":
            return httpx.Response(
                200, json={"downloadUrls": [f"{STORAGE}/{part}" for part in lists.pop(0)]}
            )
        if name == "b1":
            return httpx.Response(403)
        return file(name.encode())

    paths = ask(server, lambda client: download_parts(client, "e-1", tmp_path))

    assert [path.read_text() for path in paths] == ["a2", "b2"]


def test_links_on_further_pages_are_not_lost():
    def server(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("nextToken") == "more":
            return httpx.Response(200, json={"downloadUrls": ["c"]})
        return httpx.Response(200, json={"downloadUrls": ["a", "b"], "nextToken": "more"})

    assert ask(server, lambda client: client.download_urls("e-1")) == ("a", "b", "c")


def test_pages_that_go_round_end_in_an_error():
    def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"downloadUrls": ["a"], "nextToken": "again"})

    with pytest.raises(UnexpectedResponse, match="nextToken repeats"):
        ask(server, lambda client: client.download_urls("e-1"))


def test_a_refusal_to_cancel_what_still_runs_is_raised():
    def server(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            return httpx.Response(422, json={"details": "not now"})
        return httpx.Response(200, json={"workflowExecutionId": "e-1", "status": "RUNNING"})

    with pytest.raises(AmazonError, match="not now"):
        ask(server, lambda client: client.cancel_execution("e-1"))
