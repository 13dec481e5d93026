"""The Compose stacks, started in the way in which users start them."""

import os
import secrets
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.compose import (
    ROOT,
    ROOT_DEVELOPMENT,
    ROOT_PRODUCTION,
    have_base_images,
    run,
    skip_without_compose,
)
from tests.integration.processes import free_port
from tests.integration.waiting import PATIENCE, wait_until

skip_without_compose()

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Stack:
    """A production stack with a project, port and volumes of its own."""

    project: str
    port: int
    own: Path
    """A Compose file of the user."""
    keys: list[str] = field(default_factory=list)
    """The key of an admin, once it was made."""

    def compose(self, *arguments: str) -> str:
        directory, *files = ROOT_PRODUCTION
        settings = {
            "TASKS_HTTP_PORT": str(self.port),
            "TASKS_LEASE_SECONDS": "3",
            "TASKS_HANDLERS": "shop",
        }
        command = ["docker", "compose", "-p", self.project, *files, "-f", str(self.own), *arguments]
        return run(*command, directory=directory, settings=settings)

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str, what: str) -> str:
        return run(
            "docker", "inspect", "--format", f"{{{{{what}}}}}", self.container(service)
        ).strip()

    def submit(self, **members: object) -> str:
        body = {"task_name": "test", **members}
        answer = requests.post(
            self._url("/tasks"), json=body, headers=self._key(), timeout=PATIENCE
        )
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def task(self, task_id: str) -> dict[str, Any]:
        """Return the task; empty while the store is unreachable."""
        url = self._url(f"/tasks/{task_id}")
        answer = requests.get(url, headers=self._key(), timeout=PATIENCE)
        assert answer.status_code in (200, 503), answer.text
        return dict(answer.json()) if answer.status_code == 200 else {}

    def wait_for(self, task_id: str, status: str) -> dict[str, Any]:
        wait_until(lambda: self.task(task_id).get("status") == status, every=0.1)
        return self.task(task_id)

    def _key(self) -> dict[str, str]:
        """Return the header with the key of an admin, which is made as `make prod` does."""
        if not self.keys:
            create = ("task-manager", "keys", "create", "admin", "--role", "admin", "--if-first")
            self.keys.append(self.compose("exec", "-T", "api", *create).strip())
        return {"Authorization": f"Bearer {self.keys[0]}"}

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


OWN = """
services:
  api:
    volumes: ["./handlers:/app/handlers:ro"]
  worker:
    volumes: ["./handlers:/app/handlers:ro", "./pictures:/pictures"]
    environment:
      SHOP_DATABASE_URL: postgresql://shop
    secrets: [shop_key]
secrets:
  shop_key:
    file: ./shop_key
"""
HANDLER = """
import os, pathlib, time

def look() -> list[str]:
    \"\"\"Return what a user's own Compose file gives to the worker.\"\"\"
    pathlib.Path("/pictures/seen").write_text("by the worker")
    files = ("/run/secrets/shop_key", "/pictures/cat")
    return [os.environ["SHOP_DATABASE_URL"], *(pathlib.Path(path).read_text() for path in files)]

def hold(gate: str) -> None:
    \"\"\"Run until the picture exists.\"\"\"
    while not pathlib.Path("/pictures", gate).exists():
        time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a Compose file like the one in docs/functions.md, and the files that it names."""
    directory = tmp_path_factory.mktemp("own")
    for folder in ("handlers", "pictures"):
        (directory / folder).mkdir()
        (directory / folder).chmod(0o777)  # the containers have a user of their own
    (directory / "handlers" / "shop.py").write_text(HANDLER)
    (directory / "pictures" / "cat").write_text("a cat")
    (directory / "shop_key").write_text("the key")
    for path in directory.rglob("*"):
        path.chmod(path.stat().st_mode | 0o044)
    (directory / "shop.yml").write_text(OWN.replace("./", f"{directory}/"))
    return directory / "shop.yml"


