from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.binding import BoundQuery, bind, check
from recomamp.domain.sql.dialect import tokenize
from recomamp.domain.sql.foreign_placeholders import odd_braces_in
from recomamp.domain.sql.parameter_types import Value
from recomamp.domain.sql.parameters import Parameter, ParameterType, declare
from recomamp.domain.sql.template import read_template
from recomamp.errors import InvalidDefinition

WEEK = Window(
    start=datetime(2025, 1, 6, 8, tzinfo=UTC),
    end=datetime(2025, 1, 13, 8, tzinfo=UTC),
    time_zone="America/Los_Angeles",
)
PARAMETERS = declare(
    {
        "n": 5,
        "minus": -5,
        "text": "O'Hara",
        "day": "2025-02-28",
        "ids": ["a", "b'c"],
        "numbers": [1, -2],
        "under": "50%_!off",
        "at": {"type": "TIMESTAMP", "default": "2025-02-28T10:00:00"},
        "optional": {"type": "STRING", "required": False},
        "missing": {"type": "STRING"},
        "none": {"type": "ARRAY<STRING>", "default": []},
        "unit": "day",
    }
)


def bound(sql: str) -> str:
    return bind(sql, PARAMETERS, WEEK).sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT {{n}}", "SELECT CUSTOM_PARAMETER('n')"),
        (
            "SELECT {{ n }}, '{{ text }}' x",
            "SELECT CUSTOM_PARAMETER('n'), CUSTOM_PARAMETER('text') x",
        ),
        ("SELECT{{n}}AND 1", "SELECT CUSTOM_PARAMETER('n')AND 1"),
        ("SELECT custom_parameter( 'n' )", "SELECT CUSTOM_PARAMETER('n')"),
        ("x = {{n}} * {{n}}", "x = CUSTOM_PARAMETER('n') * CUSTOM_PARAMETER('n')"),
        (
            "SELECT x IS DISTINCT FROM {{n}}, {{n}} FROM t WHERE y IS NOT DISTINCT FROM '{{text}}'",
            "SELECT x IS DISTINCT FROM CUSTOM_PARAMETER('n'), CUSTOM_PARAMETER('n') FROM t"
            " WHERE y IS NOT DISTINCT FROM CUSTOM_PARAMETER('text')",
        ),
        ("x LIKE '{{text}}'", "x LIKE CUSTOM_PARAMETER('text')"),
        ("TRIM(BOTH {{text}} FROM y)", "TRIM(BOTH CUSTOM_PARAMETER('text') FROM y)"),
        ("EXTRACT(DAY FROM {{at}})", "EXTRACT(DAY FROM CUSTOM_PARAMETER('at'))"),
        ("POSITION('a' IN {{text}})", "POSITION('a' IN CUSTOM_PARAMETER('text'))"),
        ("CAST('{{day}}' AS DATE)", "CAST(CUSTOM_PARAMETER('day') AS DATE)"),
        ("ARRAY_CONTAINS({{ids}}, x)", "ARRAY_CONTAINS(CUSTOM_PARAMETER('ids'), x)"),
        ("SELECT 1 GROUP BY '{{text}}'", "SELECT 1 GROUP BY CUSTOM_PARAMETER('text')"),
        (
            "x IN (SELECT y FROM t WHERE z = {{n}})",
            "x IN (SELECT y FROM t WHERE z = CUSTOM_PARAMETER('n'))",
        ),
        ("({{optional}} IS NULL)", "(CAST(NULL AS VARCHAR) IS NULL)"),
    ],
)
def test_where_a_value_stands_it_travels_as_a_parameter(sql: str, expected: str) -> None:
    assert bound(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x IN ({{ids}})", "x IN ('a', 'b''c')"),
        ("x IN {{ids}}", "x IN ('a', 'b''c')"),
        ("x NOT IN ('{{ids}}')", "x NOT IN ('a', 'b''c')"),
        ("x IN ('z', {{ids}}, {{text}})", "x IN ('z', 'a', 'b''c', 'O''Hara')"),
        ("x IN (CUSTOM_PARAMETER('ids'))", "x IN ('a', 'b''c')"),
        ("x IN {{numbers}}", "x IN (1, -2)"),
        ("x IN (1 -{{minus}})", "x IN (1 - -5)"),
        ("x IN ({{day}})", "x IN (CAST('2025-02-28' AS DATE))"),
        ("x IN ({{at}})", "x IN (CAST('2025-02-28 10:00:00' AS TIMESTAMP))"),
        ("x IN ({{optional}})", "x IN (CAST(NULL AS VARCHAR))"),
        ("VALUES {{ids}}", "VALUES ('a'), ('b''c')"),
        ("VALUES ({{ids}})", "VALUES ('a'), ('b''c')"),
        ("VALUES (1, {{n}}), ({{text}}, 2)", "VALUES (1, 5), ('O''Hara', 2)"),
        (
            "SELECT 1 FROM TABLE(EXTEND_TIME_WINDOW('t', 'P{{n}}D', '{{text}}'))",
            "SELECT 1 FROM TABLE(EXTEND_TIME_WINDOW('t', 'P5D', 'O''Hara'))",
        ),
        ("DATE_TRUNC('{{unit}}', x)", "DATE_TRUNC('day', x)"),
        ("x >= DATE '{{day}}'", "x >= DATE '2025-02-28'"),
        ("x >= TIMESTAMP '{{day}}'", "x >= TIMESTAMP '2025-02-28 00:00:00'"),
        ("x >= TIMESTAMP '{{at}}'", "x >= TIMESTAMP '2025-02-28 10:00:00'"),
        ("x >= TIMESTAMP '{{day}} 12:00:00'", "x >= TIMESTAMP '2025-02-28 12:00:00'"),
        ("x + INTERVAL '{{n}}' DAY", "x + INTERVAL '5' DAY"),
        ("x = 'it''s {{text}}'", "x = 'it''s O''Hara'"),
    ],
)
def test_where_amc_takes_no_parameter_a_literal_is_written(sql: str, expected: str) -> None:
    result = bind(sql, PARAMETERS, WEEK)
    assert result.sql == expected
    assert (result.input_parameters, result.parameter_values) == ((), {})


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x LIKE '%{{text}}%'", "x LIKE '%O''Hara%'"),
        ("x LIKE '%{{under}}%'", "x LIKE '%50^%^_!off%' ESCAPE '^'"),
        ("x LIKE '%{{under}}%' ESCAPE '!'", "x LIKE '%50!%!_!!off%' ESCAPE '!'"),
        ("x = '%{{under}}%'", "x = '%50%_!off%'"),
    ],
)
def test_wildcards_of_a_value_inside_a_like_pattern_count_as_text(sql: str, expected: str) -> None:
    assert bound(sql) == expected


