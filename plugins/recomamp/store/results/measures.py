"""Measure a stored result over all its rows, batch by batch, in bounded memory.

Whole numbers and decimals are exact. NULLs count for NULLS and DUPLICATES alone, as in SQL; the
sum of no values is 0.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from hashlib import blake2b
from typing import IO, Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recomamp.domain.result_checks import EXACT, Measure, Measurement, Unmeasured, Value
from recomamp.domain.text import one_line

BATCH_ROWS = 64 * 1024
MAX_KEYS = 5_000_000  # different keys of all DUPLICATES of a result, of 8 bytes each
# Arrow's sums wrap from 5.8e76 on. That of a batch of numbers of so many digits stays below
_SUMMED_DIGITS = 71
_AVG_UNIT = Decimal("1e-12")
_INCOMPUTABLE = (pa.ArrowException, ArithmeticError, ValueError)

OpenFile = Callable[[], AbstractContextManager[IO[bytes]]]


class _Accumulator(Protocol):
    """What a measure is so far."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch."""

    def value(self) -> Value:
        """Return the measure of all rows that were added."""


def measure(
    files: Sequence[OpenFile],
    measurements: Collection[Measurement],
    *,
    schema: Mapping[str, pa.DataType],
    rows: int,
    is_over: Callable[[], bool],
) -> dict[Measurement, Value]:
    """Return what each measure is, or why it is not known; what goes wrong is no error.

    :param files: open the Parquet files of the result.
    :param schema: the types of its columns by name.
    :param rows: how many it has.
    :param is_over: whether the time to measure is over.
    """
    measured: dict[Measurement, Value] = {}
    accumulators: dict[Measurement, _Accumulator] = {}
    keys = _Keys()
    for one in measurements:
        if one.measure is Measure.ROWS:
            measured[one] = Decimal(rows)
        elif problem := _problem(one, schema):
            measured[one] = Unmeasured(problem)
        else:
            accumulators[one] = _accumulator(one, keys)
    if accumulators:
        try:
            problem = _read(files, accumulators, is_over, measured)
        except Exception as err:  # noqa: BLE001 - libraries of storages share no class of errors
            problem = f"the stored files cannot be read: {type(err).__name__}"
        for one, accumulator in accumulators.items():
            measured[one] = Unmeasured(problem) if problem else _value(accumulator)
    return measured


def _problem(one: Measurement, schema: Mapping[str, pa.DataType]) -> str:
    """Say why a measure cannot be taken of columns of these types; empty where it can."""
    if missing := [name for name in one.columns if name not in schema]:
        return f"the result has no column {missing[0]}"
    kind = schema[one.columns[0]]
    if one.measure not in _OF_ANY_TYPE and not _is_number(kind):
        return f"column {one.columns[0]} holds no numbers: {kind}"
    return ""


def _read(
    files: Sequence[OpenFile],
    accumulators: dict[Measurement, _Accumulator],
    is_over: Callable[[], bool],
    measured: dict[Measurement, Value],
) -> str:
    """Read all files once; return why that was not done, or nothing.

    A measure that cannot be computed moves from ``accumulators`` to ``measured``.
    """
    names = sorted({name for one in accumulators for name in one.columns})
    for open_file in files:
        with open_file() as file, pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=names):
                for one, accumulator in list(accumulators.items()):
                    if is_over():
                        return "to measure the result takes too long"
                    try:
                        accumulator.add(batch)
                    except _INCOMPUTABLE as err:
                        measured[one] = _incomputable(err)
                        del accumulators[one]
                if not accumulators:
                    return ""
    return ""


def _value(accumulator: _Accumulator) -> Value:
    try:
        return accumulator.value()
    except _INCOMPUTABLE as err:
        return _incomputable(err)


def _incomputable(error: Exception) -> Unmeasured:
    return Unmeasured(one_line(f"the value cannot be computed: {type(error).__name__}"))


class _Nulls:
    def __init__(self, measurement: Measurement) -> None:
        self._name = measurement.columns[0]
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._count += batch.column(self._name).null_count

    def value(self) -> Value:
        return Decimal(self._count)


