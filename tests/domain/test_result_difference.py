"""What a version changed, compared with a plain implementation and by hand."""

from __future__ import annotations

import math
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.result_difference import (
    ChangeKind,
    Measure,
    ResultDifference,
    compare,
    compare_sums,
)

COUNT, RATE, LABEL = (
    Measure(name="count", is_number=True),
    Measure(name="rate", is_number=True),
    Measure(name="label", is_number=False),
)
MEASURES = (COUNT, RATE, LABEL)
KEYS = ("campaign", "day")

numbers = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20),
    st.floats(allow_nan=True, allow_infinity=True),
)
rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None, "c"]),
        st.sampled_from([1, 2, None]),
        numbers,
        numbers,
        st.sampled_from(["x", "y", None]),
    ),
    max_size=20,
)


def difference(before: Sequence[Any], after: Sequence[Any], **most: int) -> ResultDifference:
    return compare(lambda: iter(before), lambda: iter(after), keys=KEYS, measures=MEASURES, **most)


def exact(value: Any) -> Fraction | str | None:
    """Return a number as a fraction of what it is written as; a text where it is none."""
    if isinstance(value, float):
        text = repr(value)
        return text if text in ("nan", "inf", "-inf") else Fraction(text)
    return None if value is None else Fraction(value)


def grouped(side: Sequence[Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for campaign, day, *measures in side:
        groups[campaign, day].append(measures)
    result = {}
    for key, members in groups.items():
        summed: list[Any] = []
        for place in (0, 1):
            values = [exact(one[place]) for one in members]
            texts = sorted(one for one in values if isinstance(one, str))
            plain = [one for one in values if isinstance(one, Fraction)]
            summed.append(texts[0] if texts else sum(plain) if plain else None)
        labels = sorted((one[2] for one in members), key=repr)
        result[key] = [*summed, labels]
    return result


def quantity(value: Any) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(0)


@given(rows, rows)
def test_it_finds_what_a_plain_comparison_finds(before: list[Any], after: list[Any]) -> None:
    found = difference(before, after)
    old, new = grouped(before), grouped(after)
    both = old.keys() & new.keys()
    changed = {key for key in both if old[key] != new[key]}
    assert (found.rows_before, found.rows_after) == (len(before), len(after))
    assert found.rows_new == len(new.keys() - old.keys())
    assert found.rows_gone == len(old.keys() - new.keys())
    assert found.rows_changed == len(changed)
    nothing = [None, None, []]
    ratios = []
    for place, column in enumerate(found.columns[:2]):
        pairs = [
            (quantity(old.get(key, nothing)[place]), quantity(new.get(key, nothing)[place]))
            for key in old.keys() | new.keys()
        ]
        assert Fraction(column.sum_before) == sum(one for one, _ in pairs)
        assert Fraction(column.sum_after) == sum(two for _, two in pairs)
        largest = max((abs(two - one) for one, two in pairs), default=0)
        assert abs(Fraction(column.largest_change)) == largest
        scale = max(sum(abs(one) for one, _ in pairs), sum(abs(two) for _, two in pairs))
        ratio = sum(abs(two - one) for one, two in pairs) / scale if scale else 0
        assert abs(Fraction(column.change_ratio) - ratio) < Fraction(1, 10**8)
        assert column.change_ratio <= 2
        ratios.append(column.change_ratio)
    assert found.columns[2].sum_before is None
    assert found.change_ratio == max(ratios)
    shown = {(row.key["campaign"], row.key["day"]): row.kind for row in found.rows}
    assert {key for key, kind in shown.items() if kind is ChangeKind.CHANGED} == changed
    assert len(shown) == found.rows_new + found.rows_gone + found.rows_changed
    repeated = len(old) < len(before) or len(new) < len(after)
    assert (found.note is not None) == repeated


@given(rows)
def test_equal_versions_differ_in_nothing(version: list[Any]) -> None:
    found = difference(version, list(reversed(version)))
    assert (found.rows_new, found.rows_gone, found.rows_changed, found.rows) == (0, 0, 0, ())
    assert found.change_ratio == 0


def test_only_what_differs_is_shown_the_largest_first() -> None:
    before = [("a", 1, 100, 5, "x"), ("b", 1, 50, 5, "x"), ("c", 1, 10, 5, "x")]
    after = [("a", 1, 101, 5, "x"), ("b", 1, 90, 5, "x"), ("d", 1, 2, 4, "x")]
    found = difference(before, after, most_rows=3)
    gone = {"count": Decimal(10), "rate": Decimal(5), "label": "x"}
    new = {"count": Decimal(2), "rate": Decimal(4), "label": "x"}
    assert [(row.kind, row.key["campaign"], row.before, row.after) for row in found.rows] == [
        (ChangeKind.GONE, "c", gone, None),
        (ChangeKind.NEW, "d", None, new),
        (ChangeKind.CHANGED, "b", {"count": Decimal(50)}, {"count": Decimal(90)}),
    ]
    assert {row.key["day"] for row in found.rows} == {1}


def test_each_column_says_how_much_changed_and_in_how_many_rows() -> None:
    before = [("a", 1, 100, 5, "x"), ("b", 1, 50, 5, "x"), ("c", 1, 10, 5, "x")]
    after = [("a", 1, 100, 7, "y"), ("b", 1, 80, 4, "x"), ("c", 1, 10, None, "x")]
    found = difference(before, after)
    assert found.key_columns == KEYS
    assert [
        (one.name, one.rows_changed, one.sum_before, one.sum_after, one.largest_change)
        for one in found.columns
    ] == [
        ("count", 1, 160, 190, 30),
        ("rate", 3, 15, 11, -5),
        ("label", 1, None, None, None),
    ]
    assert [one.change_ratio for one in found.columns] == [
        Decimal("0.157894737"),  # 30 of 190
        Decimal("0.533333333"),  # 2 + 1 + 5 of 15
        None,
    ]


def test_what_is_neither_new_nor_gone_nor_changed_is_read_once() -> None:
    reads: list[str] = []

    def version(name: str, count: int) -> Callable[[], Iterator[tuple[Any, ...]]]:
        def read() -> Iterator[tuple[Any, ...]]:
            reads.append(name)
            return iter([("a", 1, count, 1, "x")])

        return read

    compare(version("before", 1), version("after", 1), keys=KEYS, measures=MEASURES)
    assert reads == ["before", "after"]


@pytest.mark.parametrize("row", [("a", 1, 1, 1), ("a", 1, 1, 1, "x", "y")])
def test_a_row_with_more_or_fewer_values_than_columns_is_not_compared(row: Any) -> None:
    with pytest.raises(ValueError, match="zip"):
        difference([row], [])
    with pytest.raises(ValueError, match="zip"):
        compare_sums(lambda: iter([row[2:]]), lambda: iter([]), measures=MEASURES, note="")


def test_a_measure_of_the_other_sign_has_moved_by_twice_its_scale() -> None:
    found = difference([("a", 1, 3, 0, "x")], [("a", 1, -3, 0, "x")])
    assert found.change_ratio == 2


def test_rows_of_the_same_key_are_added_up_and_the_note_says_so() -> None:
    once = [("a", 1, 3, 1, "x")]
    found = difference([("a", 1, 1, 1, "x"), ("a", 1, 2, None, "x")], once)
    assert (found.rows_before, found.rows_after, found.rows_changed) == (2, 1, 1)
    assert found.columns[0].rows_changed == 0
    assert found.note == (
        "several rows have the same key; they were added up before the comparison"
    )
    assert difference(once, once).note is None


def test_labels_of_the_same_key_are_compared_in_any_order() -> None:
    rows = [("a", 1, 1, 1, label) for label in ("y", None, "x")]
    assert difference(rows, rows[::-1]).rows_changed == 0
    (row,) = difference(rows, rows[:2]).rows
    assert row.before is not None
    assert row.before["label"] == ["x", "y", None]


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([1.5, None], Decimal("1.5")),
        ([None, None], None),
        ([math.inf, 1], "inf"),
        ([1, None, -math.inf], "-inf"),
        ([math.nan, math.inf], "inf"),
    ],
)
def test_what_is_no_finite_number_stays_when_rows_are_added_up(
    values: list[Any], total: Any
) -> None:
    for ordered in (values, values[::-1]):
        (row,) = difference([], [("a", 1, value, 0, "x") for value in ordered]).rows
        assert row.after is not None
        assert row.after["count"] == total


