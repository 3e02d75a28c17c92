"""deploy/kubernetes runs what docker-compose.yaml runs, with the same secrets and settings."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.secret_files import GENERATED, OPTIONAL, TEMPLATES
from fixtures.composition import COMPOSE_FILE, REFERENCE
from fixtures.kubernetes import (
    FOLDER,
    MANIFESTS,
    Manifest,
    airflow_settings,
    containers,
    manifests,
    of_kind,
    pipeline_settings,
    pod_specs,
    pods,
    secrets_of,
    values,
)
from recomamp.domain.airflow_settings import AIRFLOW_SETTINGS, stack_environment

EXECUTORS = sorted(MANIFESTS)
EVERY_SECRET = {*GENERATED, *TEMPLATES, *OPTIONAL}
AUTHORITY = "database-ca.pem"
# The secret that each command prints
PRINTED = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "POSTGRES_PASSWORD",
    "AIRFLOW__CELERY__BROKER_URL_CMD": "REDIS_PASSWORD",
    "AIRFLOW__CORE__FERNET_KEY_CMD": "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY_CMD": "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET_CMD": "AIRFLOW__API_AUTH__JWT_SECRET",
}
CHART_COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer", "worker")
BROKER = {"REDIS_PASSWORD"}
# A pod of one task calls the API server alone: neither Airflow's database nor readers of its logs
ONLY_CELERY_WORKERS = {"POSTGRES_PASSWORD", "AIRFLOW__API__SECRET_KEY"} | BROKER


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the services of the Compose file, with the defaults of their settings."""
    text = REFERENCE.sub(lambda match: match[3] or "", COMPOSE_FILE.read_text(encoding="utf-8"))
    return dict(yaml.safe_load(text)["services"])


def held(pod: Manifest) -> dict[str, set[str]]:
    return {one["name"]: secrets_of(pod, one) for one in containers(pod)}


# --- Secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", EXECUTORS)
def test_each_component_has_the_secrets_that_it_has_in_compose(
    executor: str, compose: dict[str, Any]
) -> None:
    expected = {name: set(compose[name]["secrets"]) for name in (*CHART_COMPONENTS, "follower")}
    # Airflow's database is outside the cluster, so its certificate is checked
    expected["scheduler"] |= {AUTHORITY}
    if executor == "kubernetes":
        expected["scheduler"] -= BROKER
        expected["worker"] -= ONLY_CELERY_WORKERS
    else:
        expected["redis"] = set(compose["redis"]["secrets"])

    found = {name: held(pod)[name] for name, pod in pods(executor).items() if name != "migrate"}
    assert found == expected


@pytest.mark.parametrize("executor", EXECUTORS)
def test_init_is_a_job_and_a_step_before_the_api_server(
    executor: str, compose: dict[str, Any]
) -> None:
    found = pods(executor)
    job, sign_in = held(found["migrate"])["migrate"], held(found["api-server"])["passwords"]

    assert job | sign_in == set(compose["init"]["secrets"])
    assert sign_in == {"AIRFLOW_CONN_AIRFLOW_API", "RECOMAMP_UI_PASSWORD"}


def test_the_job_checks_every_secret_before_it_migrates() -> None:
    (check, *others) = pods("celery")["migrate"]["initContainers"]

    assert not others
    assert check["command"][1:] == ["include/compose/secret_files.py", "check", "/run/secrets"]
    (mount,) = check["volumeMounts"]
    (volume,) = (
        one for one in pods("celery")["migrate"]["volumes"] if one["name"] == mount["name"]
    )
    assert volume["secret"]["secretName"] == "recomamp-secrets"
    assert "items" not in volume["secret"]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_command_prints_a_secret_that_its_container_has(executor: str) -> None:
    for name, pod in pods(executor).items():
        for container in containers(pod):
            commands = {
                one["name"]: one["value"]
                for one in container.get("env", [])
                if one["name"].endswith("_CMD")
            }
            for variable, command in commands.items():
                assert f"/run/secrets/{PRINTED[variable]}" in command
            if container["name"] in CHART_COMPONENTS:
                assert {PRINTED[one] for one in commands} == secrets_of(pod, container) & set(
                    PRINTED.values()
                ), name


