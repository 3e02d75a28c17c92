"""The page on the package lists what its classes and functions take."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from recomamp.provider import timetables
from recomamp.provider.attempts import KEY, StateStore
from recomamp.provider.info import get_provider_info
from recomamp.provider.operators import (
    AmcDownloadOperator,
    AmcQueryOperator,
    AmcSubmitOperator,
    _AmcOperator,
)
from recomamp.provider.sensors import AmcExecutionSensor
from recomamp.provider.triggers import AmcExecutionTrigger

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "reference" / "package.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "how-to" / "use-the-package.md").read_text(encoding="utf-8")
CLASSES = [
    AmcQueryOperator,
    AmcSubmitOperator,
    AmcDownloadOperator,
    AmcExecutionSensor,
    AmcExecutionTrigger,
]


def parameters_of(cls: type[Any]) -> set[str]:
    """Return what a class takes by name beyond what Airflow's own takes."""
    ours = [one for one in cls.__mro__ if one.__module__.startswith("recomamp.provider")]
    return {
        name
        for one in ours
        for name, parameter in inspect.signature(one.__init__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def listed(heading: str) -> dict[str, bool]:
    """Return the parameters that a section lists, and whether it calls them templates."""
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n##")[0]
    rows = re.findall(r"^\| (`.+?) \|", section, re.M)
    return {name: row.endswith(" T") for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_page_lists_what_a_class_takes(cls: type[Any]) -> None:
    assert set(listed(cls.__name__)) == parameters_of(cls)


@pytest.mark.parametrize(
    "cls", [AmcQueryOperator, AmcDownloadOperator], ids=lambda cls: cls.__name__
)
def test_the_page_says_which_are_templates(cls: type[_AmcOperator]) -> None:
    templates = {name for name, is_template in listed(cls.__name__).items() if is_template}
    inherited = {"amc_conn_id", "instance_id"}
    assert templates | inherited == set(cls.template_fields) | inherited


def test_the_page_lists_the_fields_of_the_connection() -> None:
    section = PAGE.partition("## Connection\n")[2].partition("\n##")[0]
    (form,) = get_provider_info()["connection-types"]
    named = {
        name
        for row in re.findall(r"^\| (.*?) \|", section, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(form["conn-fields"])


def test_the_page_lists_the_timetables_and_the_state_store() -> None:
    for name in ("cron_windows", "week_windows"):
        taken = ", ".join(inspect.signature(getattr(timetables, name)).parameters)
        assert f"`{name}({taken})`" in PAGE
    assert f"`{KEY}`" in PAGE
    methods = [name for name in vars(StateStore) if not name.startswith("_")]
    assert re.findall(r"^\| `(\w+)\(key", PAGE, re.M) == methods


def test_the_guides_python_is_python() -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        ast.parse(block)