def test_numbers_that_are_not_finite_are_equal_or_not() -> None:
    (row,) = difference([("a", 1, math.inf, 0, "x")], [("a", 1, -math.inf, 0, "x")]).rows
    assert (row.before, row.after) == ({"count": "inf"}, {"count": "-inf"})
    assert difference([("a", 1, math.nan, 0, "x")], [("a", 1, math.nan, 0, "x")]).rows == ()


@pytest.mark.parametrize(("length", "is_whole"), [(64, True), (65, False)])
def test_a_text_is_kept_up_to_64_characters(length: int, is_whole: bool) -> None:
    text = "t" * length
    (row,) = difference([], [(text, 1, 1, 1, text)]).rows
    assert row.after is not None
    for shown in (row.key["campaign"], row.after["label"]):
        if is_whole:
            assert shown == text
        else:
            assert shown.startswith("t" * 64 + f"… ({length} characters, digest ")


def test_long_texts_that_differ_at_their_end_alone_have_changed() -> None:
    found = difference([("a", 1, 1, 1, "t" * 99 + "x")], [("a", 1, 1, 1, "t" * 99 + "y")])
    assert found.rows_changed == 1


@pytest.mark.parametrize("end", ["y", "\ud800"])
def test_long_keys_of_the_same_beginning_are_different_keys(end: str) -> None:
    found = difference([("k" * 99 + "x", 1, 1, 1, "x")], [("k" * 99 + end, 1, 1, 1, "x")])
    assert (found.rows_new, found.rows_gone, found.rows_changed) == (1, 1, 0)


