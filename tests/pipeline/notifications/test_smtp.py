"""A mail has the headers that are ours, once each, and shows texts as they are."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recomamp.domain.mail_messages import Message, Recipient, compose
from recomamp.domain.notifications import Event, EventKind
from recomamp.domain.text import one_line
from recomamp.errors import MailRefused
from recomamp.pipeline.notifications import smtp
from recomamp.pipeline.notifications.smtp import MailServer

AT = datetime(2026, 3, 10, 13, 3, tzinfo=UTC)
HEADERS = [
    "Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version",
    "Message-ID", "Subject", "To",
]  # fmt: skip
INJECTED = (
    "=?utf-8?q?x=0D=0AReply-To:_eve@example.com=0D=0AContent-Type:_text/html=0D=0A=0D=0A"
    "<h1>Your_account_is_locked</h1>?="
)

parts = st.sampled_from(
    ["\r\n", "\n", "\r", "Bcc: eve@example.com", "=?utf-8?q?", "=?utf-8?b?", "?=", "=0D=0A", "=?",
     "\u2028", "\u2029", "\x85", "\x0b", "\x00", "\x1b[31m", "\u202e", "\u200d", "\ud800", "😀",
     " ", ":", "<", "@", ",", ";", '"', "\\", ".", "ä", "<b>"]
)  # fmt: skip
texts = st.lists(parts | st.text(max_size=20), max_size=12).map("".join)


class Client(smtplib.SMTP):
    """Takes every mail and keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[str] = []
        self.sent: list[bytes] = []

    def ehlo_or_helo_if_needed(self) -> None:
        """Need nothing."""

    def mail(self, sender: str, options: Any = ()) -> tuple[int, bytes]:
        self.commands.append(f"from {sender}")
        return 250, b"OK"

    def rcpt(self, recip: str, options: Any = ()) -> tuple[int, bytes]:
        self.commands.append(f"to {recip}")
        return 250, b"OK"

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.sent.append(msg)
        return 250, b"OK"


def sent(message: Message, sender: str = "RecomAMP <no-reply@example.org>") -> EmailMessage:
    """Send a mail and read what the server got, as another program reads it."""
    client = Client()
    MailServer(client, sender).send(
        message, address="ann@example.com", message_id="<1@example.org>", at=AT
    )
    assert client.commands == ["from no-reply@example.org", "to ann@example.com"]
    (content,) = client.sent
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    return cast("EmailMessage", message_from_bytes(content, policy=default))


@given(name=texts, error=texts, reader=texts)
@example(name=INJECTED, error=INJECTED, reader=INJECTED)
def test_no_text_of_a_row_becomes_a_header_or_another_body(
    name: str, error: str, reader: str
) -> None:
    event = Event(
        id=UUID(int=1),
        user_id=UUID(int=2),
        kind=EventKind.SCHEDULE_RUN_FAILED,
        happened_at=AT,
        details={"name": name, "error": error},
    )
    message = compose([event], Recipient(name=reader, time_zone="UTC"))
    mail = sent(message)

    assert sorted(mail.keys()) == HEADERS
    assert str(mail["Subject"]) == one_line(f"Failed: {name}", 150)
    assert (mail["From"], mail["To"]) == ("RecomAMP <no-reply@example.org>", "ann@example.com")
    assert not mail.is_multipart()
    assert mail["Content-Type"] == 'text/plain; charset="utf-8"'
    assert mail.get_content() == message.text


@pytest.mark.parametrize("sender", ["Ämter <no-reply@example.org>", "no-reply@example.org"])
def test_the_senders_name_may_be_in_any_script(sender: str) -> None:
    assert sent(Message(subject="x", text="y"), sender)["From"] == sender


@pytest.mark.parametrize(
    "head",
    [b"X: y", b"Subject: again", b"garbage", b"\nBcc: eve@example.com"],
)
def test_a_mail_with_any_header_that_is_not_ours_is_refused(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    written = smtp.MIMEText.as_bytes

    def as_bytes(mail: Any, *args: Any, **options: Any) -> bytes:
        return head + b"\r\n" + written(mail, *args, **options)

    monkeypatch.setattr(smtp.MIMEText, "as_bytes", as_bytes)
    with pytest.raises(MailRefused, match="not ours"):
        sent(Message(subject="x", text="y"))


@pytest.fixture(params=["\ud800", "x\ud800y"])
def odd_text(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give texts that no charset has."""
    return request.param  # type: ignore[no-any-return]


def test_what_cannot_be_written_is_refused_and_stops_no_other(odd_text: str) -> None:
    with pytest.raises(MailRefused, match="cannot be written"):
        sent(Message(subject="x", text=odd_text))
    assert sent(Message(subject=odd_text, text="y"))["Subject"] is not None
