"""Give tests a real Redis: a container if Docker is available, otherwise the embedded server."""

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
from tests.integration.waiting import PATIENCE, wait_until

from entrypoints.local.embedded_redis import EmbeddedRedis

pytest_plugins = ["tests.completeness", "tests.order", "tests.service_logs"]

# A busy machine may take any time for an example and must not fail a test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

IMAGE = "redis:8-alpine"
REAPER_IMAGE = testcontainers_config.ryuk_image
PULL_SECONDS = 30


@pytest.fixture(scope="session")
def redis_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server and return its URL.

    With CI=true and Docker available, only a container is used.
    """
    client = _docker()
    if client is not None and (_has_image(client, IMAGE) or _pulls(client, IMAGE)):
        yield from _container(client)
    elif client is not None and os.environ.get("CI") == "true":
        pytest.fail(f"Docker is available, but {IMAGE} could not be pulled within {PULL_SECONDS} s")
    else:
        yield from _embedded(tmp_path_factory)


@pytest.fixture
def redis_url(redis_server_url: str) -> Iterator[str]:
    """Empty the database and return its URL."""
    with redis.Redis.from_url(redis_server_url) as client:
        _end_dead_workers(client)
        client.flushall()
    return redis_server_url


def _end_dead_workers(client: redis.Redis) -> None:
    """Close the connections of the workers of earlier tests.

    The server may learn late of the end of a killed process. Until then it would give a wake-up of
    this test to it.
    """
    for connection in client.client_list():
        if connection["cmd"].lower() == "brpop":
            client.client_kill_filter(_id=connection["id"])


def _container(client: docker.DockerClient) -> Iterator[str]:
    testcontainers_config.ryuk_disabled = not _has_image(client, REAPER_IMAGE)
    container = DockerContainer(IMAGE).with_exposed_ports(6379)
    command = "redis-server --appendonly yes --save '' --hash-max-listpack-value 1024"
    with container.with_command(command) as server:
        url = f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}/0"
        wait_until(lambda: _is_ready(url))
        yield url


def _embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    process = server.start(subprocess.Popen)
    try:
        wait_until(lambda: _is_ready(server.url))
        yield server.url
    finally:
        process.terminate()
        process.wait()
        server.discard()


def _docker() -> docker.DockerClient | None:
    try:
        client = docker.from_env(timeout=PATIENCE)
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
    """Pull in the background, because Docker itself may try for minutes."""

    def pull() -> None:
        try:
            client.images.pull(image)
        except docker.errors.DockerException:
            return

    puller = threading.Thread(target=pull, daemon=True)
    puller.start()
    puller.join(PULL_SECONDS)
    return _has_image(client, image)


def _is_ready(url: str) -> bool:
    """Return whether the server has replied for at least a second.

    A server that has just started counts no lease as expired.
    """
    try:
        with redis.Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.info("server")["uptime_in_seconds"])
    except redis.RedisError:
        return False
