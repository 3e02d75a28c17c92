"""Sets of tools are locked, and what runs from .venv is not one of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SETS = ("lint", "measure", "audit", "package", "sbom")


def versions(text: str) -> dict[str, str]:
    """Return the version of each package of a list or a lock."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M))


def lock_of(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SETS)
def test_each_package_is_locked_with_hashes_at_the_version_of_the_list(name: str) -> None:
    wanted = versions((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"))
    entries = re.split(r"\n(?=\S)", lock_of(name))

    assert wanted
    assert wanted.items() <= versions(lock_of(name)).items()
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in lock_of(name)


@pytest.mark.parametrize("name", SETS)
def test_a_package_of_the_product_has_the_products_version(name: str) -> None:
    """The tools of measure see both environments."""
    product = versions((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    locked = versions(lock_of(name))

    assert {one: locked[one] for one in locked.keys() & product.keys()} == {
        one: product[one] for one in locked.keys() & product.keys()
    }


def test_the_hooks_run_tools_that_are_installed() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"entry: (?:env \S+ )?(\S+)", hooks)

    assert len(entries) == hooks.count("- id:")
    assert {entry.rpartition("/")[0] for entry in entries} == {".venv/bin", ".venv-lint/bin"}
    assert "repo: local" in hooks
    assert hooks.count("repo:") == 1
