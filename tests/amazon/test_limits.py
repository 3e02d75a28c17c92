"""More than is allowed, of bytes or of time, is not taken from Amazon, and the setting is named."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.amazon import (
    MemoryTokenStore,
    Pauses,
    long_lived,
    make_account,
    make_execution,
)
from recomamp.amazon.ads.client import AdsClient
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.download import download_parts
from recomamp.domain.credentials import ClientCredentials
from recomamp.domain.limits import Limits
from recomamp.domain.sql.binding import MAX_BOUND_CHARS
from recomamp.errors import (
    AmazonError,
    ConfigurationError,
    DownloadLinkExpired,
    InvalidDefinition,
    LimitExceeded,
    RequestRejected,
    SubmissionUnknown,
    TransientError,
    Unauthorized,
    UnexpectedResponse,
)

API = "https://advertising-api.amazon.com"
STORAGE = "https://amc-output.s3.us-east-1.amazonaws.com"
CREDENTIALS = ClientCredentials(client_id="our-client", client_secret="our-secret")

Server = Callable[[httpx.Request], Any]


class Clock:
    """Seconds that pass only when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Chunks(httpx.AsyncByteStream):
    """A body that comes in chunks; ``taken`` counts those that were read."""

    def __init__(self, chunks: Iterator[bytes], before_each: Callable[[], None] = lambda: None):
        self.chunks = chunks
        self.before_each = before_each
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.before_each()
            self.taken += 1
            yield chunk


def endless(before_each: Callable[[], None] = lambda: None, size: int = 1000) -> Chunks:
    return Chunks((b"x" * size for _ in count()), before_each)


def ask(
    server: Server,
    do: Callable[[AmcClient], Any],
    *,
    auth: httpx.Auth | None = None,
    clock: Clock | None = None,
    **limits: int,
) -> Any:
    async def run() -> Any:
        client = AmcClient(
            make_account(API),
            auth or httpx.Auth(),
            transport=httpx.MockTransport(server),
            sleep=Pauses(),
            limits=Limits(**limits),
            clock=clock or Clock(),
        )
        async with client:
            return await do(client)

    return asyncio.run(run())


async def get(client: AmcClient) -> Any:
    return await client.get_execution("e-1")


# --- Answers -------------------------------------------------------------------------------------


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    body = endless()

    with pytest.raises(UnexpectedResponse, match=r"5000 bytes.*RECOMAMP_ANSWER_LIMIT_BYTES"):
        ask(lambda _: httpx.Response(200, stream=body), get, answer_limit_bytes=5000)

    assert body.taken == 6


ERRORS = [
    (400, RequestRejected),
    (401, Unauthorized),
    (403, RequestRejected),
    (429, TransientError),
    (503, TransientError),
]


@pytest.mark.parametrize(("status", "kind"), ERRORS)
def test_an_error_without_end_is_cut_and_keeps_its_meaning(
    status: int, kind: type[AmazonError]
) -> None:
    bodies: list[Chunks] = []

    def server(_: httpx.Request) -> httpx.Response:
        bodies.append(endless())
        return httpx.Response(status, headers={"Retry-After": "7"}, stream=bodies[-1])

    with pytest.raises(AmazonError) as caught:
        ask(server, get, answer_limit_bytes=5000)

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.retry_after_seconds) == (status, 7)
    assert {body.taken for body in bodies} == {6}


def test_an_error_without_end_is_read_by_its_beginning() -> None:
    body = Chunks(iter([b"The query is unknown. ", b"x" * 5000]))

    with pytest.raises(RequestRejected, match=r"HTTP 400: The query is unknown\."):
        ask(lambda _: httpx.Response(400, stream=body), get, answer_limit_bytes=5000)


def test_an_answer_as_long_as_allowed_is_read() -> None:
    text = b'{"workflowExecutionId": "e-1", "status": "RUNNING"}'
    answer = httpx.Response(200, stream=Chunks(iter([text])))

    execution = ask(lambda _: answer, get, answer_limit_bytes=len(text))

    assert execution.amc_execution_id == "e-1"


