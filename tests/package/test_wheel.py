"""The built wheel: what is in it, what Airflow finds in it, and the guide's example that runs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from fixtures.emulator import RunningEmulator
from fixtures.emulator_client import EmulatorClient
from fixtures.locks import canonical
from fixtures.postgres import Database, Rows
from fixtures.provider import connection_json

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "how-to" / "use-the-package.md"
BUILDER = ROOT / ".venv-package" / "bin" / "python"
MINUTES = 60


def examples() -> list[str]:
    """Return the guide's blocks of Python, in order."""
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


EXAMPLE = next(block for block in examples() if "AmcQueryOperator(" in block)
GENERATOR = next(block for block in examples() if "build_dags(" in block)
PLUGIN = next(block for block in examples() if "RecomampPlugin" in block)

# As a user would: Airflow parses the file, and runs a date of it
RUN_EXAMPLE = """
import json, os, sys
from datetime import UTC, datetime
from airflow.dag_processing.dagbag import DagBag
import recomamp
bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
assert not bag.import_errors, bag.import_errors
run = bag.dags["amc_reach"].test(logical_date=datetime(2026, 5, 8, tzinfo=UTC))
(ti,) = run.get_task_instances()
print("RESULT", json.dumps({
    "state": run.state, "tries": ti.try_number, "package": recomamp.__file__,
    "result": ti.xcom_pull(task_ids="reach"),
    "link": ti.xcom_pull(task_ids="reach", key="_link_AmcExecutionPageLink"),
}))
"""

# psycopg2 stands for all that the pipeline needs and the provider does not
DISCOVER = """
import json, sys
sys.modules["psycopg2"] = None
from airflow import plugins_manager
from airflow.providers_manager import ProvidersManager
import recomamp
from recomamp.version import read_version
providers = ProvidersManager()
info = providers.providers["airflow-provider-amc"]
hook = providers.hooks["amc"]
plugins, errors = plugins_manager._get_plugins()
print("RESULT", json.dumps({
    "package": recomamp.__file__, "version": info.version, "said": read_version(),
    "hook": hook.hook_class_name, "hook_name": hook.hook_name,
    "fields": list(providers.connection_form_widgets),
    "behaviour": providers.field_behaviours["amc"]["relabeling"]["login"],
    "links": providers.extra_links_class_names,
    "plugins": [one.name for one in plugins], "errors": errors,
    "timetables": sorted(plugins_manager.get_timetables_plugins()),
}))
"""

