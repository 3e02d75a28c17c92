"""One row costs one DAG: neither its size nor the time it takes is another tenant's."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.serialization.serialized_objects import DagSerialization

from fixtures.postgres import Database, Row, Rows
from recomamp.domain.definition_ref import DefinitionKind
from recomamp.domain.definitions import Definition, InvalidDefinitionRow, Schedule
from recomamp.domain.sql import binding, template
from recomamp.domain.sql.parameters import Parameter
from recomamp.pipeline.generator import query_checks
from recomamp.pipeline.generator.definitions import load_definitions

ROOT = Path(__file__).resolve().parents[3]
CHECK_SECONDS = 10.0  # of the clock below; a parse has 15 here


class Checks:
    """Queries that were checked, and a clock that each check moves on."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.now = 1000.0
        self.seconds_elsewhere = 0.0  # that pass between two looks at the clock
        self.seconds_per_char: float | None = None  # instead of the ten seconds
        self.ends_at_length: int | None = None  # of the query during which Airflow ends the parse

    def clock(self) -> float:
        self.now += self.seconds_elsewhere
        return self.now


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, connections: None) -> Checks:
    """Let each check of a query take ten seconds of an injected clock."""
    checks, check = Checks(), binding.check

    def slow_check(sql: str, parameters: dict[str, Parameter]) -> frozenset[str]:
        checks.lengths.append(len(sql))
        if len(sql) == checks.ends_at_length:
            raise AirflowTaskTimeout
        rate = checks.seconds_per_char
        checks.now += CHECK_SECONDS if rate is None else len(sql) * rate
        return check(sql, parameters)

    monkeypatch.setenv("RECOMAMP_PARSE_SECONDS", "15")
    monkeypatch.setattr(binding, "check", slow_check)
    return checks


@pytest.fixture
def read(checks: Checks) -> Callable[[], dict[str, Definition]]:
    """Read all schedules as one parse does, by id."""

    def read() -> dict[str, Definition]:
        checks.lengths.clear()
        definitions = load_definitions(DefinitionKind.SCHEDULE, clock=checks.clock)
        return {str(one.ref.id): one for one in definitions}

    return read


@pytest.fixture
def parse(connections: None) -> Callable[[], DagBag]:
    """Parse the schedules' file as Airflow's DAG processor does."""

    def parse() -> DagBag:
        bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags")
        bag.process_file(str(ROOT / "dags" / "amc_schedules.py"), only_if_updated=False)
        assert bag.import_errors == {}
        return bag

    return parse


