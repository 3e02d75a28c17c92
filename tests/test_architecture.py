"""The house stays in order: what SQL may look like, what names may not be, how long files are.

Who may import whom is in pyproject.toml, and `make lint` checks it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "recomamp"

CONSOLE_LINES = 5450


def test_no_module_is_named_like_one_of_python() -> None:
    """Airflow's plugin loader puts files into sys.modules under their bare names."""
    plugins = [ROOT / "plugins" / "recomamp_plugin.py"]
    assert not {path.stem for path in plugins} & set(sys.stdlib_module_names)
    ignored = (ROOT / "plugins" / ".airflowignore").read_text(encoding="utf-8").splitlines()
    assert "recomamp/" in ignored


QUERIES = ROOT / "include" / "sql" / "queries"


def name_of(query: Path) -> str:
    """Return the name by which code runs a statement, such as ``console/select_queue``."""
    return query.relative_to(QUERIES).with_suffix("").as_posix()


def queries() -> list[Path]:
    return sorted(QUERIES.rglob("*.sql"))


@pytest.mark.parametrize("path", queries(), ids=name_of)
def test_a_query_file_is_one_commented_statement_with_named_parameters(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", path.stem), "name it verb_noun.sql"
    assert text.startswith("-- "), "say what it is for"
    statement = re.sub(r"--.*", "", text).strip()
    assert statement.endswith(";")
    assert statement.count(";") == 1
    assert not re.search(r"%(?!\(\w+\)s|%)", statement), "named parameters only"
    for name in set(re.findall(r"%\((\w+)\)s", statement)):
        assert re.search(rf"\b{name}\b", text.split("\n\n")[0].split(statement[:6])[0]), (
            f"the header does not mention parameter {name}"
        )


def test_every_query_file_is_used() -> None:
    files = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "dags").glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for path in queries():
        assert f'"{name_of(path)}"' in code, f"{path.name} is used by nobody"


def test_the_consoles_statements_are_its_own_and_in_their_folder() -> None:
    for path in PACKAGE.rglob("*.py"):
        names = set(re.findall(r'"(console/\w+)"', path.read_text(encoding="utf-8")))
        assert not names or path.is_relative_to(PACKAGE / "console"), path
    assert {path.parent for path in queries()} == {QUERIES, QUERIES / "console"}


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def console_scripts() -> list[Path]:
    """Return the console's own ES modules."""
    static = PACKAGE / "console" / "static"
    return sorted(path for path in static.rglob("*.js") if "vendor" not in path.parts)


def test_files_are_short_enough_to_be_one_idea() -> None:
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "dags").rglob("*.py")]:
        assert lines_of(path) <= 450, f"{path.relative_to(ROOT)} has {lines_of(path)} lines"
    for path in console_scripts():
        assert lines_of(path) <= 250, f"{path.relative_to(ROOT)} has {lines_of(path)} lines"


def test_the_console_stays_small() -> None:
    """Pages, routes and statements together: more would be an application of its own."""
    files = [*(PACKAGE / "console").glob("*.py"), *console_scripts()]
    files += QUERIES.glob("console/*.sql")
    assert sum(map(lines_of, files)) < CONSOLE_LINES


def test_a_page_loads_nothing_from_elsewhere_and_runs_no_text_as_code() -> None:
    for path in console_scripts():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|\beval\(|new Function|innerHTML|\bimport\(", text), path
        imported = re.findall(r'from "([^"]+)"', text)
        assert all(name.startswith("./") for name in imported), path
