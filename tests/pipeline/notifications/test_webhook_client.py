"""A request goes once to the checked address, and no server holds it up or leads it elsewhere."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fixtures.webhooks import WebhookServer
from recomamp.domain.webhook_messages import Post
from recomamp.errors import WebhookDeferred, WebhookRefused
from recomamp.pipeline.notifications.webhook_address import Target
from recomamp.pipeline.notifications.webhook_client import post

MESSAGE = Post(body=b'{"a": 1}', headers={"Content-Type": "application/json"})


@pytest.fixture
def target(webhook_server: WebhookServer) -> Target:
    return Target(
        host="localhost", port=webhook_server.port, addresses=("127.0.0.1",), path="/hook?key=1"
    )


def test_a_request_says_the_hosts_name_and_goes_to_the_address(
    webhook_server: WebhookServer, target: Target
) -> None:
    post(target, MESSAGE)
    (received,) = webhook_server.received
    assert (received.path, received.body) == ("/hook?key=1", MESSAGE.body)
    assert received.headers["Host"] == f"localhost:{webhook_server.port}"


def test_the_next_address_is_tried_where_one_does_not_answer(
    webhook_server: WebhookServer, target: Target
) -> None:
    post(replace(target, addresses=("127.0.0.2", "127.0.0.1")), MESSAGE)
    assert len(webhook_server.received) == 1


def test_no_name_is_looked_up_again(
    webhook_server: WebhookServer, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def watched(host: str, *rest: object, **options: object) -> object:
        asked.append(host)
        return look_up(host, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    post(target, MESSAGE)
    assert set(asked) == {"127.0.0.1"}


def test_the_certificate_is_of_the_host_and_not_of_the_address(target: Target) -> None:
    with pytest.raises(WebhookDeferred, match="certificate is not valid"):
        post(replace(target, host="example.com"), MESSAGE)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(
    webhook_server: WebhookServer, target: Target, status: int
) -> None:
    webhook_server.statuses = [status]
    webhook_server.headers = {"Location": f"https://localhost:{webhook_server.port}/other"}
    with pytest.raises(WebhookRefused, match=f"{status}: redirects are not followed"):
        post(target, MESSAGE)
    assert len(webhook_server.received) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
def test_a_refusal_is_final(webhook_server: WebhookServer, target: Target, status: int) -> None:
    webhook_server.statuses = [status]
    webhook_server.answer = b"the key of-ann is wrong"
    with pytest.raises(WebhookRefused) as refused:
        post(target, MESSAGE)
    assert str(refused.value) == f"the server answers {status}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_tried_again(
    webhook_server: WebhookServer, target: Target, status: int
) -> None:
    webhook_server.statuses = [status]
    with pytest.raises(WebhookDeferred):
        post(target, MESSAGE)


def test_a_long_answer_is_not_read(webhook_server: WebhookServer, target: Target) -> None:
    webhook_server.answer = b"x" * 50_000_000
    started = time.monotonic()
    post(target, MESSAGE)
    assert time.monotonic() - started < 5


@pytest.fixture(params=["header", "continue", "handshake"])
def slow_server(webhook_server: WebhookServer, request: pytest.FixtureRequest) -> Iterator[int]:
    """Run a server that sends, for ever, one byte of a header or another 100 Continue at a time.

    Or it draws out the handshake past the time of the request, and goes on with the latter.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(webhook_server.certificate)
    ended = threading.Event()
    by_byte = request.param == "header"

    def serve() -> None:
        again = b"HTTP/1.1 100 Continue\r\n\r\n"
        first, more = (b"HTTP/1.1 200 OK\r\nX: ", b"x") if by_byte else (again, again)
        try:
            raw = listener.accept()[0]
            if request.param == "handshake":
                ended.wait(0.4)
            with context.wrap_socket(raw, server_side=True) as client:
                client.sendall(first)
                while not ended.wait(0.02):
                    client.sendall(more)
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    ended.set()
    listener.close()


def test_a_server_that_draws_out_its_answer_is_left(
    target: Target, slow_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.create_connection

    def slow_connect(*args: Any, **options: Any) -> socket.socket:
        threading.Event().wait(0.3)  # as where another address takes its time
        return connect(*args, **options)

    monkeypatch.setattr(socket, "create_connection", slow_connect)
    started = time.monotonic()
    with pytest.raises(WebhookDeferred, match="no answer"):
        post(replace(target, port=slow_server), MESSAGE, timeout_seconds=0.5)
    assert time.monotonic() - started < 5


def test_an_answer_without_end_is_left_before_its_time_is_over(
    webhook_server: WebhookServer, target: Target
) -> None:
    webhook_server.headers = {f"X-{number}": "x" * 2000 for number in range(90)}
    with pytest.raises(WebhookDeferred, match="no answer: HTTPException"):
        post(target, MESSAGE)


def test_nobody_there_may_be_there_later(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(WebhookDeferred, match="no answer: ConnectionRefusedError"):
        post(replace(target, port=port), MESSAGE)