PIPELINE = """
import json, os
from pathlib import Path
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
import recomamp
from recomamp.store import migrate, statements
plugins, errors = plugins_manager._get_plugins()
shipped = Path(recomamp.__path__[0], "dags")
bags = [DagBag(dag_folder=str(folder), collect_dags=True)
        for folder in (os.environ["AIRFLOW__CORE__DAGS_FOLDER"], shipped)]
print("RESULT", json.dumps({
    "plugins": sorted(one.name for one in plugins), "errors": errors,
    "import_errors": [bag.import_errors for bag in bags],
    "dags": [sorted(bag.dags) for bag in bags],
    "sql": str(statements.SQL_DIRECTORY),
    "migrations": len(list(migrate.MIGRATIONS_DIRECTORY.glob("*.sql"))),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    assert BUILDER.exists(), "make .venv-package/.installed"
    folder = tmp_path_factory.mktemp("dist")
    build = [BUILDER, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it alone, without a network, and return the folder."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    alone = ["--no-deps", "--no-index", "--target", folder, wheel]
    subprocess.run([*pip, *alone], check=True, capture_output=True)
    return folder


class Airflow:
    """An Airflow of somebody else: home, DAGs folder and plugins folder of its own."""

    def __init__(self, home: Path, python: Path, site: Path | None = None) -> None:
        self.home, self.python = home, python
        self.dags, self.plugins = home / "dags", home / "plugins"
        for folder in (self.dags, self.plugins):
            folder.mkdir()
        ours = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
        self.env = ours | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.plugins),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW_VAR_AMC_RESULTS": f"file://{home}/results",
            "NO_PROXY": "127.0.0.1",
        }
        if site:
            self.env["PYTHONPATH"] = str(site)

    def migrate(self) -> None:
        """Make Airflow's own database."""
        self._python("-m", "airflow", "db", "migrate")

    def ask(self, script: str, **env: str) -> dict[str, Any]:
        """Run a script and return what it prints last."""
        output = self._python("-c", script, env=env)
        line = next(line for line in output.splitlines() if line.startswith("RESULT "))
        answer: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
        return answer

    def _python(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.home,
            env=self.env | (env or {}),
            capture_output=True,
            text=True,
            timeout=10 * MINUTES,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout


@pytest.fixture
def airflow(installed: Path, tmp_path: Path) -> Airflow:
    return Airflow(tmp_path, Path(sys.executable), installed)


def run_example(
    airflow: Airflow, emulator: RunningEmulator, north: EmulatorClient
) -> dict[str, Any]:
    """Run the guide's example, whose first try loses AMC's answer, and return what came of it."""
    emulator.progression("at_once")
    emulator.fault("create_execution", "reset_after")
    emulator.fault("list_executions", "forbidden")
    airflow.dags.joinpath("reach.py").write_text(EXAMPLE, encoding="utf-8")
    airflow.migrate()
    answer = airflow.ask(RUN_EXAMPLE, AIRFLOW_CONN_AMC_DEFAULT=connection_json(emulator.url))
    assert answer["state"] == "success"
    assert answer["tries"] == 2
    (execution,) = emulator.executions()  # sent once
    result = answer["result"]
    assert result["amc_execution_id"] == execution["workflowExecutionId"]
    assert answer["link"].endswith(execution["workflowExecutionId"])
    assert rows_of(result) == computed(north, result["amc_execution_id"])
    assert result["rows"] > 0
    return answer


def rows_of(result: dict[str, Any]) -> list[tuple[str, int]]:
    """Read the files by their addresses."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(file["uri"].removeprefix("file://")) for file in result["files"]]
    return [(row["campaign"], row["impressions"]) for one in tables for row in one.to_pylist()]


def computed(north: EmulatorClient, execution_id: str) -> list[tuple[str, int]]:
    """Return the rows of an execution as AMC's own files have them."""
    lines = [north.http.get(link).text.splitlines()[1:] for link in north.links(execution_id)]
    pairs = [line.rsplit(",", 1) for part in lines for line in part]
    return [(name.strip('"'), int(number)) for name, number in pairs]


# --- What is in it -----------------------------------------------------------------------------


def relative(folder: Path, *suffixes: str) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in suffixes and "__pycache__" not in path.parts
    }


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = relative(ROOT / "plugins" / "recomamp", ".py", ".js", ".typed") - {""}
    licence = "recomamp/console/static/vendor/htm-LICENSE"
    assert names == (
        {f"recomamp/{name}" for name in package}
        | {f"recomamp/sql/{name}" for name in relative(ROOT / "include" / "sql", ".sql")}
        | {f"recomamp/dags/{name}" for name in relative(ROOT / "dags", ".py")}
        | {"recomamp_plugin.py", licence}
    )
    assert "recomamp/py.typed" in names


def test_the_example_has_fifteen_lines() -> None:
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 15


