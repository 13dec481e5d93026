"""The files in deploy/kubernetes name what the service and its image have."""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
from flask.testing import FlaskClient

from domain.access import PERMISSIONS, Role
from entrypoints.api.access.needed import NEEDED
from entrypoints.api.origins import AllowedHosts
from entrypoints.api.schemas.scaling import ScalingQuery, ScalingResponse
from entrypoints.cli import main
from entrypoints.environment import load_settings
from tests import manifests
from tests.keda import SCALED_OBJECT, TRIGGER_AUTHENTICATION
from tests.manifests import OVERLAYS, ROOT, Document, container, one
from tests.unit.application.simulated_cluster import EXIT_SECONDS

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
WORKLOADS = ("api", "worker", "maintenance")
PORT = 5_000


@pytest.fixture(params=WORKLOADS)
def part(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def deployment(part: str) -> Document:
    return one(manifests.read(f"base/{part}.yaml"), "Deployment")


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def scaled_object() -> Document:
    return one(manifests.read("production/scaling.yaml"), "ScaledObject")


def image_environment() -> dict[str, str]:
    """Return the settings that the image has already."""
    return dict(re.findall(r"^ +(TASKS_\w+)=(\S+)", DOCKERFILE, re.MULTILINE))


def namespace_of(overlay: str) -> str:
    name: str = manifests.read(f"{overlay}/kustomization.yaml")[0]["namespace"]
    return name


def test_the_settings_of_an_overlay_are_valid(
    overlay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "redis_url"
    secret.write_text("rediss://:secret@redis.example.com:6380/0\n")
    given = {**image_environment(), **manifests.settings(overlay)}
    if "TASKS_REDIS_URL_FILE" in given:
        given["TASKS_REDIS_URL_FILE"] = str(secret)
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.env == overlay
    assert settings.asks_for_keys == (overlay == "production")
    assert settings.require_redis()
    assert settings.http_port == PORT
    assert settings.http_host == "0.0.0.0"


def test_the_secrets_become_settings(part: str, deployment: Document) -> None:
    [secret] = container(deployment)["env"]
    [patch] = manifests.read("production/redis-url.yaml")
    [volume] = patch["spec"]["template"]["spec"]["volumes"]
    [mount] = container(patch)["volumeMounts"]
    [item] = volume["secret"]["items"]

    assert secret["name"] == "TASKS_CALLBACK_SECRET"
    assert secret["valueFrom"]["secretKeyRef"]["optional"] is True
    assert mount["name"] == volume["name"]
    assert container(patch)["name"] == container(deployment)["name"]
    path = f"{mount['mountPath']}/{item['path']}"
    assert manifests.settings("production")["TASKS_REDIS_URL_FILE"] == path


def test_a_container_runs_a_command_of_the_image_as_its_user(
    part: str, deployment: Document
) -> None:
    pod = deployment["spec"]["template"]["spec"]["securityContext"]

    assert 'ENTRYPOINT ["task-manager"]' in DOCKERFILE
    assert container(deployment)["args"] == [part]
    assert part in main.commands
    user, group = re.findall(r"^USER ([1-9]\d*):(\d+)$", DOCKERFILE, re.MULTILINE)[0]
    assert (pod["runAsUser"], pod["runAsGroup"]) == (int(user), int(group))


def test_the_image_and_its_folder_of_state_are_those_of_the_dockerfile() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tags = {
        image["newTag"]
        for folder in ("base", "production")
        for image in manifests.read(f"{folder}/kustomization.yaml")[0]["images"]
    }
    worker = container(one(manifests.read("base/worker.yaml"), "Deployment"))

    assert tags == {version} == set(re.findall(r'image\.version="([^"]+)"', DOCKERFILE))
    folders = [mount["mountPath"] for mount in worker["volumeMounts"]]
    assert image_environment()["TASKS_DATA_DIR"] in folders


def test_the_ports_are_those_of_the_image() -> None:
    base = manifests.read("base/api.yaml")
    [port] = container(one(base, "Deployment"))["ports"]
    [service] = one(base, "Service")["spec"]["ports"]

    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [str(port["containerPort"])]
    assert (port["containerPort"], service["port"]) == (PORT, PORT)
    assert service["targetPort"] == port["name"]


def test_the_probes_of_the_api_are_answered_to_the_address_of_a_pod(
    client: FlaskClient, overlay: str
) -> None:
    api = container(one(manifests.read("base/api.yaml"), "Deployment"))
    named = manifests.settings(overlay)["TASKS_HTTP_ALLOWED_HOSTS"].split(",")
    hosts = AllowedHosts(image_environment()["TASKS_HTTP_HOST"], named)

    for name, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/livez")):
        probe = api[name]["httpGet"]
        assert (probe["path"], probe["port"]) == (path, api["ports"][0]["name"])
        assert "httpHeaders" not in probe
        assert client.get(path).status_code == 200
    assert hosts.allows(f"10.244.1.7:{PORT}")
    service = "task-manager-api"
    for end in ("", f".{namespace_of(overlay)}", f".{namespace_of(overlay)}.svc.cluster.local"):
        assert hosts.allows(f"{service}{end}:{PORT}")
    assert not hosts.allows("attacker.example")


@pytest.mark.parametrize("part", ["worker", "maintenance"], indirect=True)
def test_the_other_probes_are_health_commands(part: str, deployment: Document) -> None:
    for probe, liveness in (("readinessProbe", False), ("livenessProbe", True)):
        program, command, *arguments = container(deployment)[probe]["exec"]["command"]

        assert (program, command) == ("task-manager", "health")
        context = main.commands[command].make_context(command, list(arguments))
        assert context.params == {"part": part, "liveness": liveness}


def test_a_pod_may_stop_for_longer_than_its_tasks_have_for_finishing(
    part: str, deployment: Document, overlay: str
) -> None:
    grace = int(manifests.settings(overlay)["TASKS_SHUTDOWN_GRACE_SECONDS"])
    sleep = container(deployment).get("lifecycle", {}).get("preStop", {}).get("sleep", {})

    termination = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]

    assert termination >= sleep.get("seconds", 0) + grace + EXIT_SECONDS + 5
    assert (part == "api") == bool(sleep)


def test_the_redis_of_development_has_the_settings_of_the_compose_stack() -> None:
    redis = container(one(manifests.read("development/redis.yaml"), "StatefulSet"))
    configured = {
        line for line in (ROOT / "deploy/redis.conf").read_text().splitlines() if line[:1] != "#"
    }

    given = {argument.removeprefix("--") for argument in redis["args"]}

    assert given - configured == {"maxmemory 256mb"}
    assert configured <= given
    assert redis["image"] in (ROOT / "deploy/docker-compose.yml").read_text()


def test_the_scaled_object_has_what_keda_documents(scaled_object: Document) -> None:
    jsonschema.Draft202012Validator(SCALED_OBJECT).validate(scaled_object)


def test_keda_shows_a_key_that_may_read_the_scaling(scaled_object: Document) -> None:
    [trigger] = scaled_object["spec"]["triggers"]
    shown = one(manifests.read("production/scaling.yaml"), "TriggerAuthentication")

    jsonschema.Draft202012Validator(TRIGGER_AUTHENTICATION).validate(shown)
    assert trigger["metadata"]["authMode"] == "bearer"
    assert trigger["authenticationRef"]["name"] == shown["metadata"]["name"]
    assert [each["parameter"] for each in shown["spec"]["secretTargetRef"]] == ["token"]
    assert NEEDED["overview.Scaling"]["GET"] in PERMISSIONS[Role.METRICS]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "minReplicas"), 1),
        (("spec", "maxReplicaCount"), "20"),
        (("spec", "triggers", 0, "metadata", "targetValue"), 4),
        (("spec", "triggers", 0, "metadata", "valueLocaton"), "x"),
        (("spec", "triggers", 0, "type"), "metrics"),
        (("spec", "advanced", "behavior"), {}),
    ],
)
def test_the_check_of_the_scaled_object_finds_mistakes(
    scaled_object: Document, path: tuple[Any, ...], value: Any
) -> None:
    *parents, last = path
    inner: Any = scaled_object
    for name in parents:
        inner = inner[name]
    inner[last] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCALED_OBJECT).validate(scaled_object)


