"""Real workers on a real Redis, watched through a real HTTP server."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import redis

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.processes import Api, ServiceProcess, is_dead
from tests.integration.waiting import wait_until

API_SETTINGS = {"http_workers": 1}


@pytest.fixture
def maintenance(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(
        "maintenance", tmp_path / "maintenance.log", redis_url=redis_url, lease_seconds=3
    ) as process:
        yield process


def a_worker(redis_url: str, log: Path, **settings: object) -> ServiceProcess:
    defaults = {"redis_url": redis_url, "worker_concurrency": 2, "data_dir": log.parent / "state"}
    return ServiceProcess("worker", log, **{**defaults, **settings})


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with a_worker(redis_url, tmp_path / "worker.log") as worker:
        yield worker


@pytest.fixture
def worker_of_short_leases(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with a_worker(redis_url, tmp_path / "worker.log", lease_seconds=3) as worker:
        yield worker


def running_child(client: redis.Redis) -> int:
    """The process id of a child that runs a task."""
    (owner,) = wait_until(lambda: client.hkeys("tm:held"))
    return int(owner.rsplit(b":", 1)[1])


def test_a_task_goes_from_queued_to_completed(api: Api, worker: ServiceProcess) -> None:
    task_id = api.submit(duration=1)

    task = api.wait_for(task_id, "COMPLETED")

    assert task["result"] == "Task completed in 1 seconds"
    assert task["attempt"] == 1
    [line] = [
        line
        for line in map(json.loads, worker.output.splitlines())
        if line.get("action") == "run_finished"
    ]
    said = {name: line[name] for name in ("level", "task_id", "type", "outcome", "attempt")}
    assert said == {
        "level": "info",
        "task_id": task_id,
        "type": "sleep",
        "outcome": "completed",
        "attempt": 1,
    }
    assert 1 <= line["seconds"] < 20
    assert str(task["submitted_at"]) <= str(task["started_at"]).replace("T", " ")


def test_tasks_that_waited_before_the_worker_came_are_run(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    ids = [api.submit(duration=1) for _ in range(3)]
    client.delete("task-manager.work.default")  # all wake-ups are lost, too

    with (
        ServiceProcess("maintenance", tmp_path / "maintenance.log", redis_url=redis_url),
        a_worker(redis_url, tmp_path / "worker.log"),
    ):
        for task_id in ids:
            api.wait_for(task_id, "COMPLETED")


def test_a_cancelled_task_is_never_run(api: Api, redis_url: str, tmp_path: Path) -> None:
    cancelled, other = api.submit(), api.submit()
    assert api.request("POST", f"/tasks/{cancelled}/cancel").status_code == 200

    with a_worker(redis_url, tmp_path / "worker.log"):
        api.wait_for(other, "COMPLETED")

    task = api.task(cancelled)
    assert (task["status"], task["attempt"]) == ("CANCELLED", 0)


def test_a_running_task_can_be_renamed_and_keeps_its_result(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=2)
    api.wait_for(task_id, "PROCESSING")

    assert (
        api.request("PATCH", f"/tasks/{task_id}", json={"task_name": "renamed"}).status_code == 200
    )
    refused = api.request("PATCH", f"/tasks/{task_id}", json={"duration": 9})
    assert (refused.status_code, refused.json()["code"]) == (409, "task_not_waiting")
    assert api.request("DELETE", f"/tasks/{task_id}").json()["code"] == "task_running"

    task = api.wait_for(task_id, "COMPLETED")
    assert (task["task_name"], task["result"]) == ("renamed", "Task completed in 2 seconds")


def test_a_lease_is_renewed_for_as_long_as_the_task_runs(
    api: Api, worker_of_short_leases: ServiceProcess, maintenance: ServiceProcess
) -> None:
    longer_than_two_leases = 7
    task_id = api.submit(duration=longer_than_two_leases)

    task = api.wait_for(task_id, "COMPLETED")

    assert task["attempt"] == 1


def test_the_work_of_a_killed_child_is_run_again_by_another_without_maintenance(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=2)
    os.kill(running_child(client), signal.SIGKILL)

    wait_until(lambda: api.task(task_id)["attempt"] == 2)
    again = api.task(task_id)
    assert again["last_error"]["code"] == "worker_lost"
    assert "SIGKILL" in again["last_error"]["message"]
    done = api.wait_for(task_id, "COMPLETED")
    assert done.keys().isdisjoint({"last_error", "progress"})

    wait_until(lambda: len(worker.children()) == 2)


def test_with_a_single_child_the_work_of_a_killed_one_is_run_by_its_replacement(
    api: Api, redis_url: str, tmp_path: Path, client: redis.Redis
) -> None:
    with a_worker(redis_url, tmp_path / "worker.log", worker_concurrency=1):
        task_id = api.submit(duration=2)
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
        ids = [api.submit(duration=4) for _ in range(2)]
        for task_id in ids:
            api.wait_for(task_id, "PROCESSING")
        os.kill(killed.pid, signal.SIGKILL)

        tasks = [api.wait_for(task_id, "COMPLETED", 30) for task_id in ids]

    assert sorted(task["attempt"] for task in tasks) == [1, 2]
    assert "Its worker died" in alive.output


def test_a_running_task_that_is_cancelled_stops_and_the_worker_goes_on(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=600)
    api.wait_for(task_id, "PROCESSING")

    answer = api.request("POST", f"/tasks/{task_id}/cancel")

    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
    task = api.wait_for(task_id, "CANCELLED")
    assert task["error"]["code"] == "cancelled"
    api.wait_for(api.submit(duration=1), "COMPLETED")


def test_a_run_ends_at_its_timeout(api: Api, worker: ServiceProcess) -> None:
    task_id = api.submit(duration=600, timeout=2)

    task = api.wait_for(task_id, "FAILED")

    assert task["error"] == {
        "code": "timeout",
        "message": "The run took longer than its timeout of 2 seconds.",
    }


def test_a_scheduled_task_runs_when_it_is_due_and_one_that_came_too_late_never(
    api: Api, worker: ServiceProcess, maintenance: ServiceProcess, client: redis.Redis
) -> None:
    now = datetime.fromtimestamp(client.time()[0], UTC)
    due = api.submit(run_at=(now + timedelta(seconds=3)).isoformat())
    late = api.submit(run_at=(now + timedelta(days=1)).isoformat())
    expired = api.submit(
        queue="nobody-serves-this", expires_at=(now + timedelta(seconds=2)).isoformat()
    )
    assert {api.task(task_id)["status"] for task_id in (due, late)} == {"SCHEDULED"}

    task = api.wait_for(due, "COMPLETED")

    assert datetime.fromisoformat(str(task["started_at"])) >= now + timedelta(seconds=3)
    assert api.task(late)["status"] == "SCHEDULED"
    assert api.wait_for(expired, "EXPIRED")["error"]["code"] == "expired"


def test_a_worker_takes_tasks_of_its_queues_only(api: Api, redis_url: str, tmp_path: Path) -> None:
    mine, other = api.submit(queue="reports"), api.submit(queue="mails")

    with a_worker(redis_url, tmp_path / "worker.log", queues="reports,images"):
        api.wait_for(mine, "COMPLETED")
        assert api.task(other)["status"] == "QUEUED"


def test_progress_is_seen_while_the_task_runs(api: Api, worker: ServiceProcess) -> None:
    task_id = api.submit(duration=3)

    wait_until(lambda: api.task(task_id).get("progress"))

    assert 0 < api.task(task_id)["progress"]["fraction"] < 1
    assert api.task(task_id)["version"] == 2


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


def test_a_worker_that_is_told_to_stop_finishes_what_it_runs(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    task_id = api.submit(duration=2)
    running_child(client)
    waiting = [api.submit(duration=1) for _ in range(5)]

    code = worker.stop()

    assert code == 0
    assert api.task(task_id)["status"] == "COMPLETED"
    assert "QUEUED" in {api.task(task_id)["status"] for task_id in waiting}
    assert "PROCESSING" not in {api.task(task_id)["status"] for task_id in waiting}


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


def test_no_child_outlives_a_killed_worker(
    api: Api, worker: ServiceProcess, client: redis.Redis
) -> None:
    api.submit(duration=600)
    running_child(client)
    children = worker.children()

    os.kill(worker.pid, signal.SIGKILL)
    worker.process.wait()

    wait_until(lambda: all(map(is_dead, children)))


def test_final_tasks_are_removed_when_their_retention_is_over(
    api: Api, redis_url: str, tmp_path: Path
) -> None:
    task_id = api.submit()
    api.request("POST", f"/tasks/{task_id}/cancel")
    waiting = api.submit()

    with ServiceProcess(
        "maintenance", tmp_path / "m.log", redis_url=redis_url, retention_seconds=1
    ):
        wait_until(lambda: api.request("GET", f"/tasks/{task_id}").status_code == 404)

    assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 1
    assert api.task(waiting)["status"] == "QUEUED"


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
