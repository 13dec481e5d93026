"""The other rows of the contract's tables, against a running server. No worker runs, so tasks wait."""

import base64
import re
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import redis
import requests

from tests.integration.processes import Api

BAD_CURSORS = [
    "",
    "x",
    "YQ==",
    base64.urlsafe_b64encode(b"oldest x y").decode(),
    base64.urlsafe_b64encode(b"a 1 b").decode(),
]


def names(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [task["task_name"] for task in response.json()["tasks"]]


def links(response: requests.Response) -> dict[str, str]:
    return {name: url for url, name in re.findall(r'<([^>]+)>; rel="([a-z]+)"', response.headers["Link"])}


class TestLists:
    def test_each_filter_and_combinations_of_them(self, api: Api) -> None:
        api.submit(task_name="one", labels={"team": "a", "env": "dev"}, queue="fast")
        cancelled = api.submit(task_name="two", labels={"team": "a"})
        api.request("POST", f"/tasks/{cancelled}/cancel")
        api.submit(task_name="three", run_at="2999-01-01T00:00:00Z")
        api.submit(task_name="One More", queue="fast")

        def found(query: str) -> list[str]:
            return names(api.request("GET", f"/tasks?{query}"))

        assert found("") == ["one", "two", "three", "One More"]
        assert found("status=CANCELLED") == ["two"]
        assert found("status=SCHEDULED,CANCELLED") == ["two", "three"]
        assert found("type=sleep") == ["one", "two", "three", "One More"]
        assert found("type=dance") == []
        assert found("queue=fast") == ["one", "One More"]
        assert found("label.team=a") == ["one", "two"]
        assert found("label.team=a&label.env=dev") == ["one"]
        assert found("label.team=a&status=QUEUED") == ["one"]
        assert found("label=team:a") == ["one", "two"]
        assert found("label=team:a&label=env:dev") == found("label=team:a&label.env=dev") == ["one"]
        assert found("label=team:a:b") == []
        assert found("status=SCHEDULED&status=CANCELLED") == ["two", "three"]
        assert found("task_name=one") == ["one"]
        assert found("q=ONE") == ["one", "One More"]
        assert found("q=one&label.team=a") == ["one"]
        assert found("q=was%20cancelled") == ["two"]
        assert found("sort=-submitted_at") == ["One More", "three", "two", "one"]
        assert found("sort=-submitted_at&page_size=1&page=2") == ["three"]
        hour = timedelta(hours=1)
        now = datetime.now(UTC)
        assert found(f"submitted_after={rfc(now - hour)}&submitted_before={rfc(now + hour)}&queue=fast") == [
            "one",
            "One More",
        ]
        assert found(f"submitted_after={rfc(now + hour)}") == []

    def test_totals_are_exact_for_one_filter_and_for_what_was_read_to_its_end(self, api: Api) -> None:
        for first in range(0, 600, 300):
            bodies = [
                {"task_name": "a", "duration": 1, "labels": {"team": "a", "odd": str(number % 2)}}
                for number in range(first, first + 300)
            ]
            api.request("POST", "/tasks/batch", json={"tasks": bodies})

        one = api.request("GET", "/tasks?label.odd=0&page_size=100").json()["pagination"]
        both = api.request("GET", "/tasks?label.team=a&queue=default&page_size=100").json()["pagination"]
        small = api.request("GET", "/tasks?label.team=a&label.odd=1&page_size=100").json()["pagination"]
        last = api.request("GET", "/tasks?label.team=a&queue=default&page_size=100&page=6").json()["pagination"]

        assert (one["total_tasks"], one["total_pages"]) == (300, 3)
        assert "total_tasks" not in both
        assert both["next_cursor"]
        assert (small["total_tasks"], small["total_pages"]) == (300, 3)
        assert (last["total_tasks"], last["total_pages"]) == (600, 6)
        assert "next_cursor" not in last

    @pytest.mark.parametrize("query", ["", "label.a=b&", "label.a=b&queue=default&", "q=number&"])
    @pytest.mark.parametrize("sort", ["submitted_at", "-submitted_at"])
    def test_cursors_lead_through_every_task_once(self, api: Api, query: str, sort: str) -> None:
        submitted = [f"number {number}" for number in range(7)]
        for name in submitted:
            api.submit(task_name=name, labels={"a": "b"})
        response = api.request("GET", f"/tasks?{query}page_size=3&sort={sort}")
        seen = names(response)
        while cursor := response.json()["pagination"].get("next_cursor"):
            response = api.request("GET", f"/tasks?{query}page_size=3&sort={sort}&cursor={cursor}")
            assert "current_page" not in response.json()["pagination"]
            seen += names(response)

        assert seen == (submitted if sort == "submitted_at" else submitted[::-1])

    def test_links_lead_to_the_other_pages_with_the_same_filters(self, api: Api) -> None:
        for _ in range(5):
            api.submit(labels={"a": "b&c"})

        middle = links(api.request("GET", "/tasks?label.a=b%26c&page_size=2&page=2"))

        assert middle.keys() == {"first", "prev", "next", "last"}
        assert len(names(api.request("GET", middle["next"]))) == 1
        assert len(names(api.request("GET", middle["first"]))) == 2
        assert middle["next"] == middle["last"]
        assert links(api.request("GET", middle["last"])).keys() == {"first", "prev", "last"}
        assert links(api.request("GET", "/tasks?page_size=9")).keys() == {"first", "last"}
        combined = api.request("GET", "/tasks?label.a=b%26c&queue=default&page_size=2")
        assert links(combined).keys() == {"first", "next", "last"}
        by_cursor = api.request(
            "GET",
            f"/tasks?page_size=2&cursor={combined.json()['pagination']['next_cursor']}&label.a=b%26c",
        )
        assert links(by_cursor).keys() == {"first", "next"}
        twice = links(api.request("GET", "/tasks?label=a:b%26c&label=x:y&page_size=2"))
        assert twice["first"] == "/tasks?label=a%3Ab%26c&label=x%3Ay&page_size=2"
        assert len(names(api.request("GET", links(by_cursor)["next"]))) == 1

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("status=DONE", "status"),
            ("status=QUEUED,", "status"),
            ("status=", "status"),
            ("queue=A", "queue"),
            ("sort=task_name", "sort"),
            ("submitted_after=yesterday", "submitted_after"),
            ("label.UPPER=x", "labels.UPPER"),
            ("labels=x", "labels"),
            ("label=red", "label"),
            ("label=UPPER:x", "labels.UPPER"),
            ("label=a:1&label=a:2", "label.a"),
            ("label=a:1&label.a=1", "label.a"),
            ("status=QUEUED&status=DONE", "status"),
            ("q=", "q"),
            ("task_name=", "task_name"),
            ("page=1&page=2", "page"),
            ("page=1&cursor=b2xkZXN0IDEgMDE4ZjAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAw", "page"),
            *((f"cursor={cursor}", "cursor") for cursor in BAD_CURSORS),
        ],
    )
    def test_a_wrong_parameter_is_named(self, api: Api, query: str, parameter: str) -> None:
        response = api.request("GET", f"/tasks?{query}")

        assert response.status_code == 422
        assert [error["parameter"] for error in response.json()["errors"]] == [parameter]

    def test_a_cursor_of_the_other_direction_is_refused(self, api: Api) -> None:
        api.submit(), api.submit()
        cursor = api.request("GET", "/tasks?page_size=1").json()["pagination"]["next_cursor"]

        assert api.request("GET", f"/tasks?cursor={cursor}&sort=-submitted_at").status_code == 422