def test_keda_reads_the_places_of_the_queue_that_the_workers_serve(
    scaled_object: Document, client: FlaskClient
) -> None:
    settings = manifests.settings("production")
    [trigger] = scaled_object["spec"]["triggers"]
    url = urlsplit(trigger["metadata"]["url"])

    named = settings["TASKS_HTTP_ALLOWED_HOSTS"].split(",")
    assert AllowedHosts("0.0.0.0", named).allows(url.netloc)
    assert url.hostname == f"task-manager-api.{namespace_of('production')}.svc.cluster.local"
    assert (url.scheme, url.port) == ("http", PORT)
    assert url.path == f"/queues/{settings['TASKS_QUEUES']}/scaling"
    assert dict(parse_qsl(url.query)).keys() <= ScalingQuery().fields.keys()
    response = client.get(f"{url.path}?{url.query}")
    assert response.json[trigger["metadata"]["valueLocation"]] == 0
    assert trigger["metadata"]["valueLocation"] in ScalingResponse().fields
    assert trigger["metadata"]["targetValue"] == settings["TASKS_WORKER_CONCURRENCY"]
    assert trigger["metricType"] == "AverageValue"
    worker = one(manifests.read("base/worker.yaml"), "Deployment")
    assert scaled_object["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"]
    assert "replicas" not in worker["spec"]
