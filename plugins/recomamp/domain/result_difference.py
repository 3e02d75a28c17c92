"""What one version of a window's result changed against another, in exact decimals.

A row is found again by its key, the values of its DIMENSION columns. Rows with the same key are
added up first. A measure is a METRIC column. Numbers are compared as the decimals that they are
written as; anything else is only equal or not. Of a long text only its beginning and a digest are
kept, so that memory grows with the number of values and not with their length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from enum import StrEnum
from hashlib import blake2b
from heapq import nlargest
from typing import Any

MOST_ROWS = 1_000
_KEPT_CHARACTERS = 64
_RATIO_PLACES = Decimal("0.000000001")
# Of a DOUBLE up to 1e308 the sum with one of 1e-308 has 617 digits
_EXACT = Context(prec=700)
_ZERO = Decimal(0)

Key = tuple[Any, ...]
Measures = tuple[Any, ...]
Rows = Callable[[], Iterator[tuple[Any, ...]]]  # the values of a version's keys, then its measures


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A column whose values are compared."""

    name: str
    is_number: bool


class ChangeKind(StrEnum):
    """What became of a key."""

    NEW = "NEW"
    GONE = "GONE"
    CHANGED = "CHANGED"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnDifference:
    """What changed in a measure. ``rows_changed`` is None where sums alone were compared."""

    name: str
    rows_changed: int | None = None
    sum_before: Decimal | None = None
    sum_after: Decimal | None = None
    largest_change: Decimal | None = None
    change_ratio: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RowDifference:
    """What became of a key, with the measures that differ."""

    kind: ChangeKind
    key: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultDifference:
    """What changed. A number is None where it was not found out; the note says why."""

    key_columns: tuple[str, ...] = ()
    rows_before: int | None = None
    rows_after: int | None = None
    rows_new: int | None = None
    rows_gone: int | None = None
    rows_changed: int | None = None
    change_ratio: Decimal | None = None
    columns: tuple[ColumnDifference, ...] = ()
    rows: tuple[RowDifference, ...] = ()
    note: str | None = None


@dataclass(slots=True)
class _Pair:
    """What both versions have of a key; None where one has no such row."""

    before: list[Any] | None = None
    after: list[Any] | None = None

    def kind(self) -> ChangeKind | None:
        if self.before is None:
            return ChangeKind.NEW
        if self.after is None:
            return ChangeKind.GONE
        return None if self.before == self.after else ChangeKind.CHANGED


@dataclass(slots=True)
class _Totals:
    """Of one measure."""

    before: Decimal = _ZERO
    after: Decimal = _ZERO
    magnitude_before: Decimal = _ZERO  # sums of absolute values
    magnitude_after: Decimal = _ZERO
    moved: Decimal = _ZERO
    largest: Decimal = _ZERO
    changed: int = 0

    @property
    def scale(self) -> Decimal:
        return max(self.magnitude_before, self.magnitude_after)

    def add(self, before: Any, after: Any) -> None:
        change = self._change(before, after)
        self.changed += before != after
        self.moved = _EXACT.add(self.moved, change.copy_abs())
        if change.copy_abs() > self.largest.copy_abs():
            self.largest = change

    def add_sums(self, before: Any, after: Any) -> None:
        """Add values of rows that are not each other's."""
        self._change(before, after)

    def _change(self, before: Any, after: Any) -> Decimal:
        old, new = _quantity(before), _quantity(after)
        self.before, self.after = _EXACT.add(self.before, old), _EXACT.add(self.after, new)
        self.magnitude_before = _EXACT.add(self.magnitude_before, old.copy_abs())
        self.magnitude_after = _EXACT.add(self.magnitude_after, new.copy_abs())
        return _EXACT.subtract(new, old)


@dataclass(slots=True)
class _Compared:
    """Both versions by the digests of their keys, which are shorter than keys may be."""

    pairs: dict[bytes, _Pair] = field(default_factory=dict)
    rows_before: int = 0
    rows_after: int = 0