def test_the_request_lists_only_what_the_query_uses_in_amc_s_shape() -> None:
    parameters = declare(
        {
            "ids": {"type": "ARRAY<LONG>", "default": [576460752303423489], "description": "ads"},
            "flag": True,
            "rate": 1e-7,
            "unused": 1,
        }
    )
    result = bind("SELECT ARRAY_CONTAINS({{ids}}, x), {{flag}}, {{rate}}, {{flag}}", parameters)
    assert result == BoundQuery(
        sql="SELECT ARRAY_CONTAINS(CUSTOM_PARAMETER('ids'), x), CUSTOM_PARAMETER('flag'), "
        "CUSTOM_PARAMETER('rate'), CUSTOM_PARAMETER('flag')",
        input_parameters=(
            {"name": "flag", "dataType": "BOOLEAN", "columnType": "DIMENSION"},
            {
                "name": "ids",
                "dataType": {"type": "ARRAY", "elementDataType": "LONG", "elementNullable": False},
                "columnType": "DIMENSION",
                "description": "ads",
            },
            {"name": "rate", "dataType": "DOUBLE", "columnType": "DIMENSION"},
        ),
        parameter_values={"flag": "true", "ids": ["576460752303423489"], "rate": "0.0000001"},
    )


def test_the_window_fills_its_names_and_the_end_date_is_the_last_day_read() -> None:
    result = bind(
        "x >= '{{start_date}}' AND day = {{end_date}} AND "
        "y BETWEEN {{time_window_start}} AND {{time_window_end}}",
        {},
        WEEK,
    )
    assert result.parameter_values == {
        "start_date": "2025-01-06",
        "end_date": "2025-01-12",
        "time_window_start": "2025-01-06T08:00:00",
        "time_window_end": "2025-01-13T08:00:00",
    }
    types = {entry["name"]: entry["dataType"] for entry in result.input_parameters}
    assert types == {
        "start_date": "DATE",
        "end_date": "DATE",
        "time_window_start": "TIMESTAMP",
        "time_window_end": "TIMESTAMP",
    }


LAST_INSTANT = "CAST('2025-01-12 23:59:59.999' AS TIMESTAMP)"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x <= '{{end_date}}'", f"x <= {LAST_INSTANT}"),
        ("x <= {{end_date}}", f"x <= {LAST_INSTANT}"),
        ("x <= CUSTOM_PARAMETER('end_date')", f"x <= {LAST_INSTANT}"),
        ("x <= ('{{end_date}}') AND y", f"x <= ({LAST_INSTANT}) AND y"),
        ("'{{end_date}}' >= t.x", f"{LAST_INSTANT} >= t.x"),
        (
            "x BETWEEN DATE '2025-01-01' AND '{{end_date}}' AND z",
            f"x BETWEEN DATE '2025-01-01' AND {LAST_INSTANT} AND z",
        ),
        (
            "x BETWEEN CASE WHEN a AND b THEN c END AND {{end_date}}",
            f"x BETWEEN CASE WHEN a AND b THEN c END AND {LAST_INSTANT}",
        ),
        ("x <= {{day}}", "x <= CAST('2025-02-28 23:59:59.999' AS TIMESTAMP)"),
        ("x <= '{{end_date}}'::TIMESTAMP", f"x <= {LAST_INSTANT}::TIMESTAMP"),
        ("x <= {{end_date}}::DATE", "x <= CUSTOM_PARAMETER('end_date')::DATE"),
        ("x <= {{end_date}}::TIMESTAMP + y", "x <= CUSTOM_PARAMETER('end_date')::TIMESTAMP + y"),
        ("x <= TIMESTAMP '{{end_date}}'", "x <= TIMESTAMP '2025-01-12 23:59:59.999'"),
        (
            "x <= CAST('{{end_date}}' AS TIMESTAMP) AND y",
            f"x <= CAST({LAST_INSTANT} AS TIMESTAMP) AND y",
        ),
        (
            "x BETWEEN TIMESTAMP '{{start_date}}' AND TIMESTAMP '{{end_date}}'",
            "x BETWEEN TIMESTAMP '2025-01-06 00:00:00' AND TIMESTAMP '2025-01-12 23:59:59.999'",
        ),
    ],
)
def test_a_date_that_is_an_upper_bound_includes_its_whole_day(sql: str, expected: str) -> None:
    assert bound(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "IF(x <= {{day}}, a, b), IF(x > {{day}}, a, b)",
        "IF(x > '{{day}}', a, b), IF(y <= CUSTOM_PARAMETER('day'), a, b)",
        "{{day}} < x OR x BETWEEN y AND {{day}}",
    ],
)
def test_a_period_that_is_split_at_a_day_has_each_row_once(sql: str) -> None:
    text = bound(sql)
    assert text.count("CAST('2025-02-28 23:59:59.999' AS TIMESTAMP)") == 2
    assert "CUSTOM_PARAMETER" not in text