def imported(module: str) -> set[str]:
    """Return what a module of the package imports, also inside functions."""
    path = ROOT / "plugins" / Path(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{one.name}" for one in node.names}
    return names


def is_module(name: str) -> bool:
    path = ROOT / "plugins" / Path(*name.split("."))
    return path.with_suffix(".py").exists() or path.joinpath("__init__.py").exists()


def foreign_modules(roots: Iterable[str]) -> set[str]:
    """Return the first parts of the foreign modules that modules need, indirectly too."""
    left, seen, foreign = list(roots), set[str](), set[str]()
    while left:
        module = left.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in imported(module):
            if name.startswith("recomamp"):
                left += [name] if is_module(name) else []
            else:
                foreign.add(name.partition(".")[0])
    return foreign - sys.stdlib_module_names


def every_module(folder: Path) -> list[str]:
    below = ROOT / "plugins"
    paths = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    return [".".join(path.relative_to(below).with_suffix("").parts) for path in paths]


# What belongs to Airflow's own interfaces: timetables and triggers are written with them
OF_AIRFLOW = {"airflow", "asgiref", "pendulum", "pydantic", "sqlalchemy", "starlette"}


@pytest.mark.parametrize("part", ["provider", "pipeline"])
def test_what_is_imported_is_required(part: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [*project["dependencies"]]
    if part == "pipeline":
        required += project["optional-dependencies"]["pipeline"]
        modules = every_module(ROOT / "plugins")
    else:
        modules = every_module(ROOT / "plugins" / "recomamp" / "provider")
    names = {canonical(Requirement(one).name) for one in required}
    distributions = packages_distributions()

    foreign = foreign_modules(modules) - OF_AIRFLOW

    assert len(foreign) >= 8
    for module in foreign:
        assert names & set(map(canonical, distributions[module])), module


# --- What Airflow finds in it ------------------------------------------------------------------


def test_airflow_finds_provider_and_plugin_by_entry_points(
    airflow: Airflow, wheel: Path, installed: Path
) -> None:
    found = airflow.ask(DISCOVER)

    assert found["version"] == found["said"] == wheel.name.split("-")[1]

    assert found["package"].startswith(str(installed))
    assert (found["hook"], found["hook_name"]) == (
        "recomamp.provider.hooks.AmcHook",
        "Amazon Marketing Cloud",
    )
    assert "extra__amc__refresh_token" in found["fields"]
    assert found["behaviour"] == "Login with Amazon client id"
    assert "recomamp.provider.links.AmcExecutionPageLink" in found["links"]
    assert found["plugins"].count("amc") == 1
    assert "recomamp" not in found["plugins"]  # the console needs the pipeline's database
    assert found["errors"] == {}
    assert {"ScheduleTimetable", "CollectionTimetable"} <= {
        name.rpartition(".")[2] for name in found["timetables"]
    }


def test_the_example_runs_its_query_once_and_writes_what_amc_computed(
    airflow: Airflow, installed: Path, emulator: RunningEmulator, north: EmulatorClient
) -> None:
    answer = run_example(airflow, emulator, north)
    assert answer["package"].startswith(str(installed))


def test_the_package_has_the_pipeline_for_those_with_its_database(
    airflow: Airflow, installed: Path, database: Database, rows: Rows
) -> None:
    schedule = rows.schedule(workflow=rows.workflow(instance=rows.instance()))
    airflow.dags.joinpath("schedules.py").write_text(GENERATOR, encoding="utf-8")
    airflow.plugins.joinpath("pipeline.py").write_text(PLUGIN, encoding="utf-8")

    found = airflow.ask(PIPELINE, AIRFLOW_CONN_RECOMAMP_DB=database.uri)

    assert {"amc", "recomamp"} <= set(found["plugins"])
    assert len(found["plugins"]) == len(set(found["plugins"]))
    assert found["errors"] == {}
    assert found["import_errors"] == [{}, {}]
    own, shipped = found["dags"]
    assert own == [f"amc_schedule_{schedule['id']}"]
    assert {"recomamp_reconcile", *own} <= set(shipped)
    assert found["sql"] == str(installed / "recomamp" / "sql")
    assert found["migrations"] == len(list((ROOT / "include/sql/migrations").glob("*.sql")))


def test_a_checkout_and_the_package_register_nothing_twice(
    airflow: Airflow, database: Database
) -> None:
    both = {"AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins")}
    found = airflow.ask(PIPELINE, AIRFLOW_CONN_RECOMAMP_DB=database.uri, **both)
    assert sorted(set(found["plugins"])) == found["plugins"]
    assert {"amc", "recomamp"} <= set(found["plugins"])
    assert found["errors"] == {}


# --- In an empty environment -------------------------------------------------------------------


@pytest.mark.long
def test_the_example_runs_in_an_empty_environment(
    wheel: Path, tmp_path: Path, emulator: RunningEmulator, north: EmulatorClient
) -> None:
    """The same as above, with nothing but what the package asks for. It takes minutes."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    locked = re.findall(
        r"^([\w.-]+==\S+(?: ; [^\\\n]+)?)",
        (ROOT / "constraints.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    constraints = tmp_path / "versions.txt"
    constraints.write_text("\n".join(locked), encoding="utf-8")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-c", constraints, wheel], check=True, capture_output=True)
    home = tmp_path / "home"
    home.mkdir()

    answer = run_example(Airflow(home, python), emulator, north)

    assert answer["package"].startswith(str(tmp_path / "venv"))
    absent = subprocess.run([python, "-c", "import psycopg2"], capture_output=True)
    assert absent.returncode != 0
