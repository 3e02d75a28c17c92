"""Responses in Amazon's shapes: flat bodies, vendor media types, `code` and `details`."""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from fastapi import Request, Response

WORKFLOWS = "application/vnd.amcworkflows.v1+json"
EXECUTIONS = "application/vnd.amcworkflowexecutions.v1+json"
SCHEDULES = "application/vnd.amcschedules.v1+json"
DATA_SOURCES = "application/vnd.amcdatasources.v1+json"
INSTANCES = "application/vnd.amcinstances.v1+json"
JSON = "application/json"
OCTETS = "application/octet-stream"

_REQUEST_ID_ALPHABET = string.ascii_uppercase + string.digits


class RequestRejected(Exception):
    """A request that Amazon would answer with an error."""

    def __init__(self, status: int, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.details = details


def json_response(
    body: dict[str, Any] | list[Any] | str, *, media_type: str, status: int = 200
) -> Response:
    """Return a JSON response of the given media type."""
    return Response(
        json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        status_code=status,
        headers={"Content-Type": media_type},
    )


def error_response(status: int, details: str, *, media_type: str = JSON) -> Response:
    """Return an error as the reporting API words it."""
    return json_response(
        {"code": str(status), "details": details}, media_type=media_type, status=status
    )


def request_id() -> str:
    """Return a fresh request id: 20 upper-case letters and digits."""
    return "".join(secrets.choice(_REQUEST_ID_ALPHABET) for _ in range(20))


async def read_object(request: Request) -> dict[str, Any]:
    """Return the request's JSON object.

    :raises RequestRejected: the media type is not accepted, or the body is not a JSON object.
    """
    _check_content_type(request.headers.get("content-type", ""))
    try:
        body = json.loads(await request.body())
    except ValueError as err:
        raise RequestRejected(400, "Request body is not valid JSON.") from err
    if not isinstance(body, dict):
        raise RequestRejected(400, "Request body must be a JSON object.")
    return body


def check_accept(request: Request) -> None:
    """Reject a request whose Accept header excludes JSON.

    :raises RequestRejected: 406.
    """
    accepted = request.headers.get("accept", "*/*").lower()
    if not any(word in accepted for word in ("*/*", "application/*", "json")):
        raise RequestRejected(406, "Not Acceptable")


def _check_content_type(content_type: str) -> None:
    kind = content_type.split(";")[0].strip().lower()
    plain = ("", "application/json", "text/plain", "application/x-www-form-urlencoded")
    if kind not in plain and not kind.startswith("application/vnd.amc"):
        raise RequestRejected(415, "Unsupported Media Type")