def test_an_answer_without_end_leaves_a_submission_in_doubt() -> None:
    answer = httpx.Response(200, stream=endless())

    with pytest.raises(SubmissionUnknown, match="RECOMAMP_ANSWER_LIMIT_BYTES"):
        ask(
            lambda _: answer,
            lambda client: client.create_execution(make_execution()),
            answer_limit_bytes=5000,
        )


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_a_compressed_answer_is_not_unpacked(coding: str) -> None:
    bomb = Chunks(iter([gzip.compress(bytes(10**6))]))
    headers = {"Content-Encoding": coding}

    with pytest.raises(UnexpectedResponse, match="Content-Encoding"):
        ask(lambda _: httpx.Response(200, headers=headers, stream=bomb), get)

    assert bomb.taken == 0


@pytest.mark.parametrize(("status", "kind"), ERRORS)
@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, gzip"])
def test_a_compressed_error_keeps_its_meaning_without_its_body(
    coding: str, status: int, kind: type[AmazonError]
) -> None:
    bomb = Chunks(iter([gzip.compress(bytes(10**6))]))
    headers = {"Content-Encoding": coding, "Retry-After": "7"}

    with pytest.raises(AmazonError, match=f"HTTP {status}: without a text") as caught:
        ask(lambda _: httpx.Response(status, headers=headers, stream=bomb), get)

    assert type(caught.value) is kind
    assert caught.value.retry_after_seconds == 7
    assert bomb.taken == 0


@pytest.mark.parametrize(("status", "kind"), [(400, RequestRejected), (429, SubmissionUnknown)])
@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_the_status_of_an_answer_without_end_says_whether_a_submission_is_in_doubt(
    status: int, kind: type[AmazonError], headers: dict[str, str]
) -> None:
    with pytest.raises(AmazonError) as caught:
        ask(
            lambda _: httpx.Response(status, headers=headers, stream=endless()),
            lambda client: client.create_execution(make_execution()),
            answer_limit_bytes=5000,
        )

    assert type(caught.value) is kind


def test_a_page_of_the_longest_queries_is_within_the_limit() -> None:
    sizes: list[int] = []

    def server(request: httpx.Request) -> httpx.Response:
        one = {
            "workflowExecutionId": "e",
            "status": "RUNNING",
            "workflow": {"sqlQuery": "語" * MAX_BOUND_CHARS},
        }
        body = {"executions": [one] * int(request.url.params["limit"])}
        content = json.dumps(body, ensure_ascii=False).encode()
        sizes.append(len(content))
        return httpx.Response(200, stream=Chunks(iter([content])))

    async def count_listed(client: AmcClient) -> int:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        listed = client.list_executions(min_creation_time=since, include_workflow=True)
        return len([one async for one in listed])

    assert ask(server, count_listed) == 5
    assert sizes[0] > Limits().answer_limit_bytes / 2


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        (get, TransientError),
        (lambda client: client.create_execution(make_execution()), SubmissionUnknown),
    ],
    ids=["repeatable", "submission"],
)
def test_an_answer_that_never_comes_is_given_up(do: Any, kind: type[Exception]) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(kind, match="RECOMAMP_ANSWER_LIMIT_SECONDS"):
        ask(never, do, answer_limit_seconds=0)


def test_an_answer_that_never_ends_is_given_up() -> None:
    class Never(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    with pytest.raises(TransientError, match="RECOMAMP_ANSWER_LIMIT_SECONDS"):
        ask(lambda _: httpx.Response(200, stream=Never()), get, answer_limit_seconds=0)


def test_an_answer_of_the_token_endpoint_has_the_same_limits() -> None:
    body = endless()
    store = MemoryTokenStore()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    limits = Limits(answer_limit_bytes=5000)
    auth = LwaAuth(CREDENTIALS, f"{API}/auth/o2/token", store, transport=transport, limits=limits)

    with pytest.raises(UnexpectedResponse, match="RECOMAMP_ANSWER_LIMIT_BYTES"):
        ask(lambda _: httpx.Response(200), get, auth=auth)

    assert body.taken == 6


def test_pages_without_end_are_not_all_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recomamp.amazon.base_client.MAX_PAGES", 7)
    pages = count(1)

    def server(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"downloadUrls": [], "nextToken": str(next(pages))})

    with pytest.raises(UnexpectedResponse, match="more than 7 pages"):
        ask(server, lambda client: client.download_urls("e-1"))

    assert next(pages) == 8


