"""Results from signed links to local files, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx

from recomamp.amazon.client import AmcClient
from recomamp.amazon.links import is_same_part, readable_link, storage_error
from recomamp.amazon.observing import Try, failed
from recomamp.amazon.wire import exchange
from recomamp.domain.errors import LinkExpired, Refused, ResultsBroken, Transient

LINK_RENEWALS = 2
READY_WAITS_SECONDS = (0.0, 2.0, 5.0, 10.0, 30.0)

_NOT_READY = "unavailable for download"


async def download_parts(
    client: AmcClient,
    amc_execution_id: str,
    directory: Path,
    *,
    size_limit_bytes: int | None = None,
) -> list[Path]:
    """Download all parts of a result into ``directory``, in order; on failure none is left there.

    Links that expire meanwhile are asked for anew.

    :param size_limit_bytes: the most that one part may hold.
    :raises Transient: when AMC offers no files yet, or the network fails again and again.
    :raises ResultsBroken: when a part is truncated, missing or too large.
    :raises LinkExpired: when new links are refused as well.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    links = await _links(client, amc_execution_id)
    paths: list[Path] = []
    renewals_left = LINK_RENEWALS
    with ExitStack() as undo:
        while len(paths) < len(links):
            path = directory / f"part-{len(paths):05d}.csv"
            undo.callback(path.unlink, missing_ok=True)
            try:
                await _download(client, links[len(paths)], path, size_limit_bytes)
            except LinkExpired:
                if not renewals_left:
                    raise
                renewals_left -= 1
                renewed = await _links(client, amc_execution_id)
                paths = paths if _are_same_parts(links, renewed) else []
                links = renewed
                continue
            paths.append(path)
            renewals_left = LINK_RENEWALS
        undo.pop_all()
    return paths


async def _download(client: AmcClient, link: str, path: Path, size_limit_bytes: int | None) -> int:
    async def download(number: int) -> int:
        return await download_part(client, link, path, size_limit_bytes, number=number)

    return await client.retry.call(download, client.sleep)


async def download_part(
    client: AmcClient,
    link: str,
    path: Path,
    size_limit_bytes: int | None = None,
    *,
    number: int = 1,
) -> int:
    """Download one part to ``path``, whole or not at all, and return its size in bytes."""
    url = readable_link(link, client.account.endpoint.api_url)
    this = Try(operation="download", number=number, observe=client.observe)
    request = client.links.build_request("GET", url, extensions=this.extension)
    response = await exchange(client.links, request, stream=True)
    try:
        if response.status_code != httpx.codes.OK:
            await response.aread()
            raise await failed(request, storage_error(response), response)
        return await _save(response, path, size_limit_bytes)
    finally:
        await response.aclose()


async def _links(client: AmcClient, amc_execution_id: str) -> tuple[str, ...]:
    """Ask for links until there are some: AMC may say SUCCEEDED a little before it has files."""
    for wait_seconds in READY_WAITS_SECONDS:
        await client.sleep(wait_seconds)
        try:
            links = await client.download_urls(amc_execution_id)
        except Refused as refusal:
            if _NOT_READY not in str(refusal):
                raise
            continue
        if links:
            return links
    raise Transient(f"AMC offers no files of execution {amc_execution_id} yet; try again later")


def _are_same_parts(links: tuple[str, ...], renewed: tuple[str, ...]) -> bool:
    return len(links) == len(renewed) and all(map(is_same_part, links, renewed))


async def _save(response: httpx.Response, path: Path, size_limit_bytes: int | None) -> int:
    # Writing blocks the event loop for as long as a disk takes for 64 KiB: nothing to the network.
    size = 0
    with _written_aside(path) as file:
        try:
            async for chunk in response.aiter_bytes():
                size += file.write(chunk)
                if size_limit_bytes is not None and size > size_limit_bytes:
                    raise ResultsBroken(
                        f"{response.request.url.path} is larger than {size_limit_bytes} bytes"
                    )
        except httpx.RemoteProtocolError as err:
            raise await failed(response.request, _truncated(response), response) from err
        except httpx.RequestError as err:
            raise await failed(response.request, _interrupted(response, err), response) from err
        if not _is_complete(response):
            raise await failed(response.request, _truncated(response), response)
    return size


@contextmanager
def _written_aside(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when it is complete."""
    aside = path.with_name(f"{path.name}.incomplete")
    try:
        with aside.open("wb") as file:
            yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _is_complete(response: httpx.Response) -> bool:
    promised = response.headers.get("Content-Length")
    return promised is None or int(promised) == response.num_bytes_downloaded


def _truncated(response: httpx.Response) -> ResultsBroken:
    return ResultsBroken(
        f"{response.request.url.path} is truncated: {response.num_bytes_downloaded} bytes came of "
        f"{response.headers.get('Content-Length', 'an unknown number')}; load the results again"
    )


def _interrupted(response: httpx.Response, err: httpx.RequestError) -> Transient:
    return Transient(
        f"{response.request.url.path} broke off after {response.num_bytes_downloaded} bytes: "
        f"{type(err).__name__} {err}".rstrip()
    )
