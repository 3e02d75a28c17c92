"""Change the rules of ``domain`` one by one, and list the changes that no test sees.

`make mutants` calls it, and mutmut does the work. mutmut takes sources from a folder `src` alone.
So it gets a copy of the project, which has the package, the tests of ``domain`` and the fixtures.
A change that only other tests see is listed too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "data" / "mutants"
DOMAIN = Path("src") / "recomamp" / "domain"

# The same examples for each change; few, because thousands of changes are tried
CONFTEST = """
import sys

from hypothesis import settings

settings.register_profile(
    "mutants", deadline=None, derandomize=True, max_examples=25, database=None
)
settings.load_profile("mutants")


def pytest_runtest_setup():
    # All changes are tried in forks of one process: an answer that it kept would hide a change
    for name, module in list(sys.modules.items()):
        if name.startswith("recomamp."):
            for kept in list(vars(module).values()):
                if hasattr(kept, "cache_clear"):
                    kept.cache_clear()
"""
PYTEST = "[pytest]\naddopts = --import-mode=importlib\npythonpath = src include tests\n"


def paths_of(modules: list[str]) -> list[str]:
    """Return the patterns of the files to change.

    :param modules: paths below ``domain`` without suffix, such as ``sql/literals``; none for all.
    :raises FileNotFoundError: there is no such module.
    """
    for module in modules:
        if not (ROOT / "plugins" / "recomamp" / "domain" / f"{module}.py").is_file():
            raise FileNotFoundError(f"domain has no module {module}")
    return [f"{DOMAIN}/{module}.py" for module in modules] or [f"{DOMAIN}/*"]


def copy_project(patterns: list[str]) -> None:
    """Make the copy that mutmut works on."""
    shutil.rmtree(COPY, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(ROOT / "plugins" / "recomamp", COPY / "src" / "recomamp", ignore=without)
    for folder in (Path("tests") / "domain", Path("tests") / "fixtures", Path("include")):
        shutil.copytree(ROOT / folder, COPY / folder, ignore=without)
    (COPY / "tests" / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (COPY / "pytest.ini").write_text(PYTEST, encoding="utf-8")
    settings = {
        "source_paths": ["src"],
        "only_mutate": patterns,
        "also_copy": ["include", "pytest.ini"],
        "pytest_add_cli_args_test_selection": ["tests/domain"],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = "\n".join(["[tool.mutmut]", *lines, ""])
    (COPY / "pyproject.toml").write_text(text, encoding="utf-8")


def main(modules: list[str]) -> int:
    """Print each change that no test sees, and how many there are."""
    copy_project(paths_of(modules))
    mutmut = [sys.executable, "-m", "mutmut"]
    ended = subprocess.run([*mutmut, "run", "--max-children", "2"], cwd=COPY)
    if ended.returncode:
        return ended.returncode
    subprocess.run([*mutmut, "results"], cwd=COPY, check=True)
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=COPY, check=True, capture_output=True)
    counts = json.loads((COPY / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    seen = counts["killed"] + counts["timeout"]
    print(f"mutants: tests see {seen} of {counts['total']} changes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
