"""Result files: CSV in parts, behind signed links that expire."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlencode

_CREDENTIAL = "ASIAEMULATOR/{day}/us-east-1/s3/aws4_request"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvFormat:
    """The characters that a workflow's `outputFormat` may choose, and the line ends."""

    separator: str = ","
    quote: str = '"'
    escape: str = '"'
    line_end: str = "\n"
    ends_last_line: bool = True


def write_parts(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    parts: int,
    form: CsvFormat,
) -> list[bytes]:
    """Return rows as CSV files of nearly equal length, each with the header."""
    count = max(1, min(parts, len(rows)))
    header = form.separator.join(_quote_if_needed(name, form) for name in names)
    lines = [form.separator.join(_field(value, form) for value in row) for row in rows]
    bounds = [len(rows) * part // count for part in range(count + 1)]
    last_end = form.line_end if form.ends_last_line else ""
    return [
        (form.line_end.join([header, *lines[first:last]]) + last_end).encode()
        for first, last in pairwise(bounds)
    ]


def _field(value: Any, form: CsvFormat) -> str:
    if value is None:
        return ""
    return (
        _quote_if_needed(_format_value(value), form)
        if not isinstance(value, str)
        else _format_string(value, form)
    )


def _format_value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return _format_float(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return naive.isoformat(timespec="milliseconds")
        case date():
            return value.isoformat()
        case list() | tuple():
            return (
                "["
                + ", ".join("null" if one is None else _format_value(one) for one in value)
                + "]"
            )
        case _:
            return str(value)


def _format_float(value: float) -> str:
    if not math.isfinite(value):  # as Java writes them
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def _format_string(value: str, form: CsvFormat) -> str:
    return _quote_if_needed(value, form) if value else form.quote * 2


def _quote_if_needed(text: str, form: CsvFormat) -> str:
    special = (form.separator, form.quote, form.escape, "\n", "\r")
    if not any(character in text for character in special):
        return text
    if form.escape != form.quote:
        text = text.replace(form.escape, form.escape * 2)
    return form.quote + text.replace(form.quote, form.escape + form.quote) + form.quote


class LinkRejected(Exception):
    """A link that S3 would reject. `code` is S3's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LinkSigner:
    """Signs and checks links like S3's pre-signed URLs."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sign(self, base_url: str, key: str, *, now: datetime, lifetime_seconds: int) -> str:
        """Return a link to a file that is good for the lifetime."""
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": _CREDENTIAL.format(day=now.strftime("%Y%m%d")),
            "X-Amz-Date": now.astimezone(UTC).strftime(_DATE_FORMAT),
            "X-Amz-Expires": str(lifetime_seconds),
            "X-Amz-SignedHeaders": "host",
        }
        query["X-Amz-Signature"] = self._signature(key, query)
        return f"{base_url}/_downloads/{quote(key)}?{urlencode(query)}"

    def check(self, key: str, query: Sequence[tuple[str, str]], *, now: datetime) -> None:
        """Check that a link is unaltered and in time.

        :raises LinkRejected: altered or expired.
        """
        given = dict(query)
        signature = given.pop("X-Amz-Signature", "")
        expected = self._signature(key, given)
        if len(given) + 1 != len(query) or not hmac.compare_digest(
            signature.encode(), expected.encode()
        ):
            raise LinkRejected(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you"
                " provided. Check your key and signing method.",
            )
        issued = datetime.strptime(given["X-Amz-Date"], _DATE_FORMAT).replace(tzinfo=UTC)
        if now >= issued + timedelta(seconds=int(given["X-Amz-Expires"])):
            raise LinkRejected("AccessDenied", "Request has expired")

    def _signature(self, key: str, query: dict[str, str]) -> str:
        message = "\n".join([key, *(f"{name}={query[name]}" for name in sorted(query))])
        return hmac.new(self._secret, message.encode(), hashlib.sha256).hexdigest()