def test_a_day_after_which_rows_begin_is_split_by_its_own_name_alone() -> None:
    assert bound("x > {{start_date}} AND x <= {{end_date}}") == (
        f"x > CUSTOM_PARAMETER('start_date') AND x <= {LAST_INSTANT}"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "x < {{end_date}}",
        "x > {{end_date}}",
        "x >= {{end_date}}",
        "x = {{end_date}}",
        "{{end_date}} <= x",
        "x BETWEEN {{end_date}} AND y",
        "x <= CAST({{end_date}} AS DATE)",
        "x <= {{end_date}} - 1",
        "x <= f({{end_date}})",
        "x >= y AND {{end_date}} < z",
    ],
)
def test_elsewhere_a_date_is_a_date(sql: str) -> None:
    result = bind(sql, {}, WEEK)
    assert result.sql == sql.replace("{{end_date}}", "CUSTOM_PARAMETER('end_date')")
    assert result.parameter_values == {"end_date": "2025-01-12"}


def test_the_window_goes_before_a_declared_value_of_the_same_name() -> None:
    result = bind("SELECT {{start_date}}", declare({"start_date": "2020-01-01"}), WEEK)
    assert result.parameter_values == {"start_date": "2025-01-06"}


def test_without_a_window_its_names_have_no_value() -> None:
    with pytest.raises(InvalidDefinition, match="start_date at line 1, column 8 has no value"):
        bind("SELECT {{start_date}}", {})


def test_comments_are_stripped_and_placeholders_in_them_are_ignored() -> None:
    sql = "-- {{nope}}\nSELECT a,-- it's {{nope\n  b/* {{nope}} */c /*+ hint */ FROM t -- end\n;"
    assert bound(sql) == "SELECT a,\nb c FROM t"
    assert check(sql, {}) == frozenset()


def test_a_comment_mark_inside_a_string_is_text() -> None:
    assert bound("SELECT '-- {{n}} /*', \"--\", 1") == "SELECT '-- 5 /*', \"--\", 1"


def test_all_names_of_a_query_are_found() -> None:
    sql = "SELECT {{a}}, 'P{{b}}D{{c}}', CUSTOM_PARAMETER('d'), '{{start_date}}' -- {{e}}"
    used = {name for slot in read_template(sql).slots for name in slot.names}
    assert used == {"a", "b", "c", "d", "start_date"}
    assert check(sql, declare(dict.fromkeys("abcd", 1))) == {"start_date"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x FROM {{n}}",
        "SELECT x FROM a, {{n}}",
        "SELECT DISTINCT x FROM {{n}}",
        "SELECT x FROM a JOIN {{n}} ON 1 = 1",
        "SELECT x AS {{n}}",
        "SELECT x AS '{{n}}'",
        "SELECT x {{n}}",
        "SELECT t.{{n}}",
        "SELECT {{n}}.x",
        "SELECT {{n}}(x)",
        "SELECT CAST(x AS {{n}})",
        "WITH {{n}} AS (SELECT 1) SELECT 1",
        "WITH a AS (SELECT 1), {{n}} AS (SELECT 1) SELECT 1",
        "SELECT x FROM a JOIN b USING ({{n}})",
        "SELECT x FROM a GROUP BY {{n}}",
        "SELECT x FROM a GROUP BY x, {{n}}",
        "SELECT EXTRACT({{n}} FROM x)",
        "SELECT {{n}} {{n}}",
    ],
)
def test_a_placeholder_for_a_name_is_refused(sql: str) -> None:
    with pytest.raises(InvalidDefinition, match=r"\{\{n\}\} stands for a name at line 1, column"):
        check(sql, PARAMETERS)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT\n  {{nope}}", "parameter nope at line 2, column 3 is not declared"),
        ("SELECT CUSTOM_PARAMETER('nope')", "parameter nope at line 1, column 8 is not declared"),
        ("SELECT {{missing}}", "parameter missing at line 1, column 8 has no value"),
        ("SELECT 'P{{optional}}D'", "parameter optional at line 1, column 8 has no value"),
        ("SELECT {{n}", "unbalanced braces at line 1, column 8"),
        ("SELECT {n}}", "unbalanced braces at line 1, column 8"),
        ("SELECT {{n} }", "unbalanced braces at line 1, column 8"),
        ("SELECT { {n}}", "unbalanced braces at line 1, column 8"),
        ("SELECT {{{n}}}", "{{{n}}} at line 1, column 8 is not a placeholder; write {{n}}"),
        ("SELECT n}}", "unbalanced braces at line 1, column 9"),
        ("SELECT {{ }}", "{{ }} at line 1, column 8 is not a placeholder; write {{name}}"),
        ("SELECT {{n m}}", "{{n m}} at line 1, column 8 is not a placeholder; write {{name}}"),
        ("SELECT {{7}}", "{{7}} at line 1, column 8 is not a placeholder"),
        (
            "SELECT {% if x %}",
            "{% if x %} at line 1, column 8 is not a placeholder; write {{name}}",
        ),
        ("SELECT 'a {{n'", "unbalanced braces at line 1, column 8: {{n"),
        ("SELECT 'a n}}'", "unbalanced braces at line 1, column 8: }}"),
        ('SELECT "{{n}}"', "a placeholder in a quoted name"),
        ("SELECT N'{{n}}'", "prefixed string"),
        ("SELECT CUSTOM_PARAMETER(n)", "CUSTOM_PARAMETER without a name"),
        ("SELECT CUSTOM_PARAMETER('{{n}}')", "CUSTOM_PARAMETER without a name"),
        ("SELECT 'open", "the query cannot be read"),
        ("SELECT 1; SELECT 2", "a second statement at line 1, column 9"),
        ("SELECT x = {{ids}}", "parameter ids at line 1, column 12 is ARRAY<STRING>"),
        ("SELECT 'P{{ids}}D'", "is ARRAY<STRING>"),
        ("VALUES (1, {{ids}})", "is ARRAY<STRING>"),
        ("SELECT 1 FROM TABLE(EXTEND_TIME_WINDOW('t', {{ids}}))", "is ARRAY<STRING>"),
        ("SELECT x IN ({{none}})", "parameter none at line 1, column 14 is an empty list"),
    ],
)
def test_a_query_that_cannot_be_bound_says_what_and_where(sql: str, words: str) -> None:
    for attempt in (
        lambda: check(sql, PARAMETERS),
        lambda: check(sql, PARAMETERS),
        lambda: bind(sql, PARAMETERS, WEEK),
    ):
        with pytest.raises(InvalidDefinition, match=re.escape(words)):
            attempt()


