"""Names that an instance does not offer are found; what is not certain is left to AMC."""

from __future__ import annotations

from pathlib import Path

import pytest

from amc_emulator.engine.catalogue import describe_data_sources
from recomamp.domain.schema_check import FindingKind, Table, find_missing

TEMPLATES = Path(__file__).resolve().parents[2] / "include" / "demo" / "templates"
TABLES = {
    "dsp_impressions": Table(
        is_offered=True,
        columns=frozenset({"campaign", "impressions", "user_id", "impression_dt", "r"}),
        vanished_columns=frozenset({"app_bundle"}),
    ),
    "dsp_clicks": Table(is_offered=True, columns=frozenset({"campaign", "clicks", "user_id"})),
    "dsp_views": Table(is_offered=False, columns=frozenset({"campaign"})),
}
ALL_OF_AMC = {
    one["dataSourceId"]: Table(
        is_offered=True, columns=frozenset(column["name"] for column in one["columns"])
    )
    for one in describe_data_sources()
}


def messages(sql: str) -> list[str]:
    return [finding.message for finding in find_missing(sql, TABLES)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT x FROM nowhere", "table nowhere is not among the instance's data sources"),
        (
            "SELECT campaign FROM dsp_views",
            "table dsp_views is no longer among the instance's data sources",
        ),
        ("SELECT campaing FROM DSP_Impressions", "column campaing is not in dsp_impressions"),
        (
            "SELECT i.App_Bundle FROM dsp_impressions AS i",
            "column app_bundle is no longer in dsp_impressions",
        ),
        (
            "SELECT n FROM (SELECT imps AS n FROM dsp_impressions) WHERE n > {{least}}",
            "column imps is not in dsp_impressions",
        ),
        (
            "WITH seen AS (SELECT user_id, spent FROM"
            " TABLE(EXTEND_TIME_WINDOW('dsp_impressions', 'P{{days}}D', 'P1D')))"
            " SELECT COUNT(seen.user_id) AS n FROM seen",
            "column spent is not in dsp_impressions",
        ),
        (
            "SELECT campaign FROM dsp_impressions WHERE user_id IN"
            " (SELECT user_id FROM dsp_clicks WHERE clicked = 1)",
            "column clicked is not in dsp_clicks, dsp_impressions",
        ),
        (
            "SELECT campaign FROM dsp_impressions UNION ALL SELECT adgroup FROM dsp_clicks",
            "column adgroup is not in dsp_clicks",
        ),
        (
            "SELECT i.campaign, c.impressions FROM dsp_impressions i"
            " LEFT JOIN dsp_clicks c ON c.user_id = i.user_id",
            "column impressions is not in dsp_clicks",
        ),
    ],
)
def test_a_name_that_is_not_there_is_found(sql: str, expected: str) -> None:
    assert messages(sql) == [expected]


def test_all_that_is_missing_is_told_once_each_in_order() -> None:
    sql = "SELECT b, a, b FROM dsp_clicks JOIN dsp_views v ON v.q = b GROUP BY dsp_clicks.a, b"
    found = find_missing(sql, TABLES)
    assert [(one.kind, one.table, one.column) for one in found] == [
        (FindingKind.UNKNOWN_COLUMN, "dsp_clicks", "a"),
        (FindingKind.VANISHED_TABLE, "dsp_views", ""),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT",
        "SELECT campaign FROM",
        "SELECT '{{",
        "DROP TABLE users",
        "SELECT campaign FROM elsewhere.dsp_impressions WHERE odd = 1",
        "SELECT campaign AS c, SUM(impressions) AS n FROM dsp_impressions GROUP BY c HAVING n > 1",
        "SELECT campaign, x FROM dsp_impressions, (SELECT campaign AS x FROM dsp_clicks) AS other",
        "SELECT TIMESTAMPDIFF(DAY, impression_dt, impression_dt) AS d FROM dsp_impressions",
        "SELECT r.part.name FROM dsp_impressions",
        "SELECT SUM(clicks) OVER w AS s FROM dsp_clicks WINDOW w AS (PARTITION BY campaign)",
        "WITH b(k) AS (VALUES {{names}}) SELECT k, campaign FROM b JOIN dsp_clicks ON campaign = k",
        "SELECT campaign FROM dsp_impressions WHERE campaign IN {{a}} OR campaign LIKE '%{{b}}%'"
        " OR impression_dt > DATE '{{c}}' OR campaign = CUSTOM_PARAMETER('d')",
        "SELECT c.campaign FROM dsp_clicks c WHERE EXISTS"
        " (SELECT 1 FROM dsp_impressions WHERE impressions > clicks)",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    ],
    ids=lambda sql: sql[:60] or "nothing",
)
def test_doubt_is_silence(sql: str) -> None:
    assert messages(sql) == []


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.sql")), ids=lambda path: path.stem)
def test_queries_that_amc_takes_are_not_found_fault_with(path: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    assert find_missing(sql, ALL_OF_AMC) == ()
    assert find_missing(sql, {}) != ()
