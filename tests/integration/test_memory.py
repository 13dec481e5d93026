"""Memory of the API with long results, large pages and followers that do not read."""

import contextlib
import json
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import requests

from adapters.redis.id_codec import id_bytes
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from tests.building import a_task
from tests.integration.following import Follower
from tests.integration.memory import PeakMemory
from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

MEGABYTE = 1_000_000
TASKS = 100
STREAMS = 32
BODIES = 300
API_SETTINGS = {"http_workers": 1}


@pytest.fixture
def new_api(redis_url: str, tmp_path: Path) -> Iterator[Api]:
    """A new process, since memory that an earlier test used would hide the growth."""
    with Api(tmp_path / "api.log", redis_url=redis_url, **API_SETTINGS) as api:
        yield api


@pytest.fixture
def complete(repository: RedisTaskRepository, leases: RedisTaskLeases) -> "Complete":
    return Complete(repository, leases)


class Complete:
    """Stores tasks with a result of a megabyte each, and returns their ids."""

    def __init__(self, repository: RedisTaskRepository, leases: RedisTaskLeases) -> None:
        self._repository = repository
        self._leases = leases
        self._number = 0

    def __call__(self, number: int) -> list[str]:
        return [self._one() for _ in range(number)]

    def _one(self) -> str:
        self._number += 1
        self._repository.add([a_task()])
        run = self._leases.claim("default", owner=f"test:{self._number}", claim_id="1")
        assert run
        result = f"{self._number:04}" + "x" * (MEGABYTE - 4)
        self._repository.save(Change(before=run, after=run.complete(result, datetime.now(UTC))))
        return run.task_id


