"""What is posted, and that its signature can be checked with the six lines of the guide."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.mail_messages import Recipient
from recomamp.domain.notifications import Event, EventKind
from recomamp.domain.webhook_messages import slack_post, webhook_post

AT = datetime(2026, 5, 1, 6, 30, tzinfo=UTC)
ANN = Recipient(name="Ann", time_zone="Europe/Berlin")


def event(kind: str = EventKind.WINDOW_LATE, **details: Any) -> Event:
    return Event(id=UUID(int=7), user_id=UUID(int=1), kind=kind, happened_at=AT, details=details)


@given(name=st.text(), secret=st.text(min_size=16))
def test_the_signature_is_of_timestamp_and_body(name: str, secret: str) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    sent = webhook_post(event(name=name), secret=secret, at=AT)

    signed = sent.headers["RecomAMP-Timestamp"].encode() + b"." + sent.body
    expected = "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, sent.headers["RecomAMP-Signature"])
    assert json.loads(sent.body)["details"]["name"] == name


def test_a_webhook_gets_the_event_as_it_is() -> None:
    sent = webhook_post(event(name="Every morning"), secret="s" * 16, at=AT)
    assert json.loads(sent.body) == {
        "id": str(UUID(int=7)),
        "kind": "WINDOW_LATE",
        "happened_at": "2026-05-01T06:30:00+00:00",
        "details": {"name": "Every morning"},
    }
    assert sent.headers["RecomAMP-Event-Id"] == str(UUID(int=7))
    assert sent.headers["RecomAMP-Timestamp"] == str(int(AT.timestamp()))


def test_no_header_holds_what_a_user_wrote() -> None:
    sent = webhook_post(event(name="x\r\nHost: evil"), secret="s" * 16, at=AT)
    assert all("\n" not in value and value.isascii() for value in sent.headers.values())


@pytest.mark.parametrize("kind", EventKind)
def test_slack_gets_the_text_of_the_mail(kind: EventKind) -> None:
    sent = slack_post(event(kind, name="Daily", check="rows"), ANN)
    document = json.loads(sent.body)
    text = document["text"]
    assert document.keys() == {"text"}
    assert sent.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "(Europe/Berlin)" in text
    assert text.count("\n") > 2


def test_nobody_is_called_and_nothing_is_linked_in_slack() -> None:
    text = json.loads(slack_post(event(name="<!channel> <https://evil|x> &"), ANN).body)["text"]
    assert "<" not in text
    assert "&lt;!channel&gt; &lt;https://evil|x&gt; &amp;\n" in text


def test_half_a_character_in_a_name_keeps_no_event_back() -> None:
    sent = webhook_post(event(name="ü\ud800"), secret="s" * 16, at=AT)
    assert json.loads(sent.body)["details"] == {"name": "ü\ud800"}
