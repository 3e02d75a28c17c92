"""Our DAGs from rows against dag-factory's DAGs from YAML, each built in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from site import getsitepackages

from bench.dag_fixtures import definitions_in_database
from bench.measurements import BenchSettings, Result, alternate, at_most, ratios, without_limit

MAX_RATIO = 0.5
VERSION = "1.1.0"

_OURS = """
import time
from recomamp.pipeline.generator.factory import build_dags
from recomamp.domain.definition_ref import DefinitionKind
began = time.perf_counter()
dags = [*build_dags(DefinitionKind.SCHEDULE), *build_dags(DefinitionKind.COLLECTION)]
print(len(dags), time.perf_counter() - began)
"""
_THEIRS = """
import sys, time
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from dagfactory import load_yaml_dags
found = {}
began = time.perf_counter()
load_yaml_dags(globals_dict=found, config_filepath=sys.argv[1])
seconds = time.perf_counter() - began
print(sum(isinstance(one, DAG) for one in found.values()), seconds)
"""


def run(settings: BenchSettings) -> Iterator[Result]:
    """Build DAGs of four tasks with both, alternately. Imports are not counted."""
    python = _their_python(settings.data / "dag-factory")
    with definitions_in_database(settings):
        count = 60 if settings.quick else 1_200
        config = settings.data / "dag-factory.yaml"
        _write_yaml(config, count)
        ours, theirs = alternate(
            lambda: _built(count, sys.executable, "-c", _OURS),
            lambda: _built(count, str(python), "-c", _THEIRS, str(config)),
            settings.rounds,
        )
    yield at_most(
        MAX_RATIO,
        id=2,
        name=f"{count} DAGs from the database / by dag-factory {VERSION} from one YAML file",
        unit="ratio",
        samples=ratios(ours, theirs),
        note="four tasks each; fresh processes, imports not counted",
    )
    yield without_limit(id=2, name="dag-factory", unit="s", samples=theirs)


def _built(count: int, *command: str) -> float:
    """Return the seconds that a program reports for building DAGs."""
    environ = os.environ | {"DO_NOT_TRACK": "1", "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL"}
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    built, seconds = ended.stdout.strip().splitlines()[-1].split()
    assert int(built) == count, f"{built} DAGs instead of {count}"
    return float(seconds)


def _their_python(directory: Path) -> Path:
    """Return the Python of an environment with dag-factory and our own packages."""
    python = directory / "bin" / "python"
    if not (directory / f"has-{VERSION}").exists():
        venv.create(directory, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "--quiet", "--no-deps", f"dag-factory=={VERSION}"]
        subprocess.run([python, *install], check=True)
        (packages,) = directory.glob("lib/python3*/site-packages")
        shared = "\n".join(getsitepackages())
        (packages / "shared.pth").write_text(shared, encoding="utf-8")
        (directory / f"has-{VERSION}").touch()
    return python


def _write_yaml(path: Path, count: int) -> None:
    """Write DAGs as dag-factory's documentation does. JSON is YAML."""
    names = ("submit", "wait", "load", "record")
    tasks = [
        {
            "task_id": name,
            "operator": "airflow.providers.standard.operators.bash.BashOperator",
            "bash_command": "true",
            "dependencies": list(names[:position][-1:]),
        }
        for position, name in enumerate(names)
    ]
    dag = {
        "default_args": {"owner": "Ann", "retries": 8, "start_date": "2026-01-01"},
        "schedule": "0 6 * * *",
        "catchup": False,
        "tags": ["schedule", "amcbench"],
        "doc_md": "Impressions and clicks by campaign",
        "tasks": tasks,
    }
    path.write_text(json.dumps({f"bench_{n}": dag for n in range(count)}), encoding="utf-8")