def stream_without_reading(api: Api, path: str) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect(("127.0.0.1", api.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    connection.settimeout(60)
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def test_unread_streams_cost_little_and_do_not_cut_others(new_api: Api, complete: Complete) -> None:
    complete(TASKS)
    with contextlib.ExitStack() as connections, PeakMemory(new_api) as memory:
        for _ in range(STREAMS):
            connections.enter_context(stream_without_reading(new_api, "/events"))
        reader = Follower(new_api, "/events")
        ids = complete(30)
        wait_until(
            lambda: (
                reader.names()[-1:] == ["task.completed"]
                and reader.events[-1]["data"]["task_id"] == ids[-1]
            )
        )

    assert memory.growth < 60 * MEGABYTE
    ended = [event["data"] for event in reader.events if event["event"] == "task.completed"]
    assert [task["task_id"] for task in ended] == ids
    snapshots = [event["data"] for event in reader.events if event["event"] == "task.snapshot"]
    assert len(snapshots) == 100
    assert all(task["omitted"] == ["result"] and "result" not in task for task in ended + snapshots)


def test_a_stream_that_is_read_gets_all_of_the_largest_batch(
    api: Api, repository: RedisTaskRepository
) -> None:
    reader = Follower(api, "/events")
    batch = [a_task(type="http", payload={"body": "x" * 4_080}) for _ in range(1_000)]

    repository.add(batch)

    wait_until(lambda: len(reader.events) == len(batch) or reader.ended.is_set())
    assert [event["data"]["task_id"] for event in reader.events] == [task.task_id for task in batch]


def test_the_stream_of_one_task_leaves_out_its_long_result_from_the_snapshot(
    api: Api, complete: Complete
) -> None:
    [task_id] = complete(1)

    follower = Follower(api, f"/tasks/{task_id}/events")

    assert follower.ended.wait(PATIENCE)
    [snapshot] = follower.events
    assert (snapshot["event"], snapshot["data"]["omitted"]) == ("task.snapshot", ["result"])
    assert api.task(task_id)["result"] == "0001" + "x" * (MEGABYTE - 4)


def test_a_page_of_large_tasks_leaves_out_their_results_and_names_them(
    new_api: Api, complete: Complete
) -> None:
    complete(TASKS)

    with PeakMemory(new_api) as memory:
        listed = new_api.request("GET", "/tasks?page_size=100").json()["tasks"]
        found = new_api.request("GET", "/tasks?page_size=100&q=0007x").json()["tasks"]

    assert memory.growth < 40 * MEGABYTE
    assert [(task["omitted"], "result" in task) for task in listed] == [(["result"], False)] * TASKS
    assert [task["task_id"] for task in found] == [listed[6]["task_id"]]


def test_a_page_of_whole_tasks_is_complete_and_takes_the_memory_of_a_few(
    new_api: Api, complete: Complete
) -> None:
    ids = complete(TASKS)

    with PeakMemory(new_api) as memory:
        response = new_api.request("GET", "/tasks?page_size=100&full=true")

    page = response.json()
    assert memory.growth < 40 * MEGABYTE
    assert [task["task_id"] for task in page["tasks"]] == ids
    assert [task["result"][:4] for task in page["tasks"]] == [
        f"{number:04}" for number in range(1, TASKS + 1)
    ]
    assert {len(task["result"]) for task in page["tasks"]} == {MEGABYTE}
    assert not any("omitted" in task for task in page["tasks"])
    assert page["pagination"] == {
        "current_page": 1,
        "page_size": 100,
        "total_pages": 1,
        "total_tasks": TASKS,
    }
    small = new_api.request("GET", "/tasks?page_size=2&full=true&sort=-submitted_at")
    assert [task["task_id"] for task in small.json()["tasks"]] == ids[:-3:-1]
    assert "full=true" in small.headers["Link"]
    assert new_api.request("GET", "/tasks?full=perhaps").status_code == 422


def test_a_task_that_is_damaged_while_its_page_is_read_comes_without_its_long_members(
    api: Api, complete: Complete, client: redis.Redis
) -> None:
    ids = complete(10)
    url = f"http://127.0.0.1:{api.port}/tasks?page_size=100&full=true"
    with requests.get(url, stream=True, timeout=PATIENCE) as response:
        parts = response.iter_content(100_000)
        first = next(parts)
        client.set(b"tm:task:" + id_bytes(ids[-1]), "no record")
        page = json.loads(first + b"".join(parts))
    assert [task["task_id"] for task in page["tasks"] if "omitted" in task] == [ids[-1]]
    client.delete(b"tm:task:" + id_bytes(ids[-1]))
    assert len(json.loads(requests.get(url, timeout=PATIENCE).content)["tasks"]) == 9


def test_hundreds_of_bodies_of_very_many_values_take_the_memory_of_a_few(new_api: Api) -> None:
    payload = {"url": "https://example.com/", "json": [[]] * 14_900}
    body = {"task_name": "lists", "type": "http", "payload": payload}

    def submit(_: int) -> int:
        return new_api.request("POST", "/tasks", json=body).status_code

    with PeakMemory(new_api) as memory, ThreadPoolExecutor(BODIES) as pool:
        statuses = Counter(pool.map(submit, range(BODIES)))

    assert memory.growth < 150 * MEGABYTE
    assert statuses[202] >= 8, statuses
    assert statuses[202] + statuses[503] == BODIES


def test_actions_and_stats_of_large_tasks_use_little_memory(
    new_api: Api, complete: Complete
) -> None:
    ids = complete(TASKS)

    with PeakMemory(new_api) as memory:
        sample = new_api.request("GET", "/stats").json()["sample"]
        done = new_api.request(
            "POST", "/tasks/actions", json={"action": "delete", "ids": ids}
        ).json()["done"]

    assert memory.growth < 40 * MEGABYTE
    assert (sample, done) == (TASKS, TASKS)


@pytest.mark.parametrize("path", ["/events", "/tasks/{}/events"])
@pytest.mark.parametrize(
    "last", [f"0-{2**64}", f"1-{'9' * 30}", f"{'9' * 5_000}-0"], ids=["65 bits", "long", "endless"]
)
def test_a_last_event_id_beyond_64_bits_is_a_gap(api: Api, path: str, last: str) -> None:
    task_id = api.submit()

    follower = Follower(api, path.format(task_id), last_event_id=last)

    wait_until(lambda: len(follower.events) > 1)
    assert follower.names()[:2] == ["stream.gap", "task.snapshot"]
    api.request("PATCH", f"/tasks/{task_id}", json={"task_name": "new"})
    [told] = follower.wait_for("task.updated")
    assert told["data"]["task_name"] == "new"


def test_zeros_in_front_of_a_last_event_id_mean_nothing(api: Api) -> None:
    task_id = api.submit()

    follower = Follower(api, f"/tasks/{task_id}/events", last_event_id="0" * 5_000 + "-00")

    follower.wait_for("task.submitted")


@pytest.mark.parametrize("path", ["/events", "/tasks/{}/events"])
def test_events_of_an_older_version_are_a_gap_and_end_no_stream(
    api: Api, client: redis.Redis, path: str
) -> None:
    task_id, other_id = api.submit(), api.submit()
    before = client.xinfo_stream("tm:events")["last-generated-id"].decode()
    [other] = [Follower(api, f"/tasks/{other_id}/events")]
    live = Follower(api, path.format(task_id))
    other.wait_for("task.snapshot")
    wait_until(lambda: "task.snapshot" in live.names())
    record = client.hgetall(b"tm:task:" + id_bytes(task_id))
    client.xadd("tm:events", {"event": "task.updated", "id": id_bytes(task_id), **record})

    resumed = Follower(api, path.format(task_id), last_event_id=before)

    for follower in (live, resumed):
        wait_until(lambda follower=follower: "stream.gap" in follower.names())
        wait_until(lambda follower=follower: "task.snapshot" in follower.names()[-2:])
    for each in (task_id, other_id):
        api.request("POST", f"/tasks/{each}/cancel")
    for follower in (live, resumed):
        wait_until(lambda follower=follower: "task.cancelled" in follower.names())
        assert follower.names().count("stream.gap") == 1
    assert other.ended.wait(PATIENCE)
    assert other.names() == ["task.snapshot", "task.cancelled"]
    again = Follower(api, path.format(task_id), last_event_id=resumed.events[-1]["id"])
    assert again.response.status_code in (200, 204)
    assert "stream.gap" not in again.names()