# --- Results -------------------------------------------------------------------------------------


class Storage:
    """Offers files of a result and answers for each as its function says."""

    def __init__(self, *files: Callable[[], httpx.Response]) -> None:
        self.files = files
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        if name == "downloadUrls":
            links = [f"{STORAGE}/{number}" for number in range(len(self.files))]
            return httpx.Response(200, json={"downloadUrls": links})
        self.asked.append(name)
        return self.files[int(name)]()


def file(content: bytes) -> Callable[[], httpx.Response]:
    return lambda: httpx.Response(200, stream=Chunks(iter([content])))


def load(server: Server, directory: Path, **options: Any) -> list[Path]:
    paths: list[Path] = ask(
        server, lambda client: download_parts(client, "e-1", directory), **options
    )
    return paths


def left_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def test_all_parts_together_have_a_limit(tmp_path: Path) -> None:
    whole = Storage(file(b"a\n" * 10), file(b"b\n" * 10))
    assert len(load(whole, tmp_path / "all", result_limit_bytes=40)) == 2

    with pytest.raises(LimitExceeded, match="RECOMAMP_RESULT_LIMIT_BYTES"):
        load(whole, tmp_path / "less", result_limit_bytes=39)

    assert left_in(tmp_path / "less") == []


def test_a_part_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    body = endless()
    storage = Storage(lambda: httpx.Response(200, stream=body))

    with pytest.raises(LimitExceeded, match="RECOMAMP_RESULT_LIMIT_BYTES"):
        load(storage, tmp_path, result_limit_bytes=5000)

    assert body.taken == 6
    assert left_in(tmp_path) == []


def test_a_part_that_a_second_page_lists_again_is_not_loaded_twice(tmp_path: Path) -> None:
    pages = count()

    def server(request: httpx.Request) -> httpx.Response:
        page = next(pages)
        token = {"nextToken": "again"} if "nextToken" not in request.url.params else {}
        return httpx.Response(200, json={"downloadUrls": [f"{STORAGE}/0?signed={page}"], **token})

    with pytest.raises(UnexpectedResponse, match=r"lists a file of execution e-1 twice: \S+/0;"):
        load(server, tmp_path)

    assert left_in(tmp_path) == []


def test_parts_without_number_are_not_all_listed(tmp_path: Path) -> None:
    pages = count()

    def server(_: httpx.Request) -> httpx.Response:
        page = next(pages)
        links = [f"{STORAGE}/{page}-{number}" for number in range(5)]
        return httpx.Response(200, json={"downloadUrls": links, "nextToken": str(page)})

    with pytest.raises(LimitExceeded, match="RECOMAMP_RESULT_LIMIT_PARTS"):
        load(server, tmp_path, result_limit_parts=12)

    assert next(pages) == 3


def test_a_result_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    clock = Clock()

    def a_minute_passes() -> None:
        clock.now += 60

    body = endless(a_minute_passes, size=10**6)
    storage = Storage(lambda: httpx.Response(200, stream=body))

    with pytest.raises(LimitExceeded, match="RECOMAMP_RESULT_LIMIT_SECONDS"):
        load(storage, tmp_path, clock=clock, result_limit_seconds=600)

    assert body.taken == 11
    assert left_in(tmp_path) == []


