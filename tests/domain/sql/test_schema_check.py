"""Names that an instance does not offer are found; what is not certain is left to AMC."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_emulator.engine.catalogue import describe_data_sources
from recomamp.domain.sql.date_flow import Flow
from recomamp.domain.sql.parameters import declare
from recomamp.domain.sql.schema_check import FindingKind, Table, find_missing

TEMPLATES = Path(__file__).resolve().parents[3] / "include" / "demo" / "templates"
TABLES = {
    "dsp_impressions": Table(
        is_offered=True,
        columns=frozenset(
            {"campaign", "impressions", "user_id", "impression_dt", "impression_date", "r"}
        ),
        vanished_columns=frozenset({"app_bundle"}),
        timestamps=frozenset({"impression_dt"}),
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


TYPED = declare({"day": "2025-07-31", "text": {"type": "STRING", "default": "2025-07-31"}})


def messages(sql: str) -> list[str]:
    return [finding.message for finding in find_missing(sql, TABLES, TYPED)]


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
        (FindingKind.REMOVED_TABLE, "dsp_views", ""),
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
        "SELECT TIMESTAMPDIFF(SQL_TSI_DAY, impression_dt, impression_dt) AS d FROM dsp_impressions",
        "SELECT TIMESTAMPADD(NANOSECOND, 1, impression_dt) AS d FROM dsp_impressions",
        "SELECT MAP['a', campaign] AS m, CURRENT_ROLE AS r FROM dsp_impressions",
        "SELECT r.part.name FROM dsp_impressions",
        "SELECT SUM(clicks) OVER w AS s FROM dsp_clicks WINDOW w AS (PARTITION BY campaign)",
        "WITH b(k) AS (VALUES {{names}}) SELECT k, campaign FROM b JOIN dsp_clicks ON campaign = k",
        "SELECT campaign FROM dsp_impressions WHERE campaign IN {{a}} OR campaign LIKE '%{{b}}%'"
        " OR impression_dt > DATE '{{c}}' OR campaign = CUSTOM_PARAMETER('d')",
        "SELECT c.campaign FROM dsp_clicks c WHERE EXISTS"
        " (SELECT 1 FROM dsp_impressions WHERE impressions > clicks)",
        # a set operation orders by what it returns, not by a column of the table around it
        "SELECT clicks FROM dsp_clicks WHERE clicks IN (SELECT impressions FROM dsp_impressions"
        " UNION SELECT impressions FROM dsp_impressions ORDER BY impressions)",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    ],
    ids=lambda sql: sql[:60] or "nothing",
)
def test_doubt_is_silence(sql: str) -> None:
    assert messages(sql) == []


@pytest.mark.parametrize("word", ["CHAR", "DECIMAL", "DATE", "TIMESTAMP", "STRUCT"])
def test_a_query_that_a_parser_reads_again_and_again_is_left_to_amc(word: str) -> None:
    """Each level doubles the time of the parser. 188 characters would hold up all queries."""
    sql = f"SELECT {f'{word}(' * 14}1{')' * 14} FROM nowhere"
    assert messages(sql) == []
    assert messages(f"SELECT {f'{word}(' * 3}1{')' * 3} FROM nowhere") != []


def test_a_chain_of_aliases_takes_time_for_each_of_them_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An alias that names the one before twice would double the work."""
    followed: list[object] = []
    value = Flow.value
    monkeypatch.setattr(Flow, "value", lambda *args: (followed.append(args), value(*args))[1])
    last = 14
    chain = ", ".join(
        f"COALESCE(a{number - 1}, a{number - 1}) AS a{number}" for number in range(1, last + 1)
    )
    (message,) = messages(
        f"SELECT x FROM (SELECT impression_dt AS a0, {chain} FROM dsp_impressions) AS s"
        f" WHERE a{last} <= DATE '2026-01-31'"
    )
    assert "TIMESTAMP" in message
    assert len(followed) < 20 * last


def test_a_tree_of_very_many_levels_is_left_to_amc() -> None:
    """Each name climbs the tree, so that a chain of 20,000 conditions would take minutes."""

    def chain(conditions: int) -> str:
        return "SELECT nowhere FROM dsp_impressions WHERE " + " OR ".join(
            ["impressions = 1"] * conditions
        )

    assert [one.column for one in find_missing(chain(400), TABLES)] == ["nowhere"]
    assert find_missing(chain(20_000), TABLES) == ()


@pytest.mark.parametrize(
    "sql",
    [
        "WITH Imp AS (SELECT campaign FROM dsp_impressions) SELECT COUNT(campaign) AS n FROM imp",
        "WITH imp AS (SELECT campaign FROM DSP_Impressions) SELECT IMP.Campaign FROM Imp",
        'WITH "Imp" AS (SELECT campaign FROM "DSP_IMPRESSIONS") SELECT "IMP"."CAMPAIGN" FROM imp',
        "WITH imp (C) AS (SELECT campaign FROM dsp_impressions) SELECT c FROM IMP",
        "SELECT S.N FROM (SELECT campaign AS n FROM dsp_impressions) AS s",
        "SELECT campaign AS Brand FROM dsp_impressions GROUP BY BRAND HAVING brand <> 'x'",
        "SELECT i.CAMPAIGN FROM dsp_impressions I JOIN dsp_clicks AS Ck ON CK.USER_ID = I.user_id",
        "SELECT campaign FROM TABLE(EXTEND_TIME_WINDOW('DSP_Impressions', 'P1D', 'P1D'))",
        "WITH A AS (WITH B AS (SELECT campaign FROM dsp_clicks) SELECT campaign FROM b)"
        " SELECT campaign FROM a UNION ALL SELECT campaign FROM A",
        "SELECT campaign FROM dsp_clicks WHERE EXISTS"
        " (SELECT 1 FROM dsp_impressions I WHERE i.user_id = DSP_CLICKS.user_id)",
    ],
)
def test_names_are_the_same_in_any_case(sql: str) -> None:
    assert messages(sql) == []
    assert messages(re.sub("campaign", "nothing", sql, flags=re.IGNORECASE)) != []


