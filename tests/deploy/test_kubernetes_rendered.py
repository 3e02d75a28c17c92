"""What kubectl and Helm make of deploy/kubernetes (`make kubernetes-test`).

The manifests are always rendered. A release of Airflow's chart is rendered if CHART names the
chart, which no registry of packages has: `make kubernetes-test CHART=airflow-1.22.0.tgz`.
"""

from __future__ import annotations

import os
import re
import tarfile
from pathlib import Path

import pytest
import yaml

from fixtures.composition import ROOT
from fixtures.kubernetes import (
    MANIFESTS,
    Manifest,
    containers,
    of_kind,
    pod_specs,
    pods,
    secrets_of,
    values_files,
)
from fixtures.kubernetes_tools import FOREIGN, Tools

pytestmark = pytest.mark.long

CHART_VERSION = "1.22.0"
EXECUTORS = sorted(MANIFESTS)
FOLDERS = ["celery", "executor", "keda", "migrate"]
COMPONENTS = {"api-server", "dag-processor", "scheduler", "triggerer"}


def guide(language: str) -> list[str]:
    """Return the guide's blocks of a language."""
    page = ROOT / "docs" / "how-to" / "run-on-kubernetes.md"
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools(ROOT / "data" / "kubernetes-tools")


# --- The manifests -----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS)
def test_kubernetes_knows_every_key_of_the_manifests(tools: Tools, folder: str) -> None:
    rendered = tools.kustomize(folder)

    assert rendered
    assert [problem for one in rendered for problem in tools.problems(one)] == []
    assert {one["metadata"]["namespace"] for one in rendered} == {"recomamp"}
    assert bool({one["kind"] for one in rendered} & FOREIGN) == (folder == "keda")


def test_a_key_that_kubernetes_does_not_know_is_found(tools: Tools) -> None:
    (job,) = tools.kustomize("migrate")
    job["spec"]["template"]["spec"]["initContainer"] = []

    assert any("initContainer" in problem for problem in tools.problems(job))


def test_one_change_names_the_image_of_every_pod(tools: Tools) -> None:
    for folder in ("celery", "migrate"):
        overlay = ROOT / "data" / "kubernetes-tools" / f"overlay-{folder}"
        overlay.mkdir(parents=True, exist_ok=True)
        image = {"name": "recomamp-pipeline", "newName": "images.test/ours", "newTag": "7"}
        text = {"resources": [f"../../../deploy/kubernetes/{folder}"], "images": [image]}
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump(text))

        found = pod_specs(tools.kustomize(str(overlay)))
        images = {one["image"] for pod in found.values() for one in containers(pod)}
        assert images - {"redis:7.2-bookworm"} == {"images.test/ours:7"}


def test_the_overlay_of_the_guide_changes_what_it_says(tools: Tools) -> None:
    overlay = ROOT / "data" / "kubernetes-tools" / "overlay-guide"
    overlay.mkdir(parents=True, exist_ok=True)
    text = guide("yaml")[0].replace("../deploy/", "../../../deploy/")
    (overlay / "kustomization.yaml").write_text(text)

    rendered, plain = tools.kustomize(str(overlay)), tools.kustomize("celery")
    settings, unchanged = (of_kind(one, "ConfigMap")[0]["data"] for one in (rendered, plain))
    changed = {name for name in settings if settings[name] != unchanged.get(name)}
    volumes = of_kind(rendered, "PersistentVolumeClaim")

    assert [problem for one in rendered for problem in tools.problems(one)] == []
    assert [one["metadata"]["name"] for one in rendered] == [
        one["metadata"]["name"] for one in plain
    ]
    # The address in the guide is that of settings.env
    assert changed == {"PGSSLROOTCERT"}
    assert {one["spec"]["storageClassName"] for one in volumes} == {"shared"}


# --- The chart's release -----------------------------------------------------------------------


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def release(tools: Tools, executor: str) -> list[Manifest]:
    chart = Path(os.environ["CHART_OF_AIRFLOW"])
    if chart.is_dir():
        described = (chart / "Chart.yaml").read_bytes()
    else:
        with tarfile.open(chart) as archive:
            member = archive.extractfile("airflow/Chart.yaml")
            assert member
            described = member.read()
    assert yaml.safe_load(described)["version"] == CHART_VERSION
    return tools.release(chart, values_files(executor))


@pytest.fixture
def found(release: list[Manifest], executor: str) -> dict[str, Manifest]:
    """Return the pods of the release, with the one that KubernetesExecutor makes for a task."""
    specs = pod_specs(release)
    if executor == "kubernetes":
        (config,) = of_kind(release, "ConfigMap")
        specs["worker"] = yaml.safe_load(config["data"]["pod_template_file.yaml"])["spec"]
    return specs


