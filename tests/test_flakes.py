"""The flake detector names tests whose outcomes differ, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint.flakes import outcomes, unsteady

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_good(): pass
def test_bad(): assert not "good"
def test_left_out(): pytest.skip("why")

@pytest.fixture
def unclean():
    yield
    raise RuntimeError

def test_unclean(unclean): pass
"""


def test_a_report_has_the_outcome_of_each_test(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(test_them=TESTS)
    pytester.runpytest("--junitxml=report.xml", "-p", "no:cacheprovider")

    assert outcomes(pytester.path / "report.xml") == {
        "test_them::test_good": "passed",
        "test_them::test_bad": "failure",
        "test_them::test_left_out": "skipped",
        "test_them::test_unclean": "error",
    }


def test_tests_with_one_outcome_are_steady_whatever_it_is() -> None:
    run = {"a": "passed", "b": "failure"}

    assert unsteady([run, run, run]) == {}


def test_a_test_that_fails_once_or_gets_lost_is_unsteady() -> None:
    runs = [
        {"a": "passed", "b": "passed", "c": "passed"},
        {"a": "failure", "b": "passed"},
    ]

    assert unsteady(runs) == {"a": ["passed", "failure"], "c": ["passed", "missing"]}