def _swap(sql: str, choices: list[bool]) -> str:
    """Write every other letter of what is outside of text in the other case."""
    parts = sql.split("'")
    for index in range(0, len(parts), 2):
        parts[index] = "".join(
            char.swapcase() if choices[at % len(choices)] else char
            for at, char in enumerate(parts[index])
        )
    return "'".join(parts)


@given(
    st.sampled_from(
        [
            "WITH a AS (SELECT campaign AS c, user_id FROM dsp_impressions) SELECT c FROM a",
            "SELECT x.nothing FROM dsp_clicks AS x JOIN (SELECT user_id FROM nowhere) y USING (z)",
            "SELECT campaign FROM dsp_impressions WHERE impression_dt = '2025-07-31'",
            "SELECT n FROM (SELECT imps AS n FROM dsp_impressions) GROUP BY n",
        ]
    ),
    st.lists(st.booleans(), min_size=1, max_size=20),
)
def test_the_case_of_names_changes_no_finding(sql: str, choices: list[bool]) -> None:
    assert messages(_swap(sql, choices)) == messages(sql)


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("impression_dt <= '2025-07-31'", "the rest of the last day is left out"),
        ("IMPRESSION_DT <= CAST('2025-07-31' AS DATE)", "the rest of the last day is left out"),
        ("impression_dt <= CAST('{{end_date}}' AS DATE)", "{{time_window_end}}"),
        ("impression_dt <= DATE '{{end_date}}'", "{{time_window_end}}"),
        ("'2025-07-31' >= (i.impression_dt)", "the rest of the last day is left out"),
        ("impression_dt <= {{text}}", "the rest of the last day is left out"),
        ("impression_dt BETWEEN '2025-07-01' AND '2025-07-31'", "the rest of the last day"),
        ("impression_dt < '{{end_date}}'", "< leaves it out: write < {{time_window_end}}"),
        ("{{end_date}} > impression_dt", "< leaves it out: write < {{time_window_end}}"),
        ("impression_dt = {{day}}", "the rest of the day is not equal"),
        ("'{{start_date}}' <> impression_dt", "the rest of the day is not equal"),
        ("impression_dt IN ({{day}}, {{time_window_start}})", "the rest of the day is not equal"),
        ("impression_dt <= CURRENT_DATE", "the rest of the last day is left out"),
    ],
)
def test_a_timestamp_compared_with_a_date_is_found(condition: str, advice: str) -> None:
    (message,) = messages(f"SELECT campaign FROM DSP_Impressions AS i WHERE {condition}")
    assert message.startswith("column impression_dt of dsp_impressions is a TIMESTAMP; ")
    assert advice in message


@pytest.mark.parametrize(
    "condition",
    [
        "impression_dt <= '{{end_date}}'",  # the binder includes the whole day
        "impression_dt BETWEEN '{{start_date}}' AND {{day}}",
        "impression_dt >= '2025-07-01' AND impression_dt < '2025-08-01'",
        "impression_dt > {{end_date}}",
        "impression_dt < {{start_date}}",
        "impression_dt <= '2025-07-31 23:59:59'",
        "impression_dt <= '2025-07-31T23:59:59'",
        "impression_dt <= {{time_window_end}}",
        "impression_date <= '2025-07-31' AND impression_date = {{day}}",
        "impression_date BETWEEN '2025-07-01' AND '2025-07-31'",
        "CAST(impression_dt AS DATE) = {{day}}",
        "campaign = '2025-07-31'",
        "unknown.impression_dt = '2025-07-31'",
    ],
)
def test_a_comparison_that_loses_nothing_is_not_found(condition: str) -> None:
    assert messages(f"SELECT campaign FROM dsp_impressions WHERE {condition}") == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM dsp_impressions, elsewhere.t WHERE impression_dt = '2025-07-31'",
        "WITH t AS (SELECT CAST(impression_dt AS DATE) AS impression_dt FROM dsp_impressions)"
        " SELECT 1 FROM t WHERE impression_dt = '2025-07-31'",
        "SELECT 1 FROM (SELECT impression_date AS impression_dt FROM dsp_impressions) AS t"
        " WHERE t.impression_dt = '2025-07-31'",
    ],
)
def test_a_column_that_may_be_another_is_not_found(sql: str) -> None:
    assert messages(sql) == []


def test_without_types_no_timestamp_is_found() -> None:
    tables = {"t": Table(is_offered=True, columns=frozenset({"impression_dt"}))}
    assert find_missing("SELECT 1 FROM t WHERE impression_dt = '2025-07-31'", tables) == ()


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.sql")), ids=lambda path: path.stem)
def test_queries_that_amc_takes_are_not_found_fault_with(path: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    assert find_missing(sql, ALL_OF_AMC) == ()
    assert find_missing(sql, {}) != ()
