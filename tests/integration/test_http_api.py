"""The contract as a client sees it, against a running server. No worker runs, so tasks wait."""

import re
import statistics
import subprocess
from pathlib import Path

import pytest

from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.integration.processes import Api
from tests.integration.waiting import wait_until


class TestTheOriginalContract:
    """The three calls of the original README, with exactly its members."""

    def test_submit(self, api: Api) -> None:
        response = api.request("POST", "/tasks", json={"task_name": "test", "duration": 3})

        body = response.json()
        assert response.status_code == 202
        assert body["status"] == "QUEUED"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", body["submitted_at"])
        assert re.fullmatch(
            r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", body["task_id"]
        )
        assert response.headers["Location"] == f"/tasks/{body['task_id']}"

    def test_list(self, api: Api) -> None:
        ids = [api.submit(task_name=f"number {number}") for number in range(12)]

        body = api.request("GET", "/tasks").json()

        assert body["pagination"].pop("next_cursor")
        assert body["pagination"] == {
            "current_page": 1,
            "page_size": 10,
            "total_pages": 2,
            "total_tasks": 12,
        }
        assert [task["task_id"] for task in body["tasks"]] == ids[:10]
        second = api.request("GET", "/tasks?page=2&page_size=5").json()
        assert [task["task_id"] for task in second["tasks"]] == ids[5:10]
        assert second["pagination"].pop("next_cursor")
        assert second["pagination"] == {
            "current_page": 2,
            "page_size": 5,
            "total_pages": 3,
            "total_tasks": 12,
        }

    def test_an_empty_list_has_no_pages(self, api: Api) -> None:
        body = api.request("GET", "/tasks").json()

        assert body == {
            "pagination": {"current_page": 1, "page_size": 10, "total_pages": 0, "total_tasks": 0},
            "tasks": [],
        }

    def test_read(self, api: Api) -> None:
        task_id = api.submit(task_name="test", duration=3)

        task = api.task(task_id)

        assert task == {
            "task_id": task_id,
            "task_name": "test",
            "type": "sleep",
            "duration": 3,
            "status": "QUEUED",
            "submitted_at": task["submitted_at"],
            "attempt": 0,
            "max_attempts": 1,
            "queue": "default",
            "priority": 5,
            "labels": {},
            "timeout": 63,
            "retry": {
                "max_attempts": 1,
                "initial_delay": 1.0,
                "factor": 2.0,
                "max_delay": 300.0,
                "jitter": 0.1,
            },
            "queue_position": 1,
            "version": 1,
            "links": {"self": f"/tasks/{task_id}", "events": f"/tasks/{task_id}/events"},
        }


def test_a_patch_changes_only_what_it_names(api: Api) -> None:
    task_id = api.submit(task_name="old", labels={"team": "a", "env": "dev"}, priority=9)

    response = api.request(
        "PATCH",
        f"/tasks/{task_id}",
        data='{"task_name": "new", "labels": {"env": null, "zone": "z"}, "priority": null}',
        headers={"Content-Type": "application/merge-patch+json"},
    )

    assert response.status_code == 200
    task = api.task(task_id)
    assert task == response.json()
    assert (task["task_name"], task["duration"], task["priority"]) == ("new", 1, 5)
    assert task["labels"] == {"team": "a", "zone": "z"}
    assert task["version"] == 2


def test_a_put_replaces_everything(api: Api) -> None:
    task_id = api.submit(labels={"team": "a"}, priority=9)

    response = api.request("PUT", f"/tasks/{task_id}", json={"task_name": "other", "duration": 7})

    assert response.status_code == 200
    task = api.task(task_id)
    assert (task["task_name"], task["duration"], task["priority"], task["labels"]) == (
        "other",
        7,
        5,
        {},
    )


def test_a_waiting_task_can_be_cancelled_once(api: Api) -> None:
    task_id = api.submit()

    first, second = (api.request("POST", f"/tasks/{task_id}/cancel") for _ in range(2))

    assert (first.status_code, first.json()["status"]) == (200, "CANCELLED")
    assert first.json()["error"]["code"] == "cancelled"
    assert first.json()["finished_at"].endswith("Z")
    assert (second.status_code, second.json()["code"]) == (409, "task_final")
    refused = api.request("PATCH", f"/tasks/{task_id}", json={"duration": 2})
    assert (refused.status_code, refused.json()["code"]) == (409, "task_not_waiting")
    assert api.request("PATCH", f"/tasks/{task_id}", json={"task_name": "late"}).status_code == 200


def test_a_deleted_task_is_gone(api: Api) -> None:
    task_id = api.submit()

    assert api.request("DELETE", f"/tasks/{task_id}").status_code == 204
    assert api.request("GET", f"/tasks/{task_id}").status_code == 404
    assert api.request("DELETE", f"/tasks/{task_id}").json()["code"] == "task_not_found"


