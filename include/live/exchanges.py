"""What was asked and what the answer looks like, without any value of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from recomamp.amazon.error_text import sanitize, words_of

# Headers that the clients rely on, or that say who has answered
HEADERS = ("x-amz-request-id", "x-amz-rid", "retry-after", "content-encoding")
MAX_WORDS = 500

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z?)")
_IDS = re.compile(r"(recomamp-live-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request and the shape of its answer.

    ``shape`` maps the path of each field to the types of its values. ``words`` is Amazon's text of
    an error, without secrets and ids.
    """

    step: str
    call: str
    status: int
    content_type: str
    headers: frozenset[str]
    shape: dict[str, str] = field(default_factory=dict)
    words: str = ""


class Recorder(httpx.AsyncBaseTransport):
    """Sends requests and remembers the shape of each answer. ``step`` is the current step.

    :param inner: sends them. Several clients share it; ``close`` closes it.
    :param instance_id: is left out of what is remembered.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, instance_id: str) -> None:
        self._inner = inner
        self._instance_id = instance_id
        self.step = ""
        self.exchanges: list[Exchange] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and give the answer as it came."""
        answer = await self._inner.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)  # noqa: S101  (an async transport)
        body = b"".join([chunk async for chunk in answer.stream])
        await answer.aclose()
        self.exchanges.append(self._exchange(request, answer, body))
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body)
        )

    async def aclose(self) -> None:
        """Leave the connections open for the next client."""

    async def close(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    def _exchange(self, request: httpx.Request, answer: httpx.Response, body: bytes) -> Exchange:
        is_error = answer.status_code >= httpx.codes.BAD_REQUEST
        said = _json(body)
        return Exchange(
            step=self.step,
            call=f"{request.method} {self._place(request)}",
            status=answer.status_code,
            content_type=answer.headers.get("Content-Type", "").partition(";")[0],
            headers=frozenset(name for name in HEADERS if name in answer.headers),
            shape=shape_of(said),
            words=self._without_ids(words_of(said, MAX_WORDS)) if is_error else "",
        )

    def _place(self, request: httpx.Request) -> str:
        """Return the path without ids. A link to a file is a secret as a whole."""
        path = request.url.path
        if path.startswith("/amc/"):
            return self._without_ids(path)
        return "the token endpoint" if path.endswith("/token") else "a result file"

    def _without_ids(self, text: str) -> str:
        return _IDS.sub("{id}", sanitize(text, MAX_WORDS)).replace(self._instance_id, "{instance}")


def shape_of(said: Any) -> dict[str, str]:
    """Return the types of all fields of a JSON value by their paths, lists as one element."""
    found: dict[str, set[str]] = {}
    _collect(said, "", found)
    return {path: "|".join(sorted(kinds)) for path, kinds in sorted(found.items())}


def _collect(said: Any, path: str, found: dict[str, set[str]]) -> None:
    if isinstance(said, dict):
        for key, value in said.items():
            _collect(value, f"{path}.{key}".lstrip("."), found)
    elif isinstance(said, list):
        for one in said:
            _collect(one, f"{path}[]", found)
        if not said:
            found.setdefault(path, set()).add("list")
    elif path:
        found.setdefault(path, set()).add(_kind(said))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return "number"
    if matched := _TIME.fullmatch(value):
        return f"time{matched[2]}"
    return "text"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
