"""Fixtures shared by all tests, and an environment scrubbed of the product's settings."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = 25  # of each property; a test that needs more or less says so

for name in list(os.environ):
    if name.startswith(("AIRFLOW_", "_AIRFLOW_", "RECOMAMP_")):
        del os.environ[name]

# Airflow reads these when it is first imported: a home of its own, no database, our plugins.
_home = tempfile.mkdtemp(prefix="recomamp-airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ.update(
    AIRFLOW_HOME=_home,
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
)

# Nothing is timed: the machine may be slow. A build that gates others tries the same examples.
settings.register_profile(
    "here", deadline=None, derandomize="CI" in os.environ, max_examples=EXAMPLES
)
# `make faults` looks further: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", deadline=None, derandomize=False, max_examples=1000)
settings.load_profile("here")

OF_STACKS = ("own_stack", "stack")  # in the order in which they run
# Its DAGs also start by themselves at a time of the day. Other tests let Amazon take an hour then.
# This test would wait for the end of such a run
FIRST_ON_STACK = "tests/e2e/test_upkeep.py"

pytest_plugins = [
    "fixtures.postgres",
    "fixtures.emulator",
    "fixtures.connections",
    "fixtures.campaigns",
    "fixtures.composition",
    "fixtures.mail",
    "fixtures.outcome_matrix",
    "fixtures.owned_database",
    "fixtures.webhooks",
    "fixtures.running_stack",
    "fixtures.s3_server",
    "fixtures.spans",
    "fixtures.statsd",
    "fixtures.supabase",
    "fixtures.terminal",
    "fixtures.two_users",
    # These import fixtures of the others
    "fixtures.celery_stack",
    "fixtures.browser",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of stacks come first: it is they that take long.

    Those that share the session's stack follow each other, because it ends after the last of them.
    """
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, bool]:
    marked = (place for place, name in enumerate(OF_STACKS) if item.get_closest_marker(name))
    return next(marked, len(OF_STACKS)), not item.nodeid.startswith(FIRST_ON_STACK)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Give the tests of each stack to one process, and others file by file to who is free."""
    return _FileByFile(config, log)


# Two stacks run at the same time: their tests mostly wait. These folders and files have the first
FIRST_STACK = (
    "tests/console/",
    "tests/e2e/test_celery.py",
    "tests/e2e/test_run_requests.py",
    "tests/faults/",
    "tests/stack/",
)


class _FileByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not _is_of_stack(file):
            return file
        return "first stack" if file.startswith(FIRST_STACK) else "second stack"


@cache
def _is_of_stack(file: str) -> bool:
    text = (ROOT / file).read_text(encoding="utf-8")
    return any(f"pytest.mark.{name}" in text for name in OF_STACKS)