def test_braces_that_are_no_placeholder_stay_in_a_string() -> None:
    assert bound("""SELECT '{"a":{"b":1}}', 'x{3}'""") == """SELECT '{"a":{"b":1}}', 'x{3}'"""


@pytest.mark.parametrize("time_zone", ["Mars/Base", "Europe", "../UTC", "x" * 300])
def test_an_unknown_zone_is_said(time_zone: str) -> None:
    window = Window(start=WEEK.start, end=WEEK.end, time_zone=time_zone)
    with pytest.raises(InvalidDefinition, match=f"'{time_zone[:20]}.* is not an IANA time zone"):
        bind("SELECT 1", {}, window)


OFFICIAL_IDIOM = (
    "(ARRAY_CONTAINS(CUSTOM_PARAMETER('ids'), x) OR CUSTOM_PARAMETER('ids') IS NULL"
    " OR CARDINALITY(CUSTOM_PARAMETER('ids')) = 0)"
)


@pytest.mark.parametrize(
    "sql",
    [
        OFFICIAL_IDIOM,
        "CUSTOM_PARAMETER('ids') IS NOT NULL AND NOT CUSTOM_PARAMETER('ids') IS NULL",
        "(CUSTOM_PARAMETER('ids')) IS NULL",
        "CASE WHEN CUSTOM_PARAMETER('ids') IS NULL THEN CUSTOM_PARAMETER('ids') ELSE x END",
        "COALESCE(CUSTOM_PARAMETER('ids'), x) IS NULL",
        "SELECT x, CUSTOM_PARAMETER('ids') AS y",
    ],
)
def test_an_array_stands_wherever_a_whole_value_may(sql: str) -> None:
    result = bind(sql, PARAMETERS)
    assert result.sql == sql
    assert result.parameter_values == {"ids": ["a", "b'c"]}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("STRING", "VARCHAR"),
        ("LONG", "BIGINT"),
        ("INTEGER", "INT"),
        ("DECIMAL", "DECIMAL(38, 9)"),
        ("DATE", "DATE"),
        ("TIMESTAMP", "TIMESTAMP"),
        ("BOOLEAN", "BOOLEAN"),
        ("DOUBLE", "DOUBLE"),
    ],
)
def test_null_has_the_type_of_its_parameter(kind: str, name: str) -> None:
    parameters = declare(
        {
            "one": {"type": kind, "required": False},
            "many": {"type": f"ARRAY<{kind}>", "required": False},
        }
    )
    sql = "{{one}} IS NULL OR {{many}} IS NULL"
    expected = f"CAST(NULL AS {name}) IS NULL OR CAST(NULL AS {name} ARRAY) IS NULL"
    assert bind(sql, parameters).sql == expected


@pytest.mark.parametrize(
    ("sql", "found", "place"),
    [
        ("x = :n", ":n", "column 5"),
        ("x IN (:n, 2)", ":n", "column 7"),
        ("x BETWEEN :n AND 2", ":n", "column 11"),
        ("-:undeclared", ":undeclared", "column 2"),
        ("x = @n", "@n", "column 5"),
        ("x = $n", "$n", "column 5"),
        ("x = ${n}", "${n}", "column 5"),
        ("x = %(n)s", "%(n)s", "column 5"),
        ("x = {n}", "{n}", "column 5"),
        ("x = ':n'", ":n", "column 6"),
        ("x = '$n'", "$n", "column 6"),
        ("x = '${n}'", "${n}", "column 6"),
        ("x = '%(n)s'", "%(n)s", "column 6"),
        ("x = '@n'", "@n", "column 6"),
        ("x = '{n}'", "{n}", "column 6"),
        ("x LIKE '%:n%'", ":n", "column 10"),
        ("x = 'P${n}D'", "${n}", "column 7"),
        ("x = 'it''s {n}'", "{n}", "column 12"),
        ("x = '${start_date}'", "${start_date}", "column 6"),
    ],
)
def test_a_placeholder_in_another_style_is_refused_with_its_remedy(
    sql: str, found: str, place: str
) -> None:
    name = re.sub(r"\W", "", found.removesuffix("s") if found.startswith("%") else found)
    words = f"{found} at line 1, {place} is not a placeholder; write {{{{{name}}}}}"
    for attempt in (lambda: check(sql, PARAMETERS), lambda: bind(sql, PARAMETERS, WEEK)):
        with pytest.raises(InvalidDefinition, match=re.escape(words)):
            attempt()


