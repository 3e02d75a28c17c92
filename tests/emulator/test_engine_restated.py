"""What a query sees depends on when it runs; after a month the result stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from fixtures.engine_runs import MONDAY, WEEK, run, values

END = MONDAY + WEEK
TABLES = [
    "amazon_attributed_events_by_conversion_time",
    "amazon_attributed_events_by_traffic_time",
    "conversions",
    "conversions_all",
    "conversions_with_relevance",
    "amazon_retail_purchases",
    "adserver_conversions",
]
AGES = [timedelta(days=days) for days in (0, 3, 14, 28)]


def rows_known(table: str, known_at: datetime | None, **overrides: Any) -> int:
    rows = values(f"SELECT COUNT(*) AS n FROM {table}", known_at=known_at, **overrides)
    return int(rows[0][0]) if rows else 0


@pytest.mark.parametrize("table", TABLES)
def test_conversions_become_known_one_after_the_other(table: str) -> None:
    counts = [rows_known(table, END + age) for age in AGES]
    final = rows_known(table, END + timedelta(days=31))
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < final
    assert final == rows_known(table, None)


def test_most_are_known_within_days_of_the_window_and_a_tail_within_weeks() -> None:
    table = "amazon_attributed_events_by_conversion_time"
    final = rows_known(table, None)
    shares = [rows_known(table, END + age) / final for age in AGES]
    assert 0.6 < shares[0] < 0.9
    assert 0.8 < shares[1] < 0.97
    assert 0.93 < shares[2] < 1
    assert 0.99 < shares[3] <= 1


def test_a_window_of_traffic_gets_conversions_that_happen_after_it() -> None:
    sql = (
        "SELECT COUNT(*) AS n FROM amazon_attributed_events_by_traffic_time"
        " WHERE conversion_event_dt_utc >= BUILT_IN_PARAMETER('TIME_WINDOW_END')"
    )
    late = [values(sql, known_at=END + age) for age in AGES]
    assert late[0] == []  # what has not happened yet is not known
    assert late[1][0][0] < late[2][0][0] <= late[3][0][0]


@pytest.mark.parametrize(
    ("table", "moment"),
    [
        ("dsp_impressions", "impression_dt_utc"),
        ("dsp_views", "event_dt_utc"),
        ("sponsored_ads_traffic", "event_dt_utc"),
        ("conversions", "event_dt_utc"),
        ("amazon_brand_store_page_views", "event_dt_utc"),
    ],
)
def test_nothing_is_known_before_it_happens(table: str, moment: str) -> None:
    now = MONDAY + timedelta(days=3, hours=5)
    [(latest,)] = values(f"SELECT MAX({moment}) AS latest FROM {table}", known_at=now)
    assert now - timedelta(days=2) < latest.replace(tzinfo=now.tzinfo) < now
    assert rows_known(table, MONDAY) == 0
    assert rows_known(table, END + timedelta(days=1)) > rows_known(table, now)


def test_what_is_known_only_grows_and_values_do_not_change() -> None:
    sql = (
        "SELECT campaign, SUM(total_purchases) AS p, SUM(total_product_sales) AS s"
        " FROM amazon_attributed_events_by_traffic_time GROUP BY campaign"
    )
    results = [
        {row[0]: row[1:] for row in run(sql, known_at=END + age).rows}
        for age in (*AGES, timedelta(days=31), timedelta(days=90))
    ]
    for before, after in pairwise(results):
        assert set(before) <= set(after)
        assert all(after[name] >= before[name] for name in before)
    assert results[-1] == results[-2] == {row[0]: row[1:] for row in run(sql).rows}


def test_a_month_after_any_window_nothing_is_missing() -> None:
    table = "amazon_attributed_events_by_traffic_time"
    for start in (MONDAY - n * WEEK for n in range(8)):
        window = {"time_window_start": start, "time_window_end": start + WEEK}
        after = start + WEEK + timedelta(days=31)
        assert rows_known(table, after, **window) == rows_known(table, None, **window)


def test_dimensions_are_always_known() -> None:
    assert rows_known("amazon_your_garage", MONDAY) == rows_known("amazon_your_garage", None)
