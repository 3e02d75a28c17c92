"""Hand mails to the server of the Airflow connection ``smtp_default``, each at most once.

Airflow's provider makes the connection: TLS, signing in. Its own way of sending is not used: it
sends again after any error, one that came after the server had the mail too.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr
from typing import NoReturn

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from recomamp.domain.mail_messages import Message
from recomamp.domain.text import one_line
from recomamp.errors import (
    ConfigurationError,
    MailDeferred,
    MailDeliveryUnknown,
    MailRefused,
    MailServerUnavailable,
)
from recomamp.pipeline import settings
from recomamp.pipeline.notifications.smtp_client import ConnectedSmtpHook

_TAKEN = 250
_RECIPIENT_TAKEN = (250, 251)
_CLOSING = 421
_REFUSED_FOR_GOOD = 500  # and above
# Writes headers as they are given: the newer policies read an encoded word in them, and Pythons
# before 3.11.10 and 3.12.5 wrote the line ends that it held
_POLICY = compat32.clone(linesep="\r\n")
_HEADERS = (
    b"Content-Type",
    b"MIME-Version",
    b"Content-Transfer-Encoding",
    b"From",
    b"To",
    b"Subject",
    b"Date",
    b"Message-ID",
    b"Auto-Submitted",
)
_OF_ONE_PART = {b"Content-Transfer-Encoding"}  # a mail of several parts has it in each part


class MailServer:
    """A mail server that we are signed in at. Made by ``open_mail_server``."""

    def __init__(self, client: smtplib.SMTP, from_email: str) -> None:
        self._client = client
        self._from_name, self._sender = parseaddr(from_email)

    @property
    def domain(self) -> str:
        """The sender's domain, for ids of messages."""
        return self._sender.rpartition("@")[2]

    def send(self, message: Message, *, address: str, message_id: str, at: datetime) -> None:
        """Hand over one mail, once.

        :raises MailRefused: when the address is none, or the server will never take the mail.
        :raises MailDeferred: when the server took nothing this time.
        :raises MailServerUnavailable: when the server takes nothing from us at all.
        :raises MailDeliveryUnknown: when the connection broke after the server may have had all of
            it.
        """
        recipient = _recipient(address)
        content = self._compose(message, recipient, message_id=message_id, at=at)
        self._announce(recipient.addr_spec)
        self._hand_over(content)

    def _compose(
        self, message: Message, recipient: Address, *, message_id: str, at: datetime
    ) -> bytes:
        """Write a mail of plain text, in ASCII, which every server understands.

        :raises MailRefused: when anything but the headers that are set here would be one.
        """
        try:
            mail = _body(message)
            mail["From"] = formataddr((_encoded(self._from_name), self._sender))
            mail["To"] = recipient.addr_spec
            mail["Subject"] = _encoded(message.subject, in_header="Subject")
            mail["Date"] = format_datetime(at)
            mail["Message-ID"] = message_id
            mail["Auto-Submitted"] = "auto-generated"  # no answers from who is out of office
            content = mail.as_bytes()
        except (MessageError, ValueError) as err:  # a lone surrogate is one of the latter
            raise MailRefused(f"the mail cannot be written: {_words_of(err)}") from err
        _require_own_headers(content, is_multipart=message.csv is not None)
        return content

    def _announce(self, recipient: str) -> None:
        try:
            self._client.ehlo_or_helo_if_needed()
            code, words = self._client.mail(self._sender)
            if code != _TAKEN:
                raise MailServerUnavailable(
                    _told(f"the sender {self._sender} is refused", code, words)
                )
            code, words = self._client.rcpt(recipient)
        except OSError as err:  # smtplib's own errors derive from it
            raise MailServerUnavailable(f"the mail server went away: {_words_of(err)}") from err
        if code not in _RECIPIENT_TAKEN:
            self._refuse("the recipient", code, words)

    def _hand_over(self, content: bytes) -> None:
        try:
            code, words = self._client.data(content)
        except smtplib.SMTPDataError as err:  # to the command itself: no content was sent
            self._refuse("the mail", err.smtp_code, err.smtp_error)
        except OSError as err:
            raise MailDeliveryUnknown(
                f"the connection broke while the mail went out: {_words_of(err)}"
            ) from err
        if code != _TAKEN:
            self._refuse("the mail", code, words)

    def _refuse(self, what: str, code: int, words: bytes | str) -> NoReturn:
        text = _told(f"{what} is refused", code, words)
        if code == _CLOSING:
            raise MailServerUnavailable(text)
        with suppress(OSError):  # the next one says what is wrong
            self._client.rset()
        raise (MailRefused if code >= _REFUSED_FOR_GOOD else MailDeferred)(text)


