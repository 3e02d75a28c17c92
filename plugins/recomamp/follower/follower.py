"""Have Airflow parse the files whose rows have changed, until it has seen the change."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx

from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.text import one_line
from recomamp.follower.airflow_api import ParsedFile
from recomamp.follower.listener import DefinitionChange
from recomamp.pipeline.generator.shards import file_of_row, file_of_shard, shards_in_use

log = logging.getLogger(__name__)

# Airflow passes over a request for a file that it is parsing at that time: ask again
ASK_AGAIN = timedelta(seconds=3)
# A parse seems to have begun later than it did, by what Airflow does before it stores the first DAG
STORING = timedelta(seconds=2)
# Then Airflow parses the file anyway, or not at all
GIVE_UP = timedelta(seconds=60)


class Parser(Protocol):
    """What the follower wants of Airflow."""

    def files(self, dag_prefix: str) -> dict[str, ParsedFile]:
        """Return the files, by path, that the DAGs of a prefix come from."""

    def parse(self, file: ParsedFile) -> None:
        """Have a file parsed before all others."""


class Follower:
    """Remembers which files have to be parsed since when, and sees to it."""

    def __init__(self, airflow: Parser) -> None:
        self._airflow = airflow
        self._wanted: dict[str, datetime] = {}  # file -> when its rows last changed
        self._asked: dict[str, datetime] = {}
        self._is_cut_off = False

    @property
    def is_waiting(self) -> bool:
        """Whether a file has still to be parsed."""
        return bool(self._wanted)

    def note(self, changes: Iterable[DefinitionChange], now: datetime | None = None) -> None:
        """Take down which files are to be parsed."""
        for file in {file for change in changes for file in files_of(change)}:
            self._want(file, now or datetime.now(UTC))

    def note_everything(self, now: datetime | None = None) -> None:
        """Take down all files: what has changed is not known."""
        for file in all_files():
            self._want(file, now or datetime.now(UTC))

    def follow(self, now: datetime | None = None) -> None:
        """Ask Airflow for what is wanted and not yet done; its errors are logged, not raised."""
        now = now or datetime.now(UTC)
        failed = [error for kind in DefinitionKind if (error := self._try_to_follow(kind, now))]
        if failed and not self._is_cut_off:
            words = one_line(repr(failed[0]))
            log.warning("Airflow's API cannot be asked to parse; DAGs follow later: %s", words)
        self._is_cut_off = bool(failed)
        for file in [file for file, since in self._wanted.items() if now - since > GIVE_UP]:
            log.info("%s was not parsed on demand; Airflow's own round will do it", file)
            self._forget(file)

    def _want(self, file: str, now: datetime) -> None:
        self._wanted[file] = now
        self._asked.pop(file, None)

    def _forget(self, file: str) -> None:
        del self._wanted[file]
        self._asked.pop(file, None)

    def _try_to_follow(self, kind: DefinitionKind, now: datetime) -> Exception | None:
        """Follow one kind, and return what kept some of its files from being parsed."""
        try:
            return self._follow_kind(kind, now)
        except Exception as err:  # noqa: BLE001 - the other kind is followed all the same
            return err

    def _follow_kind(self, kind: DefinitionKind, now: datetime) -> Exception | None:
        wanted = [one for one in all_files(kind) if one in self._wanted]
        due = [one for one in wanted if now - self._asked.get(one, now - ASK_AGAIN) >= ASK_AGAIN]
        failed: Exception | None = None
        if not due:
            return failed
        known = self._airflow.files(kind.dag_prefix)
        for path in due:
            file = known.get(path)
            if file is None:  # Airflow has no DAG of it, and so no name for it: its first row
                self._asked[path] = now
            elif file.parsed_from is not None and file.parsed_from >= self._wanted[path] + STORING:
                log.info("%s is parsed", path)
                self._forget(path)
            else:
                try:
                    self._airflow.parse(file)
                except httpx.HTTPStatusError as err:  # about this file: Airflow answers
                    failed = err
                # Not before the answer: a request that did not arrive is repeated at once
                self._asked[path] = now
        return failed


def files_of(change: DefinitionChange) -> list[str]:
    """Return the file that builds a definition's DAG; none where the row is not a definition."""
    return [file_of_row(kind, change.id) for kind in DefinitionKind if kind.table == change.table]


def all_files(*kinds: DefinitionKind) -> list[str]:
    """Return the generators' files, of all kinds if none is named."""
    shards = range(shards_in_use())
    return [file_of_shard(kind, number) for kind in kinds or DefinitionKind for number in shards]
