"""Puts the files of a result where ``RECOMAMP_RESULTS_URL`` says: all of them, or none.

A file is written under a name that readers of data sets pass over (it starts with ``_``) and that
no other load uses, and takes its own name only after every file of the result is complete.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import fsspec

from recomamp.domain.errors import MissingSetting, ResultsBroken

log = logging.getLogger(__name__)

_FOR_GOOD = (ImportError, PermissionError, FileNotFoundError, NotADirectoryError, ValueError)

_ASIDE = "_writing-"


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
    """A file to write to that knows its size and SHA-256 so far."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: Any) -> int:
        """Write bytes, or anything that holds some."""
        view = memoryview(data)
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


class Target:
    """The directory of one execution's files.

    :param verify_lock: raises where the execution is no longer the caller's alone to load. It is
        asked before anything that others may have written is removed or replaced.
    :raises MissingSetting: from any method, when nothing can be written there.
    """

    def __init__(self, results_url: str, directory: str, verify_lock: Callable[[], None]) -> None:
        self._shown = without_secrets(results_url)
        self._verify_lock = verify_lock
        self._aside = f"{_ASIDE}{secrets.token_hex(8)}-"
        self._written: set[str] = set()
        with self._told():
            self._files, root = fsspec.core.url_to_fs(results_url)
            self._directory = f"{root.rstrip('/')}/{directory}"
            self._files.makedirs(self._directory, exist_ok=True)
            # What killed tries have left
            self._remove(lambda name: name.startswith(_ASIDE))
        self._base_uri = f"{base_uri(results_url)}/{directory}"

    def uri(self, name: str) -> str:
        """Return the address of a file, without secrets."""
        return f"{self._base_uri}/{name}"

    @contextmanager
    def write_aside(self, name: str) -> Iterator[HashedFile]:
        """Open a file that gets its name only from ``publish``."""
        self._written.add(name)
        with self._told(), self._files.open(self._path_aside(name), "wb") as file:
            yield HashedFile(file)

    def publish(self, names: Sequence[str]) -> None:
        """Give these files their names and remove all other files, which other loads wrote.

        :raises ResultsBroken: when somebody has removed a file before it got its name.
        """
        with self._told():
            for name in names:
                self._verify_lock()
                self._rename(name)
            self._remove(
                lambda name: (
                    (name.startswith("part-") and name not in names) or name.startswith(self._aside)
                )
            )

    def discard(self) -> None:
        """Remove what this load has written aside, as far as that is possible."""
        for name in self._written:
            with suppress(OSError):
                self._files.rm(self._path_aside(name))

    def _path_aside(self, name: str) -> str:
        return f"{self._directory}/{self._aside}{name}"

    def _rename(self, name: str) -> None:
        try:
            self._files.mv(self._path_aside(name), f"{self._directory}/{name}")
        except FileNotFoundError as err:
            raise ResultsBroken(
                f"RECOMAMP_RESULTS_URL: {self._shown}: {name} was removed before it got its name, "
                "by another try or by something else that cleans up there; load the results again"
            ) from err

    def _remove(self, is_unwanted: Callable[[str], bool]) -> None:
        self._files.invalidate_cache()
        for path in self._files.find(self._directory, maxdepth=1):
            if is_unwanted(_name(path)):
                self._verify_lock()
                with suppress(FileNotFoundError):  # the load that wrote it has removed it
                    self._files.rm(path)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what file systems raise into an error that names the setting."""
        try:
            yield
        except (OSError, ImportError, ValueError) as err:
            reason = (
                err.strerror if isinstance(err, OSError) and err.strerror else type(err).__name__
            )
            # What no second try can change is the deployment's to correct; storage may recover
            is_for_good = isinstance(err, _FOR_GOOD)
            kind = MissingSetting if is_for_good else ResultsBroken
            remedy = (
                "let the workers write there, or name another place"
                if is_for_good
                else "make room there, or name another place, and clear the task load"
            )
            raise kind(
                f"RECOMAMP_RESULTS_URL: {self._shown} cannot be written: {reason}; {remedy}"
            ) from err


def base_uri(results_url: str) -> str:
    """Return what the addresses of all result files begin with, without secrets."""
    shown = without_secrets(results_url)
    return (shown if "://" in shown else Path(shown).absolute().as_uri()).rstrip("/")


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment, fit for messages and rows."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _name(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/"))[-1]
