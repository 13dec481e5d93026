"""The log of a task after a line, and among its events, by a real worker over HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from tests.integration.following import Event, Follower
from tests.integration.functions import HANDLERS, submit
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import PATIENCE, wait_until

API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}
LINES = 300


@pytest.fixture(scope="module")
def worker(
    redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("worker")
    settings: dict[str, Any] = {"data_dir": folder / "state", "handlers": HANDLERS}
    with ServiceProcess(
        "worker", folder / "worker.log", redis_url=redis_server_url, **settings
    ) as worker:
        yield worker


def lines(api: Api, task_id: str, after: int | None = None) -> list[dict[str, Any]]:
    query = "" if after is None else f"?after={after}"
    response = api.request("GET", f"/tasks/{task_id}/logs{query}")
    assert response.status_code == 200, response.text
    return response.json()["lines"]


def logged(follower: Follower) -> list[dict[str, Any]]:
    return [event["data"] for event in follower.events if event["event"] == "task.log"]


def steady(api: Api, number: int = LINES) -> str:
    return str(submit(api, "log_steadily", {"lines": number}))


def some_events(api: Api, task_id: str, last: str | None, number: int) -> tuple[list[Event], int]:
    """Follow the task from its last event until that many events have come, and vanish."""
    url = f"http://127.0.0.1:{api.port}/tasks/{task_id}/events?logs=true"
    headers = {"Last-Event-ID": last} if last else {}
    events, rest = [], b""
    with requests.get(url, headers=headers, stream=True, timeout=PATIENCE) as response:
        while len(events) < number and (data := response.raw.read1(65_536)):
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                fields = dict(line.split(": ", 1) for line in block.decode().splitlines() if line)
                if "event" in fields:
                    events.append({**fields, "data": json.loads(fields["data"])})
    return events, response.status_code


class TestLogs:
    def test_lines_are_read_after_a_number(self, api: Api, worker: ServiceProcess) -> None:
        task_id = steady(api, 5)
        api.final(task_id)

        every = lines(api, task_id)

        assert [line["number"] for line in every] == [1, 2, 3, 4, 5]
        assert lines(api, task_id, 0) == every
        assert lines(api, task_id, 3) == every[3:]
        assert lines(api, task_id, 5) == lines(api, task_id, 10**15) == []
        for query in ("?after=-1", "?after=x", "?after=1&after=2", "?before=1"):
            response = api.request("GET", f"/tasks/{task_id}/logs{query}")
            assert (response.status_code, response.json()["code"]) == (422, "invalid_request")

    def test_a_stream_has_each_line_once_live_and_before_the_end(
        self, api: Api, worker: ServiceProcess, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        task_id = submit(api, "log_steadily", {"lines": LINES, "gate": str(gate)})
        follower = Follower(api, f"/tasks/{task_id}/events?logs=true")
        plain = Follower(api, f"/tasks/{task_id}/events")

        wait_until(lambda: logged(follower))
        assert "task.completed" not in follower.names()
        gate.touch()

        assert follower.ended.wait(PATIENCE)
        assert plain.ended.wait(PATIENCE)
        assert [line["number"] for line in logged(follower)] == list(range(1, LINES + 1))
        assert logged(follower) == lines(api, task_id)
        assert follower.names()[-1] == "task.completed"
        assert follower.events[-1]["id"].endswith(f"+{LINES}")
        assert "task.log" not in plain.names()
        assert "+" not in plain.events[-1]["id"]

    def test_sixteen_clients_that_vanish_and_resume_lose_no_line_and_get_none_twice(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task_id = steady(api)

        def follow(part: int) -> list[int]:
            numbers: list[int] = []
            last = None
            while True:
                events, status = some_events(api, task_id, last, 5 * (part + 1))
                if status == 204:
                    return numbers
                numbers += [
                    each["data"]["number"] for each in events if each["event"] == "task.log"
                ]
                last = events[-1]["id"] if events else last
                if events and events[-1]["event"] == "task.completed":
                    return numbers

        with ThreadPoolExecutor(16) as pool:
            for numbers in pool.map(follow, range(16)):
                assert numbers == list(range(1, LINES + 1))

    def test_a_final_task_gives_its_log_and_then_itself(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task_id = steady(api, 3)
        api.final(task_id)

        follower = Follower(api, f"/tasks/{task_id}/events?logs=true")

        assert follower.ended.wait(PATIENCE)
        assert follower.names() == ["task.log"] * 3 + ["task.snapshot"]
        again = Follower(
            api, f"/tasks/{task_id}/events?logs=true", last_event_id=follower.events[1]["id"]
        )
        assert again.ended.wait(PATIENCE)
        assert [line["number"] for line in logged(again)] == [3]
        bare = follower.events[-1]["id"]
        end = api.request("GET", f"/tasks/{task_id}/events", headers={"Last-Event-ID": bare})
        assert end.status_code == 204

    def test_an_id_with_another_number_is_refused(self, api: Api) -> None:
        task_id = api.submit(queue="nobody")
        for given in ("1-0+", "1-0+x", "1-0+1+2", "1-0+" + "9" * 16):
            response = api.request(
                "GET", f"/tasks/{task_id}/events?logs=true", headers={"Last-Event-ID": given}
            )
            assert (response.status_code, response.json()["code"]) == (400, "malformed_request")
        assert api.request("GET", f"/tasks/{task_id}/events?logs=maybe").status_code == 422

    def test_a_damaged_log_does_not_end_a_stream(
        self, api: Api, worker: ServiceProcess, client: redis.Redis
    ) -> None:
        task_id = steady(api, 3)
        api.final(task_id)
        key = b"tm:log:" + bytes.fromhex(task_id.replace("-", ""))
        client.lset(key, 1, b"\xff")

        assert [line["number"] for line in lines(api, task_id)] == [1, 3]
        client.delete(key)
        client.set(key, b"\xff")
        assert lines(api, task_id) == []
        follower = Follower(api, f"/tasks/{task_id}/events?logs=true")
        assert follower.ended.wait(PATIENCE)
        assert follower.names() == ["task.snapshot"]
