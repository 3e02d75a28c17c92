"""Fixtures shared by all tests, and an environment scrubbed of the product's settings."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

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
settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("here")

pytest_plugins = [
    "fixtures.postgres",
    "fixtures.emulator",
    "fixtures.connections",
    "fixtures.campaigns",
    "fixtures.mail",
    "fixtures.owner",
    "fixtures.running_stack",
]
