"""GET /tasks/counts: the number of tasks by status, for a filter, over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis

from adapters.redis import keys
from domain.status import Status
from tests.integration.processes import Api
from tests.integration.test_redis_task_counts import fill


def counts(api: Api, query: str = "") -> dict[str, Any]:
    response = api.request("GET", f"/tasks/counts{query}")
    assert response.status_code == 200, response.text
    return response.json()


def test_each_status_is_counted_for_a_filter(api: Api) -> None:
    for number in range(3):
        task_id = api.submit(queue="other", labels={"team": "a", "number": f"{number}"})
    api.request("POST", f"/tasks/{task_id}/cancel")
    api.submit()

    every = counts(api)

    assert every == {
        "by_status": {**dict.fromkeys(Status, 0), "QUEUED": 3, "CANCELLED": 1},
        "exact": True,
    }
    for query in ("?queue=other", "?label=team:a", "?label.team=a&queue=other&type=sleep"):
        told = counts(api, query)
        assert told["exact"]
        assert told["by_status"] == {**dict.fromkeys(Status, 0), "QUEUED": 2, "CANCELLED": 1}
        for status, number in told["by_status"].items():
            page = api.request("GET", f"/tasks{query}&status={status}").json()["pagination"]
            assert page["total_tasks"] == number
    assert counts(api, "?submitted_after=2020-01-01T00:00:00Z&queue=other")["exact"]
    assert counts(api, "?q=test") == {"by_status": {}, "exact": False}
    for query in ("?status=QUEUED", "?page=1", "?queue=NO", "?x=1"):
        response = api.request("GET", f"/tasks/counts{query}")
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_sixteen_clients_count_among_many_tasks_while_others_have_their_turn(
    api: Api, client: redis.Redis
) -> None:
    queue, label = keys.queue_index("default"), keys.label_index("a", "b")
    for first in range(0, 200_000, 10_000):
        fill(client, 10_000, queue, label, keys.status_index(Status.COMPLETED), first=first)
    fill(client, 5_000, queue, label, keys.status_index(Status.FAILED), first=200_000)
    paths = ["?queue=default", "?queue=default&label=a:b", "?label=a:b"]

    with ThreadPoolExecutor(16) as pool:
        reads = [pool.submit(counts, api, paths[number % 3]) for number in range(48)]
        for _ in range(10):
            assert api.request("GET", "/readyz").status_code in {200, 503}
        for number, read in enumerate(reads):
            told = read.result()
            assert told["by_status"]["FAILED"] == 5_000
            assert told["exact"] == (number % 3 != 1)