def accepted(response: requests.Response) -> dict[str, Any]:
    """Return the accepted task without its warnings, which may change between requests."""
    return {name: value for name, value in response.json().items() if name != "warnings"}


class TestBatches:
    def test_all_tasks_are_accepted_in_their_order(self, api: Api) -> None:
        bodies = [{"task_name": f"number {number}", "duration": 1, "priority": number % 10} for number in range(1000)]

        response = api.request("POST", "/tasks/batch", json={"tasks": bodies})

        assert response.status_code == 202
        accepted = [task["task_id"] for task in response.json()["tasks"]]
        assert [task["task_name"] for task in response.json()["tasks"]] == [body["task_name"] for body in bodies]
        listed = api.request("GET", "/tasks?page_size=100&page=10").json()
        assert [task["task_id"] for task in listed["tasks"]] == accepted[900:]
        assert listed["pagination"]["total_tasks"] == 1000

    def test_one_wrong_task_refuses_all_and_is_named(self, api: Api, client: redis.Redis) -> None:
        good = {"task_name": "good", "duration": 1}

        response = api.request(
            "POST", "/tasks/batch", json={"tasks": [good, {**good, "duration": 0}, {**good, "x": 1}]}
        )
        unknown = api.request("POST", "/tasks/batch", json={"tasks": [good, {**good, "type": "dance"}]})

        assert response.status_code == 422
        assert {error["pointer"] for error in response.json()["errors"]} == {"/tasks/1/duration", "/tasks/2/x"}
        assert [error["pointer"] for error in unknown.json()["errors"]] == ["/tasks/1/type"]
        assert client.dbsize() == 0

    @pytest.mark.parametrize("number", [0, 1001])
    def test_a_batch_holds_1_to_1000(self, api: Api, number: int) -> None:
        response = api.request("POST", "/tasks/batch", json={"tasks": [{"task_name": "a", "duration": 1}] * number})

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/tasks"


