"""What AMC refuses the engine refuses, in AMC's kind of text."""

from __future__ import annotations

import pytest

from amc_emulator.engine import QueryRejected
from fixtures.engine_runs import NORTH, make_query, run, shared_engine

REFUSED = {
    "star": ("SELECT * FROM dsp_impressions", "At line 1, column 8: SELECT * is not supported"),
    "star of a table": ("SELECT d.* FROM dsp_impressions d", "SELECT * is not supported"),
    "star in a CTE": (
        "WITH a AS (SELECT * FROM dsp_clicks) SELECT COUNT(campaign) FROM a",
        "SELECT * is not supported",
    ),
    "limit": ("SELECT COUNT(*) FROM dsp_clicks LIMIT 1", "LIMIT is not supported"),
    "right join": (
        "SELECT COUNT(*) FROM dsp_impressions a RIGHT JOIN dsp_clicks b"
        " ON a.request_tag = b.request_tag",
        "RIGHT JOIN is not supported",
    ),
    "getdate": (
        "SELECT GETDATE() AS d, COUNT(*) FROM dsp_clicks",
        "No match found for function signature GETDATE",
    ),
    "ntile": (
        "SELECT NTILE(4) OVER (ORDER BY campaign), COUNT(*) FROM dsp_clicks GROUP BY campaign",
        "No match found for function signature NTILE",
    ),
    "concatenation": (
        "SELECT campaign || 'x', COUNT(*) FROM dsp_clicks GROUP BY 1",
        "Unsupported scalar operation type ||",
    ),
    "count over everything": (
        "SELECT campaign, COUNT(*) OVER () FROM dsp_clicks",
        "COUNT(*) OVER () is not supported",
    ),
    "interval": (
        "SELECT COUNT(*) FROM dsp_clicks WHERE click_dt > CURRENT_TIMESTAMP - INTERVAL '1' DAY",
        "INTERVAL literals are not supported",
    ),
    "expression in collect": (
        "SELECT COLLECT(UPPER(campaign)) FROM dsp_clicks",
        "COLLECT takes a column",
    ),
    "two statements": ("SELECT 1; SELECT 2", "Only one statement"),
    "delete": ("DELETE FROM dsp_clicks", "illegal context: DELETE"),
    "create": ("CREATE TABLE x AS SELECT 1", "illegal context: CREATE"),
    "insert": ("INSERT INTO x SELECT 1", "illegal context: INSERT"),
    "copy": ("COPY dsp_clicks TO '/tmp/x'", "illegal context: COPY"),
    "set": ("SET threads = 2", "illegal context: SET"),
    "syntax": ("SELECT campaign FROM WHERE", 'Encountered "WHERE" at line 1, column'),
    "open string": ("SELECT 'abc", "Lexical error"),
    "empty": ("  ", "the query is empty"),
    "unknown table": (
        "SELECT COUNT(*)\nFROM nowhere",
        "From line 2, column 6 to line 2, column 12: Object 'nowhere' not found",
    ),
    "table of audience queries": (
        "SELECT COUNT(*) FROM dsp_impressions_for_audiences",
        "Object 'dsp_impressions_for_audiences' not found",
    ),
    "unknown column": (
        "SELECT foo, COUNT(*) FROM dsp_clicks GROUP BY foo",
        "From line 1, column 8 to line 1, column 10: Column 'foo' not found in any table",
    ),
    "unknown column of a table": (
        "SELECT SUM(d.foo) FROM dsp_clicks AS d",
        "Column 'foo' not found in table 'd'",
    ),
    "unknown alias": ("SELECT SUM(x.clicks) FROM dsp_clicks AS d", "Table 'x' not found"),
    "ambiguous column": (
        "SELECT campaign, COUNT(*) FROM dsp_clicks a JOIN dsp_impressions b"
        " ON a.request_tag = b.request_tag GROUP BY campaign",
        "Column 'campaign' is ambiguous",
    ),
    "alias used beside itself": (
        "SELECT SUM(clicks) AS c, c + 1 AS d FROM dsp_clicks",
        "Column 'c' not found in any table",
    ),
    "duplicate alias": (
        "SELECT COUNT(*) FROM dsp_clicks a JOIN dsp_clicks a ON 1 = 1",
        "Duplicate relation name 'a'",
    ),
    "not grouped": (
        "SELECT campaign, COUNT(*) FROM dsp_clicks",
        "Expression 'campaign' is not being grouped",
    ),
    "sum of text": ("SELECT SUM(campaign) FROM dsp_clicks", "Cannot apply function"),
    "no aggregate": ("SELECT campaign FROM dsp_clicks", "Query must aggregate"),
    "no aggregate around a subquery": (
        "SELECT campaign FROM (SELECT campaign, clicks FROM dsp_clicks)",
        "Query must aggregate",
    ),
    "no aggregate beside VALUES": (
        "WITH w(x) AS (VALUES (1)) SELECT campaign, x FROM dsp_clicks CROSS JOIN w",
        "Query must aggregate",
    ),
    "no aggregate in one half of a union": (
        "SELECT DISTINCT campaign FROM dsp_clicks UNION ALL SELECT campaign FROM dsp_clicks",
        "Query must aggregate",
    ),
    "secret column": (
        "SELECT user_id, SUM(clicks) FROM dsp_clicks GROUP BY user_id",
        "Column 'user_id' cannot be part of the output",
    ),
    "secret column in disguise": (
        "WITH a AS (SELECT LOWER(SUBSTRING(request_tag FROM 1 FOR 8)) AS k, clicks FROM dsp_clicks)"
        " SELECT MAX(k) AS innocent, SUM(clicks) AS c FROM a",
        "Column 'innocent' cannot be part of the output",
    ),
    "secret column collected": (
        "SELECT COLLECT(user_id) AS u FROM dsp_clicks",
        "Column 'u' cannot be part of the output",
    ),
    "filter of a postal code": (
        "SELECT SUM(clicks) FROM dsp_clicks WHERE postal_code IN ('US-90001', 'US-90002')",
        "Column 'postal_code' has the aggregation threshold HIGH",
    ),
    "filter of a user": (
        "WITH a AS (SELECT user_id AS u, clicks FROM dsp_clicks)"
        " SELECT SUM(clicks) FROM a WHERE LOWER(u) LIKE 'a1%'",
        "has the aggregation threshold VERY_HIGH",
    ),
    "file as a table": ("SELECT COUNT(*) FROM '/etc/passwd'", "Object '/etc/passwd' not found"),
    "file function": ("SELECT COUNT(*) FROM read_csv('/etc/passwd')", "READ_CSV"),
    "tables of the engine": ("SELECT COUNT(*) FROM person", "Object 'person' not found"),
    "missing argument": (
        "SELECT COUNT(*), PERCENTILE(clicks) FROM dsp_clicks",
        "Invalid number of arguments to function 'PERCENTILE'",
    ),
    "unknown function": ("SELECT GETENV('HOME'), COUNT(*) FROM dsp_clicks", "GETENV"),
    "union of unequal width": (
        "SELECT campaign, COUNT(*) FROM dsp_clicks GROUP BY 1 UNION ALL SELECT 'x' FROM dsp_clicks",
        "Column count mismatch in UNION",
    ),
    "bad duration": (
        "SELECT COUNT(*) FROM TABLE(EXTEND_TIME_WINDOW('dsp_clicks', '14 days', 'P0D'))",
        "'14 days' is not an ISO-8601 duration",
    ),
    "unknown extended table": (
        "SELECT COUNT(*) FROM TABLE(EXTEND_TIME_WINDOW('nowhere', 'P1D', 'P0D'))",
        "Object 'nowhere' not found",
    ),
}


