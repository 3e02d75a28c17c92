"""What a value becomes where it is written out, at the edges of what AMC takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from recomamp.domain.scheduling.windows import Window
from recomamp.domain.sql.binding import MAX_BOUND_CHARS, bind
from recomamp.domain.sql.parameters import declare
from recomamp.errors import InvalidDefinition

DAY = Window(
    start=datetime(2025, 1, 6, tzinfo=UTC), end=datetime(2025, 1, 7, tzinfo=UTC), time_zone="UTC"
)


def bound(sql: str, **parameters: Any) -> str:
    return bind(sql, declare(parameters), DAY).sql


@pytest.mark.parametrize(
    ("sql", "value", "expected"),
    [
        ("x IN ({{v}})", -1.5, "x IN (-1.5)"),
        ("x IN ({{v}})", "-1.5", "x IN ('-1.5')"),
        ("x IN ('{{v}}')", -1.5, "x IN ('-1.5')"),
        ("x IN ('{{v}}')", True, "x IN ('true')"),
        ("x IN ({{v}})", True, "x IN (TRUE)"),
        ("x IN ({{v}})", {"type": "DECIMAL", "default": "-1.10"}, "x IN (-1.10)"),
        ("x IN ({{v}})", {"type": "DECIMAL", "default": "1e3"}, "x IN (1000)"),
        ("x IN ({{v}})", -(2**63), "x IN (-9223372036854775808)"),
        ("VALUES {{v}}", [1, 2], "VALUES (1), (2)"),
        ("VALUES ({{v}})", [1, 2], "VALUES (1), (2)"),
        ("VALUES {{v}}", {"type": "LONG", "required": False}, "VALUES (CAST(NULL AS BIGINT))"),
        ("x >= TIMESTAMP '{{v}}'", "2025-02-28T10:00:00", "x >= TIMESTAMP '2025-02-28 10:00:00'"),
        ("x <= TIMESTAMP '{{v}}'", "2025-02-28", "x <= TIMESTAMP '2025-02-28 23:59:59.999'"),
        ("x >= TIME '{{v}}'", "10:00:00", "x >= TIME '10:00:00'"),
        ("x = '{{v}}T'", "2025-02-28T10:00:00", "x = '2025-02-28T10:00:00T'"),
        ("x = ARRAY_CONCAT({{v}}, y)", {"type": "ARRAY<DATE>", "required": False}, None),
    ],
)
def test_a_value_that_is_written_out_has_the_form_of_its_type(
    sql: str, value: Any, expected: str | None
) -> None:
    expected = expected or "x = ARRAY_CONCAT(CAST(NULL AS DATE ARRAY), y)"
    assert bound(sql, v=value) == expected


def test_an_escape_is_a_character_that_stands_nowhere_in_the_pattern() -> None:
    assert bound("x LIKE '%{{v}}%'", v="50%") == "x LIKE '%50!%%' ESCAPE '!'"
    assert bound("x LIKE '!%{{v}}%'", v="50%") == "x LIKE '!%50^%%' ESCAPE '^'"
    assert bound("x LIKE '%{{v}}{{w}}%'", v="50%", w="!^") == "x LIKE '%50~%!^%' ESCAPE '~'"
    assert bound("x LIKE '%{{v}}%'", v="50!") == "x LIKE '%50!%'"


@pytest.mark.parametrize(
    ("sql", "value", "cause"),
    [
        ("x LIKE '%{{v}}%'", "%" + "".join(map(chr, range(33, 127))), "uses all of"),
        ("x LIKE REVERSE('%{{v}}%')", "50%", "is changed by a function"),
    ],
)
def test_a_pattern_whose_wildcards_cannot_be_escaped_is_refused(
    sql: str, value: str, cause: str
) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        bound(sql, v=value)
    message = str(refused.value)
    assert message.startswith("the pattern at line 1, column 8 has wildcards in a value and ")
    assert cause in message
    assert message.endswith("; pass the whole pattern as one parameter")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("x = {{y}}", "parameter y at line 1, column 5 is not declared; declared: n, numbers"),
        ("x = {{numbers}}", "is ARRAY<LONG>; an array may be in a list, such as x IN ({{ids}})"),
        ("x = {{numbers}}", "in VALUES, or where a whole value may"),
        (
            "F({{numbers}}, '{{numbers}}')",
            "parameter numbers at line 1, column 16 is in quotes, so it is text, and elsewhere in "
            "the query it is not; write it alike everywhere, or declare a second parameter",
        ),
    ],
)
def test_a_use_that_cannot_be_is_refused_with_what_can(sql: str, words: str) -> None:
    with pytest.raises(InvalidDefinition, match=re.escape(words)):
        bound(sql, n=1, numbers=[1, 2])


def test_without_parameters_none_is_declared_and_without_a_window_amc_chooses() -> None:
    with pytest.raises(
        InvalidDefinition, match=r"y at line 1, column 5 is not declared; .*: none$"
    ):
        bind("x = {{y}}", {})
    with pytest.raises(InvalidDefinition) as refused:
        bind("x = {{end_date}}", {})
    assert str(refused.value) == (
        "parameter end_date at line 1, column 5 has no value: AMC itself chooses this run's window"
    )


def test_values_that_are_written_out_make_no_endless_query() -> None:
    ids = ["a" * 4000] * 60
    each = len(bound("x IN ({{ids}})", ids=ids))
    uses = MAX_BOUND_CHARS // each
    assert len(bound(" OR ".join(["x IN ({{ids}})"] * (uses - 1)), ids=ids)) <= MAX_BOUND_CHARS
    with pytest.raises(InvalidDefinition) as refused:
        bound(" OR ".join(["x IN ({{ids}})"] * (uses + 1)), ids=ids)
    assert f"has more than {MAX_BOUND_CHARS} characters; use arrays in fewer" in str(refused.value)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT{{n}}FROM t", "SELECT CUSTOM_PARAMETER('n')FROM t"),
        ("x IN{{ids}}AND y", "x IN ('a')AND y"),
        ("x+{{n}}", "x+CUSTOM_PARAMETER('n')"),
        ("x = DATE'2025-01-01'AND{{n}}", "x = DATE'2025-01-01'AND CUSTOM_PARAMETER('n')"),
        (" SELECT {{n}} ", "SELECT CUSTOM_PARAMETER('n')"),
    ],
)
def test_no_value_touches_a_word(sql: str, expected: str) -> None:
    assert bound(sql, n=1, ids=["a"]) == expected
