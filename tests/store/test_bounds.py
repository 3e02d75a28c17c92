"""Every column that a person writes has a bound, and so has every time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import Json

from fixtures.postgres import Database, Row, Rows
from recomamp.domain import row_limits as limits
from recomamp.store.statements import SQL_DIRECTORY

# Of rows that people do not write, but that every other row hangs on
WHOLE_TABLES = ("users", "amc_accounts", "amc_instances")
UNBOUNDED_TYPES = ("uuid", "boolean", "time without time zone")

COLUMNS = """
    SELECT
        class.relname AS table_name,
        attribute.attname AS column_name,
        format_type(attribute.atttypid, NULL) AS type,
        (
            SELECT COALESCE(array_agg(bound.conname ORDER BY bound.conname), '{}')
            FROM pg_constraint AS bound
            WHERE bound.conrelid = class.oid AND bound.contype = 'c'
                AND bound.conkey = ARRAY[attribute.attnum]
        )::TEXT[] AS bounds
    FROM pg_class AS class
    JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind = 'r'
        AND class.relname <> 'recomamp_migrations'
        AND attribute.attnum > 0 AND NOT attribute.attisdropped
        AND (
            class.relname = ANY (%(whole_tables)s)
            OR has_column_privilege('recomamp_analyst', class.oid, attribute.attnum, 'INSERT')
            OR has_column_privilege('recomamp_analyst', class.oid, attribute.attnum, 'UPDATE')
            OR attribute.atttypid = 'timestamptz'::regtype
        )
    ORDER BY class.relname, attribute.attnum
