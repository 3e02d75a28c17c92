"""Signed links: which ones are followed, and what storage answers instead of a file."""

from __future__ import annotations

import re
from http import HTTPStatus

import httpx

from recomamp.amazon.error_mapping import retry_after_seconds, text_of
from recomamp.errors import (
    AmazonError,
    DownloadLinkExpired,
    InvalidResults,
    PipelineError,
    RequestRejected,
    TransientError,
    UnexpectedResponse,
)

# Amazon S3 in any region and partition, with or without a bucket: s3.<region>, s3-<region>,
# s3-accelerate, s3-accesspoint.<region>, s3express-<zone>.<region> and so on. Other names under
# amazonaws.com are machines and services of all customers of AWS; those below .vpce. and
# s3-outposts have private addresses, and s3-website speaks no https
_REGION = r"[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d"
_STORAGE = re.compile(
    r"(?:[a-z0-9][a-z0-9.-]{1,120}\.)?"
    rf"(?:s3(?:-accelerate|-fips|-external-1|-accesspoint(?:-fips)?|-object-lambda|-{_REGION})?"
    r"|s3express-[a-z0-9]{2,8}-az\d{1,2}|accesspoint\.s3-global)"
    rf"(?:\.dualstack)?(?:\.{_REGION})?\.amazonaws\.com(?:\.cn)?"
)
# Amazon's content network. It serves from addresses of its own only
_CONTENT_NETWORK = re.compile(r"[a-z0-9]{4,32}\.cloudfront\.(?:net|cn)")
_SHOWN_CHARS = 200
_MAX_READ = 10_000  # characters of an error page of the storage
_EXPIRED = ("ExpiredToken", "RequestExpired", "TokenRefreshRequired")
# S3's words for what may be over at the next try, with statuses that say otherwise
_PASSING = ("OperationAborted", "RequestTimeout")


def readable_link(text: str, api_url: str) -> httpx.URL:
    """Return a link that is safe to follow: to Amazon's storage, its content network or the API.

    :raises UnexpectedResponse: when it points elsewhere. The link itself is not quoted.
    """
    try:
        link, api = httpx.URL(text), httpx.URL(api_url)
    except httpx.InvalidURL as err:
        raise UnexpectedResponse("a download link is not a URL") from err
    if link.userinfo or not (_is_amazons(link) or _origin(link) == _origin(api)):
        raise UnexpectedResponse(
            f"a download link points to {f'{link.scheme}://{_host(link)}'[:_SHOWN_CHARS]!a}, "
            "which is neither Amazon S3 or CloudFront over https nor the API's own host"
        )
    return link


def _is_amazons(link: httpx.URL) -> bool:
    is_default_port = link.port is None  # httpx leaves 443 out
    host = _host(link)
    is_named_so = _STORAGE.fullmatch(host) or _CONTENT_NETWORK.fullmatch(host)
    return link.scheme == "https" and is_default_port and bool(is_named_so)


def is_same_part(one: str, other: str) -> bool:
    """Return whether two links, signed at different times, lead to the same file."""
    return part_of(one) == part_of(other)


def part_of(link: str) -> str:
    """Return the address of a link's file, without the signature; as it is where it is no URL."""
    try:
        return str(httpx.URL(link).copy_with(query=None))
    except httpx.InvalidURL:
        return link


def is_file(response: httpx.Response) -> bool:
    """Return whether an answer of the storage is the file that was asked for."""
    return response.status_code == HTTPStatus.OK and not is_page(response)


def is_page(response: httpx.Response) -> bool:
    """Return whether a gateway's page came instead of a file, with any status."""
    return bool(response.headers.get("Content-Type", "").lower().startswith("text/html"))


def storage_error(response: httpx.Response) -> PipelineError:
    """Describe an answer that is not a file. Its body must have been read.

    Only the code and the message of S3's XML are quoted: the rest repeats the signature.
    """
    status, code = response.status_code, _element(response, "Code")
    words = ": ".join(filter(None, (code, _element(response, "Message"))))
    said = f"GET {response.request.url.path} answered HTTP {status}" + (words and f": {words}")
    request_id = response.headers.get("x-amz-request-id")
    if request_id:
        said = f"{said} (request id {request_id})"
    if status == HTTPStatus.NOT_FOUND:
        return InvalidResults(f"{said}; a part of the results is missing")
    kind = TransientError if is_page(response) and status < 400 else _kind_of(status, code)
    return kind(
        said,
        status=status,
        code=code,
        request_id=request_id,
        retry_after_seconds=retry_after_seconds(response),
    )


def _kind_of(status: int, code: str | None) -> type[AmazonError]:
    # A link carries its own right: where one is refused, a new one may be accepted
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or code in _EXPIRED:
        return DownloadLinkExpired
    is_passing = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT)
    if status >= 500 or is_passing or code in _PASSING:
        return TransientError
    return RequestRejected if status >= 400 else UnexpectedResponse


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, _host(url), url.port


def _host(url: httpx.URL) -> str:
    """Return the host as it is looked up. ``url.host`` decodes it, which fails for some names."""
    return url.raw_host.decode("ascii", "replace")


def _element(response: httpx.Response, name: str) -> str | None:
    found = re.search(rf"<{name}>([^<]{{1,300}})</{name}>", text_of(response, _MAX_READ))
    return found.group(1) if found else None
