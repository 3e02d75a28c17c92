"""Findings that need no tables: each states a fact, and none appears for a query that is meant."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.sql.lint import MAX_FINDING_CHARS, check_and_lint, remedy_for_long_values
from recomamp.domain.sql.parameters import declare
from recomamp.errors import InvalidDefinition


def found(sql: str, zone: str = "UTC", **parameters: Any) -> list[str]:
    return list(check_and_lint(sql, declare(parameters)).findings_in(ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("startDate", "2025-07-01", "{{start_date}}"),
        ("endDate", "2025-07-31", "{{end_date}}"),
        ("START_DATE", "2025-07-01", "{{start_date}}"),
        ("End_Date", "2025-07-31T00:00:00", "{{time_window_end}}"),
        ("date_from", {"type": "DATE", "default": "2025-07-01"}, "{{start_date}}"),
        ("to_date", {"type": "STRING", "default": "2025-07-31"}, "{{end_date}}"),
        ("reportStartDate", "2025-07-01", "{{start_date}}"),
        ("timeWindowStart", "2025-07-01 00:00:00", "{{time_window_start}}"),
        ("end", "2025-07-31", "{{end_date}}"),
    ],
)
@pytest.mark.parametrize("sql", ["x >= {{%s}}", "x >= '{{%s}}'", "x = CAST('{{%s}} ' AS DATE)"])
def test_a_fixed_date_named_like_an_end_of_the_window(
    sql: str, name: str, value: Any, remedy: str
) -> None:
    (one,) = found(sql % name, **{name: value})
    assert one.startswith(f"parameter {name} at line 1, column ")
    assert " is 2025-07-" in one
    assert " at every run" in one
    assert remedy in one


def test_a_fixed_date_and_a_name_of_the_window_in_one_text() -> None:
    (one,) = found("x = '{{start_date}} to {{endDate}}'", endDate="2025-07-31")
    assert one.startswith("parameter endDate at line 1, column 5 is 2025-07-31 at every run")


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("x >= {{start_date}}", {"start_date": "2025-07-01"}),  # the window goes before
        ("x >= {{campaign_start_date}}", {"campaign_start_date": "2025-07-01"}),
        ("x >= {{startDate}}", {"startDate": {"type": "DATE", "required": False}}),
        ("x >= {{startDate}}", {"startDate": "soon"}),
        ("x >= {{start}}", {"start": 20}),
        ("x >= 1", {"startDate": "2025-07-01"}),  # not used
        ("x IN ({{from}})", {"from": ["2025-07-01"]}),
        ("x >= {{restart_date}}", {"restart_date": "2025-07-01"}),
    ],
)
def test_a_date_that_may_be_meant_is_not_found(sql: str, parameters: Any) -> None:
    assert found(sql, **parameters) == []


@pytest.mark.parametrize(
    "sql",
    [
        "x LIKE {{b}}",
        "x NOT LIKE '{{b}}'",
        "x ILIKE {{b}}",
        "x LIKE CUSTOM_PARAMETER('b')",
        "x LIKE UPPER({{b}}) AND y",
        "x LIKE (({{b}}))",
        "x LIKE 'the {{b}}'",
        "x LIKE 'the {{b}}{{p}}'",  # the wildcards of a part count as text
        "x LIKE 'Brand'",
        "CASE WHEN x LIKE {{b}} THEN 1 END",
    ],
)
def test_a_pattern_without_a_wildcard(sql: str) -> None:
    (one,) = found(sql, b="Brand", p="%")
    assert "neither % nor _" in one
    assert "line 1, column " in one


@pytest.mark.parametrize(
    "sql",
    [
        "x LIKE {{p}}",
        "x LIKE '{{p}}'",
        "x LIKE '%{{b}}'",
        "x LIKE 'Brand_'",
        "x LIKE CONCAT('%', {{b}}, '%')",
        "x LIKE CONCAT({{b}}, {{p}})",
        "x LIKE {{b}} || '%'",
        "x LIKE y",
        "x LIKE REPLACE({{b}}, 'B', '%')",
        "x LIKE (SELECT {{b}} FROM t)",
        "x LIKE {{optional}}",
        "x SIMILAR TO {{b}}",
        "x LIKE CASE WHEN y THEN 'a' ELSE {{b}} END",
        "x = {{b}} AND y = 'Brand' -- LIKE 'Brand'",
        "x = 'LIKE {{b}}'",
    ],
)
def test_a_pattern_that_may_find_more_is_not_found(sql: str) -> None:
    assert found(sql, b="Brand", p="Br%", optional={"type": "STRING", "required": False}) == []


def test_a_pattern_without_a_wildcard_is_shown_with_what_to_write() -> None:
    (one,) = found("x LIKE 'Brand'")
    assert one.startswith("LIKE Brand at line 1, column 8 has neither % nor _")
    assert one.endswith("; write % where other text may stand, or = for equal text")
    (one,) = found("x LIKE {{brand}}", brand="Acme")
    assert "with the value of brand, so it finds that text alone" in one
    assert one.endswith("write LIKE '%{{brand}}%' to look for it in others")


@pytest.mark.parametrize(("text", "shown"), [("a" * 40, "a" * 40), ("a" * 41, "a" * 40 + "…")])
def test_a_long_text_is_shown_by_its_first_40_characters(text: str, shown: str) -> None:
    (one,) = found(f"x LIKE '{text}'")
    assert one.startswith(f"LIKE {shown} at line 1")


def test_a_pattern_of_the_window_is_not_found() -> None:
    assert found("x LIKE {{start_date}}") == []


@pytest.mark.parametrize("text", ["${brand}", "%(brand)s"])
def test_a_placeholder_of_another_program_without_a_parameter(text: str) -> None:
    (one,) = found(f"SELECT x\nFROM t WHERE y = '{text}'")
    assert one == (
        f"{text} at line 2, column 19 is sent as text; declare the parameter brand and write "
        "{{brand}}"
    )
    assert found("x = '$brand' AND y = ':brand' AND z = '{brand}'") == []


@pytest.mark.parametrize("sql", ["x = '${%s}'", "%s_utc <= {{end_date}}"])
def test_a_long_name_makes_no_long_finding(sql: str) -> None:
    (one,) = found(sql % ("a" * 100_000), zone="America/Los_Angeles")
    assert len(one) == MAX_FINDING_CHARS


def test_a_comment_of_jinja() -> None:
    (one,) = found("SELECT 1 {# a #}")
    assert one == "{# at line 1, column 10 does not begin a comment for AMC; write /* … */"


def test_an_array_longer_than_amc_is_said_to_take() -> None:
    asins = [f"B{number:09}" for number in range(300)]
    (one,) = found("ARRAY_CONTAINS({{asins}}, x) AND y IN ({{asins}})", asins=asins)
    assert one.startswith("parameter asins at line 1, column 16 has 4200 characters")
    assert "write a list such as x IN ({{asins}})" in one
    assert found("ARRAY_CONTAINS({{asins}}, x)", asins=asins[:70]) == []
    fits = ["a" * 500, "a" * (1024 - 500 - len('["", ""]'))]
    assert found("ARRAY_CONTAINS({{fits}}, x)", fits=fits) == []
    assert len(found("ARRAY_CONTAINS({{fits}}, x)", fits=[*fits[1:], fits[0] + "a"])) == 1
    assert "x IN ({{asins}})" in remedy_for_long_values({"asins": asins, "short": ["x"] * 9})
    assert remedy_for_long_values({"short": "x" * 1024}) == ""
    assert remedy_for_long_values({"b": "x" * 1025, "a": "x" * 1025}) == "; ".join(
        f"parameter {name} has more than 1024 characters: write a list such as x IN ({{{{{name}}}}}"
        "), which travels as literals"
        for name in ("a", "b")
    )


@pytest.mark.parametrize(
    ("sql", "zone", "expected"),
    [
        ("x_utc >= '{{start_date}}'", "Europe/Berlin", 1),
        ("x_utc >= '{{start_date}}'", "America/Los_Angeles", 0),
        ("x_utc <= '{{end_date}}'", "America/Los_Angeles", 1),
        ("x_utc <= '{{end_date}}'", "Europe/Berlin", 0),
        ("t.X_UTC BETWEEN {{start_date}} AND {{end_date}}", "Asia/Tokyo", 1),
        ("{{start_date}} <= t.x_utc", "Asia/Tokyo", 1),
        ("x_utc >= '{{start_date}}'", "Europe/London", 1),
        ("x_utc >= '{{start_date}}' AND x_utc <= '{{end_date}}'", "UTC", 0),
        ("x_utc >= '{{start_date}}' AND x_utc <= '{{end_date}}'", "Africa/Abidjan", 0),
        ("x_dt >= '{{start_date}}' AND x_dt <= '{{end_date}}'", "Asia/Tokyo", 0),
        ("x_utc >= {{time_window_start}}", "Asia/Tokyo", 0),
        ("x_utc < {{start_date}}", "Asia/Tokyo", 0),
        ("{{start_date}} <= x_utc(y)", "Asia/Tokyo", 0),  # a function
        ("'x_utc' >= {{start_date}}", "Asia/Tokyo", 0),  # a text
        ("(x_utc BETWEEN {{start_date}} AND y)", "Asia/Tokyo", 1),
        ("x_utc BETWEEN (a AND b) AND {{end_date}}", "America/Los_Angeles", 1),
        ("x_utc BETWEEN CASE WHEN a AND b THEN 1 END AND {{end_date}}", "America/Los_Angeles", 1),
        ("{{start_date}} <= t.u.x_utc", "Asia/Tokyo", 1),
        ("({{start_date}}) <= x_utc", "Asia/Tokyo", 1),
        ("CAST({{start_date}} AS TIMESTAMP) <= x_utc", "Asia/Tokyo", 1),
        ("NOT x_utc NOT BETWEEN {{start_date}} AND y", "Asia/Tokyo", 1),
    ],
)
def test_days_of_another_zone_than_the_columns(sql: str, zone: str, expected: int) -> None:
    assert len(found(sql, zone)) == expected


def test_days_of_another_zone_are_shown_with_what_to_write_instead() -> None:
    (one,) = found("t.x_utc <= '{{end_date}}'", "America/Los_Angeles")
    assert one.startswith("x_utc is in UTC, and {{end_date}} at line 1, column 12 is a day of ano")
    assert "a day of another time zone, so hours at that end of the window are left out" in one
    assert "; drop the condition, for AMC applies" in one
    assert "AMC applies the window itself, or compare a timestamp with {{time_window_st" in one
    assert one.endswith("{{time_window_start}} and {{time_window_end}}")


def test_a_checked_query_tells_which_names_of_the_window_it_uses() -> None:
    checked = check_and_lint("x >= {{start_date}} AND y = {{brand}}", declare({"brand": "Acme"}))
    assert checked.window_names == {"start_date"}


QUERIES = st.lists(
    st.sampled_from(
        [
            *("impression_dt_utc", "Campaign", "<=", ">=", "=", "LIKE", "NOT", "BETWEEN", "AND"),
            *("'{{start_date}}'", "{{end_date}}", "{{b}}", "'%{{b}}%'", "'Brand'", "(", ")", ","),
            *("UPPER(", "CONCAT(", "CASE WHEN", "THEN", "END", "IN", "'${c}'", "1", "-- x\n"),
        ]
    ),
    max_size=12,
).map(" ".join)


@given(QUERIES)
def test_the_case_of_names_changes_no_finding(sql: str) -> None:
    swapped = sql.replace("impression_dt_utc", "IMPRESSION_DT_UTC").replace("Campaign", "cAMPAIGN")
    try:
        expected = found(sql, "Asia/Tokyo", b="Brand")
    except InvalidDefinition:
        with pytest.raises(InvalidDefinition):
            found(swapped, "Asia/Tokyo", b="Brand")
        return
    assert found(swapped, "Asia/Tokyo", b="Brand") == expected


@pytest.mark.parametrize(
    "text", ["<brand>", "[brand]", "#brand#", "%brand%", "&brand", "$(brand)", "<%= brand %>"]
)
def test_a_parameter_that_only_a_text_names(text: str) -> None:
    (one,) = found(f"SELECT x\nFROM t WHERE y = '{text}'", brand="Acme")
    assert one.startswith("no placeholder names the parameter brand, and ")
    assert one.endswith("at line 2, column 19 is sent as text; write {{brand}} for its value")
    assert found(f"y = '{text}' AND z = {{{{brand}}}}", brand="Acme") == []
    assert found("y = 'brand' AND z = 'the brand, a brand-name'", brand="Acme") == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("start_date_utc", "2025-07-01", "start_date"),
        ("endTs", "2025-07-01 00:00", "time_window_end"),
        ("date_until", "2025-07-01", "end_date"),
        ("p_start_date", "07/01/2025", "start_date"),
        ("beginningDate", 20250701, "start_date"),
    ],
)
def test_a_fixed_date_in_other_words_and_forms(name: str, value: Any, expected: str) -> None:
    (one,) = found(f"x >= {{{{{name}}}}}", **{name: value})
    assert f"write {{{{{expected}}}}} for the window's own" in one


def test_a_comparison_after_a_text_is_not_a_placeholder_of_another_program() -> None:
    assert found("y = 'a' AND z <brand", brand="Acme") == []
    (one,) = found("y = 'a <brand>' AND z <brand", brand="Acme")
    assert "and <brand> at line 1, column 8 is sent as text" in one


def test_a_version_is_no_fixed_date() -> None:
    assert found("x >= {{since}}", since="1.2.3") == []
