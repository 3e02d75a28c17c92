"""Puts the files of a result where ``RECOMAMP_RESULTS_URL`` says: all of them, or none.

A file is first written under a name that readers of data sets ignore (it starts with ``_``) and
that no other load uses. It takes its own name after every file of the result is complete.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from fsspec.implementations.local import LocalFileOpener
from fsspec.spec import AbstractBufferedFile

from recomamp.errors import InvalidResults
from recomamp.store.results.storage import ResultStorage

_ASIDE = "_writing-"
# Of a file system that cannot be asked to write to the disk, such as some network mounts
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


# Readers of the whole directory turn these keys into columns. A prefix keeps them apart from those
# of the results (docs/adr/0025)
DIRECTORY_KEYS = ("recomamp_workflow", "recomamp_window_start", "recomamp_execution")


def directory_of(*, workflow_id: UUID, window_start: date, execution_id: UUID) -> str:
    """Return where the files of an execution lie below ``RECOMAMP_RESULTS_URL``."""
    values = (workflow_id, window_start, execution_id)
    return "/".join(f"{key}={value}" for key, value in zip(DIRECTORY_KEYS, values, strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file of a result, where it lies and what is in it."""

    uri: str
    rows: int
    bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the file as the JSON document lists it."""
        return {"uri": self.uri, "rows": self.rows, "bytes": self.bytes, "sha256": self.sha256}


class HashedFile(io.RawIOBase):
    """A file of a storage to write to, which knows its size and SHA-256 so far."""

    def __init__(self, file: IO[bytes], storage: ResultStorage) -> None:
        super().__init__()
        self._file = file
        self._storage = storage
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: Any) -> int:
        """Write bytes, or anything that holds some."""
        view = memoryview(data)
        with self._storage.explained("written"):
            self._file.write(view)
        self._hash.update(view)
        self.size_bytes += view.nbytes
        return view.nbytes

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    def writable(self) -> bool:
        """Return that this file is for writing."""
        return True


class ResultDirectory:
    """The directory of one execution's files.

    :param verify_lock: raises where the execution is no longer the caller's alone to load. It is
        asked before anything that others may have written is removed or replaced.
    :param setting: what names ``results_url``, for messages.
    :raises ConfigurationError: from any method, when nothing can be written there.
    """

    def __init__(
        self,
        results_url: str,
        directory: str,
        verify_lock: Callable[[], None],
        setting: str = "RECOMAMP_RESULTS_URL",
    ) -> None:
        self._storage = ResultStorage(results_url, setting)
        self._files = self._storage.files
        self._directory = f"{self._storage.root}/{directory}"
        self._base_uri = f"{self._storage.base_uri}/{directory}"
        self._verify_lock = verify_lock
        self._aside = f"{_ASIDE}{secrets.token_hex(8)}-"
        self._written: dict[str, HashedFile] = {}
        with self._storage.explained("written"):
            if self._storage.has_directories:
                self._files.makedirs(self._directory, exist_ok=True)
            # What killed tries have left
            self._remove(lambda name: name.startswith(_ASIDE))

    def uri(self, name: str) -> str:
        """Return the address of a file, without secrets."""
        return f"{self._base_uri}/{name}"

    @contextmanager
    def open_temporary(self, name: str) -> Iterator[HashedFile]:
        """Open a file that gets its name only from ``publish``."""
        with self._storage.explained("written"):
            file = self._files.open(self._path_aside(name), "wb")
        self._written[name] = HashedFile(file, self._storage)
        try:
            yield self._written[name]
            with self._storage.explained("written"):
                if isinstance(file, LocalFileOpener):
                    file.flush()
                    _sync(file.fileno())  # a crash of the machine must not empty it
                file.close()  # object stores take the file only now
        except BaseException:
            with suppress(Exception):  # the first error says more
                _abandon(file)
            raise

    def publish(self, names: Sequence[str]) -> None:
        """Give these files their names and remove all other files, which other loads wrote.

        Then local files are on the disk, so that the row that lists them may be committed.

        :raises InvalidResults: when somebody has removed a file before it got its name, or the
            storage has another number of its bytes than were written.
        """
        with self._storage.explained("written"):
            for name in names:
                self._check_size(name)
            for name in names:
                self._verify_lock()
                self._rename(name)
            if self._storage.is_local:
                _sync_names(Path(self._directory), Path(self._storage.root))
            self._remove(
                lambda name: (
                    (name.startswith("part-") and name not in names) or name.startswith(self._aside)
                )
            )

    def remove_temporary(self) -> None:
        """Remove what this load has written aside, as far as that is possible."""
        for name in self._written:
            with suppress(Exception):
                self._files.rm_file(self._path_aside(name))

    def _path_aside(self, name: str) -> str:
        return f"{self._directory}/{self._aside}{name}"

    def _check_size(self, name: str) -> None:
        """Compare a file's size with the bytes written, before any file gets its name."""
        written_bytes = self._written[name].size_bytes
        with self._removed_file_explained(name):
            size_bytes = self._files.size(self._path_aside(name))
        if size_bytes != written_bytes:
            raise InvalidResults(
                f"{self._storage.setting}: {self._storage.shown}: {name} has {size_bytes} bytes "
                f"of the {written_bytes} that were written; load the results again"
            )

    def _rename(self, name: str) -> None:
        with self._removed_file_explained(name):
            self._files.mv(self._path_aside(name), f"{self._directory}/{name}")

    @contextmanager
    def _removed_file_explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as err:
            raise InvalidResults(
                f"{self._storage.setting}: {self._storage.shown}: {name} was removed before it got "
                "its name, by another try or by something else that cleans up there; load the "
                "results again"
            ) from err

    def _remove(self, is_unwanted: Callable[[str], bool]) -> None:
        self._files.invalidate_cache()
        for path in self._files.find(self._directory, maxdepth=1):
            if is_unwanted(_name(path)):
                self._verify_lock()
                with suppress(FileNotFoundError):  # the load that wrote it has removed it
                    self._files.rm_file(path)


def _abandon(file: Any) -> None:
    """Close a file that is not complete.

    To close a file of an object store would upload the rest of it, and complete its upload.
    """
    if isinstance(file, AbstractBufferedFile):
        file.closed = True
        file.discard()
    else:
        file.close()


def _sync(descriptor: int) -> None:
    """Have the disk hold a file, where its file system can."""
    try:
        os.fsync(descriptor)
    except OSError as err:
        if err.errno not in _NO_SYNC:
            raise


def _sync_names(directory: Path, root: Path) -> None:
    """Have the disk hold the names in a directory, and in those above it up to the root."""
    for path in (directory, *directory.parents):
        # Some network file systems do not take it, and hold names themselves
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        if path == root:
            return


def _name(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/"))[-1]
