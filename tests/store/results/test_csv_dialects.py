"""A result in either dialect of CSV arrives exactly, or is refused with row and column."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fixtures.results import PAIR, read, store, stored_files, write
from recomamp.domain.result_columns import OutputColumn, read_columns
from recomamp.errors import InvalidResults
from recomamp.store.results import csv_grammar
from recomamp.store.results.csv_dialects import end_last_line
from recomamp.store.results.csv_grammar import (
    BLOCK_BYTES,
    GRAMMARS,
    MAX_FIELD_BYTES,
    Dialect,
    find_misfit,
    line_end_of,
)

Row = tuple[Any, ...]

TEXTS = st.text(st.sampled_from('abN\\"",;\n\r\'é\u2028 '), max_size=8)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "STRING": TEXTS,
    "LONG": st.integers(-(2**63), 2**63 - 1),
    "BYTE": st.integers(-128, 127),
    "DOUBLE": st.floats(allow_nan=False, allow_infinity=False),
    "DECIMAL": st.decimals(-(10**20), 10**20, places=17),
    "DATE": st.dates(),
    "TIMESTAMP": st.datetimes(min_value=dt.datetime(1, 1, 1)),
    "BOOLEAN": st.booleans(),
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a file is written."""

    escape: str  # what stands before a quote
    line_end: str
    ends_line: bool
    quotes_all: bool

    def part(self, names: Sequence[str], rows: Sequence[Row]) -> bytes:
        """Write a header and rows."""
        lines = [",".join(names), *(",".join(map(self._field, row)) for row in rows)]
        text = self.line_end.join(lines) + self.line_end * self.ends_line
        return text.encode()

    def _field(self, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            return plain(value)
        special = (",", '"', "\n", "\r", *("\\" * (self.escape == "\\")))
        if value and not self.quotes_all and not any(one in value for one in special):
            return value
        if self.escape == "\\":
            value = value.replace("\\", "\\\\")
        return f'"{value.replace(chr(34), self.escape + chr(34))}"'


def plain(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case dt.datetime():
            return value.isoformat(timespec="microseconds")
        case dt.date():
            return value.isoformat()
        case _:
            return repr(value)


FORMS = st.builds(
    Form,
    escape=st.sampled_from('"\\'),
    line_end=st.sampled_from(["\n", "\r\n"]),
    ends_line=st.booleans(),
    quotes_all=st.booleans(),
)


@st.composite
def tables(draw: st.DrawFn, *, least_columns: int = 1) -> tuple[list[OutputColumn], list[Row]]:
    types = draw(st.lists(st.sampled_from(list(VALUES)), min_size=least_columns, max_size=4))
    columns = read_columns(
        [
            {"name": f"c{number}", "dataType": kind, "precision": 38, "scale": 17}
            for number, kind in enumerate(types)
        ]
    )
    row = st.tuples(*(st.none() | VALUES[kind] for kind in types))
    return list(columns), draw(st.lists(row, max_size=6))


def cut(rows: Sequence[Row], parts: int) -> list[Sequence[Row]]:
    bounds = [len(rows) * number // parts for number in range(parts + 1)]
    return [rows[first:last] for first, last in pairwise(bounds)]


def loaded_or_refused(
    parts: Sequence[bytes], columns: Sequence[OutputColumn], *, block_bytes: int = BLOCK_BYTES
) -> list[Row] | str:
    """Return what is stored of these parts, or why nothing is.

    :param block_bytes: so many bytes are examined at a time.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        patch.object(csv_grammar, "BLOCK_BYTES", block_bytes),
    ):
        try:
            stored = read(store(Path(directory), write(Path(directory), *parts), columns))
        except InvalidResults as err:
            return str(err)
    return list(zip(*(column.to_pylist() for column in stored.columns), strict=True))


def has_backslashes(rows: Sequence[Row]) -> bool:
    return any(isinstance(value, str) and "\\" in value for row in rows for value in row)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(table=tables(), form=FORMS, parts=st.integers(1, 5), block_bytes=st.integers(1, 40))
def test_any_table_comes_back_equal_or_is_refused_where_backslashes_have_two_meanings(
    table: tuple[list[OutputColumn], list[Row]], form: Form, parts: int, block_bytes: int
) -> None:
    columns, rows = table
    if (
        len(columns) == 1
        and not form.ends_line
        and any(part and part[-1] == (None,) for part in cut(rows, parts))
    ):
        return  # a single NULL without a line end leaves no byte
    files = [form.part([c.name for c in columns], part) for part in cut(rows, parts)]
    found = loaded_or_refused(files, columns, block_bytes=block_bytes)
    if isinstance(found, str):
        assert re.search("row .* column .* holds backslashes", found)
        assert has_backslashes(rows)
        event("refused")
    else:
        assert found == rows


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    table=tables(least_columns=2),
    form=FORMS,
    data=st.data(),
    wrong=st.sampled_from(list(b'",\\\n\rx')),
)
def test_no_spoiled_byte_of_the_structure_changes_a_value(
    table: tuple[list[OutputColumn], list[Row]], form: Form, data: st.DataObject, wrong: int
) -> None:
    columns, rows = table
    whole = form.part([c.name for c in columns], rows)
    if isinstance(loaded_or_refused([whole], columns), str):
        return
    # Without the last line end a letter in its place would be one of the last value
    places = [place for place in structure_of(whole, form) if place < len(whole) - 1]
    place = data.draw(st.sampled_from(places)) if places else 0
    spoiled = whole[:place] + bytes([wrong]) + whole[place + 1 :]
    found = loaded_or_refused([spoiled], columns)
    if fits_the_other_dialect_only(spoiled, form):
        return  # a whole file of that dialect has the same bytes
    event("refused" if isinstance(found, str) else "no value changed")
    assert isinstance(found, str) or found == rows


def fits_the_other_dialect_only(whole: bytes, form: Form) -> bool:
    own, other = Dialect.DOUBLED, Dialect.BACKSLASH
    if form.escape == "\\":
        own, other = other, own
    with tempfile.TemporaryDirectory() as directory:
        (part,) = write(Path(directory), whole)
        end_last_line(part)
        line_end = line_end_of(part)
        fits = [find_misfit(part, GRAMMARS[one, line_end]) is None for one in (own, other)]
    return fits == [False, True]


def structure_of(whole: bytes, form: Form) -> list[int]:
    """Return where commas, quotes, escapes and line ends stand that are not text of a value."""
    inside = rb'(?:[^"\\]|\\.)*' if form.escape == "\\" else rb'(?:[^"]|"")*'
    places = []
    for found in re.finditer(rb'"(' + inside + rb')"|[,\r\n]', whole, re.DOTALL):
        if found[1] is None:
            places.append(found.start())
            continue
        escapes = rb"\\." if form.escape == "\\" else rb'""'
        inner = [found.start(1) + one.start() for one in re.finditer(escapes, found[1], re.S)]
        places += [found.start(), *inner, found.end() - 1]
    return places


def is_strict(text: bytes, dialect: Dialect, line_end: bytes) -> bool:
    """Read a file field by field; return whether it is of the dialect and has no empty line."""
    at, fields = 0, 0  # of the row
    while at < len(text):
        start = at
        if text.startswith(b'"', at):
            at = end_of_quotes(text, at + 1, dialect)
        while at < len(text) and text[start] != ord('"') and text[at] not in b',"\r\n':
            at += 1
        fields += 1
        if text.startswith(b",", at):
            at += 1
        elif text.startswith(line_end, at) and (fields > 1 or at > start):
            at, fields = at + len(line_end), 0
        else:
            return False
    return fields == 0  # the last line has its end


def end_of_quotes(text: bytes, at: int, dialect: Dialect) -> int:
    """Return where a quoted field ends; the end of the text where it is not of the dialect."""
    while at < len(text):
        escapes = (b'""',) if dialect is Dialect.DOUBLED else (b"\\\\", b'\\"')
        if text.startswith(escapes, at):
            at += 2
        elif text[at] == ord('"'):
            return at + 1
        elif dialect is Dialect.BACKSLASH and text[at] == ord("\\"):
            return len(text)
        else:
            at += 1
    return at


FIELDS = ["", "x", '""', '"x"', '"NN"', '"xNNy"', '"N"', '","', '"a""b"', '"a\\"b"', '"\\\\"', '"']


@settings(max_examples=200, deadline=None)
@given(
    fields=st.lists(st.sampled_from(FIELDS), min_size=2, max_size=8),
    ends=st.lists(st.sampled_from([",", "N", "NN"]), min_size=7, max_size=7),
    line_end=st.sampled_from([b"\n", b"\r\n"]),
)
def test_a_file_fits_the_dialects_in_which_a_strict_parser_reads_it(
    fields: list[str], ends: list[str], line_end: bytes
) -> None:
    """Blocks end at each place after the header, which says whether an empty line is a row."""
    body = "".join(map("".join, zip(fields, [*ends[: len(fields) - 1], "N"], strict=True)))
    text = f"a,bN{body}".encode().replace(b"N", line_end)
    with tempfile.TemporaryDirectory() as directory:
        (part,) = write(Path(directory), text)
        for dialect in Dialect:
            is_valid = is_strict(text, dialect, line_end)
            event(f"valid: {is_valid}")
            for block_bytes in range(len(b"a,b\r\n"), len(text) + 1):
                with patch.object(csv_grammar, "BLOCK_BYTES", block_bytes):
                    misfit = find_misfit(part, GRAMMARS[dialect, line_end])
                assert (misfit is None) == is_valid, block_bytes


def cut_in_a_line_end(after: str) -> str:
    """Return a file whose first block ends between the two bytes of a line end."""
    start = 'a,b\r\n1,"'
    text = "y" * (BLOCK_BYTES - len(start) - len('"\r'))
    assert len(f'{start}{text}"\r') == BLOCK_BYTES
    return f'{start}{text}"\r\n{after}'


def test_an_empty_line_in_quotes_is_text_after_a_block_that_ends_in_a_line_end(
    tmp_path: Path,
) -> None:
    text = cut_in_a_line_end('2,"one\r\n\r\ntwo"\r\n3,"z"\r\n')
    stored = read(store(tmp_path, write(tmp_path, text), PAIR))
    assert stored.to_pydict()["b"][1:] == ["one\r\n\r\ntwo", "z"]


def test_an_empty_line_is_refused_after_a_block_that_ends_in_a_line_end(tmp_path: Path) -> None:
    text = cut_in_a_line_end('\r\n3,"z"\r\n')
    with pytest.raises(InvalidResults, match=r"row 3, column a: .*truncated"):
        store(tmp_path, write(tmp_path, text), PAIR)
    assert stored_files(tmp_path) == []


QUOTE = 'He said "hi" ok'


@pytest.mark.parametrize("ends_line", [True, False])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ('"He said ""hi"" ok"', QUOTE),
        ('"He said \\"hi\\" ok"', QUOTE),
        ('"a ""b\\"" c"', 'a "b\\" c'),
        ('"C:\\dir, x"', "C:\\dir, x"),
        ('"C:\\"', "C:\\"),
        ('"\\\\ \\""', '\\ "'),
        ("C:\\dir", "C:\\dir"),
        ("C:\\\\dir\\", "C:\\\\dir\\"),
        ("\\N", "\\N"),
        ('"two\nlines"', "two\nlines"),
        ('"two\r\n\r\nlines \\""', 'two\r\n\r\nlines "'),
    ],
)
def test_a_field_is_read_in_the_dialect_that_the_file_is_written_in(
    tmp_path: Path, field: str, value: str, ends_line: bool
) -> None:
    text = f"b,a\n{field},1\nz,{field}" + "\n" * ends_line
    columns = (OutputColumn(name="a"), OutputColumn(name="b"))
    stored = read(store(tmp_path, write(tmp_path, text), columns))
    assert stored.to_pydict() == {"b": [value, "z"], "a": ["1", value]}


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ('1,"say ""x"""\n2,y\n3,"say \\"x\\""\n', "row 4, column b"),
        ('1,"say \\"x\\""\n2,"two\nlines"\n3,"say ""x"""\n', "row 4, column b"),
        ('1,"x"y\n', "row 2, column b"),
        ('1,x"y"\n', "row 2, column b"),
        ('1,say \\"x\\"\n', "row 2, column b"),
        ('1,x\n"2"3,y\n', "row 3, column a"),
        ('1,x\n2,"y\n3,z\n', "row 3, column b"),
        ('1,"say \\"x\\""\n2,"C:\\dir, x"\n', "row 3, column b"),
        ("1,x\n2,y\rz\n", "row 3, column b"),
        ("1,x\r\n2,y\n", "row 3, column b"),
        ("1,x\n\n2,y\n", "row 3, column a"),
        ("1,x\n2,y\n\n", "row 4, column a"),
    ],
)
def test_a_mixture_is_refused_with_row_and_column(tmp_path: Path, rows: str, place: str) -> None:
    header = "a,b\r\n" if "\r\n" in rows else "a,b\n"
    with pytest.raises(InvalidResults, match=rf"^part-00000\.csv, {place}: .*in another way"):
        store(tmp_path, write(tmp_path, header + rows), PAIR)
    assert stored_files(tmp_path) == []


def test_a_place_far_into_a_file_is_counted_by_rows_not_by_lines(tmp_path: Path) -> None:
    rows = "".join(f'{number},"x, ""{number}""\n"\n' for number in range(BLOCK_BYTES // 10))
    with pytest.raises(InvalidResults, match=f"row {BLOCK_BYTES // 10 + 2}, column b"):
        store(tmp_path, write(tmp_path, f'a,b\n{rows}7,x"\n'), PAIR)


def test_a_field_without_end_is_looked_for_no_longer_than_any_field_is(tmp_path: Path) -> None:
    text = f'a,b\n1,"{"y" * 3 * MAX_FIELD_BYTES}'
    with pytest.raises(InvalidResults, match=f"row 2, column b.*{MAX_FIELD_BYTES} bytes"):
        store(tmp_path, write(tmp_path, text), PAIR)


def test_backslashes_that_may_mean_one_or_two_are_refused_with_a_remedy(tmp_path: Path) -> None:
    parts = write(tmp_path, "a,b\n1,x\n", 'a,b\n2,y\n3,"C:\\\\dir, x"\n')
    with pytest.raises(InvalidResults, match=r"part-00001\.csv, row 3, column b: .*REPLACE"):
        store(tmp_path, parts, PAIR)
    assert stored_files(tmp_path) == []


@pytest.mark.parametrize(
    ("decisive", "value"),
    [('"say ""x"""', "C:\\\\dir, x"), ('"say \\"x\\""', "C:\\dir, x")],
    ids=["doubled", "backslash"],
)
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_one_part_decides_for_all(
    tmp_path: Path, decisive: str, value: str, order: tuple[int, int, int]
) -> None:
    texts = ["a,b\n1,x\n", 'a,b\n2,"C:\\\\dir, x"\n', f"a,b\n3,{decisive}\n"]
    stored = store(tmp_path, write(tmp_path, *[texts[number] for number in order]), PAIR)
    values = dict(zip(*read(stored).to_pydict().values(), strict=True))
    assert values == {1: "x", 2: value, 3: 'say "x"'}
    assert list(values) == [number + 1 for number in order]


def test_parts_in_two_dialects_are_refused(tmp_path: Path) -> None:
    parts = write(tmp_path, 'a,b\n1,"say ""x"""\n', 'a,b\n2,"say \\"x\\""\n')
    with pytest.raises(InvalidResults, match=r"part-00001\.csv, row 2, column b"):
        store(tmp_path, parts, PAIR)


def test_a_header_may_need_quotes_too(tmp_path: Path) -> None:
    columns = (OutputColumn(name='a "x"'), OutputColumn(name="b,c"))
    for header in ('"a ""x""","b,c"', '"a \\"x\\"","b,c"'):
        stored = read(store(tmp_path, write(tmp_path, f"\ufeff{header}\n1,"), columns))
        assert stored.to_pydict() == {'a "x"': ["1"], "b,c": [None]}


def test_a_null_after_a_quoted_field_at_the_very_end_is_a_null(tmp_path: Path) -> None:
    stored = read(store(tmp_path, write(tmp_path, 'b,a\n"",'), PAIR))
    assert stored.to_pydict() == {"b": [""], "a": [None]}
