"""Which columns a query reads: those that its text shows for certain."""

from __future__ import annotations

import pytest

from recomamp.domain.sql.lineage import read_columns

KNOWN = {
    "sponsored_ads_traffic": frozenset({"campaign", "clicks", "user_id"}),
    "conversions": frozenset({"user_id", "conversions", "campaign"}),
    "dsp_impressions": frozenset({"impressions", "user_id", "advertiser"}),
}


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        (
            "SELECT Campaign, SUM(clicks) AS clicks FROM sponsored_ads_traffic GROUP BY campaign",
            {"sponsored_ads_traffic": ["campaign", "clicks"]},
        ),
        (
            "SELECT t.campaign, conversions FROM sponsored_ads_traffic t"
            " JOIN conversions AS c ON c.user_id = t.user_id",
            {
                "conversions": ["conversions", "user_id"],
                "sponsored_ads_traffic": ["campaign", "user_id"],
            },
        ),
        (
            "WITH people AS (SELECT user_id FROM dsp_impressions WHERE impressions > 1)"
            " SELECT COUNT(people.user_id) AS n FROM people",
            {"dsp_impressions": ["impressions", "user_id"]},
        ),
        (
            "SELECT advertiser FROM TABLE(EXTEND_TIME_WINDOW('dsp_impressions', 'P30D', 'P0D'))",
            {"dsp_impressions": ["advertiser"]},
        ),
        (
            "SELECT campaign FROM conversions WHERE user_id IN (SELECT user_id FROM"
            " dsp_impressions d WHERE d.advertiser = CUSTOM_PARAMETER('who'))",
            {"conversions": ["campaign", "user_id"], "dsp_impressions": ["advertiser", "user_id"]},
        ),
        (
            "SELECT a, SUM(b) AS b, 1 AS c FROM nobody_knows_it GROUP BY a HAVING c > 0",
            {"nobody_knows_it": ["a", "b"]},
        ),
        ("SELECT x FROM conversions, nobody_knows_it", {"conversions": [], "nobody_knows_it": []}),
        ("SELECT COUNT(1) AS n FROM conversions", {"conversions": []}),
        ("SELECT EXTRACT(day FROM CURRENT_DATE) AS d FROM conversions", {"conversions": []}),
        (  # an alias within goes before the same one around it
            "SELECT t.clicks FROM sponsored_ads_traffic t WHERE EXISTS"
            " (SELECT t.user_id FROM conversions t)",
            {"conversions": ["user_id"], "sponsored_ads_traffic": ["clicks"]},
        ),
        (
            "SELECT SUM(b) AS total FROM nobody_knows_it GROUP BY a ORDER BY total",
            {"nobody_knows_it": ["a", "b"]},
        ),
        (  # an order within a window may be by a column or by an alias
            "SELECT b AS a, RANK() OVER (ORDER BY a) AS place FROM nobody_knows_it",
            {"nobody_knows_it": ["b"]},
        ),
        (
            "SELECT UPPER(a) AS word FROM nobody_knows_it GROUP BY word",
            {"nobody_knows_it": ["a"]},
        ),
        (
            "SELECT RANK() OVER (ORDER BY a) AS place FROM nobody_knows_it QUALIFY place = 1",
            {"nobody_knows_it": ["a"]},
        ),
        (  # a set operation orders by what it returns, not by a column of the table around it
            "SELECT x FROM nobody_knows_it WHERE x IN"
            " (SELECT user_id FROM conversions UNION SELECT user_id FROM dsp_impressions"
            " ORDER BY user_id)",
            {
                "conversions": ["user_id"],
                "dsp_impressions": ["user_id"],
                "nobody_knows_it": ["x"],
            },
        ),
        (  # and so does a query in parentheses
            "SELECT x FROM nobody_knows_it WHERE x IN"
            " ((SELECT user_id FROM conversions) ORDER BY user_id)",
            {"conversions": ["user_id"], "nobody_knows_it": ["x"]},
        ),
        (
            "SELECT 1 AS n FROM conversions UNION ALL SELECT clicks FROM sponsored_ads_traffic",
            {"conversions": [], "sponsored_ads_traffic": ["clicks"]},
        ),
    ],
)
def test_columns_belong_to_the_tables_that_have_them(sql: str, read: dict[str, list[str]]) -> None:
    assert read_columns(sql, KNOWN) == read


@pytest.mark.parametrize(
    "sql", ["", "SELECT FROM WHERE", "SELECT 1 " + "+ (1" * 3000 + ")" * 3000, "not SQL; at all"]
)
def test_a_query_that_cannot_be_read_has_no_lineage(sql: str) -> None:
    assert read_columns(sql, KNOWN) == {}


def test_a_query_of_more_than_1200_levels_has_no_lineage() -> None:
    """Each OR is a level, as are the query, the column and its name."""
    assert read_columns(f"SELECT {' OR '.join(['a'] * 1198)} FROM conversions", KNOWN) != {}
    assert read_columns(f"SELECT {' OR '.join(['a'] * 1199)} FROM conversions", KNOWN) == {}
