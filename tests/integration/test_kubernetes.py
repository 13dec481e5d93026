"""The overlays as Kustomize builds them: valid for Kubernetes, consistent, and safe."""

from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from tests.integration.kustomize import build, skip_without_kustomize
from tests.manifests import OVERLAYS, Document, container, one

skip_without_kustomize()

VERSIONS = ("1.30", "1.34", "1.37")
"""The oldest that has all that the files use (`preStop.sleep`), and two newer ones."""
CUSTOM = {"ScaledObject", "TriggerAuthentication"}
"""Kinds that are not Kubernetes' own. test_kubernetes_manifests.py checks them."""


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def built(overlay: str) -> tuple[Document, ...]:
    return build(overlay)


def workloads(built: tuple[Document, ...]) -> list[Document]:
    return [each for each in built if each["kind"] in {"Deployment", "StatefulSet"}]


def labels_of(workload: Document) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def references(node: Any, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the values of every member of this name, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == kind:
                yield value
            yield from references(value, kind)
    elif isinstance(node, list):
        for each in node:
            yield from references(each, kind)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_valid_without_unknown_members(
    built: tuple[Document, ...], version: str
) -> None:
    own = [each for each in built if each["kind"] not in CUSTOM]

    assert len(own) > 10
    for document in own:
        assert kubernetes_validate.validate(document, version, strict=True) == version


def test_a_misspelt_member_is_found(built: tuple[Document, ...]) -> None:
    worker = one(built, "Deployment", "task-manager-worker")
    wrong = {**worker, "spec": {**worker["spec"], "replica": 1}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_each_overlay_has_the_parts_that_it_names(
    overlay: str, built: tuple[Document, ...]
) -> None:
    own = {"development": {"StatefulSet"}, "production": {"ScaledObject"}}[overlay]
    deployed = {each["metadata"]["name"] for each in workloads(built)} - {"task-manager-redis"}

    assert deployed == {f"task-manager-{part}" for part in ("api", "worker", "maintenance")}
    assert {"PodDisruptionBudget", "NetworkPolicy", "Service", "ConfigMap", *own} <= {
        each["kind"] for each in built
    }
    [namespace] = {each["metadata"].get("namespace") for each in built} - {None}
    assert one(built, "Namespace")["metadata"]["name"] == namespace
    assert "Secret" not in {each["kind"] for each in built}


def test_no_pod_has_rights_that_it_does_not_need(built: tuple[Document, ...]) -> None:
    enforced = one(built, "Namespace")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload in workloads(built):
        pod, only = workload["spec"]["template"]["spec"], container(workload)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "hostPath" not in str(pod)


def test_every_pod_has_resources_and_a_probe(built: tuple[Document, ...]) -> None:
    for workload in workloads(built):
        only = container(workload)
        assert set(only["resources"]["requests"]) == {"cpu", "memory"}
        assert only["resources"]["limits"]["memory"]
        assert only["readinessProbe"]
        assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 30


def test_every_reference_leads_to_something(overlay: str, built: tuple[Document, ...]) -> None:
    config = one(built, "ConfigMap")["metadata"]["name"]
    for workload in workloads(built):
        used = list(references(workload, "configMapRef"))
        assert used == ([] if workload["kind"] == "StatefulSet" else [{"name": config}])
        mounted = {mount["name"] for mount in container(workload)["volumeMounts"]}
        volumes = {each["name"] for each in workload["spec"]["template"]["spec"].get("volumes", [])}
        claims = {
            each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", [])
        }
        assert mounted == volumes | claims
        secrets = {each["secretName"] for each in references(workload, "secret")}
        expected = {"task-manager-redis"} if overlay == "production" else set()
        assert secrets == expected


def test_every_selector_selects_a_pod(built: tuple[Document, ...]) -> None:
    pods = [labels_of(each) for each in workloads(built)]
    for workload in workloads(built):
        selector = workload["spec"]["selector"]
        assert [labels for labels in pods if selects(selector, labels)] == [labels_of(workload)]
    for service in (each for each in built if each["kind"] == "Service"):
        assert any(selects({"matchLabels": service["spec"]["selector"]}, pod) for pod in pods)
    for kind, member in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for each in (each for each in built if each["kind"] == kind):
            assert any(selects(each["spec"][member], pod) for pod in pods), each


def test_the_parts_spread_over_nodes_and_survive_a_drain(built: tuple[Document, ...]) -> None:
    for workload in (each for each in workloads(built) if each["kind"] == "Deployment"):
        spread = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        assert all(selects(each["labelSelector"], labels_of(workload)) for each in spread)
        budget = one(built, "PodDisruptionBudget", workload["metadata"]["name"])
        assert selects(budget["spec"]["selector"], labels_of(workload))
        assert budget["spec"]["maxUnavailable"] == 1


def test_nothing_reaches_a_pod_unless_a_policy_allows_it(built: tuple[Document, ...]) -> None:
    policies = [each["spec"] for each in built if each["kind"] == "NetworkPolicy"]
    closed = one(built, "NetworkPolicy", "task-manager")["spec"]

    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in closed
    assert {port["port"] for rule in closed["egress"] for port in rule["ports"]} == {53}
    for workload in workloads(built):
        assert selects(closed["podSelector"], labels_of(workload))
    for policy in policies:
        assert all(rule.get("from") for rule in policy.get("ingress", []))
    metadata = [
        block for policy in policies for block in references(policy, "ipBlock")
        if block["cidr"] == "0.0.0.0/0"
    ]  # fmt: skip
    assert metadata
    assert all("169.254.0.0/16" in block["except"] for block in metadata)


def test_production_runs_two_of_each_part_and_the_workers_as_the_scaler_says() -> None:
    built = build("production")
    replicas = {each["metadata"]["name"]: each["spec"].get("replicas") for each in workloads(built)}

    assert replicas == {
        "task-manager-api": 2,
        "task-manager-maintenance": 2,
        "task-manager-worker": None,
    }
    assert one(built, "ScaledObject")["spec"]["minReplicaCount"] == 2
    images = {container(each)["image"] for each in workloads(built)}
    assert images == {"registry.example.com/task-manager-api:0.1.0"}