def test_a_question_mark_for_a_value_is_refused() -> None:
    with pytest.raises(InvalidDefinition, match=r"^\? at line 1, column 5 is not a placeholder"):
        check("x = ?", PARAMETERS)


@pytest.mark.parametrize(
    "sql",
    [
        "x::DATE",
        "x = '10:30' AND y = '10:n0' AND z = 'https://n'",
        "x = 'a:n' AND y = 'me@n' AND z = 'US$n' AND w = '::n'",
        "x = '$5' AND y = '100%' AND z = '?' AND w = ':-)' AND v = '%(n)'",
        "x = ':other' AND y = '$other' AND z = '{other}' AND w = '@other'",
        "x = 'x{3}' AND y SIMILAR TO '[a-z]{2,}' AND z SIMILAR TO '\\\\p{n}'",
        "x % (n) = 1 AND EXPR$0 = 1 AND $other = 1",
        'x = ":n" AND "$n" = 1',
        "JSON_OBJECT('k': n)",
        "x LIKE '%n%' AND y = 'n'",
    ],
)
def test_what_only_looks_like_a_placeholder_is_sent_as_written(sql: str) -> None:
    assert bind(sql, PARAMETERS, WEEK).sql == sql


def test_a_placeholder_in_another_style_may_stand_in_a_comment() -> None:
    assert bound("SELECT 1 -- :n $n ${n} ?") == "SELECT 1"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x = '{{n}}' AND y = {{n}}", "x = '5' AND y = CUSTOM_PARAMETER('n')"),
        ("x IN ('{{numbers}}', '{{n}}')", "x IN ('1', '-2', '5')"),
        ("VALUES '{{numbers}}'", "VALUES ('1'), ('-2')"),
        ("x = '{{text}}'", "x = CUSTOM_PARAMETER('text')"),
        ("x = '{{day}}'", "x = CUSTOM_PARAMETER('day')"),
    ],
)
def test_quotes_make_text_of_a_number(sql: str, expected: str) -> None:
    assert bound(sql) == expected


@pytest.mark.parametrize(
    ("value", "text"), [(5.5, "5.5"), (True, "true"), (10**18, "1" + "0" * 18), (-1, "-1")]
)
def test_the_text_of_a_number_is_exact(value: Any, text: str) -> None:
    assert bind("x = '{{x}}'", declare({"x": value})).sql == f"x = '{text}'"


def test_an_array_of_numbers_in_quotes_alone_is_an_array_of_text() -> None:
    result = bind("ARRAY_CONTAINS('{{numbers}}', x)", PARAMETERS)
    assert result.parameter_values == {"numbers": ["1", "-2"]}
    assert result.input_parameters[0]["dataType"]["elementDataType"] == "STRING"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x LIKE ('%{{under}}%') AND y", "x LIKE ('%50^%^_!off%') ESCAPE '^' AND y"),
        ("x LIKE UPPER('%{{under}}%')", "x LIKE UPPER('%50^%^_!off%') ESCAPE '^'"),
        ("x ILIKE '%{{under}}%'", "x ILIKE '%50^%^_!off%' ESCAPE '^'"),
        ("x NOT LIKE '%{{under}}%'AND y", "x NOT LIKE '%50^%^_!off%' ESCAPE '^' AND y"),
        (
            "x LIKE CONCAT('%', {{under}}, '%')",
            "x LIKE CONCAT('%', '50^%^_!off', '%') ESCAPE '^'",
        ),
        (
            "x LIKE CONCAT('%', LOWER('{{under}}'), '^')",
            "x LIKE CONCAT('%', LOWER('50~%~_!off'), '^') ESCAPE '~'",
        ),
        (
            "x LIKE CONCAT('%', {{text}}, '%')",
            "x LIKE CONCAT('%', CUSTOM_PARAMETER('text'), '%')",
        ),
        ("x LIKE ('%{{under}}%') ESCAPE '!'", "x LIKE ('%50!%!_!!off%') ESCAPE '!'"),
        ("x LIKE {{under}}", "x LIKE CUSTOM_PARAMETER('under')"),
        ("x LIKE UPPER(({{under}}))", "x LIKE UPPER((CUSTOM_PARAMETER('under')))"),
        (
            "x LIKE '{{text}}%' AND y = {{under}}",
            "x LIKE 'O''Hara%' AND y = CUSTOM_PARAMETER('under')",
        ),
    ],
)
def test_wildcards_count_as_text_however_the_pattern_is_put_together(
    sql: str, expected: str
) -> None:
    assert bound(sql) == expected