def _body(message: Message) -> MIMEText | MIMEMultipart:
    text = MIMEText(message.text, "plain", "utf-8", policy=_POLICY)
    if message.csv is None:
        return text
    file = MIMEApplication(message.csv, "csv", policy=_POLICY)
    file.replace_header("Content-Type", "text/csv; charset=utf-8")
    file["Content-Disposition"] = 'attachment; filename="results.csv"'
    mail = MIMEMultipart("mixed", policy=_POLICY)
    mail.attach(text)
    mail.attach(file)
    return mail


def is_mail_on() -> bool:
    """Return whether there is a connection to a mail server."""
    try:
        return bool(BaseHook.get_connection(settings.MAIL_CONN_ID).host)
    except AirflowNotFoundException:
        return False


@contextmanager
def open_mail_server() -> Iterator[MailServer]:
    """Sign in at the mail server.

    :raises MailServerUnavailable: when it cannot be reached or does not let us in.
    :raises ConfigurationError: when the connection does not say who sends.
    """
    hook = ConnectedSmtpHook(settings.MAIL_CONN_ID)
    try:
        yield MailServer(_sign_in(hook), _from_email(hook))
    finally:
        if hook.is_connected:
            with suppress(OSError):
                hook.client.quit()
            hook.client.close()


def _sign_in(hook: ConnectedSmtpHook) -> smtplib.SMTP:
    try:
        hook.get_conn()
    except (OSError, AirflowException) as err:  # smtplib's own errors derive from OSError
        raise MailServerUnavailable(
            f"connection {settings.MAIL_CONN_ID!r}: the mail server does not let us in: "
            f"{_words_of(err)}"
        ) from err
    return hook.client


def _from_email(hook: SmtpHook) -> str:
    sender = hook.from_email or ""
    try:
        _recipient(parseaddr(sender)[1])
    except MailRefused as err:
        raise ConfigurationError(
            f"connection {settings.MAIL_CONN_ID!r}: extra from_email must be the sender's address"
        ) from err
    return one_line(sender)


def _recipient(address: str) -> Address:
    """Read one address that any server understands.

    :raises MailRefused: when it is none, or more than one.
    """
    try:
        recipient = Address(addr_spec=address)
    except (ValueError, IndexError, MessageError) as err:
        raise MailRefused(f"{one_line(address)!r} is not an e-mail address") from err
    is_plain = address.isascii() and address.isprintable() and recipient.addr_spec == address
    if not (is_plain and recipient.username and recipient.domain):
        raise MailRefused(f"{one_line(address)!r} is not an e-mail address that can be written to")
    return recipient


def _encoded(text: str, in_header: str = "") -> str:
    """Return text as encoded words, so that no mail program reads a header in it.

    The sender's name stays as it is where it is ASCII without an encoded word.
    """
    line = one_line(text)
    if not in_header and line.isascii() and "=?" not in line:
        return line
    return Header(line, "utf-8", header_name=in_header or "From").encode(linesep="\r\n")


def _require_own_headers(content: bytes, *, is_multipart: bool) -> None:
    """Return where a mail has each of our headers once, and no other.

    :raises MailRefused: otherwise.
    """
    head = content.partition(b"\r\n\r\n")[0]
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    names = sorted(line.partition(b":")[0] for line in lines)
    expected = sorted(set(_HEADERS) - (_OF_ONE_PART if is_multipart else set()))
    if names != expected or b"\n" in head.replace(b"\r\n", b"") or not content.isascii():
        raise MailRefused("the mail would have headers that are not ours")


def _told(what: str, code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return one_line(f"{what}: {code} {text}", longest=500)


def _words_of(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _told("the server says", error.smtp_code, error.smtp_error)
    return one_line(f"{type(error).__name__}: {error}", longest=500)
