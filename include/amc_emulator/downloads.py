"""The place signed links point to; it behaves like S3."""

from __future__ import annotations

import gzip
import hashlib
import json
from xml.sax.saxutils import escape

from fastapi import Request, Response

from amc_emulator.ads.reports import Reports
from amc_emulator.clock import stamp
from amc_emulator.emulator import Emulator
from amc_emulator.faults import injected
from amc_emulator.files import LinkRefused
from amc_emulator.state import Execution


class Downloads:
    """`GET /_downloads/{execution}/{file}`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._reports = Reports(emulator)

    async def get(self, request: Request) -> Response:
        """Give out a file, or S3's kind of refusal."""
        key = str(request.path_params["key"])
        try:
            self._check(key, request)
        except LinkRefused as refused:
            return _refusal(403, refused.code, refused.message)
        content = None if injected(request, "missing_part") else self._content(key)
        if content is None:
            return _refusal(404, "NoSuchKey", "The specified key does not exist.")
        packing = self._emulator.settings.gzip_parts if key.endswith(".csv") else "no"
        if packing != "no":
            content = gzip.compress(content, mtime=0)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        headers = {"Content-Type": "binary/octet-stream", "ETag": f'"{digest}"'}
        if packing == "with_header":
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers)

    def _check(self, key: str, request: Request) -> None:
        if "authorization" in request.headers:
            raise LinkRefused(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter,"
                " Signature query string parameter or the Authorization header should be"
                " specified",
            )
        query = request.query_params.multi_items()
        self._emulator.links.check(key, query, now=self._emulator.clock.now())
        if injected(request, "expired_link"):
            raise LinkRefused("AccessDenied", "Request has expired")

    def _content(self, key: str) -> bytes | None:
        execution_id, _, name = key.partition("/")
        if execution_id == "reports":
            return self._reports.content(name.partition("/")[0])
        execution = self._emulator.machine.find(execution_id)
        if execution is None:
            return None
        if name == "metadata.json":
            return _metadata(execution)
        parts = execution.output.parts if execution.output else []
        files = {f"part-{number:05d}.csv": part for number, part in enumerate(parts)}
        return files.get(name)


def _metadata(execution: Execution) -> bytes:
    """Return the file next to the results; only that it holds the SQL is known of the real one."""
    return json.dumps(
        {
            "workflowId": execution.workflow_id,
            "workflowExecutionId": execution.execution_id,
            "sqlQuery": execution.query.sql,
            "timeWindowStart": stamp(execution.window.start),
            "timeWindowEnd": stamp(execution.window.end),
        }
    ).encode()


def _refusal(status: int, code: str, message: str) -> Response:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(text, status_code=status, headers={"Content-Type": "application/xml"})
