"""The log of all calls received: enough to judge a client by, without its secrets."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

KEPT_CALLS = 50_000
_SECRET_QUERY = frozenset({"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"})
_SECRET_FIELDS = frozenset(
    {"client_secret", "refresh_token", "access_token", "code", "code_verifier"}
)


@dataclass(kw_only=True, slots=True)
class Call:
    """One request; `status` stays None when it got no answer."""

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
class Calls:
    """The latest calls, oldest first."""

    kept: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))

    def of(self, operation: str | None) -> list[Call]:
        """Return the calls of one operation, or all."""
        return [one for one in self.kept if operation in (None, one.operation)]


def shown_query(query: str) -> dict[str, str]:
    """Return a query string's fields, signatures blanked."""
    fields = parse_qsl(query, keep_blank_values=True)
    return {name: "***" if name in _SECRET_QUERY else value for name, value in fields}


def shown_body(body: bytes, content_type: str, *, secret: bool) -> Any:
    """Return a body to look at: an object where it is JSON or a form, secrets blanked.

    A `secret` body is shown as an object or not at all.
    """
    text = body.decode("utf-8", "replace")
    if not text:
        return None
    try:
        parsed = json.loads(text)
    except ValueError:
        if "form-urlencoded" in content_type:
            return _blanked(dict(parse_qsl(text, keep_blank_values=True)))
        return "***" if secret else text
    return _blanked(parsed) if isinstance(parsed, dict) else parsed


def _blanked(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: "***" if name in _SECRET_FIELDS else value for name, value in fields.items()}