@pytest.fixture(scope="module")
def stack(own: Path) -> Iterator[Stack]:
    have_base_images()
    stack = Stack(f"task-manager-test-{secrets.token_hex(4)}", free_port(), own)
    try:
        stack.compose("up", "--build", "--detach", "--wait")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


def test_the_image_bears_the_version_of_the_project(stack: Stack) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (
        stack.inspect("api", 'index .Config.Labels "org.opencontainers.image.version"') == version
    )


def test_a_task_that_comes_through_the_published_port_is_completed(stack: Stack) -> None:
    task = stack.wait_for(stack.submit(duration=1), "COMPLETED")

    assert task["result"] == "Task completed in 1 seconds"


def test_a_task_outlives_its_worker_and_the_container_comes_back(stack: Stack, own: Path) -> None:
    restarts = int(stack.inspect("worker", ".RestartCount"))
    task_id = stack.submit(type="hold", payload={"gate": "worker is back"})
    stack.wait_for(task_id, "PROCESSING")

    # not `docker kill`, after which Docker restarts nothing: that counts as stopped by hand
    subprocess.run(
        ["docker", "exec", stack.container("worker"), "sh", "-c", "kill -KILL -1"],
        capture_output=True,
    )

    wait_until(lambda: int(stack.inspect("worker", ".RestartCount")) > restarts, every=0.1)
    (own.parent / "pictures" / "worker is back").touch()
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
    wait_until(lambda: stack.task(task_id).get("attempt"))  # a busy machine may see its end only

    stack.compose("stop", "worker")
    try:
        assert stack.inspect("worker", ".State.ExitCode") == "0"
        task = stack.task(task_id)
        assert (task["status"], task["attempt"]) == ("COMPLETED", 1)
    finally:
        stack.compose("start", "worker")


def test_a_compose_file_of_the_user_gives_variables_secrets_and_volumes_to_the_worker(
    stack: Stack, own: Path
) -> None:
    task = stack.wait_for(stack.submit(type="look"), "COMPLETED")

    assert task["result"] == ["postgresql://shop", "the key", "a cat"]
    assert (own.parent / "pictures" / "seen").read_text() == "by the worker"


def test_the_password_is_made_once_and_stored(stack: Stack) -> None:
    def password() -> str:
        return stack.compose("exec", "-T", "redis", "cat", "/run/task-manager/redis_password")

    before = password()
    assert len(before) >= 40

    stack.compose("run", "--rm", "secrets")

    assert password() == before


def test_make_up_names_a_module_that_does_not_import_and_where_its_requirements_go(
    tmp_path: Path,
) -> None:
    """In the development image, `make up` lists the types before it starts anything."""
    have_base_images()
    [check] = [line for line in run("make", "--dry-run", "up").splitlines() if " handlers " in line]
    (tmp_path / "broken.py").write_text("import pandas\n")
    (tmp_path / "own.yml").write_text(
        f"services: {{api: {{volumes: ['{tmp_path}:/app/handlers:ro']}}}}"
    )
    tmp_path.chmod(0o755)
    project = f"task-manager-test-{secrets.token_hex(4)}"
    settings = {**os.environ, "COMPOSE_PROJECT_NAME": project, "TASKS_HANDLERS": "broken"}
    compose = ["docker", "compose", *ROOT_DEVELOPMENT[1:]]
    run(*compose, "build", settings={"COMPOSE_PROJECT_NAME": project})
    command = check.replace(" --progress", f" -f {tmp_path / 'own.yml'} --progress")

    try:
        done = subprocess.run(
            ["sh", "-c", command], cwd=ROOT, env=settings, capture_output=True, text=True
        )
    finally:
        run(*compose, "down", "--volumes", settings={"COMPOSE_PROJECT_NAME": project})

    assert done.returncode == 2
    assert (
        "TASKS_HANDLERS names broken: the module cannot be imported: ModuleNotFoundError: No module"
        in done.stderr
    )
    assert "add it to handlers/requirements.txt and start again with `make up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_redis_refuses_clients_without_the_password(stack: Stack) -> None:
    answer = stack.compose("exec", "-T", "redis", "redis-cli", "ping")

    assert answer.startswith("NOAUTH")