def test_no_secret_is_an_environment_variable() -> None:
    for executor in EXECUTORS:
        given = values(executor)
        assert set(given["enableBuiltInSecretEnvVars"].values()) == {False}
        assert not given.get("secret")
        for pod in pods(executor).values():
            for container in containers(pod):
                for variable in container.get("env", []):
                    assert "valueFrom" not in variable
                    assert variable["name"] not in EVERY_SECRET
                assert all("secretRef" not in one for one in container.get("envFrom", []))
        assert not EVERY_SECRET & {*pipeline_settings(), *airflow_settings(executor)}


def test_the_settings_file_holds_no_password() -> None:
    for name, value in pipeline_settings().items():
        if re.search(r"PASSWORD|SECRET|_KEY|_URI$", name):
            assert name.endswith("_FILE") or name == "AIRFLOW__SECRETS__BACKEND", name
        assert "@" not in value


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD",
            "postgresql+psycopg2://airflow:a-word_1@database.test:5432/airflow",
        ),
        ("AIRFLOW__CELERY__BROKER_URL_CMD", "redis://:a-word_1@redis:6379/0"),
    ],
)
def test_airflow_makes_an_address_of_a_password(
    tmp_path: Path, variable: str, expected: str
) -> None:
    (tmp_path / PRINTED[variable]).write_text("a-word_1\n")
    (container,) = pods("celery")["worker"]["containers"]
    (command,) = (one["value"] for one in container["env"] if one["name"] == variable)
    # Kubernetes takes a doubled dollar for one, and replaces $(NAME) by a variable
    assert not re.search(r"(?<!\$)\$\(", command)

    done = subprocess.run(
        shlex.split(command.replace("$$", "$").replace("/run/secrets", str(tmp_path))),
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "AIRFLOW_DATABASE_ADDRESS": "database.test:5432/airflow"},
    )
    assert done.stdout == expected


def test_a_component_without_kubernetes_has_no_token_for_it() -> None:
    for executor in EXECUTORS:
        given = values(executor)
        components = [
            given[name] for name in ("apiServer", "scheduler", "dagProcessor", "triggerer")
        ]
        components.append(given["workers"][executor])
        assert {one["serviceAccount"]["automountServiceAccountToken"] for one in components} == {
            False
        }
        tokens = {
            name
            for name, pod in pods(executor).items()
            if "serviceAccountToken" in json.dumps(pod["volumes"])
        }
        assert tokens == ({"scheduler"} if executor == "kubernetes" else set())
        assert given["allowPodLaunching"] is (executor == "kubernetes")
    for name, pod in pod_specs(manifests("celery", "migrate")).items():
        assert pod["automountServiceAccountToken"] is False, name