class TestActions:
    def test_an_action_changes_all_matching_tasks_whose_status_allows_it(self, api: Api) -> None:
        ids = [api.submit(labels={"team": "a"}) for _ in range(5)] + [api.submit()]
        api.request("POST", f"/tasks/{ids[0]}/cancel")

        def act(**body: Any) -> dict[str, int]:
            response = api.request("POST", "/tasks/actions", json=body)
            assert response.status_code == 200, response.text
            counts: dict[str, int] = response.json()
            return counts

        team = {"labels": {"team": "a"}}
        assert act(action="cancel", filter=team, dry_run=True) == {
            "matched": 5,
            "done": 0,
            "would_be_done": 4,
            "remaining": 0,
        }
        assert act(action="cancel", filter=team) == {"matched": 5, "done": 4, "remaining": 0}
        assert act(action="cancel", filter=team) == {"matched": 5, "done": 0, "remaining": 0}
        assert act(action="retry", ids=[*ids[:2], ids[0], "nonsense"]) == {"matched": 2, "done": 2, "remaining": 0}
        assert act(action="delete", filter={"status": ["CANCELLED"]}) == {"matched": 3, "done": 3, "remaining": 0}
        states = Counter(task["status"] for task in api.request("GET", "/tasks").json()["tasks"])
        assert states == {"QUEUED": 3}

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"action": "cancel"}, ""),
            ({"action": "cancel", "ids": ["a"], "filter": {}}, ""),
            ({"action": "dance", "ids": ["a"]}, "/action"),
            ({"ids": ["a"]}, "/action"),
            ({"action": "cancel", "ids": []}, "/ids"),
            ({"action": "cancel", "ids": [3]}, "/ids/0"),
            ({"action": "cancel", "ids": ["a", " "]}, "/ids/1"),
            ({"action": "cancel", "filter": {"status": "QUEUED"}}, "/filter/status"),
            ({"action": "cancel", "filter": {"status": ["DONE"]}}, "/filter/status/0"),
            ({"action": "cancel", "filter": {"color": "red"}}, "/filter/color"),
            ({"action": "cancel", "ids": ["a"], "dry_run": "yes"}, "/dry_run"),
            ({"action": "cancel", "ids": ["a"], "dry_run": 1}, "/dry_run"),
        ],
    )
    def test_a_wrong_member_of_an_action_is_named(self, api: Api, body: dict[str, Any], pointer: str) -> None:
        response = api.request("POST", "/tasks/actions", json=body)

        assert response.status_code == 422
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


class TestConditionalRequests:
    def test_an_unchanged_task_is_a_304(self, api: Api) -> None:
        first, second = api.submit(), api.submit()
        tag = api.request("GET", f"/tasks/{second}").headers["ETag"]

        unchanged = api.request("GET", f"/tasks/{second}", headers={"If-None-Match": f'"other", {tag}'})
        api.request("DELETE", f"/tasks/{first}")
        moved_up = api.request("GET", f"/tasks/{second}", headers={"If-None-Match": tag})

        assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", tag)
        assert (moved_up.status_code, moved_up.json()["queue_position"]) == (200, 1)

    def test_a_change_of_a_stale_version_is_refused(self, api: Api) -> None:
        task_id = api.submit()
        tag = api.request("GET", f"/tasks/{task_id}").headers["ETag"]
        changed = api.request("PATCH", f"/tasks/{task_id}", json={"priority": 9}, headers={"If-Match": tag})

        stale = api.request("PATCH", f"/tasks/{task_id}", json={"priority": 1}, headers={"If-Match": tag})

        assert changed.status_code == 200
        assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
        assert api.task(task_id)["priority"] == 9


class TestIdempotentSubmits:
    BODY: ClassVar = {"task_name": "order", "duration": 1, "retry": {"initial_delay": 1}}

    def test_a_repeated_request_gets_the_same_response_and_is_done_once(self, api: Api) -> None:
        first = self.post(api, "k1")
        api.request("POST", f"/tasks/{first.json()['task_id']}/cancel")
        moved_on = self.post(api, '"k1"', data=b'{"retry": {"initial_delay": 1.0}, "duration":1,  "task_name":"order"}')
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
            api.request("POST", "/tasks/batch", json=body, headers={"Idempotency-Key": "b1"}) for _ in range(2)
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

    @pytest.mark.parametrize("key", ["", '"', '"a', '"a"b"', "x" * 256, '""', "é", "key\xa0", "\x85key"])
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

        assert (queue["name"], queue["depth"], queue["workers"], queue["paused"]) == ("lonely", 1, 0, False)
        assert queue["oldest_waiting_seconds"] >= 0
        assert api.request("GET", "/workers").json() == {"workers": []}

    def test_a_task_that_never_ran_has_an_empty_log(self, api: Api) -> None:
        assert api.request("GET", f"/tasks/{api.submit()}/logs").json() == {"lines": []}
        assert api.request("GET", "/tasks/nonsense/logs").json()["code"] == "task_not_found"


class TestMethodsAndMediaTypes:
    @pytest.mark.parametrize(
        "path", ["/tasks", "/queues", "/workers", "/types", "/stats", "/livez", "/readyz", "/openapi.json"]
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

    @pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, */*;q=0.1", "application/json"])
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
            "POST", "/tasks", data=body, headers={"Content-Type": f"application/json; charset={charset}"}
        )

        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def rfc(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
