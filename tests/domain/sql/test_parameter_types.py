"""Which values each type takes, at the edges of what AMC holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from recomamp.domain.sql.parameter_types import (
    ParameterType,
    infer_text,
    json_scalar,
    read_date,
    read_scalar,
    sent_chars,
    write_scalar,
)

MOMENT = datetime(2025, 1, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("STRING", "a" * 4096, "a" * 4096),
        ("STRING", "\ud7ff\ue000", "\ud7ff\ue000"),  # the neighbours of surrogates
        ("INTEGER", 2**31 - 1, 2**31 - 1),
        ("INTEGER", -(2**31), -(2**31)),
        ("INTEGER", "-2147483648", -(2**31)),
        ("LONG", 2**63 - 1, 2**63 - 1),
        ("LONG", -(2**63), -(2**63)),
        ("LONG", "9223372036854775807", 2**63 - 1),
        ("LONG", 2.0**53, 2**53),
        ("LONG", -(2.0**53), -(2**53)),
        ("LONG", Decimal("7.00"), 7),
        ("DOUBLE", "0." + "0" * 398, 0.0),
        ("DOUBLE", 2**53, 2.0**53),
        ("DOUBLE", 1e308, 1e308),
        ("DOUBLE", Decimal("0.5"), 0.5),
        ("DECIMAL", "1" * 38, Decimal("1" * 38)),
        ("DECIMAL", "0." + "1" * 38, Decimal("0." + "1" * 38)),
        ("DECIMAL", "1e37", Decimal(10**37)),
        ("DECIMAL", "1" * 20 + "." + "1" * 18, Decimal("1" * 20 + "." + "1" * 18)),
        ("DECIMAL", 7, Decimal(7)),
        ("BOOLEAN", "false", False),
        ("BOOLEAN", False, False),
        ("DATE", date(2024, 2, 29), date(2024, 2, 29)),
        ("DATE", "2024-02-29", date(2024, 2, 29)),
        ("TIMESTAMP", MOMENT, MOMENT),
        ("TIMESTAMP", datetime(2025, 1, 1, 12, 30), MOMENT),
        ("TIMESTAMP", MOMENT.astimezone(timezone(timedelta(hours=-8))), MOMENT),
        ("TIMESTAMP", "2025-01-01T23:59:59Z", datetime(2025, 1, 1, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_value_at_the_edge_of_its_type_is_taken_whole(kind: str, raw: Any, value: Any) -> None:
    read = read_scalar(ParameterType(kind), raw)
    assert read == value
    assert type(read) is type(value)
    if isinstance(read, datetime):
        assert read.tzinfo is UTC


def test_a_decimal_shows_as_it_is_sent_without_its_exponent() -> None:
    assert str(read_scalar(ParameterType.DECIMAL, "1.5e3")) == "1500"


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("STRING", "a" * 4097),
        ("STRING", "a\0"),
        ("STRING", "a\ud800"),
        ("STRING", "\udfff"),
        ("INTEGER", 2**31),
        ("INTEGER", -(2**31) - 1),
        ("INTEGER", "1e3"),
        ("INTEGER", ""),
        ("INTEGER", None),
        ("LONG", 2**63),
        ("LONG", -(2**63) - 1),
        ("LONG", "9223372036854775808"),
        ("LONG", 2.0**53 + 2),
        ("LONG", Decimal("NaN")),
        ("LONG", Decimal("7.01")),
        ("DOUBLE", "five"),
        ("DOUBLE", "0." + "0" * 399),
        ("DOUBLE", Decimal("Infinity")),
        ("DOUBLE", float("nan")),
        ("DOUBLE", [1.0]),
        ("DECIMAL", "1" * 39),
        ("DECIMAL", "1e38"),
        ("DECIMAL", "1" * 20 + "." + "1" * 19),
        ("DECIMAL", Decimal("Infinity")),
        ("DECIMAL", Decimal("NaN")),
        ("DECIMAL", "five"),
        ("DECIMAL", True),
        ("BOOLEAN", [True]),
        ("BOOLEAN", "True"),
        ("BOOLEAN", None),
        ("DATE", MOMENT),
        ("DATE", "2025-02-29"),
        ("DATE", 20250101),
        ("TIMESTAMP", 1735732800),
        ("TIMESTAMP", date(2025, 1, 1)),
        ("TIMESTAMP", MOMENT.replace(microsecond=1)),
        ("TIMESTAMP", "2025-02-29T00:00:00"),
        ("TIMESTAMP", "2025-01-01T00:00:60"),
    ],
)
def test_a_value_beyond_its_type_is_not_taken(kind: str, raw: Any) -> None:
    assert read_scalar(ParameterType(kind), raw) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.10"), "1.10"),
        (date(2025, 1, 1), "2025-01-01"),
        (MOMENT, "2025-01-01T12:30:00"),
        (MOMENT.astimezone(timezone(timedelta(hours=9))), "2025-01-01T12:30:00"),
        ("1e3", "1e3"),
    ],
)
def test_amc_gets_plain_numbers_dates_and_times_in_utc(value: Any, text: str) -> None:
    assert write_scalar(value) == text


@pytest.mark.parametrize(
    ("kind", "value", "plain"),
    [
        ("STRING", "Acme", "Acme"),
        ("INTEGER", 7, 7),
        ("LONG", 2**53 + 1, "9007199254740993"),
        ("DOUBLE", 0.5, 0.5),
        ("DECIMAL", Decimal("1.10"), "1.10"),
        ("BOOLEAN", True, True),
        ("DATE", date(2025, 1, 1), "2025-01-01"),
        ("TIMESTAMP", MOMENT, "2025-01-01T12:30:00Z"),
    ],
)
def test_json_holds_what_a_browser_would_round_as_text(kind: str, value: Any, plain: Any) -> None:
    written = json_scalar(ParameterType(kind), value)
    assert written == plain
    assert type(written) is type(plain)


def test_an_array_counts_as_its_json_text() -> None:
    assert sent_chars("Größe") == 5
    assert sent_chars(["Größe", "b"]) == len('["Größe", "b"]')


@pytest.mark.parametrize(
    ("text", "kind"),
    [("2025-01-01", "DATE"), ("2025-01-01T00:00:00", "TIMESTAMP"), ("2025-13-01", "STRING")],
)
def test_a_plain_text_tells_its_type(text: str, kind: str) -> None:
    assert infer_text(text) is ParameterType(kind)


def test_a_time_is_no_date() -> None:
    assert read_date(MOMENT) is None
    assert read_date("2025-01-01T00:00:00") is None
    assert read_date("2025-01-01") == date(2025, 1, 1)
