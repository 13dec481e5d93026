"""The other rows of the contract, against a running server. No worker runs, so tasks wait."""

import threading
from typing import Any, ClassVar

import pytest
import redis
import requests

from tests.integration.processes import Api


def accepted(response: requests.Response) -> dict[str, Any]:
    """Return the accepted task without its warnings, which may change between requests."""
    return {name: value for name, value in response.json().items() if name != "warnings"}


class TestConditionalRequests:
    def test_an_unchanged_task_is_a_304(self, api: Api) -> None:
        first, second = api.submit(), api.submit()
        tag = api.request("GET", f"/tasks/{second}").headers["ETag"]

        unchanged = api.request(
            "GET", f"/tasks/{second}", headers={"If-None-Match": f'"other", {tag}'}
        )
        api.request("DELETE", f"/tasks/{first}")
        moved_up = api.request("GET", f"/tasks/{second}", headers={"If-None-Match": tag})

        assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (
            304,
            b"",
            tag,
        )
        assert (moved_up.status_code, moved_up.json()["queue_position"]) == (200, 1)

    def test_a_change_of_a_stale_version_is_refused(self, api: Api) -> None:
        task_id = api.submit()
        tag = api.request("GET", f"/tasks/{task_id}").headers["ETag"]
        changed = api.request(
            "PATCH", f"/tasks/{task_id}", json={"priority": 9}, headers={"If-Match": tag}
        )

        stale = api.request(
            "PATCH", f"/tasks/{task_id}", json={"priority": 1}, headers={"If-Match": tag}
        )

        assert changed.status_code == 200
        assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
        assert api.task(task_id)["priority"] == 9


