"""A result is measured over all its rows, exactly, and whatever it holds."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recomamp.domain.result_checks import EXACT, Measure, Measurement, Unmeasured, Value
from recomamp.store.results import measures

INT64 = st.none() | st.integers(-(2**63), 2**63 - 1)


def parquet(table: pa.Table) -> Callable[[], IO[bytes]]:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return lambda: io.BytesIO(buffer.getvalue())


def take(table: pa.Table, measure: Measure, *columns: str, parts: int = 2) -> Value:
    """Measure a table that lies in several files."""
    size = -(-table.num_rows // parts) or 1
    files = [parquet(table.slice(number * size, size)) for number in range(parts)]
    measurement = Measurement(measure, columns)
    return measures.measure(
        files,
        {measurement},
        schema={field.name: field.type for field in table.schema},
        rows=table.num_rows,
        is_over=lambda: False,
    )[measurement]


def of(values: Sequence[Any], kind: pa.DataType) -> pa.Table:
    return pa.table({"c": pa.array(values, kind)})


@settings(max_examples=25, deadline=None)
@given(values=st.lists(INT64, max_size=30))
def test_whole_numbers_are_exact_beyond_64_bits(values: list[int | None]) -> None:
    table = of(values, pa.int64())
    known = [value for value in values if value is not None]
    assert take(table, Measure.SUM, "c") == sum(known)
    assert take(table, Measure.NULLS, "c") == len(values) - len(known)
    if known:
        assert take(table, Measure.MIN, "c") == min(known)
        assert take(table, Measure.MAX, "c") == max(known)
    else:
        assert isinstance(take(table, Measure.AVG, "c"), Unmeasured)


def test_decimals_are_exact() -> None:
    values = [
        Decimal("99999999999999999999.12345678901234567"),
        None,
        Decimal("0.00000000000000001"),
    ]
    table = of(values, pa.decimal128(38, 17))
    assert take(table, Measure.SUM, "c") == Decimal("99999999999999999999.12345678901234568")
    assert take(of([Decimal(1), Decimal(2)], pa.decimal128(38, 2)), Measure.AVG, "c") == Decimal(
        "1.5"
    )


@pytest.mark.parametrize("value", [10**15, 58 * 10**16, 2**63 - 1])
def test_an_average_is_exact_to_twelve_decimals_however_large(value: int) -> None:
    table = of([value, value, value - 1], pa.int64())
    wanted = EXACT.subtract(Decimal(value), Decimal("0.333333333333"))
    assert take(table, Measure.AVG, "c") == wanted


@pytest.mark.parametrize("value", [1e16, 1e120, 1.7e308])
def test_an_average_of_large_floating_numbers_is_known(value: float) -> None:
    assert take(of([value, None], pa.float64()), Measure.AVG, "c") == Decimal(repr(value))


@pytest.mark.parametrize("digits", [71, 72, 76])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_of_the_widest_decimals_is_exact(digits: int, sign: int) -> None:
    value = Decimal(sign * (10**digits - 1))
    table = of([value] * 7 + [None], pa.decimal256(digits, 0))
    assert take(table, Measure.SUM, "c", parts=1) == EXACT.multiply(value, Decimal(7))
    assert take(table, Measure.AVG, "c") == value


@pytest.mark.parametrize("digits", [71, 72])
def test_a_whole_batch_of_wide_decimals_is_summed_exactly(digits: int) -> None:
    value = Decimal(10**digits - 1)
    table = of([value] * measures.BATCH_ROWS, pa.decimal256(digits, 0))
    wanted = EXACT.multiply(value, Decimal(measures.BATCH_ROWS))
    assert take(table, Measure.SUM, "c", parts=1) == wanted


@settings(max_examples=25, deadline=None)
@given(keys=st.lists(st.tuples(st.sampled_from("ab") | st.none(), st.integers(0, 2)), max_size=30))
def test_duplicates_are_the_rows_that_repeat_a_key(keys: list[tuple[str | None, int]]) -> None:
    table = pa.table(
        {
            "k": pa.array([key for key, _ in keys], pa.string()),
            "n": pa.array([number for _, number in keys], pa.int32()),
        }
    )
    repeated = sum(count - 1 for count in Counter(keys).values())
    assert take(table, Measure.DUPLICATES, "k", "n") == repeated


def test_a_column_named_twice_in_a_key_counts_once() -> None:
    assert take(of([1, 1, 2], pa.int64()), Measure.DUPLICATES, "c", "c") == 1


def test_a_measure_that_cannot_be_computed_leaves_the_others() -> None:
    table = pa.table({"a": [1, 1, 2], "l": pa.array([[1], [1], [2]], pa.list_(pa.int64()))})
    wanted = [
        Measurement(Measure.DUPLICATES, ("l",)),
        Measurement(Measure.SUM, ("a",)),
        Measurement(Measure.DUPLICATES, ("a",)),
    ]
    found = measures.measure(
        [parquet(table.slice(0, 2)), parquet(table.slice(2))],
        wanted,
        schema={field.name: field.type for field in table.schema},
        rows=3,
        is_over=lambda: False,
    )
    assert [found[one] for one in wanted[1:]] == [4, 1]
    assert found[wanted[0]] == Unmeasured("the value cannot be computed: ArrowNotImplementedError")


def test_memory_for_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MAX_KEYS", 3)
    assert take(of([1, 2, 3], pa.int64()), Measure.DUPLICATES, "c") == 0
    found = take(of(list(range(9)), pa.int64()), Measure.DUPLICATES, "c", parts=3)
    assert found == Unmeasured(
        "the conditions on the result have more than 3 different keys together"
    )


def test_all_conditions_on_a_result_share_the_memory_for_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measures, "MAX_KEYS", 5)
    table = pa.table({name: [1, 2, 3] for name in "abc"})
    wanted = [Measurement(Measure.DUPLICATES, (name,)) for name in "abc"]
    found = measures.measure(
        [parquet(table)],
        wanted,
        schema={field.name: field.type for field in table.schema},
        rows=3,
        is_over=lambda: False,
    )
    assert [isinstance(found[one], Unmeasured) for one in wanted] == [False, True, True]


def test_the_time_is_asked_for_before_each_measure_of_a_batch() -> None:
    answers = iter([False, True])
    table = pa.table({"a": [1], "b": [1]})
    wanted = [Measurement(Measure.DUPLICATES, (name,)) for name in "ab"]
    found = measures.measure(
        [parquet(table)],
        wanted,
        schema={field.name: field.type for field in table.schema},
        rows=1,
        is_over=lambda: next(answers),
    )
    assert set(found.values()) == {Unmeasured("to measure the result takes too long")}


@pytest.mark.parametrize(
    ("table", "measure", "column", "why"),
    [
        (of(["x"], pa.string()), Measure.SUM, "c", "column c holds no numbers: string"),
        (of([True], pa.bool_()), Measure.AVG, "c", "holds no numbers"),
        (of([1], pa.int64()), Measure.SUM, "d", "the result has no column d"),
        (of([1.5, float("nan")], pa.float64()), Measure.SUM, "c", "no finite numbers"),
        (of([1.5, float("nan")] * 2, pa.float64()), Measure.MIN, "c", "no finite numbers"),
        (of([float("nan"), 1.5, None], pa.float64()), Measure.MAX, "c", "no finite numbers"),
        (of([float("nan")], pa.float64()), Measure.MAX, "c", "no finite numbers"),
        (of([1.5, float("inf")], pa.float64()), Measure.MAX, "c", "no finite numbers"),
        (of([None], pa.int64()), Measure.MIN, "c", "has no values"),
    ],
)
def test_what_cannot_be_measured_says_why(
    table: pa.Table, measure: Measure, column: str, why: str
) -> None:
    found = take(table, measure, column)
    assert isinstance(found, Unmeasured)
    assert why in found.reason


def test_the_sum_of_no_rows_is_zero_and_their_number_needs_no_file() -> None:
    assert take(of([], pa.int64()), Measure.SUM, "c", parts=1) == 0
    rows = Measurement(Measure.ROWS)
    measured = measures.measure([], {rows}, schema={}, rows=7, is_over=lambda: True)
    assert measured == {rows: Decimal(7)}


def test_a_file_that_cannot_be_read_and_a_time_that_is_over_are_no_errors() -> None:
    def missing() -> IO[bytes]:
        raise FileNotFoundError("s3://bucket/secret")

    clicks = Measurement(Measure.SUM, ("c",))
    schema = {"c": pa.int64()}
    gone = measures.measure([missing], {clicks}, schema=schema, rows=1, is_over=lambda: False)
    late = measures.measure(
        [parquet(of([1], pa.int64()))], {clicks}, schema=schema, rows=1, is_over=lambda: True
    )
    assert gone[clicks] == Unmeasured("the stored files cannot be read: FileNotFoundError")
    assert late[clicks] == Unmeasured("to measure the result takes too long")


def test_a_name_with_a_dot_is_one_column() -> None:
    table = pa.table({"a": [1, 2], "a.b": [10, 20]})
    assert take(table, Measure.SUM, "a.b") == 30
    assert take(table, Measure.SUM, "a") == 3
