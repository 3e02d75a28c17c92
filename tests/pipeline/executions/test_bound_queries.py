"""What the binder writes is taken by the emulator's engine, and finds the rows that are meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.engine_runs import NORTH, make_query, shared_engine
from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.binding import bind
from recomamp.domain.sql.parameters import declare

DAY = Window(
    start=datetime(2025, 3, 5, tzinfo=UTC),
    end=datetime(2025, 3, 6, tzinfo=UTC),
    time_zone="UTC",
)
IMPRESSIONS = "SELECT SUM(impressions) AS n FROM dsp_impressions WHERE {}"
CAMPAIGNS = "SELECT COUNT(DISTINCT campaign) AS n FROM dsp_impressions WHERE {}"


def count(sql: str, window: Window = DAY, **parameters: Any) -> int:
    """Run a query over a window and return the one number of its one row, 0 without a row."""
    bound = bind(sql, declare(parameters), window)
    query = make_query(
        bound.sql,
        time_window_start=window.start,
        time_window_end=window.end,
        input_parameters=bound.input_parameters,
        parameter_values=bound.parameter_values,
    )
    rows = shared_engine().run(NORTH, query).rows
    return rows[0][0] or 0 if rows else 0


@pytest.mark.parametrize(
    "window", [DAY, Window(start=DAY.start, end=DAY.start + timedelta(days=7), time_zone="UTC")]
)
@pytest.mark.parametrize(
    "condition",
    [
        "impression_dt_utc >= '{{start_date}}' AND impression_dt_utc <= '{{end_date}}'",
        "impression_dt_utc BETWEEN '{{start_date}}' AND '{{end_date}}'",
        "{{start_date}} <= impression_dt_utc AND {{end_date}} >= impression_dt_utc",
        "impression_dt_utc >= '{{start_date}}' AND NOT impression_dt_utc > {{time_window_end}}",
        "impression_date_utc >= '{{start_date}}' AND impression_date_utc <= '{{end_date}}'",
        "impression_date_utc BETWEEN '{{start_date}}' AND '{{end_date}}'",
        "CAST(impression_dt_utc AS DATE) <= '{{end_date}}'",
        "impression_dt_utc <= CAST('{{end_date}}' AS TIMESTAMP)",
        "impression_dt_utc BETWEEN TIMESTAMP '{{start_date}}' AND TIMESTAMP '{{end_date}}'",
        "impression_dt_utc >= {{time_window_start}} AND impression_dt_utc < {{time_window_end}}",
    ],
)
def test_no_day_of_the_window_is_lost(condition: str, window: Window) -> None:
    everything = count(IMPRESSIONS.format("1 = 1"), window)
    assert everything > 100
    assert count(IMPRESSIONS.format(condition), window) == everything


def test_an_upper_bound_includes_its_day_and_no_other() -> None:
    week = Window(start=DAY.start, end=DAY.start + timedelta(days=7), time_zone="UTC")
    first_three = count(
        IMPRESSIONS.format("impression_dt_utc < TIMESTAMP '2025-03-08 00:00:00'"), week
    )
    for column in ("impression_dt_utc", "impression_date_utc"):
        found = count(IMPRESSIONS.format(f"{column} <= {{{{last}}}}"), week, last="2025-03-07")
        assert 0 < found == first_three


@pytest.mark.parametrize(
    "condition",
    [
        "(ARRAY_CONTAINS(CUSTOM_PARAMETER('ids'), campaign) OR CUSTOM_PARAMETER('ids') IS NULL"
        " OR CARDINALITY(CUSTOM_PARAMETER('ids')) = 0)",
        "CASE WHEN {{ids}} IS NULL THEN TRUE ELSE ARRAY_CONTAINS({{ids}}, campaign) END",
    ],
)
def test_an_optional_filter_filters_where_it_has_a_value(condition: str) -> None:
    array = {"type": "ARRAY<STRING>", "required": False}
    everything = count(CAMPAIGNS.format("1 = 1"))
    assert everything > 1
    assert count(CAMPAIGNS.format(condition), ids=array) == everything
    (name,) = one_campaign()
    assert count(CAMPAIGNS.format(condition), ids=[name]) == 1


def one_campaign() -> tuple[str]:
    sql = "SELECT campaign, SUM(impressions) AS n FROM dsp_impressions GROUP BY campaign"
    query = make_query(sql, time_window_start=DAY.start, time_window_end=DAY.end)
    return (max(shared_engine().run(NORTH, query).rows, key=lambda row: row[1])[0],)


def test_a_number_in_quotes_finds_a_text() -> None:
    sql = "SELECT MAX(campaign_id) AS n FROM dsp_impressions"
    number = count(sql)
    by_text = "campaign_id_string = '{{id}}' AND campaign_id = {{id}}"
    assert count(CAMPAIGNS.format(by_text), id=number) == 1
    assert count(CAMPAIGNS.format("campaign_id_string IN ('{{ids}}')"), ids=[number]) == 1


@pytest.mark.parametrize(
    "pattern",
    ["'%{{text}}%'", "('%{{text}}%')", "UPPER('%{{text}}%')", "CONCAT('%', {{text}}, '%')"],
)
def test_a_wildcard_of_a_value_finds_itself_alone(pattern: str) -> None:
    (name,) = one_campaign()
    condition = CAMPAIGNS.format(f"UPPER(campaign) LIKE {pattern}")
    assert count(condition, text=name.upper()) >= 1
    assert count(condition, text=name.upper()[:-1] + "_") == 0
    assert count(condition, text="%") == 0


def test_a_list_may_be_given_to_contained_in() -> None:
    (name,) = one_campaign()
    assert count(CAMPAIGNS.format("CONTAINED_IN(campaign, {{names}})"), names=[name, "x"]) == 1