def test_the_documentation_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.request("GET", "/docs")

    assert page.url.endswith("/docs")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    for source in sources:
        asset = api.request("GET", source)
        assert source.startswith("/")
        assert asset.status_code == 200
        assert asset.headers["X-Content-Type-Options"] == "nosniff"
    assert page.text.count("<script>") == policy.count("'sha256-")
    assert not re.search(r"<style|\son[a-z]+=", page.text)


def test_every_kind_of_problem_is_explained_at_its_type(api: Api) -> None:
    problem = api.request("GET", "/tasks/nonsense").json()

    page = api.request("GET", problem["type"])

    assert page.status_code == 200
    assert problem["code"] in page.text
    assert problem["title"] in page.text
    assert api.request("GET", "/problems/nonsense").json()["code"] == "route_not_found"


class TestWithoutRedis:
    CALLS = (
        ("POST", "/tasks", {"task_name": "test", "duration": 3}),
        ("GET", "/tasks", None),
        ("GET", "/tasks/018f0000-0000-7000-8000-000000000000", None),
        ("PATCH", "/tasks/018f0000-0000-7000-8000-000000000000", {"task_name": "new"}),
        ("PUT", "/tasks/018f0000-0000-7000-8000-000000000000", {"task_name": "new", "duration": 1}),
        ("DELETE", "/tasks/018f0000-0000-7000-8000-000000000000", None),
        ("POST", "/tasks/018f0000-0000-7000-8000-000000000000/cancel", None),
        ("POST", "/tasks/018f0000-0000-7000-8000-000000000000/retry", None),
        ("GET", "/tasks/018f0000-0000-7000-8000-000000000000/logs", None),
        ("GET", "/tasks/018f0000-0000-7000-8000-000000000000?wait=5", None),
        ("GET", "/tasks/018f0000-0000-7000-8000-000000000000/events", None),
        ("GET", "/events", None),
        ("POST", "/tasks/batch", {"tasks": [{"task_name": "test", "duration": 3}]}),
        ("POST", "/tasks/actions", {"action": "cancel", "filter": {}}),
        ("GET", "/tasks?status=QUEUED&queue=default&q=test", None),
        ("GET", "/queues", None),
        ("POST", "/queues/default/pause", None),
        ("GET", "/workers", None),
        ("GET", "/stats", None),
        ("GET", "/readyz", None),
    )

    @pytest.fixture
    def redis_server(self, tmp_path: Path) -> EmbeddedRedis:
        return EmbeddedRedis(tmp_path / "data")

    def test_every_call_fails_while_redis_is_away_and_works_afterwards(
        self, redis_server: EmbeddedRedis, tmp_path: Path
    ) -> None:
        first = redis_server.start()
        with Api(tmp_path / "api.log", redis_url=redis_server.url, http_workers=1) as api:
            task_id = wait_until(lambda: self._submitted(api))
            first.terminate()
            first.wait()

            for method, path, body in self.CALLS:
                self._assert_unavailable(api.request(method, path, json=body))
            assert api.request("GET", "/livez").status_code == 200

            second = redis_server.start()
            try:
                wait_until(lambda: api.request("GET", "/readyz").status_code == 200)
                assert api.task(task_id)["status"] == "QUEUED"
                assert "Traceback" not in api.output
                assert api.stop() == 0
            finally:
                second.kill()
                second.wait()

    def test_a_redis_that_hangs_holds_up_only_the_first_call(
        self, redis_server: EmbeddedRedis, tmp_path: Path
    ) -> None:
        process = redis_server.start()
        with Api(tmp_path / "api.log", redis_url=redis_server.url, http_workers=1) as api:
            wait_until(lambda: self._submitted(api))
            process.send_signal(subprocess.signal.SIGSTOP)
            try:
                first, *others = [api.request("GET", "/tasks") for _ in range(20)]
                for response in (first, *others):
                    self._assert_unavailable(response)
                assert (
                    statistics.median(response.elapsed for response in others) < first.elapsed / 2
                )
            finally:
                process.send_signal(subprocess.signal.SIGCONT)
            wait_until(lambda: api.request("GET", "/tasks").status_code == 200)
            process.kill()
            process.wait()

    @staticmethod
    def _submitted(api: Api) -> str | None:
        response = api.request("POST", "/tasks", json={"task_name": "test", "duration": 3})
        return response.json().get("task_id")

    @staticmethod
    def _assert_unavailable(response) -> None:
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "store_unavailable"
        assert "127.0.0.1" not in response.json()["detail"]
