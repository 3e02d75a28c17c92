"""Where every column comes from, as its comment and docs/columns.md say: the database agrees."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import sqlglot
from airflow.dag_processing.dagbag import DagBag
from sqlglot import exp

from docs.columns_page import ADDED, PAGE, WRITERS, read_columns, render
from fixtures.postgres import Database, Rows

ROOT = Path(__file__).resolve().parents[2]
QUERIES = ROOT / "include" / "sql" / "queries"

_WORDS = {"default", "user", "application", "migration runner"}
_PEOPLE = {"user", "application"}
_ANYBODY = "any Amazon call"
_COMMAND = "make rotate"
_FOLLOWER = "follower"
_STEPS = {"submit", "wait", "load", "record"}
_ROW = re.compile(r"^\| (`.+?) \| (.*?) \| (.*?) ?\|$")
_BY_STATEMENT = re.compile(r"(.+?) \((`\w+`(?:, `\w+`)*)\)")
_ASSIGNED = re.compile(r"\bNEW\.(\w+) :=")

Column = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What the page says of one column."""

    words: frozenset[str]
    functions: frozenset[str]
    statements: dict[str, frozenset[str]]  # and the steps that run them
    why: str


def _source(written_by: str, why: str) -> Source:
    words, functions, statements = set(), set(), dict[str, frozenset[str]]()
    for item in written_by.split("; "):
        if by := _BY_STATEMENT.fullmatch(item):
            steps = frozenset(one.strip("`") for one in by[1].split(", "))
            statements |= dict.fromkeys(re.findall(r"\w+", by[2]), steps)
        elif item.endswith("()`"):
            functions.add(item.strip("`").removesuffix("()"))
        else:
            words.add(item)
    return Source(
        words=frozenset(words), functions=frozenset(functions), statements=statements, why=why
    )


@cache
def page() -> dict[Column, Source]:
    found: dict[Column, Source] = {}
    table = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            table = line.removeprefix("## ")
        elif table and (row := _ROW.match(line)):
            for column in re.findall(r"`(\w+)`", row[1]):
                assert (table, column) not in found, f"{table}.{column} is there twice"
                found[table, column] = _source(row[2], row[3])
    return found


@cache
def statements_writing() -> dict[Column, set[str]]:
    """Return by column the files of SQL that insert or update it."""
    found: dict[Column, set[str]] = defaultdict(set)
    for path in QUERIES.glob("*.sql"):
        text = re.sub(r"%\(\w+\)s", "NULL", path.read_text(encoding="utf-8"))
        if "CREATE TEMPORARY" in text:
            continue
        for change in sqlglot.parse_one(text, dialect="postgres").find_all(exp.Insert, exp.Update):
            for table, column in _written(change):
                found[table, column].add(path.stem)
    return {key: names for key, names in found.items() if key[0] != "reported_days"}


def _written(change: exp.Insert | exp.Update) -> list[Column]:
    if isinstance(change, exp.Update):
        return [(change.this.name, one.this.name) for one in change.expressions]
    target, conflict = change.this, change.args.get("conflict")
    assert isinstance(target, exp.Schema), "an INSERT names its columns"
    names = [one.name for one in target.expressions]
    names += [one.this.name for one in (conflict.expressions if conflict else [])]
    return [(target.this.name, name) for name in names]


def _document() -> set[Column]:
    """Return the columns of the application's schema document."""
    path = ROOT / "tests" / "store" / "test_schema_document.py"
    spec = spec_from_file_location("schema_document", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        (table, line.split()[0])
        for table, columns in module.TABLES.items()
        for line in columns.strip().splitlines()
    }


def _columns(database: Database) -> dict[Column, dict[str, Any]]:
    rows = database.query(
        """
        SELECT
            c.table_name,
            c.column_name,
            c.column_default IS NOT NULL OR c.is_identity = 'YES' AS has_default
        FROM information_schema.columns AS c
        JOIN information_schema.tables AS t USING (table_schema, table_name)
        WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
        """
    )
    return {(row["table_name"], row["column_name"]): row for row in rows}


def test_every_column_is_listed_once_and_none_is_invented(database: Database) -> None:
    assert set(page()) == set(_columns(database))


def test_the_numbers_of_the_page_are_those_of_the_database(database: Database) -> None:
    columns = _columns(database)
    tables = {table for table, _ in columns}
    text = PAGE.read_text(encoding="utf-8")
    assert f"All {len(tables)} tables, {len(columns)} columns: the {len(_document())} of" in text


def test_what_was_added_to_the_documents_tables_says_so() -> None:
    document = _document()
    tables = {table for table, _ in document}
    for (table, column), source in page().items():
        added = table in tables and (table, column) not in document
        assert (ADDED in source.why) == added, (table, column)


def test_the_page_is_made_of_the_comments(database: Database) -> None:
    # After a change of a comment: make schema
    assert render(read_columns(database)) == PAGE.read_text(encoding="utf-8")


def test_no_sentence_of_a_comment_is_long(database: Database) -> None:
    texts = database.query(
        "SELECT DISTINCT description FROM pg_description"
        " WHERE classoid IN ('pg_class'::regclass, 'pg_proc'::regclass) AND objoid >= 16384"
    )
    sentences = [
        sentence
        for text in texts
        for sentence in re.split(r"[.:;] ", text["description"].partition(WRITERS)[0])
    ]
    assert len(sentences) > 500
    assert [sentence for sentence in sentences if len(sentence.split()) > 25] == []


