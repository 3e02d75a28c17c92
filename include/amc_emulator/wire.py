"""The outer layer of the service: logs calls, adds Amazon's headers, makes the ordered faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from amc_emulator.answers import JSON, answer, refusal, request_id
from amc_emulator.calls import Call, Calls, shown_body, shown_query
from amc_emulator.clock import Clock, stamp_milliseconds
from amc_emulator.faults import OPERATIONS, SCOPE_KEY, Fault, Faults, Kind

HTML = (
    b"<html>\r\n<head><title>%d</title></head>\r\n<body>\r\n<center><h1>%d</h1></center>\r\n"
    b"<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n"
)
HANG_UP = "amc_emulator.hang_up"


@dataclass(slots=True)
class Reply:
    """A whole answer, before it goes on the wire."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def __call__(self, message: Message) -> None:
        """Collect what the application sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        else:
            self.body += message.get("body", b"")

    def replace_body(self, body: bytes) -> None:
        """Change the body and its length."""
        self.body = body
        kept = [one for one in self.headers if one[0].lower() != b"content-length"]
        self.headers = [*kept, (b"content-length", str(len(body)).encode())]

    async def give(self, send: Send, *, only_bytes: int | None = None) -> None:
        """Send it, or its beginning only."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        cut = only_bytes is not None
        await send({"type": "http.response.body", "body": self.body[:only_bytes], "more_body": cut})


class NoAnswer(Exception):
    """The connection is to be closed without an answer."""


