"""Result files that are there already: whether they are what a document says, and their end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import IO, Any
from uuid import UUID

from recomamp.errors import InvalidResults
from recomamp.store.results.storage import ResultStorage, earlier_base_uri

# As results are stored, and were before their keys had a prefix. Nothing else is ever read or
# deleted, even where a document names it
PLACE = re.compile(
    r"(?P<prefix>(?:recomamp_)?)workflow=(?P<workflow>[0-9a-f-]{36})"
    r"/(?P=prefix)window_start=\d{4}-\d{2}-\d{2}"
    r"/(?P=prefix)execution=(?P<execution>[0-9a-f-]{36})/part-\d{5,}\.parquet"
)

ListedCampaign = Sequence[Mapping[str, Any]]


def _is_list_of_files(listed: object) -> bool:
    return isinstance(listed, list) and all(isinstance(file, Mapping) for file in listed)


class StoredFiles:
    """The files under ``RECOMAMP_RESULTS_URL``.

    :raises ConfigurationError: when that is not a place that can be reached.
    """

    def __init__(self, results_url: str) -> None:
        self._storage = ResultStorage(results_url)
        self._files = self._storage.files
        self._base_uris = (self._storage.base_uri, earlier_base_uri(results_url))

    def find_difference(
        self, listed: ListedCampaign, *, workflow_id: UUID, execution_id: UUID
    ) -> str:
        """Say in what the files differ from the list of a document; empty where they agree.

        Each file must be there with its size, and have the SHA-256 that its load recorded. Its
        content is not read: the load has compared it (``ResultDirectory.publish``).

        :raises InvalidResults: when the storage does not answer.
        """
        if not listed:
            return "the document lists no files"
        if not _is_list_of_files(listed):
            return "the document does not list its files as results are stored"
        for file in listed:
            if difference := self._difference(file, workflow_id, execution_id):
                return difference
        return ""

    def delete(self, listed: ListedCampaign, *, workflow_id: UUID, execution_id: UUID) -> None:
        """Delete the files of one execution; those that are gone already count as deleted.

        :raises InvalidResults: when the storage does not answer, or a file is not this execution's.
        """
        if not _is_list_of_files(listed):
            raise InvalidResults(f"execution {execution_id} does not list its files")
        paths = [self.path_of(str(file.get("uri")), workflow_id, execution_id) for file in listed]
        if None in paths:
            raise InvalidResults(f"execution {execution_id} lists files that are not below its own")
        for path in filter(None, paths):
            with self._explained(), suppress(FileNotFoundError):
                self._files.rm_file(path)
        if self._storage.has_directories:
            with suppress(OSError, NotImplementedError):
                self._files.rmdir(str(paths[0]).rpartition("/")[0])

    def path_of(self, uri: str, workflow_id: UUID, execution_id: UUID) -> str | None:
        """Return where a file lies in the file system, None where it is not the execution's."""
        base_uri = next((base for base in self._base_uris if uri.startswith(f"{base}/")), None)
        if base_uri is None:
            return None
        place = uri.removeprefix(f"{base_uri}/")
        matched = PLACE.fullmatch(place)
        if matched is None or (matched["workflow"], matched["execution"]) != (
            str(workflow_id),
            str(execution_id),
        ):
            return None
        return f"{self._storage.root}/{place}"

    @contextmanager
    def opened(self, path: str) -> Iterator[IO[bytes]]:
        """Open a file for reading.

        :param path: as ``path_of`` returns it.
        :raises FileNotFoundError: when it is not there.
        :raises InvalidResults: when the storage does not answer.
        """
        with self._explained():
            self._files.invalidate_cache()
            try:
                file = self._files.open(path, "rb")
            except FileNotFoundError:
                file = None
        if file is None:
            raise FileNotFoundError(path)
        with file, self._explained():
            yield file

    @contextmanager
    def opened_of(self, uri: str, *, workflow_id: UUID, execution_id: UUID) -> Iterator[IO[bytes]]:
        """Open a file of an execution for reading.

        :raises InvalidResults: when the file is not this execution's, or the storage does not
            answer.
        :raises FileNotFoundError: when it is not there.
        """
        path = self.path_of(uri, workflow_id, execution_id)
        if path is None:
            raise InvalidResults(f"execution {execution_id} has no file {uri}")
        with self.opened(path) as file:
            yield file

    def _difference(self, file: Mapping[str, Any], workflow_id: UUID, execution_id: UUID) -> str:
        uri = str(file.get("uri"))
        path = self.path_of(uri, workflow_id, execution_id)
        if path is None:
            return f"{uri} is not below RECOMAMP_RESULTS_URL ({self._storage.shown})"
        if not file.get("sha256"):
            return f"{uri} has no SHA-256 in the document, so no load has recorded it"
        with self._explained():
            self._files.invalidate_cache()
            try:
                size_bytes = self._files.size(path)
                if size_bytes != file.get("bytes"):
                    return f"{uri} has {size_bytes} bytes, not {file.get('bytes')}"
            except FileNotFoundError:
                return f"{uri} is missing"
        return ""

    def _explained(self) -> AbstractContextManager[None]:
        return self._storage.explained("read or changed", may_be_final=False)
