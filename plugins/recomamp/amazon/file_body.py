"""The body of a downloaded file: whether it is whole, and what a gzip file holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterator

import httpx

from recomamp.errors import InvalidResults, UnexpectedResponse

_GZIP = b"\x1f\x8b"  # no text begins so: these bytes are not UTF-8
_PIECE_BYTES = 256 * 1024
_MD5 = re.compile(r'"([0-9a-f]{32})"')


class Integrity:
    """Compares the bytes that came with what the answer says of the whole file.

    - ``Content-Length`` is the number of bytes. Without it, and without chunks, the end of the
      connection is the end of the file. Then the last line must have its line end.
    - ``Content-MD5``, and the ETag of S3 where it is an MD5: S3 says so for objects that were
      uploaded in one piece and are not encrypted with a key of KMS or of the customer. The ETags
      of S3 Express are none.

    :param knows_end: whether the reader of the file finds its end and any damage itself, as one of
        gzip does. Only the length is compared then.
    """

    def __init__(self, response: httpx.Response, *, knows_end: bool) -> None:
        self._response = response
        self._knows_end = knows_end
        self._md5 = None if knows_end else _expected_md5(response)
        self._hash = hashlib.md5(usedforsecurity=False)
        self._last = b""

    def add(self, chunk: bytes) -> None:
        """Take the next bytes as they came."""
        if self._md5:
            self._hash.update(chunk)
        self._last = chunk[-1:] or self._last

    def find_fault(self, *, is_packed: bool = False) -> str:
        """Say what is wrong at the end; empty where the file is whole.

        :param is_packed: whether it was unpacked, and has its own end.
        """
        headers, came = self._response.headers, self._response.num_bytes_downloaded
        promised = headers.get("Content-Length")
        if promised not in (None, str(came)):
            return f"{came} of {promised} bytes arrived"
        if self._md5 and self._hash.hexdigest() != self._md5:
            return f"its MD5 is {self._hash.hexdigest()}, not {self._md5}"
        has_end = promised or "chunked" in headers.get("Transfer-Encoding", "").lower()
        has_end = has_end or self._md5 or is_packed or self._knows_end
        if not has_end and self._last != b"\n":
            return f"{came} bytes of an unknown number arrived, and the last is not a line end"
        return ""


class Unpacker:
    """Unpacks a file that is gzip, with or without a Content-Encoding; others stay as they are.

    ``is_packed`` is None before the first bytes.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._path = response.request.url.path
        self._is_said_packed = "gzip" in response.headers.get("Content-Encoding", "").lower()
        self._begin = b""
        self._stream = _new_stream()
        self.is_packed: bool | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the next bytes of the content, a bounded number at a time.

        :raises UnexpectedResponse: when the file is not gzip although the answer says so.
        :raises InvalidResults: when it is damaged.
        """
        if self.is_packed is None:
            chunk = self._begin = self._begin + chunk
            if len(chunk) < len(_GZIP):
                return
            self.is_packed = chunk.startswith(_GZIP)
            if self._is_said_packed and not self.is_packed:
                raise UnexpectedResponse(f"{self._path} came as gzip, and is not")
        if not self.is_packed:
            yield chunk
            return
        try:
            yield from self._unpacked(chunk)
        except zlib.error as err:
            raise InvalidResults(f"{self._path} is damaged: {err}; load the results again") from err

    def finish(self) -> Iterator[bytes]:
        """Yield what is left at the end of the file.

        :raises InvalidResults: when its gzip stream goes on.
        """
        if self.is_packed is None:
            yield self._begin
        if self.is_packed and not self._stream.eof:
            raise InvalidResults(
                f"{self._path} is truncated: its gzip stream has no end; load the results again"
            )

    def _unpacked(self, chunk: bytes) -> Iterator[bytes]:
        piece = b""
        while chunk or len(piece) == _PIECE_BYTES:  # a full piece: more may wait in the stream
            if self._stream.eof:
                chunk = chunk.lstrip(b"\0")  # padding
                if not chunk:
                    return
                self._stream = _new_stream()  # a file may be several streams, one after another
            piece = self._stream.decompress(chunk, _PIECE_BYTES)
            yield piece
            chunk = self._stream.unconsumed_tail or self._stream.unused_data


def _new_stream() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # gzip: with header and check sum


def _expected_md5(response: httpx.Response) -> str | None:
    """Return the MD5 that the file has by its answer, in hexadecimal."""
    headers = response.headers
    try:
        declared = base64.b64decode(headers.get("Content-MD5", ""), validate=True)
    except binascii.Error:
        declared = b""
    if len(declared) == hashlib.md5(usedforsecurity=False).digest_size:
        return declared.hex()
    is_plain = (
        headers.get("Server") == "AmazonS3"
        and ".s3express-" not in response.request.url.host
        and headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
        and "x-amz-server-side-encryption-customer-algorithm" not in headers
    )
    etag = _MD5.fullmatch(headers.get("ETag", "")) if is_plain else None
    return etag[1] if etag else None
