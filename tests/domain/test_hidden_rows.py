"""Reasons of privacy, counted without their numbers and bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.hidden_rows import (
    MAX_REASON_CHARS,
    MAX_REASONS,
    NO_REASON,
    OTHER_REASONS,
    add_reason,
    reason_of,
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("97 'dsp_impressions' users < 100 required", "'dsp_impressions' users < 100 required"),
        (
            "6 'sponsored_ads_traffic' (path 2 of 3) effective users < 10 required",
            "'sponsored_ads_traffic' (path 2 of 3) effective users < 10 required",
        ),
        ("users < 100 required", "users < 100 required"),
        (None, NO_REASON),
        ("", NO_REASON),
        ("a\0b\nc", "a b c"),
    ],
)
def test_a_reason_is_amcs_text_without_its_number_of_users(text, reason):
    assert reason_of(text) == reason


@given(st.lists(st.tuples(st.none() | st.text(max_size=300), st.integers(1, 5)), max_size=200))
def test_no_row_is_lost_and_no_document_grows_without_end(found):
    counts: dict[str, int] = {}
    for text, number in found:
        add_reason(counts, text, number)
    assert sum(counts.values()) == sum(number for _, number in found)
    assert len(counts) <= MAX_REASONS
    assert len(json.dumps(counts, ensure_ascii=False).encode()) < 65_536


def test_rows_of_one_reason_are_added_up_whatever_its_number_is():
    counts: dict[str, int] = {}
    add_reason(counts, "97 users < 100 required", 2)
    add_reason(counts, "3 users < 100 required", 5)
    add_reason(counts, None, 1)
    assert counts == {"users < 100 required": 7, NO_REASON: 1}


def test_of_too_many_reasons_the_first_are_counted_and_the_others_together():
    counts: dict[str, int] = {}
    for letter in range(MAX_REASONS + 10):
        add_reason(counts, f"reason {letter}", 1)
    add_reason(counts, "reason 0", 1)
    named = {f"reason {letter}": 1 for letter in range(MAX_REASONS - 1)}
    assert counts == {**named, "reason 0": 2, OTHER_REASONS: 11}


def test_a_reason_has_a_greatest_length():
    assert len(reason_of("a" * 10_000)) == MAX_REASON_CHARS
