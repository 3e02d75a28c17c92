"""Writes record batches as one Parquet file, a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# A row group ends at whichever comes first: small groups are slow to write and to read, large ones
# are held in memory, two at a time
GROUP_ROWS = 128 * 1024
GROUP_BYTES = 3 * 1024 * 1024

_SAMPLE_ROWS = 16 * 1024


def write_parquet(file: io.RawIOBase, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write all batches, in order, and return how many rows they had.

    While a group is written, on a thread of its own, the next one is gathered.
    """
    groups = _groups(schema, batches)
    first = next(groups)
    rows = 0
    with (
        _open(file, schema, _repetitive_columns(first)) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="parquet") as thread,
    ):
        writing: Future[None] | None = None
        for group in chain((first,), groups):
            if writing:
                writing.result()
            writing = thread.submit(_write, writer, group)
            rows += group.num_rows
        if writing:
            writing.result()
    return rows


def _write(writer: pq.ParquetWriter, group: pa.Table) -> None:
    if group.num_rows:
        writer.write_table(group, row_group_size=group.num_rows)


def _open(file: io.RawIOBase, schema: pa.Schema, with_dictionary: list[str]) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        pa.PythonFile(file, mode="w"),
        schema,
        use_dictionary=with_dictionary,  # type: ignore[arg-type]  # a list is documented, too
    )


def _groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Gather batches into row groups; without any rows there is one group, which is empty."""
    held: list[pa.RecordBatch] = []
    rows = size_bytes = 0
    is_first = True
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size_bytes += batch.nbytes
        if rows >= GROUP_ROWS or size_bytes >= GROUP_BYTES:
            yield pa.Table.from_batches(held, schema)
            held, rows, size_bytes, is_first = [], 0, 0, False
    if held or is_first:
        yield pa.Table.from_batches(held, schema)


def _repetitive_columns(group: pa.Table) -> list[str]:
    """Name the columns that a dictionary makes smaller: of others it costs half the time."""
    sample = group.slice(0, _SAMPLE_ROWS)
    return [
        name
        for name, column in zip(sample.column_names, sample.columns, strict=True)
        if 2 * pc.count_distinct(column).as_py() <= sample.num_rows
    ]