class Wire:
    """ASGI application around the service."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        routes: Iterable[BaseRoute],
        clock: Clock,
        calls: Calls,
        faults: Faults,
    ) -> None:
        self._inner = inner
        self._routes = [one for one in routes if getattr(one, "name", "") in OPERATIONS]
        self._clock = clock
        self._calls = calls
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        operation = self._operation(scope) if scope["type"] == "http" else None
        if operation is None:
            await self._inner(scope, receive, send)
            return
        body = await _read(receive)
        call = _logged(scope, operation, body, stamp_milliseconds(self._clock.now()))
        self._calls.kept.append(call)
        query = scope["query_string"].decode("latin-1")
        fault = self._faults.take(operation, f"{scope['path']}?{query}\n{body.decode('latin-1')}")
        call.fault = fault.fault.value if fault else None
        await self._serve(scope, receive, send, call=call, fault=fault, body=body)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        call: Call,
        fault: Fault | None,
        body: bytes,
    ) -> None:
        reply = Reply()
        try:
            await self._hold(fault, Kind.HOLD_BEFORE, receive)
            if fault is None or not fault.befalls_before:
                await self._inner({**scope, SCOPE_KEY: fault}, _replay(body), reply)
                call.execution_id = call.execution_id or _created(call.operation, reply)
            await self._hold(fault, Kind.HOLD_AFTER, receive)
            only_bytes = await self._trouble(fault, reply, scope, receive, call)
        except NoAnswer:
            return
        _sign(reply, call.operation)
        call.status = reply.status
        await reply.give(send, only_bytes=only_bytes)
        if only_bytes is not None:
            await _hang_up(scope, receive, politely=True)

    async def _hold(self, fault: Fault | None, kind: Kind, receive: Receive) -> None:
        """Wait until the request is let go, or its client has."""
        if fault is None or fault.fault is not kind:
            return
        gone = asyncio.ensure_future(_until_gone(receive))
        held = asyncio.ensure_future(self._faults.hold(fault))
        done, pending = await asyncio.wait({gone, held}, return_when=asyncio.FIRST_COMPLETED)
        for one in pending:
            one.cancel()
        if gone in done:
            raise NoAnswer

    async def _trouble(
        self, fault: Fault | None, reply: Reply, scope: Scope, receive: Receive, call: Call
    ) -> int | None:
        """Do to the reply what the fault asks; return how many bytes of it may go out."""
        match fault.fault if fault else None:
            case Kind.RESET_BEFORE | Kind.RESET_AFTER:
                await _hang_up(scope, receive, politely=False)
                raise NoAnswer
            case Kind.TIMEOUT_BEFORE | Kind.TIMEOUT_AFTER if fault:
                await _stall(fault, reply, receive)
            case Kind.WRAPPED:
                _wrap(call.operation, reply)
            case Kind.TRUNCATED_CSV if fault:
                if fault.short:
                    return max(1, len(reply.body) * 2 // 3)
                reply.replace_body(_cut_inside_a_row(reply.body))
            case _ if fault and fault.refuses:
                _refuse(fault, reply)
        return None

    def _operation(self, scope: Scope) -> str | None:
        for route in self._routes:
            matched, _ = route.matches(scope)
            if matched is Match.FULL:
                return str(getattr(route, "name", ""))
        return None


def _refuse(fault: Fault, reply: Reply) -> None:
    status, details = {
        Kind.THROTTLE: (429, "Too Many Requests"),
        Kind.UNAUTHORIZED: (401, "Unauthorized"),
        Kind.FORBIDDEN: (int(fault.status or 403), fault.reason or "Unauthorized request"),
        Kind.NOT_FOUND: (404, fault.reason or "The requested resource does not exist."),
        Kind.NOT_READY: (int(fault.status or 400), fault.reason or "The result is being prepared."),
        Kind.SERVER_ERROR: (int(fault.status or 500), "Internal Error"),
        Kind.HTML_BODY: (int(fault.status or 200), ""),
    }[fault.fault]
    if fault.html or fault.fault is Kind.HTML_BODY:
        _fill(reply, status, HTML % (status, status), "text/html")
    elif fault.body is not None:
        _take_over(reply, answer(fault.body, media_type=JSON, status=status))
    else:
        _take_over(reply, refusal(status, details))
    if fault.fault is Kind.THROTTLE and fault.retry_after is not None:
        reply.headers.append((b"retry-after", _retry_after(fault).encode()))


def _retry_after(fault: Fault) -> str:
    if fault.retry_after != "http-date":
        return str(fault.retry_after)
    # Real time: clients know nothing of the emulator's own clock.
    moment = datetime.now(UTC) + timedelta(seconds=fault.retry_after_seconds)
    return format_datetime(moment, usegmt=True)


def _logged(scope: Scope, operation: str, body: bytes, at: str) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Call(
        at=at,
        method=scope["method"],
        path=scope["path"],
        operation=operation,
        headers=sorted(headers),
        query=shown_query(scope["query_string"].decode("latin-1")),
        body=shown_body(body, headers.get("content-type", ""), secret=operation == "token"),
        execution_id=_execution_named(operation, scope["path"]),
    )


def _execution_named(operation: str, path: str) -> str | None:
    if operation == "download":
        return path.split("/")[2]
    by_path = operation in ("get_execution", "cancel_execution", "download_urls")
    return path.split("/")[5] if by_path else None


def _created(operation: str, reply: Reply) -> str | None:
    if operation != "create_execution" or reply.status != 200:
        return None
    return str(json.loads(reply.body)["workflowExecutionId"])


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def _replay(body: bytes) -> Receive:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _stall(fault: Fault, reply: Reply, receive: Receive) -> None:
    """Answer 504 as the gateway does, or nothing until the client has had enough."""
    if fault.gateway_timeout:
        body = {"message": "Endpoint request timed out"}
        _take_over(reply, answer(body, media_type="application/json", status=504))
        return
    await _until_gone(receive)
    raise NoAnswer


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang_up(scope: Scope, receive: Receive, *, politely: bool) -> None:
    hang_up: Callable[[bool], None] = scope["extensions"][HANG_UP]
    hang_up(politely)
    await asyncio.wait_for(_until_gone(receive), timeout=5)


def _take_over(reply: Reply, response: Any) -> None:
    reply.status, reply.headers = response.status_code, list(response.raw_headers)
    reply.body = response.body


def _fill(reply: Reply, status: int, body: bytes, content_type: str) -> None:
    reply.status, reply.headers = status, [(b"content-type", content_type.encode())]
    reply.replace_body(body)


def _wrap(operation: str, reply: Reply) -> None:
    """Give a flat answer the shape of the published description."""
    if reply.status != 200:
        return
    flat = json.loads(reply.body)
    if operation.startswith("list_"):
        wrapped = {**flat, "nextToken": flat.get("nextToken")}
    else:
        word = operation.split("_", 1)[1]
        name = {"execution": "workflowExecution", "data_source": "dataSource"}.get(word, word)
        wrapped = {name: flat}
    reply.replace_body(json.dumps(wrapped).encode())


def _cut_inside_a_row(body: bytes) -> bytes:
    """Return a file's beginning, its last row lacking columns (or its end, having one only)."""
    row = body.rfind(b"\n", 0, len(body) * 2 // 3) + 1
    separator = body.find(b",", row)
    return body[: separator if separator > 0 else max(1, len(body) - 2)]


def _sign(reply: Reply, operation: str) -> None:
    """Add the headers Amazon's front door adds."""
    rid = request_id().encode()
    if operation == "download":
        reply.headers += [(b"server", b"AmazonS3"), (b"x-amz-request-id", rid[:16])]
        return
    reply.headers += [
        (b"server", b"Server"),
        (b"x-amz-rid", rid),
        (b"x-amz-request-id", rid),
        (b"vary", b"Content-Type,Accept-Encoding,User-Agent"),
        (b"strict-transport-security", b"max-age=47474747; includeSubDomains; preload"),
    ]
