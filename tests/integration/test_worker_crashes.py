"""Work survives killed, suspended and cut-off workers and children, which leave none behind."""

import contextlib
import os
import signal
from pathlib import Path

import psutil
import redis

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker, running_child

API_SETTINGS = {"http_workers": 1}


def test_the_work_of_a_killed_child_is_run_again_by_another_without_maintenance(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=2)
    os.kill(running_child(client), signal.SIGKILL)

    again = wait_until(lambda: [task for task in [api.task(task_id)] if task["attempt"] == 2])[0]
    assert again["last_error"]["code"] == "worker_lost"
    assert "SIGKILL" in again["last_error"]["message"]
    done = api.wait_for(task_id, "COMPLETED")
    assert done.keys().isdisjoint({"last_error", "progress"})

    wait_until(lambda: len(worker.children()) == 2)


def test_with_a_single_child_the_work_of_a_killed_one_is_run_by_its_replacement(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    with a_worker(redis_url, tmp_path / "worker.log", worker_concurrency=1):
        task_id = api.submit(duration=6)  # longer than it takes to see that it runs
        for attempt in (2, 3):
            os.kill(running_child(client), signal.SIGKILL)
            wait_until(lambda attempt=attempt: api.task(task_id)["attempt"] == attempt)
        api.wait_for(task_id, "COMPLETED")


def test_a_worker_that_replaces_a_killed_one_takes_over_its_work_at_once(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    long_lease = {"lease_seconds": 600}
    task_id = api.submit(duration=2)
    with a_worker(redis_url, tmp_path / "worker.log", **long_lease) as killed:
        running_child(client)
        os.kill(killed.pid, signal.SIGKILL)
        killed.process.wait()

    with a_worker(redis_url, tmp_path / "next.log", **long_lease):
        task = api.wait_for(task_id, "COMPLETED")

    assert task["attempt"] == 2


def test_a_living_worker_of_the_same_host_keeps_its_work_when_another_is_killed(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    with (
        a_worker(redis_url, tmp_path / "first.log", worker_concurrency=1) as killed,
        a_worker(redis_url, tmp_path / "second.log", worker_concurrency=1) as alive,
    ):
        wait_until(lambda: client.zcard("tm:alive:worker") == 2)
        ids = [api.submit(duration=6) for _ in range(2)]
        for task_id in ids:
            api.wait_for(task_id, "PROCESSING")
        os.kill(killed.pid, signal.SIGKILL)

        tasks = [api.wait_for(task_id, "COMPLETED", 30) for task_id in ids]

    assert sorted(task["attempt"] for task in tasks) == [1, 2]
    assert "Its worker died" in alive.output


def test_a_child_that_cannot_renew_is_dead_before_its_lease_ends(
    api: Api, worker_of_short_leases: ServiceProcess, client: redis.Redis
) -> None:
    api.submit(duration=60)
    child = psutil.Process(running_child(client))
    client.client_pause(20_000, all=False)  # reads go on, scripts and writes wait
    try:
        wait_until(lambda: is_dead(child), every=0.005)
        seconds, microseconds = client.time()
        ((_, lease_ends),) = client.zrange("tm:leases", 0, -1, withscores=True)
    finally:
        client.client_unpause()

    assert seconds * 1000 + microseconds / 1000 < lease_ends


def test_no_child_outlives_a_killed_worker(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    api.submit(duration=600)
    running_child(client)
    children = worker.children()

    os.kill(worker.pid, signal.SIGKILL)
    worker.process.wait()

    wait_until(lambda: all(map(is_dead, children)))


def test_a_child_that_was_stopped_runs_nothing_when_it_goes_on(
    api: Api,
    worker_of_short_leases: ServiceProcess,
    maintenance: ServiceProcess,
    client: redis.Redis,
) -> None:
    worker = worker_of_short_leases
    task_id = api.submit(duration=4)
    child, parent = psutil.Process(running_child(client)), psutil.Process(worker.pid)
    parent.suspend()  # it would kill the child
    child.suspend()
    try:
        wait_until(lambda: api.task(task_id)["status"] == "QUEUED")
        child.resume()
        wait_until(lambda: is_dead(child))
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.resume()
        parent.resume()

    api.wait_for(
        task_id, "COMPLETED"
    )  # by another run, which may count: a suspended parent cannot tell it from an outage


def test_an_outage_counts_against_no_task(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "data")
    first = server.start()
    log = tmp_path / "worker.log"
    with (
        Api(tmp_path / "api.log", redis_url=server.url, http_workers=1) as api,
        a_worker(server.url, log, lease_seconds=3) as worker,
        ServiceProcess("maintenance", tmp_path / "m.log", redis_url=server.url, lease_seconds=3),
        redis.Redis.from_url(server.url) as client,
    ):
        wait_until(lambda: api.request("GET", "/readyz").ok)
        task_id = api.submit(duration=6)
        child = psutil.Process(running_child(client))
        first.terminate()  # it writes what it has replied before it ends
        first.wait()
        wait_until(lambda: is_dead(child))
        second = server.start()
        try:
            task = api.wait_for(task_id, "COMPLETED") if wait_until(lambda: _is_back(api)) else {}
        finally:
            second.kill()
            second.wait()

    assert task["attempt"] == 1
    assert "could not be reached during the run" in worker.output
    assert "EMERGENCY DUMP" not in worker.output


def _is_back(api: Api) -> bool:
    return api.request("GET", "/readyz").ok
