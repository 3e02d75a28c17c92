"""Queries of the shapes AMC users write, and what comes back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_emulator.engine import OutputColumn
from fixtures.engine_runs import (
    MONDAY,
    NORTH,
    WEEK,
    make_query,
    records,
    run,
    shared_engine,
    values,
)

# Expression over nothing → its value and AMC's type
EXPRESSIONS: dict[str, tuple[Any, str]] = {
    "CONCAT('a', 'b')": ("ab", "STRING"),
    "LEFT('abc', 2)": ("ab", "STRING"),
    "TRIM(BOTH 'x' FROM 'xax')": ("a", "STRING"),
    "SUBSTRING('abcd' FROM 2 FOR 2)": ("bc", "STRING"),
    "POSITION('b' IN 'abc')": (2, "LONG"),
    "CHARINDEX('b', 'abcb', 3)": (4, "LONG"),
    "LOCATE('b', 'abc')": (2, "LONG"),
    "INSTR('abc', 'c')": (3, "LONG"),
    "REGEXP_REPLACE('aXbX', 'X', '-')": ("a-b-", "STRING"),
    "'Toast bread' SIMILAR TO '^Toast'": (True, "BOOLEAN"),
    "'toast bread' SIMILAR TO '(?!)^Toast'": (True, "BOOLEAN"),
    "'no toast' SIMILAR TO '^toast'": (False, "BOOLEAN"),
    "REGEXP_SUBSTR('abc123', '[0-9]+')": ("123", "STRING"),
    "REGEXP_SPLIT('a,b', ',')": ("[a, b]", "STRING"),
    "STR_TO_MAP('a=1,b=2', ',', '=')['b']": ("2", "STRING"),
    "FORMAT('%s-%d', 'a', 3)": ("a-3", "STRING"),
    "IF(1 = 1, 'y', 'n')": ("y", "STRING"),
    "IFNULL(NULL, 2)": (2, "INTEGER"),
    "NVL2(NULL, 1, 2)": (2, "INTEGER"),
    "NULLIF(1, 1)": (None, "INTEGER"),
    "LOG(2, 8)": (3.0, "DOUBLE"),
    "LN(E())": (1.0, "DOUBLE"),
    "TRUNC(1.256, 1)": (Decimal("1.2"), "DECIMAL"),
    "5 / 2": (Decimal("2.5"), "DECIMAL"),
    "1 / 0": (None, "DECIMAL"),
    "DATE_TRUNC('day', TIMESTAMP '2025-03-05 10:00:00')": (datetime(2025, 3, 5), "TIMESTAMP"),
    "CAST('2025-03-05' AS DATE)": (date(2025, 3, 5), "DATE"),
    "EXTRACT(YEAR FROM DATE '2025-03-05')": (2025, "LONG"),
    "DAYOFWEEK(DATE '2025-03-02')": (1, "LONG"),
    "DAYOFWEEK(DATE '2025-03-08')": (7, "LONG"),
    "SECONDS_BETWEEN(TIMESTAMP '2025-03-05 10:00:00', TIMESTAMP '2025-03-05 10:01:30')": (
        90,
        "LONG",
    ),
    "HOUR(CONVERT_TIME_ZONE_FROM_UTC(TIMESTAMP '2025-07-05 10:00:00', 'Europe/Berlin'))": (
        12,
        "LONG",
    ),
    "YEAR(EPOCH_TO_UTC_TIMESTAMP(1741168800))": (2025, "LONG"),
    "YEAR(EPOCH_TO_UTC_TIMESTAMP(1741168800000))": (2025, "LONG"),
    "CAST('today' AS DATE) = CURRENT_DATE": (True, "BOOLEAN"),
    "CAST('now' AS TIMESTAMP) > TIMESTAMP '2020-01-01 00:00:00'": (True, "BOOLEAN"),
    "GREATEST(1, NULL)": (None, "INTEGER"),
    "GREATEST(1, 3, 2)": (3, "INTEGER"),
    "LEAST(3, GREATEST(1, 2))": (2, "INTEGER"),
    "MD5('a')": ("0cc175b9c0f1b6a831c399e269772661", "STRING"),
    "LENGTH(UUID())": (36, "LONG"),
    "FROM_VARBINARY(TO_VARBINARY('a'))": ("a", "STRING"),
    "TO_VARBINARY('a')": ("a", "BINARY"),
    "TO_VARBINARY('6162', 'hex')": ("ab", "BINARY"),
    "TO_VARBINARY('no number', 'hex')": (None, "BINARY"),
    "TO_VARBINARY('YWI=', 'base64')": ("ab", "BINARY"),
    "FROM_VARBINARY(TO_VARBINARY('ü', 'utf-8'), 'utf-8')": ("ü", "STRING"),
    "FROM_VARBINARY(TO_VARBINARY('ab'), 'hex')": ("6162", "STRING"),
    "FROM_VARBINARY(TO_VARBINARY('ab'), 'BASE64')": ("YWI=", "STRING"),
    'JSON_EXTRACT(\'{"a": {"b": "x"}}\', \'$.a.b\')': ("x", "STRING"),
    "ARRAY_SORT(ARRAY_CAT(ARRAY[3], ARRAY[1]))": ("[1, 3]", "STRING"),
    "ARRAY_CONTAINS(ARRAY['a'], 'a')": (True, "BOOLEAN"),
    "ARRAY_TO_STRING(ARRAY['a', 'b'], '-')": ("a-b", "STRING"),
    "ARRAY_UNION(ARRAY[1], ARRAY[2, 1])": ("[1, 2]", "STRING"),
    "ARRAY_INTERSECT(ARRAY[1, 2], ARRAY[2])": ("[2]", "STRING"),
    "ARRAY_COMPLEMENT(ARRAY[1, 2], ARRAY[2])": ("[1]", "STRING"),
    "ARRAY_REMOVE(ARRAY[1, 2], 2)": ("[1]", "STRING"),
    "ARRAY[5, 6][1]": (5, "INTEGER"),
    "CARDINALITY(ARRAY[1, 2])": (2, "LONG"),
    "NAMED_ROW('a', 1, 'b', 'x')": ("[1, x]", "STRING"),
    "CONTAINED_IN('a', 'b', 'a')": (True, "BOOLEAN"),
    "CASE WHEN NULL THEN 1 ELSE 2 END": (2, "INTEGER"),
    "CAST(9007199254740993 AS BIGINT)": (9007199254740993, "LONG"),
    "CAST(1 AS DECIMAL(10, 2))": (Decimal("1.00"), "DECIMAL"),
}


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS.items(), ids=EXPRESSIONS.keys())
def test_a_function_means_what_it_means_in_amc(expression: str, expected: tuple[Any, str]) -> None:
    result = run(f"SELECT COUNT(*) AS n, {expression} AS x FROM dsp_clicks")
    assert (result.rows[0][1], result.columns[1].data_type) == expected


def test_columns_carry_the_names_and_types_amc_gives_them() -> None:
    sql = (
        "SELECT campaign AS CampaignName, SUM(Total_Cost), SUM(impressions) AS imps,"
        " COUNT(DISTINCT user_id) AS reach, MIN(impression_date) AS first_day,"
        " SUM(impressions) / COUNT(DISTINCT user_id) AS frequency"
        " FROM DSP_IMPRESSIONS GROUP BY CAMPAIGN"
    )
    columns = run(sql).columns
    assert columns == (
        OutputColumn(name="CampaignName", data_type="STRING", column_type="DIMENSION"),
        OutputColumn(name="EXPR$1", data_type="DOUBLE", column_type="METRIC"),
        OutputColumn(name="imps", data_type="LONG", column_type="METRIC"),
        OutputColumn(name="reach", data_type="LONG", column_type="DIMENSION"),
        OutputColumn(name="first_day", data_type="DATE", column_type="DIMENSION"),
        OutputColumn(
            name="frequency", data_type="DECIMAL", column_type="METRIC", precision=38, scale=17
        ),
    )
    assert shared_engine().compile(NORTH, make_query(sql)) == columns


def test_sales_are_exact_decimals() -> None:
    result = run(
        "SELECT SUM(total_product_sales) AS s FROM amazon_attributed_events_by_conversion_time"
    )
    assert result.columns[0].scale == 4
    assert result.columns[0].precision == 38
    assert isinstance(result.rows[0][0], Decimal)


@pytest.mark.parametrize(
    ("table", "moment"),
    [
        ("dsp_impressions", "impression_dt_utc"),
        ("dsp_clicks", "click_dt_utc"),
        ("dsp_views", "event_dt_utc"),
        ("sponsored_ads_traffic", "event_dt_utc"),
        ("conversions", "event_dt_utc"),
        ("conversions_with_relevance", "event_dt_utc"),
        ("amazon_attributed_events_by_conversion_time", "conversion_event_dt_utc"),
        ("amazon_attributed_events_by_traffic_time", "traffic_event_dt_utc"),
    ],
)
def test_the_window_applies_to_the_event_time_of_each_table(table: str, moment: str) -> None:
    [(first, last)] = values(f"SELECT MIN({moment}) AS a, MAX({moment}) AS b FROM {table}")
    begin, end = (one.replace(tzinfo=None) for one in (MONDAY, MONDAY + WEEK))
    assert begin <= first < begin + timedelta(hours=12)
    assert end - timedelta(hours=12) < last < end


def test_an_extended_window_reaches_back_and_forth() -> None:
    extended = "TABLE(EXTEND_TIME_WINDOW('dsp_impressions', 'P14D', 'P1DT12H'))"
    [(first, last)] = values(
        f"SELECT MIN(impression_dt_utc) AS a, MAX(impression_dt_utc) AS b FROM {extended} AS x"
    )
    assert first.date() == (MONDAY - timedelta(days=14)).date()
    assert last.date() == (MONDAY + WEEK + timedelta(days=1)).date()


def test_days_add_up_to_the_week() -> None:
    sql = "SELECT SUM(impressions) AS i FROM dsp_impressions"
    days = [MONDAY + timedelta(days=n) for n in range(7)]
    parts = [
        values(sql, time_window_start=day, time_window_end=day + timedelta(days=1))[0][0]
        for day in days
    ]
    assert sum(parts) == values(sql)[0][0]


def test_built_in_parameters_are_the_ends_of_the_window() -> None:
    [(_, start, end)] = values(
        "SELECT COUNT(*) AS n, BUILT_IN_PARAMETER('TIME_WINDOW_START') AS a,"
        " BUILT_IN_PARAMETER('TIME_WINDOW_END') AS b FROM dsp_clicks"
    )
    assert (start, end) == (MONDAY.replace(tzinfo=None), (MONDAY + WEEK).replace(tzinfo=None))


def test_parameters_are_typed_and_a_value_overrides_the_default() -> None:
    sql = (
        "SELECT campaign, SUM(impressions) AS i FROM dsp_impressions"
        " WHERE ARRAY_CONTAINS(CUSTOM_PARAMETER('names'), campaign)"
        " AND impression_date_utc >= CUSTOM_PARAMETER('day')"
        " GROUP BY campaign HAVING SUM(impressions) > CUSTOM_PARAMETER('least')"
    )
    declared = (
        {"name": "names", "dataType": {"type": "ARRAY", "elementDataType": "STRING"}},
        {"name": "day", "dataType": "DATE", "defaultValue": "2025-03-05"},
        {"name": "least", "dataType": "INTEGER", "defaultValue": "1000000"},
    )
    given_names = {"names": ["Weekend Getaway | Online Video", "x'); DROP TABLE touch; --"]}
    none = run(sql, input_parameters=declared, parameter_values=given_names)
    some = run(sql, input_parameters=declared, parameter_values={**given_names, "least": "1"})
    assert none.rows == []
    assert [row[0] for row in some.rows] == ["Weekend Getaway | Online Video"]


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_text_parameter_arrives_as_it_is(text: str) -> None:
    [(_, seen)] = values(
        "SELECT COUNT(*) AS n, CUSTOM_PARAMETER('p') AS p FROM dsp_clicks",
        input_parameters=({"name": "p", "dataType": "STRING"},),
        parameter_values={"p": text},
    )
    assert seen == text


def test_names_are_case_insensitive_and_aliases_may_be_grouped_by() -> None:
    by_alias = values(
        'SELECT UPPER(Campaign) AS Name, Sum(IMPRESSIONS) AS i FROM "dsp_impressions" GROUP BY name'
    )
    by_ordinal = values("SELECT UPPER(campaign), SUM(impressions) FROM dsp_impressions GROUP BY 1")
    assert by_alias == by_ordinal
    assert len(by_alias) == 4


def test_having_may_name_an_alias() -> None:
    rows = values(
        "SELECT campaign, SUM(impressions) AS i FROM dsp_impressions GROUP BY campaign"
        " HAVING i > 1000"
    )
    assert rows
    assert all(row[1] > 1000 for row in rows)


def test_order_by_is_honoured_for_columns_of_the_output() -> None:
    sql = "SELECT campaign, SUM(impressions) AS i FROM dsp_impressions GROUP BY 1 ORDER BY {}"
    counts = [row[1] for row in values(sql.format("i DESC"))]
    assert counts == sorted(counts, reverse=True)
    assert values(sql.format("MAX(impression_dt)")) == sorted(values(sql.format("1")))


def test_clicks_join_their_impressions_by_request_tag() -> None:
    [(impressions, clicks, matched)] = values(
        "SELECT SUM(i.impressions) AS i, SUM(c.clicks) AS c, COUNT(v.impression_id) AS v"
        " FROM dsp_impressions AS i LEFT JOIN dsp_clicks AS c ON i.request_tag = c.request_tag"
        " LEFT JOIN dsp_views AS v ON i.request_tag = v.impression_id"
    )
    assert impressions > matched > clicks > 0


def test_using_joins_and_full_outer_joins_work() -> None:
    rows = values(
        "WITH a AS (SELECT campaign, SUM(impressions) AS i FROM dsp_impressions GROUP BY campaign),"
        " b AS (SELECT campaign, SUM(clicks) AS c FROM dsp_clicks GROUP BY campaign)"
        " SELECT campaign, i, c FROM a FULL OUTER JOIN b USING (campaign)"
    )
    assert len(rows) == 4
    assert [row for row in rows if row[2] is None]  # television has no clicks


def test_values_unions_unnest_and_subqueries_work() -> None:
    [(plain,)] = values("SELECT SUM(impressions) AS i FROM dsp_impressions")
    weighted = values(
        "WITH w(label, factor) AS (VALUES ('once', 1), ('twice', 2))"
        " SELECT w.label, SUM(d.impressions * w.factor) AS i"
        " FROM dsp_impressions AS d CROSS JOIN w GROUP BY w.label"
    )
    assert weighted == [("once", plain), ("twice", 2 * plain)]
    exploded = values(
        "SELECT x, SUM(impressions) AS i FROM dsp_impressions"
        " CROSS JOIN UNNEST(ARRAY[1, 2]) AS t(x) GROUP BY x"
    )
    assert exploded == [(1, plain), (2, plain)]
    both = values(
        "SELECT SUM(i) AS i FROM (SELECT impressions AS i FROM dsp_impressions"
        " UNION ALL SELECT impressions FROM sponsored_ads_traffic)"
    )
    assert both[0][0] > plain
    [(clicked,)] = values(
        "SELECT SUM(impressions) AS i FROM dsp_impressions"
        " WHERE EXISTS (SELECT 1 FROM dsp_clicks AS c"
        " WHERE c.request_tag = dsp_impressions.request_tag)"
        " AND campaign IN (SELECT campaign FROM dsp_clicks)"
    )
    assert 0 < clicked < plain


def test_union_distinct_counts_a_row_once() -> None:
    distinct = "SELECT user_id FROM dsp_impressions WHERE user_id IS NOT NULL"
    [(rows, users)] = values(
        f"SELECT COUNT(*) AS n, COUNT(DISTINCT user_id) AS u FROM ({distinct} UNION {distinct})"
    )
    assert rows == users


def test_windows_and_shares_work_over_aggregates() -> None:
    rows = values(
        "SELECT device_type, 100.0 * SUM(impressions) / SUM(SUM(impressions))"
        " OVER (PARTITION BY 1) AS share FROM dsp_impressions GROUP BY device_type"
    )
    assert abs(sum(row[1] for row in rows) - 100) < Decimal("0.000001")


def test_comments_and_a_trailing_semicolon_do_not_matter() -> None:
    sql = "-- what\nSELECT /* this */ SUM(clicks) AS c -- is\nFROM dsp_clicks;"
    assert records(run(sql)) == records(run("SELECT SUM(clicks) AS c FROM dsp_clicks"))


def test_a_window_without_events_yields_no_rows_but_columns() -> None:
    moment = datetime(2031, 5, 1, tzinfo=UTC)
    result = run(
        "SELECT SUM(impressions) AS i FROM dsp_impressions",
        time_window_start=moment,
        time_window_end=moment,
    )
    assert result.rows == []
    assert [column.name for column in result.columns] == ["i"]


BY_CAMPAIGN = "SELECT campaign, COUNT(*) AS n FROM dsp_clicks GROUP BY campaign"
WITHOUT_AGGREGATE_FUNCTION = {
    "distinct": "SELECT DISTINCT campaign FROM dsp_clicks",
    "group by": "SELECT campaign FROM dsp_clicks GROUP BY 1",
    "group by below": "SELECT campaign FROM (SELECT campaign FROM dsp_clicks GROUP BY 1)",
    "distinct over a join": (
        "WITH a AS (SELECT campaign, request_tag FROM dsp_clicks),"
        " b AS (SELECT request_tag FROM dsp_impressions)"
        " SELECT DISTINCT campaign FROM a JOIN b ON a.request_tag = b.request_tag"
    ),
    "a join of aggregated tables": (
        f"WITH a AS ({BY_CAMPAIGN}), b AS (SELECT DISTINCT campaign FROM dsp_impressions)"
        " SELECT a.campaign FROM a JOIN b ON a.campaign = b.campaign"
    ),
    "a cross join with VALUES": (
        "WITH a AS (SELECT DISTINCT campaign FROM dsp_clicks), w(x) AS (VALUES (1))"
        " SELECT a.campaign FROM a CROSS JOIN w"
    ),
    "a union": (
        "SELECT DISTINCT campaign FROM dsp_clicks UNION"
        " SELECT campaign FROM dsp_clicks GROUP BY campaign"
    ),
    "having": "SELECT campaign FROM dsp_clicks GROUP BY campaign HAVING COUNT(*) > 0",
}


@pytest.mark.parametrize(
    "sql", WITHOUT_AGGREGATE_FUNCTION.values(), ids=WITHOUT_AGGREGATE_FUNCTION.keys()
)
def test_rows_that_are_no_single_events_need_no_aggregate_function(sql: str) -> None:
    assert sorted(values(sql)) == sorted((row[0],) for row in values(BY_CAMPAIGN))


VALUES = "WITH t(x) AS (VALUES (20), (45))"


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"{VALUES} SELECT x FROM t", [(20,), (45,)]),
        (f"{VALUES} SELECT SUM(x) AS s FROM t", [(65,)]),
        (f"{VALUES} SELECT DISTINCT x FROM t WHERE x > 20", [(45,)]),
        (f"{VALUES} SELECT x, COUNT(*) AS n FROM t GROUP BY x", [(20, 1), (45, 1)]),
        (f"{VALUES} SELECT x FROM t UNION ALL SELECT x + 1 FROM t", [(20,), (21,), (45,), (46,)]),
        (f"{VALUES} SELECT a.x FROM t AS a JOIN t AS b ON a.x < b.x", [(20,)]),
        ("SELECT y FROM UNNEST(ARRAY[1, 2]) AS u(y)", [(1,), (2,)]),
        (f"{VALUES} SELECT x FROM t UNION ALL SELECT COUNT(*) FROM dsp_clicks", None),
    ],
)
def test_no_threshold_applies_to_rows_without_users(
    sql: str, rows: list[tuple[Any, ...]] | None
) -> None:
    clicks = values("SELECT COUNT(*) AS n FROM dsp_clicks")
    assert values(sql) == (rows if rows is not None else sorted([(20,), (45,), *clicks]))


@pytest.mark.parametrize(
    "argument",
    [
        "DISTINCT(tracked_asin)",
        "DISTINCT tracked_asin",
        "(tracked_asin)",
        "DISTINCT((tracked_asin))",
    ],
)
def test_collect_looks_through_parentheses(argument: str) -> None:
    rows = values(
        f"SELECT event_category, COLLECT({argument}) AS a FROM conversions_with_relevance"
        " WHERE event_subtype = 'order' GROUP BY 1"
    )
    assert rows[0][1].startswith("[B0KR7")