def test_kubernetes_knows_every_key_of_the_release(tools: Tools, release: list[Manifest]) -> None:
    assert [problem for one in release for problem in tools.problems(one)] == []


def test_the_values_of_the_guide_give_the_release_an_ingress_and_another_image(
    tools: Tools, executor: str
) -> None:
    own = ROOT / "data" / "kubernetes-tools" / "values-guide.yaml"
    own.write_text(guide("yaml")[1])
    release = tools.release(Path(os.environ["CHART_OF_AIRFLOW"]), [*values_files(executor), own])

    (ingress,) = of_kind(release, "Ingress")
    assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    images = {one["image"] for pod in pod_specs(release).values() for one in containers(pod)}
    assert images == {"images.example.com/recomamp-pipeline:3.3.2"}
    assert [problem for one in release for problem in tools.problems(one)] == []


def test_the_release_has_the_components_and_nothing_else(found: dict[str, Manifest]) -> None:
    assert set(found) == COMPONENTS | {"worker"}


def test_the_release_makes_no_secret(release: list[Manifest]) -> None:
    assert of_kind(release, "Secret") == []


def test_the_release_gives_nobody_rights_in_the_cluster(release: list[Manifest]) -> None:
    assert of_kind(release, "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding") == []


def test_each_container_of_the_release_has_the_secrets_of_the_values(
    found: dict[str, Manifest], executor: str
) -> None:
    expected = pods(executor)
    for name, pod in found.items():
        container = "base" if (name, executor) == ("worker", "kubernetes") else name
        main = next(one for one in pod["containers"] if one["name"] == container)
        wanted = next(one for one in expected[name]["containers"])
        assert secrets_of(pod, main) == secrets_of(expected[name], wanted), name
        assert len(pod["containers"]) == 1, name


def test_each_container_of_the_release_is_confined(found: dict[str, Manifest]) -> None:
    for name, pod in found.items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["enableServiceLinks"] is False, name
        for container in containers(pod):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            mounts = {one["mountPath"] for one in container["volumeMounts"]}
            assert "/tmp" in mounts or container["name"] == "passwords", name  # noqa: S108
            assert all("valueFrom" not in one for one in container.get("env", [])), name
            assert container["resources"]["limits"]["memory"], name


def test_the_release_runs_our_image_and_nothing_that_it_does_not_have(
    found: dict[str, Manifest],
) -> None:
    for name, pod in found.items():
        for container in containers(pod):
            assert container["image"] == "recomamp-pipeline:3.3.2", name
            text = yaml.safe_dump(container)
            assert "/entrypoint" not in text, name
            assert "/clean-logs" not in text, name
            assert "bash" not in text, name


def test_no_account_of_the_release_gets_a_token_of_kubernetes(release: list[Manifest]) -> None:
    accounts = of_kind(release, "ServiceAccount")

    assert {one.get("automountServiceAccountToken") for one in accounts} == {False}
    # The name that the Role of deploy/kubernetes/executor is bound to
    assert "airflow-scheduler" in {one["metadata"]["name"] for one in accounts}


def test_the_policies_and_services_of_ours_select_the_pods_of_the_release(
    tools: Tools, release: list[Manifest], executor: str
) -> None:
    labels = {
        one["spec"]["template"]["metadata"]["labels"]["component"]: one["spec"]["template"][
            "metadata"
        ]["labels"]
        for one in of_kind(release, "Deployment", "StatefulSet")
    }
    if executor == "kubernetes":
        (config,) = of_kind(release, "ConfigMap")
        template = yaml.safe_load(config["data"]["pod_template_file.yaml"])
        labels["worker"] = template["metadata"]["labels"]

    assert {name: one["tier"] for name, one in labels.items()} == dict.fromkeys(labels, "airflow")
    assert {name: one["component"] for name, one in labels.items()} == {one: one for one in labels}
    (service,) = (
        one
        for one in of_kind(tools.kustomize(MANIFESTS[executor]), "Service")
        if one["metadata"]["name"] == "api-server"
    )
    assert service["spec"]["selector"].items() <= labels["api-server"].items()


def test_one_pod_at_a_time_of_the_release_leaves_its_node(release: list[Manifest]) -> None:
    budgets = of_kind(release, "PodDisruptionBudget")
    kept = {one["spec"]["selector"]["matchLabels"]["component"] for one in budgets}

    assert kept == set(pod_specs(release))
    assert all(one["spec"]["maxUnavailable"] == 1 for one in budgets)
