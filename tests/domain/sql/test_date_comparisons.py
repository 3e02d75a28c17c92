"""A TIMESTAMP that is compared with a date is found, however the date comes to the comparison."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.sql.parameters import declare
from recomamp.domain.sql.schema_check import Table, find_missing

TABLES = {
    "t": Table(
        is_offered=True,
        columns=frozenset({"campaign", "user_id", "dt", "day"}),
        timestamps=frozenset({"dt"}),
    ),
    "u": Table(is_offered=True, columns=frozenset({"user_id", "clicks"})),
}
PARAMETERS = declare(
    {
        "day_after": "2025-07-31",
        "until": {"type": "DATE", "required": False},
        "at": {"type": "TIMESTAMP", "default": "2025-07-31T12:00:00"},
    }
)
LOST = "a date is its midnight, so the rest of the last day is left out"
EXCLUDED = "< leaves it out"
CHECK = "if its time of day is compared with the midnight of {{end_date}} here"
EQUAL = "the rest of the day is not equal"
AFTER = "counts as after it"


def messages(sql: str) -> list[str]:
    return [finding.message for finding in find_missing(sql, TABLES, PARAMETERS)]


def assert_found(sql: str, advice: str) -> None:
    (message,) = messages(sql) or [f"nothing is found in {sql}"]
    assert message.startswith("column dt of t is a TIMESTAMP; ")
    assert advice in message


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("dt <= (SELECT CAST({{end_date}} AS DATE))", LOST),
        ("dt <= (SELECT '{{end_date}}')", LOST),
        ("dt <= ALL (SELECT {{end_date}})", LOST),
        ("NOT dt > {{end_date}}", LOST),
        ("NOT (dt > '{{end_date}}')", LOST),
        ("NOT (campaign = 'a' OR NOT NOT dt > {{end_date}})", LOST),
        ("NOT dt >= {{end_date}}", EXCLUDED),
        ("(dt > {{end_date}}) IS NOT TRUE", LOST),
        ("(dt > {{end_date}}) IS FALSE", LOST),
        ("(dt > {{end_date}}) = FALSE", LOST),
        ("NOT COALESCE(dt > {{end_date}}, FALSE)", LOST),
        ("dt <= COALESCE({{end_date}}, '2025-07-31')", LOST),
        ("dt <= GREATEST({{start_date}}, {{end_date}})", LOST),
        ("dt <= LEAST('{{end_date}}', CURRENT_DATE)", LOST),
        ("dt <= CAST('today' AS DATE)", LOST),
        ("dt <= CASE WHEN campaign = 'a' THEN {{end_date}} ELSE {{start_date}} END", LOST),
        ("dt <= IF(campaign = 'a', {{end_date}}, {{start_date}})", LOST),
        ("dt <= CASE WHEN campaign = 'a' THEN {{start_date}} ELSE {{end_date}} END", LOST),
        ("dt < CASE WHEN campaign = 'a' THEN {{start_date}} ELSE {{end_date}} END", EXCLUDED),
        ("dt < IF(campaign = 'a', {{start_date}}, {{end_date}})", EXCLUDED),
        ("dt <= DATE_TRUNC('day', '2025-08-01 00:00:00')", LOST),
        ("COALESCE(dt, {{at}}) = {{end_date}}", CHECK),
        ("dt < COALESCE({{end_date}}, {{end_date}})", EXCLUDED),
        ("dt <= COALESCE({{until}}, {{end_date}})", LOST),
        ("dt <= COALESCE({{at}}, {{end_date}})", CHECK),
        ("dt <= LEAST({{end_date}}, CURRENT_TIMESTAMP)", CHECK),
        ("dt <= DATE({{end_date}})", LOST),
        ("dt <= DATE('{{end_date}}')", LOST),
        ("dt <= CAST('{{end_date}} 00:00:00' AS TIMESTAMP)", LOST),
        ("dt <= TIMESTAMP '{{end_date}} 00:00:00'", LOST),
        ("dt <= '{{end_date}}T00:00:00.000Z'", LOST),
        ("dt <= CAST('{{end_date}} 23:59:59' AS DATE)", LOST),
        ("dt <= '{{end_date}}' || ' 00:00:00'", LOST),
        ("dt <= CAST(CONCAT({{end_date}}, ' 00:00:00') AS TIMESTAMP)", LOST),
        ("dt < '{{end_date}} 00:00:00'", EXCLUDED),
        ("dt < TIMESTAMP '{{end_date}}'", EXCLUDED),
        ("NOT dt > TIMESTAMP '{{end_date}}'", LOST),
        ("dt BETWEEN '{{start_date}} 00:00:00' AND '{{end_date}} 00:00:00'", LOST),
        ("dt <= DATE_TRUNC('day', {{end_date}})", LOST),
        ("dt <= TO_DATE('{{end_date}}', 'YYYY-MM-DD')", CHECK),
        ("dt <= TO_TIMESTAMP('{{end_date}}')", CHECK),
        ("dt <= DATE_PARSE('{{end_date}}', '%Y-%m-%d')", CHECK),
        ("CAST(dt AS TIMESTAMP) <= DATE '{{end_date}}'", LOST),
        ("CAST(dt AS VARCHAR) <= '2025-07-31'", LOST),
        ("DATE_TRUNC('hour', dt) <= CAST({{end_date}} AS DATE)", LOST),
        ("FLOOR(dt TO HOUR) <= DATE({{end_date}})", LOST),
        ("COALESCE(dt, {{at}}) <= DATE({{end_date}})", LOST),
        ("dt - INTERVAL '8' HOUR <= DATE({{end_date}})", LOST),
        ("dt AT TIME ZONE 'America/New_York' <= DATE({{end_date}})", LOST),
        ("dt <= {{end_date}} + INTERVAL '8' HOUR", CHECK),
        ("SOME_FUNCTION(dt) <= DATE({{end_date}})", CHECK),
        ("UNIX_TIMESTAMP(dt) <= UNIX_TIMESTAMP({{end_date}})", CHECK),
        ("TIMESTAMPDIFF(SECOND, dt, {{end_date}}) >= 0", CHECK),
        ("dt = (SELECT {{end_date}})", EQUAL),
        ("dt IN (SELECT {{end_date}})", EQUAL),
        ("dt IS NOT DISTINCT FROM {{end_date}}", EQUAL),
        ("(campaign, dt) = ('a', {{end_date}})", EQUAL),
        ("DATE_TRUNC('hour', dt) = {{end_date}}", CHECK),
        ("CASE dt WHEN {{end_date}} THEN TRUE END", EQUAL),
        ("TO_CHAR(dt, 'YYYY-MM-DD HH') <= '{{end_date}} 00'", CHECK),
        ("SUBSTRING(dt, 1, 13) <= DATE({{end_date}})", CHECK),
        ("dt <= " + " || ".join(["{{end_date}}", *["campaign"] * 1000]), CHECK),
        ("{{end_date}} BETWEEN dt AND CURRENT_TIMESTAMP", LOST),
        ("CASE WHEN dt > {{end_date}} THEN FALSE ELSE TRUE END", AFTER),
        ("user_id NOT IN (SELECT user_id FROM t WHERE dt > {{end_date}})", AFTER),
        ("dt NOT BETWEEN '2025-07-01' AND DATE({{end_date}})", AFTER),
    ],
)
def test_a_day_is_followed_through_an_expression(condition: str, advice: str) -> None:
    assert_found(f"SELECT campaign FROM t WHERE {condition}", advice)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH p AS (SELECT '{{end_date}}' AS d) SELECT 1 AS n FROM t, p WHERE t.dt <= p.d",
        "WITH P AS (SELECT CAST('{{end_date}}' AS DATE) AS D) SELECT 1 AS n FROM t, p"
        " WHERE T.Dt <= p.d",
        "WITH p AS (SELECT {{end_date}} AS d) SELECT 1 AS n FROM t CROSS JOIN p WHERE dt <= d",
        "WITH p AS (SELECT {{end_date}} AS d), q AS (SELECT * FROM p) SELECT 1 AS n FROM t, q"
        " WHERE dt <= q.d",
        "WITH p (s, e) AS (VALUES ({{start_date}}, {{end_date}})) SELECT 1 AS n FROM t, p"
        " WHERE dt BETWEEN s AND e",
        "WITH p AS (SELECT q.* FROM (SELECT {{end_date}} AS d) AS q) SELECT 1 AS n FROM t, p"
        " WHERE dt <= p.d",
        "WITH p (s, e) AS (SELECT {{start_date}}, {{end_date}}) SELECT 1 AS n FROM t, p"
        " WHERE dt <= p.e",
        "SELECT 1 AS n FROM t, (VALUES ('{{start_date}}', '{{end_date}}')) AS p (s, e)"
        " WHERE dt <= p.e",
        "SELECT 1 AS n FROM t JOIN (SELECT {{end_date}} AS d) AS p ON t.dt <= p.d",
        "SELECT 1 AS n FROM t JOIN (SELECT {{start_date}}, {{end_date}}) AS p (s, d)"
        " ON t.dt <= p.d",
        "SELECT 1 AS n FROM t JOIN u ON t.user_id = u.user_id AND t.dt <= DATE({{end_date}})",
        "WITH p AS (SELECT {{start_date}} AS d UNION ALL SELECT {{end_date}}) SELECT 1 AS n"
        " FROM t, p WHERE t.dt <= p.d",
        "WITH p AS (SELECT {{end_date}} AS d) SELECT campaign FROM t WHERE dt <= (SELECT d FROM p)",
        "WITH p AS (SELECT {{end_date}} AS d) SELECT 1 AS n FROM t WHERE EXISTS"
        " (SELECT 1 FROM p WHERE t.dt <= p.d)",
        "WITH x AS (SELECT dt AS at, campaign FROM t) SELECT campaign FROM x"
        " WHERE at <= DATE({{end_date}})",
        "WITH x AS (SELECT * FROM t) SELECT campaign FROM x WHERE x.dt <= DATE({{end_date}})",
        "SELECT campaign, MAX(dt) AS last FROM t GROUP BY campaign"
        " HAVING MAX(dt) <= DATE({{end_date}})",
        "SELECT campaign, MAX(dt) AS last FROM t GROUP BY campaign"
        " HAVING last <= DATE({{end_date}})",
        "SELECT SUM(CASE WHEN dt <= DATE({{end_date}}) THEN 1 ELSE 0 END) AS n FROM t",
        "SELECT COUNT(*) FILTER (WHERE dt <= DATE({{end_date}})) AS n FROM t",
        "SELECT campaign FROM t QUALIFY MAX(dt) OVER (PARTITION BY campaign) <= DATE({{end_date}})",
        "SELECT campaign FROM t UNION ALL SELECT campaign FROM t WHERE NOT dt > {{end_date}}",
        "SELECT campaign FROM TABLE(EXTEND_TIME_WINDOW('t', 'P1D', 'P1D'))"
        " WHERE dt <= DATE({{end_date}})",
    ],
)
def test_a_day_is_followed_through_a_query(sql: str) -> None:
    assert_found(sql, LOST)


def test_a_day_that_cannot_be_followed_is_to_be_checked() -> None:
    assert_found(
        "SELECT 1 AS n FROM t, UNNEST(ARRAY[{{end_date}}]) AS p (d) WHERE t.dt <= p.d", CHECK
    )


def test_what_is_certain_is_told_before_what_is_to_be_checked() -> None:
    assert_found(
        "SELECT 1 AS n FROM t WHERE dt <= TO_DATE('{{end_date}}') AND dt <= DATE({{end_date}})",
        LOST,
    )


SAFE = [
    "CAST(dt AS DATE) <= {{end_date}}",
    "CAST(dt AS DATE) <= DATE({{end_date}})",
    "DATE(dt) <= DATE({{end_date}})",
    "CAST(CAST(dt AS DATE) AS TIMESTAMP) <= DATE({{end_date}})",
    "DATE_TRUNC('day', dt) <= DATE({{end_date}})",
    "FLOOR(dt TO DAY) <= DATE({{end_date}})",
    "TO_DATE(dt) <= DATE({{end_date}})",
    "CAST(dt AS VARCHAR(10)) <= DATE({{end_date}})",
    "SUBSTRING(CAST(dt AS VARCHAR), 1, 10) <= CAST(DATE({{end_date}}) AS VARCHAR)",
    "DATE_FORMAT(dt, '%Y-%m-%d') <= CAST(DATE({{end_date}}) AS VARCHAR)",
    "dt < DATE_TRUNC('month', {{end_date}})",
    "EXTRACT(YEAR FROM dt) <= EXTRACT(YEAR FROM {{end_date}})",
    "dt < {{end_date}} + INTERVAL '1' DAY",
    "dt < CAST({{end_date}} AS DATE) + INTERVAL '24' HOUR",
    "dt <= CAST({{end_date}} + INTERVAL '1' DAY AS DATE)",
    "dt < TIMESTAMPADD(DAY, 1, {{end_date}})",
    "dt < DATE_ADD('day', 1, {{end_date}})",
    "dt - INTERVAL '1' DAY < DATE({{end_date}})",
    "dt < (SELECT {{end_date}} + INTERVAL '1' DAY)",
    "dt <= '{{end_date}} 23:59:59'",
    "dt <= '{{end_date}}' || ' 23:59:59'",
    "dt <= TIMESTAMP '{{end_date}} 23:59:59.999'",
    "dt <= CAST(CONCAT('{{end_date}}', 'T23:59:59') AS TIMESTAMP)",
    "dt <= COALESCE({{time_window_end}}, {{at}})",
    "dt <= CAST({{time_window_end}} AS DATE)",
    "dt <= '2025-08-01 00:00:00'",
    "dt <= TIMESTAMP '2025-08-01 00:00:00'",
    "dt >= DATE({{start_date}}) AND dt < {{time_window_end}}",
    "NOT dt < DATE({{start_date}})",
    "NOT dt <= DATE({{end_date}})",
    "day <= DATE({{end_date}}) AND NOT day > {{end_date}}",
    "COALESCE(day, {{start_date}}) <= DATE({{end_date}})",
    "dt > {{end_date}}",
    "dt < COALESCE({{start_date}}, {{end_date}})",  # the first is never null
    "CASE WHEN dt >= {{end_date}} THEN TRUE ELSE campaign = 'a' END",
    "DATEDIFF('day', dt, {{end_date}}) >= 0",
    "TIMESTAMPDIFF(DAY, dt, {{end_date}}) <= 28",
    "campaign <= '{{end_date}} 00:00:00'",
    "user_id IN (SELECT user_id FROM u WHERE clicks > 0) AND day = {{end_date}}",
]


@pytest.mark.parametrize("condition", SAFE)
def test_a_comparison_that_loses_nothing_is_not_found(condition: str) -> None:
    sql = f"SELECT campaign FROM t WHERE {condition}"
    assert messages(sql) == []
    assert_found(f"{sql} AND dt <= DATE({{{{end_date}}}})", LOST)  # so the query is understood


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '{{end_date}}' AS day, DATEDIFF('day', dt, {{end_date}}) AS d, MAX(dt) AS m FROM t",
        "WITH p AS (SELECT {{end_date}} AS d) SELECT p.d, campaign FROM t, p WHERE t.day <= p.d",
        "WITH p AS (SELECT {{end_date}} + INTERVAL '1' DAY AS d) SELECT 1 AS n FROM t, p"
        " WHERE t.dt < p.d",
        "WITH p AS (SELECT {{start_date}} AS s, {{time_window_end}} AS e) SELECT 1 AS n FROM t, p"
        " WHERE t.dt >= p.s AND t.dt < p.e",
        "WITH x AS (SELECT CAST(dt AS DATE) AS dt FROM t) SELECT 1 AS n FROM x"
        " WHERE dt <= DATE({{end_date}})",
        "SELECT CAST(dt AS DATE) AS d, COUNT(*) AS n FROM t GROUP BY d"
        " HAVING d <= DATE({{end_date}})",
        "WITH RECURSIVE days AS (SELECT {{start_date}} AS d UNION ALL"
        " SELECT d + INTERVAL '1' DAY FROM days WHERE d < {{end_date}})"
        " SELECT 1 AS n FROM t, days WHERE t.day = days.d",
        "WITH c AS (SELECT user_id, CAST(dt AS DATE) AS d FROM t) SELECT 1 AS n FROM t, c"
        " WHERE t.dt <= c.d",
    ],
)
def test_a_query_that_loses_nothing_is_not_found(sql: str) -> None:
    assert messages(sql) == []


NEGATED = {"<=": ">", ">=": "<", "<": ">="}
OF_VALUES = ["parentheses", "COALESCE", "CASE", "sub-query", "alias", "CTE"]
OF_CONDITIONS = ["NOT", "double NOT", "AND", "mirrored"]
LAYERS = st.lists(st.sampled_from(OF_VALUES + OF_CONDITIONS), max_size=8)


def wrap(column: str, operator: str, day: str, layers: list[str]) -> str:
    """Write a query with a comparison in layers that change nothing of what it means."""
    ctes: list[str] = []
    source = ""
    for number, layer in enumerate(layers):
        named = f"SELECT {day} AS v{number}{f' FROM {source}' if source else ''}"
        match layer:
            case "parentheses":
                column, day = f"({column})", f"(({day}))"
            case "COALESCE":
                column, day = f"COALESCE({column}, NULL)", f"COALESCE({day}, {day})"
            case "CASE":
                column, day = (f"CASE WHEN TRUE THEN {one} END" for one in (column, day))
            case "sub-query":
                source, day = "", f"({named})"
            case "alias":
                source, day = f"({named}) AS a{number}", f"A{number}.v{number}"
            case "CTE":
                ctes.append(f"c{number} AS ({named})")
                source, day = f"C{number}", f"c{number}.V{number}"
    with_ctes = f"WITH {', '.join(ctes)} " if ctes else ""
    tables = ", ".join(filter(None, ("t", source)))
    return (
        f"{with_ctes}SELECT 1 AS n FROM {tables} WHERE {_condition(column, operator, day, layers)}"
    )


def _condition(column: str, operator: str, day: str, layers: list[str]) -> str:
    if layers.count("NOT") % 2:
        operator = NEGATED[operator]
    whole = f"{column} {operator} {day}"
    if "mirrored" in layers:
        whole = f"{day} {operator.translate(str.maketrans('<>', '><'))} {column}"
    for layer in layers:
        match layer:
            case "NOT":
                whole = f"NOT ({whole})"
            case "double NOT":
                whole = f"NOT (NOT {whole})"
            case "AND":
                whole = f"({whole} AND campaign <> 'a')"
    return whole


@given(
    st.sampled_from(["dt", "CAST(dt AS TIMESTAMP)", "DATE_TRUNC('hour', dt)"]),
    st.sampled_from(["DATE({{end_date}})", "'{{end_date}} 00:00:00'", "{{end_date}} || ' 00:00'"]),
    LAYERS,
)
def test_a_losing_comparison_is_found_in_any_layers(
    column: str, day: str, layers: list[str]
) -> None:
    assert_found(wrap(column, "<=", day, layers), LOST)


@given(
    st.sampled_from(
        [
            ("CAST(dt AS DATE)", "<=", "DATE({{end_date}})"),
            ("DATE_TRUNC('day', dt)", "<=", "'{{end_date}} 00:00:00'"),
            ("day", "<=", "DATE({{end_date}})"),
            ("dt", "<", "{{end_date}} + INTERVAL '1' DAY"),
            ("dt", "<", "TIMESTAMPADD(DAY, 1, {{end_date}})"),
            ("dt", "<=", "'{{end_date}} 23:59:59'"),
            ("dt", ">=", "DATE({{start_date}})"),
            ("dt", "<", "{{time_window_end}}"),
        ]
    ),
    LAYERS,
)
def test_a_safe_comparison_is_found_in_no_layers(
    safe: tuple[str, str, str], layers: list[str]
) -> None:
    sql = wrap(*safe, layers)
    assert messages(sql) == []
    assert_found(f"{sql} AND dt <= DATE({{{{end_date}}}})", LOST)  # so the query is understood
