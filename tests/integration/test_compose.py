"""The Compose stacks, started as their users start them."""

import json
import os
import secrets
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.processes import free_port
from tests.integration.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MAKE_UP = (DEPLOY,)
MAKE_PROD = (ROOT, "-f", "deploy/docker-compose.yml", "-f", "deploy/docker-compose.prod.yml")
ROOT_DEVELOPMENT = (ROOT,)
ROOT_PRODUCTION = (ROOT, "-f", "docker-compose.yml", "-f", "docker-compose.prod.yml")
BASE_IMAGES = ("python:3.13-slim", "redis:8-alpine")
PULL_SECONDS = 120
IN_CI = os.environ.get("CI") == "true"


def _answers(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


ENGINE = _answers("docker", "info")
if not (ENGINE and IN_CI):
    if not ENGINE:
        pytest.skip("no Docker engine answers `docker info`", allow_module_level=True)
    if not _answers("docker", "compose", "version"):
        pytest.skip("Docker has no Compose: `docker compose version` fails", allow_module_level=True)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def run(*command: str, directory: Path = ROOT, settings: Mapping[str, str] | None = None) -> str:
    """What it prints; fails with all of that when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TASKS_", "COMPOSE_"))}
    done = subprocess.run(
        command, cwd=directory, env={**environment, **(settings or {})}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Stack:
    """A production stack of its own: project, port, password and volume are no one else's."""

    project: str
    port: int
    password_directory: Path

    def compose(self, *arguments: str) -> str:
        directory, *files = ROOT_PRODUCTION
        settings = {
            "TASKS_HTTP_PORT": str(self.port),
            "TASKS_LEASE_SECONDS": "3",
            "TASK_MANAGER_SECRETS": str(self.password_directory),
        }
        return run("docker", "compose", "-p", self.project, *files, *arguments, directory=directory, settings=settings)

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str, what: str) -> str:
        return run("docker", "inspect", "--format", f"{{{{{what}}}}}", self.container(service)).strip()

    def submit(self, duration: int = 1) -> str:
        body = {"task_name": "test", "duration": duration}
        answer = requests.post(self._url("/tasks"), json=body, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def task(self, task_id: str) -> dict[str, Any]:
        """Empty while the store is away."""
        answer = requests.get(self._url(f"/tasks/{task_id}"), timeout=PATIENCE)
        assert answer.status_code in (200, 503), answer.text
        return dict(answer.json()) if answer.status_code == 200 else {}

    def wait_for(self, task_id: str, status: str) -> dict[str, Any]:
        wait_until(lambda: self.task(task_id).get("status") == status, every=0.1)
        return self.task(task_id)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    _have_base_images()
    directory = tmp_path_factory.mktemp("secrets")
    password = secrets.token_urlsafe(32)
    for name, text in (("redis_password", password), ("redis_url", f"redis://:{password}@redis:6379/0")):
        (directory / name).write_text(text)
        (directory / name).chmod(0o644)  # the containers' users read it; the directory keeps others away
    stack = Stack(f"task-manager-test-{secrets.token_hex(4)}", free_port(), directory)
    try:
        stack.compose("up", "--build", "--detach", "--wait")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


def _have_base_images() -> None:
    for image in BASE_IMAGES:
        if _answers("docker", "image", "inspect", image):
            continue
        try:
            pulled = subprocess.run(["docker", "pull", image], capture_output=True, timeout=PULL_SECONDS)
        except subprocess.TimeoutExpired:
            pulled = None
        if pulled is None or pulled.returncode:
            (pytest.fail if IN_CI else pytest.skip)(f"{image} cannot be had within {PULL_SECONDS} s")


def configuration(directory: Path, *files: str, **settings: str) -> dict[str, Any]:
    text = run("docker", "compose", *files, "config", "--format", "json", directory=directory, settings=settings)
    return {name: value for name, value in json.loads(text).items() if not name.startswith("x-")}


@pytest.fixture(
    params=[
        pytest.param(MAKE_UP, id="make up"),
        pytest.param(ROOT_DEVELOPMENT, id="root"),
        pytest.param(MAKE_PROD, id="make prod"),
        pytest.param(ROOT_PRODUCTION, id="root, production"),
    ]
)
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = configuration(*request.param, TASKS_HTTP_PORT="5999")["services"]
    return found


def test_the_root_command_starts_the_stack_that_make_up_starts() -> None:
    assert configuration(*ROOT_DEVELOPMENT) == configuration(*MAKE_UP)


def test_every_service_has_a_health_check_and_comes_back_after_a_crash(services: dict[str, Any]) -> None:
    assert set(services) == {"redis", "api", "worker", "maintenance"}
    for service in services.values():
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


def test_only_the_port_of_the_api_is_published_and_only_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert set(published) == {"api"}
    (port,) = published["api"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "5999", 5000)


def test_no_service_can_write_to_its_image_or_gain_rights(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_service_may_stop_for_longer_than_its_tasks_have_for_finishing(services: dict[str, Any]) -> None:
    for name in ("api", "worker", "maintenance"):
        grace = int(services[name]["environment"]["TASKS_SHUTDOWN_GRACE_SECONDS"])
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= grace + 5


def test_the_development_stack_runs_the_source_of_this_directory() -> None:
    services = configuration(*MAKE_UP)["services"]
    for name in ("api", "worker", "maintenance"):
        mounts = [mount for mount in services[name]["volumes"] if mount["type"] == "bind"]
        assert [(mount["source"], mount["target"], mount["read_only"]) for mount in mounts] == [
            (str(ROOT / folder), f"/app/{folder}", True) for folder in ("src", "handlers")
        ]


def test_the_root_command_for_production_starts_the_stack_that_make_prod_starts() -> None:
    assert configuration(*ROOT_PRODUCTION) == configuration(*MAKE_PROD)


def test_every_production_service_has_a_memory_limit_and_rotates_its_log() -> None:
    for service in configuration(*MAKE_PROD)["services"].values():
        assert int(service["mem_limit"]) > 0
        assert {"max-size", "max-file"} <= set(service["logging"]["options"])
        assert "container_name" not in service


def test_the_image_bears_the_version_of_the_project(stack: Stack) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert stack.inspect("api", 'index .Config.Labels "org.opencontainers.image.version"') == version


def test_a_task_that_comes_through_the_published_port_is_completed(stack: Stack) -> None:
    task = stack.wait_for(stack.submit(duration=1), "COMPLETED")

    assert task["result"] == "Task completed in 1 seconds"


def test_a_task_outlives_its_worker_and_the_container_comes_back(stack: Stack) -> None:
    restarts = int(stack.inspect("worker", ".RestartCount"))
    task_id = stack.submit(duration=3)
    stack.wait_for(task_id, "PROCESSING")

    # not `docker kill`, after which Docker restarts nothing: that counts as stopped by hand
    subprocess.run(["docker", "exec", stack.container("worker"), "sh", "-c", "kill -KILL -1"], capture_output=True)

    wait_until(lambda: int(stack.inspect("worker", ".RestartCount")) > restarts, every=0.1)
    assert stack.wait_for(task_id, "COMPLETED")["attempt"] == 2


def test_tasks_outlive_a_crash_of_redis(stack: Stack) -> None:
    done = stack.wait_for(stack.submit(duration=1), "COMPLETED")
    waiting = stack.submit(duration=1)

    stack.compose("kill", "redis")
    stack.compose("start", "redis")

    wait_until(lambda: stack.task(done["task_id"]), every=0.1)
    assert stack.task(done["task_id"]) == done
    stack.wait_for(waiting, "COMPLETED")


def test_a_worker_that_is_asked_to_stop_lets_its_task_finish(stack: Stack) -> None:
    task_id = stack.submit(duration=3)
    stack.wait_for(task_id, "PROCESSING")

    stack.compose("stop", "worker")
    try:
        assert stack.inspect("worker", ".State.ExitCode") == "0"
        task = stack.task(task_id)
        assert (task["status"], task["attempt"]) == ("COMPLETED", 1)
    finally:
        stack.compose("start", "worker")


def test_redis_answers_no_one_without_the_password(stack: Stack) -> None:
    answer = stack.compose("exec", "-T", "redis", "redis-cli", "ping")

    assert answer.startswith("NOAUTH")
