"""The log of all received calls, without secrets. Tests judge a client by it."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

MAX_CALLS = 50_000
_SECRET_QUERY = frozenset({"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"})
_SECRET_FIELDS = frozenset(
    {"client_secret", "refresh_token", "access_token", "code", "code_verifier"}
)


@dataclass(kw_only=True, slots=True)
class ReceivedCall:
    """One request. `status` is None without an answer."""

    at: str
    method: str
    path: str
    operation: str
    headers: list[str]
    query: dict[str, str]
    body: Any
    execution_id: str | None = None
    status: int | None = None
    fault: str | None = None


@dataclass(slots=True)
class CallLog:
    """The latest calls, oldest first."""

    received: deque[ReceivedCall] = field(default_factory=lambda: deque(maxlen=MAX_CALLS))

    def of(self, operation: str | None) -> list[ReceivedCall]:
        """Return the calls of one operation, or all."""
        return [one for one in self.received if operation in (None, one.operation)]


def redact_query(query: str) -> dict[str, str]:
    """Return the fields of a query string with signatures replaced."""
    fields = parse_qsl(query, keep_blank_values=True)
    return {name: "***" if name in _SECRET_QUERY else value for name, value in fields}


def redact_body(body: bytes, content_type: str, *, secret: bool) -> Any:
    """Return a body as an object where it is JSON or a form, with secrets replaced.

    A `secret` body is returned as an object or not at all.
    """
    text = body.decode("utf-8", "replace")
    if not text:
        return None
    try:
        parsed = json.loads(text)
    except ValueError:
        if "form-urlencoded" in content_type:
            return _redact(dict(parse_qsl(text, keep_blank_values=True)))
        return "***" if secret else text
    return _redact(parsed) if isinstance(parsed, dict) else parsed


def _redact(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: "***" if name in _SECRET_FIELDS else value for name, value in fields.items()}