def test_a_pattern_that_a_function_changes_is_refused_where_a_value_has_wildcards() -> None:
    assert bound("x LIKE REPLACE('%{{text}}%', 'a', 'b')")
    with pytest.raises(InvalidDefinition, match=r"pattern at line 1, column 8 has wildcards"):
        bound("x LIKE REPLACE('%{{under}}%', 'a', 'b')")


@pytest.mark.parametrize(
    "found",
    [
        "{{#if x}}",
        "{% if x %}",
        "{{ n | int }}",
        "{{my-param}}",
        "{{ n(1) }}",
        "{{n.x}}",
        "{{'n'}}",
    ],
)
@pytest.mark.parametrize("before", ["SELECT 1,\n  ", "SELECT 1,\r\n  ", "SELECT 1,\r  "])
def test_a_template_of_another_kind_is_refused_with_what_may_be_written(
    found: str, before: str
) -> None:
    words = (
        f"{found} at line 2, column 3 is not a placeholder; write {{{{name}}}}, a name of letters"
    )
    with pytest.raises(InvalidDefinition, match=re.escape(words)):
        check(f"{before}{found}", PARAMETERS)
    if "'" not in found:
        with pytest.raises(InvalidDefinition, match=re.escape(words)):
            check(f"{before}'{found}'", PARAMETERS)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1\nFROM t WHERE x = 'a\nb", "text in quotes at line 2, column 18 does not end"),
        ('SELECT 1,\n "a', "a quoted name at line 2, column 2 does not end"),
        ("SELECT /* a", "a comment at line 1, column 8 does not end"),
        ("SELECT {{it's}}", "text in quotes at line 1, column 12 does not end"),
    ],
)
def test_what_does_not_end_is_named_where_it_begins(sql: str, words: str) -> None:
    with pytest.raises(InvalidDefinition, match=re.escape(words)):
        check(sql, PARAMETERS)


def test_a_long_word_after_a_brace_is_read_once() -> None:
    """A pattern that goes back would take an hour for it."""
    assert odd_braces_in("{%" + "a" * 2_000_000) == ""
    assert odd_braces_in("{%" + " " * 2_000_000) == ""


def test_a_comment_of_jinja_is_sent_as_written() -> None:
    assert bound("SELECT a {# b #} FROM t") == "SELECT a {# b #} FROM t"
    assert bound("SELECT 1 {# a #}, b#{{n}}") == "SELECT 1 {# a #}, b#CUSTOM_PARAMETER('n')"
    assert bound("SELECT '{# b #}'") == "SELECT '{# b #}'"


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- a", "/* a */ -- b\r\n ;", "-- SELECT 1"])
def test_a_query_of_comments_alone_is_refused(sql: str) -> None:
    for attempt in (lambda: check(sql, {}), lambda: bind(sql, {}, WEEK)):
        with pytest.raises(InvalidDefinition, match="the query is empty"):
            attempt()


def test_a_carriage_return_ends_a_comment() -> None:
    assert bound("SELECT 1 -- {{nope}}\r, {{n}}") == "SELECT 1\n, CUSTOM_PARAMETER('n')"


def test_a_long_list_and_a_long_text_travel_as_literals() -> None:
    asins = [f"B{number:09}" for number in range(300)]
    parameters = declare({"asins": asins, "text": "x" * 1025, "short": "x" * 1024})
    result = bind(
        "a IN (CUSTOM_PARAMETER('asins')) AND CONTAINED_IN(b, {{asins}}) AND c = {{text}}"
        " AND d = {{short}}",
        parameters,
    )
    listed = ", ".join(f"'{asin}'" for asin in asins)
    assert result.sql == (
        f"a IN ({listed}) AND CONTAINED_IN(b, {listed}) AND c = '{'x' * 1025}'"
        " AND d = CUSTOM_PARAMETER('short')"
    )
    assert set(result.parameter_values) == {"short"}


# No value can change the structure of a query.

TEMPLATE = """
WITH v (a) AS (VALUES {{list}}), w (a, b) AS (VALUES ({{one}}, 1), (2, '{{one}}'))
SELECT {{one}}, '{{one}}' AS label, 'a{{one}}b{{one}}' AS mixed, 1 -{{one}} AS minus -- {{gone}}
FROM TABLE(EXTEND_TIME_WINDOW('t', 'P{{one}}D', 'P1D')) AS t
WHERE a LIKE '%{{one}}%' AND b IN ({{list}}) AND c NOT IN {{list}} AND d IN (1 -{{one}}, 2)
  AND ARRAY_CONTAINS({{list}}, e) AND f = UPPER({{one}}) /* {{gone}} */ AND g > DATE '{{one}}'
  AND h LIKE CONCAT('%', {{one}}, UPPER('{{one}}_')) AND i <= {{one}} AND j BETWEEN 1 AND '{{one}}'
  AND k LIKE ('%{{one}}') ESCAPE '#' AND l ILIKE '{{one}}%' AND CONTAINED_IN(m, {{list}})
  AND n = '{{one}}' AND ({{list}} IS NULL OR o IN ('{{list}}'))
GROUP BY label
"""

