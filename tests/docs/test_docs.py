"""What README and docs say: their SQL runs, and what they name exists."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import pytest
import sqlparse
from airflow.dag_processing.dagbag import DagBag
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json

from amc_emulator.engine import Engine, Query, QueryRejected
from e2e.test_clearing import CASES
from fixtures.analyst_guide import GUIDE, listed, statements, tasks
from fixtures.postgres import Database, Rows
from recomamp import errors
from recomamp.domain.definitions import Collection, Schedule
from recomamp.domain.execution_states import KILLED, RUN_FAILED, AmcStatus, given_up_as
from recomamp.domain.limits import Limits
from recomamp.domain.scheduling.cron import Cron
from recomamp.domain.scheduling.windows import ScheduleWindows, Window
from recomamp.domain.sql.binding import BoundQuery, bind
from recomamp.domain.sql.parameters import declare
from recomamp.errors import InvalidDefinition
from recomamp.pipeline import settings
from recomamp.pipeline.generator.definitions import READERS, parse_row
from recomamp.store.statements import fetch_all

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
TUTORIAL = DOCS / "tutorial.md"
MISTAKES = DOCS / "how-to" / "correct-mistakes.md"
REFERENCE = DOCS / "reference"
# Their SQL runs as an analyst, in this order
ANALYSTS_PAGES = [GUIDE, *sorted(REFERENCE.glob("*.md"))]
# Their SQL runs as the owner, in this order
OWNERS_PAGES = [
    TUTORIAL,
    README,
    DOCS / "reference" / "results.md",
    DOCS / "how-to" / "run-with-compose.md",
    DOCS / "how-to" / "manage-logins-and-quotas.md",
]
DECISIONS = sorted((DOCS / "adr").glob("*.md"))
PROJECT = [
    ROOT / f"{name}.md" for name in ("CHANGELOG", "CODE_OF_CONDUCT", "CONTRIBUTING", "SECURITY")
]
PAGES = [README, *PROJECT, *sorted(DOCS.rglob("*.md"))]
SECTIONS = ["Context", "Decision", "Consequences", "Violated when", "Evidence"]

_BLOCK = re.compile(r"<!-- (\w+)(?:: (.*?))? -->\n```sql\n(.*?)```", re.DOTALL)
_SETTING = re.compile(r"\b(?:RECOMAMP_[A-Z_]*[A-Z]|AIRFLOW_CONN_[A-Z_]*[A-Z])\b")
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
_PATH = re.compile(r"`((?:dags|plugins|include|tests|docs)/[^`\s<>*…]*)`")
_WINDOW = Window(
    start=datetime(2026, 5, 4, tzinfo=UTC), end=datetime(2026, 5, 11, tzinfo=UTC), time_zone="UTC"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A marked SQL block: how it is run, with what, and what its last comment expects."""

    how: str
    argument: str
    sql: str

    @property
    def expected(self) -> str:
        """The text of the last line, where that is a comment."""
        last = self.sql.rstrip().rpartition("\n")[2]
        return last.removeprefix("-- ") if last.startswith("-- ") else ""


def blocks(page: Path, *how: str) -> list[Block]:
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    marked = [Block(how=kind, argument=argument, sql=sql) for kind, argument, sql in found]
    return [block for block in marked if not how or block.how in how]


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


# --- SQL ---------------------------------------------------------------------------------------


@pytest.fixture
def analyst(database: Database, rows: Rows) -> Connection:
    """Sign in an analyst who owns one instance."""
    instance = rows.instance(instance_id="amcdemonorth")
    return database.connect(role="recomamp_analyst", user_id=instance["user_id"])