def compare(
    before: Rows,
    after: Rows,
    *,
    keys: Sequence[str],
    measures: Sequence[Measure],
    most_rows: int = MOST_ROWS,
) -> ResultDifference:
    """Compare two versions row by row. Both are read twice where rows differ.

    :param before: yields the rows of the earlier version, each time that it is called.
    :param most_rows: how many of the largest changes are returned.
    """
    read = _read(before, after, len(keys), measures)
    totals = [_Totals() for _ in measures]
    nothing = [None] * len(measures)
    kinds = dict.fromkeys(ChangeKind, 0)
    for pair in read.pairs.values():
        if kind := pair.kind():
            kinds[kind] += 1
        for total, old, new in zip(
            totals, pair.before or nothing, pair.after or nothing, strict=True
        ):
            total.add(old, new)
    largest = _largest(read, totals, most_rows)
    return ResultDifference(
        key_columns=tuple(keys),
        rows_before=read.rows_before,
        rows_after=read.rows_after,
        rows_new=kinds[ChangeKind.NEW],
        rows_gone=kinds[ChangeKind.GONE],
        rows_changed=kinds[ChangeKind.CHANGED],
        change_ratio=_overall_ratio(measures, totals, sum(kinds.values()), len(read.pairs)),
        columns=tuple(
            _column(measure, total, total.moved, rows_changed=total.changed)
            for measure, total in zip(measures, totals, strict=True)
        ),
        rows=_rows(before, after, read, largest, keys, measures),
        note=_note_of_repeated_keys(read),
    )


def compare_sums(
    before: Rows, after: Rows, *, measures: Sequence[Measure], note: str
) -> ResultDifference:
    """Compare the sums of measures alone, in little memory.

    :param before: yields the measures of the earlier version.
    :param note: why no rows are compared.
    """
    totals = [_Totals() for _ in measures]
    counts = [0, 0]
    for side, rows in enumerate((before, after)):
        for row in rows():
            counts[side] += 1
            for total, value, measure in zip(totals, row, measures, strict=True):
                one = _value(value, measure)
                total.add_sums(*((one, None) if side == 0 else (None, one)))
    numbers = [
        (measure, total)
        for measure, total in zip(measures, totals, strict=True)
        if measure.is_number
    ]
    columns = tuple(
        _column(measure, total, _EXACT.subtract(total.after, total.before).copy_abs())
        for measure, total in numbers
    )
    ratios = [one.change_ratio for one in columns if one.change_ratio is not None]
    return ResultDifference(
        rows_before=counts[0],
        rows_after=counts[1],
        change_ratio=max(ratios) if ratios else None,
        columns=columns,
        note=note,
    )


def _read(before: Rows, after: Rows, width: int, measures: Sequence[Measure]) -> _Compared:
    read = _Compared()
    for row in before():
        read.rows_before += 1
        pair = read.pairs.setdefault(_digest(row[:width]), _Pair())
        pair.before = _added(pair.before, row[width:], measures)
    for row in after():
        read.rows_after += 1
        pair = read.pairs.setdefault(_digest(row[:width]), _Pair())
        pair.after = _added(pair.after, row[width:], measures)
    return read


def _added(held: list[Any] | None, row: Measures, measures: Sequence[Measure]) -> list[Any]:
    """Return the measures of a key with those of one row more."""
    values = [_value(value, measure) for value, measure in zip(row, measures, strict=True)]
    if held is None:
        return values
    return [
        _sum(old, new) if measure.is_number else _union(old, new)
        for old, new, measure in zip(held, values, measures, strict=True)
    ]


def _value(value: Any, measure: Measure) -> Any:
    """Return a number as a decimal. One that is infinite or undefined is a text."""
    if value is None or not measure.is_number:
        return _shortened(value)
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else repr(value)
    return Decimal(value)


def _shortened(value: Any) -> Any:
    """Return what stands for a long text: equal for equal texts, and readable."""
    if not isinstance(value, str) or len(value) <= _KEPT_CHARACTERS:
        return value
    digest = _digest((value,)).hex()
    return f"{value[:_KEPT_CHARACTERS]}… ({len(value)} characters, digest {digest})"


