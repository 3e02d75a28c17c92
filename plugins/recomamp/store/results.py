"""From the CSV files of an execution to Parquet and a JSON document, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from recomamp.domain.columns import OutputColumn
from recomamp.domain.errors import ResultsBroken
from recomamp.store.csv_parts import match_columns, read_batches, read_header, schema_of
from recomamp.store.result_document import Preview, write_json
from recomamp.store.result_files import StoredFile, Target


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResults:
    """What became of a result. ``size_bytes`` counts the Parquet files.

    ``document`` goes to ``workflow_executions.result_data`` by way of ``document_json``:
    ``json.dumps`` cannot write the ``Decimal`` in it.
    """

    rows: int
    size_bytes: int
    files: tuple[StoredFile, ...]
    document: dict[str, Any]

    @property
    def document_json(self) -> str:
        """The document as JSON text with every digit, for a JSONB parameter."""
        return write_json(self.document)


def store_results(
    *,
    parts: Sequence[Path],
    columns: Sequence[OutputColumn],
    results_url: str,
    workflow_id: UUID,
    execution_id: UUID,
    window_start: date,
    verify_lock: Callable[[], None],
) -> StoredResults:
    """Write each CSV part as one Parquet file and return what was written.

    Running it again replaces the files of this execution and no others; when it fails before the
    first of its files has its name, those of an earlier load stay as they were.

    :param verify_lock: raises where the caller is no longer the only one who loads the execution;
        nothing of others is removed or replaced then.
    :raises ResultsBroken: when a part is truncated, malformed or not what AMC described.
    :raises MissingSetting: when nothing can be written to ``results_url``.
    """
    if not parts:
        raise ResultsBroken(f"execution {execution_id} succeeded without a result file")
    ordered = match_columns(read_header(parts[0]), columns)
    directory = f"workflow={workflow_id}/window_start={window_start}/execution={execution_id}"
    target = Target(results_url, directory, verify_lock)
    preview = Preview(ordered)
    try:
        files = tuple(
            _store_part(part, f"part-{number:05d}.parquet", ordered, target, preview)
            for number, part in enumerate(parts, start=1)
        )
        target.publish()
    except BaseException:
        target.discard()
        raise
    rows = sum(file.rows for file in files)
    return StoredResults(
        rows=rows,
        size_bytes=sum(file.bytes for file in files),
        files=files,
        document=preview.document(rows=rows, files=[file.as_json() for file in files]),
    )


def _store_part(
    part: Path, name: str, columns: Sequence[OutputColumn], target: Target, preview: Preview
) -> StoredFile:
    rows = 0
    with target.write_aside(name) as file:
        with pq.ParquetWriter(pa.PythonFile(file, mode="w"), schema_of(columns)) as writer:
            for batch in read_batches(part, columns):
                writer.write_batch(batch)
                preview.add(batch)
                rows += batch.num_rows
        return StoredFile(
            uri=target.uri(name), rows=rows, bytes=file.size_bytes, sha256=file.sha256
        )
