"""Results from signed links to local files, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

import httpx

from recomamp.amazon.amc.client import AmcClient
from recomamp.amazon.base_client import AmazonClient
from recomamp.amazon.download_links import is_file, is_same_part, readable_link, storage_error
from recomamp.amazon.failed_calls import CallAttempt, report_failure
from recomamp.amazon.file_body import Integrity, Unpacker
from recomamp.amazon.http import read_answer, send
from recomamp.errors import (
    DownloadLinkExpired,
    InvalidResults,
    LimitExceeded,
    PipelineError,
    RequestRejected,
    ResultNotReady,
    TransientError,
)

PartCallback: TypeAlias = Callable[[int, Path], None]

LINK_RENEWALS = 2
LISTINGS = 3
READY_WAITS_SECONDS = (0.0, 2.0, 5.0, 10.0, 30.0)

# A file that comes more slowly is given up and asked for again: a byte a minute would hold the
# worker for hours
MIN_BYTES_PER_SECOND = 1024
SLOW_START_SECONDS = 60.0

# Statuses with which AMC may refuse the files of a result that is not ready. None is published
_MAY_BE_EARLY = (400, 404, 409, 422)


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What a download may still take: bytes, and until when of the client's clock.

    ``says`` is added to the error of a download that takes more.
    """

    size_bytes: int
    deadline: float | None = None
    says: str = ""

    def check(self, size_bytes: int, now: float, what: str) -> None:
        """Refuse a file that is larger than allowed, or comes too late.

        :raises LimitExceeded: when it does.
        """
        if size_bytes > self.size_bytes:
            raise LimitExceeded(f"{what} is larger than {self.size_bytes} bytes{self.says}")
        if self.deadline is not None and now > self.deadline:
            raise LimitExceeded(f"{what} is not here in time{self.says}")


async def download_parts(
    client: AmcClient,
    amc_execution_id: str,
    directory: Path,
    *,
    on_part: PartCallback = lambda _number, _path: None,
) -> list[Path]:
    """Download all parts of a result into ``directory``, in order; on failure none is left there.

    Parts that are gzip are unpacked.

    Links that expire meanwhile are renewed. In the end they are listed once more: AMC does not say
    how many parts there are, and a list that came too early lacks some.

    :param on_part: is called for each part as soon as it is whole, in order. Where AMC then offers
        other files, it is called for them in the same way, from number 0 on.
    :raises ResultNotReady: when AMC offers no files yet.
    :raises TransientError: when it offers other ones each time, or the network fails again and
        again.
    :raises InvalidResults: when a part is truncated or missing, or cannot be written.
    :raises DownloadLinkExpired: when new links are refused as well.
    :raises LimitExceeded: when the parts take more bytes or time than the client's limits allow.
    """
    with _writing(directory):
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    deadline = client.clock() + client.limits.result_limit_seconds
    links = await _links(client, amc_execution_id)
    with ExitStack() as undo:
        for _ in range(LISTINGS):
            paths = [directory / f"part-{number:05d}.csv" for number in range(len(links))]
            for path in paths:
                undo.callback(path.unlink, missing_ok=True)
            others = await _download_all(client, amc_execution_id, links, paths, deadline, on_part)
            offered = others or await _links(client, amc_execution_id)
            if not others and len(offered) == len(links):
                undo.pop_all()
                return paths
            links = offered
    raise TransientError(f"AMC offers other files of execution {amc_execution_id} each time")


async def _download_all(
    client: AmcClient,
    amc_execution_id: str,
    links: tuple[str, ...],
    paths: list[Path],
    deadline: float,
    on_part: PartCallback,
) -> tuple[str, ...] | None:
    """Download each link to its path, renewing those that expire.

    Return None, or the new links where they are no longer to the same parts.
    """
    limits = client.limits
    left_bytes = limits.result_limit_bytes
    for number, path in enumerate(paths):
        allowance = Allowance(
            size_bytes=left_bytes,
            deadline=deadline,
            says=(
                f"; all parts together may have {limits.result_limit_bytes} bytes "
                f"(RECOMAMP_RESULT_LIMIT_BYTES) and take {limits.result_limit_seconds} seconds "
                "(RECOMAMP_RESULT_LIMIT_SECONDS)"
            ),
        )
        for renewals_left in reversed(range(LINK_RENEWALS + 1)):
            try:
                left_bytes -= await download_file(
                    client, links[number], path, allowance, unpacks=True
                )
                break
            except DownloadLinkExpired:
                if not renewals_left:
                    raise
                renewed = await _links(client, amc_execution_id)
            if not _are_same_parts(links, renewed):
                return renewed
            links = renewed
        on_part(number, path)
    return None


async def download_file(
    client: AmazonClient, link: str, path: Path, allowance: Allowance, *, unpacks: bool = False
) -> int:
    """Download one file as ``download_part``, again and again as the client's ``retry`` allows.

    :param unpacks: whether a gzip file is unpacked.
    :raises LimitExceeded: when it takes more than its allowance.
    """

    async def download(number: int) -> int:
        return await download_part(client, link, path, allowance, number=number, unpacks=unpacks)

    return await client.retry.call(download, client.sleep)


