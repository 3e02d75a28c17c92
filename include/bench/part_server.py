"""An Amazon that has finished one execution and serves its files from disk."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.result_parts import output_columns
from stack.ports import HOST

TOKEN = {"access_token": "Atza|bench", "expires_in": 3600, "token_type": "bearer"}


class _PartHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, parts: dict[str, Path], *arguments: Any) -> None:
        self._parts = parts
        super().__init__(*arguments)

    def do_POST(self) -> None:
        """Sign in every client."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._json(TOKEN)

    def do_GET(self) -> None:
        """Return the execution, its links, or a file."""
        path = urlsplit(self.path).path
        *_, before, last = path.split("/")
        if before == "files":
            self._file(self._parts[last])
        elif last == "downloadUrls":
            base = f"http://{self.headers['Host']}/files"
            self._json({"downloadUrls": [f"{base}/{name}?signature=0" for name in self._parts]})
        else:
            self._json(
                {
                    "workflowExecutionId": last,
                    "status": "SUCCEEDED",
                    "outputColumns": output_columns(),
                }
            )

    def _file(self, part: Path) -> None:
        self._head("binary/octet-stream", part.stat().st_size)
        with part.open("rb") as file:
            self.connection.sendfile(file)

    def _json(self, body: object) -> None:
        text = json.dumps(body).encode()
        self._head("application/json", len(text))
        self.wfile.write(text)

    def _head(self, kind: str, size_bytes: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size_bytes))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextlib.contextmanager
def serve_parts(parts: Sequence[Path]) -> Iterator[str]:
    """Serve the parts as one result, and provide the address."""
    handler = partial(_PartHandler, {part.name: part for part in parts})
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
