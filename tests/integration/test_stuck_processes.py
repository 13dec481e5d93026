"""Children that are stopped, starved or replaced, in real workers."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

HANDLERS = "tests.integration.stuck_work"
API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}
LEASE_SECONDS = 3


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Callable[..., ServiceProcess]]:
    """Starts processes that end with the test."""
    started: list[ServiceProcess] = []

    def start(command: str = "worker", **settings: Any) -> ServiceProcess:
        options = {
            "redis_url": redis_url,
            "data_dir": tmp_path / "state",
            "handlers": HANDLERS,
            "lease_seconds": LEASE_SECONDS,
            "io_concurrency": 0,
            **settings,
        }
        process = ServiceProcess(command, tmp_path / f"{command}{len(started)}.log", **options)
        started.append(process.__enter__())
        return process

    yield start
    for process in started:
        process.__exit__()


def submit(api: Api, type: str, **payload: Any) -> str:
    answer = api.request(
        "POST", "/tasks", json={"task_name": "test", "type": type, "payload": payload}
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["task_id"])


def final(api: Api, task_id: str) -> dict[str, Any]:
    """Return the task when it is final.

    The tests run without maintenance, so lost wake-ups are put here.
    """

    def ended() -> dict[str, Any]:
        api.request("POST", "/queues/default/resume")  # puts the wake-up that a killed child took
        task: dict[str, Any] = api.request("GET", f"/tasks/{task_id}?wait=5").json()
        return task if "finished_at" in task else {}

    return wait_until(ended, 110)


def log(api: Api, task_id: str) -> list[tuple[int, str]]:
    lines = api.request("GET", f"/tasks/{task_id}/logs").json()["lines"]
    return [(line["attempt"], line["message"]) for line in lines]


def test_children_that_a_handler_stopped_are_replaced_and_the_queue_goes_on(
    api: Api, start: Callable[..., ServiceProcess]
) -> None:
    start(worker_concurrency=4)
    stopping = [submit(api, "stop_itself", times=1) for _ in range(4)]
    wait_until(lambda: all(api.task(task_id)["attempt"] for task_id in stopping))

    others = [final(api, submit(api, "process_id")) for _ in range(4)]

    assert [task["attempt"] for task in others] == [1] * 4
    tasks = [final(api, task_id) for task_id in stopping]
    assert [(task["result"], task["attempt"]) for task in tasks] == [(2, 2)] * 4
    for task_id in stopping:
        [(attempt, message)] = log(api, task_id)
        assert attempt == 1
        assert "was stopped (SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU) for 2.4 s" in message


def test_a_task_that_stops_its_process_each_time_ends_after_four_runs(
    api: Api, start: Callable[..., ServiceProcess]
) -> None:
    start(worker_concurrency=1)

    task = final(api, submit(api, "stop_itself", times=9))

    assert (task["status"], task["attempt"], task["error"]["code"]) == ("FAILED", 4, "worker_lost")
    assert "was stopped" in task["error"]["message"]


def test_work_that_holds_the_interpreter_is_told_what_to_do(
    api: Api, start: Callable[..., ServiceProcess]
) -> None:
    start(worker_concurrency=1)
    task_id = submit(api, "hold_the_interpreter", seconds=60)

    task = final(api, task_id)

    cause = (
        "The work kept the process from renewing its lease for 2.4 s, so the kernel ended it "
        "(SIGALRM). "
        "This happens when a call into C code holds Python's interpreter lock. Run that call in a "
        "process of its "
        "own (subprocess), split it into shorter calls, or raise TASKS_LEASE_SECONDS."
    )
    assert task["error"] == {
        "code": "worker_lost",
        "message": f"4 runs crashed; the task is not tried again. Cause of the last crash: {cause}",
    }
    assert log(api, task_id) == [
        (attempt, f"The run was lost. {cause}") for attempt in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("repetition", range(3))
def test_the_log_says_how_a_child_left(
    api: Api, start: Callable[..., ServiceProcess], repetition: int
) -> None:
    start(worker_concurrency=2)
    task_id = submit(api, "exit_with", code=7)

    final(api, task_id)

    expected = "The run was lost. The process exited with code 7 during the run."
    assert log(api, task_id) == [(attempt, expected) for attempt in (1, 2, 3, 4)]


def test_a_child_that_lives_on_after_its_lease_ended_is_killed(
    api: Api, start: Callable[..., ServiceProcess], client: redis.Redis
) -> None:
    start("maintenance")
    worker = start(worker_concurrency=1)
    task_id = submit(api, "hold_the_interpreter", seconds=120, take_the_timer=True)
    (owner,) = wait_until(lambda: client.hkeys("tm:held"))
    child = psutil.Process(int(owner.rsplit(b":", 1)[1]))

    wait_until(lambda: not child.is_running())

    assert re.search("Killing a child: It lost its lease", worker.output)
    assert log(api, task_id)[0] == (
        1,
        "The run was lost. Its lease ran out: the worker was lost, stopped, starved or cut off "
        "from the store.",
    )


def test_a_worker_whose_children_all_stand_still_is_unhealthy(
    api: Api, start: Callable[..., ServiceProcess], redis_url: str
) -> None:
    worker = start(worker_concurrency=2, lease_seconds=3_600)

    def health() -> int:
        return start("health worker", worker_concurrency=2).exit_code()

    wait_until(lambda: health() == 0, every=0.5)
    for child in worker.children():
        child.suspend()

    wait_until(lambda: health() == 1, 60, every=1)
    assert api.request("GET", "/workers").json()["workers"] == []
    assert "Sending no heartbeat" in worker.output


def test_an_idle_worker_stays_healthy(
    api: Api, start: Callable[..., ServiceProcess], client: redis.Redis
) -> None:
    start(worker_concurrency=1)

    def beat() -> float:
        return max(
            (score for _, score in client.zrange("tm:alive:worker", 0, -1, withscores=True)),
            default=0,
        )

    first = wait_until(beat)

    wait_until(lambda: beat() - first > 15_000, 25)


def test_children_are_replaced_after_so_many_runs_without_a_trace(
    api: Api, start: Callable[..., ServiceProcess], client: redis.Redis
) -> None:
    worker = start(worker_concurrency=2, child_max_runs=5)
    ids = [submit(api, "process_id") for _ in range(100)]

    tasks = [final(api, task_id) for task_id in ids]

    assert [(task["status"], task["attempt"]) for task in tasks] == [("COMPLETED", 1)] * 100
    runs = Counter(task["result"] for task in tasks)
    assert max(runs.values()) <= 5
    assert len(runs) >= 20
    assert client.hlen("tm:held") == client.zcard("tm:leases") == 0
    assert all(log(api, task_id) == [] for task_id in ids)
    wait_until(lambda: len(worker.children()) == 2)
    assert not re.search("ERROR|WARNING|Traceback", worker.output)


def test_a_child_that_has_grown_is_replaced_after_its_run(
    api: Api, start: Callable[..., ServiceProcess]
) -> None:
    worker = start(worker_concurrency=1, child_max_memory=200)

    small = [final(api, submit(api, "grow", megabytes=1)) for _ in range(2)]
    large = final(api, submit(api, "grow", megabytes=300))
    after = final(api, submit(api, "process_id"))

    assert [task["attempt"] for task in (*small, large, after)] == [1] * 4
    assert len({task["result"] for task in (*small, large)}) == 1
    assert after["result"] != large["result"]
    assert not re.search("ERROR|WARNING|Traceback", worker.output)
