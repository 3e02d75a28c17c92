"""What is posted to a webhook or to Slack, and how a webhook's signature is made.

The signature is HMAC-SHA256 of ``<timestamp>.<body>`` with the channel's secret. A receiver refuses
old timestamps, so that nobody can send a recorded request again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime

from recomamp.domain.mail_messages import Recipient, compose_note
from recomamp.domain.notifications import Event

TIMESTAMP_HEADER = "RecomAMP-Timestamp"
SIGNATURE_HEADER = "RecomAMP-Signature"
EVENT_HEADER = "RecomAMP-Event-Id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A request's body and headers."""

    body: bytes
    headers: dict[str, str] = field(repr=False)


def webhook_post(event: Event, *, secret: str, at: datetime) -> Post:
    """Write the signed request about an event.

    :param at: the time of the try, which the signature covers.
    """
    body = _json(
        {
            "id": str(event.id),
            "kind": str(event.kind),
            "happened_at": event.happened_at.isoformat(),
            "details": dict(event.details),
        }
    )
    timestamp = str(int(at.timestamp()))
    return Post(
        body=body,
        headers={
            **_CONTENT,
            EVENT_HEADER: str(event.id),
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: sign(body, secret=secret, timestamp=timestamp),
        },
    )


def slack_post(event: Event, reader: Recipient) -> Post:
    """Write the request to an incoming webhook of Slack: the text of the mail."""
    text = compose_note(event, reader)
    # Slack reads <, > and & as the start of links and of commands such as <!channel>
    for sign_of, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign_of, entity)
    return Post(body=_json({"text": text}), headers=dict(_CONTENT))


def sign(body: bytes, *, secret: str, timestamp: str) -> str:
    """Return the signature of a body that is sent at a time."""
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


_CONTENT = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "RecomAMP"}


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()
