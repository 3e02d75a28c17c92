"""docker-compose.yaml is valid, keeps its secrets, and runs what the Procfile runs."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import Settings
from stack.environment import airflow_environment
from stack.supervisor import read_procfile

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
EXAMPLE_FILE = ROOT / ".env.example"
REFERENCE = re.compile(r"(?<!\$)\$\{(\w+)(?::([?-])([^}]*))?\}")
OURS = ("AIRFLOW_", "RECOMAMP_")


def example_values() -> dict[str, str]:
    lines = EXAMPLE_FILE.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def references() -> set[tuple[str, str, str]]:
    """Return the variables of the Compose file: name, ``?`` where it is required, default."""
    lines = COMPOSE_FILE.read_text(encoding="utf-8").splitlines()
    return set(REFERENCE.findall("\n".join(line for line in lines if not line.startswith("#"))))


def filled_in(directory: Path, **changes: str) -> Path:
    values = {name: value or f"test-{name.lower()}" for name, value in example_values().items()}
    path = directory / "env"
    path.write_text("".join(f"{name}={value}\n" for name, value in (values | changes).items()))
    return path


def render(env_file: Path) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).with_name("podman-compose")), "--dry-run"]
    program += ["--file", str(COMPOSE_FILE), "--env-file", str(env_file)]
    program += ["--profile", "emulator", "config"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        program, check=False, capture_output=True, text=True, cwd=env_file.parent, env=environ
    )


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rendered = render(filled_in(tmp_path_factory.mktemp("compose")))
    assert rendered.returncode == 0, rendered.stderr
    return dict(yaml.safe_load(rendered.stdout)["services"])


@pytest.fixture(scope="module")
def embedded_environment(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    settings = Settings.load(data=tmp_path_factory.mktemp("data"), environ={}, free_ports=True)
    return {name for name in airflow_environment(settings) if name.startswith(OURS)}


@pytest.mark.parametrize("name", sorted(name for name, kind, _ in references() if kind == "?"))
def test_compose_refuses_to_start_while_a_secret_is_missing(tmp_path: Path, name: str) -> None:
    rendered = render(filled_in(tmp_path, **{name: ""}))

    assert rendered.returncode != 0
    assert name in rendered.stderr


def test_every_process_of_the_procfile_is_a_service(services: dict[str, Any]) -> None:
    only_here = {"postgres", "redis", "worker", "init"}

    assert set(services) == set(read_procfile()) | only_here


@pytest.mark.parametrize("name", sorted(set(read_procfile()) - {"emulator"}))
def test_an_airflow_service_runs_the_procfiles_command(services: dict[str, Any], name: str) -> None:
    assert services[name]["command"] == read_procfile()[name].split()


def test_the_emulator_is_the_same_program_behind_a_profile(services: dict[str, Any]) -> None:
    service = services["emulator"]

    started = [*service["entrypoint"], *service["command"]]
    assert started[:3] == read_procfile()["emulator"].split()[:3]
    assert service["profiles"] == ["emulator"]


@pytest.mark.parametrize("name", [*sorted(set(read_procfile()) - {"emulator"}), "worker", "init"])
def test_an_airflow_service_knows_every_setting_the_embedded_one_has(
    services: dict[str, Any], embedded_environment: set[str], name: str
) -> None:
    # The home is the image's own business.
    missing = embedded_environment - {"AIRFLOW_HOME"} - set(services[name]["environment"])

    assert not missing


def test_compose_adds_only_what_several_machines_need(
    services: dict[str, Any], embedded_environment: set[str]
) -> None:
    added = set(services["scheduler"]["environment"]) - embedded_environment

    assert added == {
        "AIRFLOW__CELERY__BROKER_URL",
        "AIRFLOW__CELERY__RESULT_BACKEND",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK",
        "AIRFLOW__TRIGGERER__CAPACITY",
        # The embedded stack passes them on from its caller's environment, where they are set.
        "AIRFLOW_CONN_SMTP_DEFAULT",
        "RECOMAMP_RESULT_DATA_KEPT_DAYS",
        "RECOMAMP_RESULT_FILES_KEPT_DAYS",
    }


def test_only_the_user_interface_is_published(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {"api-server": ["8080:8080"]}


def test_every_lasting_service_has_a_health_check(services: dict[str, Any]) -> None:
    without = {name for name, service in services.items() if "healthcheck" not in service}

    assert without == {"init"}


def test_only_init_may_change_the_schema(services: dict[str, Any]) -> None:
    holders = {
        name
        for name, service in services.items()
        if "RECOMAMP_MIGRATE_URI" in service.get("environment", {})
    }

    assert holders == {"init"}


def test_the_example_lists_every_variable_with_its_default() -> None:
    defaults = {name: default if kind == "-" else "" for name, kind, default in references()}

    assert example_values() == defaults


def test_every_setting_that_scaling_names_can_be_set() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    table = page.partition("\n## Settings\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`((?:AIRFLOW__|RECOMAMP_)\w+)`", table))

    assert len(named) >= 7
    assert named <= {name for name, kind, _ in references() if kind == "-"}


def test_a_setting_of_the_environment_reaches_every_airflow_service(tmp_path: Path) -> None:
    changed = {"AIRFLOW__TRIGGERER__CAPACITY": "77", "AIRFLOW__CELERY__WORKER_CONCURRENCY": "3"}
    rendered = render(filled_in(tmp_path, **changed))

    services = yaml.safe_load(rendered.stdout)["services"]
    for name in ("scheduler", "dag-processor", "triggerer", "worker"):
        assert changed.items() <= services[name]["environment"].items()


def test_every_variable_of_the_example_is_explained() -> None:
    lines = EXAMPLE_FILE.read_text(encoding="utf-8").splitlines()

    unexplained = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r"[A-Z]", line) and not re.match(r"# \S", before)
    ]
    assert not unexplained
