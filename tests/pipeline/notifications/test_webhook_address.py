"""A webhook's address leads to the public internet, or nowhere."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from recomamp.errors import WebhookDeferred, WebhookRefused
from recomamp.pipeline.notifications.webhook_address import (
    Target,
    is_public,
    resolve,
    target_of,
)

PUBLIC = "93.184.215.14"


def target(url: str, *addresses: str, allowed: tuple[str, ...] = ()) -> Target:
    return target_of(url, allowed_hosts=allowed, resolve=lambda host, port: addresses or [PUBLIC])


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_taken(address: str) -> None:
    assert target("https://example.com/hook?key=1", address) == Target(
        host="example.com", port=443, addresses=(address,), path="/hook?key=1"
    )


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254",
        "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1", "168.63.129.16", "3fff::1", "3fff:fff::1", "not an address", "",
    ],
)  # fmt: skip
def test_addresses_of_networks_and_machines_are_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(WebhookDeferred, match="no public address"):
        target("https://example.com/hook", address)


def test_one_address_that_is_not_public_is_enough() -> None:
    with pytest.raises(WebhookDeferred):
        target("https://example.com/", PUBLIC, "10.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "//example.com/", "https://", "https:///x",
        "https://ann@example.com/", "https://ann:pw@example.com/", "https://example.com:8443/",
        "https://example.com:22/", "https://example.com:99999/", "https://[::1/", "file:///etc",
    ],
)  # fmt: skip
def test_only_https_on_its_own_port_without_a_user(url: str) -> None:
    with pytest.raises(WebhookRefused) as refused:
        target(url)
    assert "example.com/" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "2130706433", "0x7f.1"])
def test_numbers_are_resolved_as_the_system_does(host: str) -> None:
    with pytest.raises((WebhookRefused, WebhookDeferred)):
        target_of(f"https://{host}/", allowed_hosts=())


def test_the_operator_allows_hosts_with_their_port() -> None:
    url = "https://localhost:8443/hook"
    assert target(url, "127.0.0.1", allowed=("localhost:8443",)).port == 8443
    with pytest.raises(WebhookRefused, match="port"):
        target(url, "127.0.0.1", allowed=("localhost:9000",))


def test_a_host_that_is_not_found_may_be_found_later() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(WebhookDeferred):
        target_of("https://example.com/", allowed_hosts=(), resolve=nobody)
    with pytest.raises(WebhookDeferred):
        target_of("https://example.com/", allowed_hosts=(), resolve=lambda host, port: [])


def test_a_name_of_the_network_inside_looks_like_one_that_nobody_knows() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    outcomes = set()
    for found in (nobody, lambda host, port: [], lambda host, port: ["10.0.0.1"]):
        with pytest.raises((WebhookDeferred, WebhookRefused)) as error:
            target_of("https://db.internal/", allowed_hosts=(), resolve=found)
        outcomes.add((type(error.value), str(error.value)))
    assert len(outcomes) == 1


def test_a_look_up_that_nobody_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: ended.wait(20) and [])
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve("example.com", 443, timeout_seconds=0.1)
    assert time.monotonic() - started < 5
    ended.set()


def test_a_target_does_not_show_its_path() -> None:
    assert "secret" not in repr(target("https://example.com/secret?key=secret"))