def test_a_small_measure_counts_as_much_as_a_large_one() -> None:
    before = [("a", 1, 10**9, 10, "x")]
    after = [("a", 1, 10**9, 11, "x")]
    assert difference(before, after).change_ratio == Decimal("0.090909091")


def test_without_numbers_the_share_of_keys_counts() -> None:
    found = compare(
        lambda: iter([("a",), ("b",)]), lambda: iter([("b",), ("c",)]), keys=("k",), measures=()
    )
    assert found.change_ratio == Decimal("0.666666667")


def test_38_digits_are_exact() -> None:
    one, two = Decimal("1" * 21 + "." + "1" * 17), Decimal("1" * 21 + "." + "1" * 16 + "2")
    found = difference([("a", 1, one, 0, "x")] * 3, [("a", 1, two, 0, "x")] * 3)
    assert found.columns[0].sum_before is not None
    assert Fraction(found.columns[0].sum_before) == Fraction(one) * 3
    assert Fraction(found.columns[0].largest_change) == Fraction(3, 10**17)


def test_sums_alone_say_how_much_they_moved() -> None:
    found = compare_sums(
        lambda: iter([(1, 0.1, "x"), (2, 0.2, "y")]),
        lambda: iter([(4, 0.3, "x")]),
        measures=MEASURES,
        note="too many",
    )
    assert (found.rows_before, found.rows_after, found.rows_changed) == (2, 1, None)
    assert [(one.name, one.sum_before, one.sum_after) for one in found.columns] == [
        ("count", Decimal(3), Decimal(4)),
        ("rate", Decimal("0.3"), Decimal("0.3")),
    ]
    assert [one.change_ratio for one in found.columns] == [Decimal("0.25"), 0]
    assert {one.largest_change for one in found.columns} == {None}
    assert found.change_ratio == Decimal("0.25")
    assert found.note == "too many"


def test_sums_of_a_result_without_numbers_have_no_ratio() -> None:
    found = compare_sums(
        lambda: iter([("x",)]), lambda: iter([("y",)] * 2), measures=(LABEL,), note="too many"
    )
    assert (found.rows_before, found.rows_after) == (1, 2)
    assert (found.columns, found.change_ratio) == ((), None)


def test_memory_does_not_grow_with_the_length_of_texts() -> None:
    def version(changed: int) -> Iterator[tuple[Any, ...]]:
        for number in range(200):
            end = "!" if number < changed else ""
            yield f"{number} " + "k" * 100_000, 1, 1, 1, "x" * 100_000 + end

    tracemalloc.start()
    found = compare(lambda: version(0), lambda: version(3), keys=KEYS, measures=MEASURES)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.rows_changed, found.rows_new, found.rows_gone) == (3, 0, 0)
    assert peak_bytes < 3_000_000
    (one, *_) = found.rows
    assert one.before is not None
    assert one.after is not None
    assert one.before["label"].startswith("x" * 64 + "… (100000 characters, digest ")
    assert one.after["label"] != one.before["label"]
    assert len(one.key["campaign"]) < 200