def long_query(chars: int) -> str:
    filler = " OR 1 = 1"
    return "SELECT campaign FROM dsp_impressions WHERE 1 = 1" + filler * (chars // len(filler))


def serialized(bag: DagBag, row: Row) -> str:
    dag = bag.dags[f"amc_schedule_{row['id']}"]
    return json.dumps(DagSerialization.to_dict(dag), sort_keys=True)


def schedules(rows: Rows, instance: Row, *lengths: int) -> list[str]:
    """Insert schedules of queries of these lengths and return their ids."""
    rows.quotas(instance["user_id"], max_definition_bytes=100_000_000)
    made = [rows.workflow(instance=instance, sql_query=long_query(one)) for one in lengths]
    return [str(rows.schedule(workflow=workflow)["id"]) for workflow in made]


def waiting(definitions: dict[str, Definition]) -> list[str]:
    return [
        key
        for key, one in definitions.items()
        if isinstance(one, InvalidDefinitionRow) and one.is_waiting
    ]


BEYOND = {
    "100,000 placeholders": (
        "workflows",
        "sql_query = 'SELECT 1' || repeat(E'\\nOR b={{p}}', 100000), parameters = '{\"p\": 1}'",
        "workflows.sql_query",
    ),
    "10 MB of SQL": (
        "workflows",
        "sql_query = 'SELECT ' || repeat('a + ', 2500000) || '1'",
        "workflows.sql_query",
    ),
    "50 MB of SQL": (
        "workflows",
        "sql_query = 'SELECT ' || repeat('a + ', 12500000) || '1'",
        "workflows.sql_query",
    ),
    "10 MB of parameters": (
        "workflows",
        "parameters = jsonb_build_object('p', repeat('x', 10000000))",
        "workflows.parameters",
    ),
    "1,000,000 items of a cron expression": (
        "workflow_schedules",
        "cron_expression = repeat('1,', 1000000) || '1 6 * * *'",
        "workflow_schedules.cron_expression",
    ),
    "a name of a megabyte": (
        "workflow_schedules",
        "name = repeat('x', 1000000)",
        "workflow_schedules.name",
    ),
    "an instance id that leaves its path": (
        "amc_instances",
        "instance_id = '../..'",
        "amc_instances.instance_id",
    ),
}


@pytest.mark.parametrize(("table", "change", "place"), BEYOND.values(), ids=BEYOND)
def test_a_row_beyond_a_bound_costs_its_own_dag_alone(
    parse: Callable[[], DagBag],
    rows: Rows,
    instance: Row,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    change: str,
    place: str,
) -> None:
    good = rows.schedule(workflow=rows.workflow(instance=instance))
    before = serialized(parse(), good)
    bad = rows.schedule(workflow=rows.workflow(instance=rows.instance()))
    workflow = rows.get("workflows", str(bad["workflow_id"]))
    changed = {
        "workflows": workflow["id"],
        "workflow_schedules": bad["id"],
        "amc_instances": workflow["instance_id"],
    }[table]
    database.write_beyond_bounds(table, f"UPDATE {table} SET {change} WHERE id = %s", [changed])
    characters = [0]
    tokenize = template.tokenize

    def counted(sql: str) -> object:
        characters[0] += len(sql)
        return tokenize(sql)

    monkeypatch.setattr(template, "tokenize", counted)
    template.forget_templates()
    bag = parse()
    assert serialized(bag, good) == before
    dag = bag.dags[f"amc_schedule_{bad['id']}"]
    assert "invalid" in dag.tags
    assert place in dag.doc_md
    assert len(dag.doc_md) < 10_000
    assert characters[0] < 1000, "what is too long is not read"
    kept = Path(os.environ["RECOMAMP_SNAPSHOT_DIR"]).glob("schedules-*.json")
    assert sum(path.stat().st_size for path in kept) < 1_000_000, "nor fetched as a whole"


def test_what_was_checked_once_is_not_checked_again(
    read: Callable[[], dict[str, Definition]], checks: Checks, rows: Rows, instance: Row
) -> None:
    schedules(rows, instance, 10, 1000)
    before = read()
    assert len(checks.lengths) == 2
    assert read() == before
    assert checks.lengths == []


def test_short_queries_never_wait_and_long_ones_all_have_their_turn(
    read: Callable[[], dict[str, Definition]], checks: Checks, rows: Rows, instance: Row
) -> None:
    long = schedules(rows, instance, *(1000 * n for n in range(5, 0, -1)))
    (short,) = schedules(rows, rows.instance(), 10)
    expected = [2, 2, 2, 0]  # of ten seconds each: the second begins within fifteen
    left = 6
    for number in expected:
        definitions = read()
        assert set(definitions) == {short, *long}
        assert isinstance(definitions[short], Schedule)
        assert len(checks.lengths) == number
        assert checks.lengths == sorted(checks.lengths)
        left -= number
        assert len(waiting(definitions)) == left
    assert all(isinstance(one, Schedule) for one in read().values())


def test_every_parse_checks_one_query_however_late_it_is(
    read: Callable[[], dict[str, Definition]],
    checks: Checks,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RECOMAMP_PARSE_SECONDS", "1")
    checks.seconds_elsewhere = 100.0
    schedules(rows, instance, 10, 1000, 2000)
    assert [len(waiting(read())) for _ in range(4)] == [2, 1, 0, 0]


def test_no_check_begins_that_would_outlast_the_parse(
    read: Callable[[], dict[str, Definition]], checks: Checks, rows: Rows, instance: Row
) -> None:
    checks.seconds_per_char = 2e-4
    keys = schedules(rows, instance, 20_000, 40_000, 60_000)  # of 4, 8 and 12 seconds
    began_at = checks.now
    assert waiting(read()) == [keys[2]]
    assert len(checks.lengths) == 2
    assert checks.now - began_at < 15
    assert waiting(read()) == []


def test_the_first_long_query_is_expected_to_take_time_too(
    read: Callable[[], dict[str, Definition]], checks: Checks, rows: Rows, instance: Row
) -> None:
    checks.seconds_per_char = 14.0 / len(long_query(1_000))
    keys = schedules(rows, instance, 1_000, 200_000)  # a second is left to the long one
    assert waiting(read()) == [keys[1]]
    checks.seconds_per_char = 1e-6
    assert waiting(read()) == []


def test_a_parse_that_airflow_ends_has_kept_what_it_found(
    read: Callable[[], dict[str, Definition]], checks: Checks, rows: Rows, instance: Row
) -> None:
    checks.seconds_per_char = 1e-4
    keys = schedules(rows, instance, 20_000, 30_000, 40_000)
    lengths = [len(long_query(one)) for one in (20_000, 30_000, 40_000)]
    checks.ends_at_length = lengths[2]
    with pytest.raises(AirflowTaskTimeout):
        read()
    assert checks.lengths == lengths
    with pytest.raises(AirflowTaskTimeout):
        read()
    assert checks.lengths == lengths[2:]
    checks.ends_at_length = None
    definitions = read()
    assert set(definitions) == set(keys)
    assert waiting(definitions) == []


def test_a_verdict_of_older_code_holds_until_the_new_check(
    read: Callable[[], dict[str, Definition]],
    checks: Checks,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedules(rows, instance, 1000, 2000, 3000, 4000)
    rows.schedule(
        workflow=rows.workflow(instance=instance, sql_query=long_query(5000) + " {{undeclared}}")
    )
    while waiting(before := read()):
        pass
    monkeypatch.setattr(query_checks, "_rules", lambda: "of the new code")
    for number in (2, 2, 1, 0):
        after = read()
        assert len(checks.lengths) == number
        assert waiting(after) == []
        assert {key: type(one) for key, one in after.items()} == {
            key: type(one) for key, one in before.items()
        }


def test_a_long_query_that_fails_its_check_takes_time_once(
    read: Callable[[], dict[str, Definition]], checks: Checks, rows: Rows, instance: Row
) -> None:
    schedules(rows, instance, 1000)
    rows.schedule(
        workflow=rows.workflow(instance=instance, sql_query=long_query(2000) + " {{undeclared}}")
    )
    before = read()
    assert any(
        isinstance(one, InvalidDefinitionRow) and not one.is_waiting for one in before.values()
    )
    again = read()
    assert checks.lengths == []
    assert {key: str(getattr(one, "error", "")) for key, one in again.items()} == {
        key: str(getattr(one, "error", "")) for key, one in before.items()
    }


def test_a_changed_query_without_time_stays_as_last_read_until_it_is_checked(
    read: Callable[[], dict[str, Definition]],
    checks: Checks,
    rows: Rows,
    instance: Row,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = schedules(rows, instance, 1000, 2000, 3000)
    while waiting(before := read()):
        pass
    for key in keys:
        workflow = rows.get("workflow_schedules", key)["workflow_id"]
        sql = rows.get("workflows", str(workflow))["sql_query"]
        rows.update("workflows", str(workflow), sql_query=f"{sql} OR 2 = 2")
    caplog.clear()
    after = read()
    assert len(checks.lengths) == 2
    assert waiting(after) == []
    assert after[keys[2]] == before[keys[2]]
    assert after[keys[0]] != before[keys[0]]
    (complaint,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert keys[2] in complaint.getMessage()
    assert "1 schedules" in complaint.getMessage()
    last = read()[keys[2]]
    assert isinstance(last, Schedule)
    assert last.workflow.sql_query.endswith("2 = 2")


def test_without_a_snapshot_a_row_waits_and_none_is_missing(
    read: Callable[[], dict[str, Definition]],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RECOMAMP_SNAPSHOT_DIR")
    keys = schedules(rows, instance, 10, 1000, 2000, 3000)
    for _ in range(2):
        definitions = read()
        assert set(definitions) == set(keys)
        assert set(waiting(definitions)) == {keys[2], keys[3]}


def test_a_task_reads_its_own_row_whatever_the_others_cost(
    checks: Checks, rows: Rows, instance: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOMAMP_PARSE_SECONDS", "0.001")
    keys = schedules(rows, instance, 1000, 2000)
    (definition,) = load_definitions(
        DefinitionKind.SCHEDULE, f"amc_schedule_{keys[1]}", clock=checks.clock
    )
    assert isinstance(definition, Schedule)


def test_a_waiting_row_is_a_dag_that_says_so(
    parse: Callable[[], DagBag],
    checks: Checks,
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RECOMAMP_SNAPSHOT_DIR")
    monkeypatch.setattr(load_definitions, "__kwdefaults__", {"clock": checks.clock})
    keys = schedules(rows, instance, 10, 1000, 2000)
    first, second = parse(), parse()
    dag = first.dags[f"amc_schedule_{keys[2]}"]
    assert "waiting" in dag.tags
    assert "invalid" not in dag.tags
    assert "waits to be checked" in dag.doc_md
    assert "Nothing has to be changed" in dag.doc_md
    assert serialized(first, {"id": keys[2]}) == serialized(second, {"id": keys[2]})


def test_a_long_query_is_shown_in_part(
    parse: Callable[[], DagBag], rows: Rows, instance: Row
) -> None:
    sql = long_query(200_000)
    workflow = rows.workflow(
        instance=instance, sql_query=sql, parameters={"names": ["x" * 4000] * 50}
    )
    row = rows.schedule(workflow=workflow)
    doc = parse().dags[f"amc_schedule_{row['id']}"].doc_md
    assert len(doc) < 25_000
    assert sql[:19_000] in doc
    assert f"{len(sql)} characters" in doc


def test_a_query_forges_no_line_of_the_log(
    parse: Callable[[], DagBag], rows: Rows, instance: Row, caplog: pytest.LogCaptureFixture
) -> None:
    sql = "SELECT 'x\n2026-11-29 CRITICAL all is lost\r\n\x1b[31mred\u2028line"
    row = rows.schedule(workflow=rows.workflow(instance=instance, sql_query=sql))
    rows.schedule(
        workflow=rows.workflow(instance=instance),
        parameters={"window": {"x\n2026-11-29 CRITICAL\x1b[31m": 1}},
    )
    assert "invalid" in parse().dags[f"amc_schedule_{row['id']}"].tags
    said = [one.getMessage() for one in caplog.records if "makes no DAG" in one.getMessage()]
    assert len(said) == 2
    for line in said:
        assert line.isprintable()


@pytest.mark.parametrize("text", ["", "nothing", "0", "-1", "16", "nan"])
def test_a_setting_that_is_none_hides_no_dag(
    parse: Callable[[], DagBag],
    rows: Rows,
    instance: Row,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    monkeypatch.setenv("RECOMAMP_PARSE_SECONDS", text)
    row = rows.schedule(workflow=rows.workflow(instance=instance))
    assert f"amc_schedule_{row['id']}" in parse().dags
