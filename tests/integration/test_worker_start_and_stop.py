"""How workers and maintenance start, show that they are healthy, and stop."""

import json
import signal
from pathlib import Path

import psutil
import pytest
import redis

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker, running_child

API_SETTINGS = {"http_workers": 1}


def test_a_worker_that_is_told_to_stop_finishes_what_it_runs(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=2)
    running_child(client)
    half_a_minute = {"tasks": [{"task_name": "waits", "duration": 1}] * 60}
    assert api.request("POST", "/tasks/batch", json=half_a_minute).status_code == 202

    code = worker.stop()

    assert code == 0
    assert api.task(task_id)["status"] == "COMPLETED"
    waiting = api.request("GET", "/tasks?task_name=waits&page_size=100").json()["tasks"]
    assert "QUEUED" in {task["status"] for task in waiting}
    assert "PROCESSING" not in {task["status"] for task in waiting}


def test_a_worker_that_stops_while_a_wake_up_is_on_its_way_to_a_child_ends_without_a_kill(
    api: Api, client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    with a_worker(redis_url, tmp_path / "worker.log", worker_concurrency=1) as worker:
        wait_until(lambda: client.zcard("tm:alive:worker"))
        [child], parent = worker.children(), psutil.Process(worker.pid)
        threads = parent.num_threads()
        child.suspend()
        api.submit(duration=1)
        wait_until(lambda: not client.llen("task-manager.work.default"))
        worker.process.terminate()
        # It waits for its children beside two more threads: the grace, and Celery's timers.
        wait_until(lambda: parent.num_threads() > threads + 1)
        child.resume()

        assert worker.exit_code() == 0
        assert "did not finish within the grace period" not in worker.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_work_that_outlasts_the_grace_is_handed_back_uncounted(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis, number: int
) -> None:
    task_id = api.submit(duration=600)
    with a_worker(redis_url, tmp_path / "worker.log", shutdown_grace_seconds=1) as worker:
        running_child(client)
        children = worker.children()
        code = worker.stop(number)

    task = api.task(task_id)
    assert code == 0
    assert (task["status"], task["attempt"]) == ("QUEUED", 0)
    assert all(map(is_dead, children))
    assert client.hlen("tm:held") == client.zcard("tm:leases") == 0


@pytest.mark.parametrize("part", ["worker", "maintenance"])
def test_a_part_is_healthy_once_it_beats(
    redis_url: str, tmp_path: Path, part: str, client: redis.Redis
) -> None:
    def health() -> int:
        with ServiceProcess(
            f"health {part}", tmp_path / "health.log", redis_url=redis_url
        ) as check:
            return check.exit_code()

    assert health() == 1
    with ServiceProcess(
        part, tmp_path / "part.log", redis_url=redis_url, data_dir=tmp_path
    ) as process:
        wait_until(lambda: client.zcard(f"tm:alive:{part}"))
        assert health() == 0
        assert process.stop() == 0


@pytest.mark.parametrize("part", ["worker", "maintenance"])
def test_a_part_starts_without_redis_and_works_once_it_is_there(tmp_path: Path, part: str) -> None:
    server = EmbeddedRedis(tmp_path / "data")
    with ServiceProcess(
        part, tmp_path / "part.log", redis_url=server.url, data_dir=tmp_path
    ) as process:
        wait_until(lambda: "Cannot reach" in process.output)
        redis_process = server.start()
        try:
            with redis.Redis.from_url(server.url) as client:
                wait_until(lambda: _has_beaten(client, part))
            assert process.stop() == 0
        finally:
            redis_process.kill()
            redis_process.wait()


def _has_beaten(client: redis.Redis, part: str) -> bool:
    try:
        return bool(client.zcard(f"tm:alive:{part}"))
    except redis.RedisError:
        return False


@pytest.mark.parametrize("part", ["api", "worker", "maintenance"])
def test_production_refuses_a_redis_that_may_forget(
    tmp_path: Path, part: str, redis_url: str, client: redis.Redis
) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with ServiceProcess(
            part, tmp_path / "log", redis_url=redis_url, env="production", data_dir=tmp_path
        ) as process:
            code = process.exit_code()
    finally:
        client.config_set("maxmemory-policy", "noeviction")

    assert code == 2
    assert (
        "TASKS_ENV is production, and Redis is not safe: maxmemory-policy is allkeys-lru"
        in process.output
    )
    assert "Traceback" not in process.output


def test_each_line_of_a_worker_is_one_of_ours_also_when_redis_goes_and_comes_back(
    tmp_path: Path,
) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    process = server.start()
    try:
        wait_until(server.replies)
        settings = {"redis_url": server.url, "data_dir": tmp_path, "worker_concurrency": 1}
        with ServiceProcess("worker", tmp_path / "log", **settings) as worker:
            wait_until(
                lambda: "The worker is ready: 1 processes for the queues default" in worker.output,
                30,
            )
            process.kill()
            process.wait()
            wait_until(lambda: "Cannot reach Redis" in worker.output, 30)
            process = server.start()
            wait_until(server.replies)
            with redis.Redis.from_url(server.url) as client:
                wait_until(
                    lambda: "brpop" in {each["cmd"] for each in client.client_list()}, 30
                )  # it listens again
            assert worker.stop() == 0
            output = worker.output
    finally:
        process.kill()
        process.wait()

    assert "The connection to Redis is lost" in output
    assert [line for line in output.splitlines() if "action" not in json.loads(line)] == []
