"""``schedule_preview()`` shows the ticks and windows that the pipeline will run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg2.extras import Json, RealDictCursor

from fixtures.postgres import Database, Row, Rows, Server
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.windows import DueWindow, ScheduleWindows, Window, WindowType
from store.test_rules_cron import MOMENTS, daily_ticks, expressions

Preview = Callable[..., list[DueWindow]]

ZONES = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "America/Los_Angeles", "America/St_Johns", "Asia/Kathmandu"),
        # They change their clocks at midnight, by half an hour, twice within Ramadan, by a day
        *("America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "Africa/Casablanca"),
        # and over midnight
        *("Pacific/Apia", "America/Nuuk", "America/Scoresbysund"),
    ]
)
DAILY = st.builds("{} {} * * {}".format, st.integers(0, 59), st.integers(0, 23), st.just("*"))


@pytest.fixture(scope="module")
def preview(postgres_server: Server, template_database: str) -> Iterator[Preview]:
    """Provide the function as an analyst calls it, on one connection for all examples."""
    name = postgres_server.create_database(template_database)
    connection = psycopg2.connect(postgres_server.uri(name))
    connection.autocommit = True

    def call(*arguments: Any) -> list[DueWindow]:
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            marks = ", ".join("%s" for _ in arguments)
            cursor.execute(f"SELECT * FROM schedule_preview_for({marks})", arguments)
            return [due_window(row) for row in cursor.fetchall()]

    with connection.cursor() as cursor:
        # The zone of the session changes nothing, though its days have 23 to 25 hours
        cursor.execute("SET ROLE recomamp_analyst; SET TimeZone TO 'Europe/Berlin'")
    yield call
    connection.close()
    postgres_server.drop_database(name)


def due_window(row: Row) -> DueWindow:
    return DueWindow(
        due_at=row["due_at"].astimezone(UTC),
        window=Window(
            start=row["window_start"].astimezone(UTC),
            end=row["window_end"].astimezone(UTC),
            time_zone=row["window_time_zone"],
            type=WindowType(row["window_type"]),
        ),
    )


def expected(windows: ScheduleWindows, after: datetime, ticks: int) -> list[DueWindow]:
    found = [windows.next(after)]
    while len(found) < ticks:
        found.append(windows.at(windows.cron.next_tick(found[-1].due_at)))
    return found


@settings(max_examples=300, deadline=None)
@given(
    expression=st.one_of(expressions(), DAILY),
    time_zone=ZONES,
    after=MOMENTS,
    lag_days=st.one_of(st.none(), st.integers(0, 366)),
    lookback_days=st.one_of(st.none(), st.integers(1, 400)),
    kind=st.sampled_from(list(WindowType)),
)
@example("0 0 * * *", "Africa/Cairo", datetime(2026, 4, 20, tzinfo=UTC), 0, None, "EXPLICIT")
@example("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 27, tzinfo=UTC), 0, 1, "EXPLICIT")
@example("0 * * * *", "Europe/Berlin", datetime(2026, 10, 24, 23, tzinfo=UTC), 1, 1, "EXPLICIT")
@example("0 6 * * *", "Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC), 1, None, "EXPLICIT")
@example("30 23 * * *", "America/Nuuk", datetime(2027, 3, 26, tzinfo=UTC), 2, None, "EXPLICIT")
@example("30 23 * * *", "America/Nuuk", datetime(2027, 3, 26, tzinfo=UTC), 2, 1, "EXPLICIT")
@example("30 23 * * 6", "America/Nuuk", datetime(2027, 3, 20, tzinfo=UTC), 2, None, "EXPLICIT")
@example("0-0 5-5 * * *", "UTC", datetime(2026, 5, 1, tzinfo=UTC), 2, None, "EXPLICIT")
@example("5,5 3 * * *", "Europe/Berlin", datetime(2026, 5, 1, tzinfo=UTC), 2, 3, "EXPLICIT")
@example("0 */24 * * *", "Africa/Cairo", datetime(2026, 4, 22, tzinfo=UTC), 0, None, "EXPLICIT")
@example("0 0 29 2 1", "UTC", datetime(2026, 1, 1, tzinfo=UTC), 2, None, "EXPLICIT")
def test_the_preview_is_what_the_pipeline_computes(
    preview: Preview,
    expression: str,
    time_zone: str,
    after: datetime,
    lag_days: int | None,
    lookback_days: int | None,
    kind: str,
) -> None:
    options: dict[str, Any] = {"lookback_days": lookback_days, "type": kind}
    if lag_days is not None:
        options["lag_days"] = lag_days
    windows = ScheduleWindows(
        cron=Cron(expression, time_zone),
        lag_days=2 if lag_days is None else lag_days,
        lookback_days=lookback_days,
        type=WindowType(kind),
    )

    found = preview(expression, time_zone, Json({"window": options, "x": 1}), 3, after)

    assert found == expected(windows, after, 3)


@settings(max_examples=100, deadline=None)
@given(drawn=daily_ticks(), lookback_days=st.none() | st.integers(1, 30))
def test_the_preview_of_one_time_of_day_is_what_the_pipeline_computes_near_a_change_of_the_clock(
    preview: Preview, drawn: tuple[str, str, datetime], lookback_days: int | None
) -> None:
    expression, time_zone, after = drawn
    windows = ScheduleWindows(cron=Cron(expression, time_zone), lookback_days=lookback_days)
    options = Json({"window": {"lookback_days": lookback_days}})

    assert preview(expression, time_zone, options, 3, after) == expected(windows, after, 3)


@pytest.mark.parametrize("after", ["1990-01-01 Z", "2150-01-01 Z", "infinity", "-infinity"])
def test_a_time_beyond_the_years_of_rows_is_the_nearest_in_them(
    preview: Preview, after: str
) -> None:
    bound = datetime(2000 if after in ("1990-01-01 Z", "-infinity") else 2100, 1, 1, tzinfo=UTC)
    windows = ScheduleWindows(cron=Cron("0 6 * * 1", "UTC"))
    assert preview("0 6 * * 1", "UTC", Json({}), 2, after) == expected(windows, bound, 2)


def test_the_local_columns_are_wall_times_of_the_zone(database: Database) -> None:
    (row,) = database.query(
        "SELECT * FROM schedule_preview_for('0 6 * * *', 'Europe/Berlin', '{}', 1, '2026-07-01')"
    )
    assert str(row["local_due_at"]) == "2026-07-01 06:00:00"
    assert str(row["local_window_start"]) == "2026-06-28 00:00:00"
    assert str(row["local_window_end"]) == "2026-06-29 00:00:00"


def test_what_is_left_out_is_the_default_of_the_table(preview: Preview) -> None:
    found = preview("0 6 * * *", None, None)
    assert len(found) == 10
    assert {one.window.time_zone for one in found} == {"UTC"}
    assert found[0].due_at > datetime.now(UTC)
    assert found == preview("0 6 * * *", "UTC", Json({"window": {"lag_days": 2}}))


def test_the_preview_of_a_row_is_that_of_its_columns(
    database: Database, rows: Rows, preview: Preview
) -> None:
    schedule = rows.schedule(
        cron_expression="15 4 * * 2",
        timezone="America/Los_Angeles",
        parameters={"window": {"lookback_days": 28}},
        is_active=False,
    )
    analyst = database.connect("recomamp_analyst", schedule["user_id"])
    with analyst, analyst.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("SELECT * FROM schedule_preview(%s, 4)", [schedule["id"]])
        found = [due_window(row) for row in cursor.fetchall()]
    options = Json({"window": {"lookback_days": 28}})
    assert found == preview("15 4 * * 2", "America/Los_Angeles", options, 4)


# What the table itself refuses
REFUSED: list[tuple[str, str | None, Any]] = [
    ("0 6 * *", "UTC", {}),
    ("61 6 * * *", "UTC", {}),
    ("0 6 31 2 *", "UTC", {}),
    ("0 " * 101, "UTC", {}),
    ("0 6 * * *", "Europe/Berln", {}),
    ("0 6 * * *", "Nowhere+3", {}),
    ("0 6 * * *", "x" * 65, {}),
    ("0 6 * * *", "UTC", []),
    ("0 6 * * *", "UTC", {"window": {"lag_days": 367}}),
    ("0 6 * * *", "UTC", {"window": {"lag_days": None}}),
    ("0 6 * * *", "UTC", {"window": {"lag_days": "2"}}),
    ("0 6 * * *", "UTC", {"window": {"lookback_days": 0}}),
    ("0 6 * * *", "UTC", {"window": {"lookback_days": 2.5}}),
    ("0 6 * *", "nowhere", {"window": {"lookback_days": 0}}),  # the first problem is the same
]


@pytest.mark.parametrize(("expression", "time_zone", "parameters"), REFUSED)
def test_the_table_and_the_preview_refuse_the_same_with_the_same_words(
    rows: Rows, preview: Preview, expression: str, time_zone: str, parameters: Any
) -> None:
    columns = {"cron_expression": expression, "timezone": time_zone}
    with pytest.raises(psycopg2.errors.CheckViolation) as by_table:
        rows.schedule(**columns, parameters=Json(parameters))
    with pytest.raises(psycopg2.errors.CheckViolation) as by_preview:
        preview(expression, time_zone, Json(parameters))
    assert by_preview.value.diag.message_primary == by_table.value.diag.message_primary
    assert by_preview.value.diag.column_name == by_table.value.diag.column_name


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"window": 5}, "window is no JSON object"),
        ({"window": None}, "window is no JSON object"),
        ({"window": {"lagdays": 2}}, "unknown 'lagdays'; known: catchup, lag_days"),
        ({"window": {"type": "TODAY"}}, '"TODAY" is none of EXPLICIT, MOST_RECENT_DAY'),
        ({"window": {"type": None}}, "null is none of EXPLICIT"),
        ({"window": {"catchup": 1}}, "1 is neither true nor false"),
    ],
)
def test_what_would_make_the_dag_invalid_is_refused(
    preview: Preview, parameters: Any, problem: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match=problem):
        preview("0 6 * * *", "UTC", Json(parameters))


@pytest.mark.parametrize("ticks", [0, -1, 101, None])
def test_a_number_of_ticks_that_cannot_be_is_refused(preview: Preview, ticks: int | None) -> None:
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="write a number from 1 to 100"):
        preview("0 6 * * *", "UTC", Json({}), ticks)
