"""Rows in a mail are bounded, and no program for tables runs one of their cells."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.csv_attachment import BYTE_ORDER_MARK, MAX_BYTES, csv_file

CELLS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"))


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", " =1", "\ufeff=1", "=", "-", '"=1"',
     "\uff1d1", "-1-1", "=1;2", "-1e5x", "\t1"],
)  # fmt: skip
def test_a_formula_is_text(cell: str) -> None:
    ((shown,),) = read(csv_file([[cell]]))
    assert shown == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a; =1;-2;@b", "a;' =1;-2;'@b"),
        ("a\t=1", "a\t'=1"),
        ("a\n=1", "a\n'=1"),
        ("a\r\n=1", "a\r\n'=1"),
        ('a;"=1"', 'a;\'"=1"'),
        ("\t=1", "'\t'=1"),
    ],
)
def test_a_formula_after_a_separator_of_another_program_is_text(cell: str, text: str) -> None:
    """Where ; is the separator, the quotes around our cell open no quoted cell."""
    assert read(csv_file([["x", cell]])) == [["x", text]]


@pytest.mark.parametrize(
    "cell", ["-1", "+1", "-0.5", "-1e-7", "1", "a=b", "", "2026-01-01", 'a,b"c', "a; b", "1;-2"]
)
def test_numbers_and_other_text_stay(cell: str) -> None:
    assert read(csv_file([["x", cell]])) == [["x", cell]]


@given(rows=st.lists(st.tuples(CELLS, CELLS).map(list), min_size=1))
def test_every_cell_comes_back(rows: list[list[str | None]]) -> None:
    shown = read(csv_file(rows))
    assert [[cell.replace("'", "") for cell in row] for row in shown] == [
        [(cell or "").replace("'", "") for cell in row] for row in rows
    ]


def test_only_whole_rows_that_fit() -> None:
    content = csv_file([["é" * 1000]] * 1000)
    assert MAX_BYTES - 2100 < len(content) <= MAX_BYTES
    assert set(map(len, (row[0] for row in read(content)))) == {1000}


def test_a_row_that_fills_the_file_to_its_last_byte_is_in_it() -> None:
    cell = "x" * (MAX_BYTES - len(BYTE_ORDER_MARK) - len("\r\n"))
    assert len(csv_file([[cell]])) == MAX_BYTES
    assert csv_file([[f"{cell}x"]]) == BYTE_ORDER_MARK


def test_half_a_character_is_a_question_mark() -> None:
    assert read(csv_file([["a\ud800"]])) == [["a?"]]
