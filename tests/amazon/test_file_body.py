"""Whether a downloaded file is whole, and what is in it when it is gzip."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.amazon import CREDENTIALS, MemoryTokenStore, Pauses, long_lived, make_account
from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.auth import LwaAuth
from recomamp.amazon.download import Allowance, download_file
from recomamp.amazon.file_body import Unpacker
from recomamp.errors import InvalidResults, LimitExceeded, UnexpectedResponse

API = "https://advertising-api.amazon.com"
LINK = "https://amc-output.s3.us-east-1.amazonaws.com/k.csv?sign=s"
TEXT = b"a,b\n1,x\n2,y"
MD5 = hashlib.md5(TEXT, usedforsecurity=False)
S3 = {"Server": "AmazonS3", "ETag": f'"{MD5.hexdigest()}"'}
OTHER = {**S3, "ETag": f'"{"0" * 32}"'}


class Chunks(httpx.AsyncByteStream):
    """A body in pieces, without a length."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def download(
    directory: Path,
    headers: dict[str, str],
    *pieces: bytes,
    unpacks: bool = True,
    size_bytes: int = 10**7,
    link: str = LINK,
) -> bytes:
    """Return what is saved of a body in these pieces."""

    def serve(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=Chunks(*pieces))

    async def run() -> bytes:
        auth = LwaAuth(CREDENTIALS, API, MemoryTokenStore(long_lived("Atza|1")))
        transport = httpx.MockTransport(serve)
        async with AmcClient(
            make_account(API), auth, transport=transport, sleep=Pauses()
        ) as client:
            path = directory / "part.csv"
            allowance = Allowance(size_bytes=size_bytes)
            size = await download_file(client, link, path, allowance, unpacks=unpacks)
            assert size == path.stat().st_size
            return path.read_bytes()

    return asyncio.run(run())


def length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}


@pytest.mark.parametrize(
    "headers",
    [
        length(TEXT),
        {"Transfer-Encoding": "chunked"},
        S3,
        {**length(TEXT), **S3},
        {**length(TEXT), "Content-MD5": base64.b64encode(MD5.digest()).decode()},
        {**length(TEXT), **OTHER, "Server": "CloudFront"},
        {**length(TEXT), **OTHER, "ETag": f'"{"0" * 32}-2"'},
        {**length(TEXT), **OTHER, "ETag": f'W/"{"0" * 32}"'},
        {**length(TEXT), **OTHER, "x-amz-server-side-encryption": "aws:kms"},
        {**length(TEXT), **OTHER, "x-amz-server-side-encryption-customer-algorithm": "AES256"},
        {**length(TEXT), "Content-MD5": "no base64"},
        {**length(TEXT), "Content-Encoding": "identity"},
        {**length(TEXT), "Content-Encoding": "aws-chunked"},
        {**length(TEXT), "Content-Encoding": "UTF-8"},
    ],
)
def test_a_file_without_a_last_line_end_is_whole_where_its_length_or_sum_says_so(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    assert download(tmp_path, headers, TEXT[:5], TEXT[5:]) == TEXT


def test_the_etag_of_s3_express_is_no_sum(tmp_path: Path) -> None:
    link = "https://amc--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k.csv?sign=s"
    assert download(tmp_path, {**length(TEXT), **OTHER}, TEXT, link=link) == TEXT


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        (length(TEXT + b"0"), "11 of 12 bytes arrived"),
        (length(TEXT[:-1]), "11 of 10 bytes arrived"),
        ({**length(TEXT), **OTHER}, f"its MD5 is {MD5.hexdigest()}, not 0000"),
        ({**length(TEXT), **OTHER, "x-amz-server-side-encryption": "AES256"}, "its MD5 is"),
        ({**length(TEXT), "Content-MD5": base64.b64encode(bytes(16)).decode()}, "its MD5 is"),
        ({}, "11 bytes of an unknown number arrived"),
    ],
)
def test_a_file_that_is_not_what_its_answer_says_is_truncated(
    tmp_path: Path, headers: dict[str, str], fault: str
) -> None:
    with pytest.raises(InvalidResults, match=f"k.csv is truncated: {fault}"):
        download(tmp_path, headers, TEXT)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_unknown_length_may_end_with_its_line(tmp_path: Path) -> None:
    assert download(tmp_path, {}, TEXT + b"\n") == TEXT + b"\n"


def unpacked(pieces: Sequence[bytes], headers: dict[str, str] | None = None) -> bytes:
    request = httpx.Request("GET", LINK)
    unpacker = Unpacker(
        httpx.Response(200, headers=headers or {}, request=request, stream=Chunks())
    )
    content = b"".join(part for piece in pieces for part in unpacker.feed(piece))
    return content + b"".join(unpacker.finish())


def pieces_of(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    pieces, place = [], 0
    for size in sizes:
        pieces.append(body[place : place + size])
        place += size
    return [*pieces, body[place:]]


@given(
    texts=st.lists(st.binary(max_size=50) | st.just(b"ab" * 10**6), max_size=3),
    padding=st.sampled_from([b"", b"\0" * 5]),
    sizes=st.lists(st.integers(0, 40), max_size=8),
)
def test_gzip_is_unpacked_however_it_arrives(
    texts: list[bytes], padding: bytes, sizes: list[int]
) -> None:
    body = b"".join(map(gzip.compress, texts)) + padding * bool(texts)
    assert unpacked(pieces_of(body, sizes)) == b"".join(texts)


@given(text=st.binary(max_size=30), sizes=st.lists(st.integers(0, 3), max_size=8))
def test_what_is_not_gzip_stays_as_it_is(text: bytes, sizes: list[int]) -> None:
    if not text.startswith(b"\x1f\x8b"):
        assert unpacked(pieces_of(text, sizes)) == text


@given(st.data())
def test_gzip_that_is_cut_or_spoiled_is_never_taken_for_whole(data: st.DataObject) -> None:
    body = gzip.compress(TEXT * 20, mtime=0)
    cut = data.draw(st.integers(2, len(body) - 1))
    spoiled = data.draw(st.integers(10, len(body) - 1))  # after the header
    for wrong in (body[:cut], bytes(n ^ (i == spoiled) for i, n in enumerate(body))):
        with pytest.raises(InvalidResults, match=r"damaged|truncated"):
            unpacked([wrong])


def test_a_file_said_to_be_gzip_must_be(tmp_path: Path) -> None:
    headers = {**length(TEXT), "Content-Encoding": "gzip"}
    with pytest.raises(UnexpectedResponse, match="came as gzip, and is not"):
        download(tmp_path, headers, TEXT)


@pytest.mark.parametrize("coding", ["aws-chunked,gzip", "gzip, aws-chunked", "identity, GZIP"])
def test_what_is_no_coding_does_not_hide_gzip(tmp_path: Path, coding: str) -> None:
    body = gzip.compress(TEXT)
    assert download(tmp_path, {**length(body), "Content-Encoding": coding}, body) == TEXT


def test_a_file_stays_packed_for_who_reads_gzip(tmp_path: Path) -> None:
    body = gzip.compress(TEXT)
    headers = {**length(body), "Content-Encoding": "gzip"}
    assert download(tmp_path, headers, body, unpacks=False) == body


def test_a_few_kilobytes_do_not_become_gigabytes(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(10**8))
    with pytest.raises(LimitExceeded, match="larger than 1000000 bytes"):
        download(tmp_path, length(bomb), bomb, size_bytes=10**6)
    assert list(tmp_path.iterdir()) == []
