"""GET /tasks/<id>/attempts: how each run went, with real workers over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker

API_SETTINGS = {"http_allowed_networks": "127.0.0.0/8"}


def attempts_of(api: Api, task_id: str) -> list[dict[str, Any]]:
    response = api.request("GET", f"/tasks/{task_id}/attempts")
    assert response.status_code == 200, response.text
    return response.json()["attempts"]


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def submit_failing(api: Api, **members: object) -> str:
    body = {"task_name": "test", "type": "http", "payload": {"url": "http://127.0.0.1:9/"}}
    response = api.request("POST", "/tasks", json={**body, **members})
    assert response.status_code == 202, response.text
    return response.json()["task_id"]


class TestAttempts:
    def test_a_task_that_succeeds_shows_when_it_waited_and_ran(
        self, api: Api, worker: ServiceProcess
    ) -> None:
        task_id = api.submit(duration=1)
        waiting = api.request("GET", f"/tasks/{task_id}/attempts").json()
        task = api.final(task_id)

        [attempt] = attempts_of(api, task_id)

        assert waiting["attempts"] == [] or waiting["attempts"][0]["outcome"] == "running"
        assert (attempt["number"], attempt["outcome"]) == (1, "completed")
        assert (attempt["started_at"], attempt["ended_at"]) == (
            task["started_at"],
            task["finished_at"],
        )
        assert attempt["queued_at"] <= attempt["started_at"]
        assert attempt.keys() == {"number", "outcome", "queued_at", "started_at", "ended_at"}

    def test_each_failure_shows_its_worker_error_and_back_off_and_a_retry_starts_anew(
        self, api: Api, redis_url: str, tmp_path: Path, maintenance: ServiceProcess
    ) -> None:
        with a_worker(redis_url, tmp_path / "worker.log", **API_SETTINGS):
            [name] = wait_until(
                lambda: [each["name"] for each in api.request("GET", "/workers").json()["workers"]]
            )
            retry = {"max_attempts": 2, "initial_delay": 1, "jitter": 0}
            task_id = submit_failing(api, retry=retry)
            api.final(task_id)
            assert api.request("POST", f"/tasks/{task_id}/retry").status_code == 202
            api.final(task_id)

            attempts = attempts_of(api, task_id)

        assert [attempt["number"] for attempt in attempts] == [1, 2, 1, 2]
        assert {attempt["outcome"] for attempt in attempts} == {"failed"}
        assert {attempt["worker"] for attempt in attempts} == {name}
        assert {attempt["error"]["code"] for attempt in attempts} == {"handler_error"}
        for first, second in (attempts[:2], attempts[2:]):
            back_off = time_of(first["next_attempt_at"]) - time_of(first["ended_at"])
            assert timedelta(seconds=0.9) <= back_off <= timedelta(seconds=1.1)
            assert second["queued_at"] == first["next_attempt_at"]
            assert "next_attempt_at" not in second
        assert attempts[1]["ended_at"] <= attempts[2]["queued_at"] <= attempts[2]["started_at"]

    @pytest.mark.slow
    def test_a_running_and_a_waiting_task_show_where_they_stand(
        self, api: Api, redis_url: str, tmp_path: Path
    ) -> None:
        run_at = "2099-01-01T00:00:00.000Z"
        scheduled = api.submit(run_at=run_at)
        queued = api.submit(queue="other")
        with a_worker(redis_url, tmp_path / "worker.log") as worker:
            running = api.submit(duration=60)
            api.wait_for(running, "PROCESSING")
            [attempt] = attempts_of(api, running)
            assert (attempt["outcome"], "ended_at" in attempt) == ("running", False)
            assert attempt["worker"]
            worker.stop()

        told = {
            task_id: api.request("GET", f"/tasks/{task_id}/attempts").json()
            for task_id in (scheduled, queued, running)
        }

        assert told[scheduled] == {"attempts": [], "waiting_since": run_at}
        assert told[queued]["attempts"] == []
        assert told[queued]["waiting_since"]
        [attempt] = told[running]["attempts"]
        assert attempt["outcome"] == "handed_back"
        assert told[running]["waiting_since"] == attempt["ended_at"] == attempt["next_attempt_at"]

    def test_a_damaged_log_of_attempts_leaves_what_the_task_tells(
        self, api: Api, worker: ServiceProcess, client: redis.Redis
    ) -> None:
        task_id = api.submit(duration=1)
        key = b"tm:attempts:" + bytes.fromhex(task_id.replace("-", ""))
        client.set(key, b"\xff")

        api.final(task_id)

        assert [attempt["outcome"] for attempt in attempts_of(api, task_id)] == ["completed"]
        assert api.request("DELETE", f"/tasks/{task_id}").status_code == 204
        assert not client.exists(key)
        missing = api.request("GET", f"/tasks/{task_id}/attempts")
        assert (missing.status_code, missing.json()["code"]) == (404, "task_not_found")

    @pytest.mark.slow
    def test_sixteen_readers_beside_a_task_that_fails_again_and_again_see_each_attempt_once(
        self, api: Api, redis_url: str, tmp_path: Path, maintenance: ServiceProcess
    ) -> None:
        retry = {"max_attempts": 6, "initial_delay": 1, "factor": 1, "jitter": 0}
        task_id = submit_failing(api, retry=retry)

        def read(_: int) -> list[list[int]]:
            seen = []
            while True:
                status = api.task(task_id)["status"]
                seen.append([attempt["number"] for attempt in attempts_of(api, task_id)])
                if status == "FAILED":
                    return seen

        with (
            a_worker(redis_url, tmp_path / "worker.log", **API_SETTINGS),
            ThreadPoolExecutor(16) as pool,
        ):
            for seen in pool.map(read, range(16)):
                assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)
                assert len(seen[-1]) == 6