NASTY_BITS = [
    *("'", '"', "--", "/*", "*/", "{{", "}}", "{{one}}", "\\", ";", ")", "(", ",", "%", "_", "$$"),
    *("`", "#", "’", "\n", "\r", "\u2028", " OR 1=1", "ESCAPE", "CUSTOM_PARAMETER('x')"),
]
NASTY = st.one_of(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30),
    st.lists(
        st.sampled_from(NASTY_BITS),
        max_size=8,
    ).map("".join),
)
VALUES: dict[ParameterType, st.SearchStrategy[Any]] = {
    ParameterType.STRING: NASTY,
    ParameterType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    ParameterType.LONG: st.integers(-(2**63), 2**63 - 1),
    ParameterType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    ParameterType.DECIMAL: st.decimals(-(10**20), 10**20, allow_nan=False, places=9),
    ParameterType.BOOLEAN: st.booleans(),
    ParameterType.DATE: st.dates(),
    ParameterType.TIMESTAMP: st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
}
PLAIN: dict[ParameterType, Value] = {
    ParameterType.STRING: "x",
    ParameterType.INTEGER: 1,
    ParameterType.LONG: 1,
    ParameterType.DOUBLE: 1.5,
    ParameterType.DECIMAL: Decimal("1.5"),
    ParameterType.BOOLEAN: True,
    ParameterType.DATE: date(2025, 1, 1),
    ParameterType.TIMESTAMP: datetime(2025, 1, 1, tzinfo=UTC),
}


@st.composite
def typed(draw: st.DrawFn) -> tuple[ParameterType, Any, list[Any]]:
    kind = draw(st.sampled_from(list(ParameterType)))
    return kind, draw(VALUES[kind]), draw(st.lists(VALUES[kind], min_size=1, max_size=4))


def _parameters(kind: ParameterType, one: Value, many: list[Any]) -> dict[str, Parameter]:
    return {
        "one": Parameter(name="one", type=kind, value=one),
        "list": Parameter(name="list", type=kind, is_array=True, value=tuple(many)),
    }


def _tree(sql: str) -> exp.Expression:
    """Parse with the library's standard SQL and blank what literals and parameters say."""

    def blank(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Escape):
            return node.this
        if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
            return node.this
        if isinstance(node, exp.Boolean):
            return exp.true()
        if isinstance(node, exp.Anonymous) and node.name == "CUSTOM_PARAMETER":
            return exp.Literal.string("")  # in a LIKE pattern a literal, where it has wildcards
        return node

    tree = sqlglot.parse_one(sql).transform(blank)
    for node in tree.find_all(exp.Literal):
        node.set("this", "")
    return tree


@given(typed())
def test_no_value_changes_the_structure_of_the_query(
    drawn: tuple[ParameterType, Any, list[Any]],
) -> None:
    kind, one, many = drawn
    nasty = bind(TEMPLATE, _parameters(kind, one, many))
    plain = bind(TEMPLATE, _parameters(kind, PLAIN[kind], [PLAIN[kind]] * len(many)))
    assert _tree(nasty.sql) == _tree(plain.sql)
    assert nasty.input_parameters == plain.input_parameters


@given(NASTY, st.lists(NASTY, min_size=1, max_size=4))
def test_every_text_arrives_as_it_was(one: str, many: list[str]) -> None:
    result = bind(TEMPLATE, _parameters(ParameterType.STRING, one, many))
    tree = sqlglot.parse_one(result.sql)
    assert result.parameter_values == {"one": one, "list": many}
    listed = next(node for node in tree.find_all(exp.In) if node.this.name == "b")
    assert [literal.this for literal in listed.expressions] == many
    mixed = next(node for node in tree.find_all(exp.Alias) if node.alias == "mixed")
    assert mixed.this.this == f"a{one}b{one}"


@given(st.lists(VALUES[ParameterType.DECIMAL], min_size=1), st.lists(VALUES[ParameterType.LONG]))
def test_every_number_arrives_as_it_was(decimals: list[Decimal], longs: list[int]) -> None:
    for kind, numbers in ((ParameterType.DECIMAL, decimals), (ParameterType.LONG, longs or [0])):
        parameters = {"x": Parameter(name="x", type=kind, is_array=True, value=tuple(numbers))}
        tree = sqlglot.parse_one(bind("SELECT a IN ({{x}})", parameters).sql)
        listed = tree.find(exp.In)
        assert listed is not None
        assert [Decimal(item.sql()) for item in listed.expressions] == numbers


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *("{{n}}", "'{{n}}'", "'a{{n}}'", "{{", "}}", "{", "}", "'", '"', "--", "/*", "*/"),
            *("/*+", "{#", "#}", "{%", "%}", ";", "(", ")", ",", ".", "x", "1", "\n", "SELECT"),
            *("FROM", "IN", "VALUES", "LIKE", "TABLE", "AS", "WITH", "BY", "CUSTOM_PARAMETER"),
            "CUSTOM_PARAMETER('n')",
        ]
    ),
    max_size=12,
).map(" ".join)


@given(FRAGMENTS)
def test_any_text_is_either_refused_or_bound_without_a_placeholder_left(sql: str) -> None:
    parameters = declare({"n": 1})
    try:
        check(sql, parameters)
    except InvalidDefinition:
        return
    result = bind(sql, parameters, WEEK).sql
    assert "{{" not in result
    assert not any(token.comments for token in tokenize(result))
    assert bind(result, parameters, WEEK).sql == result


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x IN {{many}}", "x IN (CAST(NULL AS BIGINT))"),
        ("CONTAINED_IN(x, {{many}})", "CONTAINED_IN(x, CAST(NULL AS BIGINT))"),
        ("VALUES {{many}}", "VALUES (CAST(NULL AS BIGINT))"),
        ("VALUES ({{many}}), (1)", "VALUES (CAST(NULL AS BIGINT)), (1)"),
    ],
)
def test_a_null_in_a_list_has_its_type(sql: str, expected: str) -> None:
    declared = declare({"many": {"type": "ARRAY<LONG>", "required": False}})
    assert bind(sql, declared).sql == expected


