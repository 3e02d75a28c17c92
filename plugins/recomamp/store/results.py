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

from recomamp.domain.columns import OutputColumn
from recomamp.domain.errors import ResultsBroken
from recomamp.domain.limits import Limits
from recomamp.store.csv_parts import (
    check_end,
    match_columns,
    read_batches,
    read_header,
    schema_of,
)
from recomamp.store.parquet_file import write_parquet
from recomamp.store.result_document import Preview
from recomamp.store.result_files import HashedFile, StoredFile, Target


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResults:
    """What became of a result.

    ``size_bytes`` counts the Parquet files; ``document`` is JSON text, for
    ``workflow_executions.result_data``.
    """

    rows: int
    size_bytes: int
    files: tuple[StoredFile, ...]
    document: str


class ResultWriter:
    """Writes each CSV part as one Parquet file while others still come in; use as ``with``.

    Nothing is seen of it before ``finish``, which replaces the files of this execution and no
    others; when anything fails before the first of its files has its name, those of an earlier
    load stay as they were.

    :param verify_lock: raises where the caller is no longer the only one who loads the execution;
        nothing of others is removed or replaced then.
    :raises MissingSetting: from any method, when nothing can be written to ``results_url``.
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
    ) -> None:
        self._execution_id = execution_id
        directory = f"workflow={workflow_id}/window_start={window_start}/execution={execution_id}"
        self._target = Target(results_url, directory, verify_lock)
        self._limits = limits or Limits()
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
            self._conversion.give_up()
        self._worker.shutdown(cancel_futures=True)
        if error is not None:
            self._target.discard()

    def expect(self, columns: Sequence[OutputColumn]) -> None:
        """Say which columns AMC described; none means that all are text."""
        self._described = columns

    def add(self, number: int, part: Path) -> None:
        """Begin with a part that is whole. They come in order; number 0 begins the result again.

        :raises ResultsBroken: when the first part is not what AMC described.
        :raises LimitExceeded: when it has more columns than ``limits`` allow.
        """
        if number == 0 or self._conversion is None:
            if self._conversion:
                self._conversion.give_up()
            columns = match_columns(read_header(part, self._limits), self._described)
            self._conversion = _Conversion(columns, self._target, self._worker, self._limits)
        self._conversion.begin(part)

    def finish(self) -> StoredResults:
        """Wait for all parts, give their files their names and return what was written.

        :raises ResultsBroken: when a part is truncated, malformed or not what AMC described, or
            when there was none.
        """
        if self._conversion is None:
            raise ResultsBroken(f"execution {self._execution_id} succeeded without a result file")
        return self._conversion.publish()


class _GivenUp(Exception):
    """Nobody waits for this part any longer."""


class _Conversion:
    """The parts that AMC offers at one time, and what becomes of them."""

    def __init__(
        self,
        columns: Sequence[OutputColumn],
        target: Target,
        worker: ThreadPoolExecutor,
        limits: Limits,
    ) -> None:
        self._columns = columns
        self._limits = limits
        self._target = target
        self._worker = worker
        self._preview = Preview(columns)
        self._files: list[Future[StoredFile]] = []
        self._is_given_up = Event()

    def begin(self, part: Path) -> None:
        """Convert one part more, after those before it.

        :raises ResultsBroken: when one of those has failed: the rest need not be downloaded.
        """
        for file in self._files:
            if file.done():
                file.result()
        name = f"part-{len(self._files) + 1:05d}.parquet"
        self._files.append(self._worker.submit(self._convert, part, name))

    def give_up(self) -> None:
        """Let nobody work on these parts any longer."""
        self._is_given_up.set()

    def publish(self) -> StoredResults:
        """Wait for all parts, give the files their names and return what was written."""
        files = tuple(file.result() for file in self._files)
        self._target.publish([f"part-{number:05d}.parquet" for number in range(1, len(files) + 1)])
        rows = sum(file.rows for file in files)
        listed = [file.as_json() for file in files]
        return StoredResults(
            rows=rows,
            size_bytes=sum(file.bytes for file in files),
            files=files,
            document=self._preview.document(rows=rows, files=listed),
        )

    def _convert(self, part: Path, name: str) -> StoredFile:
        if self._is_given_up.is_set():
            raise _GivenUp
        try:
            check_end(part, self._limits)
            with self._target.write_aside(name) as file:
                return self._write(part, name, file)
        except BaseException:
            self.give_up()  # the parts after this one are for nothing
            raise

    def _write(self, part: Path, name: str, file: HashedFile) -> StoredFile:
        try:
            rows = write_parquet(file, schema_of(self._columns), self._batches(part))
        except pa.ArrowException as err:  # some are ValueErrors, which are the storage's business
            raise ResultsBroken(f"{name} cannot be written as Parquet: {err}") from err
        return StoredFile(
            uri=self._target.uri(name), rows=rows, bytes=file.size_bytes, sha256=file.sha256
        )

    def _batches(self, part: Path) -> Iterator[pa.RecordBatch]:
        for batch in read_batches(part, self._columns, self._limits):
            if self._is_given_up.is_set():
                raise _GivenUp
            self._preview.add(batch)
            yield batch
