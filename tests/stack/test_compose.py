"""docker-compose.yaml runs what the Procfile runs, and gives each service only what it needs."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.secret_files import GENERATED, OPTIONAL, TEMPLATES
from fixtures.composition import (
    EXAMPLE_FILE,
    OURS,
    ROOT,
    example_values,
    filled_in,
    references,
    render,
)
from recomamp.domain.airflow_settings import celery_environment, stack_environment
from stack import Settings
from stack.environment import airflow_environment
from stack.supervisor import WORKER_GRACE_SECONDS, WORKERS, read_procfile

ONE_SHOT = {"secrets-check", "emulator-check", "init"}
COMMAND_OF = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "POSTGRES_PASSWORD",
    "AIRFLOW__CELERY__BROKER_URL_CMD": "REDIS_PASSWORD",
    "AIRFLOW__CORE__FERNET_KEY_CMD": "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY_CMD": "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET_CMD": "AIRFLOW__API_AUTH__JWT_SECRET",
}
AIRFLOW_SERVICES = sorted(set(read_procfile()) - {"emulator", "redis", *WORKERS})
DIGEST = "example.com/image@sha256:" + "0" * 64
CHANGES = {"AIRFLOW__TRIGGERER__CAPACITY": "77", "AIRFLOW__CELERY__WORKER_CONCURRENCY": "3"}
EVERY_SECRET = {*GENERATED, *TEMPLATES, *OPTIONAL}

# Which service may read which secret, and why
SECRETS = {
    "secrets-check": EVERY_SECRET,  # has no network
    "postgres": {"POSTGRES_PASSWORD"},
    "redis": {"REDIS_PASSWORD"},
    "init": {
        "AIRFLOW_CONN_AIRFLOW_API",  # the follower's password
        "POSTGRES_PASSWORD",
        "RECOMAMP_MIGRATE_URI",
        "RECOMAMP_UI_PASSWORD",
        "database-ca.pem",  # as all that reach the application's database
    },
    "api-server": {
        "AIRFLOW_CONN_RECOMAMP_CONSOLE_DB",  # the console, where it is used
        "AIRFLOW__API_AUTH__JWT_SECRET",  # signs tokens of people, checks those of tasks
        "AIRFLOW__API__SECRET_KEY",  # signs requests for logs
        "AIRFLOW__CORE__FERNET_KEY",  # encrypts what triggers are given
        "POSTGRES_PASSWORD",
        "database-ca.pem",
    },
    "scheduler": {
        "AIRFLOW__API_AUTH__JWT_SECRET",  # signs tokens of tasks
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
    },
    "dag-processor": {"AIRFLOW_CONN_RECOMAMP_DB", "POSTGRES_PASSWORD", "database-ca.pem"},
    "triggerer": {
        "AIRFLOW_CONN_AMAZON_ADS",
        "AIRFLOW_CONN_RECOMAMP_DB",
        "AIRFLOW__API__SECRET_KEY",  # checks requests for logs
        "AIRFLOW__CORE__FERNET_KEY",
        "POSTGRES_PASSWORD",
        "RECOMAMP_FERNET_KEY",
        "database-ca.pem",
    },
    "follower": {
        "AIRFLOW_CONN_AIRFLOW_API",
        "AIRFLOW_CONN_RECOMAMP_DB",
        "AIRFLOW_CONN_SMTP_DEFAULT",
        "database-ca.pem",
    },
    "worker": {
        "AIRFLOW_CONN_AMAZON_ADS",
        "AIRFLOW_CONN_RECOMAMP_DB",
        "AIRFLOW_CONN_SMTP_DEFAULT",
        "AIRFLOW__API__SECRET_KEY",  # checks requests for logs
        "POSTGRES_PASSWORD",  # Celery's results
        "RECOMAMP_FERNET_KEY",
        "REDIS_PASSWORD",
        "database-ca.pem",
    },
    "emulator-check": {"AIRFLOW_CONN_AMAZON_ADS"},  # has no network
    "emulator": set(),
}

NETWORKS = {
    "postgres": {"database"},
    "redis": {"broker"},
    "init": {"database", "egress"},
    "api-server": {"database", "api", "egress", "published"},
    "scheduler": {"database", "broker"},
    "dag-processor": {"database", "egress"},
    "triggerer": {"database", "api", "egress", "emulator"},
    "follower": {"api", "egress"},
    "worker": {"database", "broker", "api", "egress", "emulator"},
    "emulator": {"emulator"},
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the services of a `.env` that changes settings and pins images."""
    images = {name for name, _, _ in references() if name.endswith("_IMAGE")}
    values = dict.fromkeys(images, DIGEST) | CHANGES
    values |= {"RECOMAMP_PUBLISH_ADDRESS": "192.0.2.1", "AIRFLOW__API__PORT": "9090"}
    rendered = render(filled_in(tmp_path_factory.mktemp("changed"), **values))
    return dict(yaml.safe_load(rendered.stdout)["services"])


