"""Texts from outside become short lines that keep what identifies them."""

from __future__ import annotations

import pytest

from recomamp.domain.text import (
    MAX_LINE,
    bounded_quotes,
    one_line,
    printable,
    strip_unstorable,
)


@pytest.mark.parametrize("text", ["a" * 20, "a b" + " " * 77, "\t\n".join("abcdefghij")])
def test_a_text_that_fits_loses_nothing_but_spaces(text: str) -> None:
    assert one_line(text, 20) == " ".join(text.split())[:20]
    assert not one_line(text, 20).endswith("…")


@pytest.mark.parametrize("text", ["a" * 21, "a b" + " " * 78])
def test_a_line_says_that_its_text_goes_on(text: str) -> None:
    assert one_line(text, 20).endswith("…")


@pytest.mark.parametrize(
    ("value", "line"),
    [(None, ""), ("", ""), (0, "0"), ("a\n\t b ", "a b"), ("ü\u202e\x1b[1m", "ü [1m")],
)
def test_any_value_is_one_line(value: object, line: str) -> None:
    assert one_line(value) == line


def test_a_line_is_cut_before_its_sign_that_it_goes_on() -> None:
    assert one_line("abcdef", 5) == "abcd…"
    assert one_line("a b c d e f", 5) == "a b …"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x00b\nc", "a b c"),
        ("ü\x00", "ü "),
        ("a\u2028b\u2029c", "a b c"),
        ("a\ud800b", "a b"),
        ("a\u202eb\u200bc", "abc"),
    ],
)
def test_what_nobody_sees_is_dropped_or_a_space(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "stored"), [("a\0b", "ab"), ("a\ud800b", "a?b"), ("a\nü\U0001f600", "a\nü\U0001f600")]
)
def test_what_postgres_cannot_store_is_taken_out(text: str, stored: str) -> None:
    assert strip_unstorable(text) == stored


@pytest.mark.parametrize(
    ("word", "shown"),
    [("w" * 199, "w" * 199), ("w" * 200, "w" * 60 + "…"), ("w" * 9999, "w" * 60 + "…")],
)
def test_of_a_word_that_is_no_name_the_beginning_stays(word: str, shown: str) -> None:
    assert bounded_quotes(f"{word} is not a column") == f"{shown} is not a column"


def test_a_message_of_the_greatest_length_stays_whole() -> None:
    text = "ab " * (MAX_LINE // 3) + "a" * (MAX_LINE % 3)

    assert bounded_quotes(text) == text


def test_a_longer_message_keeps_its_two_ends() -> None:
    text = " ".join(f"{number:03}" for number in range(800))

    shown = bounded_quotes(text)

    begun, ended = shown.split(" … ")
    assert text.startswith(begun)
    assert text.endswith(ended)
    assert len(begun) == len(ended) == MAX_LINE // 3
    assert len(shown) <= MAX_LINE
