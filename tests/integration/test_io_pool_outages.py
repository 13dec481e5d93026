"""The I/O pool while Redis is away, and while its process is stopped."""

import os
import signal
from pathlib import Path

import psutil
import redis

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.io_pool import API_SETTINGS, SETTINGS, ends, io_process, wait_at
from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker


def test_an_outage_counts_against_no_task_of_the_pool(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "data")
    first = server.start()
    gate = tmp_path / "gate"
    with (
        Api(tmp_path / "api.log", redis_url=server.url, **API_SETTINGS) as api,
        a_worker(server.url, tmp_path / "worker.log", lease_seconds=3, **SETTINGS) as worker,
        ServiceProcess("maintenance", tmp_path / "m.log", redis_url=server.url, lease_seconds=3),
        redis.Redis.from_url(server.url) as client,
    ):
        wait_until(lambda: api.request("GET", "/readyz").ok)
        ids = wait_at(api, gate, 5)
        pool = psutil.Process(io_process(client))
        first.terminate()  # it writes what it has replied before it ends
        first.wait()
        wait_until(lambda: is_dead(pool))
        gate.touch()
        second = server.start()
        try:
            wait_until(lambda: api.request("GET", "/readyz").ok)
            assert ends(api, ids) == {("COMPLETED", 1)}
            assert "io_pool_failed" not in worker.output
        finally:
            second.kill()
            second.wait()


def test_a_process_that_was_stopped_is_replaced_and_its_tasks_start_again(
    api: Api, redis_url: str, client: redis.Redis, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with a_worker(redis_url, tmp_path / "worker.log", lease_seconds=3, **SETTINGS):
        ids = wait_at(api, gate, 5)
        os.kill(io_process(client), signal.SIGSTOP)
        gate.touch()

        assert ends(api, ids) == {("COMPLETED", 1)}