def _quantity(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else _ZERO


def _sum(one: Any, other: Any) -> Any:
    """Add two numbers. NULL adds nothing; what is no finite number stays."""
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return _EXACT.add(one, other)
    texts = sorted(value for value in (one, other) if isinstance(value, str))
    return texts[0] if texts else one if other is None else other


def _union(one: Any, other: Any) -> Any:
    """Return the values of several rows in an order that does not depend on theirs."""
    listed = [*(one if isinstance(one, list) else [one])]
    return sorted([*listed, other], key=repr)


def _digest(key: Key) -> bytes:
    return blake2b(repr(key).encode(), digest_size=16).digest()


def _ratio(moved: Decimal, scale: Decimal) -> Decimal:
    return (moved / scale).quantize(_RATIO_PLACES) if scale else _ZERO


def _column(
    measure: Measure, total: _Totals, moved: Decimal, *, rows_changed: int | None = None
) -> ColumnDifference:
    if not measure.is_number:
        return ColumnDifference(name=measure.name, rows_changed=rows_changed)
    return ColumnDifference(
        name=measure.name,
        rows_changed=rows_changed,
        sum_before=total.before,
        sum_after=total.after,
        largest_change=None if rows_changed is None else total.largest,
        change_ratio=_ratio(moved, total.scale),
    )


def _overall_ratio(
    measures: Sequence[Measure], totals: Sequence[_Totals], changed: int, keys: int
) -> Decimal:
    """Return the largest ratio of a measure; without numbers the share of keys that differ."""
    ratios = [
        _ratio(total.moved, total.scale)
        for measure, total in zip(measures, totals, strict=True)
        if measure.is_number
    ]
    return max(ratios) if ratios else _ratio(Decimal(changed), Decimal(keys))


def _largest(read: _Compared, totals: Sequence[_Totals], most: int) -> list[bytes]:
    """Return the keys that differ most, each measure by its own scale; the largest first."""
    scales = [float(total.scale) for total in totals]  # 0 of what is no number
    nothing = [None] * len(totals)

    def size(digest: bytes) -> tuple[float, bytes]:
        pair = read.pairs[digest]
        moved = (
            abs(float(_EXACT.subtract(_quantity(new), _quantity(old)))) / scale
            for old, new, scale in zip(
                pair.before or nothing, pair.after or nothing, scales, strict=True
            )
            if scale
        )
        return max(moved, default=0.0), digest

    return nlargest(most, (one for one, pair in read.pairs.items() if pair.kind()), key=size)


def _rows(
    before: Rows,
    after: Rows,
    read: _Compared,
    largest: Sequence[bytes],
    keys: Sequence[str],
    measures: Sequence[Measure],
) -> tuple[RowDifference, ...]:
    """Read the keys of the largest changes once more, as only their digests were kept."""
    wanted, found = set(largest), dict[bytes, Key]()
    for rows in (after, before):
        for row in rows() if len(found) < len(wanted) else ():
            digest = _digest(row[: len(keys)])
            if digest in wanted:
                found[digest] = tuple(map(_shortened, row[: len(keys)]))
    return tuple(
        _row(read.pairs[one], dict(zip(keys, found[one], strict=True)), measures)
        for one in largest
        if one in found
    )


def _row(pair: _Pair, key: dict[str, Any], measures: Sequence[Measure]) -> RowDifference:
    kind = pair.kind() or ChangeKind.CHANGED
    names = [one.name for one in measures]
    before = None if pair.before is None else dict(zip(names, pair.before, strict=True))
    after = None if pair.after is None else dict(zip(names, pair.after, strict=True))
    if before is not None and after is not None:
        same = {name for name in names if before[name] == after[name]}
        before = {name: value for name, value in before.items() if name not in same}
        after = {name: value for name, value in after.items() if name not in same}
    return RowDifference(kind=kind, key=key, before=before, after=after)


def _note_of_repeated_keys(read: _Compared) -> str | None:
    of_before = sum(pair.before is not None for pair in read.pairs.values())
    of_after = sum(pair.after is not None for pair in read.pairs.values())
    if (of_before, of_after) == (read.rows_before, read.rows_after):
        return None
    return "several rows have the same key; they were added up before the comparison"