@pytest.mark.parametrize(("sql", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_a_query_amc_would_not_run_is_refused_when_compiled_and_when_run(
    sql: str, text: str
) -> None:
    with pytest.raises(QueryRejected) as compiled:
        shared_engine().compile(NORTH, make_query(sql))
    with pytest.raises(QueryRejected) as ran:
        run(sql)
    assert text in str(compiled.value)
    assert str(ran.value) == str(compiled.value)


def test_an_undeclared_parameter_is_named() -> None:
    sql = "SELECT COUNT(*) FROM dsp_clicks WHERE campaign = CUSTOM_PARAMETER('brand')"
    with pytest.raises(QueryRejected) as rejection:
        run(sql, parameter_values={"brand": "x"})
    assert str(rejection.value) == "Filter operation EQ referenced an undeclared parameter brand."
    assert rejection.value.undeclared_parameter == "brand"


def test_the_name_of_a_parameter_is_case_sensitive() -> None:
    declared = ({"name": "Brand", "dataType": "STRING", "defaultValue": "x"},)
    sql = "SELECT COUNT(*) FROM dsp_clicks WHERE campaign = CUSTOM_PARAMETER('brand')"
    with pytest.raises(QueryRejected, match="undeclared parameter brand"):
        run(sql, input_parameters=declared)


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("INTEGER", "many"),
        ("LONG", 1.5),
        ("DECIMAL", "NaN"),
        ("DATE", "03/05/2025"),
        ("TIMESTAMP", "yesterday"),
        ("BOOLEAN", "perhaps"),
        ("CALENDAR_INTERVAL", "P1D"),
        ("STRING", ["a", {"b": 1}]),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(data_type: str, value: object) -> None:
    with pytest.raises(QueryRejected, match=r"arameter p|data type"):
        run(
            "SELECT COUNT(*), MAX(CUSTOM_PARAMETER('p')) FROM dsp_clicks",
            input_parameters=({"name": "p", "dataType": data_type},),
            parameter_values={"p": value},
        )


def test_a_parameter_without_any_value_is_refused() -> None:
    with pytest.raises(QueryRejected, match="neither a value nor a default"):
        run(
            "SELECT COUNT(*) FROM dsp_clicks WHERE campaign = CUSTOM_PARAMETER('p')",
            input_parameters=({"name": "p", "dataType": "STRING"},),
        )


def test_an_array_parameter_cannot_stand_in_an_in_list() -> None:
    with pytest.raises(QueryRejected, match="IN operator"):
        run(
            "SELECT COUNT(*) FROM dsp_clicks WHERE campaign IN (CUSTOM_PARAMETER('p'))",
            input_parameters=({"name": "p", "dataType": {"type": "ARRAY"}},),
            parameter_values={"p": ["a"]},
        )
