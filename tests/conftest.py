"""A real Redis for whoever asks for one: a container where Docker answers, else the embedded server."""

import os
import subprocess
import threading
from collections.abc import Iterator

import docker
import docker.errors
import pytest
import redis
from hypothesis import HealthCheck, settings
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.waiting import wait_until

pytest_plugins = ["tests.completeness", "tests.order"]

# How fast an example is made or tested is the machine's: a busy one fails no test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

IMAGE = "redis:8-alpine"
REAPER_IMAGE = testcontainers_config.ryuk_image
PULL_SECONDS = 30


@pytest.fixture(scope="session")
def redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With CI=true and Docker there, nothing but the container will do."""
    client = _docker()
    if client is not None and (_has_image(client, IMAGE) or _pulls(client, IMAGE)):
        yield from _container(client)
    elif client is not None and os.environ.get("CI") == "true":
        pytest.fail(f"Docker answers, but {IMAGE} cannot be had within {PULL_SECONDS} s")
    else:
        yield from _embedded(tmp_path_factory)


@pytest.fixture
def redis_url(redis_server_url: str) -> Iterator[str]:
    """An empty database."""
    with redis.Redis.from_url(redis_server_url) as client:
        client.flushall()
    return redis_server_url


def _container(client: docker.DockerClient) -> Iterator[str]:
    testcontainers_config.ryuk_disabled = not _has_image(client, REAPER_IMAGE)
    container = DockerContainer(IMAGE).with_exposed_ports(6379)
    command = "redis-server --appendonly yes --save '' --hash-max-listpack-value 1024"
    with container.with_command(command) as server:
        url = f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}/0"
        wait_until(lambda: _answers(url))
        yield url


def _embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    process = server.start(subprocess.Popen)
    try:
        wait_until(lambda: _answers(server.url))
        yield server.url
    finally:
        process.terminate()
        process.wait()
        server.discard()


def _docker() -> docker.DockerClient | None:
    try:
        client = docker.from_env(timeout=5)
        client.ping()
    except (docker.errors.DockerException, OSError):
        return None
    return client


def _has_image(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except docker.errors.DockerException:
        return False
    return True


def _pulls(client: docker.DockerClient, image: str) -> bool:
    """Pulls in the background, since Docker itself may try for minutes."""

    def pull() -> None:
        try:
            client.images.pull(image)
        except docker.errors.DockerException:
            return

    puller = threading.Thread(target=pull, daemon=True)
    puller.start()
    puller.join(PULL_SECONDS)
    return _has_image(client, image)


def _answers(url: str) -> bool:
    """For a second at least: before, it counts as having just started, and no lease is called expired."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.info("server")["uptime_in_seconds"])
    except redis.RedisError:
        return False