def run(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """Take back whatever the block did."""
    try:
        yield
    finally:
        connection.rollback()


def definitions(connection: Connection) -> Iterator[Schedule | Collection | InvalidDefinition]:
    """Read every row that becomes a DAG, or say why it cannot be read."""
    for kind, read in READERS.items():
        for row in fetch_all(
            connection, "select_definitions", kind=kind.value, definition_id=None, shard=0, shards=1
        ):
            try:
                yield read(parse_row(row["definition"]))
            except InvalidDefinition as err:
                yield err


def definition_errors(connection: Connection) -> list[str]:
    return [str(one) for one in definitions(connection) if isinstance(one, InvalidDefinition)]


def run_at_amc(query: BoundQuery) -> int:
    """Run a query as AMC would and return how many rows it has."""
    asked = Query(
        sql=query.sql,
        time_window_start=_WINDOW.start,
        time_window_end=_WINDOW.end,
        input_parameters=query.input_parameters,
        parameter_values=query.parameter_values,
    )
    return len(Engine(users=200).run("amcdemonorth", asked).rows)


def bound_queries(connection: Connection) -> Iterator[BoundQuery]:
    for one in definitions(connection):
        assert not isinstance(one, InvalidDefinition)
        yield bind(one.workflow.sql_query, one.parameters, _WINDOW)


def test_the_owners_sql_registers_schedules_and_a_collection_that_run(database: Database) -> None:
    owner = database.connect()
    for page in OWNERS_PAGES:
        found = [block for block in blocks(page, "run") if block.argument == "owner"]
        assert found, page
        for block in found:
            run(owner, re.sub("(?<=CREATE ROLE )(airflow_pipeline|ann)", r"docs_\1", block.sql))
    assert definition_errors(owner) == []
    queries = list(bound_queries(owner))
    assert len(queries) == 3
    for query in queries:
        run_at_amc(query)
    owner.rollback()  # a role would outlive the database


def test_amc_refuses_the_tutorials_misspelt_column_and_takes_the_corrected_query(
    database: Database,
) -> None:
    owner = database.connect()
    for block in blocks(TUTORIAL, "run"):
        if "UPDATE workflows" not in block.sql:
            run(owner, block.sql)
            continue
        ((text, parameters),) = run(
            owner, f"{block.sql.strip().removesuffix(';')} RETURNING sql_query, parameters"
        )
        query = bind(text, declare(parameters), _WINDOW)
        if "impresions" in text:
            with pytest.raises(QueryRejected, match="impresions"):
                run_at_amc(query)
        else:
            assert run_at_amc(query) > 0
            return
    pytest.fail("the tutorial corrects no query")


def test_the_guide_lists_thirty_tasks_of_one_statement_each() -> None:
    assert [number for number, _, _ in listed()] == list(range(1, 31))
    assert [title for _, title, _ in listed()] == list(statements())
    for title, found in statements().items():
        assert len(found) == 1, title
        assert len(sqlparse.split(found[0])) == 1, title


def test_the_guides_sql_runs_in_the_name_of_an_analyst(
    database: Database, rows: Rows, analyst: Connection
) -> None:
    guide = rows.insert("build_guides", title="First steps", category="basics")
    for number in (1, 2, 3, 4):
        rows.insert("build_guide_sections", guide_id=guide["id"], section_number=number)
    author = rows.user()
    rows.insert(
        "query_templates",
        name="Search terms with enough clicks",
        category="search",
        sql_template="SELECT campaign FROM dsp_impressions",
        author_id=author["id"],
        is_public=True,
    )
    for block in (block for page in ANALYSTS_PAGES for block in blocks(page, "run")):
        if block.argument != "analyst":
            continue
        if "result_data" in block.sql:
            _store_a_result(database, rows)
        found = run(analyst, block.sql)
        analyst.commit()
        if "result_data" in block.sql:
            assert [line[1:] for line in found] == [("socks", 2**60)]
    assert len(database.query("SELECT id FROM workflows WHERE template_id IS NOT NULL")) == 1
    assert definition_errors(analyst) == []
    queries = list(bound_queries(analyst))
    assert len(queries) == 2
    for query in queries:
        run_at_amc(query)
    assert database.query("SELECT asin_count FROM asin_lists") == [{"asin_count": 1}]
    (progress,) = database.query("SELECT progress_percentage, status FROM user_guide_progress")
    assert progress == {"progress_percentage": 50, "status": "IN_PROGRESS"}


def _store_a_result(database: Database, rows: Rows) -> None:
    (workflow,) = database.query("SELECT * FROM workflows WHERE name = 'Clicks by search term'")
    data = [{"customer_search_term": "socks", "clicks": 2**60, "spend": 1.25}]
    document = Json({"schema": {}, "data": data, "truncated": False, "files": []})
    rows.execution(workflow=workflow, status="SUCCESS", result_data=document)


@pytest.mark.parametrize(
    "block", blocks(MISTAKES, "refused"), ids=lambda block: block.expected[:40]
)
def test_the_database_refuses_what_the_guide_says_it_refuses(
    analyst: Connection, block: Block
) -> None:
    run(analyst, tasks()["Write a query"])
    with undone(analyst), pytest.raises(psycopg2.errors.CheckViolation) as refused:
        run(analyst, block.sql)
    assert block.expected
    assert block.expected in str(refused.value)


@pytest.mark.parametrize(
    "block", blocks(MISTAKES, "invalid"), ids=lambda block: block.expected[:40]
)
def test_the_generator_calls_invalid_what_the_guide_calls_invalid(
    analyst: Connection, block: Block
) -> None:
    for title in ("Write a query", "Schedule a query"):
        run(analyst, tasks()[title])
    with undone(analyst):
        assert definition_errors(analyst) == []
        run(analyst, block.sql)
        (problem,) = definition_errors(analyst)
    assert block.expected
    assert block.expected in problem


@pytest.mark.parametrize(
    "block",
    blocks(REFERENCE / "queries.md", "amc") + blocks(MISTAKES, "amc"),
    ids=lambda block: block.sql[:40],
)
def test_amc_takes_or_refuses_a_query_as_the_guide_says(block: Block) -> None:
    query = bind(block.sql, declare(json.loads(block.argument)), _WINDOW)
    if not block.expected:
        run_at_amc(query)
        return
    with pytest.raises(QueryRejected) as refused:
        run_at_amc(query)
    assert block.expected in str(refused.value)


def test_the_examples_of_windows_are_what_the_pipeline_computes() -> None:
    line = re.compile(r"^\| `([^`]+)` \| (\S+) \| `(\{.*?\})` \| (.+?) \| (.+?) to (.+?) \|$", re.M)
    page = DOCS / "reference" / "windows.md"
    examples = line.findall(page.read_text(encoding="utf-8"))
    assert len(examples) >= 5
    for expression, zone, options, due, start, end in examples:
        windows = ScheduleWindows(cron=Cron(expression, zone), **json.loads(options))
        tick = datetime.fromisoformat(due).replace(tzinfo=ZoneInfo(zone))
        assert windows.cron.last_tick(tick) == tick
        assert str(windows.at(tick).window) == f"[{start}, {end}) {zone}"


# --- Names -------------------------------------------------------------------------------------


def _default_settings() -> dict[str, str]:
    """Return the settings that the page lists, with their defaults."""
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(\w+)` \| `?(.+?)`? \|", page, re.M))


def test_every_setting_of_the_code_is_in_the_table_and_no_other() -> None:
    listed = set(_default_settings())
    used = set()
    for path in _sources():
        used |= set(_SETTING.findall(path.read_text(encoding="utf-8")))
    assert listed - {"AIRFLOW__API__PORT"} == used
    assert "AIRFLOW__API__PORT" in listed


def test_the_tables_defaults_are_those_of_the_code() -> None:
    listed = _default_settings()
    code = {f"RECOMAMP_{name.upper()}": value for name, value in asdict(Limits()).items()}
    code["RECOMAMP_POLL_SECONDS"] = settings.poll_seconds()
    code["RECOMAMP_PARSE_SECONDS"] = settings.parse_seconds()
    code["RECOMAMP_DAG_SHARDS"] = settings.dag_shards()
    for name, value in code.items():
        assert float(listed[name].split()[0]) == value, name
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, value in re.findall(r"^(RECOMAMP_\w+)=(\S+)$", example, re.M):
        if name != "RECOMAMP_RESULTS_URL":
            assert listed[name].split()[0] == value, name


def _sources() -> Iterator[Path]:
    for folder in ("plugins", "dags", "include"):
        yield from (ROOT / folder).rglob("*.py")
    for name in ("docker-compose.yaml", ".env.example", "Makefile", "Procfile", "Dockerfile"):
        yield ROOT / name


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_setting_a_page_names_exists(page: Path) -> None:
    known = set().union(*(_SETTING.findall(path.read_text("utf-8")) for path in _sources()))
    assert set(_SETTING.findall(page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = re.findall(r"(?:`|^    )make ([\w-]+)", page.read_text(encoding="utf-8"), re.M)
    assert set(named) <= targets