async def download_part(
    client: AmazonClient,
    link: str,
    path: Path,
    allowance: Allowance,
    *,
    number: int = 1,
    unpacks: bool = False,
) -> int:
    """Download one file to ``path``, whole or not at all, and return its size there in bytes."""
    url = readable_link(link, client.endpoint.api_url)
    this = CallAttempt(
        operation="download", number=number, observe=client.observe, measure=client.measure
    )
    request = client.links.build_request("GET", url, extensions=this.extension)
    response = await send(client.links, request, limits=client.limits, stream=True)
    try:
        if not is_file(response):
            await read_answer(response, limits=client.limits)
            raise await report_failure(request, storage_error(response), response)
        return await _save(client, response, path, allowance, unpacks=unpacks)
    finally:
        await response.aclose()


async def _links(client: AmcClient, amc_execution_id: str) -> tuple[str, ...]:
    """Ask for links until there are some: AMC may say SUCCEEDED a little before it has files."""
    refusal: RequestRejected | None = None
    for wait_seconds in READY_WAITS_SECONDS:
        await client.sleep(wait_seconds)
        try:
            links = await client.download_urls(amc_execution_id)
        except RequestRejected as err:
            if err.status not in _MAY_BE_EARLY:
                raise
            refusal = err
            continue
        if links:
            return links
        refusal = None
    raise not_ready(f"AMC offers no files of execution {amc_execution_id} yet", refusal)


def not_ready(problem: str, refusal: RequestRejected | None) -> ResultNotReady:
    """Build the error of a result that AMC does not give yet, with its last refusal."""
    if refusal is None:
        return ResultNotReady(f"{problem}; try again later")
    return ResultNotReady(
        f"{problem}: {refusal}",
        status=refusal.status,
        code=refusal.code,
        request_id=refusal.request_id,
    )


def _are_same_parts(links: tuple[str, ...], renewed: tuple[str, ...]) -> bool:
    return len(links) == len(renewed) and all(map(is_same_part, links, renewed))


async def _save(
    client: AmazonClient,
    response: httpx.Response,
    path: Path,
    allowance: Allowance,
    *,
    unpacks: bool,
) -> int:
    # Writing blocks the event loop for as long as a disk takes for 64 KiB: nothing to the network.
    size, began_at, what = 0, client.clock(), response.request.url.path
    integrity, unpacker = Integrity(response, knows_end=not unpacks), Unpacker(response)
    with _atomic_write(path) as file:
        try:
            async for chunk in response.aiter_raw():
                integrity.add(chunk)
                for piece in unpacker.feed(chunk) if unpacks else (chunk,):
                    allowance.check(size + len(piece), client.clock(), what)
                    size += file.write(piece)
                _require_progress(response.num_bytes_downloaded, client.clock() - began_at, what)
            fault = integrity.find_fault(is_packed=bool(unpacker.is_packed))
            if fault:
                raise _truncated(response, fault)
            for piece in unpacker.finish() if unpacks else ():
                size += file.write(piece)
        except httpx.RemoteProtocolError as err:
            fault = integrity.find_fault(is_packed=True) or "the connection broke off"
            raise await report_failure(
                response.request, _truncated(response, fault), response
            ) from err
        except httpx.RequestError as err:
            raise await report_failure(
                response.request, _interrupted(response, err), response
            ) from err
        except PipelineError as err:
            raise await report_failure(response.request, err, response) from None
    return size


def _require_progress(size_bytes: int, seconds: float, what: str) -> None:
    # Between two chunks there is at most the client's time-out, so that this is asked often enough
    if seconds > SLOW_START_SECONDS and size_bytes < seconds * MIN_BYTES_PER_SECOND:
        raise TransientError(
            f"{what} comes too slowly: {size_bytes} bytes in {seconds:.0f} seconds"
        )


@contextmanager
def _atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only when it is complete."""
    aside = path.with_name(f"{path.name}.incomplete")
    try:
        with _writing(path.parent), aside.open("wb") as file:
            yield file
            file.close()
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Turn what the disk raises into an error that says what to do."""
    try:
        yield
    except OSError as err:
        raise InvalidResults(
            f"{directory} cannot be written: {err.strerror or type(err).__name__}; make room in "
            "the worker's temporary directory, or set TMPDIR to another, and clear the task load"
        ) from err


def _truncated(response: httpx.Response, fault: str) -> InvalidResults:
    return InvalidResults(
        f"{response.request.url.path} is truncated: {fault}; load the results again"
    )


def _interrupted(response: httpx.Response, err: httpx.RequestError) -> TransientError:
    return TransientError(
        f"{response.request.url.path} broke off after {response.num_bytes_downloaded} bytes: "
        f"{type(err).__name__} {err}".rstrip()
    )
