"""Work survives killed, suspended and cut-off workers and children, which leave none behind."""

import contextlib
import os
import select
import signal
from pathlib import Path

import psutil
import pytest
import redis

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.functions import submit
from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import PATIENCE, wait_until
from tests.integration.workers import a_worker, running_child

HANDLERS = "tests.integration.gated_work"
API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}


def held(api: Api, gate: Path) -> str:
    """Submit a task that runs until the gate exists. Returns its id."""
    return submit(api, "hold", {"gate": str(gate)})


def test_the_work_of_a_killed_child_is_run_again_by_another_without_maintenance(
    api: Api, worker: ServiceProcess, client: redis.Redis, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    task_id = held(api, gate)
    os.kill(running_child(client), signal.SIGKILL)

    again = wait_until(lambda: [task for task in [api.task(task_id)] if task["attempt"] == 2])[0]
    assert again["last_error"]["code"] == "worker_lost"
    assert "SIGKILL" in again["last_error"]["message"]
    gate.touch()
    done = api.wait_for(task_id, "COMPLETED")
    assert done.keys().isdisjoint({"last_error", "progress"})

    wait_until(lambda: len(worker.children()) == 2)


def test_with_a_single_child_the_work_of_a_killed_one_is_run_by_its_replacement(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    gate = tmp_path / "gate"
    with a_worker(redis_url, tmp_path / "worker.log", worker_concurrency=1, handlers=HANDLERS):
        task_id = held(api, gate)
        for attempt in (2, 3):
            os.kill(running_child(client), signal.SIGKILL)
            wait_until(lambda attempt=attempt: api.task(task_id)["attempt"] == attempt)
        gate.touch()
        api.wait_for(task_id, "COMPLETED")


def test_a_worker_that_replaces_a_killed_one_takes_over_its_work_at_once(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    settings = {"lease_seconds": 600, "handlers": HANDLERS}
    gate = tmp_path / "gate"
    task_id = held(api, gate)
    with a_worker(redis_url, tmp_path / "worker.log", **settings) as killed:
        running_child(client)
        children = killed.children()
        os.kill(killed.pid, signal.SIGKILL)
        killed.process.wait()
        wait_until(lambda: all(map(is_dead, children)))

    gate.touch()
    with a_worker(redis_url, tmp_path / "next.log", **settings):
        task = api.wait_for(task_id, "COMPLETED")

    assert task["attempt"] == 2


def test_a_living_worker_of_the_same_host_keeps_its_work_when_another_is_killed(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis, maintenance: ServiceProcess
) -> None:
    """The server may give a wake-up to the killed worker, whose end it learns later.

    Maintenance puts another one then.
    """
    settings = {"worker_concurrency": 1, "handlers": HANDLERS}
    gates = [tmp_path / f"gate{number}" for number in range(2)]
    with (
        a_worker(redis_url, tmp_path / "first.log", **settings) as killed,
        a_worker(redis_url, tmp_path / "second.log", **settings) as alive,
    ):
        wait_until(lambda: client.zcard("tm:alive:worker") == 2)
        ids = [held(api, gate) for gate in gates]
        for task_id in ids:
            api.wait_for(task_id, "PROCESSING")
        os.kill(killed.pid, signal.SIGKILL)
        wait_until(lambda: "Its worker died" in alive.output)
        for gate in gates:
            gate.touch()

        tasks = [api.wait_for(task_id, "COMPLETED") for task_id in ids]

    assert sorted(task["attempt"] for task in tasks) == [1, 2]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="a pidfd is Linux's")
def test_a_child_that_cannot_renew_is_dead_before_its_lease_ends(
    api: Api, worker_of_short_leases: ServiceProcess, client: redis.Redis
) -> None:
    api.submit(duration=60)
    descriptor = os.pidfd_open(running_child(client))
    client.client_pause(20_000, all=False)  # reads go on, scripts and writes wait
    try:
        # The lease ends a moment after the child: the kernel tells of its death without a pause.
        assert select.select([descriptor], [], [], PATIENCE)[0]
        seconds, microseconds = client.time()
        ((_, lease_ends),) = client.zrange("tm:leases", 0, -1, withscores=True)
    finally:
        client.client_unpause()
        os.close(descriptor)

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
    tmp_path: Path,
) -> None:
    worker = worker_of_short_leases
    gate = tmp_path / "gate"
    task_id = held(api, gate)
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

    gate.touch()
    api.wait_for(
        task_id, "COMPLETED"
    )  # by another run, which may count: a suspended parent cannot tell it from an outage


def test_an_outage_counts_against_no_task(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "data")
    first = server.start()
    log, gate = tmp_path / "worker.log", tmp_path / "gate"
    with (
        Api(tmp_path / "api.log", redis_url=server.url, **API_SETTINGS) as api,
        a_worker(server.url, log, lease_seconds=3, handlers=HANDLERS) as worker,
        ServiceProcess("maintenance", tmp_path / "m.log", redis_url=server.url, lease_seconds=3),
        redis.Redis.from_url(server.url) as client,
    ):
        wait_until(lambda: api.request("GET", "/readyz").ok)
        task_id = held(api, gate)
        child = psutil.Process(running_child(client))
        first.terminate()  # it writes what it has replied before it ends
        first.wait()
        wait_until(lambda: is_dead(child))
        gate.touch()
        second = server.start()
        try:
            task = api.wait_for(task_id, "COMPLETED") if wait_until(lambda: _is_back(api)) else {}
            wait_until(lambda: "could not be reached during the run" in worker.output)
        finally:
            second.kill()
            second.wait()

    assert task["attempt"] == 1
    assert "EMERGENCY DUMP" not in worker.output


def _is_back(api: Api) -> bool:
    return api.request("GET", "/readyz").ok
