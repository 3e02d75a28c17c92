"""The generated parts of pages are those of the code and of the database."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import yaml

COMMAND = "run `make schema`"


def _generator() -> ModuleType:
    path = Path(__file__).with_name("generated_pages.py")
    spec = spec_from_file_location("generated_pages", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


@pytest.mark.parametrize("page", GENERATOR.pages(), ids=lambda page: page.stem)
def test_a_generated_part_is_current(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == GENERATOR.rendered(page), COMMAND


def test_the_statsd_mapping_is_current() -> None:
    text = GENERATOR.STATSD_MAPPING.read_text(encoding="utf-8")
    assert text.startswith(GENERATOR.MAPPING_HEAD), COMMAND
    assert yaml.safe_load(text) == GENERATOR.statsd_mapping(), COMMAND


def test_each_part_has_one_place() -> None:
    names = [name for parts in GENERATOR.pages().values() for name in parts]
    assert sorted(names) == sorted(GENERATOR.PARTS)
