"""Say by the exit status whether an address of this container answers 200.

    python -S include/compose/probe.py http://localhost:8080/api/v2/monitor/health

The health checks of docker-compose.yaml run it. It follows no proxy and no redirect, and needs
nothing but Python.
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

SECONDS = 10


def answers(url: str) -> bool:
    """Return whether a GET of the URL, without TLS, answers 200 within the time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