class _Numbers:
    """SUM, MIN, MAX or AVG of a column."""

    def __init__(self, measurement: Measurement) -> None:
        self._measure = measurement.measure
        self._name = measurement.columns[0]
        self._count = 0
        self._sum = Decimal(0)
        self._float_sums: list[float] = []
        self._least: Decimal | None = None
        self._most: Decimal | None = None
        self._problem = ""

    def add(self, batch: pa.RecordBatch) -> None:
        column = batch.column(self._name)
        count = len(column) - column.null_count
        if not count or self._problem:
            return
        # The least and the most of Arrow leave NaN out
        if pa.types.is_floating(column.type) and not pc.all(pc.is_finite(column)).as_py():
            self._problem = f"column {self._name} has values that are no finite numbers"
            return
        self._count += count
        if self._measure in (Measure.SUM, Measure.AVG):
            self._add_sum(column)
        else:
            self._add_ends(column)

    def value(self) -> Value:
        if self._problem:
            return Unmeasured(self._problem)
        if self._float_sums:
            self._sum = Decimal(repr(math.fsum(self._float_sums)))
        if self._measure is Measure.SUM:
            return self._sum
        if not self._count:
            return Unmeasured(f"column {self._name} has no values")
        if self._measure is Measure.AVG:
            return EXACT.quantize(EXACT.divide(self._sum, Decimal(self._count)), _AVG_UNIT)
        found = self._least if self._measure is Measure.MIN else self._most
        return Unmeasured(f"column {self._name} has no values") if found is None else found

    def _add_sum(self, column: pa.Array[Any]) -> None:
        if pa.types.is_floating(column.type):
            self._float_sums = [math.fsum([*self._float_sums, pc.sum(column).as_py()])]
            return
        if getattr(column.type, "precision", 0) > _SUMMED_DIGITS:
            for number in column.drop_null().to_pylist():
                self._sum = EXACT.add(self._sum, cast("Decimal", number))
            return
        exact = pa.decimal256(76, getattr(column.type, "scale", 0))
        total = pc.sum(column.cast(exact)).as_py()
        self._sum = EXACT.add(self._sum, Decimal(total))

    def _add_ends(self, column: pa.Array[Any]) -> None:
        ends = cast("dict[str, Any]", pc.min_max(column).as_py())
        for end in (ends["min"], ends["max"]):
            number = Decimal(repr(end)) if isinstance(end, float) else Decimal(end)
            self._least = number if self._least is None else min(self._least, number)
            self._most = number if self._most is None else max(self._most, number)


class _Keys:
    """How many keys all DUPLICATES of a result may hold together, in memory."""

    def __init__(self) -> None:
        self._left = MAX_KEYS

    def take(self, count: int) -> bool:
        """Return whether so many more may be held, and count them if so."""
        if count > self._left:
            return False
        self._left -= count
        return True

    def give_back(self, count: int) -> None:
        """Say that so many are not held any more."""
        self._left += count


class _Duplicates:
    """Rows whose key an earlier row has.

    A key is kept as 8 bytes of its hash. Among millions of keys, two have the same hash about once
    in a million results.
    """

    def __init__(self, measurement: Measurement, keys: _Keys) -> None:
        self._names = list(dict.fromkeys(measurement.columns))
        self._rows = 0
        self._budget = keys
        self._keys: array[int] = array("Q")
        self._is_full = False

    def add(self, batch: pa.RecordBatch) -> None:
        if self._is_full:
            return
        self._rows += batch.num_rows
        table = pa.Table.from_batches([batch]).select(self._names)
        columns = table.group_by(self._names).aggregate([]).select(self._names).columns
        if not self._budget.take(len(columns[0])):
            # The other measures may have the memory
            self._is_full = True
            self._budget.give_back(len(self._keys))
            self._keys = array("Q")
            return
        for key in zip(*(column.to_pylist() for column in columns), strict=True):
            digest = blake2b(repr(key).encode("utf-8", "replace"), digest_size=8).digest()
            self._keys.append(int.from_bytes(digest, "little"))

    def value(self) -> Value:
        if self._is_full:
            return Unmeasured(
                f"the conditions on the result have more than {MAX_KEYS:,} different keys together"
            )
        hashes = pa.Array.from_buffers(
            pa.uint64(), len(self._keys), [None, pa.py_buffer(self._keys.tobytes())]
        )
        return Decimal(self._rows - pc.count_distinct(hashes).as_py())


_OF_ANY_TYPE = (Measure.NULLS, Measure.DUPLICATES)


def _accumulator(one: Measurement, keys: _Keys) -> _Accumulator:
    if one.measure is Measure.DUPLICATES:
        return _Duplicates(one, keys)
    return _Nulls(one) if one.measure is Measure.NULLS else _Numbers(one)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
