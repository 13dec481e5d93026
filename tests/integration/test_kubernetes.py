"""The overlays as Kustomize builds them. Unit tests check the files themselves."""

import kubernetes_validate
import pytest

from tests.integration.kustomize import build, skip_without_kustomize
from tests.manifests import OVERLAYS, Document, container, named, one

skip_without_kustomize()

VERSION = "1.37"
CUSTOM = {"ScaledObject", "TriggerAuthentication"}
"""Kinds that are not Kubernetes' own."""


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def built(overlay: str) -> tuple[Document, ...]:
    return build(overlay)


def deployments(built: tuple[Document, ...]) -> list[Document]:
    return [each for each in built if each["kind"] == "Deployment"]


def test_what_is_built_is_valid_and_complete(overlay: str, built: tuple[Document, ...]) -> None:
    for document in built:
        if document["kind"] not in CUSTOM:
            assert kubernetes_validate.validate(document, VERSION, strict=True) == VERSION
    made = {(each["kind"], each["metadata"]["name"]) for each in built}
    generated = ("ConfigMap", one(built, "ConfigMap")["metadata"]["name"])
    files = {(each["kind"], each["metadata"]["name"]) for each in named(overlay)}
    assert made == files | {generated}


def test_everything_is_in_the_namespace(built: tuple[Document, ...]) -> None:
    namespace = one(built, "Namespace")["metadata"]["name"]
    for each in built:
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == namespace


def test_the_pods_have_the_generated_settings_and_the_mounted_secrets(
    overlay: str, built: tuple[Document, ...]
) -> None:
    config = one(built, "ConfigMap")["metadata"]["name"]
    assert config.startswith("task-manager-"), "the hash of the values"
    for deployment in deployments(built):
        only, pod = container(deployment), deployment["spec"]["template"]["spec"]
        assert only["envFrom"] == [{"configMapRef": {"name": config}}]
        volumes = {each["name"]: each for each in pod["volumes"]}
        assert {mount["name"] for mount in only["volumeMounts"]} == volumes.keys()
        secrets = {each["secret"]["secretName"] for each in volumes.values() if "secret" in each}
        assert secrets == ({"task-manager-redis"} if overlay == "production" else set())


def test_production_runs_two_of_each_part_and_the_workers_as_the_scaler_says() -> None:
    built = build("production")
    replicas = {
        each["metadata"]["name"]: each["spec"].get("replicas") for each in deployments(built)
    }

    assert replicas == {
        "task-manager-api": 2,
        "task-manager-maintenance": 2,
        "task-manager-worker": None,
    }
    assert one(built, "ScaledObject")["spec"]["minReplicaCount"] == 2
    images = {container(each)["image"] for each in deployments(built)}
    assert images == {"registry.example.com/task-manager-api:0.1.0"}
