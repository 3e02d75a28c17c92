"""The place that ``RECOMAMP_RESULTS_URL`` names: its file system, its address and its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import fsspec

from recomamp.domain.text import one_line
from recomamp.errors import ConfigurationError, InvalidResults, PipelineError

# In all others a key may hold slashes, and makedirs may try to create the bucket
_WITH_DIRECTORIES = frozenset(
    {"file", "local", "sftp", "ssh", "ftp", "smb", "hdfs", "arrow_hdfs", "webhdfs", "webdav"}
)
# Their addresses are of no use without the user
_WITH_USERS = frozenset({"sftp", "ssh", "ftp", "smb", "hdfs", "arrow_hdfs", "webhdfs"})
_LOCAL = frozenset({"file", "local"})
_FOR_GOOD = (ImportError, PermissionError, FileNotFoundError, NotADirectoryError, ValueError)
_REMEDIES: dict[type[PipelineError], str] = {
    ConfigurationError: "; let the workers write there, or name another place",
    InvalidResults: (
        "; make room there or renew the access, or name another place, and clear the task load"
    ),
}
_SHOWN_CHARS = 300
_USER = re.compile(r"//[^/\s]*@")
# A key that holds one of /?# and is not encoded: all up to the last @ may be of it. No port is one
_ODD_PASSWORD = re.compile(r"[^/?#@:\[\]]++:(?!\d*+[/?#])[^@/?#]*+[/?#].*@")
_QUERY = re.compile(r"\?[^\s\"']+")


class ResultStorage:
    """The file system of results, and the address of each file in it.

    ``base_uri`` begins the address of every file. It holds no secret, and pandas opens what it
    begins. ``root`` is the same place as ``files`` names it.

    :param setting: what names the place, for messages.
    :raises ConfigurationError: when the URL names no place that can be reached.
    """

    def __init__(self, results_url: str, setting: str = "RECOMAMP_RESULTS_URL") -> None:
        self.setting = setting
        self.shown = without_credentials(results_url)
        self._url = results_url
        with self.explained("written"):
            self.files, root = fsspec.core.url_to_fs(results_url)
        self.root = root.rstrip("/")
        self.is_local = bool(_LOCAL.intersection(_protocols(self.files)))
        self.base_uri = _local_uri(root) if self.is_local else self.shown.rstrip("/")
        self.has_directories = bool(_WITH_DIRECTORIES.intersection(_protocols(self.files)))

    @contextmanager
    def explained(self, verb: str, *, may_be_final: bool = True) -> Iterator[None]:
        """Turn what file systems raise into an error that names the setting.

        Their libraries share no base class of errors: botocore's, aiohttp's and Google's are not
        OSErrors. So any other error than ours counts as the storage's.

        :param verb: what cannot be done, such as "written".
        :param may_be_final: whether an error may be one that no second try can help.
        :raises ConfigurationError: when it is one.
        :raises InvalidResults: when a second try may help.
        """
        try:
            yield
        except PipelineError:
            raise
        except Exception as err:
            is_final = may_be_final and isinstance(err, _FOR_GOOD) and not _may_pass(err)
            kind = ConfigurationError if is_final else InvalidResults
            remedy = _REMEDIES[kind] if may_be_final else ""
            raise kind(
                f"{self.setting}: {self.shown} cannot be {verb}: {self._reason(err)}{remedy}"
            ) from err

    def _reason(self, err: Exception) -> str:
        """Return what an error says, without secrets of the URL or of a signed request."""
        said = f"{type(err).__name__}: {err}"
        if isinstance(err, OSError) and err.errno is not None and err.strerror:
            said = err.strerror
        said = said.replace(self._url, self.shown)
        said = _QUERY.sub("", _USER.sub("//", said))
        return one_line(said[:_SHOWN_CHARS]).removesuffix(": ")


def without_credentials(url: str) -> str:
    """Return a URL without passwords and query, fit for messages and rows.

    A name before the ``@`` stays where it has no password: it is a container or a user.
    """
    return "::".join(map(_link_without_secrets, url.split("::")))


def earlier_base_uri(results_url: str) -> str:
    """Return how the addresses of files began that an earlier version has stored."""
    if "://" not in results_url:
        return Path(results_url).absolute().as_uri().rstrip("/")
    parts = urlsplit(results_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")).rstrip("/")


def _link_without_secrets(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme in _LOCAL:  # every character of a local path is its own
        return url
    rest = _ODD_PASSWORD.sub("", rest) if _ODD_PASSWORD.match(rest) else rest
    host, slash, path = rest.partition("?")[0].partition("/")
    user, at, host = host.rpartition("@")
    name, colon, _ = user.partition(":")
    if colon:
        user = name if scheme in _WITH_USERS else ""
    return f"{scheme}://{user}{at if user else ''}{host}{slash}{path}"


def _local_uri(root: str) -> str:
    """Return a local directory as a URI: as it is, for fsspec decodes nothing and pandas does.

    Only what pandas would take for something else than a path is encoded.
    """
    path = Path(root).absolute()
    uri = path.as_uri() if re.search("[%?#]", str(path)) else f"file://{path.as_posix()}"
    return uri.rstrip("/")


def _protocols(files: Any) -> set[str]:
    protocol = files.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)


def _may_pass(err: Exception) -> bool:
    """Return whether an object store refuses for now: credentials expire, and are renewed."""
    return isinstance(err, PermissionError) and err.errno is None
