"""Batches and actions, against a running server. No worker runs, so tasks wait."""

from collections import Counter
from typing import Any

import pytest
import redis

from tests.integration.processes import Api


class TestBatches:
    def test_all_tasks_are_accepted_in_their_order(self, api: Api) -> None:
        bodies = [
            {"task_name": f"number {number}", "duration": 1, "priority": number % 10}
            for number in range(1000)
        ]

        response = api.request("POST", "/tasks/batch", json={"tasks": bodies})

        assert response.status_code == 202
        accepted = [task["task_id"] for task in response.json()["tasks"]]
        assert [task["task_name"] for task in response.json()["tasks"]] == [
            body["task_name"] for body in bodies
        ]
        listed = api.request("GET", "/tasks?page_size=100&page=10").json()
        assert [task["task_id"] for task in listed["tasks"]] == accepted[900:]
        assert listed["pagination"]["total_tasks"] == 1000

    def test_one_wrong_task_refuses_all_and_is_named(self, api: Api, client: redis.Redis) -> None:
        good = {"task_name": "good", "duration": 1}

        response = api.request(
            "POST",
            "/tasks/batch",
            json={"tasks": [good, {**good, "duration": 0}, {**good, "x": 1}]},
        )
        unknown = api.request(
            "POST", "/tasks/batch", json={"tasks": [good, {**good, "type": "dance"}]}
        )

        assert response.status_code == 422
        assert {error["pointer"] for error in response.json()["errors"]} == {
            "/tasks/1/duration",
            "/tasks/2/x",
        }
        assert [error["pointer"] for error in unknown.json()["errors"]] == ["/tasks/1/type"]
        assert client.dbsize() == 0

    @pytest.mark.parametrize("number", [0, 1001])
    def test_a_batch_holds_1_to_1000(self, api: Api, number: int) -> None:
        response = api.request(
            "POST", "/tasks/batch", json={"tasks": [{"task_name": "a", "duration": 1}] * number}
        )

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
        assert act(action="retry", ids=[*ids[:2], ids[0], "nonsense"]) == {
            "matched": 2,
            "done": 2,
            "remaining": 0,
        }
        assert act(action="delete", filter={"status": ["CANCELLED"]}) == {
            "matched": 3,
            "done": 3,
            "remaining": 0,
        }
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
    def test_a_wrong_member_of_an_action_is_named(
        self, api: Api, body: dict[str, Any], pointer: str
    ) -> None:
        response = api.request("POST", "/tasks/actions", json=body)

        assert response.status_code == 422
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
