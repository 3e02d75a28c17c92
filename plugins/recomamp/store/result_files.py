"""Puts the files of a result where ``RECOMAMP_RESULTS_URL`` says: all of them, or none.

A file is written under a name that readers of data sets pass over (it starts with ``_``) and
takes its own name only after every file of the result is complete.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Iterator
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
        """Tell that this file is for writing."""
        return True


class Target:
    """The directory of one execution's files.

    :raises MissingSetting: from any method, when nothing can be written there.
    """

    def __init__(self, results_url: str, directory: str) -> None:
        self._shown = without_secrets(results_url)
        self._written: list[str] = []
        with self._told():
            self._files, root = fsspec.core.url_to_fs(results_url)
            self._directory = f"{root.rstrip('/')}/{directory}"
            self._files.makedirs(self._directory, exist_ok=True)
            self._remove_left_over()
        base = self._shown if "://" in self._shown else Path(self._shown).absolute().as_uri()
        self._base_uri = f"{base.rstrip('/')}/{directory}"

    def uri(self, name: str) -> str:
        """Return the address of a file, without secrets."""
        return f"{self._base_uri}/{name}"

    @contextmanager
    def write_aside(self, name: str) -> Iterator[HashedFile]:
        """Open a file that gets its name only from ``publish``."""
        path = f"{self._directory}/{_ASIDE}{name}"
        self._written.append(name)
        with self._told(), self._files.open(path, "wb") as file:
            yield HashedFile(file)

    def publish(self) -> None:
        """Give all files their names and remove those that an earlier load had and this has not."""
        with self._told():
            for name in self._written:
                self._files.mv(f"{self._directory}/{_ASIDE}{name}", f"{self._directory}/{name}")
            self._files.invalidate_cache()
            for path in self._files.find(self._directory, maxdepth=1):
                if _name(path).startswith("part-") and _name(path) not in self._written:
                    self._files.rm(path)

    def discard(self) -> None:
        """Remove what was written aside, as far as that is possible."""
        with suppress(OSError):
            self._remove_left_over()

    def _remove_left_over(self) -> None:
        self._files.invalidate_cache()
        for path in self._files.find(self._directory, maxdepth=1):
            if _name(path).startswith(_ASIDE):
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
            # What no second try can change is the deployment's to mend; storage may recover
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


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment, fit for messages and rows."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _name(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/"))[-1]