def test_only_the_scheduler_may_start_pods_and_nobody_may_enter_one() -> None:
    assert not of_kind(manifests("celery"), "Role", "RoleBinding")
    (role,) = of_kind(manifests("executor"), "Role")
    (binding,) = of_kind(manifests("executor"), "RoleBinding")

    assert [one["name"] for one in binding["subjects"]] == ["airflow-scheduler"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert {name for rule in role["rules"] for name in rule["resources"]} == {
        "events", "pods", "pods/log",
    }  # fmt: skip


# --- What runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*CHART_COMPONENTS, "follower"])
def test_a_component_runs_the_command_that_it_runs_in_compose(
    name: str, compose: dict[str, Any]
) -> None:
    (container,) = pods("celery")[name]["containers"]

    assert container["args"] == compose[name]["command"]


def test_the_job_migrates_as_init_does(compose: dict[str, Any]) -> None:
    (job,) = pods("celery")["migrate"]["containers"]
    init = compose["init"]["command"][-1].replace("$$", "$").splitlines()

    assert job["command"][-1].splitlines() == init[1:]
    (passwords,) = pods("celery")["api-server"]["initContainers"]
    command = passwords["command"][-1].removeprefix("umask 077; ")
    assert command != passwords["command"][-1]
    assert command in init[0]


def test_no_probe_or_command_needs_a_script_that_the_image_does_not_have() -> None:
    for executor in EXECUTORS:
        given = values(executor)
        for name in ("scheduler", "dagProcessor", "triggerer"):
            assert given[name]["livenessProbe"]["command"], name
            assert given[name]["logGroomerSidecar"]["enabled"] is False, name
        assert given["scheduler"]["startupProbe"]["command"]
    workers = values("celery")["workers"]["celery"]
    assert workers["livenessProbe"]["command"]
    assert workers["logGroomerSidecar"]["enabled"] is False


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_settings_are_those_of_compose(executor: str, compose: dict[str, Any]) -> None:
    found = airflow_settings(executor) | pipeline_settings()
    expected = {
        name: "on" if value is True else " ".join(str(value or "").split())  # YAML reads on as true
        for name, value in compose["worker"]["environment"].items()
        if not name.endswith("_CMD") and (executor == "celery" or "CELERY" not in name)
    }
    # The chart sets the executor and the address of its API server; it writes the file of settings
    for name in ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"):
        del expected[name]
    del expected["AIRFLOW_CONFIG"], expected["TMPDIR"]
    bundles = json.loads(expected.pop("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"))

    assert {name: found.get(name) for name in expected} == expected
    assert values(executor)["dagProcessor"]["dagBundleConfigList"] == bundles


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_settings_that_the_pipeline_depends_on_have_their_values(executor: str) -> None:
    found = airflow_settings(executor)
    bundles = stack_environment()["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"]

    assert [one for one in AIRFLOW_SETTINGS if not one.allows(found[one.environment_name])] == []
    assert values(executor)["dagProcessor"]["dagBundleConfigList"] == json.loads(bundles)


def test_workers_run_as_many_tasks_as_the_schedulers_start() -> None:
    given = values("celery")
    started = given["scheduler"]["replicas"] * given["config"]["core"]["parallelism"]
    for_each = given["config"]["celery"]["worker_concurrency"]

    # A task that waits for a worker is queued a second time
    assert started <= given["workers"]["celery"]["replicas"] * for_each
    (scaler,) = of_kind(manifests("keda"), "ScaledObject")
    assert started <= scaler["spec"]["maxReplicaCount"] * for_each
    (trigger,) = scaler["spec"]["triggers"]
    assert trigger["metadata"]["targetQueryValue"] == str(for_each)
    assert scaler["spec"]["minReplicaCount"] >= 1


def test_one_volume_is_written_by_what_writes_it_in_compose(compose: dict[str, Any]) -> None:
    for name in ("results", "snapshots"):
        in_compose = {
            service: not volume.endswith(":ro")
            for service, one in compose.items()
            for volume in one.get("volumes", [])
            if volume.startswith(f"{name}:")
        }
        for executor in EXECUTORS:
            found = {
                service: not mount.get("readOnly", False)
                for service, pod in pods(executor).items()
                for container in pod["containers"]
                for mount in container["volumeMounts"]
                if mount["name"] == name
            }
            assert found == in_compose, name


# --- Networks ----------------------------------------------------------------------------------


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    among = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in among)
    return wanted <= labels.items() and all(
        labels.get(one["key"]) in one["values"] for one in among
    )


class Network:
    """Answers who may reach whom, as Kubernetes reads the policies: what none allows is denied."""

    def __init__(self, executor: str) -> None:
        self.policies = of_kind(manifests(MANIFESTS[executor]), "NetworkPolicy")
        self.labels = {name: {"tier": "airflow", "component": name} for name in pods(executor)}
        if "redis" in self.labels:
            self.labels["redis"] = {"component": "redis"}

    def rules(self, name: str, direction: str) -> Iterable[Manifest]:
        for policy in self.policies:
            if selects(policy["spec"]["podSelector"], self.labels[name]):
                yield from policy["spec"].get(direction, [])

    def allows(self, name: str, direction: str, peer: str, port: int) -> bool:
        side = {"egress": "to", "ingress": "from"}[direction]
        return any(
            port in [one["port"] for one in rule["ports"]]
            and any(
                selects(one["podSelector"], self.labels[peer])
                for one in rule[side]
                if "podSelector" in one
            )
            for rule in self.rules(name, direction)
        )

    def reaches(self, source: str, target: str, port: int) -> bool:
        return self.allows(source, "egress", target, port) and self.allows(
            target, "ingress", source, port
        )

    def outside(self, name: str) -> dict[int, list[Manifest]]:
        """Return the blocks of addresses that a component reaches, by port."""
        found: dict[int, list[Manifest]] = {}
        for rule in self.rules(name, "egress"):
            blocks = [one["ipBlock"] for one in rule["to"] if "ipBlock" in one]
            for port in rule["ports"]:
                if blocks:
                    found.setdefault(port["port"], []).extend(blocks)
        return found


