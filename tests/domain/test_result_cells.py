"""Values of results as text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from recomamp.domain.result_cells import cell_text, cells_of


def test_numbers_keep_every_digit() -> None:
    text = '{"id": 576460752303423489, "rate": 0.12345678901234567890, "at": null, "new": true}'
    assert cells_of(text, ["new", "id", "rate", "at", "absent"]) == [
        "true",
        "576460752303423489",
        "0.12345678901234567890",
        None,
        None,
    ]
    assert cells_of('{"spend": 1.10}') == {"spend": "1.10"}
    assert cells_of(f'{{"long": {"9" * 5000}}}') == {"long": "9" * 5000}


@pytest.mark.parametrize("text", ["[1]", "3", '"a"', "null", None])
def test_what_is_no_row_has_no_values(text: str | None) -> None:
    assert cells_of(text, ["a"]) == [None]
    assert cells_of(text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E-7"), "0.0000001"),
        (date(2026, 5, 4), "2026-05-04"),
        (datetime(2026, 5, 4, 10, 0, 0, 123000), "2026-05-04T10:00:00.123000"),
        (False, "false"),
        (0.1, "0.1"),
        ("", ""),
        (["ü", "1"], '["ü", "1"]'),
    ],
)
def test_values_of_files_are_written_as_in_the_document(value: Any, text: str) -> None:
    assert cell_text(value) == text
