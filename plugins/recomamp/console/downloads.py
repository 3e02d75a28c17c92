"""Downloads of results in small pieces, of files below ``RECOMAMP_RESULTS_URL`` alone.

No answer has an address of the storage: the log has it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from fastapi import HTTPException, status

from recomamp.domain.csv_attachment import BYTE_ORDER_MARK, csv_line
from recomamp.domain.result_cells import cell_text
from recomamp.errors import PipelineError
from recomamp.pipeline import settings
from recomamp.store.results.reader import read_rows
from recomamp.store.results.stored_files import StoredFiles
from recomamp.store.stored_results import StoredResult

log = logging.getLogger(__name__)

CHUNK_ROWS = 500
CHUNK_BYTES = 1024 * 1024

Cells = Sequence[str | None]


def listed(files: Any) -> list[Mapping[str, Any]]:
    """Return the files that a document lists; one of the application may hold anything."""
    return [file for file in files if isinstance(file, Mapping)] if isinstance(files, list) else []


def described(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a user sees of a file: its name without its place."""
    shown = {key: file.get(key) for key in ("rows", "bytes", "sha256")}
    return shown | {"name": str(file.get("uri")).rpartition("/")[2]}


def rows_of_document(text: str, names: Sequence[str]) -> Iterator[Cells]:
    """Yield the rows of a document, which has at most 4 MiB of them."""
    rows = json.loads(text, parse_float=str, parse_int=str)
    for row in filter(lambda one: isinstance(one, dict), rows):
        yield [cell_text(row.get(name)) for name in names]


def rows_of_files(stored: StoredResult, names: Sequence[str]) -> Iterator[Cells]:
    """Yield the rows of all files, some thousand of them in memory at a time."""
    results_url = settings.results_url()
    for file in stored.files:
        _place_of(StoredFiles(results_url), stored, file)
    for row in read_rows(stored, names, results_url=results_url):
        yield [cell_text(value) for value in row]


def csv_chunks(names: Sequence[str], rows: Iterable[Cells]) -> Iterator[bytes]:
    """Yield rows as CSV in UTF-8, under the names of their columns."""
    lines = (csv_line(row) for row in chain([names], rows))
    yield BYTE_ORDER_MARK
    while chunk := b"".join(islice(lines, CHUNK_ROWS)):
        yield chunk


def file_chunks(stored: StoredResult, number: int) -> Iterator[bytes]:
    """Yield the bytes of one file.

    :param number: in the list of files, from 1 on.
    """
    if not 1 <= number <= len(stored.files):
        raise HTTPException(
            status.HTTP_404_NOT_FOUND, f"The result has {len(stored.files)} files, no {number}"
        )
    files = StoredFiles(settings.results_url())
    with files.opened(_place_of(files, stored, stored.files[number - 1])) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def started(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first pieces, so that what goes wrong becomes an answer and no broken file.

    :raises HTTPException: when the files cannot be read.
    """
    try:
        first = list(islice(chunks, 2))
    except FileNotFoundError as err:
        log.warning("a file of a result is gone: %s", err)
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            "The files of this result are gone, by retention or by hand. A later version of its "
            "window may have them.",
        ) from err
    except PipelineError as err:
        log.warning("a result cannot be downloaded: %s", err)
        raise HTTPException(
            status.HTTP_409_CONFLICT,
            "The API server cannot read the files of this result. Its log says why; tell the "
            "operator.",
        ) from err
    return _closing(chunks, first)


def _closing(chunks: Iterator[bytes], first: Sequence[bytes]) -> Generator[bytes]:
    """Yield all pieces, and close the file as soon as nobody wants more of them."""
    try:
        yield from first
        yield from chunks
    finally:
        if isinstance(chunks, Generator):
            chunks.close()


def _place_of(files: StoredFiles, stored: StoredResult, file: Mapping[str, Any]) -> str:
    """Return where a file lies. One that lies elsewhere is refused, whatever the document says."""
    path = files.path_of(
        str(file.get("uri")), workflow_id=stored.workflow_id, execution_id=stored.execution_id
    )
    if path is None:
        log.warning("%s is not below RECOMAMP_RESULTS_URL", file.get("uri"))
        raise HTTPException(
            status.HTTP_409_CONFLICT,
            "A file of this result lies outside of RECOMAMP_RESULTS_URL, so the API server does "
            "not read it. Tell the operator.",
        )
    return path
