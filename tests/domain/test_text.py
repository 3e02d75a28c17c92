"""Texts from outside become short lines that keep what identifies them."""

from __future__ import annotations

import pytest

from recomamp.domain.text import MAX_LINE, bounded_quotes, one_line


@pytest.mark.parametrize("text", ["a" * 20, "a b" + " " * 77, "\t\n".join("abcdefghij")])
def test_a_text_that_fits_loses_nothing_but_spaces(text: str) -> None:
    assert one_line(text, 20) == " ".join(text.split())[:20]
    assert not one_line(text, 20).endswith("…")


@pytest.mark.parametrize("text", ["a" * 21, "a b" + " " * 78])
def test_a_line_says_that_its_text_goes_on(text: str) -> None:
    assert one_line(text, 20).endswith("…")


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