"""


def bounded_columns(database: Database) -> list[Row]:
    columns = database.query(COLUMNS, {"whole_tables": list(WHOLE_TABLES)})
    return [one for one in columns if one["type"] not in UNBOUNDED_TYPES]


def test_no_column_is_without_a_bound(database: Database) -> None:
    columns = bounded_columns(database)
    assert len(columns) > 150
    assert [
        f"{one['table_name']}.{one['column_name']}" for one in columns if not one["bounds"]
    ] == []
    for one in columns:
        if one["type"] == "jsonb":
            assert {name.rpartition("_")[2] for name in one["bounds"]} == {"depth", "size"}


def run_request(rows: Rows) -> Row:
    schedule = rows.schedule()
    return rows.insert(
        "run_requests", action="RUN", schedule_id=schedule["id"], user_id=schedule["user_id"]
    )


ROWS: dict[str, Callable[[Rows], Row]] = {
    "users": Rows.user,
    "amc_accounts": Rows.account,
    "amc_instances": Rows.instance,
    "workflows": Rows.workflow,
    "workflow_executions": Rows.execution,
    "workflow_schedules": Rows.schedule,
    "schedule_runs": lambda rows: rows.insert(
        "schedule_runs", schedule_id=rows.schedule()["id"], status="SUCCESS"
    ),
    "report_data_collections": Rows.collection,
    "report_data_weeks": lambda rows: rows.weeks(rows.collection())[0],
    "query_templates": lambda rows: rows.insert(
        "query_templates", name="T", category="c", sql_template="SELECT 1 AS one"
    ),
    "asins": lambda rows: rows.insert("asins", asin="B000000001", user_id=rows.user()["id"]),
    "asin_lists": lambda rows: rows.insert("asin_lists", name="L", user_id=rows.user()["id"]),
    "user_quotas": lambda rows: rows.quotas(rows.user(), max_workflows=1),
    "run_requests": run_request,
}
LONG = "x" * 300_000
DEEP = "{" + '"a":{' * 20 + '"a":1' + "}" * 20 + "}"


BEYOND: dict[str, list[Any]] = {
    "text": [LONG],
    "text[]": [["x"] * 60, [LONG], [["x", "y"]]],
    "integer[]": [[1] * 1001],
    "jsonb": [Json({"a": LONG}), DEEP],
    "timestamp with time zone": [
        "infinity",
        "-infinity",
        "1999-12-31",
        "20000-01-01",
        "4000-01-01 BC",
    ],
    "date": ["infinity", "-infinity", "1999-12-31", "2100-01-02"],
    "numeric": ["NaN", -1],
    "integer": [-1],
    "interval": ["1 minute", "31 days", "1200000 months -36000000 days 1 hour"],
}


@pytest.mark.parametrize("table", ROWS)
def test_what_is_beyond_a_bound_is_refused_by_its_name(
    database: Database, rows: Rows, table: str
) -> None:
    row = ROWS[table](rows)
    columns = [one for one in bounded_columns(database) if one["table_name"] == table]
    for column in columns:
        for value in BEYOND[column["type"]]:
            connection = database.connect()
            with connection.cursor() as cursor:
                # Without triggers: the bound holds whatever they make of the value
                cursor.execute("SET session_replication_role = replica")
                with pytest.raises(psycopg2.errors.CheckViolation) as refused:
                    cursor.execute(
                        f"UPDATE {table} SET {column['column_name']} = %s"
                        f" WHERE {'user_id' if table == 'user_quotas' else 'id'} = %s",
                        [value, row["user_id" if table == "user_quotas" else "id"]],
                    )
            assert refused.value.diag.constraint_name in column["bounds"]
            connection.close()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("workflow_schedules", "cron_expression", "1," * 1_000_000 + "1 6 * * *"),
        ("workflow_schedules", "timezone", "Europe/" + "B" * 1_000_000),
        ("query_templates", "sql_template", "SELECT {{a}} " * 100_000),
        ("workflows", "sql_query", LONG),
        ("amc_instances", "instance_id", ".."),
        ("amc_instances", "instance_id", "a\n"),
    ],
)
def test_no_trigger_reads_what_is_too_long(rows: Rows, table: str, column: str, value: str) -> None:
    row = ROWS[table](rows)
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        rows.update(table, row, **{column: value})
    assert str(refused.value.diag.constraint_name).startswith(f"chk_{table}_{column}_")
    assert len(str(refused.value.diag.message_primary)) < 500


def test_values_at_the_bounds_are_taken(rows: Rows) -> None:
    workflow = rows.workflow(
        name="ü" * limits.MAX_NAME_CHARS,
        description="ü" * limits.MAX_DESCRIPTION_CHARS,
        sql_query="x" * limits.MAX_SQL_BYTES,
        tags=["ü" * 100] * 50,
    )
    minutes = ",".join(["00"] * 64)
    schedule = rows.schedule(
        workflow=workflow,
        cron_expression=f"{minutes} 6 * * *",
        parameters={"window": {"lag_days": 366, "lookback_days": 400}},
    )
    assert len(schedule["cron_expression"]) == limits.MAX_CRON_CHARS - 1
    rows.update("workflow_schedules", schedule, parameters={"window": {"lookback_days": None}})
    document: Any = 1
    for _ in range(limits.MAX_JSON_DEPTH):
        document = {"a": document}
    rows.update("workflows", workflow, parameters=document)


@pytest.mark.parametrize(
    "window",
    [
        '{"lag_days": 1e10}',
        '{"lag_days": 1e100000}',
        '{"lag_days": 367}',
        '{"lag_days": -1}',
        '{"lag_days": 2.5}',
        '{"lag_days": "2"}',
        '{"lag_days": null}',
        '{"lookback_days": 0}',
        '{"lookback_days": 401}',
    ],
)
@pytest.mark.parametrize("build", [Rows.schedule, Rows.collection])
def test_days_of_a_window_are_whole_numbers_in_range(
    rows: Rows, build: Callable[..., Row], window: str
) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match=r"\.parameters: window\.l") as refused:
        build(rows, parameters='{"window": ' + window + "}")
    assert "write a whole number of days from" in str(refused.value)


def test_an_older_row_may_be_edited_before_its_window_is_corrected(
    rows: Rows, database: Database
) -> None:
    schedule = rows.schedule()
    database.write_beyond_bounds(
        "workflow_schedules",
        """UPDATE workflow_schedules SET parameters = '{"window": {"lag_days": 1e9}}'""",
    )
    changed = rows.get("workflow_schedules", schedule)["parameters"]
    assert rows.update("workflow_schedules", schedule, name="B", parameters=changed)["name"] == "B"


def test_reading_and_writing_have_the_same_limits(database: Database) -> None:
    definitions = {
        row["name"]: row["definition"]
        for row in database.query(
            "SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
        )
    }

    def limit(name: str) -> int:
        (number,) = re.findall(r"<= (\d+)", definitions[f"chk_{name}"])
        return int(number)

    for table in ("workflows", "workflow_schedules", "report_data_collections"):
        assert limit(f"{table}_name_length") == limits.MAX_NAME_CHARS
        assert limit(f"{table}_description_length") == limits.MAX_DESCRIPTION_CHARS
        assert limit(f"{table}_parameters_size") == limits.MAX_PARAMETERS_BYTES
        depth = definitions[f"chk_{table}_parameters_depth"]
        assert f"$.**{{{limits.MAX_JSON_DEPTH + 1}}}" in depth
    assert limit("amc_instances_name_length") == limits.MAX_NAME_CHARS
    assert limit("workflows_sql_query_length") == limits.MAX_SQL_BYTES
    assert limit("workflow_schedules_cron_expression_length") == limits.MAX_CRON_CHARS
    assert limit("workflow_schedules_timezone_length") == limits.MAX_TIME_ZONE_CHARS
    assert f"^{limits.INSTANCE_ID}$" in definitions["chk_amc_instances_instance_id_form"]
    for column in ("start_date", "end_date"):
        dates = definitions[f"chk_report_data_collections_{column}_date"]
        assert re.findall(r"'(\d{4}-\d\d-\d\d)'", dates) == [
            str(limits.FIRST_DATE),
            str(limits.LAST_DATE),
        ]


def test_the_statement_of_the_generator_fetches_no_more_than_the_limits() -> None:
    text = (SQL_DIRECTORY / "queries" / "select_definitions.sql").read_text(encoding="utf-8")
    assert text.count(f"{limits.MAX_PARAMETERS_BYTES} THEN") == 2
    cut = dict(re.findall(r"left\((\w+\.\w+), (\d+)\)", text))
    assert int(cut.pop("workflow.sql_query")) == limits.MAX_SQL_BYTES + 1
    assert int(cut["workflow.name"]) == int(cut["instance.name"]) == limits.MAX_NAME_CHARS + 1
    assert int(cut["workflow.description"]) == limits.MAX_DESCRIPTION_CHARS + 1
    assert int(cut["source.name"]) == limits.MAX_NAME_CHARS + 1
    assert int(cut["source.description"]) == limits.MAX_DESCRIPTION_CHARS + 1
    assert int(cut["source.cron_expression"]) == limits.MAX_CRON_CHARS + 1
    assert int(cut["source.timezone"]) == limits.MAX_TIME_ZONE_CHARS + 1