def test_a_byte_a_minute_holds_nobody_for_long(tmp_path: Path) -> None:
    clock = Clock()
    bodies: list[Chunks] = []

    def a_minute_passes() -> None:
        clock.now += 60

    def drip() -> httpx.Response:
        bodies.append(endless(a_minute_passes, size=1))
        return httpx.Response(200, stream=bodies[-1])

    with pytest.raises(TransientError, match="comes too slowly"):
        load(Storage(drip), tmp_path, clock=clock)

    assert [body.taken for body in bodies] == [2] * 5
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (403, {}, DownloadLinkExpired),
        (403, {"Content-Encoding": "gzip"}, DownloadLinkExpired),
        (200, {"Content-Type": "text/html"}, UnexpectedResponse),
        (200, {"Content-Encoding": "gzip"}, UnexpectedResponse),
    ],
)
def test_what_is_no_file_has_the_limits_of_an_answer(
    tmp_path: Path, status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    bodies: list[Chunks] = []

    def answer() -> httpx.Response:
        bodies.append(endless())
        return httpx.Response(status, headers=headers, stream=bodies[-1])

    with pytest.raises(kind):
        load(Storage(answer), tmp_path, answer_limit_bytes=5000)

    assert all(body.taken <= 6 for body in bodies)
    assert left_in(tmp_path) == []


def test_an_error_of_the_storage_that_breaks_off_is_one_of_ours(tmp_path: Path) -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"<Error>"
            raise httpx.ReadError("connection lost")

    storage = Storage(lambda: httpx.Response(403, stream=Broken()))

    with pytest.raises(TransientError, match="ReadError"):
        load(storage, tmp_path)

    assert len(storage.asked) == 5


def test_a_length_that_is_no_number_is_not_believed(tmp_path: Path) -> None:
    def server() -> httpx.Response:
        return httpx.Response(200, headers={"Content-Length": "many"}, stream=Chunks(iter([b"a"])))

    with pytest.raises(Exception, match="truncated"):
        load(Storage(server), tmp_path)


# --- Requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a\nb", "a\x00", "\ud800", "x" * 70_000], ids=lambda bad: repr(bad)[:8]
)
def test_an_id_that_leads_elsewhere_is_refused_before_anything_is_sent(bad: str) -> None:
    sent: list[httpx.Request] = []

    def server(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    for do in (
        lambda client: client.get_execution(bad),
        lambda client: client.cancel_execution(bad),
        lambda client: client.download_urls(bad),
    ):
        with pytest.raises(InvalidDefinition):
            ask(server, do)
    assert sent == []


def test_an_id_is_one_segment_whatever_it_holds() -> None:
    paths: list[bytes] = []

    def server(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return httpx.Response(400, json={})

    for name in ("../x", "a/b", "a?b#c", "%2e%2e", "..%2f", "...", "ü"):
        with pytest.raises(Exception, match="HTTP 400"):
            ask(server, lambda client, name=name: client.get_execution(name))

    root = b"/amc/reporting/amcdemonorth/workflowExecutions/"
    assert paths == [
        root + name
        for name in (
            b"..%2Fx",
            b"a%2Fb",
            b"a%3Fb%23c",
            b"%252e%252e",
            b"..%252f",
            b"...",
            b"%C3%BC",
        )
    ]


@pytest.mark.parametrize("bad", ["E\n", "E\r\nX: y", " E", "É", "E\x00", "\ud800"])
def test_a_header_that_no_request_may_have_is_refused(bad: str) -> None:
    with pytest.raises(InvalidDefinition, match="AdvertiserId"):
        AmcClient(make_account(API, entity_id=bad), httpx.Auth())


@pytest.mark.parametrize(
    "bad", ["our-client ", "our-client\n", "\u00a0our-client", "our\x00client"]
)
def test_a_client_id_that_no_header_may_hold_is_the_settings_and_not_quoted(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_AMAZON_ADS: its login") as caught:
        AmcClient(make_account(API, client_id=bad), httpx.Auth())
    endpoint = make_account(API).endpoint
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_AMAZON_ADS: its login"):
        AdsClient(endpoint, httpx.Auth(), client_id=bad, profile_id="1")

    assert "our" not in str(caught.value)


@pytest.mark.parametrize("bad", ["\ud800", float("nan"), float("inf")])
def test_a_value_that_no_body_can_hold_is_refused(bad: object) -> None:
    execution = make_execution(parameter_values={"a": bad})

    with pytest.raises(InvalidDefinition, match="create_execution cannot be sent"):
        ask(lambda _: httpx.Response(200), lambda client: client.create_execution(execution))


@pytest.mark.parametrize("token", ["Atza|a\nb", "Atza|é", "Atza|a\x00"])
def test_a_token_that_no_header_may_hold_is_refused_and_not_quoted(token: str) -> None:
    auth = LwaAuth(CREDENTIALS, f"{API}/auth/o2/token", MemoryTokenStore(long_lived(token)))

    with pytest.raises(InvalidDefinition, match="encrypted_access_token") as caught:
        ask(lambda _: httpx.Response(200), get, auth=auth)

    assert "Atza" not in str(caught.value)