def test_every_view_and_every_function_that_people_or_the_pipeline_call_has_a_comment(
    database: Database,
) -> None:
    silent = database.query(
        """
        SELECT oid::regprocedure::TEXT AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
            AND (has_function_privilege('recomamp_analyst', oid, 'EXECUTE')
                OR has_function_privilege('recomamp_pipeline', oid, 'EXECUTE'))
            AND obj_description(oid, 'pg_proc') IS NULL
        UNION ALL
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
            AND obj_description(oid, 'pg_class') IS NULL
        """
    )
    assert silent == []


def test_a_default_is_named_where_there_is_one_and_nowhere_else(database: Database) -> None:
    with_default = {key for key, row in _columns(database).items() if row["has_default"]}
    assert {key for key, source in page().items() if "default" in source.words} == with_default


def test_every_statement_is_named_at_the_columns_it_writes_and_at_no_other() -> None:
    named = {key: set(source.statements) for key, source in page().items() if source.statements}
    assert named == statements_writing()


def test_every_statement_is_run_by_steps_that_exist(
    connections: None, database: Database, rows: Rows
) -> None:
    bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags")
    for path in sorted((ROOT / "dags").glob("recomamp_*.py")):
        bag.process_file(str(path), only_if_updated=False)
    rows.schedule()
    bag.process_file(str(ROOT / "dags" / "amc_schedules.py"), only_if_updated=False)
    assert bag.import_errors == {}
    known = {dag_id for dag_id in bag.dags if dag_id.startswith("recomamp_")}
    known |= {f"{dag_id}: {task.label}" for dag_id in known for task in bag.dags[dag_id].tasks}
    for dag_id in set(bag.dags) - known:
        assert {task.task_id for task in bag.dags[dag_id].tasks} == _STEPS
    run_by: dict[str, set[frozenset[str]]] = defaultdict(set)
    for source in page().values():
        for statement, steps in source.statements.items():
            assert steps <= known | _STEPS | {_ANYBODY, _COMMAND, _FOLLOWER}
            run_by[statement].add(steps)
    assert {name for name, different in run_by.items() if len(different) > 1} == set()


def _functions(database: Database) -> dict[str, str]:
    """Return the functions of the database with their text and that of their triggers."""
    rows = database.query(
        """
        SELECT
            proname,
            prosrc || COALESCE((
                SELECT string_agg(pg_get_triggerdef(oid), ' ')
                FROM pg_trigger WHERE tgfoid = pg_proc.oid
            ), '') AS text
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        """
    )
    return {row["proname"]: row["text"] for row in rows}


def test_every_function_that_is_named_exists_and_speaks_of_its_columns(database: Database) -> None:
    functions = _functions(database)
    for (table, column), source in page().items():
        for name in source.functions:
            assert re.search(rf"\b{column}\b", functions[name]), (table, column, name)


def test_every_trigger_is_named_at_the_columns_that_it_sets_in_its_own_row(
    database: Database,
) -> None:
    rows = database.query(
        """
        SELECT DISTINCT tgrelid::regclass::TEXT AS table, proname, prosrc
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE NOT tgisinternal AND pronamespace = 'public'::regnamespace
        """
    )
    assert rows
    for row in rows:
        for column in _ASSIGNED.findall(row["prosrc"]):
            assert row["proname"] in page()[row["table"], column].functions, (row, column)


def test_every_counter_kept_by_triggers_says_so(database: Database) -> None:
    rows = database.query(
        """
        SELECT tgrelid::regclass::TEXT AS table, pg_get_triggerdef(pg_trigger.oid) AS text
        FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE proname = 'enforce_counter'
        """
    )
    calls = {row["table"] + "." + row["text"].partition("enforce_counter('")[2] for row in rows}
    kept = {(call.partition(".")[0], re.split(r"[.']", call)[1]) for call in calls}
    assert kept
    assert kept == {key for key, one in page().items() if "enforce_counter" in one.functions}


def test_a_column_has_a_source_and_a_reason_where_it_is_not_the_pipelines() -> None:
    for key, source in page().items():
        assert source.words <= _WORDS, key
        assert source.words or source.functions or source.statements, key
        if not source.functions and not source.statements and source.words & _PEOPLE:
            assert source.why, key


def test_the_pipeline_has_no_right_to_write_what_is_peoples_alone(database: Database) -> None:
    rows = database.query(
        """
        SELECT table_name, column_name FROM information_schema.column_privileges
        WHERE grantee = 'recomamp_pipeline' AND privilege_type = 'UPDATE'
            AND table_schema = 'public'
        """
    )
    writable = {(row["table_name"], row["column_name"]) for row in rows}
    peoples = {
        key
        for key, source in page().items()
        if source.words & _PEOPLE and not source.functions and not source.statements
    }
    # Their rows are the pipeline's to make, so its right is to the whole table
    assert {table for table, _ in writable & peoples} == {"amc_data_sources", "amc_schema_fields"}
    assert len(peoples) > 50