@pytest.mark.parametrize(
    ("sql", "first_day"),
    [
        ("a_dt <= {{start_date}} AND b_dt > {{start_date}}", "CUSTOM_PARAMETER('start_date')"),
        ("MAX(a) <= {{start_date}} AND b > {{start_date}}", "CUSTOM_PARAMETER('start_date')"),
        (
            "t.a <= {{start_date}} OR A > {{start_date}}",
            "CAST('2025-01-06 23:59:59.999' AS TIMESTAMP)",
        ),
    ],
)
def test_the_first_day_stays_where_another_column_ends_with_it(sql: str, first_day: str) -> None:
    assert bound(sql).endswith(f"> {first_day}")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "x LIKE CASE WHEN {{under}} = '' THEN '%' ELSE '%{{under}}%' END AND y",
            "x LIKE CASE WHEN CUSTOM_PARAMETER('under') = '' THEN '%' ELSE '%50^%^_!off%' END"
            " ESCAPE '^' AND y",
        ),
        (
            "x LIKE CASE {{ids}} WHEN NULL THEN CASE WHEN y THEN '%' END ELSE {{under}} END",
            "x LIKE CASE CUSTOM_PARAMETER('ids') WHEN NULL THEN CASE WHEN y THEN '%' END"
            " ELSE CUSTOM_PARAMETER('under') END",
        ),
        (
            "x LIKE '{{under}}' || CASE WHEN UPPER({{text}}) = y THEN '%' ELSE {{text}} END",
            "x LIKE '50^%^_!off' || CASE WHEN UPPER(CUSTOM_PARAMETER('text')) = y THEN '%'"
            " ELSE CUSTOM_PARAMETER('text') END ESCAPE '^'",
        ),
        (
            "x LIKE CASE WHEN a || b = 'x' THEN {{under}} ELSE '%' END",
            "x LIKE CASE WHEN a || b = 'x' THEN CUSTOM_PARAMETER('under') ELSE '%' END",
        ),
        ("x LIKE COALESCE({{under}}, '%')", "x LIKE COALESCE(CUSTOM_PARAMETER('under'), '%')"),
        (
            "x LIKE NVL({{text}}, '%{{under}}')",
            "x LIKE NVL(CUSTOM_PARAMETER('text'), '%50^%^_!off') ESCAPE '^'",
        ),
    ],
)
def test_one_of_several_patterns_is_a_pattern_like_one_alone(sql: str, expected: str) -> None:
    assert bound(sql) == expected


@pytest.mark.parametrize("escape", ["{{text}}", "'{{text}}'", "''", "'!!'", "CHR(33)"])
def test_an_escape_that_is_not_written_out_is_refused(escape: str) -> None:
    with pytest.raises(InvalidDefinition, match=r"ESCAPE .* at line 1, column 18; .* ESCAPE '!'"):
        bound(f"x LIKE '%{{{{n}}}}%' ESCAPE {escape}")


def test_a_byte_order_mark_and_spaces_of_a_web_page_are_blanks() -> None:
    assert bound("\ufeffSELECT\u00a0{{n}},\u20281") == "SELECT CUSTOM_PARAMETER('n'), 1"
    assert bound("SELECT '\u00a0'") == "SELECT '\u00a0'"
    with pytest.raises(InvalidDefinition, match="the query is empty"):
        bound("\ufeff-- only a comment")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("x =\n \u2018{{text}}\u2019", "quote \u2018 (U+2018) at line 2, column 2; write '"),
        ("x = \u201cAcme\u201d", "quote \u201c (U+201C) at line 1, column 5; write '"),
        ("SELECT\u200b {{n}}", "invisible character U+200B at line 1, column 1; delete it"),
    ],
)
def test_characters_of_text_programs_are_refused(sql: str, message: str) -> None:
    with pytest.raises(InvalidDefinition, match=re.escape(message)):
        bound(sql)
    assert bound("x = 'it\u2019s'") == "x = 'it\u2019s'"


@pytest.mark.parametrize("text", ["${n:-1}", "${ n:raw }", "{n!r}", "{n:>10}", "{{{n}}}"])
def test_a_placeholder_with_a_format_of_another_program_is_refused(text: str) -> None:
    with pytest.raises(InvalidDefinition, match=r"at line 1, column [56] is not a placeholder"):
        bound(f"x = '{text}'")


def test_a_value_may_follow_asymmetric() -> None:
    assert bound("x BETWEEN ASYMMETRIC {{day}} AND {{end_date}}") == (
        f"x BETWEEN ASYMMETRIC CUSTOM_PARAMETER('day') AND {LAST_INSTANT}"
    )
    with pytest.raises(InvalidDefinition):
        bound("x BETWEEN SYMMETRIC {{end_date}} AND {{day}}")


def test_an_array_of_numbers_is_text_everywhere_or_nowhere() -> None:
    mixed = "ARRAY_CONTAINS({{numbers}}, x) OR\nARRAY_CONTAINS('{{numbers}}', y)"
    for read in (bound, lambda sql: check(sql, PARAMETERS)):
        with pytest.raises(InvalidDefinition, match="numbers at line 2, column 16 is in quotes"):
            read(mixed)
    assert bound("ARRAY_CONTAINS({{numbers}}, x) OR y IN ('{{numbers}}')") == (
        "ARRAY_CONTAINS(CUSTOM_PARAMETER('numbers'), x) OR y IN ('1', '-2')"
    )
