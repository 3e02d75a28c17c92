"""What a row may cost is bounded, and reading it takes time for its characters alone."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recomamp.domain.definitions import read_collection, read_schedule
from recomamp.domain.row_limits import MAX_JSON_DEPTH, MAX_PARAMETERS_BYTES, check_limits
from recomamp.domain.scheduling import cron
from recomamp.domain.scheduling.cron import normalize_expression
from recomamp.domain.sql.binding import MAX_BOUND_CHARS, bind
from recomamp.domain.sql.dialect import tokenize
from recomamp.domain.sql.parameters import declare
from recomamp.domain.sql.template import MAX_USES, Placeholder, read_template
from recomamp.errors import InvalidDefinition

LONG = "x" * 300_000
KEY = str(uuid4())
ROW: dict[str, Any] = {
    "id": KEY,
    "workflow_id": KEY,
    "instance_key": KEY,
    "instance_id": "amcdemonorth",
    "sql_query": "SELECT 1",
    "parameters": {},
    "workflow_parameters": {},
}


def nested(levels: int) -> Any:
    document: Any = 1
    for _ in range(levels):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("columns", "place"),
    [
        ({"name": LONG}, "workflow_schedules.name"),
        ({"description": LONG}, "workflow_schedules.description"),
        ({"cron_expression": LONG}, "workflow_schedules.cron_expression"),
        ({"timezone": LONG}, "workflow_schedules.timezone"),
        ({"workflow_name": LONG}, "workflows.name"),
        ({"workflow_description": LONG}, "workflows.description"),
        ({"sql_query": LONG}, "workflows.sql_query"),
        ({"sql_query": "ü" * 131_073}, "workflows.sql_query"),
        ({"parameters": MAX_PARAMETERS_BYTES + 1}, "workflow_schedules.parameters"),
        ({"workflow_parameters": 10**9}, "workflows.parameters"),
        ({"parameters": nested(MAX_JSON_DEPTH + 1)}, "workflow_schedules.parameters"),
        ({"parameters": {"a": [nested(MAX_JSON_DEPTH)]}}, "workflow_schedules.parameters"),
        ({"instance_name": LONG}, "amc_instances.name"),
        ({"instance_id": ".."}, "amc_instances.instance_id"),
        ({"instance_id": "a\n"}, "amc_instances.instance_id"),
    ],
)
@pytest.mark.parametrize("read", [read_schedule, read_collection])
def test_a_row_of_before_is_refused_with_its_place(
    columns: dict[str, Any], place: str, read: Any
) -> None:
    if read is read_collection:
        place = place.replace("workflow_schedules", "report_data_collections")
    with pytest.raises(InvalidDefinition) as refused:
        read({**ROW, **columns})
    assert str(refused.value).startswith(f"{place}: ")
    assert refused.value.key == KEY
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("cron_expression", "timezone", "place"),
    [
        ("0 6 * * 8", "UTC", "cron_expression"),
        ("0 6 * * *", "Europe/Bonn", "timezone"),
        ("0,1 2 8-14 3 */7", "America/New_York", "cron_expression"),
    ],
)
def test_a_schedule_that_cannot_tick_is_refused_with_its_column(
    cron_expression: str, timezone: str, place: str
) -> None:
    ticks = {"cron_expression": cron_expression, "timezone": timezone}
    with pytest.raises(InvalidDefinition, match=rf"^workflow_schedules\.{place}: "):
        read_schedule({**ROW, **ticks})


AT_THE_LIMIT: list[tuple[str, Any, Any]] = [  # a column, a value at its limit, one beyond
    ("name", "x" * 200, "x" * 201),
    ("description", "x" * 4_000, "x" * 4_001),
    ("cron_expression", "x" * 200, "x" * 201),
    ("timezone", "x" * 64, "x" * 65),
    ("sql_query", "ü" * 131_072, "ü" * 131_072 + "x"),
    ("instance_id", "x" * 64, "x" * 65),
    ("parameters", nested(MAX_JSON_DEPTH), nested(MAX_JSON_DEPTH + 1)),
    ("parameters", MAX_PARAMETERS_BYTES, MAX_PARAMETERS_BYTES + 1),
    ("start_date", date(2100, 1, 1), date(2100, 1, 2)),
    ("end_date", date(2000, 1, 1), date(1999, 12, 31)),
    (
        "created_at",
        datetime(2100, 1, 1, 23, 59, tzinfo=UTC),
        datetime(2100, 1, 2, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize(("column", "greatest", "greater"), AT_THE_LIMIT)
def test_a_row_at_a_limit_is_taken_and_one_beyond_it_is_not(
    column: str, greatest: Any, greater: Any
) -> None:
    check_limits({**ROW, column: greatest}, "workflows")
    with pytest.raises(InvalidDefinition):
        check_limits({**ROW, column: greater}, "workflows")


@pytest.mark.parametrize("column", ["created_at", "start_date", "end_date"])
def test_a_day_that_no_calendar_is_tried_with_is_refused_with_its_place(column: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        check_limits({**ROW, column: date(9999, 12, 31)}, "report_data_collections")
    assert str(refused.value) == (
        f"report_data_collections.{column}: 9999-12-31 is not between 2000-01-01 and 2100-01-01"
    )
    assert refused.value.key == KEY


def test_what_is_no_id_of_an_instance_is_refused_with_what_one_looks_like() -> None:
    with pytest.raises(InvalidDefinition, match="AMC instance: 1 to 64 letters, digits, - and _"):
        check_limits({**ROW, "instance_id": "amc demo"}, "workflow_schedules")


@given(st.lists(st.sampled_from(["\n", "a ", "'b\nc'", "-- d\n", "/* e\n */", "= {{n}} AND "])))
def test_a_place_is_where_the_name_stands(pieces: list[str]) -> None:
    sql = "SELECT a WHERE a " + "".join(pieces)
    try:
        slots = read_template(sql).slots
    except InvalidDefinition:
        return
    offset = -1
    for slot in slots:
        offset = sql.index("{{", offset + 1)
        line = sql.count("\n", 0, offset) + 1
        column = offset - sql.rfind("\n", 0, offset)
        assert slot.place == f"line {line}, column {column}"


def test_the_uses_of_parameters_are_bounded() -> None:
    one = " OR a = {{n}}"
    assert len(read_template("SELECT a WHERE 1 = 1" + one * MAX_USES).slots) == MAX_USES
    with pytest.raises(InvalidDefinition, match=f"more than {MAX_USES} uses of parameters"):
        read_template("SELECT a WHERE 1 = 1" + one * (MAX_USES + 1))


def test_text_between_comments_is_one_piece() -> None:
    pieces = read_template("SELECT a" + " /* b */ , a" * 20_000 + " WHERE a = {{n}}").pieces
    assert [type(piece) for piece in pieces] == [str, Placeholder]


def test_a_query_does_not_grow_without_end_by_its_values() -> None:
    values = [f"{number:04}" + "x" * 250 for number in range(1000)]
    sql = "SELECT a FROM t WHERE a IN ({{ids}})" + " OR a IN ({{ids}})" * 1000
    with pytest.raises(InvalidDefinition, match=f"more than {MAX_BOUND_CHARS} characters"):
        bind(sql, declare({"ids": values}))


def test_a_long_cron_expression_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron, "_FIELDS", ())
    with pytest.raises(InvalidDefinition, match="more than 200 characters"):
        normalize_expression("1," * 1_000_000 + "1 6 * * *")


@given(st.text())
def test_what_is_said_of_a_row_is_one_printable_line(text: str) -> None:
    for error in (InvalidDefinition(f"{text} is wrong"), _error_of(f"SELECT 'x{text}")):
        categories = {unicodedata.category(char) for char in str(error)}
        assert categories.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _error_of(sql: str) -> InvalidDefinition | str:
    try:
        tokenize(sql)
    except InvalidDefinition as err:
        return err
    return ""


def test_what_is_said_of_a_row_is_short() -> None:
    assert len(str(InvalidDefinition(LONG))) <= 2000
