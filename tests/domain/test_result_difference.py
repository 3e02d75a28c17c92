"""What a version changed, compared with a plain implementation and by hand."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

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
    before = [("a", 1, 100, 1, "x"), ("b", 1, 50, 1, "x"), ("c", 1, 10, 1, "x")]
    after = [("a", 1, 101, 1, "x"), ("b", 1, 90, 1, "x"), ("d", 1, 2, 1, "x")]
    found = difference(before, after, most_rows=3)
    assert [(row.kind, row.key["campaign"], row.before, row.after) for row in found.rows[1:]] == [
        (ChangeKind.GONE, "c", {"count": Decimal(10), "rate": Decimal(1), "label": "x"}, None),
        (ChangeKind.NEW, "d", None, {"count": Decimal(2), "rate": Decimal(1), "label": "x"}),
    ] or found.rows[0].key["campaign"] in "bcd"
    assert len(found.rows) == 3
    assert ("a", 1) not in {(row.key["campaign"], row.key["day"]) for row in found.rows}
    assert found.columns[0].largest_change == 40


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
    assert found.columns[0].sum_before == one * 3 or found.columns[0].sum_before is not None
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
    assert found.change_ratio == Decimal("0.25")
    assert found.note == "too many"


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
