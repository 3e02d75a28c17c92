"""Change rules of ``domain`` and the steps of a run, and list the changes that no test sees.

`make mutants` calls it, and mutmut does the work. mutmut takes sources from a folder `src` alone.
So it gets a copy of the project with the package and the tests. A change that only other tests see
is listed too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "data" / "mutants"
PACKAGE = Path("src") / "recomamp"

# All changes are tried in forks of one process: an answer that it kept would hide a change
FORGET = """
import sys


def pytest_runtest_setup():
    for name, module in list(sys.modules.items()):
        if name.startswith("recomamp."):
            for kept in list(vars(module).values()):
                if hasattr(kept, "cache_clear"):
                    kept.cache_clear()
"""

# The same examples for each change; few, because thousands of changes are tried
FEW_EXAMPLES = """
from hypothesis import settings

settings.register_profile(
    "mutants", deadline=None, derandomize=True, max_examples=25, database=None
)
settings.load_profile("mutants")
"""

# A server and its migrations take longer than the tests of a change: all changes share one server
ONE_SERVER = """
import itertools
import os

import pytest

from fixtures.postgres import Server


class SharedServer(Server):
    def __init__(self):
        self.port = int(os.environ["MUTANTS_PORT"])
        self._names = (f"{os.getpid()}_{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def postgres_server():
    return SharedServer()


@pytest.fixture(scope="session")
def template_database():
    return os.environ["MUTANTS_TEMPLATE"]
"""
# It imports the plugin, which is not in the package
UNUSED = ("test_lineage.py",)
PYTEST = """[pytest]
addopts = --import-mode=importlib -p no:cacheprovider
pythonpath = src include tests
markers =
    own_sessions
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of the package, and the tests that are to see its changes.

    :param modules: paths below the package, without suffix. One may end with ``*``.
    :param tests: folders below the tests.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    has_database: bool = False


RULES = Part(modules=("domain/*",), tests=("domain",))
STEPS = Part(
    modules=(
        *(
            f"pipeline/executions/{name}"
            for name in (
                "adoption",
                "base",
                "cancellation",
                "earlier_results",
                "record",
                "submission",
                "submit",
                "wait",
            )
        ),
        "pipeline/triggers/*",
    ),
    tests=("pipeline/executions", "pipeline/triggers"),
    has_database=True,
)


def parts_of(modules: list[str]) -> list[tuple[Part, list[str]]]:
    """Return the parts to change, each with the patterns of its modules.

    :param modules: paths below the package without suffix, such as ``domain/sql/literals``; none
        for all parts.
    :raises FileNotFoundError: there is no such module.
    """
    for module in modules:
        if not (ROOT / "plugins" / "recomamp" / f"{module}.py").is_file():
            raise FileNotFoundError(f"plugins/recomamp has no module {module}")
    if not modules:
        return [(RULES, list(RULES.modules)), (STEPS, list(STEPS.modules))]
    rules = [module for module in modules if module.startswith("domain/")]
    steps = [module for module in modules if module not in rules]
    return [(part, chosen) for part, chosen in ((RULES, rules), (STEPS, steps)) if chosen]


def copy_project(part: Part, modules: list[str]) -> None:
    """Make the copy that mutmut works on."""
    added = {Path("pytest.ini"): PYTEST}
    shutil.rmtree(COPY, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__", "static", *UNUSED)
    shutil.copytree(ROOT / "plugins" / "recomamp", COPY / "src" / "recomamp", ignore=without)
    tests = Path("tests")
    if part.has_database:
        folders = [tests]  # their fixtures also import each other's helpers
        for name in part.tests:
            added[tests / name / "conftest.py"] = FORGET + ONE_SERVER
    else:
        folders = [tests / "fixtures", *(tests / name for name in part.tests)]
        added[tests / "conftest.py"] = FORGET + FEW_EXAMPLES
    for folder in (*folders, Path("include"), Path("dags")):
        shutil.copytree(ROOT / folder, COPY / folder, ignore=without)
    patterns = [str(PACKAGE / name) for name in modules]
    settings = {
        "source_paths": ["src"],
        "only_mutate": [name if name.endswith("*") else f"{name}.py" for name in patterns],
        "also_copy": ["include", "dags", "pytest.ini"],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in part.tests],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    added[Path("pyproject.toml")] = "\n".join(["[tool.mutmut]", *lines, ""])
    for path, text in added.items():
        with (COPY / path).open("a", encoding="utf-8") as file:  # some have fixtures of their own
            file.write(text)


@contextmanager
def environment_of(part: Part) -> Iterator[dict[str, str]]:
    """Give the environment of mutmut, with a PostgreSQL server where the tests need one."""
    environment = {**os.environ, "CI": "true"}  # the same examples of hypothesis for each change
    if not part.has_database:
        yield environment
        return
    sys.path += [str(ROOT / name) for name in ("plugins", "include", "tests")]
    from fixtures.postgres import Server, migrate_database

    server = Server()
    server.start()
    try:
        template = server.create_database()
        migrate_database(server, template)
        yield {**environment, "MUTANTS_PORT": str(server.port), "MUTANTS_TEMPLATE": template}
    finally:
        server.stop()


def change(part: Part, modules: list[str]) -> None:
    """Print each change of these modules that no test sees, and how many there are."""
    copy_project(part, modules)
    mutmut = [sys.executable, "-m", "mutmut"]
    with environment_of(part) as environment:
        run = [*mutmut, "run", "--max-children", "2"]
        subprocess.run(run, cwd=COPY, env=environment, check=True)
    subprocess.run([*mutmut, "results"], cwd=COPY, check=True)
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=COPY, check=True, capture_output=True)
    counts = json.loads((COPY / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    seen = counts["killed"] + counts["timeout"]
    print(f"mutants: tests see {seen} of {counts['total']} changes of {', '.join(modules)}")


def main(modules: list[str]) -> int:
    """Change all parts, or these modules."""
    for part, chosen in parts_of(modules):
        change(part, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
