"""Aggregation thresholds: who may be seen, whatever the shape of the query."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from amc_emulator.engine import Engine, OutputColumn, QueryRejected
from fixtures.engine_runs import NORTH, make_query, records, run, values

SMALL = Engine(users=60)  # fewer than the hundred that MEDIUM and HIGH ask for
BY_CAMPAIGN = {
    "directly": "SELECT campaign, COUNT(*) AS n FROM dsp_impressions GROUP BY campaign",
    "over a CTE of users": (
        "WITH u AS (SELECT user_id, campaign, COUNT(*) AS n FROM dsp_impressions"
        " GROUP BY user_id, campaign) SELECT campaign, SUM(n) AS n FROM u GROUP BY campaign"
    ),
    "over a CTE without users": (
        "WITH c AS (SELECT campaign, line_item, COUNT(*) AS n FROM dsp_impressions"
        " GROUP BY campaign, line_item) SELECT campaign, SUM(n) AS n FROM c GROUP BY campaign"
    ),
    "without aggregation at the end": (
        "WITH c AS (SELECT campaign, COUNT(*) AS n FROM dsp_impressions GROUP BY campaign)"
        " SELECT campaign, n FROM c"
    ),
    "distinct": (
        "SELECT DISTINCT campaign, n FROM (SELECT campaign, COUNT(*) AS n FROM dsp_impressions"
        " GROUP BY campaign)"
    ),
    "after a union": (
        "SELECT campaign, SUM(n) AS n FROM (SELECT campaign, COUNT(*) AS n FROM dsp_impressions"
        " GROUP BY campaign UNION ALL SELECT campaign, 0 FROM dsp_impressions) GROUP BY campaign"
    ),
}


def run_small(sql: str, **overrides: object) -> list[tuple[object, ...]]:
    return SMALL.run(NORTH, make_query(sql, **overrides)).rows


@pytest.mark.parametrize("sql", BY_CAMPAIGN.values(), ids=BY_CAMPAIGN.keys())
def test_users_are_counted_through_every_shape_of_query(sql: str) -> None:
    assert len(run_small(sql)) == 4  # LOW: a campaign has two users or more
    medium = sql.replace("COUNT(*)", "MAX(impression_dt)").replace("SUM(n)", "MAX(n)")
    medium = medium.replace("campaign, 0 FROM", "campaign, impression_dt FROM")
    assert run_small(medium) == []  # MEDIUM: sixty users are too few
    assert len(values(medium)) == 4  # two thousand are enough


def test_a_row_of_one_user_is_dropped_and_one_of_two_is_kept() -> None:
    of_users = (
        "WITH u AS (SELECT user_id, campaign, COUNT(*) AS n FROM dsp_impressions"
        " WHERE user_id IS NOT NULL GROUP BY user_id, campaign),"
        " k AS (SELECT campaign, n, COUNT(DISTINCT user_id) AS users FROM u GROUP BY campaign, n)"
    )
    shown = values(f"{of_users} SELECT campaign, n, users FROM k")
    every = values(f"{of_users} SELECT COUNT(*) AS n, MIN(users) AS least FROM k")
    assert min(row[2] for row in shown) >= 2
    assert every[0][1] == 1
    assert len(shown) < every[0][0]


def test_a_cte_of_users_does_not_let_single_users_through() -> None:
    # Each row is one user's, and shows a campaign: two are needed, however the row came about.
    per_user = (
        "WITH u AS (SELECT user_id, campaign, SUM(total_cost) AS cost FROM dsp_impressions"
        " WHERE user_id IS NOT NULL GROUP BY user_id, campaign) SELECT {} FROM u"
    )
    assert values(per_user.format("campaign, cost") + " WHERE cost > 10000") == []
    assert values(per_user.format("cost"))  # NONE: one is enough


def test_a_derived_column_is_as_sensitive_as_its_strictest_input() -> None:
    by_day = "SELECT {} AS d, COUNT(*) AS n FROM dsp_impressions GROUP BY 1"
    assert len(run_small(by_day.format("impression_date_utc"))) == 7
    assert run_small(by_day.format("CAST(impression_dt_utc AS DATE)")) == []


def test_a_sensitive_column_may_be_counted_and_tested_for_null() -> None:
    [row] = values(
        "SELECT COUNT(DISTINCT user_id) AS users, COUNT(DISTINCT request_tag) AS tags,"
        " MAX(CASE WHEN device_id IS NULL THEN 'none' ELSE 'some' END) AS devices"
        " FROM dsp_impressions"
    )
    assert row[0] > 1000
    assert row[2] == "some"


def test_postal_codes_never_survive_in_a_small_world() -> None:
    assert values("SELECT postal_code, COUNT(*) AS n FROM dsp_impressions GROUP BY 1") == []


def test_a_city_with_a_hundred_users_is_shown() -> None:
    sql = "SELECT city_name, COUNT(DISTINCT user_id) AS u FROM dsp_impressions GROUP BY city_name"
    rows = values(sql)
    assert rows
    assert all(row[1] >= 97 for row in rows)  # some users of a row are not resolved
    assert run_small(sql) == []


def test_remove_values_blanks_what_is_sensitive_and_sums_up() -> None:
    sql = (
        "SELECT campaign, postal_code, SUM(impressions) AS i, SUM(total_cost) AS c"
        " FROM dsp_impressions GROUP BY campaign, postal_code"
    )
    result = run(sql, privacy_filtering="REMOVE_VALUES")
    assert {row["postal_code"] for row in records(result)} == {None}
    whole = values(
        "SELECT campaign, SUM(impressions) AS i, SUM(total_cost) AS c FROM dsp_impressions"
        " GROUP BY campaign"
    )
    shown = {row["campaign"]: row for row in records(result) if row["campaign"]}
    assert set(shown) == {row[0] for row in whole}
    # Rows of a single user lose their campaign too; nothing but unresolved users gets lost.
    total = sum(row["i"] for row in records(result))
    assert 0.95 < total / sum(row[1] for row in whole) <= 1


def test_a_discriminator_column_tells_blanked_rows_from_others() -> None:
    sql = "SELECT city_name, SUM(impressions) AS i FROM dsp_impressions GROUP BY city_name"
    query = make_query(sql, filtered_metrics_discriminator_column="filtered")
    many = records(run(sql, filtered_metrics_discriminator_column="filtered"))
    few = records(SMALL.run(NORTH, query))
    assert {row["filtered"] for row in many if row["city_name"]} == {False}
    assert [(row["city_name"], row["filtered"]) for row in few] == [(None, True)]
    assert [c.name for c in SMALL.compile(NORTH, query)] == ["city_name", "i", "filtered"]
    assert few[0]["i"] > 0


def test_sums_of_blanked_rows_keep_their_exact_type() -> None:
    sql = (
        "SELECT city_name, SUM(total_product_sales) AS s"
        " FROM amazon_attributed_events_by_conversion_time GROUP BY city_name"
    )
    [row] = run_small(sql, privacy_filtering="REMOVE_VALUES")
    assert isinstance(row[1], Decimal)


def test_a_joined_row_belongs_to_the_users_of_both_sides() -> None:
    sql = (
        "WITH i AS (SELECT campaign, MAX(impression_dt) AS m, COUNT(*) AS n FROM dsp_impressions"
        " GROUP BY campaign), s AS (SELECT COUNT(*) AS c FROM sponsored_ads_traffic)"
        " SELECT i.campaign, i.m, i.n, s.c FROM i CROSS JOIN s"
    )
    assert len(values(sql)) == 4
    assert run_small(sql) == []


CLICKED = "FROM dsp_impressions AS a LEFT JOIN dsp_clicks AS b ON a.request_tag = b.request_tag"
COMPARISONS = {
    "equal": f"SELECT CASE WHEN a.user_id = b.user_id THEN 'x' ELSE 'y' END AS g {CLICKED}",
    "simple case": f"SELECT CASE a.user_id WHEN b.user_id THEN 'x' ELSE 'y' END AS g {CLICKED}",
    "if": f"SELECT IF(a.user_id <> b.user_id, 'x', 'y') AS g {CLICKED}",
    "in": (
        "SELECT CASE WHEN user_id IN (SELECT user_id FROM dsp_clicks) THEN 'x' ELSE 'y' END AS g"
        " FROM dsp_impressions"
    ),
    "exists": (
        "SELECT CASE WHEN EXISTS (SELECT user_id FROM dsp_clicks AS c WHERE c.user_id = i.user_id)"
        " THEN 'x' ELSE 'y' END AS g FROM dsp_impressions AS i"
    ),
}


@pytest.mark.parametrize("sql", COMPARISONS.values(), ids=COMPARISONS.keys())
def test_that_users_are_the_same_may_be_shown(sql: str) -> None:
    rows = values(sql.replace(" AS g", " AS g, COUNT(*) AS n", 1) + " GROUP BY 1")
    assert {row[0] for row in rows} <= {"x", "y"}
    assert rows


@pytest.mark.parametrize(
    "expression",
    [
        "MAX(NULLIF(user_id, request_tag))",
        "MAX(CASE WHEN user_id = request_tag THEN '' ELSE user_id END)",
        "MAX(COALESCE(user_id, 'x'))",
        "COLLECT(request_tag)",
    ],
)
def test_a_comparison_does_not_let_the_compared_value_out(expression: str) -> None:
    with pytest.raises(QueryRejected, match="cannot be part of the output"):
        run(f"SELECT {expression} AS g, COUNT(*) AS n FROM dsp_impressions")


def test_a_comparison_of_dates_stays_as_sensitive_as_the_dates() -> None:
    sql = (
        "SELECT CASE WHEN impression_dt_utc = impression_dt THEN 'x' ELSE 'y' END AS g,"
        " COUNT(*) AS n FROM dsp_impressions GROUP BY 1"
    )
    assert values(sql)
    assert run_small(sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT (SELECT MAX(impression_dt) FROM dsp_impressions) AS m",
        "WITH t(x) AS (VALUES (1))"
        " SELECT x, (SELECT MAX(impression_dt) FROM dsp_impressions) AS m FROM t",
        "WITH t(x) AS (VALUES ('a')) SELECT x FROM t"
        " WHERE EXISTS (SELECT 1 FROM dsp_clicks WHERE campaign LIKE 'A%')",
    ],
)
def test_what_a_subquery_tells_of_users_is_not_shown_as_if_nobody_stood_behind_it(sql: str) -> None:
    assert values(sql) == []


def test_events_beside_an_aggregate_are_not_shown() -> None:
    with pytest.raises(QueryRejected, match="Query must aggregate"):
        run(
            "WITH c AS (SELECT COUNT(*) AS n FROM dsp_clicks)"
            " SELECT i.impression_dt, c.n FROM dsp_impressions AS i CROSS JOIN c"
        )


BY_CITY = "SELECT city_name, device_type, SUM(impressions) AS i FROM dsp_impressions GROUP BY 1, 2"


def test_the_reason_of_filtering_is_a_column_and_blanks_values() -> None:
    rows = records(run(BY_CITY, filtered_reason_column="why"))
    complete = [row for row in rows if row["why"] is None]
    blanked = [row for row in rows if row["why"] is not None]
    assert complete
    assert blanked
    assert all(row["city_name"] for row in complete)
    for row in blanked:
        found = re.fullmatch(r"(\d+) 'dsp_impressions' users < 100 required", row["why"])
        assert found
        assert int(found[1]) < 100
        assert row["city_name"] is None
        assert row["device_type"] is None or int(found[1]) >= 2
    keys = [(row["device_type"], row["why"]) for row in blanked]
    assert len(set(keys)) == len(keys)  # added up for each reason
    assert len({device for device, _ in keys}) < len(keys)
    assert (
        sum(row["i"] for row in rows)
        > 0.9 * values("SELECT SUM(impressions) AS i FROM dsp_impressions")[0][0]
    )


def test_a_table_that_is_read_twice_has_paths() -> None:
    sql = (
        "SELECT city_name, SUM(impressions) AS i FROM dsp_impressions WHERE user_id IN"
        " (SELECT user_id FROM dsp_impressions) GROUP BY city_name"
    )
    result = SMALL.run(NORTH, make_query(sql, filtered_reason_column="why"))
    texts = {row["why"] for row in records(result)}
    assert all("'dsp_impressions' (path 1 of 2) users < 100 required" in text for text in texts)


@pytest.mark.parametrize(("column", "cap"), [("device_type", 2), ("city_name", 100)])
def test_the_count_of_users_is_capped_at_what_is_needed(column: str, cap: int) -> None:
    sql = f"SELECT {column}, SUM(impressions) AS i FROM dsp_impressions GROUP BY 1"
    result = run(sql, distinct_user_count_column="users")
    assert result.columns[-1] == OutputColumn(
        name="users", data_type="LONG", column_type="DIMENSION"
    )
    assert {row["users"] for row in records(result)} == {cap}
    short = run(sql, distinct_user_count_column="users", filtered_reason_column="why")
    for row in records(short):
        assert row["users"] == cap if row["why"] is None else row["users"] < cap


def test_rows_without_users_have_neither_count_nor_reason() -> None:
    result = run(
        "SELECT segment_name FROM segment_metadata",
        distinct_user_count_column="users",
        filtered_reason_column="why",
        filtered_metrics_discriminator_column="filtered",
    )
    assert {row[1:] for row in result.rows} == {(False, None, None)}


def test_an_added_column_may_not_be_one_of_the_query() -> None:
    with pytest.raises(QueryRejected, match="Column 'I' is in the output twice"):
        run(BY_CITY, filtered_reason_column="I")
    with pytest.raises(QueryRejected, match="Column 'x' is in the output twice"):
        run(BY_CITY, filtered_reason_column="x", distinct_user_count_column="x")


def test_without_aggregation_controls_events_are_shown() -> None:
    sql = "SELECT user_id, campaign, postal_code, impression_dt FROM dsp_impressions"
    rows = SMALL.run(NORTH, make_query(sql, aggregation_controls=False)).rows
    [(events,)] = run_small("SELECT COUNT(*) AS n FROM dsp_impressions")
    assert len(rows) == events
    assert all(row[2] and row[3] for row in rows)
