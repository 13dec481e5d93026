"""Lists, filters and pages, against a running server. No worker runs, so tasks wait."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
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
    return {
        name: url
        for url, name in re.findall(r'<([^>]+)>; rel="([a-z]+)"', response.headers["Link"])
    }


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
        assert found(
            f"submitted_after={rfc(now - hour)}&submitted_before={rfc(now + hour)}&queue=fast"
        ) == [
            "one",
            "One More",
        ]
        assert found(f"submitted_after={rfc(now + hour)}") == []

    def test_totals_are_exact_for_one_filter_and_for_what_was_read_to_its_end(
        self, api: Api
    ) -> None:
        for first in range(0, 600, 300):
            bodies = [
                {"task_name": "a", "duration": 1, "labels": {"team": "a", "odd": str(number % 2)}}
                for number in range(first, first + 300)
            ]
            api.request("POST", "/tasks/batch", json={"tasks": bodies})

        one = api.request("GET", "/tasks?label.odd=0&page_size=100").json()["pagination"]
        both = api.request("GET", "/tasks?label.team=a&queue=default&page_size=100").json()[
            "pagination"
        ]
        small = api.request("GET", "/tasks?label.team=a&label.odd=1&page_size=100").json()[
            "pagination"
        ]
        last = api.request("GET", "/tasks?label.team=a&queue=default&page_size=100&page=6").json()[
            "pagination"
        ]

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


def rfc(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
