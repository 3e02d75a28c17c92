"""How a query is read: where placeholders are found, and what is refused with which words."""

from __future__ import annotations

import re

import pytest

from recomamp.domain.sql.binding import bind, check
from recomamp.domain.sql.dialect import line_starts, place_of
from recomamp.domain.sql.parameters import declare
from recomamp.errors import InvalidDefinition

PARAMETERS = declare({"n": 5, "text": "O'Hara", "under": "50%_!off", "ids": ["a"], "unit": "day"})


def bound(sql: str) -> str:
    return bind(sql, PARAMETERS, None).sql


@pytest.mark.parametrize(
    "call",
    ["(", "()", "('n'", "('')", "('1n')", "(n)", "(5)", "('n', 'n')", "('n' || 'n')", "({{n}})"],
)
def test_a_custom_parameter_without_a_name_is_refused_with_what_to_write(call: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        check(f"SELECT 1, CUSTOM_PARAMETER{call}", PARAMETERS)
    assert str(refused.value) == (
        "CUSTOM_PARAMETER without a name at line 1, column 11; write CUSTOM_PARAMETER('name')"
    )


def test_a_custom_parameter_without_parentheses_is_a_name() -> None:
    assert (
        bound("SELECT custom_parameter, {{n}}") == "SELECT custom_parameter, CUSTOM_PARAMETER('n')"
    )


def test_an_escape_that_is_not_one_character_says_what_to_write() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        bound("x LIKE '%{{text}}%' ESCAPE '!!'")
    assert str(refused.value) == (
        "an ESCAPE that is not a text of one character at line 1, column 21; "
        "write the character out, such as ESCAPE '!'"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # what decides which pattern is taken is no part of it, after a CASE within it either
        (
            "x LIKE CASE WHEN CASE WHEN y THEN a END || 'a' = 'b' THEN {{under}} END",
            "x LIKE CASE WHEN CASE WHEN y THEN a END || 'a' = 'b'"
            " THEN CUSTOM_PARAMETER('under') END",
        ),
        (
            "SELECT a, b, c FROM t WHERE x LIKE CASE WHEN y || 'a' = 'b' THEN {{under}} END",
            "SELECT a, b, c FROM t WHERE x LIKE CASE WHEN y || 'a' = 'b'"
            " THEN CUSTOM_PARAMETER('under') END",
        ),
        # and what is taken is a part of it, after a condition either
        (
            "x LIKE CASE WHEN y THEN '%' || {{under}} END",
            "x LIKE CASE WHEN y THEN '%' || '50^%^_!off' END ESCAPE '^'",
        ),
        (
            "x LIKE CASE WHEN y THEN 'a' WHEN z THEN 'b' ELSE {{under}} || '%' END",
            "x LIKE CASE WHEN y THEN 'a' WHEN z THEN 'b' ELSE '50^%^_!off' || '%' END ESCAPE '^'",
        ),
    ],
)
def test_only_what_is_taken_as_a_pattern_has_its_wildcards_escaped(sql: str, expected: str) -> None:
    assert bound(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("x IN (UPPER({{text}}))", "x IN (UPPER('O''Hara'))"),
        ("x IN ((1 + {{n}}), LOWER(UPPER({{text}})))", "x IN ((1 + 5), LOWER(UPPER('O''Hara')))"),
        ("VALUES (UPPER({{text}}), (1 + {{n}}))", "VALUES (UPPER('O''Hara'), (1 + 5))"),
        ("CONTAINED_IN(x, {{ids}})", "CONTAINED_IN(x, 'a')"),
        ("(x = UPPER({{text}}))", "(x = UPPER(CUSTOM_PARAMETER('text')))"),
    ],
)
def test_within_a_list_of_literals_a_function_gets_literals_too(sql: str, expected: str) -> None:
    assert bound(sql) == expected


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("x IN (EXTRACT({{unit}} FROM y))", "placeholder {{unit}} stands for a name at line 1"),
        ("x IN (UPPER({{ids}}))", "parameter ids at line 1, column 13 is ARRAY<STRING>"),
        ("x = $ {n}", "$ at line 1, column 5 is not a placeholder; write {{name}}"),
        ("x = '{{ a b }} {{ c d }}'", "{{ a b }} at line 1, column 5 is not a placeholder"),
        ("SELECT {{#if x}}", "{{#if x}} at line 1, column 8 is not a placeholder"),
        ("SELECT 1 }# x", "unbalanced braces at line 1, column 10: }"),
        ("SELECT { # x", "unbalanced braces at line 1, column 8: {"),
        ("SELECT {{ids}} = x", "parameter ids at line 1, column 8 is ARRAY<STRING>"),
        ("SELECT {{n}}.x", "parameters are values: write table, column and alias names out"),
        ("SELECT 1 #}, x", "unbalanced braces at line 1, column 11: }"),
        ("SELECT 1 {# a #}, x}", "unbalanced braces at line 1, column 20: }"),
        ("SELECT 1; SELECT 2", "a second statement at line 1, column 9; AMC takes one query"),
        ("x = “a”", "the typographic quote “ (U+201C) at line 1, column 5; write ' around text"),
        ("SELECT /* a", "a comment at line 1, column 8 does not end; close it with */"),
        ('SELECT "a', 'a quoted name at line 1, column 8 does not end; close it with "'),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(sql: str, words: str) -> None:
    with pytest.raises(InvalidDefinition, match=re.escape(words)):
        check(sql, PARAMETERS)


def test_a_query_may_use_parameters_5000_times() -> None:
    most = ", ".join(["'{{n}}{{n}}'"] * 2500)
    assert check(f"SELECT {most}", PARAMETERS) == frozenset()
    with pytest.raises(InvalidDefinition) as refused:
        check(f"SELECT {most},\n{{{{n}}}}", PARAMETERS)
    assert str(refused.value) == (
        "more than 5000 uses of parameters at line 2, column 1; use each in fewer places"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("VALUES {{ids}} LIMIT {{n}}", "VALUES ('a') LIMIT CUSTOM_PARAMETER('n')"),
        ("VALUES {{ids}}, ({{n}}) LIMIT {{n}}", "VALUES ('a'), (5) LIMIT CUSTOM_PARAMETER('n')"),
    ],
)
def test_after_the_rows_of_values_a_value_is_no_row(sql: str, expected: str) -> None:
    assert bound(sql) == expected


def test_a_day_that_ends_in_one_place_is_a_date_in_another() -> None:
    parameters = declare({"day": "2025-07-31"})
    assert bind("x <= {{day}} AND y = {{day}}", parameters).sql == (
        "x <= CAST('2025-07-31 23:59:59.999' AS TIMESTAMP) AND y = CUSTOM_PARAMETER('day')"
    )


@pytest.mark.parametrize(
    ("spaces", "shown"),
    [(18, "{{" + " -" * 18 + "}}"), (19, "{{" + " -" * 19 + "…")],
)
def test_long_braces_are_shown_by_their_first_40_characters(spaces: int, shown: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        check("x = {{" + " -" * spaces + "}}", PARAMETERS)
    assert str(refused.value).startswith(f"{shown} at line 1, column 5 is not a placeholder; ")


def test_places_count_lines_and_columns_from_one() -> None:
    sql = "a\r\nbc\rd\n\ne"
    starts = line_starts(sql)
    places = {sql[offset]: place_of(starts, offset) for offset in range(len(sql))}
    assert places["a"] == "line 1, column 1"
    assert places["c"] == "line 2, column 2"
    assert places["d"] == "line 3, column 1"
    assert places["e"] == "line 5, column 1"