@pytest.fixture(scope="module")
def embedded_environment(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    settings = Settings.load(data=tmp_path_factory.mktemp("data"), environ={}, free_ports=True)
    return {name for name in airflow_environment(settings) if name.startswith(OURS)}


# --- Secrets -----------------------------------------------------------------------------------


def test_each_service_has_the_secrets_it_reads_and_no_other(services: dict[str, Any]) -> None:
    held = {name: set(service.get("secrets", [])) for name, service in services.items()}

    assert held == SECRETS


def test_every_secret_is_a_file_of_one_folder(composition: dict[str, Any]) -> None:
    files = {name: secret["file"] for name, secret in composition["secrets"].items()}

    assert files == {name: f"./secrets/{name}" for name in EVERY_SECRET}


def test_no_secret_stands_in_an_environment_or_a_command(services: dict[str, Any]) -> None:
    for name, service in services.items():
        environment = service.get("environment", {})
        assert not EVERY_SECRET & set(environment), name
        assert not {one for one in environment if one.startswith("AIRFLOW_CONN_")}, name
        for variable in environment:
            # A name that says so leads to a file
            if re.search(r"PASSWORD|SECRET|_KEY|_CONN_|_URI$|BROKER_URL", variable):
                assert variable.endswith(("_FILE", "_CMD", "_PASSWORDS_FILE")) or variable in (
                    "AIRFLOW__SECRETS__BACKEND",
                ), (name, variable)


def test_no_setting_of_the_example_is_a_secret() -> None:
    assert not EVERY_SECRET & set(example_values())


def test_a_command_prints_a_secret_that_its_service_has(services: dict[str, Any]) -> None:
    for name in set(services) - ONE_SHOT:
        environment = services[name].get("environment", {})
        commands = {one for one in environment if one.endswith("_CMD")}
        for command in commands:
            assert f"/run/secrets/{COMMAND_OF[command]}" in environment[command]
        printed = {COMMAND_OF[command] for command in commands}
        if name not in ("postgres", "redis"):
            assert printed == SECRETS[name] & set(COMMAND_OF.values()), name


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD",
            "postgresql+psycopg2://airflow:a-word_1@postgres:5432/airflow",
        ),
        ("AIRFLOW__CELERY__BROKER_URL_CMD", "redis://:a-word_1@redis:6379/0"),
    ],
)
def test_airflow_makes_an_address_of_a_password(
    services: dict[str, Any], tmp_path: Path, variable: str, expected: str
) -> None:
    secret = tmp_path / COMMAND_OF[variable]
    secret.write_text("a-word_1\n")
    # Compose takes a doubled dollar for one; `config` keeps both.
    command = services["worker"]["environment"][variable].replace("$$", "$")

    done = subprocess.run(
        shlex.split(command.replace("/run/secrets", str(tmp_path))),  # as Airflow runs it
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == expected


def test_only_init_and_the_api_server_have_the_passwords_of_the_sign_in(
    services: dict[str, Any],
) -> None:
    holders = {name for name, service in services.items() if "auth" in mounted(service)}

    assert holders == {"init", "api-server"}


def test_the_api_server_reads_results_and_writes_none(services: dict[str, Any]) -> None:
    volumes = [one for one in services["api-server"]["volumes"] if one.startswith("results:")]

    assert volumes == ["results:/opt/airflow/results:ro"]


def test_everything_waits_for_the_check_of_the_secrets(services: dict[str, Any]) -> None:
    assert all(
        "secrets-check" in everything_before(services, name)
        for name in set(services) - {"secrets-check"}
    )
    check = services["secrets-check"]
    assert check["command"][1:] == ["include/compose/secret_files.py", "check", "/run/secrets"]


def test_the_emulator_waits_for_the_check_of_the_connection(services: dict[str, Any]) -> None:
    assert "emulator-check" in everything_before(services, "emulator")
    check = services["emulator-check"]
    assert check["command"][2:] == ["check-emulator", "/run/secrets"]
    assert check["profiles"] == services["emulator"]["profiles"]


def mounted(service: dict[str, Any]) -> set[str]:
    """Return the names of a service's named volumes."""
    sources = {str(volume).partition(":")[0] for volume in service.get("volumes", [])}
    return {source for source in sources if not source.startswith(".")}


def everything_before(services: dict[str, Any], name: str) -> set[str]:
    """Return what must have started or ended before a service starts."""
    before = set(services[name].get("depends_on", {}))
    return before.union(*(everything_before(services, one) for one in before))


# --- Confinement -------------------------------------------------------------------------------


def test_each_service_is_on_the_networks_it_needs(services: dict[str, Any]) -> None:
    without = {name for name, service in services.items() if service.get("network_mode") == "none"}
    networks = {
        name: set(service["networks"]) for name, service in services.items() if name not in without
    }

    assert without == {"secrets-check", "emulator-check"}
    assert networks == NETWORKS


def test_only_two_networks_lead_out_of_the_machine(composition: dict[str, Any]) -> None:
    networks = composition["networks"]
    leading_out = {name for name, one in networks.items() if not (one or {}).get("internal")}

    assert leading_out == {"egress", "published"}
    assert [name for name, used in NETWORKS.items() if "published" in used] == ["api-server"]


def test_nobody_but_airflow_meets_its_database_and_broker() -> None:
    for server, network in (("postgres", "database"), ("redis", "broker")):
        clients = {name for name, used in NETWORKS.items() if network in used} - {server}
        assert "emulator" not in clients
        assert "follower" not in clients
    assert not NETWORKS["emulator"] & NETWORKS["postgres"]


def test_every_container_is_confined(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["pids_limit"] > 0, name
        assert service["mem_limit"], name
        assert service["ulimits"] == {"core": 0}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert not service.get("privileged"), name
        assert service.get("user") != "root", name
        assert all(one.partition(":")[2].startswith("size=") for one in service["tmpfs"]), name


def test_the_default_limits_fit_a_machine_with_16_gb(services: dict[str, Any]) -> None:
    def mebibytes(text: str) -> int:
        return int(text[:-1]) * {"m": 1, "g": 1024}[text[-1]]

    lasting = [service for name, service in services.items() if name not in ONE_SHOT]
    assert sum(mebibytes(service["mem_limit"]) for service in lasting) <= 14 * 1024


def test_only_the_user_interface_is_published_and_on_the_loopback_address(
    services: dict[str, Any],
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published == {"api-server": ["127.0.0.1:8080:8080"]}


def test_the_user_interface_can_be_published_elsewhere(changed: dict[str, Any]) -> None:
    assert changed["api-server"]["ports"] == ["192.0.2.1:9090:8080"]


def test_every_image_can_be_pinned_by_its_digest(changed: dict[str, Any]) -> None:
    assert {service["image"] for service in changed.values()} == {DIGEST}
    for name in ("init", "emulator"):
        assert changed[name]["build"]["args"] == [f"PYTHON_IMAGE={DIGEST}"]


def test_one_service_builds_each_image(services: dict[str, Any]) -> None:
    # Compose builds a shared image once for each service with `build`, all at the same time.
    built = {
        name: (service["image"], service["build"]["target"])
        for name, service in services.items()
        if "build" in service
    }
    others = {"postgres", "redis"}
    ours = {service["image"] for name, service in services.items() if name not in others}

    assert {name: target for name, (_, target) in built.items()} == {
        "init": "pipeline",
        "emulator": "emulator",
    }
    assert ours == {image for image, _ in built.values()}


# --- What runs ---------------------------------------------------------------------------------


def test_every_process_of_the_procfile_is_a_service(services: dict[str, Any]) -> None:
    only_here = {"postgres", "worker"} | ONE_SHOT

    assert set(services) == set(read_procfile()) - {*WORKERS} | only_here


@pytest.mark.parametrize("name", AIRFLOW_SERVICES)
def test_an_airflow_service_runs_the_procfiles_command(services: dict[str, Any], name: str) -> None:
    assert services[name]["command"] == read_procfile()[name].split()


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_the_services_command_and_its_time_to_end(
    services: dict[str, Any], name: str
) -> None:
    service, command = services["worker"], read_procfile()[name].split()

    # Two on one machine need names of their own, and one server of logs serves both
    assert command[: len(service["command"])] == service["command"]
    options = {"--celery-hostname", name, "--skip-serve-logs"}
    assert set(command[len(service["command"]) :]) <= options
    assert service["stop_grace_period"] == f"{WORKER_GRACE_SECONDS // 60}m"


def test_the_emulator_is_the_same_program_behind_a_profile(services: dict[str, Any]) -> None:
    service = services["emulator"]

    assert service["command"][:3] == read_procfile()["emulator"].split()[:3]
    assert service["profiles"] == ["emulator"]


@pytest.mark.parametrize("name", [*AIRFLOW_SERVICES, "worker", "init"])
def test_an_airflow_service_knows_every_setting_the_embedded_one_has(
    services: dict[str, Any], embedded_environment: set[str], name: str
) -> None:
    # The home is the image's own business; secrets are files, for those who need them.
    expected = embedded_environment - {"AIRFLOW_HOME"} - EVERY_SECRET
    expected -= {command.removesuffix("_CMD") for command in COMMAND_OF}

    assert not expected - set(services[name]["environment"])


def test_the_settings_that_the_pipeline_depends_on_have_their_values(
    services: dict[str, Any], tmp_path: Path
) -> None:
    settings = Settings.load(data=tmp_path, environ={}, free_ports=True)
    needed = stack_environment().items()

    assert needed <= airflow_environment(settings).items()
    for name in (*AIRFLOW_SERVICES, "worker", "init"):
        assert needed <= services[name]["environment"].items(), name


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_celery_has_the_embedded_stacks_settings(
    services: dict[str, Any], tmp_path: Path, name: str
) -> None:
    environ = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
    settings = Settings.load(data=tmp_path, environ=environ, free_ports=True)
    needed = celery_environment().items()

    assert needed <= airflow_environment(settings).items()
    assert needed <= services[name]["environment"].items()


def test_compose_adds_only_what_several_machines_need(
    services: dict[str, Any], embedded_environment: set[str]
) -> None:
    added = set(services["scheduler"]["environment"]) - embedded_environment
    added -= set(celery_environment())

    assert {one for one in added if one.startswith(OURS) and one not in COMMAND_OF} == {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK",
        # Where secrets are, and where a read-only container may write
        "AIRFLOW_CONFIG",
        "AIRFLOW__SECRETS__BACKEND",
        "RECOMAMP_FERNET_KEY_FILE",
        # The embedded stack passes them on from its caller's environment, where they are set.
        "RECOMAMP_ALLOW_INSECURE_DATABASE",
        "RECOMAMP_ANSWER_LIMIT_BYTES",
        "RECOMAMP_ANSWER_LIMIT_SECONDS",
        "RECOMAMP_COMPARE_LIMIT_ROWS",
        "RECOMAMP_RESULT_DATA_RETENTION_DAYS",
        "RECOMAMP_RESULT_FILES_RETENTION_DAYS",
        "RECOMAMP_RESULT_LIMIT_BYTES",
        "RECOMAMP_RESULT_LIMIT_COLUMNS",
        "RECOMAMP_RESULT_LIMIT_PARTS",
        "RECOMAMP_RESULT_LIMIT_SECONDS",
        "RECOMAMP_WEBHOOK_ALLOW_HOSTS",
    }


def test_every_lasting_service_has_a_health_check(services: dict[str, Any]) -> None:
    without = {name for name, service in services.items() if "healthcheck" not in service}

    assert without == ONE_SHOT


def test_a_task_can_report_its_end_while_the_stack_stops(services: dict[str, Any]) -> None:
    assert "api-server" in services["worker"]["depends_on"]  # so it stops after the worker


def test_the_example_lists_every_variable_with_its_default() -> None:
    defaults = {name: default if kind == "-" else "" for name, kind, default in references()}

    assert example_values() == defaults


def test_every_setting_that_scaling_names_can_be_set() -> None:
    page = (ROOT / "docs" / "explanation" / "scaling.md").read_text(encoding="utf-8")
    table = page.partition("\n## Settings\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`((?:AIRFLOW__|RECOMAMP_)\w+)`", table))

    assert len(named) >= 7
    assert named <= {name for name, kind, _ in references() if kind == "-"}


def test_a_setting_of_the_environment_reaches_every_airflow_service(
    changed: dict[str, Any],
) -> None:
    for name in ("scheduler", "dag-processor", "triggerer", "worker"):
        assert CHANGES.items() <= changed[name]["environment"].items()


def test_every_variable_of_the_example_is_explained() -> None:
    lines = EXAMPLE_FILE.read_text(encoding="utf-8").splitlines()

    unexplained = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r"[A-Z]", line) and not re.match(r"# \S", before)
    ]
    assert not unexplained
