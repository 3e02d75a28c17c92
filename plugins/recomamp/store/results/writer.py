"""From the CSV files of an execution to Parquet and a JSON document, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self
from uuid import UUID

import pyarrow as pa

from recomamp.domain.amc_options import PrivacyFiltering
from recomamp.domain.hidden_rows import HiddenRows
from recomamp.domain.limits import Limits
from recomamp.domain.result_columns import OutputColumn
from recomamp.errors import InvalidDefinition, InvalidResults
from recomamp.store.results.csv_dialects import DialectEvidence, end_last_line
from recomamp.store.results.csv_grammar import Dialect
from recomamp.store.results.csv_parts import match_columns, read_batches, read_header, schema_of
from recomamp.store.results.document import ResultPreview
from recomamp.store.results.files import (
    DIRECTORY_KEYS,
    HashedFile,
    ResultDirectory,
    StoredFile,
    directory_of,
)
from recomamp.store.results.hidden_rows import HiddenRowCounter, with_added_columns
from recomamp.store.results.parquet import write_parquet


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResults:
    """What became of a result.

    ``size_bytes`` counts the Parquet files; ``document`` is JSON text, for
    ``workflow_executions.result_data``.
    """

    columns: tuple[OutputColumn, ...]
    rows: int
    size_bytes: int
    files: tuple[StoredFile, ...]
    document: str
    hidden: HiddenRows | None = None  # None: not counted


class ResultWriter:
    """Writes each CSV part as one Parquet file while others still come in; use as ``with``.

    Nothing is seen of it before ``finish``, which replaces the files of this execution and no
    others; when anything fails before the first of its files has its name, those of an earlier
    load stay as they were.

    :param verify_lock: raises where the caller is no longer the only one who loads the execution;
        nothing of others is removed or replaced then.
    :param hidden_rows: what becomes of the rows that AMC flags; None where none are flagged.
    :param setting: what names ``results_url``, for messages.
    :raises ConfigurationError: from any method, when nothing can be written to ``results_url``.
    """

    def __init__(
        self,
        *,
        results_url: str,
        workflow_id: UUID,
        execution_id: UUID,
        window_start: date,
        verify_lock: Callable[[], None],
        limits: Limits | None = None,
        hidden_rows: PrivacyFiltering | None = None,
        setting: str = "RECOMAMP_RESULTS_URL",
    ) -> None:
        self._execution_id = execution_id
        directory = directory_of(
            workflow_id=workflow_id, window_start=window_start, execution_id=execution_id
        )
        self._target = ResultDirectory(results_url, directory, verify_lock, setting)
        self._limits = limits or Limits()
        self._hidden_rows = hidden_rows
        self._described: Sequence[OutputColumn] = ()
        self._conversion: _Conversion | None = None
        # One, so that parts come one after another, into the document too; Arrow has threads
        # of its own to read ahead
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="results")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._conversion:
            self._conversion.abort()
        self._worker.shutdown(cancel_futures=True)
        if error is not None:
            self._target.remove_temporary()

    def set_columns(self, columns: Sequence[OutputColumn]) -> None:
        """Set the columns that AMC described."""
        self._described = columns

    def add(self, number: int, part: Path) -> None:
        """Begin with a part that is whole. They come in order; number 0 begins the result again.

        :raises InvalidResults: when a part before it is not what AMC described.
        :raises LimitExceeded: when one has more columns than ``limits`` allow.
        """
        if number == 0 or self._conversion is None:
            if self._conversion:
                self._conversion.abort()
            self._conversion = _Conversion(
                self._described, self._target, self._worker, self._limits, self._hidden_rows
            )
        self._conversion.begin(part)

    def finish(self) -> StoredResults:
        """Wait for all parts, give their files their names and return what was written.

        :raises InvalidResults: when a part is truncated, malformed or not what AMC described, or
            when there was none.
        """
        if self._conversion is None:
            raise InvalidResults(f"execution {self._execution_id} succeeded without a result file")
        return self._conversion.publish()


class _Cancelled(Exception):
    """This part is cancelled."""


class _Conversion:
    """The parts that AMC offers at one time, and what becomes of them.

    A part is converted as soon as its dialect is known. Few parts leave that open: they wait for
    one that decides it.
    """

    def __init__(
        self,
        described: Sequence[OutputColumn],
        target: ResultDirectory,
        worker: ThreadPoolExecutor,
        limits: Limits,
        hidden_rows: PrivacyFiltering | None,
    ) -> None:
        self._described = described
        self._hidden_rows = hidden_rows
        self._limits = limits
        self._target = target
        self._worker = worker
        self._added: list[Future[None]] = []
        self._is_given_up = Event()
        # Of the worker's thread, until all parts are converted
        self._evidence = DialectEvidence()
        self._waiting: list[Path] = []
        self._columns: Sequence[OutputColumn] = ()  # of the files
        self._stored: Sequence[OutputColumn] = ()
        self._counter: HiddenRowCounter | None = None
        self._preview = ResultPreview(())
        self._files: list[StoredFile] = []

    def begin(self, part: Path) -> None:
        """Convert one part more, after those before it.

        :raises PipelineError: when one of those has failed: the rest need not be downloaded.
        """
        for added in self._added:
            if added.done():
                added.result()
        self._added.append(self._worker.submit(self._add, part))

    def abort(self) -> None:
        """Cancel the conversion of these parts."""
        self._is_given_up.set()

    def publish(self) -> StoredResults:
        """Wait for all parts, give the files their names and return what was written.

        :raises InvalidResults: when the parts leave their dialect open.
        """
        for added in self._added:
            added.result()
        self._evidence.require_dialect()
        files = tuple(self._files)
        self._target.publish([_name(number) for number in range(1, len(files) + 1)])
        rows = sum(file.rows for file in files)
        listed = [file.as_json() for file in files]
        return StoredResults(
            columns=tuple(self._stored),
            rows=rows,
            size_bytes=sum(file.bytes for file in files),
            files=files,
            document=self._preview.document(rows=rows, files=listed),
            hidden=self._counter.counts() if self._counter else None,
        )

    def _add(self, part: Path) -> None:
        if self._is_given_up.is_set():
            raise _Cancelled
        try:
            end_last_line(part)
            self._evidence.add(part)
            self._waiting.append(part)
            dialect = self._evidence.dialect
            while dialect and self._waiting:
                self._files.append(self._convert(self._waiting.pop(0), dialect))
        except BaseException:
            self.abort()  # the parts after this one are for nothing
            raise

    def _convert(self, part: Path, dialect: Dialect) -> StoredFile:
        if not self._files:
            header = read_header(part, dialect, self._limits)
            described = self._described
            if self._hidden_rows:
                described = with_added_columns(described, header)
            self._columns = match_columns(header, described)
            _require_other_names(self._columns)
            self._stored = self._stored_columns()
            self._preview = ResultPreview(self._stored)
        name = _name(len(self._files) + 1)
        with self._target.open_temporary(name) as file:
            return self._write(part, dialect, name, file)

    def _stored_columns(self) -> Sequence[OutputColumn]:
        if self._hidden_rows is None:
            return self._columns
        self._counter = HiddenRowCounter(
            self._columns, removes_rows=self._hidden_rows is PrivacyFiltering.REMOVE_ROWS
        )
        return self._counter.columns

    def _write(self, part: Path, dialect: Dialect, name: str, file: HashedFile) -> StoredFile:
        try:
            rows = write_parquet(file, schema_of(self._stored), self._batches(part, dialect))
        except pa.ArrowException as err:  # some are ValueErrors, which are the storage's business
            raise InvalidResults(f"{name} cannot be written as Parquet: {err}") from err
        return StoredFile(
            uri=self._target.uri(name), rows=rows, bytes=file.size_bytes, sha256=file.sha256
        )

    def _batches(self, part: Path, dialect: Dialect) -> Iterator[pa.RecordBatch]:
        for batch in read_batches(part, self._columns, dialect, self._limits):
            if self._is_given_up.is_set():
                raise _Cancelled
            if self._counter:
                batch = self._counter.take(batch)
            self._preview.add(batch)
            yield batch


def _require_other_names(columns: Sequence[OutputColumn]) -> None:
    """Refuse columns that readers of the directory would replace by its keys."""
    taken = [column.name for column in columns if column.name.casefold() in DIRECTORY_KEYS]
    if taken:
        raise InvalidDefinition(
            f"the result has a column {taken[0]}, which is also a key of the directory that the "
            "result is stored in: give it another name in the query",
            table="workflows",
            column="sql_query",
        )


def _name(number: int) -> str:
    return f"part-{number:05d}.parquet"
