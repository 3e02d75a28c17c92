"""The storage that signed links point to. It behaves like S3."""

from __future__ import annotations

import gzip
import hashlib
import json
from xml.sax.saxutils import escape

from fastapi import Request, Response

from amc_emulator.ads.reports import Reports
from amc_emulator.clock import format_time
from amc_emulator.emulator import Emulator
from amc_emulator.execution_machine import Execution
from amc_emulator.faults import active_fault
from amc_emulator.result_files import LinkRejected


class Downloads:
    """`GET /_downloads/{execution}/{file}`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._reports = Reports(emulator)

    async def get(self, request: Request) -> Response:
        """Return a file, or an error as S3 has it."""
        key = str(request.path_params["key"])
        try:
            self._check(key, request)
        except LinkRejected as rejection:
            return _s3_error(403, rejection.code, rejection.message)
        content = None if active_fault(request, "missing_part") else self._content(key)
        if content is None:
            return _s3_error(404, "NoSuchKey", "The specified key does not exist.")
        compression = self._emulator.settings.gzip_parts if key.endswith(".csv") else "no"
        if compression != "no":
            content = gzip.compress(content, mtime=0)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        headers = {"Content-Type": "binary/octet-stream", "ETag": f'"{digest}"'}
        if compression == "with_header":
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers)

    def _check(self, key: str, request: Request) -> None:
        if "authorization" in request.headers:
            raise LinkRejected(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter,"
                " Signature query string parameter or the Authorization header should be"
                " specified",
            )
        query = request.query_params.multi_items()
        self._emulator.links.check(key, query, now=self._emulator.clock.now())
        if active_fault(request, "expired_link"):
            raise LinkRejected("AccessDenied", "Request has expired")

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
    """Return the file next to the results.

    Of the real one it is only known that it holds the SQL.
    """
    return json.dumps(
        {
            "workflowId": execution.workflow_id,
            "workflowExecutionId": execution.execution_id,
            "sqlQuery": execution.query.sql,
            "timeWindowStart": format_time(execution.window.start),
            "timeWindowEnd": format_time(execution.window.end),
        }
    ).encode()


def _s3_error(status: int, code: str, message: str) -> Response:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(text, status_code=status, headers={"Content-Type": "application/xml"})
