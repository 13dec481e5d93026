"""Docker Compose as users call it, on the files of this project."""

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.integration.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
ROOT_DEVELOPMENT = (ROOT,)
"""`docker compose` without -f also reads docker-compose.override.yml."""
ROOT_PRODUCTION = (ROOT, "-f", "docker-compose.yml", "-f", "docker-compose.prod.yml")
BASE_IMAGES = ("python:3.13-slim", "redis:8-alpine")
PULL_SECONDS = 120
IN_CI = os.environ.get("CI") == "true"


def skip_without_compose() -> None:
    """Skip the module that calls this while it is imported, unless Docker Compose can be used."""
    if reason := _missing():
        pytest.skip(reason, allow_module_level=True)


@cache
def _missing() -> str:
    """Return what is missing. With CI=true, an engine without Compose is a failure of the tests."""
    if not _succeeds("docker", "info"):
        return "no Docker engine: `docker info` fails"
    if not IN_CI and not _succeeds("docker", "compose", "version"):
        return "Docker has no Compose: `docker compose version` fails"
    return ""


def run(*command: str, directory: Path = ROOT, settings: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output. Fails with the output if the command fails."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TASKS_", "COMPOSE_"))
    }
    done = subprocess.run(
        command,
        cwd=directory,
        env={**environment, **(settings or {})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (
        f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done.stdout


def have_base_images() -> None:
    """Pull the images that are missing. Skips the test if that fails; with CI=true, fails it."""
    for image in BASE_IMAGES:
        if _succeeds("docker", "image", "inspect", image):
            continue
        try:
            pulled = subprocess.run(
                ["docker", "pull", image], capture_output=True, timeout=PULL_SECONDS
            )
        except subprocess.TimeoutExpired:
            pulled = None
        if pulled is None or pulled.returncode:
            (pytest.fail if IN_CI else pytest.skip)(
                f"{image} could not be pulled within {PULL_SECONDS} s"
            )


def configuration(directory: Path, *files: str, **settings: str) -> dict[str, Any]:
    """Return the configuration that Compose reads from the files, without its extensions."""
    text = run(
        "docker",
        "compose",
        *files,
        "config",
        "--format",
        "json",
        directory=directory,
        settings=settings,
    )
    return {name: value for name, value in json.loads(text).items() if not name.startswith("x-")}


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
