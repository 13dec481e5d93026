"""The documents of the overlays in deploy/kubernetes: valid, consistent, and safe."""

from typing import Any

import kubernetes_validate
import pytest

from tests import manifests
from tests.manifests import OVERLAYS, Document, container, one

VERSIONS = ("1.30", "1.34", "1.37")
"""The oldest that has all that the files use (`preStop.sleep`), and two newer ones."""
CUSTOM = {"ScaledObject", "TriggerAuthentication"}
"""Kinds that are not Kubernetes' own. test_kubernetes_manifests.py checks them."""


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def documents(overlay: str) -> list[Document]:
    return manifests.named(overlay)


def workloads(documents: list[Document]) -> list[Document]:
    return [each for each in documents if each["kind"] in {"Deployment", "StatefulSet"}]


def labels_of(workload: Document) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_valid_without_unknown_members(
    documents: list[Document], version: str
) -> None:
    own = [each for each in documents if each["kind"] not in CUSTOM]

    assert len(own) > 10
    for document in own:
        assert kubernetes_validate.validate(document, version, strict=True) == version


def test_a_misspelt_member_is_found(documents: list[Document]) -> None:
    worker = one(documents, "Deployment", "task-manager-worker")
    wrong = {**worker, "spec": {**worker["spec"], "replica": 1}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_each_overlay_has_the_parts_that_it_names(overlay: str, documents: list[Document]) -> None:
    own = {"development": {"StatefulSet"}, "production": {"ScaledObject"}}[overlay]
    deployed = {each["metadata"]["name"] for each in workloads(documents)} - {"task-manager-redis"}

    assert deployed == {f"task-manager-{part}" for part in ("api", "worker", "maintenance")}
    assert {"PodDisruptionBudget", "NetworkPolicy", "Service", *own} <= {
        each["kind"] for each in documents
    }
    namespace = manifests.read(f"{overlay}/kustomization.yaml")[0]["namespace"]
    assert one(documents, "Namespace")["metadata"]["name"] == namespace
    assert "Secret" not in {each["kind"] for each in documents}


def test_no_pod_has_rights_that_it_does_not_need(documents: list[Document]) -> None:
    enforced = one(documents, "Namespace")["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload in workloads(documents):
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


def test_every_pod_has_resources_and_a_probe(documents: list[Document]) -> None:
    for workload in workloads(documents):
        only = container(workload)
        assert set(only["resources"]["requests"]) == {"cpu", "memory"}
        assert only["resources"]["limits"]["memory"]
        assert only["readinessProbe"]
        assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 30


def test_every_process_has_the_settings_and_every_mount_a_volume(
    overlay: str, documents: list[Document]
) -> None:
    [generated] = manifests.read(f"{overlay}/kustomization.yaml")[0]["configMapGenerator"]
    for workload in workloads(documents):
        given = container(workload).get("envFrom", [])
        expected = [{"configMapRef": {"name": generated["name"]}}]
        assert given == ([] if workload["kind"] == "StatefulSet" else expected)
        pod = workload["spec"]["template"]["spec"]
        claims = [each["metadata"] for each in workload["spec"].get("volumeClaimTemplates", [])]
        volumes = {each["name"] for each in [*pod.get("volumes", []), *claims]}
        assert {mount["name"] for mount in container(workload)["volumeMounts"]} == volumes


def test_every_selector_selects_a_pod(documents: list[Document]) -> None:
    pods = [labels_of(each) for each in workloads(documents)]
    for workload in workloads(documents):
        selector = workload["spec"]["selector"]
        assert [labels for labels in pods if selects(selector, labels)] == [labels_of(workload)]
    for service in (each for each in documents if each["kind"] == "Service"):
        assert any(selects({"matchLabels": service["spec"]["selector"]}, pod) for pod in pods)
    for kind, member in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for each in (each for each in documents if each["kind"] == kind):
            assert any(selects(each["spec"][member], pod) for pod in pods), each


def test_the_parts_spread_over_nodes_and_survive_a_drain(documents: list[Document]) -> None:
    for workload in (each for each in workloads(documents) if each["kind"] == "Deployment"):
        spread = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == [
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        ]
        assert all(selects(each["labelSelector"], labels_of(workload)) for each in spread)
        budget = one(documents, "PodDisruptionBudget", workload["metadata"]["name"])
        assert selects(budget["spec"]["selector"], labels_of(workload))
        assert budget["spec"]["maxUnavailable"] == 1


def test_nothing_reaches_a_pod_unless_a_policy_allows_it(documents: list[Document]) -> None:
    policies = [each["spec"] for each in documents if each["kind"] == "NetworkPolicy"]
    closed = one(documents, "NetworkPolicy", "task-manager")["spec"]

    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in closed
    assert {port["port"] for rule in closed["egress"] for port in rule["ports"]} == {53}
    for workload in workloads(documents):
        assert selects(closed["podSelector"], labels_of(workload))
    for policy in policies:
        assert all(rule.get("from") for rule in policy.get("ingress", []))
    everywhere = [
        peer["ipBlock"]
        for policy in policies
        for rule in policy.get("egress", [])
        for peer in rule.get("to", [])
        if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
    ]
    assert everywhere
    assert all("169.254.0.0/16" in block["except"] for block in everywhere)