class TestIdempotentSubmits:
    BODY: ClassVar = {"task_name": "order", "duration": 1, "retry": {"initial_delay": 1}}

    def test_a_repeated_request_gets_the_same_response_and_is_done_once(self, api: Api) -> None:
        first = self.post(api, "k1")
        api.request("POST", f"/tasks/{first.json()['task_id']}/cancel")
        moved_on = self.post(
            api,
            '"k1"',
            data=b'{"retry": {"initial_delay": 1.0}, "duration":1,  "task_name":"order"}',
        )
        api.request("DELETE", f"/tasks/{first.json()['task_id']}")
        deleted = self.post(api, "k1")

        for again in (moved_on, deleted):
            assert (again.status_code, accepted(again)) == (202, accepted(first))
            assert again.headers["Location"] == first.headers["Location"]
            assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert api.request("GET", "/tasks").json()["tasks"] == []

    def test_another_body_is_refused_and_another_key_is_another_request(self, api: Api) -> None:
        first = self.post(api, "k1")

        reused = self.post(api, "k1", json={**self.BODY, "duration": 2})
        other = self.post(api, "k2")

        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
        assert other.json()["task_id"] != first.json()["task_id"]
        assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 2

    def test_a_batch_is_replayed_as_a_whole(self, api: Api) -> None:
        body = {"tasks": [self.BODY, self.BODY]}
        first, again = (
            api.request("POST", "/tasks/batch", json=body, headers={"Idempotency-Key": "b1"})
            for _ in range(2)
        )

        assert accepted(again) == accepted(first)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 2

    def test_fifty_at_once_make_one_task(self, api: Api) -> None:
        """F-22."""
        barrier, responses = threading.Barrier(50), []

        def race() -> None:
            barrier.wait()
            responses.append(self.post(api, "race"))

        threads = [threading.Thread(target=race) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {response.status_code for response in responses} == {202}
        assert len({response.json()["task_id"] for response in responses}) == 1
        assert sum("Idempotent-Replayed" in response.headers for response in responses) == 49
        assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 1
        assert self.post(api, "race", json={**self.BODY, "duration": 9}).status_code == 422

    @pytest.mark.parametrize(
        "key", ["", '"', '"a', '"a"b"', "x" * 256, '""', "é", "key\xa0", "\x85key"]
    )
    def test_a_malformed_key_is_refused(self, api: Api, client: redis.Redis, key: str) -> None:
        response = self.post(api, key.encode("latin-1"))

        assert (response.status_code, response.json()["code"]) == (400, "malformed_request")
        assert client.dbsize() == 0

    def post(self, api: Api, key: str | bytes, **options: Any) -> requests.Response:
        options = options or {"json": self.BODY}
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        return api.request("POST", "/tasks", headers=headers, **options)


class TestRetriesAndDeletes:
    def test_a_cancelled_task_is_tried_again_as_if_it_had_never_run(self, api: Api) -> None:
        task_id = api.submit(expires_at="2999-01-01T00:00:00Z", labels={"a": "b"})
        refused = api.request("POST", f"/tasks/{task_id}/retry")
        api.request("POST", f"/tasks/{task_id}/cancel")

        response = api.request("POST", f"/tasks/{task_id}/retry")

        assert (refused.status_code, refused.json()["code"]) == (409, "task_not_retryable")
        assert (response.status_code, response.headers["Location"]) == (202, f"/tasks/{task_id}")
        task = api.task(task_id)
        assert (task["status"], task["attempt"], task["labels"]) == ("QUEUED", 0, {"a": "b"})
        assert not task.keys() & {"error", "finished_at", "started_at", "result"}
        assert api.request("POST", "/tasks/nonsense/retry").status_code == 404

    @pytest.mark.parametrize("value", ["", "1", "yes", "TRUE"])
    def test_a_delete_with_a_wrong_parameter_deletes_nothing(self, api: Api, value: str) -> None:
        task_id = api.submit()

        response = api.request("DELETE", f"/tasks/{task_id}?cancel={value}")

        assert response.status_code == 422
        assert api.task(task_id)["status"] == "QUEUED"

    @pytest.mark.parametrize("query", ["", "?cancel=true", "?cancel=false"])
    def test_a_waiting_task_is_gone_at_once(self, api: Api, query: str) -> None:
        task_id = api.submit()

        assert api.request("DELETE", f"/tasks/{task_id}{query}").status_code == 204
        assert api.request("GET", f"/tasks/{task_id}").status_code == 404


class TestTheServiceItself:
    def test_stats_count_every_task(self, api: Api) -> None:
        api.submit(), api.submit(queue="other")
        api.request("POST", f"/tasks/{api.submit()}/cancel")

        stats = api.request("GET", "/stats").json()

        assert stats["total"] == 3
        assert (stats["by_status"]["QUEUED"], stats["by_status"]["CANCELLED"]) == (2, 1)
        assert stats["by_queue"] == {"default": 2, "other": 1}
        assert stats["by_type"] == {"sleep": 3}
        assert len(stats["last_hour"]) == 60
        assert sum(minute["submitted"] for minute in stats["last_hour"]) == 3

    def test_types_are_described(self, api: Api) -> None:
        http, sleep = api.request("GET", "/types").json()["types"]

        assert (http["type"], sleep["type"]) == ("http", "sleep")
        assert http["payload_schema"]["required"] == ["url"]
        assert "duration" in sleep["description"]
        assert sleep["payload_schema"]["type"] == "object"

    def test_a_queue_that_nobody_serves_shows_no_workers(self, api: Api) -> None:
        api.submit(queue="lonely")

        [queue] = api.request("GET", "/queues").json()["queues"]

        assert (queue["name"], queue["depth"], queue["workers"], queue["paused"]) == (
            "lonely",
            1,
            0,
            False,
        )
        assert queue["oldest_waiting_seconds"] >= 0
        assert api.request("GET", "/workers").json() == {"workers": []}

    def test_a_task_that_never_ran_has_an_empty_log(self, api: Api) -> None:
        assert api.request("GET", f"/tasks/{api.submit()}/logs").json() == {"lines": []}
        assert api.request("GET", "/tasks/nonsense/logs").json()["code"] == "task_not_found"


class TestMethodsAndMediaTypes:
    @pytest.mark.parametrize(
        "path",
        [
            *("/tasks", "/queues", "/workers", "/types", "/stats", "/livez", "/readyz"),
            *("/openapi.json", "/docs", "/docs/swagger-ui.css"),
        ],
    )
    def test_head_and_options_work(self, api: Api, path: str) -> None:
        get, head, options = (api.request(method, path) for method in ("GET", "HEAD", "OPTIONS"))

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
        assert options.status_code == 200
        assert {"GET", "HEAD", "OPTIONS"} <= set(options.headers["Allow"].split(", "))

    def test_a_trailing_slash_is_not_needed_and_does_no_harm(self, api: Api) -> None:
        task_id = api.submit()

        assert api.request("GET", "/tasks/").json() == api.request("GET", "/tasks").json()
        assert api.request("GET", f"/tasks/{task_id}/").status_code == 200

    @pytest.mark.parametrize("accept", ["text/html", "image/png, text/*", "application/xml"])
    def test_a_request_that_accepts_no_json_is_refused(self, api: Api, accept: str) -> None:
        response = api.request("GET", "/tasks", headers={"Accept": accept})

        assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")

    @pytest.mark.parametrize(
        "accept", ["*/*", "application/*", "text/html, */*;q=0.1", "application/json"]
    )
    def test_a_request_that_accepts_json_is_served(self, api: Api, accept: str) -> None:
        assert api.request("GET", "/tasks", headers={"Accept": accept}).status_code == 200

    @pytest.mark.parametrize("path", ["/stats", "/queues", "/livez", "/types"])
    def test_an_unknown_parameter_is_refused(self, api: Api, path: str) -> None:
        response = api.request("GET", f"{path}?color=red")

        assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "color")

    @pytest.mark.parametrize("charset", ["utf-16", "latin-1", "nonsense"])
    def test_another_charset_is_refused(self, api: Api, charset: str) -> None:
        body = '{"task_name": "ü", "duration": 1}'.encode()

        response = api.request(
            "POST",
            "/tasks",
            data=body,
            headers={"Content-Type": f"application/json; charset={charset}"},
        )

        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