@pytest.mark.parametrize("executor", EXECUTORS)
def test_nothing_is_allowed_but_what_a_policy_says(executor: str) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in Network(executor).policies}

    assert policies["deny-everything"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert values(executor)["networkPolicies"]["enabled"] is False


@pytest.mark.parametrize("executor", EXECUTORS)
def test_components_reach_each_other_as_in_compose(executor: str) -> None:
    network = Network(executor)
    ports = {"api-server": 8080, "worker": 8793, "triggerer": 8794, "redis": 6379}
    found = {
        (source, target)
        for source in network.labels
        for target, port in ports.items()
        if target in network.labels and source != target and network.reaches(source, target, port)
    }
    # The networks `api` and `broker`
    expected = {(name, "api-server") for name in ("follower", "triggerer", "worker")}
    expected |= {("api-server", "triggerer"), ("api-server", "worker")}  # logs
    if executor == "celery":
        expected |= {("scheduler", "redis"), ("worker", "redis")}

    assert found == expected


@pytest.mark.parametrize("executor", EXECUTORS)
def test_who_holds_the_secret_of_a_place_reaches_it_and_nobody_else(executor: str) -> None:
    network, found = Network(executor), pods(executor)
    databases = {
        "AIRFLOW_CONN_RECOMAMP_CONSOLE_DB", "AIRFLOW_CONN_RECOMAMP_DB", "POSTGRES_PASSWORD",
        "RECOMAMP_MIGRATE_URI",
    }  # fmt: skip
    for name in network.labels:
        secrets, outside = held(found[name])[name], network.outside(name)
        assert (5432 in outside) == bool(secrets & databases), name
        assert (587 in outside) == ("AIRFLOW_CONN_SMTP_DEFAULT" in secrets), name
        # Amazon; webhooks; the storage of results
        calls = name in ("api-server", "follower") or "AIRFLOW_CONN_AMAZON_ADS" in secrets
        starts_pods = executor == "kubernetes" and name == "scheduler"
        assert (443 in outside) == (calls or starts_pods), name
        assert (6443 in outside) == starts_pods, name
        assert set(outside) <= {443, 465, 587, 5432, 6443}, name
        # Never the address at which a cloud gives a node's credentials
        for blocks in outside.values():
            assert all("169.254.0.0/16" in one["except"] for one in blocks), name


def test_what_users_address_is_never_inside_the_cluster() -> None:
    network = Network("celery")
    for name in ("api-server", "follower", "triggerer", "worker"):
        for block in network.outside(name)[443]:
            assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"} <= set(
                block["except"]
            )


# --- Confinement -------------------------------------------------------------------------------


def test_every_pod_of_ours_meets_the_standard_restricted() -> None:
    for name, pod in pod_specs(manifests("celery", "migrate")).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["enableServiceLinks"] is False, name
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"], name


def test_the_charts_pods_are_confined_alike() -> None:
    for executor in EXECUTORS:
        contexts = values(executor)["securityContexts"]
        follower = pod_specs(manifests("base"))["follower"]
        assert contexts["pod"] == follower["securityContext"]
        assert contexts["containers"] == follower["containers"][0]["securityContext"]


def test_every_kustomization_is_of_one_namespace_and_one_image() -> None:
    files = sorted(FOLDER.rglob("kustomization.yaml"))
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]

    assert {one["namespace"] for one in found} == {"recomamp"}
    images = [image for one in found for image in one.get("images", [])]
    tag = values("celery")["defaultAirflowTag"]
    assert {(image["newName"], image["newTag"]) for image in images} == {("recomamp-pipeline", tag)}