def test_a_page_names_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    documented = set(re.findall(r"^([\w-]+):.*## ", makefile, re.M))
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `make ([\w-]+)", page, re.M)
    assert documented == set(named)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_path_and_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in _PATH.findall(text):
        assert (ROOT / path.partition("::")[0]).exists(), path
    for target, anchor in _LINK.findall(_without_code(text)):
        if "://" in target:
            continue
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        if anchor:
            assert anchor in _anchors(linked), anchor


def test_every_page_that_the_code_names_exists() -> None:
    for folder in ("plugins", "dags", "include", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sql", ".md"}:
                for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
                    assert (ROOT / page).exists(), (path, page)


def test_the_site_lists_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}
    listed = set(re.findall(r"^[\w/-]+$", index, re.M))
    assert pages - {"index"} - {f"adr/{page.stem}" for page in DECISIONS} == listed
    assert "adr/*" in index


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_a_page_lists_every_template_with_its_parameters() -> None:
    folder = ROOT / "include" / "demo" / "templates"
    definitions = tomllib.loads((folder / "templates.toml").read_text(encoding="utf-8"))
    line = re.compile(r"^\| `include/demo/templates/(\w+)\.sql` \| (.+?) \| (.+?) \|$", re.M)
    listed = {
        key: (name, set(re.findall(r"`(\w+)`", parameters)))
        for key, name, parameters in line.findall((REFERENCE / "queries.md").read_text("utf-8"))
    }
    assert listed == {
        key: (one["name"], set(one.get("parameters", {}))) for key, one in definitions.items()
    }


def test_the_guide_lists_every_table_of_which_an_sql_login_deletes_rows() -> None:
    migrations = sorted((ROOT / "include" / "sql" / "migrations").glob("*.sql"))
    texts = [path.read_text(encoding="utf-8") for path in migrations]
    *_, function = (text for text in texts if "FUNCTION public.delete_own_row(" in text)
    listed = re.search(r"^It takes (.+)\.$", GUIDE.read_text(encoding="utf-8"), re.M)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == re.findall(
        r"WHEN '(\w+)' THEN", function.partition("FUNCTION public.delete_own_row(")[2]
    )


def test_a_page_explains_the_error_types_that_the_pipeline_writes() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.M))
    raised = [errors.RequestRejected, errors.ConsentRevoked, errors.InstanceUnusable]
    raised += errors.ExecutionEnded.__subclasses__() + errors.ResultRefused.__subclasses__()
    assert explained == {kind.error_type for kind in raised} | {RUN_FAILED, KILLED}
    given_up = {given_up_as(step, amc)[1] for step in (None, *explained) for amc in AmcStatus}
    assert given_up <= explained


def test_a_page_lists_every_system_dag_with_its_schedule() -> None:
    line = re.compile(r"^\| `(recomamp_\w+)` \| (?:every (\d+) minutes|daily at ([\d:]+)) \|", re.M)
    page = DOCS / "reference" / "system-dags.md"
    listed = {
        dag_id: timedelta(minutes=int(minutes)) if minutes else time_of_day
        for dag_id, minutes, time_of_day in line.findall(page.read_text(encoding="utf-8"))
    }
    bag = DagBag(collect_dags=False, bundle_path=ROOT / "dags", bundle_name="dags")
    for path in sorted((ROOT / "dags").glob("recomamp_*.py")):
        bag.process_file(str(path), only_if_updated=False)
    assert bag.import_errors == {}
    assert listed == {dag_id: _when(dag.schedule) for dag_id, dag in bag.dags.items()}


def _when(schedule: Any) -> timedelta | str:
    if isinstance(schedule, timedelta):
        return schedule
    minute, hour, *days = ("0 0 * * *" if schedule == "@daily" else schedule).split()
    assert days == ["*", "*", "*"]
    return f"{int(hour):02}:{int(minute):02}"


# --- Decisions ---------------------------------------------------------------------------------


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 11


@pytest.mark.parametrize("page", DECISIONS, ids=page_id)
def test_a_decision_has_its_sections_on_one_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.name[:4]}: \S", text)
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    # Rows of tables are not counted: that of the requirements grows with them
    assert len([line for line in text.splitlines() if not line.startswith("| ")]) <= 60


def test_every_requirement_has_its_reason() -> None:
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([\w.-]+)==", requirements, re.M)
    (page,) = (page for page in DECISIONS if page.name.startswith("0011"))
    listed = re.findall(r"^\| `([\w.-]+)` \|", page.read_text(encoding="utf-8"), re.M)
    assert sorted(listed) == sorted(names)


_FORBIDDEN = [
    r"issue #?\d",
    r"(?<![\w.-])#\d{2,}",
    r"(?<![\w.])/(?:home|root|users|work|mnt|srv|tmp)/\w",
    r"pypi\.org|index-url|registry\.|docker\.io|ghcr\.io|quay\.io",
]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_a_page_names_no_machine_registry_or_issue(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [word for word in _FORBIDDEN if re.search(word, text, re.IGNORECASE)] == []


def test_the_page_of_marking_and_clearing_shows_the_cases_that_are_tested() -> None:
    page = (DOCS / "explanation" / "reliability.md").read_text(encoding="utf-8")
    section = page.partition("## Marking and clearing\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows == [f"| {' | '.join(case.line)} |" for case in CASES]
