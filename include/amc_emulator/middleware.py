"""The outer layer of the service: it logs calls, adds Amazon's headers and applies faults."""

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

from amc_emulator.call_log import CallLog, ReceivedCall, redact_body, redact_query
from amc_emulator.clock import Clock, format_time_ms
from amc_emulator.faults import OPERATIONS, SCOPE_KEY, Fault, FaultKind, FaultQueue
from amc_emulator.responses import JSON, error_response, json_response, request_id

HTML_PAGE = (
    b"<html>\r\n<head><title>%d</title></head>\r\n<body>\r\n<center><h1>%d</h1></center>\r\n"
    b"<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n"
)
CLOSE_CONNECTION = "amc_emulator.hang_up"


@dataclass(slots=True)
class BufferedResponse:
    """A complete answer before it is sent."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def __call__(self, message: Message) -> None:
        """Collect the messages that the application sends."""
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

    async def send_to(self, send: Send, *, only_bytes: int | None = None) -> None:
        """Send the answer, or only its first bytes."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        is_partial = only_bytes is not None
        await send(
            {"type": "http.response.body", "body": self.body[:only_bytes], "more_body": is_partial}
        )


class ConnectionClosed(Exception):
    """The connection closes without an answer."""


class EmulatorMiddleware:
    """ASGI application around the service."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        routes: Iterable[BaseRoute],
        clock: Clock,
        calls: CallLog,
        faults: FaultQueue,
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
        call = _received_call(scope, operation, body, format_time_ms(self._clock.now()))
        self._calls.received.append(call)
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
        call: ReceivedCall,
        fault: Fault | None,
        body: bytes,
    ) -> None:
        reply = BufferedResponse()
        try:
            await self._hold(fault, FaultKind.HOLD_BEFORE, receive)
            if fault is None or not fault.skips_service:
                await self._inner({**scope, SCOPE_KEY: fault}, _replay(body), reply)
                call.execution_id = call.execution_id or _created_execution_id(
                    call.operation, reply
                )
            await self._hold(fault, FaultKind.HOLD_AFTER, receive)
            only_bytes = await self._apply_fault(fault, reply, scope, receive, call)
        except ConnectionClosed:
            return
        _add_amazon_headers(reply, call.operation)
        call.status = reply.status
        await reply.send_to(send, only_bytes=only_bytes)
        if only_bytes is not None:
            await _close_connection(scope, receive, gracefully=True)

    async def _hold(self, fault: Fault | None, kind: FaultKind, receive: Receive) -> None:
        """Wait until the request is released or its client has disconnected."""
        if fault is None or fault.fault is not kind:
            return
        disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
        held = asyncio.ensure_future(self._faults.hold(fault))
        done, pending = await asyncio.wait(
            {disconnected, held}, return_when=asyncio.FIRST_COMPLETED
        )
        for one in pending:
            one.cancel()
        if disconnected in done:
            raise ConnectionClosed

    async def _apply_fault(
        self,
        fault: Fault | None,
        reply: BufferedResponse,
        scope: Scope,
        receive: Receive,
        call: ReceivedCall,
    ) -> int | None:
        """Apply the fault to the answer. Return the number of bytes to send, None for all."""
        match fault.fault if fault else None:
            case FaultKind.RESET_BEFORE | FaultKind.RESET_AFTER:
                await _close_connection(scope, receive, gracefully=False)
                raise ConnectionClosed
            case FaultKind.TIMEOUT_BEFORE | FaultKind.TIMEOUT_AFTER if fault:
                await _time_out(fault, reply, receive)
            case FaultKind.WRAPPED:
                _wrap_body(call.operation, reply)
            case FaultKind.TRUNCATED_CSV if fault:
                if fault.short:
                    return max(1, len(reply.body) * 2 // 3)
                reply.replace_body(_truncate_inside_row(reply.body))
            case _ if fault and fault.replaces_response:
                _replace_with_error(fault, reply)
        return None

    def _operation(self, scope: Scope) -> str | None:
        for route in self._routes:
            matched, _ = route.matches(scope)
            if matched is Match.FULL:
                return str(getattr(route, "name", ""))
        return None


def _replace_with_error(fault: Fault, reply: BufferedResponse) -> None:
    status, details = {
        FaultKind.THROTTLE: (429, "Too Many Requests"),
        FaultKind.UNAUTHORIZED: (401, "Unauthorized"),
        FaultKind.FORBIDDEN: (int(fault.status or 403), fault.reason or "Unauthorized request"),
        FaultKind.NOT_FOUND: (404, fault.reason or "The requested resource does not exist."),
        FaultKind.NOT_READY: (
            int(fault.status or 400),
            fault.reason or "The result is being prepared.",
        ),
        FaultKind.SERVER_ERROR: (int(fault.status or 500), "Internal Error"),
        FaultKind.HTML_BODY: (int(fault.status or 200), ""),
    }[fault.fault]
    if fault.html or fault.fault is FaultKind.HTML_BODY:
        _set_content(reply, status, HTML_PAGE % (status, status), "text/html")
    elif fault.body is not None:
        _replace(reply, json_response(fault.body, media_type=JSON, status=status))
    else:
        _replace(reply, error_response(status, details))
    if fault.fault is FaultKind.THROTTLE and fault.retry_after is not None:
        reply.headers.append((b"retry-after", _retry_after(fault).encode()))


def _retry_after(fault: Fault) -> str:
    if fault.retry_after != "http-date":
        return str(fault.retry_after)
    # Real time: clients know nothing of the emulator's own clock.
    moment = datetime.now(UTC) + timedelta(seconds=fault.retry_after_seconds)
    return format_datetime(moment, usegmt=True)


def _received_call(scope: Scope, operation: str, body: bytes, at: str) -> ReceivedCall:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return ReceivedCall(
        at=at,
        method=scope["method"],
        path=scope["path"],
        operation=operation,
        headers=sorted(headers),
        query=redact_query(scope["query_string"].decode("latin-1")),
        body=redact_body(body, headers.get("content-type", ""), secret=operation == "token"),
        execution_id=_execution_id_in_path(operation, scope["path"]),
    )


def _execution_id_in_path(operation: str, path: str) -> str | None:
    if operation == "download":
        return path.split("/")[2]
    by_path = operation in ("get_execution", "cancel_execution", "download_urls")
    return path.split("/")[5] if by_path else None


def _created_execution_id(operation: str, reply: BufferedResponse) -> str | None:
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


async def _time_out(fault: Fault, reply: BufferedResponse, receive: Receive) -> None:
    """Answer 504 as the gateway does, or wait until the client disconnects."""
    if fault.gateway_timeout:
        body = {"message": "Endpoint request timed out"}
        _replace(reply, json_response(body, media_type="application/json", status=504))
        return
    await _wait_for_disconnect(receive)
    raise ConnectionClosed


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _close_connection(scope: Scope, receive: Receive, *, gracefully: bool) -> None:
    close: Callable[[bool], None] = scope["extensions"][CLOSE_CONNECTION]
    close(gracefully)
    await asyncio.wait_for(_wait_for_disconnect(receive), timeout=5)


def _replace(reply: BufferedResponse, response: Any) -> None:
    reply.status, reply.headers = response.status_code, list(response.raw_headers)
    reply.body = response.body


def _set_content(reply: BufferedResponse, status: int, body: bytes, content_type: str) -> None:
    reply.status, reply.headers = status, [(b"content-type", content_type.encode())]
    reply.replace_body(body)


def _wrap_body(operation: str, reply: BufferedResponse) -> None:
    """Wrap a flat answer as the published description has it."""
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


def _truncate_inside_row(body: bytes) -> bytes:
    """Return the file up to the middle of a row, which then lacks columns.

    Where the row has one column, the file lacks its last two bytes.
    """
    row = body.rfind(b"\n", 0, len(body) * 2 // 3) + 1
    separator = body.find(b",", row)
    return body[: separator if separator > 0 else max(1, len(body) - 2)]


def _add_amazon_headers(reply: BufferedResponse, operation: str) -> None:
    """Add the headers of Amazon's gateway."""
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
