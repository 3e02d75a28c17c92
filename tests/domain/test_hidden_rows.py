"""Reasons of privacy, counted without their numbers and bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.hidden_rows import MAX_REASONS, NO_REASON, add_reason, reason_of


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
